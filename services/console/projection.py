"""Facts into pictures: each fact is kept as it came, and folded once its predecessors are there.

Called by the console's process for each batch. A fact whose predecessor is missing is kept and waits; a repeat is
dropped; a repeat with other content is a dead letter. After each fold the picture's digest is compared with the
one the workflow wrote: a difference is logged as an error and counted, never smoothed over.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from pydantic import BaseModel

from schemas.decision import Verdict
from schemas.fact import ContextChanged, Fact, GateDecided, PhaseOpened, Picture, RolloutStarted
from schemas.migration import PolicyMigrated
from schemas.model import digest_of
from services.kit.batch import Batch
from services.kit.envelope import Record
from services.kit.outcome import Dead, Disposition
from workflows.policy.picture import fold_fact

Rollout = tuple[str, str]
"""(program, school)."""


@dataclass(slots=True)
class Page:
    """One row of `picture` while a batch is folded: the picture, and what lists need beside it."""

    program_id: str
    school_id: str
    picture: Picture
    district_id: str | None = None
    rehearsal: bool = False
    simulated: bool = False
    profile: str | None = None
    decision_sequence: int | None = None
    verdict: str | None = None
    last_fact_at: object = None
    mismatch_count: int = 0

    def turn(self, fact: Fact) -> bool:
        """Folds the next fact. True: the picture is the one its workflow had."""
        self.picture = fold_fact(self.picture, fact)
        self.rehearsal, self.simulated, self.last_fact_at = fact.rehearsal, fact.simulated, fact.occurred_at
        body = fact.body
        if isinstance(body, RolloutStarted):
            self.profile = body.profile
        elif isinstance(body, ContextChanged):
            self.district_id = body.context.district_id
        elif isinstance(body, PolicyMigrated):
            self.profile = body.profile
        elif isinstance(body, PhaseOpened):
            self.decision_sequence = self.verdict = None
        elif isinstance(body, GateDecided):
            self._decided(fact.fact_sequence, body)
        agrees = digest_of(self.picture) == fact.picture_digest
        self.mismatch_count += not agrees
        return agrees

    def _decided(self, sequence: int, body: GateDecided) -> None:
        self.decision_sequence = sequence
        self.verdict = body.decision.verdict.model_dump_json()
        self.profile = body.decision.profile
        if body.decision.inputs.context is not None:
            self.district_id = body.decision.inputs.context.district_id


async def apply_facts(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
    """Keeps new facts and folds all that follow on without a gap, in the batch's transaction."""
    facts = [record.value for record in records]
    results: list[Disposition | Dead] = [Disposition.APPLIED] * len(records)
    fresh = await _sort_out(batch, records, results)
    if fresh:
        await _store(batch, [records[index] for index in fresh])
        decoded = {_key(fact): fact for fact in facts if isinstance(fact, Fact)}
        await _fold(batch, sorted({_rollout(fact) for fact in decoded.values()}), decoded)
    return results


def _key(fact: Fact) -> tuple[str, str, int]:
    return fact.program_id, fact.school_id, fact.fact_sequence


def _rollout(fact: Fact) -> Rollout:
    return fact.program_id, fact.school_id


def _fact(record: Record[BaseModel]) -> Fact:
    assert isinstance(record.value, Fact)
    return record.value


def content_digest(body: bytes) -> str:
    """The hash under which a fact's bytes are kept."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


async def _sort_out(batch: Batch, records: Sequence[Record[BaseModel]], results: list[Disposition | Dead]) -> list[int]:
    """Marks repeats, equal or not, in `results`; returns the indexes of facts never seen before."""
    keys = [_key(_fact(record)) for record in records]
    rows = await batch.connection.fetch(
        """select program_id, school_id, fact_sequence, digest from fact where (program_id, school_id, fact_sequence)
        in (select * from unnest($1::text[], $2::text[], $3::bigint[]))""",
        *(list(column) for column in zip(*keys, strict=True)),
    )
    known = {(row["program_id"], row["school_id"], row["fact_sequence"]): row["digest"] for row in rows}
    fresh: list[int] = []
    for index, (key, record) in enumerate(zip(keys, records, strict=True)):
        digest = content_digest(record.raw_value or b"")
        held = known.setdefault(key, digest) if key in known else None
        if held is None:
            known[key] = digest
            fresh.append(index)
        elif held == digest:
            results[index] = Disposition.DUPLICATE
        else:
            results[index] = Dead(
                "conflicting-fact", f"fact {key[2]} of {key[0]}/{key[1]}: expected content {held}, seen {digest}"
            )
    return fresh


async def _store(batch: Batch, records: Sequence[Record[BaseModel]]) -> None:
    facts = [_fact(record) for record in records]
    await batch.connection.execute(
        """insert into fact (program_id, school_id, fact_sequence, kind, phase, occurred_at, digest, body, received_at)
        select *, $9::timestamptz from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[],
            $6::timestamptz[], $7::text[], $8::bytea[])""",
        [fact.program_id for fact in facts],
        [fact.school_id for fact in facts],
        [fact.fact_sequence for fact in facts],
        [fact.body.kind for fact in facts],
        [fact.phase.value for fact in facts],
        [fact.occurred_at for fact in facts],
        [content_digest(record.raw_value or b"") for record in records],
        [record.raw_value or b"" for record in records],
        batch.now,
    )


async def _fold(batch: Batch, rollouts: Sequence[Rollout], decoded: dict[tuple[str, str, int], Fact]) -> None:
    pages = await _open(batch, rollouts)
    rows = await batch.connection.fetch(
        """select f.program_id, f.school_id, f.fact_sequence, f.body from fact f
        left join picture p using (program_id, school_id)
        where (f.program_id, f.school_id) in (select * from unnest($1::text[], $2::text[]))
            and f.fact_sequence > coalesce(p.fact_sequence, 0)
        order by f.program_id, f.school_id, f.fact_sequence""",
        [program for program, _ in rollouts],
        [school for _, school in rollouts],
    )
    turned: dict[Rollout, Page] = {}
    for row in rows:
        key = (row["program_id"], row["school_id"], row["fact_sequence"])
        page = pages.setdefault(key[:2], Page(key[0], key[1], Picture()))
        if key[2] != page.picture.fact_sequence + 1:
            continue
        fact = decoded.get(key) or Fact.model_validate_json(row["body"])
        if not page.turn(fact):
            structlog.get_logger().error(
                "picture-differs", program_id=key[0], school_id=key[1], fact_sequence=key[2],
                expected=fact.picture_digest, seen=digest_of(page.picture),
            )  # fmt: skip
        turned[key[:2]] = page
    if turned:
        await _close(batch, [turned[rollout] for rollout in sorted(turned)])


async def _open(batch: Batch, rollouts: Sequence[Rollout]) -> dict[Rollout, Page]:
    rows = await batch.connection.fetch(
        """select * from picture where (program_id, school_id) in (select * from unnest($1::text[], $2::text[]))""",
        [program for program, _ in rollouts],
        [school for _, school in rollouts],
    )
    return {
        (row["program_id"], row["school_id"]): Page(
            row["program_id"], row["school_id"], Picture.model_validate_json(row["body"]), row["district_id"],
            row["rehearsal"], row["simulated"], row["profile"], row["decision_sequence"], row["verdict"],
            row["last_fact_at"], row["mismatch_count"],
        )
        for row in rows
    }  # fmt: skip


_COLUMNS = {
    "program_id": "text", "school_id": "text", "fact_sequence": "bigint", "district_id": "text", "phase": "text",
    "attempt": "int", "outcome": "text", "asked": "text", "asked_at": "timestamptz", "answer_by": "timestamptz",
    "phase_opened_at": "timestamptz", "stopped": "text", "rehearsal": "boolean", "simulated": "boolean",
    "questioned": "boolean", "policy_digest": "text", "profile": "text", "decision_sequence": "bigint",
    "last_fact_at": "timestamptz", "body": "jsonb", "verdict": "jsonb", "mismatch_count": "int",
}  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_COLUMNS.values(), 1))
_UPDATES = ", ".join(f"{name} = excluded.{name}" for name in list(_COLUMNS)[2:])
_WRITE = (
    f"insert into picture ({_NAMES}) select * from unnest({_ARRAYS}) "  # noqa: S608  constants of this module
    f"on conflict (program_id, school_id) do update set {_UPDATES}"
)


async def _close(batch: Batch, pages: Sequence[Page]) -> None:
    await batch.connection.execute(_WRITE, *(list(column) for column in zip(*map(_row, pages), strict=True)))


def _row(page: Page) -> tuple[object, ...]:
    picture = page.picture
    return (
        page.program_id, page.school_id, picture.fact_sequence, page.district_id, picture.phase.value,
        picture.attempt, picture.outcome and picture.outcome.value, picture.asked and picture.asked.value,
        picture.asked_at, picture.answer_by, picture.phase_opened_at, picture.stopped, page.rehearsal, page.simulated,
        any(picture.questioned.values()), picture.policy_digest, page.profile, page.decision_sequence,
        page.last_fact_at, picture.model_dump_json(), page.verdict, page.mismatch_count,
    )  # fmt: skip


def verdict_of(text: str | None) -> Verdict | None:
    """The verdict of a picture's row. None: the phase has no decision yet."""
    return None if text is None else Verdict.model_validate_json(text)
