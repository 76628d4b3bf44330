"""Friction items: causes that keep coming back, logged by people or shown by the tickets themselves.

Called by this room's `readiness`. An item is a cause, so three tickets and a person's note about the same cause are
one item, as old as its oldest evidence.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from schemas.calendar import Calendar
from schemas.events.helpdesk import FrictionChanged, TicketChanged
from services.helpdesk.service_level import age_days

RECURRENCE_COUNT = 3
"""Tickets of one cause that open an item by themselves. Lesson A39; default, not a standard."""
RECURRENCE_DAYS = 5.0
"""Instructional days within which they fall, bounds included. Lesson A39; default, not a standard."""


def open_items(
    tickets: Iterable[TicketChanged], logged: Iterable[FrictionChanged], calendar: Calendar, as_of: datetime
) -> Mapping[str, datetime]:
    """Each open item's cause and opening. Merged tickets are to be left out before. Never blocks.

    An item that the tickets opened is closed by any mitigation of its cause at or after its third ticket; a third
    ticket after the last mitigation opens it again, even when the first two came before: the remedy did not hold.
    """
    opened: dict[str, list[datetime]] = defaultdict(list)
    mitigated: dict[str, datetime] = {}
    for item in logged:
        if item.mitigated_at is not None and item.mitigated_at <= as_of:
            mitigated[item.cause] = max(item.mitigated_at, mitigated.get(item.cause, item.mitigated_at))
        elif item.opened_at <= as_of:
            opened[item.cause].append(item.opened_at)
    for cause, instants in _by_cause(tickets, as_of).items():
        last = mitigated.get(cause)
        thirds = (third for third in _recurrences(instants, calendar) if last is None or third > last)
        first = next(thirds, None)
        if first is not None:
            opened[cause].append(first)
    return {cause: min(instants) for cause, instants in sorted(opened.items())}


def _by_cause(tickets: Iterable[TicketChanged], as_of: datetime) -> Mapping[str, list[datetime]]:
    instants: dict[str, list[datetime]] = defaultdict(list)
    for ticket in tickets:
        if ticket.opened_at <= as_of:
            instants[ticket.cause].append(ticket.opened_at)
    return instants


def _recurrences(instants: list[datetime], calendar: Calendar) -> Iterable[datetime]:
    """The instants, ascending, at which a cause had come back often enough and fast enough."""
    ordered = sorted(instants)
    for first, third in zip(ordered, ordered[RECURRENCE_COUNT - 1 :], strict=False):
        if age_days(calendar, first, third) <= RECURRENCE_DAYS:
            yield third
