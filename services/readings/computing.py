"""The computing sweep: scopes that changed become subjects, subjects become readings, in one transaction.

Called by the room's process ten times a second. A subject whose computation fails is set aside with an error in the
log, and its mark stays; the others go on.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import structlog

from schemas.school import Scope, ScopeKind
from services.kit.batch import Batch
from services.kit.database import Connection
from services.readings import emission, scopes, store
from services.readings.day import began_at
from services.readings.emission import Answer
from services.readings.register import KnownSchool, Register
from services.readings.scopes import Due
from services.readings.subject import SignalValue, Subject, Tally
from workflows.policy.calendar import day_at

if TYPE_CHECKING:
    from services.readings.desk import DomainRoom

Compute = Callable[[Subject], tuple[SignalValue, ...]]
"""Pure: a subject's readings, one for each signal of the owner about that kind of scope."""

SCOPES_MAX = 100
"""Scopes computed in one transaction, 1-1000: bounds how long marks and memory are held. Our judgement, 2026-11-23."""
LOCK_CLASS = 0x0B0E
"""First half of the advisory lock's key: one computation a room, so that two processes never say one sequence."""


class _Found(NamedTuple):
    due: Due
    subject: Subject
    day_began_at: datetime


class Computing:
    """One room's computing sweep."""

    def __init__(self, domain: "DomainRoom", register: Register) -> None:
        self._domain, self._register, self._signals = domain, register, domain.signals
        self._log = structlog.get_logger().bind(room=domain.name)

    async def sweep(self, batch: Batch) -> None:
        """Computes the marked scopes, publishes what is due, and takes the marks away. Raises what the database raises."""
        mine = await batch.connection.fetchval(
            "select pg_try_advisory_xact_lock($1, hashtext($2))", LOCK_CLASS, self._domain.name
        )
        marked = await scopes.due(batch.connection, batch.now, SCOPES_MAX) if mine else []
        if not marked:
            return
        answers: list[Answer] = []
        failed: list[Due] = []
        for found in await self._subjects(batch, marked):
            try:
                values = self._values(found.subject)
            except Exception as error:  # noqa: BLE001  one school's broken evidence must not silence the others
                self._log.error("readings-not-computed", scope=found.due.id, exc_info=error)
                failed.append(found.due)
                continue
            scope = found.subject.scope
            answers += [Answer(scope, value, found.day_began_at) for value in values]
            await asyncio.sleep(0)  # batches go on between two schools
        await emission.emit(batch, self._domain.readings_topic, answers)
        await scopes.computed(batch.connection, set(marked) - set(failed), batch.now)
        if failed:
            await scopes.postpone(batch.connection, failed, batch.now)

    def _values(self, subject: Subject) -> tuple[SignalValue, ...]:
        values = self._domain.compute(subject)
        expected = self._signals[subject.scope.kind]
        answered = [value.signal for value in values]
        if set(answered) != expected or len(answered) != len(expected):
            raise ValueError(
                f"{self._domain.name} about {subject.scope.id}: expected each of {sorted(expected)} once, "
                f"seen {sorted(answered)}"
            )
        return values

    async def _subjects(self, batch: Batch, marked: Sequence[Due]) -> list[_Found]:
        connection, now = batch.connection, batch.now
        known = await self._register.schools(connection, [due.id for due in marked if due.kind is ScopeKind.SCHOOL])
        events = await store.events_of(connection, [due.id for due in marked], self._domain.topic.decoder)
        tallies = await self._tallies(connection, known.values())
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        newest_day: datetime | None = await connection.fetchval("select max(began_at) from district_day")
        found: list[_Found] = []
        for due in marked:
            school = known.get(due.id) if due.kind is ScopeKind.SCHOOL else None
            calendar = school.calendar if school else None
            subject = Subject(
                scope=Scope(kind=due.kind, id=due.id),
                school=school.record if school else None,
                calendar=calendar,
                as_of=now,
                today=day_at(calendar, now) if calendar else None,
                events=events.get(due.id, ()),
                tallies=tallies.get(school.number, ()) if school else (),
            )
            # A release has no calendar: its day is the newest begun in any district. No calendar at all: the UTC day.
            day = newest_day if due.kind is not ScopeKind.SCHOOL else began_at(calendar, now) if calendar else None
            found.append(_Found(due, subject, day or midnight))
        return found

    async def _tallies(
        self, connection: Connection, schools: Collection[KnownSchool]
    ) -> Mapping[int, tuple[Tally, ...]]:
        if self._domain.columns is None or not schools:
            return {}
        return await self._domain.columns.tallies(connection, sorted(school.number for school in schools))
