"""Facts made durable, once: a row for ever and an outbox row for Kafka, in one transaction.

Called by the activity, by the subscription that reloads facts after a restore, and by `recalling`. The same key with
another digest is an alarm: two histories of one school exist, and neither may be preferred by accident.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
LISTENING_KINDS = ("rollout-started", "phase-opened", "policy-migrated")
"""Facts after which the workflow is told what waited for the gate it now stands before. See record 0021."""


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
        await _follow(connection, fresh, now)
    return fresh


@dataclass(slots=True)
class _Followed:
    """What some facts of one school, in their order, do to its row."""

    last: Fact
    outcome: str | None = None
    outcome_kept: bool = True
    """True: no fact said anything of it."""
    asked: str | None = None
    asked_kept: bool = True
    unmet_since: datetime | None = None
    unmet_kept: bool = True
    """True: a no that the row tells of goes on; `unmet_since` is only for a row that tells of none."""
    stopped: bool = False

    @classmethod
    def of(cls, facts: Sequence[Fact], *, whole: bool = False) -> "_Followed":
        """Facts of one school in their order. `whole`: they are all, and nothing that a row says is kept."""
        kept = not whole
        one = cls(facts[0], outcome_kept=kept, asked_kept=kept, unmet_kept=kept)
        for fact in facts:
            one.take(fact)
        return one

    def take(self, fact: Fact) -> None:
        """The next fact."""
        self.last, body = fact, fact.body
        if body.kind == "gate-decided":
            self._decided(body.decision.verdict.outcome.value, fact.occurred_at)
        elif body.kind == "phase-opened":
            self._decided(None, fact.occurred_at)
        if body.kind == "approval-asked":
            self.asked, self.asked_kept = body.role.value, False
        elif body.kind in ("ask-withdrawn", "approval-answered", "phase-opened"):
            self.asked, self.asked_kept = None, False
        self.stopped = self.stopped or body.kind == "rollout-stopped"

    def _decided(self, outcome: str | None, at: datetime) -> None:
        self.outcome, self.outcome_kept = outcome, False
        if outcome == Outcome.UNMET.value:
            self.unmet_since = self.unmet_since or at
        else:
            self.unmet_since, self.unmet_kept = None, False


async def _follow(connection: Connection, fresh: Sequence[Fact], now: datetime) -> None:
    """The rollout's row says where the school stands and what it shall hear; the workflow alone knows.

    A fact that comes after later ones, since it was lost and recalled, makes the row anew from all that are held.
    """
    schools: dict[rollouts.Key, list[Fact]] = {}
    for fact in sorted(fresh, key=key_of):
        schools.setdefault((fact.program_id, fact.school_id), []).append(fact)
    for key, facts in schools.items():
        if await _write(connection, _Followed.of(facts), facts[0].fact_sequence):
            await repinning.follow(connection, facts)
            continue
        rows = await connection.fetch(
            "select document from fact where program_id = $1 and school_id = $2 order by fact_sequence", *key
        )
        held = [Fact.model_validate_json(row["document"]) for row in rows]
        if await _write(connection, _Followed.of(held, whole=True), held[-1].fact_sequence + 1):
            await repinning.follow_late(connection, held, facts)
    keys = sorted({key_of(fact)[:2] for fact in fresh if fact.body.kind in LISTENING_KINDS})
    if keys:
        await rollouts.refill(connection, keys)
        await rollouts.mark_listening(connection, keys, now, urgent=True)


async def _write(connection: Connection, one: _Followed, below: int) -> bool:
    """False: the row already tells of fact `below` or a later one, or there is no row."""
    last = one.last
    done = await connection.execute(
        """update rollout set fact_sequence = $3, phase = $4, fact_at = $5,
            outcome = case when $6 then outcome else $7 end, asked = case when $8 then asked else $9 end,
            unmet_since = case when $10 then coalesce(unmet_since, $11) else $11 end,
            status = case when $12 then 'stopped' else status end
        where program_id = $1 and school_id = $2 and fact_sequence < $13""",
        *key_of(last), last.phase.value, last.occurred_at, one.outcome_kept, one.outcome, one.asked_kept, one.asked,
        one.unmet_kept, one.unmet_since, one.stopped, below,
    )  # fmt: skip
    return done != "UPDATE 0"


async def take_facts(batch: Batch, records: Sequence[Record[BaseModel]]) -> Sequence[Result]:
    """Reloads facts that a restored database lost; those it has are compared. Conflicts become dead letters."""
    results: list[Result] = []
    reloaded: list[Fact] = []
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
        reloaded += fresh
        results.append(Disposition.APPLIED if fresh else Disposition.DUPLICATE)
    if reloaded:
        await _follow(batch.connection, reloaded, batch.now)
    return results


FACTS = Subscription(
    topics=(topics.FACTS.name,), group="bridge-facts", decoder=topics.FACTS.decoder, handler=take_facts
)
