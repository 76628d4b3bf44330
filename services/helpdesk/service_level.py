"""How long a ticket may take, on the school's clock, and whether it took longer.

Called by this room's `readiness`. The clock stops outside school hours, on holidays and after the calendar's end, so
every duration is in instructional days of open time. Refuses to judge what is not yet known: an open ticket is late
only as far as its feed, or its own newest revision, has told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from schemas.calendar import Calendar
from schemas.events.helpdesk import Priority, TicketChanged
from workflows.policy.calendar import elapsed_days

_NOISE = 9
"""Decimals kept of a duration in days (0.1 ms): sums of binary fractions must not cost a step of the grid."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The school time a ticket may take until it is resolved: the sum of both."""

    hours: float = 0.0
    """School hours, at least 0; a day of the calendar holds `hours_per_day` of them."""
    days: float = 0.0
    """Instructional days, at least 0."""

    def in_days(self, calendar: Calendar) -> float:
        """In instructional days of this calendar."""
        return self.days + self.hours / calendar.hours_per_day


RESOLVE_WITHIN: Mapping[Priority, Allowance] = MappingProxyType(
    {
        Priority.URGENT: Allowance(hours=3),
        Priority.HIGH: Allowance(hours=7),
        Priority.MEDIUM: Allowance(days=2),
        Priority.LOW: Allowance(days=5),
    }
)
"""Time to resolve, by priority: the preset "Temecula Valley" (a district's public priority matrix, tvtech.freshdesk.com,
2024; the district is inferred from the address). Chosen because it alone states a time to resolve for all four
priorities at the pace of a school. Its work days and hours are read as instructional days and school hours.
"""


def age_days(calendar: Calendar, opened_at: datetime, until: datetime) -> float:
    """Instructional days of open time from one instant to another; 0 when the second is not later. Never blocks."""
    if until <= opened_at:
        return 0.0
    return round(elapsed_days(calendar, opened_at, until), _NOISE)


def resolved_at(ticket: TicketChanged, as_of: datetime) -> datetime | None:
    """When the ticket was resolved for good, as far as `as_of` knows. None: open, or open again."""
    if ticket.change == "reopened" or ticket.resolved_at is None or ticket.resolved_at > as_of:
        return None
    return ticket.resolved_at


def known_until(ticket: TicketChanged, complete_until: datetime, as_of: datetime) -> datetime:
    """How far this ticket's state is known: to the feed's watermark, or to its own newer revision; never past now."""
    return min(as_of, max(complete_until, ticket.observed_at))


def within_level(ticket: TicketChanged, calendar: Calendar, complete_until: datetime, as_of: datetime) -> bool | None:
    """Whether the ticket was resolved within its allowance. None: not due as far as is known, so it is not judged.

    The clock runs from the opening and does not stop for a resolution that was taken back.
    """
    allowance = round(RESOLVE_WITHIN[ticket.priority].in_days(calendar), _NOISE)
    known = known_until(ticket, complete_until, as_of)
    if age_days(calendar, ticket.opened_at, known) < allowance:
        return None
    done = resolved_at(ticket, as_of)
    return done is not None and age_days(calendar, ticket.opened_at, done) <= allowance
