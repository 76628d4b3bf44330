"""`firstbell document`: what is on file at a school, filing a version, approving it.

The bytes stay where they are: a command reads the file to compute its digest, and only the digest goes on its way.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.document import ApproveDocument, FileDocument
from schemas.fact import Picture
from schemas.gate import Document, SchoolPolicy
from schemas.message import Command
from schemas.school import Actor, GateId, Role
from services.console.commands import screen
from services.console.commands.acting import (
    AsOption,
    IdOption,
    JsonOption,
    Person,
    ProgramOption,
    SchoolArgument,
    StandInOption,
    anybody,
    carry,
)
from services.console.commands.school import announce
from services.console.commands.session import CODES, Session, one_rollout, serve, sight_of
from services.console.views import Answer, PictureRow, SchoolLine
from services.kit.terminal import MEND, fail

app = typer.Typer(no_args_is_help=True, help="File and approve the documents that gates ask for.", epilog=CODES)

KindArgument = Annotated[str, typer.Argument(metavar="KIND", help="The kind of document, as `document list` names it.")]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="The document; its digest is computed here.")
]
DigestOption = Annotated[str | None, typer.Option(help="Instead of --file: the digest of its bytes, sha256:...")]


class DocumentLine(Answer):
    """One kind of document that a gate of the school's policy asks for."""

    gate: GateId
    criterion_id: str
    document: str
    approvers: tuple[Role, ...]
    digest: str | None
    """Of the version on file. None: there is none."""
    author_role: Role | None
    filed_at: datetime | None
    approved_by: tuple[Role, ...]


class DocumentsAnswer(Answer):
    """A school's documents, asked for and on file."""

    line: SchoolLine
    documents: tuple[DocumentLine, ...]


@app.command(epilog=CODES)
def file(
    school: SchoolArgument,
    kind: KindArgument,
    path: FileOption = None,
    digest: DigestOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Puts a version on file, approved by nobody yet: `firstbell document file Lincoln rollout-plan --file plan.pdf`."""
    version = _digest(path, digest)

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return FileDocument(act_id=identity, actor=actor, document=kind, digest=version)

    carry(school, program, Person(who, stand_in), act_id, anybody, make, as_json)


@app.command(epilog=CODES)
def approve(
    school: SchoolArgument,
    kind: KindArgument,
    path: FileOption = None,
    digest: DigestOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approves the version that was read, by its bytes; its author may not, and another version on file is refused."""
    version = _digest(path, digest)

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return ApproveDocument(act_id=identity, actor=actor, document=kind, digest=version)

    def approvers(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
        del row
        return tuple(role for _, each in _asked_for(policy) if each.document == kind for role in each.approvers)

    carry(school, program, Person(who, stand_in), act_id, approvers, make, as_json)


@app.command("list", epilog=CODES)
def list_documents(school: SchoolArgument, program: ProgramOption = None, as_json: JsonOption = False) -> None:
    """Lists the documents that the school's policy asks for, and what is on file."""

    async def work(session: Session) -> DocumentsAnswer:
        line = await one_rollout(session, school, program)
        sight = await sight_of(session, line)
        asked = _asked_for(sight.policy)
        return DocumentsAnswer(line=line, documents=tuple(_line(gate, each, sight.picture) for gate, each in asked))

    answer = serve(work)
    if as_json:
        screen.write_json(answer)
        return
    announce([answer.line])
    rows = [
        (each.gate.value, each.document, ", ".join(role.value for role in each.approvers),
         screen.moment(each.filed_at), each.digest, ", ".join(role.value for role in each.approved_by) or None)
        for each in answer.documents
    ]  # fmt: skip
    screen.paper().print(screen.table(("gate", "document", "approvers", "filed", "version", "approved by"), rows))


def _line(gate: GateId, criterion: Document, picture: Picture) -> DocumentLine:
    filed = picture.documents.get(criterion.document)
    return DocumentLine(
        gate=gate, criterion_id=criterion.id, document=criterion.document, approvers=criterion.approvers,
        digest=filed.digest if filed else None, author_role=filed.author.role if filed else None,
        filed_at=filed.filed_at if filed else None,
        approved_by=tuple(each.actor.role for each in filed.approvals) if filed else (),
    )  # fmt: skip


def _asked_for(policy: SchoolPolicy | None) -> list[tuple[GateId, Document]]:
    gates = policy.gates.items() if policy else ()
    return [(gate_id, each) for gate_id, gate in gates for each in gate.criteria if isinstance(each, Document)]


def _digest(path: Path | None, digest: str | None) -> str:
    if (path is None) is (digest is None):
        fail(MEND, "which version: expected one of --file FILE and --digest sha256:...")
    if digest is not None:
        return digest
    assert path is not None
    try:
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        fail(MEND, f"--file {path}: expected a file that can be read, seen {error}")
