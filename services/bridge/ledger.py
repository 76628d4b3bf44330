"""Facts made durable, once: a row for ever and an outbox row for Kafka, in one transaction.

Called by the activity, and by the subscription that reloads facts after a restore. The same key with another
digest is an alarm: two histories of one school exist, and neither may be preferred by accident.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from pydantic import BaseModel

from schemas import topics
from schemas.decision import Outcome
from schemas.fact import Fact
from services.bridge import repinning, rollouts
from services.kit import outbox
from services.kit.batch import Batch
from services.kit.consume import Record, Result, Subscription
from services.kit.database import Connection
from services.kit.outcome import Dead, Disposition, PermanentError

SOURCE = "firstbell/bridge"
SNAPSHOT_KINDS = ("rollout-started", "phase-opened", "policy-migrated")
"""Facts after which the workflow is told everything it watches."""


class FactConflictError(PermanentError):
    """A fact's key is taken by another fact."""


def key_of(fact: Fact) -> tuple[str, str, int]:
    """(program, school, fact_sequence)."""
    return fact.program_id, fact.school_id, fact.fact_sequence


async def record(connection: Connection, facts: Sequence[Fact], documents: Sequence[bytes]) -> list[Fact]:
    """Inserts the facts that are new, and returns them. Raises FactConflictError; then nothing of it may be committed.

    `documents` are the facts as they travel: the digest is of their bytes, so that a reader of another version agrees.
    """
    digests = ["sha256:" + sha256(document).hexdigest() for document in documents]
    rows = await connection.fetch(
        """insert into fact (program_id, school_id, fact_sequence, kind, occurred_at, digest, document)
        select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[],
            $7::bytea[])
        on conflict do nothing returning program_id, school_id, fact_sequence""",
        [fact.program_id for fact in facts], [fact.school_id for fact in facts],
        [fact.fact_sequence for fact in facts], [fact.body.kind for fact in facts],
        [fact.occurred_at for fact in facts], digests,
        list(documents),
    )  # fmt: skip
    added = {(row["program_id"], row["school_id"], row["fact_sequence"]) for row in rows}
    for fact, digest in zip(facts, digests, strict=True):
        if key_of(fact) not in added:
            await _compare(connection, fact, digest)
    return [fact for fact in facts if key_of(fact) in added]


async def _compare(connection: Connection, fact: Fact, digest: str) -> None:
    held = await connection.fetchval(
        "select digest from fact where program_id = $1 and school_id = $2 and fact_sequence = $3", *key_of(fact)
    )
    if held != digest:
        raise FactConflictError(
            f"fact {fact.fact_sequence} of {fact.program_id}/{fact.school_id}: expected digest {held} as recorded, "
            f"seen {digest} ({fact.body.kind}); nothing was published; compare the workflow's history with the fact"
        )


async def publish(connection: Connection, facts: Sequence[Fact], now: datetime) -> list[Fact]:
    """Records facts, sends the new ones on their way, and follows them in the rollout's row. Returns the new ones."""
    documents = {key_of(fact): fact.__pydantic_serializer__.to_json(fact) for fact in facts}
    fresh = await record(connection, facts, list(documents.values()))
    await outbox.publish_rows(
        connection,
        [
            outbox.row(
                topics.FACTS.name, fact.school_id, Fact.ce_type, documents[key_of(fact)], source=SOURCE,
                time=fact.occurred_at, ce_id=f"{fact.program_id}/{fact.school_id}/{fact.fact_sequence}",
            )
            for fact in fresh
        ],
    )  # fmt: skip
    if fresh:
        await _follow(connection, fresh)
        await repinning.follow(connection, fresh)
        keys = sorted({key_of(fact)[:2] for fact in fresh if fact.body.kind in SNAPSHOT_KINDS})
        if keys:
            await rollouts.snapshot(connection, keys, now)
    return fresh


async def _follow(connection: Connection, fresh: Sequence[Fact]) -> None:
    """The rollout's row says where the school stands, for `program status`; the workflow alone knows."""
    for fact in fresh:
        body = fact.body
        outcome: Outcome | None = None
        if body.kind == "gate-decided":
            outcome = body.decision.verdict.outcome
        asked = body.role.value if body.kind == "approval-asked" else None
        answered = body.kind in ("ask-withdrawn", "approval-answered", "phase-opened")
        await connection.execute(
            """update rollout set fact_sequence = $3, phase = $4,
                outcome = case when $5::text is not null then $5 when $6 then null else outcome end,
                asked = case when $7::text is not null then $7 when $8 then null else asked end,
                status = case when $9 then 'stopped' else status end, fact_at = $10,
                unmet_since = case when $5 = 'unmet' then coalesce(unmet_since, $10)
                    when $5 is not null or $6 then null else unmet_since end
            where program_id = $1 and school_id = $2 and fact_sequence < $3""",
            *key_of(fact), fact.phase.value, outcome.value if outcome else None, body.kind == "phase-opened",
            asked, answered, body.kind == "rollout-stopped", fact.occurred_at,
        )  # fmt: skip


async def take_facts(batch: Batch, records: Sequence[Record[BaseModel]]) -> Sequence[Result]:
    """Reloads facts that a restored database lost; those it has are compared. Conflicts become dead letters."""
    results: list[Result] = []
    for each in records:
        fact = each.value
        if not isinstance(fact, Fact):
            results.append(Disposition.IGNORED)
            continue
        try:
            fresh = await record(batch.connection, [fact], [each.raw_value or b""])
        except FactConflictError as conflict:
            results.append(Dead("fact-conflict", str(conflict)))
            continue
        await _follow(batch.connection, fresh)
        await repinning.follow(batch.connection, fresh)
        results.append(Disposition.APPLIED if fresh else Disposition.DUPLICATE)
    return results


FACTS = Subscription(
    topics=(topics.FACTS.name,), group="bridge-facts", decoder=topics.FACTS.decoder, handler=take_facts
)
