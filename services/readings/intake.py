"""The handler of a domain room: the directory's records first, then raw events into the projection.

Called by the kit for each batch. An event of a school nobody has heard of is parked and taken up in the
transaction that teaches the register; an event from the future is refused.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

from pydantic import BaseModel

from schemas.events.helpdesk import DefectChanged
from schemas.events.raw import FeedWatermark, RawEvent, SchoolEvent
from schemas.school import ScopeKind
from services.kit.batch import Batch, Result, parked_references
from services.kit.consume import Record
from services.kit.outcome import Dead, Disposition
from services.readings import scopes, store
from services.readings.register import KINDS, Register
from services.readings.scopes import ScopeKey
from services.readings.store import Columns, Thing

FUTURE_MAX = timedelta(minutes=10)
"""How far ahead of our clock a source's may be, 0-1 h: beyond it an event is bad input. The design's figure."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Before this an observation is a clock never set, not history. Our judgement, 2026-11-23. PostgreSQL's driver reads
the first instant of all back as minus infinity without a zone, which nothing can be compared with."""


class Intake:
    """What one room does with records."""

    def __init__(self, kinds: Collection[ScopeKind], register: Register, columns: Columns | None) -> None:
        self._kinds, self._register, self._columns = frozenset(kinds), register, columns
        self._speaks: dict[type[RawEvent], ScopeKind | Literal["its own"]] = {}
        self._columnar = frozenset(columns.kinds) if columns else frozenset()

    async def handle(self, batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Result]:
        """One result for each record, aligned. Raises what the database raises."""
        told = [place for place, record in enumerate(records) if type(record.value) in KINDS]
        if not told:
            return await self._place(batch, records, settled=True)
        learned = await self._register.learn(batch.connection, [records[place] for place in told])
        answers: dict[int, Result] = dict(zip(told, learned.dispositions, strict=True))
        raw = [place for place in range(len(records)) if place not in answers]
        results = await self._place(batch, [records[place] for place in raw], settled=False)
        answers.update(zip(raw, results, strict=True))
        await self._take_up(batch, learned.schools)
        return [answers[place] for place in range(len(records))]

    async def take_up_known(self, batch: Batch) -> None:
        """Takes up what another process parked while this one learned of the school. A sweep; mostly idle."""
        waiting = [reference.removeprefix("school:") for reference in await parked_references(batch)]
        if waiting:
            known = await self._register.numbers(batch.connection, waiting)
            await self._take_up(batch, [school_id for school_id in waiting if school_id in known])

    async def _take_up(self, batch: Batch, school_ids: Collection[str]) -> None:
        taken = await batch.take_parked([_reference(school_id) for school_id in school_ids])
        for record, result in zip(taken, await self._place(batch, taken, settled=False), strict=True):
            batch.settle(record, result)

    async def _place(self, batch: Batch, records: Sequence[Record[BaseModel]], *, settled: bool) -> list[Result]:
        """Sorts raw events into the projection, the parking place and the dead letters. The hot path."""
        events = [cast(RawEvent, record.value) for record in records]
        places = [self._scope_of(event) for event in events]
        schools = {scope[1] for scope in places if scope[0] is ScopeKind.SCHOOL}
        numbers = await self._register.numbers(batch.connection, schools, settled=settled) if schools else {}
        latest = batch.now + FUTURE_MAX
        results: list[Result] = [Disposition.IGNORED] * len(records)
        listed: list[tuple[int, Thing]] = []
        tallied: list[tuple[int, Thing]] = []
        for place, (record, event, scope) in enumerate(zip(records, events, places, strict=True)):
            if not EARLIEST <= event.observed_at <= latest or type(event) is FeedWatermark:
                refusal = self._refusal(event, scope, latest)
                if refusal is not None:
                    results[place] = refusal
                    continue
            number = 0
            if scope[0] is ScopeKind.SCHOOL and not (number := numbers.get(scope[1], 0)):
                results[place] = batch.park(record, _reference(scope[1]))
                continue
            thing = Thing(event, record.raw_value or b"", scope, number)
            (tallied if type(event) in self._columnar else listed).append((place, thing))
        await self._keep(batch, results, listed, tallied)
        return results

    async def _keep(
        self,
        batch: Batch,
        results: list[Result],
        listed: Sequence[tuple[int, Thing]],
        tallied: Sequence[tuple[int, Thing]],
    ) -> None:
        changed: set[ScopeKey] = set()
        found = await store.apply(batch.connection, [thing for _, thing in listed])
        if self._columns and tallied:
            found += await self._columns.apply(batch.connection, [thing for _, thing in tallied])
        for (place, thing), disposition in zip([*listed, *tallied], found, strict=True):
            results[place] = disposition
            if disposition is Disposition.APPLIED:
                changed.add(thing.scope)
        await scopes.mark(batch.connection, changed)

    def _scope_of(self, event: RawEvent) -> ScopeKey:
        """What an event speaks of. Decided by its type, once: models answer `isinstance` at ten times the price."""
        kind = type(event)
        speaks = self._speaks.get(kind)
        if speaks is None:
            speaks = self._speaks[kind] = _speaks_of(kind)
        if speaks is ScopeKind.SCHOOL:
            return speaks, cast(SchoolEvent, event).school_id
        if speaks is ScopeKind.RELEASE:
            return speaks, cast(DefectChanged, event).release_id
        scope = cast(FeedWatermark, event).scope
        return scope.kind, scope.id

    def _refusal(self, event: RawEvent, scope: ScopeKey, latest: datetime) -> Dead | None:
        if event.observed_at < EARLIEST:
            return Dead(
                "ancient-observation",
                f"{event.entity_ref}: expected observed_at from {EARLIEST.isoformat()}, "
                f"seen {event.observed_at.isoformat()}; set the source's clock right and send it again",
            )
        if event.observed_at > latest:
            return Dead(
                "future-observation",
                f"{event.entity_ref}: expected observed_at up to {latest.isoformat()}, "
                f"seen {event.observed_at.isoformat()}; set the source's clock right and send it again",
            )
        if isinstance(event, FeedWatermark):
            if event.complete_until < EARLIEST:
                return Dead(
                    "ancient-observation",
                    f"{event.entity_ref}: expected complete_until from {EARLIEST.isoformat()}, "
                    f"seen {event.complete_until.isoformat()}; say until when the feed is complete",
                )
            if event.complete_until > latest:
                return Dead(
                    "future-observation",
                    f"{event.entity_ref}: expected complete_until up to {latest.isoformat()}, "
                    f"seen {event.complete_until.isoformat()}; nobody is complete beyond now",
                )
            if scope[0] not in self._kinds:
                kinds = ", ".join(sorted(self._kinds))
                return Dead(
                    "unsupported-scope",
                    f"{event.entity_ref}: expected a watermark of a {kinds}, seen of a {scope[0]}; send one for each",
                )
        return None


def _speaks_of(kind: type[RawEvent]) -> ScopeKind | Literal["its own"]:
    if issubclass(kind, SchoolEvent):
        return ScopeKind.SCHOOL
    if issubclass(kind, FeedWatermark):
        return "its own"
    if "release_id" in kind.model_fields:
        return ScopeKind.RELEASE
    raise TypeError(f"{kind.__name__}: expected an event of a school or a release, seen neither")


def _reference(school_id: str) -> str:
    return f"school:{school_id}"
