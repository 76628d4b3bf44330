"""The computing sweep: scopes that changed become subjects, subjects become readings, in one transaction.

Called by the room's process ten times a second. A subject whose computation fails is set aside with an error in the
log, and its mark stays; the others go on.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from schemas.school import Scope, ScopeKind
from schemas.signal import SignalName
from services.kit.batch import Batch
from services.kit.database import Connection
from services.kit.envelope import Decoder
from services.readings import emission, scopes, store
from services.readings.day import began_at
from services.readings.emission import Answer
from services.readings.register import KnownSchool, Register
from services.readings.scopes import Due
from services.readings.store import Columns, Payloads
from services.readings.subject import SignalValue, Subject, Tally
from workflows.policy.calendar import day_at

Compute = Callable[[Subject], tuple[SignalValue, ...]]
"""Pure: a subject's readings, one for each signal of the owner about that kind of scope."""

SCOPES_MAX = 100
"""Scopes computed in one transaction, 1-1000: bounds how long marks and memory are held. Our judgement, 2026-11-23."""
PAUSE_SECONDS = 0.1
"""Seconds between two sweeps, 0.02-5: half of it is added to a decision's latency. Our judgement, 2026-11-23."""
PAUSE_SECONDS_MIN = 0.02
"""Seconds between two sweeps while marks are left over: batches still get their turn. Our judgement, 2026-11-23."""
LOCK_CLASS = 0x0B0F
"""First half of the advisory lock's key, shared with no other lock of the house: one computation a room, so that two
processes never say one sequence."""


class Owner(NamedTuple):
    """What computing need know of a domain room."""

    name: str
    decoder: Decoder
    compute: Compute
    signals: Mapping[ScopeKind, frozenset[SignalName]]
    columns: Columns | None
    readings_topic: str


class _Known(NamedTuple):
    """What the database knows of the marked scopes, fetched for all of them at once."""

    schools: Mapping[str, KnownSchool]
    payloads: Mapping[str, Payloads]
    tallies: Mapping[int, tuple[Tally, ...]]
    newest_day: datetime | None
    """When the newest instructional day of any district began. None: no district ever began one."""


class Computing:
    """One room's computing sweep."""

    def __init__(self, owner: Owner, register: Register) -> None:
        self._owner, self._register, self._signals = owner, register, owner.signals
        self._full = False
        self._log = structlog.get_logger().bind(room=owner.name)

    def pause_seconds(self) -> float:
        """Short while marks are left over: a morning marks every school of a district at once."""
        return PAUSE_SECONDS_MIN if self._full else PAUSE_SECONDS

    async def sweep(self, batch: Batch) -> None:
        """Computes the marked scopes, publishes what is due, and takes the marks away. Raises what the database raises."""
        marked = await scopes.due(batch.connection, batch.now, SCOPES_MAX)
        self._full = len(marked) == SCOPES_MAX
        if not marked or not await self._alone(batch.connection):
            return
        known = await self._known(batch.connection, marked)
        answers: list[Answer] = []
        failed: list[Due] = []
        for due in marked:
            try:
                answers += self._answers(due, known, batch.now)
            except Exception as error:  # noqa: BLE001  one school's broken evidence must not silence the others
                self._log.error("readings-not-computed", scope=due.id, exc_info=error)
                failed.append(due)
            await asyncio.sleep(0)  # batches go on between two schools
        await emission.emit(batch, self._owner.readings_topic, answers)
        await scopes.computed(batch.connection, set(marked) - set(failed), batch.now)
        if failed:
            await scopes.postpone(batch.connection, failed, batch.now)

    async def _alone(self, connection: Connection) -> bool:
        """Whether no other process of this room computes right now; holds until the transaction ends."""
        return bool(
            await connection.fetchval(
                "select pg_try_advisory_xact_lock($1, hashtext($2))", LOCK_CLASS, self._owner.name
            )
        )

    def _answers(self, due: Due, known: _Known, now: datetime) -> list[Answer]:
        """One scope's readings. Raises whatever its evidence or its function provokes."""
        school = known.schools.get(due.id) if due.kind is ScopeKind.SCHOOL else None
        calendar = school.calendar if school else None
        subject = Subject(
            scope=Scope(kind=due.kind, id=due.id),
            school=school.record if school else None,
            calendar=calendar,
            as_of=now,
            today=day_at(calendar, now) if calendar else None,
            events=store.read(known.payloads.get(due.id, []), self._owner.decoder),
            tallies=known.tallies.get(school.number, ()) if school else (),
        )
        # A release has no calendar: its day is the newest begun in any district. No calendar at all: the UTC day.
        day = known.newest_day if school is None else began_at(calendar, now) if calendar else None
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return [Answer(subject.scope, value, day or midnight) for value in self._values(subject)]

    def _values(self, subject: Subject) -> tuple[SignalValue, ...]:
        values = self._owner.compute(subject)
        expected = self._signals[subject.scope.kind]
        answered = [value.signal for value in values]
        if set(answered) != expected or len(answered) != len(expected):
            raise ValueError(
                f"{self._owner.name} about {subject.scope.id}: expected each of {sorted(expected)} once, "
                f"seen {sorted(answered)}"
            )
        return values

    async def _known(self, connection: Connection, marked: Sequence[Due]) -> _Known:
        school_ids = [due.id for due in marked if due.kind is ScopeKind.SCHOOL]
        schools = await self._register.schools(connection, school_ids)
        columns = self._owner.columns
        tallies: Mapping[int, tuple[Tally, ...]] = {}
        if columns is not None and schools:
            tallies = await columns.tallies(connection, sorted(school.number for school in schools.values()))
        return _Known(
            schools,
            await store.payloads_of(connection, [due.id for due in marked]),
            tallies,
            await connection.fetchval("select max(began_at) from district_day"),
        )
