"""Windows of a calendar from what people write: a name, a kind, dates, perhaps hours and a rule. Pure.

Called by the calendar file's resolution and by the window commands. On a rehearsal's compressed calendar a window's
dates are found among its imagined days, so hours have no meaning there.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.calendar import WINDOWS_MAX, Calendar, Window, WindowKind
from schemas.model import Code
from services.directory.recurrence import OCCURRENCES_MAX, RuleError, instant, occurrences
from services.kit.outcome import PermanentError


class WindowError(PermanentError):
    """A window that cannot be placed; the message names it."""


class WindowEntry(BaseModel):
    """One window as a calendar file or a command says it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: Code
    kind: WindowKind
    first: date = Field(alias="from")
    last: date | None = Field(default=None, alias="to")
    """None: one day."""
    starts: time | None = None
    """Local time. None: whole days."""
    hours: float | None = Field(default=None, gt=0, le=24 * 14)
    """With `starts`: how long, in hours of elapsed time."""
    rule: Annotated[str, StringConstraints(min_length=6, max_length=200)] | None = None
    """An RRULE of RFC 5545. None: it does not recur."""

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"to: expected {self.first} or later, seen {self.last}")
        if (self.starts is None) is not (self.hours is None) or (self.starts and self.last):
            raise ValueError("starts: expected it together with hours and without to, or neither")
        return self


def resolved(entries: Iterable[WindowEntry], calendar: Calendar, *, declared: bool = False) -> tuple[Window, ...]:
    """The windows of these entries that meet the calendar. Raises WindowError naming the entry."""
    found: list[Window] = []
    for entry in entries:
        try:
            found += _of_entry(entry, calendar, declared)
        except RuleError as error:
            raise WindowError(f"window {entry.name}: {error}") from error
    return tuple(found)


def _of_entry(entry: WindowEntry, calendar: Calendar, declared: bool) -> list[Window]:
    zone, end = ZoneInfo(calendar.time_zone), calendar.days[-1][0]
    if calendar.rehearsal and entry.starts is not None:
        raise WindowError(f"window {entry.name}: expected whole days on a rehearsal's calendar, seen starts")
    start = datetime.combine(entry.first, entry.starts or time.min)
    starts = (start,) if entry.rule is None else occurrences(entry.rule, start, end, zone)
    span = (entry.last or entry.first) - entry.first
    made = [_at(entry, at, span, calendar, zone, declared) for at in starts]
    met = [window for window in made if window is not None and window.last >= calendar.days[0][0]]
    if len(met) > OCCURRENCES_MAX:
        raise WindowError(f"window {entry.name}: expected at most {OCCURRENCES_MAX} occurrences, seen {len(met)}")
    return met


def _at(
    entry: WindowEntry, at: datetime, span: timedelta, calendar: Calendar, zone: ZoneInfo, declared: bool
) -> Window | None:
    first, last = at.date(), at.date() + span
    if entry.hours is not None:
        begins = instant(at, zone)
        ends = begins + round(entry.hours * 3_600_000)
        last = datetime.fromtimestamp((ends - 1) / 1000, zone).date()
    else:
        bounds = whole_days(calendar, first, last)
        if bounds is None:
            return None
        begins, ends = bounds
    return Window(name=entry.name, kind=entry.kind, first=first, last=last, begins=begins, ends=ends, declared=declared)


def whole_days(calendar: Calendar, first: date, last: date) -> tuple[int, int] | None:
    """From the first date's local midnight to the one after the last; among a rehearsal's days, from opening to close.

    None: a rehearsal has no day between them.
    """
    if not calendar.rehearsal:
        zone = ZoneInfo(calendar.time_zone)
        after = datetime.combine(last + timedelta(days=1), time.min)
        return instant(datetime.combine(first, time.min), zone), instant(after, zone)
    inside = [day for day in calendar.days if first <= day[0] <= last]
    return (inside[0][1], inside[-1][2]) if inside else None


def with_windows(calendar: Calendar, windows: Sequence[Window]) -> Calendar:
    """The calendar with these windows alone, in one order. Raises WindowError when they are too many."""
    if len(windows) > WINDOWS_MAX:
        raise WindowError(
            f"windows: expected at most {WINDOWS_MAX} of one calendar, since each school carries them, "
            f"seen {len(windows)}; let rules end sooner or recur less"
        )
    ordered = sorted(windows, key=lambda each: (each.begins, each.ends, each.name, each.declared))
    return calendar.model_copy(update={"windows": tuple(ordered)})
