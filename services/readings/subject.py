"""What a domain service computes readings from, and what it answers: the contract of every `readiness.py`.

A signal's value is a pure function of one `Subject`: the latest revisions of a scope's events, its school, its
calendar, and an instant. No order of arrival, no clock and no database is visible from there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from schemas.calendar import Calendar
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.model import Code
from schemas.readiness import CATALOGUE, Missing, Origin, round_to_worse, weakest
from schemas.school import SchoolRecord, Scope
from schemas.signal import SignalName

E = TypeVar("E", bound=RawEvent)


@dataclass(frozen=True, slots=True)
class Tally:
    """So many things that are alike in all that counts, summed by the database; one event speaks for them.

    The event's own `entity_ref` and hashes mean nothing; its `observed_at` is the newest among them.
    """

    event: RawEvent
    count: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One scope as its events tell it, at one instant."""

    scope: Scope
    school: SchoolRecord | None
    """None: the scope is no school (a release)."""
    calendar: Calendar | None
    """None: the district has published none; whatever needs school days is missing."""
    as_of: datetime
    today: date | None
    """The civil date of the instructional day under way or last begun. None: no calendar, or before its first day."""
    events: tuple[RawEvent, ...]
    """The greatest revision of each thing, retracted ones left out, ordered by (type, entity_ref)."""
    tallies: tuple[Tally, ...] = ()
    """Kinds that come by the thousand (devices), counted instead of listed. Empty: everything is in `events`."""

    def of(self, kind: type[E]) -> tuple[E, ...]:
        """The things of one kind."""
        return tuple(event for event in self.events if isinstance(event, kind))

    def counted(self, kind: type[E]) -> tuple[tuple[E, int], ...]:
        """The things of one kind with how many they stand for, whether they were listed or tallied."""
        listed = tuple((event, 1) for event in self.of(kind))
        return listed + tuple((tally.event, tally.count) for tally in self.tallies if isinstance(tally.event, kind))

    @property
    def watermark(self) -> FeedWatermark | None:
        """The feed that is complete the shortest way, since absence is only known as far as the slowest feed tells.

        None: no feed has ever said how far it is complete.
        """
        return min(self.of(FeedWatermark), key=lambda mark: (mark.complete_until, mark.entity_ref), default=None)


@dataclass(frozen=True, slots=True)
class SignalValue:
    """A signal's answer for one subject: a value on its grid, not applicable, or missing with its reason."""

    signal: SignalName
    value: float | None
    applicable: bool
    missing: Missing | None
    numerator: int | None
    population: int | None
    observed_at: datetime | None
    origin: Origin
    simulated: bool
    detail: tuple[Code, ...] = ()


def measured_value(
    signal: SignalName,
    value: float,
    inputs: Iterable[RawEvent],
    *,
    numerator: int | None = None,
    population: int | None = None,
    detail: tuple[Code, ...] = (),
) -> SignalValue:
    """A value, rounded to worse on the signal's grid, that rests on its inputs.

    It has their newest time, their weakest origin, and the mark of imagined evidence if any bears it. Raises
    ValueError without inputs or outside the range.
    """
    basis = tuple(inputs)
    return SignalValue(
        signal=signal,
        value=round_to_worse(CATALOGUE[signal], value),
        applicable=True,
        missing=None,
        numerator=numerator,
        population=population,
        observed_at=max(event.observed_at for event in basis),
        origin=weakest(tuple(event.origin for event in basis)),
        simulated=any(event.simulated for event in basis),
        detail=detail,
    )


def missing_value(signal: SignalName, reason: Missing, inputs: Iterable[RawEvent] = ()) -> SignalValue:
    """No value, and why: UNKNOWN at every gate, never a pass and never "no"."""
    basis = tuple(inputs)
    return SignalValue(
        signal=signal,
        value=None,
        applicable=True,
        missing=reason,
        numerator=None,
        population=None,
        observed_at=max((event.observed_at for event in basis), default=None),
        origin=weakest(tuple(event.origin for event in basis)) if basis else CATALOGUE[signal].origin,
        simulated=any(event.simulated for event in basis),
    )


def inapplicable_value(signal: SignalName, inputs: Iterable[RawEvent]) -> SignalValue:
    """The question does not arise here; what is known to say so is named by its inputs."""
    basis = tuple(inputs)
    return SignalValue(
        signal=signal,
        value=None,
        applicable=False,
        missing=None,
        numerator=None,
        population=None,
        observed_at=max((event.observed_at for event in basis), default=None),
        origin=weakest(tuple(event.origin for event in basis)) if basis else CATALOGUE[signal].origin,
        simulated=any(event.simulated for event in basis),
    )
