"""The help desk's readings as pure functions of one subject: a school's tickets, or a release's defects.

Called by this room's desk and by tests. In every signal here absence is good, so all rest on the source's watermark:
without one they are missing, and with one they are observed when it says it is complete, however fresh a ticket is.
Refuses to turn silence into zero, and what is not known yet into "late".
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from schemas.calendar import Calendar
from schemas.events.helpdesk import DefectChanged, FrictionChanged, TicketChanged
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.readiness import CATALOGUE, Missing
from schemas.school import ScopeKind
from schemas.signal import SignalName
from services.helpdesk.friction import open_items
from services.helpdesk.service_level import age_days, known_until, resolved_at, within_level
from services.helpdesk.weeks import slope, tickets_by_week, weeks_in_level, whole_weeks
from services.readings.subject import SignalValue, Subject, inapplicable_value, measured_value, missing_value

SERVICE_LEVEL: SignalName = "helpdesk.service-level-met-ratio"
BACKLOG_AGE: SignalName = "helpdesk.backlog-age-p90-days"
STOPPED: SignalName = "helpdesk.instruction-stopped-count"
FRICTION_AGE: SignalName = "friction.open-age-p90-days"
WEEKLY_TICKETS: SignalName = "helpdesk.weekly-tickets-trend"
WEEKS_IN_LEVEL: SignalName = "helpdesk.service-level-weeks-count"
OPEN_CRITICAL: SignalName = "defect.open-critical-count"
OPEN_MAJOR: SignalName = "defect.open-major-count"


def compute(subject: Subject) -> tuple[SignalValue, ...]:
    """Every signal of this room that speaks of the subject's kind of scope, each answered. Never blocks."""
    if subject.scope.kind is ScopeKind.RELEASE:
        return _defects(subject)
    if subject.scope.kind is ScopeKind.SCHOOL:
        return _tickets(subject)
    return ()


def _tickets(subject: Subject) -> tuple[SignalValue, ...]:
    names = (SERVICE_LEVEL, BACKLOG_AGE, STOPPED, FRICTION_AGE, WEEKLY_TICKETS, WEEKS_IN_LEVEL)
    tickets, logged, mark = standing_tickets(subject), subject.of(FrictionChanged), subject.watermark
    if mark is None:
        return tuple(missing_value(name, Missing.NO_WATERMARK, (*tickets, *logged)) for name in names)
    if subject.calendar is None:
        return tuple(missing_value(name, Missing.NO_CALENDAR, (mark,)) for name in names)
    return (
        _service_level(tickets, subject.calendar, mark, subject.as_of),
        _backlog_age(tickets, subject.calendar, mark, subject.as_of),
        _instruction_stopped(tickets, mark, subject.as_of),
        _friction_age(tickets, logged, subject.calendar, mark, subject.as_of),
        *_weeks(tickets, subject.calendar, mark, subject.as_of),
    )


def standing_tickets(subject: Subject) -> tuple[TicketChanged, ...]:
    """The tickets that stand for themselves: merged ones leave, the ticket they were merged into stays."""
    return tuple(
        ticket for ticket in subject.of(TicketChanged) if ticket.merged_into is None and ticket.change != "merged"
    )


def _service_level(
    tickets: tuple[TicketChanged, ...], calendar: Calendar, mark: FeedWatermark, as_of: datetime
) -> SignalValue:
    judged = [(ticket, within_level(ticket, calendar, mark.complete_until, as_of)) for ticket in tickets]
    due = [(ticket, met) for ticket, met in judged if met is not None]
    if not due:
        return _as_complete(inapplicable_value(SERVICE_LEVEL, (mark, *tickets)), mark)
    met_count = sum(met for _, met in due)
    value = measured_value(
        SERVICE_LEVEL,
        met_count / len(due),
        (mark, *(ticket for ticket, _ in due)),
        numerator=met_count,
        population=len(due),
    )
    return _as_complete(value, mark)


def _backlog_age(
    tickets: tuple[TicketChanged, ...], calendar: Calendar, mark: FeedWatermark, as_of: datetime
) -> SignalValue:
    waiting = [ticket for ticket in tickets if ticket.opened_at <= as_of and resolved_at(ticket, as_of) is None]
    ages = [age_days(calendar, ticket.opened_at, known_until(ticket, mark.complete_until, as_of)) for ticket in waiting]
    return _as_complete(measured_value(BACKLOG_AGE, percentile_90(ages), (mark, *tickets)), mark)


def _instruction_stopped(tickets: tuple[TicketChanged, ...], mark: FeedWatermark, as_of: datetime) -> SignalValue:
    """The greatest, not the sum: the same people may stand in several tickets."""
    stopped = [
        ticket.people_affected_count
        for ticket in tickets
        if ticket.in_lesson
        and not ticket.workaround
        and ticket.opened_at <= as_of
        and resolved_at(ticket, as_of) is None
    ]
    return _as_complete(measured_value(STOPPED, max(stopped, default=0), (mark, *tickets)), mark)


def _friction_age(
    tickets: tuple[TicketChanged, ...],
    logged: tuple[FrictionChanged, ...],
    calendar: Calendar,
    mark: FeedWatermark,
    as_of: datetime,
) -> SignalValue:
    known = min(as_of, mark.complete_until)
    ages = [age_days(calendar, opened, known) for opened in open_items(tickets, logged, calendar, as_of).values()]
    return _as_complete(measured_value(FRICTION_AGE, percentile_90(ages), (mark, *tickets, *logged)), mark)


def _weeks(
    tickets: tuple[TicketChanged, ...], calendar: Calendar, mark: FeedWatermark, as_of: datetime
) -> tuple[SignalValue, SignalValue]:
    """The trend and the row of weeks; neither is known before whole weeks are over."""
    basis: tuple[RawEvent, ...] = (mark, *tickets)
    weeks = whole_weeks(calendar, min(as_of, mark.complete_until, mark.observed_at))
    counts = tickets_by_week(tickets, calendar, weeks)
    few = Missing.POPULATION_TOO_SMALL
    trend = missing_value(WEEKLY_TICKETS, few, basis)
    if len(counts) > 1:
        change = max(CATALOGUE[WEEKLY_TICKETS].low, slope(counts))
        trend = measured_value(WEEKLY_TICKETS, change, basis, population=len(counts))
    row = weeks_in_level(tickets, calendar, mark.complete_until, as_of, weeks)
    if weeks == 0:
        level = missing_value(WEEKS_IN_LEVEL, few, basis)
    elif row is None:
        level = inapplicable_value(WEEKS_IN_LEVEL, basis)
    else:
        level = measured_value(WEEKS_IN_LEVEL, row, basis)
    return _as_complete(trend, mark), _as_complete(level, mark)


def _defects(subject: Subject) -> tuple[SignalValue, ...]:
    defects, mark = subject.of(DefectChanged), subject.watermark
    if mark is None:
        return tuple(missing_value(name, Missing.NO_WATERMARK, defects) for name in (OPEN_CRITICAL, OPEN_MAJOR))
    critical = [defect for defect in defects if is_open(defect) and defect.severity == "critical"]
    major = [defect for defect in defects if is_open(defect) and defect.severity == "major" and not defect.workaround]
    basis: tuple[RawEvent, ...] = (mark, *defects)
    return (
        _as_complete(measured_value(OPEN_CRITICAL, len(critical), basis), mark),
        _as_complete(measured_value(OPEN_MAJOR, len(major), basis), mark),
    )


def is_open(defect: DefectChanged) -> bool:
    """Open while the source says so or has not said when it closed: a contradiction counts as open."""
    return defect.open or defect.closed_at is None


def percentile_90(values: Iterable[float]) -> float:
    """The nearest-rank 90th percentile, a value that occurred; 0 of nothing, which the caller's watermark vouches for."""
    ordered = sorted(values)
    return ordered[-(-9 * len(ordered) // 10) - 1] if ordered else 0.0


def _as_complete(value: SignalValue, mark: FeedWatermark) -> SignalValue:
    """Observed when the feed was complete: newer tickets count, but don't make the absence of others any fresher.

    A watermark that claims more than its own instant is taken at that instant.
    """
    return replace(value, observed_at=min(mark.complete_until, mark.observed_at))
