"""What people change in a calendar that stands: close a day, reopen it, declare a window. Pure: calendar in, calendar out.

Called by the calendar commands. The same edit again gives the same calendar. It refuses to close what is no school day.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from schemas.calendar import Calendar, InstructionalDay, Window, WindowKind
from services.directory.recurrence import instant
from services.directory.windows import WindowEntry, resolved, whole_days, with_windows
from services.kit.outcome import PermanentError

CLOSING = (WindowKind.CLOSURE, WindowKind.BREAK)
"""Kinds whose days are no instructional days."""


class EditError(PermanentError):
    """An edit that cannot be; the message names day, expected and seen."""


def close(calendar: Calendar, first: date, last: date, name: str, kind: WindowKind, make_up: date | None) -> Calendar:
    """Without the instructional days between two dates, a declared window in their place, perhaps a day added.

    Closed so already: as it was. Raises EditError when there is no day to close, none is left, or the make-up day is one.
    """
    already = [each for each in calendar.windows if (each.name, each.kind, each.first) == (name, kind, first)]
    if any(each.declared and each.last == last and each.made_up_on == make_up for each in already):
        return calendar
    gone = [day for day in calendar.days if first <= day[0] <= last]
    if not gone:
        raise EditError(
            f"{first}: expected an instructional day to close, seen none; see `firstbell calendar show --json`"
        )
    bounds = whole_days(calendar, first, last)
    assert bounds is not None  # a rehearsal's window has the days just found
    kept = [day for day in calendar.days if day not in gone]
    if make_up is not None:
        kept = _with_day(kept, _made_up(calendar, gone[0], make_up))
    if not kept:
        raise EditError(f"{first}: expected an instructional day that is left, seen none")
    window = Window(
        name=name,
        kind=kind,
        first=first,
        last=last,
        begins=bounds[0],
        ends=bounds[1],
        declared=True,
        made_up_on=make_up,
    )
    changed = calendar.model_copy(update={"days": tuple(kept)})
    return _checked(with_windows(changed, (*calendar.windows, window)))


def reopen(calendar: Calendar, day: date, former: Iterable[Calendar]) -> Calendar:
    """With the days back that a declared closure or break took, its make-up day gone. Nothing closed then: as it was.

    `former`: earlier versions, newest first, which know the days' hours. Raises EditError when none knows them.
    """
    closed = [
        each for each in calendar.windows if each.declared and each.kind in CLOSING and each.first <= day <= each.last
    ]
    if not closed:
        if any(each[0] == day for each in calendar.days):
            return calendar
        raise EditError(f"{day}: expected a day that `calendar close` or an import closed, seen none")
    back: dict[date, InstructionalDay] = {}
    for version in former:
        if version.rehearsal is calendar.rehearsal:
            for each in version.days:
                if any(window.first <= each[0] <= window.last for window in closed):
                    back.setdefault(each[0], each)
    if day not in back and not any(window.first <= found <= window.last for window in closed for found in back):
        raise EditError(f"{day}: expected an earlier version of the calendar that knows its hours, seen none")
    made_up = {window.made_up_on for window in closed}
    kept = [each for each in calendar.days if each[0] not in made_up and each[0] not in back]
    changed = calendar.model_copy(update={"days": tuple(sorted((*kept, *back.values())))})
    return _checked(with_windows(changed, [each for each in calendar.windows if each not in closed]))


def declare(calendar: Calendar, entries: Sequence[WindowEntry]) -> Calendar:
    """With these windows declared, in the place of declared ones of their names."""
    names = {entry.name for entry in entries}
    others = [each for each in calendar.windows if not (each.declared and each.name in names)]
    return with_windows(calendar, (*others, *resolved(entries, calendar, declared=True)))


def withdraw(calendar: Calendar, name: str) -> Calendar:
    """Without the declared windows of this name. Raises EditError for one that closed days: those are reopened."""
    named = [each for each in calendar.windows if each.declared and each.name == name]
    if any(each.kind in CLOSING for each in named):
        raise EditError(
            f"window {name}: it closed school days; expected `firstbell calendar reopen DISTRICT {named[0].first}`"
        )
    return with_windows(calendar, [each for each in calendar.windows if each not in named])


def carried(calendar: Calendar, former: Calendar | None) -> Calendar:
    """A district's file as imported anew, with what commands declared in the calendar before: closures and windows."""
    if former is None or former.rehearsal or calendar.rehearsal:
        return calendar
    start, end = calendar.days[0][0], calendar.days[-1][0]
    kept = [each for each in former.windows if each.declared and each.last >= start and each.first <= end]
    closing = [each for each in kept if each.kind in CLOSING]
    days = [day for day in calendar.days if not any(each.first <= day[0] <= each.last for each in closing)]
    for window in closing:
        found = [day for day in former.days if day[0] == window.made_up_on]
        days = _with_day(days, found[0]) if found and all(day[0] != found[0][0] for day in days) else days
    if not days:
        raise EditError(f"{start}: expected instructional days beside those declared closed, seen none")
    changed = calendar.model_copy(update={"days": tuple(days)})
    return _checked(with_windows(changed, (*calendar.windows, *kept)))


def _made_up(calendar: Calendar, closed: InstructionalDay, make_up: date) -> InstructionalDay:
    """The closed day's hours on another date, on the wall clock."""
    if calendar.rehearsal:
        raise EditError("make-up day: expected a real calendar, seen a rehearsal's, whose days leave no room")
    if any(day[0] == make_up for day in calendar.days):
        raise EditError(f"make-up day {make_up}: expected a date without school, seen an instructional day")
    zone = ZoneInfo(calendar.time_zone)
    opens, closes = (datetime.fromtimestamp(ms / 1000, zone).time() for ms in closed[1:])
    return make_up, instant(datetime.combine(make_up, opens), zone), instant(datetime.combine(make_up, closes), zone)


def _with_day(days: Sequence[InstructionalDay], day: InstructionalDay) -> list[InstructionalDay]:
    return sorted((*days, day))


def _checked(calendar: Calendar) -> Calendar:
    """The calendar, its days and windows validated once more."""
    return Calendar.model_validate(calendar.model_dump())
