"""Arithmetic on a district's instructional days. Called by criteria, progress, what-if and the verifier.

The school clock runs only while a day is open. A `position` on it is counted in units of a trillionth of a day, in
integers, so that two machines agree to the microsecond. It reads no time zone: the directory resolved the days.
"""

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from schemas.calendar import Calendar, InstructionalDay

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 10**12
"""Units in one instructional day: more than it has microseconds, so adding whole days loses none."""
_PACE_SAMPLE = 6
"""Days looked at for the calendar's pace: among six, two follow one another without a weekend between."""


def _us(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _opens(day: InstructionalDay) -> int:
    return day[1]


def _civil(day: InstructionalDay) -> date:
    return day[0]


def day_index(calendar: Calendar, instant: datetime) -> int | None:
    """The index of the instructional day under way or the last begun; None before the first."""
    index = bisect_right(calendar.days, _us(instant) // 1000, key=_opens) - 1
    return index if index >= 0 else None


def day_at(calendar: Calendar, instant: datetime) -> date | None:
    """The civil date of the instructional day under way or the last begun; None before the first."""
    index = day_index(calendar, instant)
    return None if index is None else calendar.days[index][0]


def _position(calendar: Calendar, microseconds: int) -> int:
    index = bisect_right(calendar.days, microseconds // 1000, key=_opens) - 1
    if index < 0:
        return 0
    _, opens, closes = calendar.days[index]
    offset, length = microseconds - opens * 1000, (closes - opens) * 1000
    return index * _DAY + (_DAY if offset >= length else offset * _DAY // length)


def _at_position(calendar: Calendar, position: int) -> datetime | None:
    """The first instant at which the school clock shows the position; None past the calendar's end."""
    index, rest = divmod(position, _DAY)
    if rest == 0 and index > 0:
        index, rest = index - 1, _DAY
    if index >= len(calendar.days):
        return None
    _, opens, closes = calendar.days[index]
    return _instant(opens * 1000 - (-rest * (closes - opens) * 1000 // _DAY))


def add_days(calendar: Calendar, instant: datetime, days: float) -> datetime | None:
    """The first instant by which so many instructional days have passed, the fraction of a day preserved.

    Time before the first opening does not count. None: the calendar ends before. Raises ValueError below zero.
    """
    if days < 0:
        raise ValueError(f"days to add: expected zero or more, seen {days}")
    if days == 0:
        return instant
    return _at_position(calendar, _position(calendar, _us(instant)) + round(days * _DAY))


def days_before(calendar: Calendar, instant: datetime, days: float) -> datetime | None:
    """The first instant from which at most so many instructional days are left until another one; never after it.

    Past the calendar's end the school clock stands, so this is early rather than late. None: it cannot be counted.
    """
    position = _position(calendar, _us(instant)) - round(days * _DAY)
    counted = _at_position(calendar, max(position, 0))
    return None if counted is None else min(counted, instant)


def elapsed_days(calendar: Calendar, start: datetime, end: datetime) -> float:
    """Instructional days of open time between two instants; zero when the end is not after the start.

    Time outside the calendar does not count, so past its end this says too little: compare `ends_at`.
    """
    return max(0, _position(calendar, _us(end)) - _position(calendar, _us(start))) / _DAY


def next_opening(calendar: Calendar, instant: datetime) -> datetime | None:
    """The first opening at or after an instant; None past the last."""
    index = bisect_left(calendar.days, _us(instant), key=lambda day: day[1] * 1000)
    return _instant(calendar.days[index][1] * 1000) if index < len(calendar.days) else None


def opening_on(calendar: Calendar, day: date) -> datetime | None:
    """The opening of the first instructional day of this civil date or a later one; None past the last."""
    index = bisect_left(calendar.days, day, key=_civil)
    return _instant(calendar.days[index][1] * 1000) if index < len(calendar.days) else None


def ends_at(calendar: Calendar) -> datetime:
    """The close of the last day: after it nothing that counts days can be known."""
    return _instant(calendar.days[-1][2] * 1000)


def ages_out_at(calendar: Calendar, observed_at: datetime, days: int) -> datetime | None:
    """When an observation is older than so many instructional days; None: the calendar ends before.

    What was observed before the first opening has aged at the calendar's densest pace since: too old rather than
    too young, since nobody knows which of those days were instructional.
    """
    first = _instant(calendar.days[0][1] * 1000)
    if observed_at >= first:
        return add_days(calendar, observed_at, days)
    head = calendar.days[:_PACE_SAMPLE]
    gaps = [later[1] - earlier[1] for earlier, later in pairwise(head)]
    pace_us = min(gaps, default=head[0][2] - head[0][1]) * 1000
    aged = (_us(first) - _us(observed_at)) / pace_us
    return (
        observed_at + timedelta(microseconds=pace_us * days) if aged >= days else add_days(calendar, first, days - aged)
    )
