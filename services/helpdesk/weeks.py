"""School weeks of the help desk: how many tickets each brings, and how many in a row kept the service level.

Called by this room's `readiness`. A school week is five instructional days on end, counted from the calendar's first
day, so that a holiday makes no quiet week. Only weeks that the feed has seen whole are told of.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from schemas.calendar import Calendar
from schemas.events.helpdesk import TicketChanged
from services.helpdesk.service_level import RESOLVE_WITHIN, within_level
from workflows.policy.calendar import elapsed_days

DAYS_IN_WEEK = 5
"""Instructional days. Our judgement, 2026-11-25: a school week without holidays."""
WINDOW_WEEKS = 4
"""Whole school weeks a trend looks back, at most. Lesson A76 names two worsening weeks; four: default, not a standard."""
LEVEL_RATIO = 0.9
"""Of the tickets due in a week, those in time that make it a week in which the level was met. Lesson A35."""


def whole_weeks(calendar: Calendar, known_until: datetime) -> int:
    """School weeks that are over, as far as is known. Never blocks."""
    return int(_position(calendar, known_until) // DAYS_IN_WEEK)


def tickets_by_week(tickets: Iterable[TicketChanged], calendar: Calendar, weeks: int) -> tuple[int, ...]:
    """Tickets opened in each of the last whole weeks, oldest first; one opened on a weekend counts to the next week."""
    counts = [0] * weeks
    for ticket in tickets:
        week = int(_position(calendar, ticket.opened_at) // DAYS_IN_WEEK)
        if ticket.opened_at >= _first_opening(calendar) and week < weeks:
            counts[week] += 1
    return tuple(counts[-WINDOW_WEEKS:])


def slope(points: Sequence[int]) -> float:
    """The straight line nearest to the points: its rise from each to the next. Raises ZeroDivisionError below two."""
    count, places = len(points), range(len(points))
    across = count * sum(place * place for place in places) - sum(places) ** 2
    return (count * sum(place * point for place, point in enumerate(points)) - sum(places) * sum(points)) / across


def weeks_in_level(
    tickets: Iterable[TicketChanged], calendar: Calendar, complete_until: datetime, as_of: datetime, weeks: int
) -> int | None:
    """Weeks in a row with the level met, up to the newest with a ticket due. None: no ticket was due in any.

    A week without a ticket due neither counts nor breaks the row: nothing was shown in it.
    """
    due, met = [0] * weeks, [0] * weeks
    for ticket in tickets:
        in_time = within_level(ticket, calendar, complete_until, as_of)
        allowed = RESOLVE_WITHIN[ticket.priority].in_days(calendar)
        week = int((_position(calendar, ticket.opened_at) + allowed) // DAYS_IN_WEEK)
        if in_time is not None and week < weeks:
            due[week] += 1
            met[week] += in_time
    judged = [in_time >= LEVEL_RATIO * count for in_time, count in zip(met, due, strict=True) if count]
    if not judged:
        return None
    return next((row for row, kept in enumerate(reversed(judged)) if not kept), len(judged))


def _first_opening(calendar: Calendar) -> datetime:
    return datetime.fromtimestamp(calendar.days[0][1] / 1000, tz=UTC)


def _position(calendar: Calendar, instant: datetime) -> float:
    return elapsed_days(calendar, _first_opening(calendar), instant)
