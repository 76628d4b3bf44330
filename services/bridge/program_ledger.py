"""A program's facts made durable, once, and what follows from them for its schools' rows.

Called by the activity, by the subscription that reloads facts after a restore, and by `recalling`. A fact that admits
schools makes them `starting`: the bridge's own task starts them, so that a crash anywhere loses nobody.
"""

from collections.abc import Sequence
from hashlib import sha256

from pydantic import BaseModel

from schemas import topics
from schemas.program_fact import (
    Aborted,
    JoinedLate,
    LeftWaiting,
    ProgramFact,
    ProgramPicture,
    SchoolsAdmitted,
)
from services.bridge.ledger import SOURCE, FactConflictError
from services.kit import outbox
from services.kit.batch import Batch
from services.kit.consume import Record, Result, Subscription
from services.kit.database import Connection
from services.kit.outcome import Dead, Disposition
from workflows.policy.program.picture import fold_program_fact


async def publish(connection: Connection, facts: Sequence[ProgramFact]) -> list[ProgramFact]:
    """Records facts, sends the new ones on their way, and follows them. Returns the new ones."""
    fresh: list[ProgramFact] = []
    for fact in facts:
        document = fact.__pydantic_serializer__.to_json(fact)
        if not await _record(connection, fact, document):
            continue
        fresh.append(fact)
        sent = outbox.row(
            topics.PROGRAM_FACTS.name, fact.program_id, ProgramFact.ce_type, document, source=SOURCE,
            time=fact.occurred_at, ce_id=f"{fact.program_id}/{fact.fact_sequence}",
        )  # fmt: skip
        await outbox.publish_rows(connection, [sent])
        await _follow(connection, fact)
    return fresh


async def _record(connection: Connection, fact: ProgramFact, document: bytes) -> bool:
    """Whether it is new. Raises FactConflictError when its key is taken by another; then nothing may be committed."""
    digest = "sha256:" + sha256(document).hexdigest()
    added = await connection.fetchval(
        """insert into program_fact (program_id, fact_sequence, kind, occurred_at, digest, document)
        values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning fact_sequence""",
        fact.program_id, fact.fact_sequence, fact.body.kind, fact.occurred_at, digest, document,
    )  # fmt: skip
    if added is not None:
        return True
    held = await connection.fetchval(
        "select digest from program_fact where program_id = $1 and fact_sequence = $2",
        fact.program_id, fact.fact_sequence,
    )  # fmt: skip
    if held != digest:
        raise FactConflictError(
            f"fact {fact.fact_sequence} of program {fact.program_id}: expected digest {held} as recorded, seen "
            f"{digest} ({fact.body.kind}); nothing was published; compare the workflow's history with the fact"
        )
    return False


async def _follow(connection: Connection, fact: ProgramFact) -> None:
    """What a new fact means for the schools' rows, at once; the program's picture waits at gaps.

    So counts taken beside a gap tell an old `known_sequence`, and admission, not knowing whom the lost facts admitted,
    admits nobody on them.
    """
    held = await connection.fetchrow(
        "select picture, picture_sequence from program where program_id = $1 for update", fact.program_id
    )
    if held is None:
        return  # another installation's program
    await _apply(connection, fact)
    known: int = held["picture_sequence"]
    rows = await connection.fetch(
        """select fact_sequence, document from program_fact where program_id = $1 and fact_sequence > $2
        order by fact_sequence""",
        fact.program_id, known,
    )  # fmt: skip
    picture = ProgramPicture() if held["picture"] is None else ProgramPicture.model_validate_json(held["picture"])
    for row in rows:
        if row["fact_sequence"] != known + 1:
            break
        known += 1
        picture = fold_program_fact(picture, ProgramFact.model_validate_json(row["document"]))
    await connection.execute(
        "update program set picture = $2, picture_sequence = $3 where program_id = $1",
        fact.program_id, picture.model_dump_json(), known,
    )  # fmt: skip


async def _apply(connection: Connection, fact: ProgramFact) -> None:
    body = fact.body
    match body:
        case SchoolsAdmitted():
            await connection.execute(
                """update rollout set status = 'starting', wave_number = $3::integer, wave = $1 || '.wave-' || $3::integer
                where program_id = $1 and school_id = any($2) and status = 'waiting'""",
                fact.program_id, list(body.school_ids), body.wave,
            )  # fmt: skip
        case JoinedLate():
            await connection.execute(
                """update rollout set wave_number = $3::integer, wave = $1 || '.wave-' || $3::integer
                where program_id = $1 and school_id = any($2) and status = 'waiting'""",
                fact.program_id, list(body.school_ids), body.wave,
            )  # fmt: skip
        case LeftWaiting():
            await _leave(connection, fact.program_id, body.school_ids)
        case Aborted():
            await _leave(connection, fact.program_id, body.dropped_ids)
        case _:
            pass


async def _leave(connection: Connection, program_id: str, school_ids: Sequence[str]) -> None:
    """They wait no more; a later `program start` may bring them back as late joiners."""
    await connection.execute(
        """update rollout set status = 'left', wave_number = null, wave = null
        where program_id = $1 and school_id = any($2) and status = 'waiting'""",
        program_id, list(school_ids),
    )  # fmt: skip


async def take_facts(batch: Batch, records: Sequence[Record[BaseModel]]) -> Sequence[Result]:
    """Reloads facts that a restored database lost; those it has are compared. Conflicts become dead letters."""
    results: list[Result] = []
    for each in records:
        fact = each.value
        if not isinstance(fact, ProgramFact):
            results.append(Disposition.IGNORED)
            continue
        try:
            fresh = await _record(batch.connection, fact, each.raw_value or b"")
        except FactConflictError as conflict:
            results.append(Dead("fact-conflict", str(conflict)))
            continue
        if fresh:
            await _follow(batch.connection, fact)
        results.append(Disposition.APPLIED if fresh else Disposition.DUPLICATE)
    return results


PROGRAM_FACTS = Subscription(
    topics=(topics.PROGRAM_FACTS.name,),
    group="bridge-program-facts",
    decoder=topics.PROGRAM_FACTS.decoder,
    handler=take_facts,
)
