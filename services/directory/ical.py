"""Closures, breaks and testing windows out of an iCalendar file (RFC 5545): good events land, the others are told.

Called by `calendar import --ical`. An event's words are looked at and never kept: a window is named by kind and date.
It refuses what it can't place (an unknown time zone, a closure of some hours), by line and uid, and guesses nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from schemas.calendar import Calendar, Window, WindowKind
from services.directory.calendar_edits import CLOSING, close
from services.directory.recurrence import RuleError, instant, occurrences
from services.directory.windows import whole_days, with_windows
from services.kit.outcome import PermanentError

BYTES_MAX = 5_000_000
EVENTS_MAX = 5_000
RULES_MAX = 100
"""Events that recur: each may take seconds to expand to nothing. All three our judgement, 2026-11-25."""
WORDS: tuple[tuple[WindowKind, str], ...] = (
    (WindowKind.TESTING, r"\b(testing|state tests?|assessments?|sba|sbac|wida|psat|sat day)\b"),
    (WindowKind.BREAK, r"\b(break|recess|vacation)\b"),
    (WindowKind.CLOSURE, r"\b(no school|closed|closures?|holidays?|snow day)\b"),
)
"""What tells the kind, first match, categories before the summary. Defaults, not a standard: `--map` comes first."""
_CHOSEN = (WindowKind.TESTING, WindowKind.BREAK, WindowKind.CLOSURE, WindowKind.DISTRICT)


class IcalError(PermanentError):
    """A file that is no iCalendar, or too large."""


@dataclass(frozen=True, slots=True)
class EventFault:
    """One event that did not land, and where it stands."""

    line: int
    uid: str
    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """One occurrence of an event."""

    kind: WindowKind
    name: str
    begins: datetime
    """On the district's clock, without a zone."""
    ends: datetime
    whole: bool
    """Whole days: `begins` and `ends` are midnights."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says to one calendar."""

    found: tuple[Found, ...]
    faults: tuple[EventFault, ...]
    ignored: int
    """Events of no kind, or cancelled."""


@dataclass(frozen=True, slots=True)
class _Block:
    line: int
    uid: str
    event: icalendar.Event
    faults: tuple[str, ...]


def mapping(texts: Sequence[str]) -> tuple[tuple[WindowKind, str], ...]:
    """`WORDS=KIND` from a command line, before the defaults. Raises IcalError."""
    own: list[tuple[WindowKind, str]] = []
    for text in texts:
        words, _, kind = text.rpartition("=")
        if not words or kind not in [each.value for each in _CHOSEN]:
            kinds = ", ".join(each.value for each in _CHOSEN)
            raise IcalError(f"--map: expected WORDS=KIND with a kind of {kinds}, seen {text!r}")
        own.append((WindowKind(kind), rf"(?<!\w){re.escape(words.casefold())}(?!\w)"))
    return (*own, *WORDS)


def read_ical(content: bytes, calendar: Calendar, words: Sequence[tuple[WindowKind, str]] = WORDS) -> Reading:
    """What the file's events are on this calendar's clock. Raises IcalError for what is no iCalendar at all."""
    blocks = list(_blocks(content))
    replaced = _replaced(blocks, ZoneInfo(calendar.time_zone))
    found: list[Found] = []
    faults: list[EventFault] = []
    ignored = rules = 0
    for block in blocks:
        kind = _kind(block.event, words)
        if kind is None or str(block.event.get("STATUS", "")).upper() == "CANCELLED":
            ignored += 1
            continue
        rules += "RRULE" in block.event
        try:
            if rules > RULES_MAX:
                raise IcalError(f"expected at most {RULES_MAX} events that recur")
            found += _occurrences(block, kind, calendar, replaced.get(block.uid, ()))
        except PermanentError as error:
            faults.append(EventFault(block.line, block.uid, str(error)))
    return Reading(tuple(found), tuple(faults), ignored)


def applied(calendar: Calendar, reading: Reading) -> Calendar:
    """The calendar with a file's windows declared and the days of closures and breaks gone; again: nothing changes."""
    for each in reading.found:
        first, last = each.begins.date(), (each.ends - timedelta(microseconds=1)).date()
        if each.kind in CLOSING and any(first <= day[0] <= last for day in calendar.days):
            calendar = close(calendar, first, last, each.name, each.kind, None)
            continue
        window = _window(each, calendar, first, last)
        if window is not None and window not in calendar.windows:
            calendar = with_windows(calendar, (*calendar.windows, window))
    return calendar


def _window(found: Found, calendar: Calendar, first: date, last: date) -> Window | None:
    zone = ZoneInfo(calendar.time_zone)
    bounds = whole_days(calendar, first, last) if found.whole else (
        instant(found.begins, zone), instant(found.ends, zone)
    )  # fmt: skip
    if bounds is None:
        return None
    return Window(
        name=found.name, kind=found.kind, first=first, last=last, begins=bounds[0], ends=bounds[1], declared=True
    )


def _blocks(content: bytes) -> Iterator[_Block]:
    """Each event by itself, with the line it begins on, so that a broken one spoils no other."""
    if len(content) > BYTES_MAX:
        raise IcalError(f"iCalendar: expected at most {BYTES_MAX} bytes, seen {len(content)}")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise IcalError(f"iCalendar: expected UTF-8, seen {error}; save it as UTF-8") from error
    if not any(line.strip().upper() == "BEGIN:VCALENDAR" for line in lines[:20]):
        raise IcalError("iCalendar: expected BEGIN:VCALENDAR in its first lines, seen none")
    begun, count = 0, 0
    for number, line in enumerate(lines, 1):
        word = line.strip().upper()
        if word == "BEGIN:VEVENT":
            begun, count = number, count + 1
            if count > EVENTS_MAX:
                raise IcalError(f"iCalendar: expected at most {EVENTS_MAX} events, seen more by line {number}")
        elif word == "END:VEVENT" and begun:
            yield _parsed(begun, lines[begun - 1 : number])
            begun = 0
    if begun:
        raise IcalError(f"iCalendar: line {begun}: expected END:VEVENT, seen the end of the file")


def _parsed(line: int, lines: Sequence[str]) -> _Block:
    text = "\r\n".join(lines) + "\r\n"
    try:
        event = icalendar.Event.from_ical(text)
    except Exception as error:  # noqa: BLE001 - whatever one event breaks in the library, that event is at fault
        return _Block(line, "unknown", icalendar.Event(), (f"expected an event of RFC 5545, seen {error}",))
    if not isinstance(event, icalendar.Event):
        return _Block(line, "unknown", icalendar.Event(), (f"expected an event, seen {event.name}",))
    faults = tuple(f"{name or 'line'}: {error}" for name, error in event.errors)
    return _Block(line, str(event.get("UID", "none")), event, faults)


def _kind(event: icalendar.Event, words: Sequence[tuple[WindowKind, str]]) -> WindowKind | None:
    """The kind that the event's categories tell, or else its summary. None: no school matter of ours."""
    categories = [str(name) for each in _listed(event, "CATEGORIES") for name in each.cats]
    for text in (*categories, str(event.get("SUMMARY", ""))):
        for kind, pattern in words:
            if text.casefold() == kind.value or re.search(pattern, text.casefold()):
                return kind
    return None


def _occurrences(block: _Block, kind: WindowKind, calendar: Calendar, replaced: Sequence[datetime]) -> list[Found]:
    if block.faults:
        raise IcalError("; ".join(block.faults))
    event, zone = block.event, ZoneInfo(calendar.time_zone)
    if "DTSTART" not in event:
        raise IcalError("DTSTART: expected a date, seen none")
    begins, whole = _local(_property(event, "DTSTART"), zone)
    ends = _end(event, begins, whole, zone)
    if ends <= begins:
        raise IcalError(f"DTEND: expected after {begins}, seen {ends}")
    if kind in CLOSING and not whole:
        raise IcalError(f"{kind.value}: expected whole days, seen hours; a day is held or it is not")
    starts: Sequence[datetime] = (begins,)
    if "RRULE" in event:
        excluded = {*replaced, *_excluded(event, zone)}
        try:
            starts = occurrences(
                _property(event, "RRULE").to_ical().decode(), begins, calendar.days[-1][0], zone, excluded
            )
        except RuleError as error:
            raise IcalError(str(error)) from error
    if "RDATE" in event:
        raise IcalError("RDATE: expected an RRULE or events of their own")
    name = f"{kind.value}-{begins:%Y-%m-%d}"
    made = [Found(kind, name, at, at + (ends - begins), whole) for at in starts]
    return [
        each for each in made if each.ends.date() >= calendar.days[0][0] and each.begins.date() <= calendar.days[-1][0]
    ]


def _end(event: icalendar.Event, begins: datetime, whole: bool, zone: ZoneInfo) -> datetime:
    if "DTEND" in event:
        ends, also_whole = _local(_property(event, "DTEND"), zone)
        if whole is not also_whole:
            raise IcalError("DTEND: expected a date beside a date, or hours beside hours")
        return ends
    if "DURATION" in event:
        length: timedelta = _property(event, "DURATION").dt
        return begins + length
    return begins + timedelta(days=1) if whole else begins


def _property(event: icalendar.Event, name: str) -> Any:
    """Any: the library's properties are of thirty types, told apart by their names."""
    return event[name]


def _listed(event: icalendar.Event, name: str) -> list[Any]:
    """A property that may stand more than once. Any: as `_property`."""
    value: Any = event.get(name, [])
    return value if isinstance(value, list) else [value]


def _local(value: Any, zone: ZoneInfo) -> tuple[datetime, bool]:
    """A date or time on the district's clock, and whether it is a date. A floating time is the district's own.

    Any: as `_property`.
    """
    at = value.dt
    if isinstance(at, datetime):
        named = value.params.get("TZID")
        if at.tzinfo is None and named is not None:
            raise IcalError(f"TZID: expected a time zone that is known, seen {named}")
        return (at if at.tzinfo is None else at.astimezone(zone).replace(tzinfo=None)), False
    if isinstance(at, date):
        return datetime.combine(at, time.min), True
    raise IcalError(f"expected a date or a date with a time, seen {at}")


def _excluded(event: icalendar.Event, zone: ZoneInfo) -> Iterator[datetime]:
    for each in _listed(event, "EXDATE"):
        for value in each.dts:
            if each.params.get("TZID") and not value.params.get("TZID"):
                value.params["TZID"] = each.params["TZID"]
            yield _local(value, zone)[0]


def _replaced(blocks: Sequence[_Block], zone: ZoneInfo) -> dict[str, list[datetime]]:
    """For each uid, the occurrences that events of their own take the place of."""
    found: dict[str, list[datetime]] = {}
    for block in blocks:
        if "RECURRENCE-ID" in block.event and not block.faults:
            try:
                found.setdefault(block.uid, []).append(_local(_property(block.event, "RECURRENCE-ID"), zone)[0])
            except IcalError:
                continue  # the event itself says so, as its start has the same fault
    return found
