"""`firstbell program export`: a program's evidence as one pack of files."""

import zipfile
from pathlib import Path
from typing import Annotated

import typer

from schemas.calendar import Calendar
from schemas.fact import Fact, GateDecided
from schemas.gate import PolicyDocument
from services.console import library, views
from services.console.commands import screen
from services.console.commands.acting import JsonOption
from services.console.commands.session import CODES, Session, serve
from services.console.pack.cells import MINIMUM_DEFAULT
from services.console.pack.making import Files, Material, make_pack
from services.console.views import Answer
from services.kit.terminal import MEND, fail

app = typer.Typer()

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in a zip, so that the same facts give the same bytes: the earliest a zip can say."""


class Written(Answer):
    """What left."""

    file: str
    audience: str
    files_count: int
    decisions_count: int


@app.command(epilog=CODES)
def export(
    program: Annotated[str, typer.Argument(help="The program.")],
    out: Annotated[Path, typer.Option(help="A file ending in .zip, or a folder.")],
    audit: Annotated[
        bool, typer.Option("--audit", help="Keep ids and all numbers: for an auditor, not for publication.")
    ] = False,
    minimum: Annotated[
        int,
        typer.Option("--minimum-cell", min=2, help="People below whom numbers are hidden; your state may have a rule."),
    ] = MINIMUM_DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Writes a pack fit for a public-records request: no person, no pupil, decisions that can be decided again.

    The same facts give the same file, to the byte. Check it with `firstbell decision verify FILE`.

    For example:

      firstbell program export wa-2026 --out wa-2026.zip

      firstbell program export wa-2026 --audit --out for-the-auditor.zip
    """
    files = serve(lambda session: _make(session, program, audit, minimum))
    if out.suffix == ".zip":
        write_zip(out, files, private=audit)
    else:
        write_folder(out, files, private=audit)
    count = sum(path.startswith("decisions/") for path in files)
    audience = "audit" if audit else "public"
    if as_json:
        screen.write_json(Written(file=str(out), audience=audience, files_count=len(files), decisions_count=count))
        return
    typer.echo(f"{count} decisions in {out} ({audience}); check it with `firstbell decision verify {out}`")


async def _make(session: Session, program: str, audit: bool, minimum: int) -> Files:
    """Everything in one snapshot, so that the pack is of one instant."""
    connection = session.connection
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        lines = await views.school_lines(connection, program=program, stopped=True)
        if not lines:
            fail(MEND, f"program {program}: expected schools in it, seen none; see `firstbell school list --stopped`")
        lines = sorted(lines, key=lambda line: line.school_id)
        facts: list[Fact] = []
        for line in lines:
            facts += await library.facts_of(connection, program, line.school_id)
        material = Material(program, lines, facts, *await _documents(library.Shelf(connection), facts))
        actors = await connection.fetch("select distinct actor_id from actor")
    return make_pack(material, audit=audit, minimum=minimum, forbidden=[row["actor_id"] for row in actors])


async def _documents(shelf: library.Shelf, facts: list[Fact]) -> tuple[dict[str, PolicyDocument], dict[str, Calendar]]:
    policies: dict[str, PolicyDocument] = {}
    calendars: dict[str, Calendar] = {}
    for fact in facts:
        if isinstance(fact.body, GateDecided):
            decision = fact.body.decision
            if (policy := await shelf.policy(decision.policy_digest)) is not None:
                policies[decision.policy_digest] = policy
            if (calendar := await shelf.calendar(decision.calendar_digest)) is not None:
                calendars[decision.calendar_digest or ""] = calendar
    return policies, calendars


def write_zip(out: Path, files: Files, *, private: bool) -> None:
    """The files in one archive: sorted, uncompressed (compressors differ), with one time. `private`: for its owner alone."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    out.touch(mode=0o600 if private else 0o644)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, files[path])


def write_folder(out: Path, files: Files, *, private: bool) -> None:
    """The files in a folder, which must be empty or absent. `private`: for its owner alone."""
    if out.exists() and any(out.iterdir()):
        fail(MEND, f"--out {out}: expected a folder that is empty or absent, seen one with files; choose another")
    out.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o755)
    for path, content in sorted(files.items()):
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
