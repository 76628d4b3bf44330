"""Signs many plans at once in a rehearsal: every missing signature, by the roster's stand-ins.

Called by `firstbell gate sign-all`. It refuses a real program: there, each person signs.
"""

from uuid import uuid4

from temporalio.client import Client

from schemas.gate import SignOffs
from schemas.message import CommandReply, GiveSignOff
from schemas.school import Actor, GateId, Role, SchoolRecord
from services.console import door, library, migration, roster, views
from services.console.commands import screen
from services.console.commands.session import Session
from services.console.views import Answer, PictureRow, SchoolLine
from services.kit.outcome import TemporaryError
from services.kit.terminal import MEND, fail
from workflows.policy.people import signed

TOLD_EVERY = 200
"""Signatures between two lines of progress. Our judgement, 2026-11-25."""

Signature = tuple[SchoolLine, Actor, str]


class SignedAnswer(Answer):
    """What became of the signatures."""

    notice: str | None
    program_id: str
    schools: int
    accepted: int
    refused: tuple[CommandReply, ...]
    unanswered: int = 0
    """Signatures whose workflow did not answer in time: they may have arrived, and the command may be repeated."""


async def sign_all(session: Session, program: str, gate: GateId) -> SignedAnswer:
    """Every signature that schools at this gate lack. Exits with 2 for a program that is no rehearsal."""
    found = await views.lines_and_pictures(session.connection, program=program)
    here = [(line, row) for line, row in found if line.gate is gate]
    lines = [line for line, _ in here]
    if any(not line.rehearsal for line in lines):
        fail(MEND, f"sign-all: expected a rehearsal, seen program {program}, which is real; there each person signs")
    shelf = library.Shelf(session.connection)
    wanted = [signature for line, row in here for signature in await _missing(session, line, row, shelf)]
    client = await door.connect(session.settings)

    async def sign(signature: Signature) -> CommandReply | None:
        try:
            return await _sign(client, gate, signature)
        except TemporaryError:
            return None

    answers = await migration.at_once(wanted, sign, _told)
    replies = [answer for answer in answers if answer is not None]
    return SignedAnswer(
        notice=next((line.notice for line in lines if line.notice), None),
        program_id=program,
        schools=len(lines),
        accepted=sum(reply.accepted for reply in replies),
        refused=tuple(reply for reply in replies if not reply.accepted),
        unanswered=len(answers) - len(replies),
    )


def _told(done: int, count: int) -> None:
    if done % TOLD_EVERY == 0:
        screen.remark(f"signed: {done} of {count}")


async def _missing(session: Session, line: SchoolLine, row: PictureRow, shelf: library.Shelf) -> list[Signature]:
    policy = await shelf.school_policy(row)
    record = await library.school_record(session.connection, line.school_id)
    if policy is None:
        return []
    standing = signed(row.picture, line.gate, policy.semantics)
    found: list[Signature] = []
    for criterion in policy.gates[line.gate].criteria:
        if isinstance(criterion, SignOffs):
            given = {each.actor.role for each in standing if each.criterion_id == criterion.id}
            for role in criterion.roles:
                if role not in given:
                    found.append((line, await _stand_in(session, line, record, role), criterion.id))
    return found


async def _stand_in(session: Session, line: SchoolLine, record: SchoolRecord | None, role: Role) -> Actor:
    actor_id = await roster.stand_in(session.connection, record, line, (role,))
    if actor_id is None:
        fail(MEND, f"sign-all: expected a stand-in for {role.value} at {line.school}, seen none; "
                    "make them with `firstbell roster rehearse`")  # fmt: skip
    actor = await roster.actor_for(session.connection, actor_id, record, line, (role,), str(uuid4()))
    if isinstance(actor, CommandReply):
        fail(MEND, f"sign-all: {role.value} at {line.school}: expected {actor.expected}, seen {actor.seen}")
    return actor


async def _sign(client: Client, gate: GateId, signature: Signature) -> CommandReply:
    line, actor, criterion = signature
    command = GiveSignOff(act_id=str(uuid4()), actor=actor, gate=gate, criterion_id=criterion)
    return await door.act(client, line.program_id, line.school_id, command)
