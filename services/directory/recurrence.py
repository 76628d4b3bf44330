"""Recurring stretches of time by RFC 5545, expanded in a district's own clock, with an end to the work.

Called by windows.py and ical.py. It refuses what recurs more often than daily, what has no place in a school year, and
a rule it cannot read; it never drops a part of a rule.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from services.kit.outcome import PermanentError

OCCURRENCES_MAX = 120
"""Of one rule within one calendar: as many windows as a calendar may have. Our judgement, 2026-11-25."""
REACH_YEARS_MAX = 20
"""How long before the calendar a rule may begin; older ones are walked in vain. Our judgement, 2026-11-25."""
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = ("FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS",
          "WKST")  # fmt: skip


class RuleError(PermanentError):
    """A rule that cannot be expanded; the message says what was expected."""


def occurrences(
    rule: str, start: datetime, last: date, zone: ZoneInfo, excluded: Collection[datetime] = ()
) -> tuple[datetime, ...]:
    """When a rule recurs from a local start to a last date, on the wall clock and without a zone, as it was given.

    An hour that the clock jumps over or strikes twice is the caller's to resolve. Raises RuleError.
    """
    if start.date() < last - timedelta(days=366 * REACH_YEARS_MAX):
        raise RuleError(f"rule: expected to begin at most {REACH_YEARS_MAX} years before {last}, seen {start:%Y-%m-%d}")
    text = _checked(rule, zone)
    found: list[datetime] = []
    try:
        series = rrulestr(text, dtstart=start)
        for at in islice(series, 366 * (REACH_YEARS_MAX + 2)):
            if at.date() > last:
                break
            if at not in excluded:
                found.append(at)
    except Exception as error:  # whatever a strange rule breaks in the library, the rule is at fault
        raise RuleError(f"rule: expected an RRULE of RFC 5545, seen {rule!r} ({error})") from error
    return tuple(found)


def _checked(rule: str, zone: ZoneInfo) -> str:
    parts: dict[str, str] = {}
    for part in rule.strip().upper().removeprefix("RRULE:").split(";"):
        key, separator, value = part.partition("=")
        if not separator or key not in _PARTS or key in parts or not value:
            raise RuleError(f"rule: expected each of {', '.join(_PARTS)} at most once, seen {part!r}")
        parts[key] = value
    if parts.get("FREQ") not in FREQUENCIES:
        raise RuleError(f"rule: expected FREQ of {', '.join(FREQUENCIES)}, seen {parts.get('FREQ', 'none')}")
    if "UNTIL" in parts:
        parts["UNTIL"] = f"{_until(parts['UNTIL'], zone):%Y%m%dT%H%M%S}"
    return ";".join(f"{key}={value}" for key, value in parts.items())


def _until(text: str, zone: ZoneInfo) -> datetime:
    """A rule's end on the district's wall clock: a date to its last second, an instant of UTC converted."""
    try:
        if "T" not in text:
            return datetime.combine(datetime.strptime(text, "%Y%m%d").date(), time(23, 59, 59))  # noqa: DTZ007 - a date
        until = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the wall clock's own
    except ValueError as error:
        raise RuleError(f"rule: expected UNTIL such as 20270618 or 20270618T065959Z, seen {text!r}") from error
    return until.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if text.endswith("Z") else until


def instant(local: datetime, zone: ZoneInfo) -> int:
    """Milliseconds since the epoch of a local time. One the clock jumps over has the offset before: so says RFC 5545."""
    return int(local.replace(tzinfo=zone).timestamp() * 1000)
