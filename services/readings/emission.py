"""When a computed value becomes a reading on the wire: when it says something new, or once a day that it still holds.

Called by the computing sweep, in its transaction. A reading's sequence only rises, also for a room rebuilt from
nothing, since it is at least the microseconds since the epoch.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from schemas.readiness import Reading
from schemas.school import Scope
from services.kit.batch import Batch
from services.kit.database import Connection
from services.readings.subject import SignalValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Emitted(NamedTuple):
    """What was last said of one signal about one scope."""

    sequence: int
    emitted_at: datetime
    observed_at: datetime | None
    content: str


class Answer(NamedTuple):
    """One computed value, ready to be weighed against what was last said."""

    scope: Scope
    value: SignalValue
    day_began_at: datetime
    """When the instructional day under way began: one refresh a day."""


StateKey = tuple[str, str, str]
"""(kind of scope, scope id, signal)"""


def content_of(value: SignalValue) -> str:
    """Everything whose change is news; the time of observation is not."""
    return json.dumps(
        [
            value.value, value.numerator, value.population, value.applicable, value.missing, value.origin,
            value.simulated, value.detail,
        ],
        separators=(",", ":"),
    )  # fmt: skip


def is_due(last: Emitted | None, content: str, observed_at: datetime | None, day_began_at: datetime) -> bool:
    """News always; a refresh only of a newer observation, and at most once an instructional day."""
    if last is None or last.content != content:
        return True
    if observed_at is None or (last.observed_at is not None and observed_at <= last.observed_at):
        return False
    return last.emitted_at < day_began_at


def next_sequence(last: Emitted | None, now: datetime) -> int:
    """Greater than the last, and at least the microseconds since the epoch."""
    return max((last.sequence if last else 0) + 1, (now - _EPOCH) // timedelta(microseconds=1))


async def emit(batch: Batch, topic: str, answers: Sequence[Answer]) -> int:
    """Publishes the answers that are due, and remembers them, in the batch's transaction. Returns how many."""
    before = await _states(batch.connection, answers)
    rows: list[tuple[StateKey, Emitted]] = []
    for answer in answers:
        key, content = _key(answer), content_of(answer.value)
        last = before.get(key)
        if not is_due(last, content, answer.value.observed_at, answer.day_began_at):
            continue
        said = Emitted(next_sequence(last, batch.now), batch.now, answer.value.observed_at, content)
        rows.append((key, said))
        batch.publish(topic, answer.scope.id, Reading.ce_type, _reading(answer, said.sequence))
    await _remember(batch.connection, rows)
    return len(rows)


def _key(answer: Answer) -> StateKey:
    return answer.scope.kind.value, answer.scope.id, answer.value.signal


def _reading(answer: Answer, sequence: int) -> Reading:
    value = answer.value
    return Reading.model_construct(
        signal=value.signal, scope=answer.scope, sequence=sequence, value=value.value, applicable=value.applicable,
        missing=value.missing, numerator=value.numerator, population=value.population, observed_at=value.observed_at,
        origin=value.origin, simulated=value.simulated, detail=value.detail,
    )  # fmt: skip


async def _states(connection: Connection, answers: Sequence[Answer]) -> Mapping[StateKey, Emitted]:
    scopes = sorted({(answer.scope.kind.value, answer.scope.id) for answer in answers})
    rows = await connection.fetch(
        """select kind, scope_id, signal, sequence, emitted_at, observed_at, content from reading_state
        join unnest($1::text[], $2::text[]) as t(kind, scope_id) using (kind, scope_id)""",
        [kind for kind, _ in scopes],
        [scope_id for _, scope_id in scopes],
    )
    return {
        (row["kind"], row["scope_id"], row["signal"]): Emitted(
            row["sequence"], row["emitted_at"], row["observed_at"], row["content"]
        )
        for row in rows
    }


async def _remember(connection: Connection, rows: Sequence[tuple[StateKey, Emitted]]) -> None:
    if not rows:
        return
    await connection.execute(
        """insert into reading_state (kind, scope_id, signal, sequence, emitted_at, observed_at, content)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
            $7::text[])
        on conflict (kind, scope_id, signal) do update set sequence = excluded.sequence,
            emitted_at = excluded.emitted_at, observed_at = excluded.observed_at, content = excluded.content""",
        *(list(column) for column in zip(*((*key, *said) for key, said in rows), strict=True)),
    )
