"""What a school's workflow must be told of a reading: only what can move a verdict.

Pure. Called by the relay for each reading that a rollout watches, and at program start. It never decides a
gate: it errs toward sending.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.calendar import Calendar
from schemas.gate import (
    Consecutive,
    Criterion,
    DateWindow,
    DefectCount,
    Document,
    Dwell,
    Match,
    SchoolPolicy,
    Share,
    SignOffs,
    Soak,
    Threshold,
    Trend,
)
from schemas.ladder import Alarm
from schemas.readiness import CATALOGUE, CoalescedReading, Direction, Reading, SignalName
from schemas.school import GateId
from workflows.policy import calendar as days
from workflows.policy.bound import wilson_bound
from workflows.policy.criteria.reading import signals_read

DAYS_WITHOUT_CALENDAR = 1.4
"""Civil days that stand for one instructional day while a district has no calendar: seven to five."""

REMEMBERING = (Soak, Trend, Consecutive, Match)
"""Kinds that count what was before their phase opened, and the match, whose names an advisory may ask for."""

Criteria = Mapping[SignalName, tuple[Criterion | Alarm, ...]]
"""By signal, every criterion that reads it, and every alarm."""


@dataclass(frozen=True, slots=True)
class Interest:
    """Why and when a school hears of a signal."""

    refresh_days: float
    """Instructional days after which an unchanged reading is sent again: half its freshness, or of the age a soak allows."""
    first_gate: int
    """0-4: the first gate whose verdict it can move. Before that phase a change is no reason to speak to the school."""

    def and_of(self, other: "Interest") -> "Interest":
        """Both: the shorter refresh, the earlier gate."""
        return Interest(min(self.refresh_days, other.refresh_days), min(self.first_gate, other.first_gate))


def interests(policy: SchoolPolicy) -> dict[SignalName, Interest]:
    """Each signal that the policy's gates and alarms name. Ordered by name."""
    found: dict[SignalName, Interest] = {}
    for index, gate in enumerate(GateId):
        for criterion in policy.gates[gate].criteria if gate in policy.gates else ():
            for name in signals_read(criterion):
                age = float(CATALOGUE[name].freshness_days)
                if isinstance(criterion, Soak):
                    age = min(age, float(criterion.evidence_age_days_max))
                one = Interest(age / 2, 0 if isinstance(criterion, REMEMBERING) else index)
                found[name] = found.get(name, one).and_of(one)
    for alarm in policy.alarms:
        one = Interest(CATALOGUE[alarm.signal].freshness_days / 2, 0)
        found[alarm.signal] = found.get(alarm.signal, one).and_of(one)
    return dict(sorted(found.items()))


def criteria_by_signal(policy: SchoolPolicy) -> Criteria:
    """Every criterion that reads a signal, at any gate: opened gates are watched too. And every alarm on it."""
    found: dict[SignalName, tuple[Criterion | Alarm, ...]] = {}
    for gate in policy.gates.values():
        for criterion in gate.criteria:
            for name in signals_read(criterion):
                found[name] = (*found.get(name, ()), criterion)
    for alarm in policy.alarms:
        found[alarm.signal] = (*found.get(alarm.signal, ()), alarm)
    return found


def coalesced(reading: Reading) -> CoalescedReading:
    """A reading as it travels, with no dip of its own."""
    return CoalescedReading(
        sequence=reading.sequence,
        value=reading.value,
        worst=reading.value,
        applicable=reading.applicable,
        missing=reading.missing,
        numerator=reading.numerator,
        population=reading.population,
        observed_at=reading.observed_at,
        origin=reading.origin,
        simulated=reading.simulated,
        detail=reading.detail,
    )


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst since the last acknowledged reading: a value, or a gap, which is worse than any."""

    value: float | None = None
    """None: nothing worse than the latest was seen, unless `gap`."""
    gap: bool = False

    def with_value(self, name: SignalName, value: float | None) -> "Worst":
        """The worse of the two, in the signal's direction; no value is a gap."""
        if self.gap or value is None:
            return Worst(None, True)
        if self.value is None:
            return Worst(value)
        lower = CATALOGUE[name].direction is Direction.HIGHER_IS_BETTER
        return Worst(min(self.value, value) if lower else max(self.value, value))


def differs(sent: CoalescedReading, latest: CoalescedReading) -> bool:
    """Whether anything but the sequence and the time of observation changed."""
    same = {"sequence", "observed_at", "worst"}
    return sent.model_dump(exclude=same) != latest.model_dump(exclude=same)


def is_due(
    sent: CoalescedReading | None, latest: CoalescedReading, worst: Worst, refresh: float, calendar: Calendar | None
) -> bool:
    """Whether the workflow must hear: it never did, something changed, a dip came between, or it is time to refresh."""
    if sent is None or differs(sent, latest) or worst.gap is not (latest.value is None):
        return True
    if worst.value is not None and worst.value != latest.value:
        return True
    if sent.observed_at is None or latest.observed_at is None:
        return sent.observed_at != latest.observed_at
    if calendar is None:
        return latest.observed_at - sent.observed_at >= timedelta(days=refresh * DAYS_WITHOUT_CALENDAR)
    return days.elapsed_days(calendar, sent.observed_at, latest.observed_at) >= refresh


def resend_at(
    sent: CoalescedReading | None, latest: CoalescedReading, refresh: float, calendar: Calendar | None
) -> datetime | None:
    """When a newer observation of an unchanged value is sent by the clock alone. None: there is none to send.

    Without it a source that observes once before half the freshness and then falls silent would look stale at the
    end of the first observation's freshness, not of the second's.
    """
    if sent is None or sent.observed_at is None or latest.observed_at is None:
        return None
    if latest.observed_at <= sent.observed_at:
        return None
    by_calendar = days.add_days(calendar, sent.observed_at, refresh) if calendar else None
    return by_calendar or sent.observed_at + timedelta(days=refresh * DAYS_WITHOUT_CALENDAR)


def company_until(now: datetime, refresh: float, calendar: Calendar | None, longest: timedelta) -> datetime:
    """Until when a reading that moves no verdict may wait for others: a quarter of its freshness, at most `longest`.

    It is sent at half its freshness at the latest, so it is heard before it looks stale.
    """
    by_calendar = days.add_days(calendar, now, refresh / 2) if calendar else None
    return min(by_calendar, now + longest) if by_calendar else now + longest


def crosses(criteria: Criteria, name: SignalName, before: float | None, after: float | None) -> bool:
    """Whether two values of a signal may lie on different sides of a line the policy draws. A gap and a value always do."""
    if before == after:
        return False
    if before is None or after is None:
        return True
    return any(_apart(criterion, before, after) for criterion in criteria.get(name, ()))


def _apart(criterion: Criterion | Alarm, before: float, after: float) -> bool:
    low, high = sorted((before, after))
    return any(low <= line <= high for line in lines_of(criterion))


def turns(criteria: Criteria, sent: CoalescedReading, latest: CoalescedReading, name: SignalName) -> bool:
    """Whether what stands beside the value may move a verdict.

    Why there is none, whether it is imagined, other names seen, a trend of other points, a share of other members.
    """
    if (sent.applicable, sent.missing, sent.simulated) != (latest.applicable, latest.missing, latest.simulated):
        return True
    for criterion in criteria.get(name, ()):
        if isinstance(criterion, Share):
            before, after = _judged(criterion, sent), _judged(criterion, latest)
            if before != after and (before is None or after is None or _apart(criterion, before, after)):
                return True
        if isinstance(criterion, Match) and sent.detail != latest.detail:
            return True
        if isinstance(criterion, Trend):
            few = [(each.population or 0) < criterion.minimum_points for each in (sent, latest)]
            if few[0] is not few[1]:
                return True
    return False


def _judged(criterion: Share, reading: CoalescedReading) -> float | None:
    """What a share's lines are laid against: of a sample its bound. None: nothing, or too few members, or nobody knows."""
    population, numerator = reading.population, reading.numerator
    if population is None or population < criterion.minimum_population:
        return None
    if criterion.confidence_ratio is None:
        return reading.value
    if numerator is None or numerator > population:
        return None
    lower = CATALOGUE[criterion.signal].direction is Direction.HIGHER_IS_BETTER
    return wilson_bound(numerator, population, criterion.confidence_ratio, lower=lower)


def lines_of(criterion: Criterion | Alarm) -> tuple[float, ...]:
    """Every line one criterion or alarm draws, in its signal's unit."""
    found: tuple[float | None, ...]
    match criterion:
        case Threshold() | Trend():
            found = (criterion.pass_at, criterion.fail_at, criterion.warn_at)
        case Share():
            found = (criterion.pass_at, criterion.fail_at)
        case Soak():
            found = (criterion.healthy_at,)
        case DefectCount():
            found = (float(criterion.critical_at_most), float(criterion.major_at_most))
        case Consecutive():
            found = (float(criterion.periods),)
        case Alarm():
            found = (criterion.quiet_at,)
        case Match() | Dwell() | SignOffs() | Document() | DateWindow():
            found = ()
    return tuple(line for line in found if line is not None)
