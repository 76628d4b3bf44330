"""Signs many plans at once in a rehearsal: every missing signature, by the roster's stand-ins.

Called by `firstbell gate sign-all`. It refuses a real program: there, each person signs.
"""

import asyncio
from uuid import uuid4

from temporalio.client import Client

from schemas.gate import SignOffs
from schemas.message import CommandReply, GiveSignOff
from schemas.school import Actor, GateId, Role, SchoolRecord
from services.console import door, library, roster, views
from services.console.commands.session import Session
from services.console.views import Answer, SchoolLine
from services.kit.terminal import MEND, fail

SIGNING_AT_ONCE = 8
"""Schools signed for side by side. Measured: the local server decides about a hundred updates a second."""

Signature = tuple[SchoolLine, Actor, str]


class SignedAnswer(Answer):
    """What became of the signatures."""

    notice: str | None
    program_id: str
    schools: int
    accepted: int
    refused: tuple[CommandReply, ...]


async def sign_all(session: Session, program: str, gate: GateId) -> SignedAnswer:
    """Every signature that schools at this gate lack. Exits with 2 for a program that is no rehearsal."""
    lines = [line for line in await views.school_lines(session.connection, program=program) if line.gate is gate]
    if any(not line.rehearsal for line in lines):
        fail(MEND, f"sign-all: expected a rehearsal, seen program {program}, which is real; there each person signs")
    wanted = [signature for line in lines for signature in await _missing(session, line)]
    client = await door.connect(session.settings)
    places = asyncio.Semaphore(SIGNING_AT_ONCE)

    async def sign(signature: Signature) -> CommandReply:
        async with places:
            return await _sign(client, gate, signature)

    replies = await asyncio.gather(*(sign(signature) for signature in wanted))
    return SignedAnswer(
        notice=next((line.notice for line in lines if line.notice), None),
        program_id=program,
        schools=len(lines),
        accepted=sum(reply.accepted for reply in replies),
        refused=tuple(reply for reply in replies if not reply.accepted),
    )


async def _missing(session: Session, line: SchoolLine) -> list[Signature]:
    record = await library.school_record(session.connection, line.school_id)
    row = await views.picture_row(session.connection, line.program_id, line.school_id)
    policy = await library.school_policy(session.connection, row)
    criteria = policy.gates[line.gate].criteria if policy else ()
    found: list[Signature] = []
    for criterion in criteria:
        if isinstance(criterion, SignOffs):
            signed = {each.actor.role for each in row.picture.sign_offs.values() if each.criterion_id == criterion.id}
            for role in criterion.roles:
                if role not in signed:
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
