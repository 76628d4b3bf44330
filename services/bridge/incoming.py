"""Readings from Kafka: kept as the latest of their scope, and marked for the rollouts they can move.

Handler of one subscription. A reading reaches every rollout that watches its scope (school, district, program,
release) and names its signal; it is coalesced there until the sender takes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from asyncpg import Record as Row
from prometheus_client import Counter
from pydantic import BaseModel

from schemas import topics
from schemas.calendar import Calendar
from schemas.readiness import CATALOGUE, CoalescedReading, Reading, SignalName
from services.bridge import interest, rollouts
from services.bridge.documents import Documents
from services.kit.batch import Batch
from services.kit.consume import Record, Result, Subscription
from services.kit.database import Connection
from services.kit.outcome import Disposition


class Place(NamedTuple):
    """One signal of one scope."""

    kind: str
    scope_id: str
    signal: str


@dataclass(slots=True)
class _Run:
    """What one batch says about one place: the latest reading, and every value on the way to it."""

    sequence: int
    latest: Reading | None = None
    values: list[float | None] = field(default_factory=list)


@dataclass(slots=True)
class _Change:
    """One watch row after the batch."""

    program_id: str
    school_id: str
    signal: str
    sequence: int
    reading: str
    worst: interest.Worst
    dirty: bool
    resend_at: datetime | None


async def _known(connection: Connection, places: Sequence[Place]) -> dict[Place, _Run]:
    rows = await connection.fetch(
        """select scope_kind, scope_id, signal, sequence
        from unnest($1::text[], $2::text[], $3::text[]) as asked (scope_kind, scope_id, signal)
        join reading using (scope_kind, scope_id, signal)""",
        *_columns(places),
    )
    return {Place(row["scope_kind"], row["scope_id"], row["signal"]): _Run(row["sequence"]) for row in rows}


def _columns(places: Sequence[Place]) -> tuple[list[str], list[str], list[str]]:
    return [p.kind for p in places], [p.scope_id for p in places], [p.signal for p in places]


def _place(reading: Reading) -> Place:
    return Place(reading.scope.kind.value, reading.scope.id, reading.signal)


class Incoming:
    """The handler, with what it remembers of content-addressed documents, and its counter."""

    def __init__(self, documents: Documents, counted: Counter, company: timedelta) -> None:
        """`company`: how long what moves no verdict may wait for more."""
        self._documents, self._counted, self._company = documents, counted, company

    def subscription(self) -> Subscription:
        """The one subscription on readings."""
        return Subscription(
            topics=(topics.READINGS.name,), group="bridge-readings", decoder=topics.READINGS.decoder, handler=self.take
        )

    async def take(self, batch: Batch, records: Sequence[Record[BaseModel]]) -> Sequence[Result]:
        """One result a record, aligned: the latest sequence of a place stands, older ones are superseded."""
        readings = [record.value for record in records if isinstance(record.value, Reading)]
        runs = await _known(batch.connection, sorted({_place(reading) for reading in readings}))
        results: list[Result] = []
        for reading in readings:
            run = runs.setdefault(_place(reading), _Run(0))
            if reading.sequence <= run.sequence:
                same = reading.sequence == run.sequence
                results.append(Disposition.DUPLICATE if same else Disposition.SUPERSEDED)
                continue
            run.sequence, run.latest = reading.sequence, reading
            run.values.append(reading.value)
            results.append(Disposition.APPLIED)
        fresh = {place: run for place, run in sorted(runs.items()) if run.latest is not None}
        await self._keep(batch.connection, fresh)
        await self._fan_out(batch, fresh)
        return results

    async def _keep(self, connection: Connection, fresh: dict[Place, _Run]) -> None:
        await connection.execute(
            """insert into reading (scope_kind, scope_id, signal, sequence, document)
            select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
            on conflict (scope_kind, scope_id, signal) do update
            set sequence = excluded.sequence, document = excluded.document
            where reading.sequence < excluded.sequence""",
            *_columns(list(fresh)),
            [run.sequence for run in fresh.values()],
            [interest.coalesced(run.latest).model_dump_json() for run in fresh.values() if run.latest],
        )

    async def _fan_out(self, batch: Batch, fresh: dict[Place, _Run]) -> None:
        """Merges into every rollout that watches, and marks those with something to hear."""
        changes: list[_Change] = []
        urgent: dict[rollouts.Key, bool] = {}
        due: dict[rollouts.Key, datetime] = {}
        told: set[Place] = set()
        withheld = 0
        for each in await _watching(batch.connection, list(fresh)):
            row = each.watch
            place = Place(row["scope_kind"], row["scope_id"], row["signal"])
            told.add(place)
            run = fresh[place]
            assert run.latest is not None
            ground = await self._ground(batch.connection, each)
            change, matters = _merge(row, run.latest, run.values, ground)
            changes.append(change)
            listens = rollouts.gate_index(each.rollout["phase"]) >= row["first_gate"]
            withheld += change.dirty and not listens
            if change.dirty and listens:
                key = (change.program_id, change.school_id)
                urgent[key] = urgent.get(key, False) or matters
                until = interest.company_until(batch.now, row["refresh_days"], ground.calendar, self._company)
                due[key] = min(due.get(key, until), until)
        await _write(batch.connection, changes)
        for flag in (True, False):
            keys = sorted(key for key, matters in urgent.items() if matters is flag)
            ends = [batch.now if flag else due[key] for key in keys]
            await rollouts.mark(batch.connection, keys, batch.now, urgent=flag, due=ends)
        self._count(changes, withheld, len(fresh) - len(told))

    async def _ground(self, connection: Connection, each: "_Watching") -> "_Ground":
        return _Ground(
            await self._documents.calendar(connection, each.calendar_digest),
            await self._documents.criteria(connection, each.policy_digest, each.rollout["profile"]),
        )

    async def resend(self, batch: Batch) -> None:
        """Sweep: marks what the clock alone makes due. It waits for company; what no gate at hand asks, for its phase."""
        rows = await batch.connection.fetch(
            """select r.program_id, r.school_id, o.calendar_digest from rollout r
            left join calendar_pointer o using (district_id)
            where r.status <> 'stopped' and (r.program_id, r.school_id) in (
                select program_id, school_id from watch where resend_at <= $1)
            order by r.program_id, r.school_id for update of r""",
            batch.now,
        )
        if not rows:
            return
        keys = [(row["program_id"], row["school_id"]) for row in rows]
        marked = await batch.connection.fetch(
            """update watch set dirty = true, resend_at = null
            from unnest($1::text[], $2::text[]) as marked (program_id, school_id)
            where watch.program_id = marked.program_id and watch.school_id = marked.school_id and resend_at <= $3
            returning watch.program_id, watch.school_id, watch.refresh_days""",
            [program for program, _ in keys], [school for _, school in keys], batch.now,
        )  # fmt: skip
        digests = {key: row["calendar_digest"] for key, row in zip(keys, rows, strict=True)}
        due: dict[rollouts.Key, datetime] = {}
        for row in marked:
            key = row["program_id"], row["school_id"]
            calendar = await self._documents.calendar(batch.connection, digests[key])
            # half of its freshness is over: it may wait half as long as a change
            until = interest.company_until(batch.now, row["refresh_days"] / 2, calendar, self._company)
            due[key] = min(due.get(key, until), until)
        await rollouts.mark_listening(batch.connection, sorted(due), batch.now, urgent=False, due=due)

    def _count(self, changes: Sequence[_Change], withheld: int, unwatched: int) -> None:
        """What became of each reading at each school; withheld: it waits for its phase, or for company."""
        self._counted.labels("sent").inc(sum(change.dirty for change in changes) - withheld)
        self._counted.labels("withheld").inc(withheld)
        self._counted.labels("coalesced").inc(sum(not change.dirty for change in changes))
        self._counted.labels("unwatched").inc(unwatched)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a reading is weighed against in one rollout."""

    calendar: Calendar | None
    criteria: interest.Criteria


def _merge(row: Row, latest: Reading, values: Sequence[float | None], ground: _Ground) -> tuple[_Change, bool]:
    """One watch row with the batch folded in, and whether a line of the policy was crossed."""
    signal: SignalName = row["signal"]
    worst = interest.Worst(row["worst"], row["worst_missing"]) if row["dirty"] else interest.Worst()
    if row["dirty"] and row["worst"] is None and not row["worst_missing"] and row["reading"] is not None:
        worst = worst.with_value(signal, CoalescedReading.model_validate_json(row["reading"]).value)
    for value in values:
        worst = worst.with_value(signal, value)
    sent = None if row["sent"] is None else CoalescedReading.model_validate_json(row["sent"])
    coalesced = interest.coalesced(latest)
    known = signal in CATALOGUE
    due = known and interest.is_due(sent, coalesced, worst, row["refresh_days"], ground.calendar)
    dirty = bool(row["dirty"]) or due
    change = _Change(
        row["program_id"], row["school_id"], signal, latest.sequence, coalesced.model_dump_json(),
        worst if dirty else interest.Worst(), dirty,
        None if dirty else interest.resend_at(sent, coalesced, row["refresh_days"], ground.calendar),
    )  # fmt: skip
    matters = (
        sent is None
        or worst.gap is not (sent.value is None)
        or sent.origin is not coalesced.origin
        or interest.turns(ground.criteria, sent, coalesced, signal)
        or interest.crosses(ground.criteria, signal, sent.value, coalesced.value)
        or interest.crosses(ground.criteria, signal, sent.value, worst.value)
    )
    return change, matters


class _Watching(NamedTuple):
    """A watch row that a reading concerns, with what its rollout says."""

    watch: Row
    rollout: Row
    policy_digest: str
    calendar_digest: str | None


async def _watching(connection: Connection, places: Sequence[Place]) -> list[_Watching]:
    """Every watch row of these places whose rollout is under way, behind its rollout's lock.

    Several statements, for two reasons: what is read must be what stands once the locks are held; and joined in one,
    2,448 schools of one release were compared each with each, for three seconds.
    """
    locked = await connection.fetch(
        """select program_id, school_id, district_id, phase, profile, policy_digest from rollout
        where status <> 'stopped' and (program_id, school_id) in (
            select w.program_id, w.school_id
            from unnest($1::text[], $2::text[], $3::text[]) as moved (scope_kind, scope_id, signal)
            join watch w using (scope_kind, scope_id, signal))
        order by program_id, school_id for update""",
        *_columns(places),
    )
    if not locked:
        return []
    under_way = {(row["program_id"], row["school_id"]): row for row in locked}
    watches = await connection.fetch(
        """select w.* from unnest($1::text[], $2::text[], $3::text[]) as moved (scope_kind, scope_id, signal)
        join watch w using (scope_kind, scope_id, signal)""",
        *_columns(places),
    )
    programs = await connection.fetch(
        "select program_id, policy_digest from program where program_id = any($1)",
        sorted({program for program, _ in under_way}),
    )
    pinned = {row["program_id"]: row["policy_digest"] for row in programs}
    pointers = await connection.fetch(
        "select district_id, calendar_digest from calendar_pointer where district_id = any($1)",
        sorted({row["district_id"] for row in locked}),
    )
    calendars = {row["district_id"]: row["calendar_digest"] for row in pointers}
    found: list[_Watching] = []
    for watch in watches:
        rollout = under_way.get((watch["program_id"], watch["school_id"]))
        if rollout is not None:
            digest = rollout["policy_digest"] or pinned[watch["program_id"]]
            found.append(_Watching(watch, rollout, digest, calendars.get(rollout["district_id"])))
    return found


async def _write(connection: Connection, changes: Sequence[_Change]) -> None:
    if changes:
        await connection.execute(
            """update watch set sequence = n.sequence, reading = n.reading, worst = n.worst,
                worst_missing = n.worst_missing, dirty = n.dirty, resend_at = n.resend_at
            from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::float8[], $7::bool[],
                $8::bool[], $9::timestamptz[])
                as n (program_id, school_id, signal, sequence, reading, worst, worst_missing, dirty, resend_at)
            where watch.program_id = n.program_id and watch.school_id = n.school_id and watch.signal = n.signal""",
            [c.program_id for c in changes], [c.school_id for c in changes], [c.signal for c in changes],
            [c.sequence for c in changes], [c.reading for c in changes], [c.worst.value for c in changes],
            [c.worst.gap for c in changes], [c.dirty for c in changes], [c.resend_at for c in changes],
        )  # fmt: skip
