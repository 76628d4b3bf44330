"""When a person may be told: quiet hours in their time zone, and the gathering of a digest. Pure.

Called wherever a notice is made. What is urgent waits for nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of a person's day in which nothing but the urgent reaches them. May pass midnight."""

    time_zone: str
    begins: time
    ends: time


def earliest_telling(now: datetime, gather_seconds: float, quiet: Quiet | None, *, urgent: bool) -> datetime:
    """The first instant at which it may be said: at once when urgent, else gathered and after quiet hours.

    `now` is aware. Quiet hours that begin when they end are none.
    """
    if urgent:
        return now
    ready = now + timedelta(seconds=gather_seconds)
    if quiet is None or quiet.begins == quiet.ends:
        return ready
    there = ready.astimezone(ZoneInfo(quiet.time_zone))
    if not _within(there.time(), quiet):
        return ready
    day = there.date() if there.time() < quiet.ends else there.date() + timedelta(days=1)
    return datetime.combine(day, quiet.ends, there.tzinfo).astimezone(UTC)


def _within(clock: time, quiet: Quiet) -> bool:
    if quiet.begins < quiet.ends:
        return quiet.begins <= clock < quiet.ends
    return clock >= quiet.begins or clock < quiet.ends
