"""A district's calendar from a YAML file, or a rehearsal's: civil days and hours resolved to instants.

Pure apart from the time-zone data; called by the calendar commands. It refuses a day it cannot place, and a file with
a key it does not know, since a misspelt break would let schools advance in a holiday.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from schemas.calendar import Calendar, InstructionalDay, WindowKind
from services.directory.windows import WindowEntry, resolved, with_windows
from services.kit.outcome import PermanentError

DAYS_MAX = 400
"""Instructional days of one calendar; the language's own limit."""
SPAN_DAYS_MAX = 500
"""Civil days from first to last. A school year has about 290. Our judgement, 2026-11-23."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class CalendarFileError(PermanentError):
    """A calendar file cannot be used; the message names the key."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Break(_Part):
    """Days without school, ends included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"to: expected {self.first} or later, seen {self.last}")
        return self


class ExplicitDay(_Part):
    """One instructional day whose hours may differ."""

    day: date = Field(alias="date")
    opens: time | None = None
    """None: the calendar's."""
    closes: time | None = None
    """None: the calendar's."""


def _as_break(value: Any) -> Any:  # Any: what a file may hold
    return {"from": value, "to": value} if isinstance(value, str) else value


def _as_day(value: Any) -> Any:  # Any: what a file may hold
    return {"date": value} if isinstance(value, str) else value


def _as_list(value: Any) -> Any:  # Any: what a file may hold
    return [value] if isinstance(value, str) else value


class CalendarFile(_Part):
    """What a calendar file says. Either `first_day` and `last_day` with `breaks`, or `days`, each named."""

    district: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(min_length=1)
    """DistrictIds, NCES or state ids, or names: one calendar may serve many districts."""
    time_zone: str
    hours_per_day: float = Field(gt=0, le=12)
    opens: time
    closes: time
    first_day: date | None = None
    """None: `days` names every day."""
    last_day: date | None = None
    """None: `days` names every day."""
    weekdays: tuple[str, ...] = WEEKDAYS[:5]
    breaks: tuple[Annotated[Break, BeforeValidator(_as_break)], ...] = ()
    days: tuple[Annotated[ExplicitDay, BeforeValidator(_as_day)], ...] = ()
    """Without `first_day`: all days. With it: days of other hours, or added to the week (make-up days)."""
    windows: tuple[WindowEntry, ...] = Field(default=(), max_length=60)
    """Testing windows and whatever else a policy may freeze; breaks are windows by themselves."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.first_day is None) != (self.last_day is None):
            raise ValueError("first_day and last_day: expected both or neither")
        if self.first_day is None and not self.days:
            raise ValueError("first_day: expected it with last_day, or every day under days")
        if self.first_day is None and self.breaks:
            raise ValueError("breaks: expected first_day and last_day beside them")
        if (
            self.first_day
            and self.last_day
            and not timedelta(0) <= self.last_day - self.first_day <= timedelta(SPAN_DAYS_MAX)
        ):
            raise ValueError(
                f"last_day: expected within {SPAN_DAYS_MAX} days after {self.first_day}, seen {self.last_day}"
            )
        strange = [name for name in self.weekdays if name not in WEEKDAYS]
        if strange:
            raise ValueError(f"weekdays: expected names such as monday, seen {strange[0]!r}")
        return self


def read_calendar_file(text: str, name: str) -> CalendarFile:
    """The file's content. Raises CalendarFileError naming line or key. Words stay words: no YAML 1.1 surprises."""
    try:
        tree = yaml.load(text, Loader=_Words)
        return CalendarFile.model_validate(tree)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
        problem = getattr(error, "problem", None) or str(error)
        raise CalendarFileError(f"{name}: {place}: expected YAML, seen {problem}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        seen = "" if isinstance(first["input"], dict) else f"; seen {first['input']!r}"
        raise CalendarFileError(f"{name}: {key}: {first['msg'].removeprefix('Value error, ')}{seen}") from error


class _Words(yaml.BaseLoader):
    """Texts, lists and mappings; a key that stands twice is an error, where YAML would drop the first in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As YAML's, without doubled keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def resolve(file: CalendarFile, district_id: str, version: int) -> Calendar:
    """The calendar in instants. Raises CalendarFileError for a time zone or an hour that does not exist."""
    zone = zone_of(file.time_zone)
    hours: dict[date, tuple[time, time]] = {}
    if file.first_day and file.last_day:
        closed = {day for part in file.breaks for day in _dates(part.first, part.last)}
        wanted = {WEEKDAYS.index(name) for name in file.weekdays}
        for day in _dates(file.first_day, file.last_day):
            if day.weekday() in wanted and day not in closed:
                hours[day] = (file.opens, file.closes)
    for entry in file.days:
        hours[entry.day] = (entry.opens or file.opens, entry.closes or file.closes)
    if not 1 <= len(hours) <= DAYS_MAX:
        raise CalendarFileError(f"days: expected 1 to {DAYS_MAX} instructional days, seen {len(hours)}")
    days = tuple(_resolved(day, *hours[day], zone) for day in sorted(hours))
    bare = Calendar(
        district_id=district_id,
        version=version,
        time_zone=file.time_zone,
        hours_per_day=file.hours_per_day,
        days=days,
    )
    breaks = [
        WindowEntry(name=f"break-{part.first}", kind=WindowKind.BREAK, first=part.first, last=part.last)
        for part in file.breaks
    ]
    return with_windows(bare, resolved((*breaks, *file.windows), bare))


def rehearsal(
    district_id: str,
    version: int,
    *,
    start: datetime,
    day_seconds: float,
    days_count: int,
    first_date: date,
    time_zone: str,
    last_day_hours: float = 0.0,
) -> Calendar:
    """A compressed calendar: each instructional day lasts `day_seconds` and the next begins as it ends.

    `last_day_hours` lets the last day last on, so that a finished rehearsal can be looked at as it ended. Civil
    dates walk real weekdays from `first_date`, so that rules by month hold. Raises CalendarFileError.
    """
    zone_of(time_zone)
    if not 0 <= last_day_hours <= 8_760:
        raise CalendarFileError(f"rehearsal: expected a last day of 0-8760 more hours, seen {last_day_hours:g}")
    if not 0.001 <= day_seconds <= 86_400 or not 1 <= days_count <= DAYS_MAX:
        raise CalendarFileError(
            f"rehearsal: expected days of 0.001-86400 seconds and 1-{DAYS_MAX} of them, seen {day_seconds:g} s, {days_count}"
        )
    begin, length = int(start.timestamp() * 1000), round(day_seconds * 1000)
    days: list[InstructionalDay] = []
    civil = first_date
    while len(days) < days_count:
        if civil.weekday() < 5:
            opens = begin + len(days) * length
            days.append((civil, opens, opens + length))
        civil += timedelta(days=1)
    civil, opens, closes = days[-1]
    days[-1] = (civil, opens, closes + round(last_day_hours * 3_600_000))
    return Calendar(
        district_id=district_id, version=version, time_zone=time_zone, hours_per_day=6, rehearsal=True, days=tuple(days)
    )


def zone_of(name: str) -> ZoneInfo:
    """The time zone. Raises CalendarFileError for a name nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CalendarFileError(f"time_zone: expected a name such as America/Los_Angeles, seen {name!r}") from error


def _resolved(day: date, opens: time, closes: time, zone: ZoneInfo) -> InstructionalDay:
    if closes <= opens:
        raise CalendarFileError(f"{day}: expected to close after {opens:%H:%M}, seen {closes:%H:%M}")
    return day, _instant(day, opens, zone), _instant(day, closes, zone)


def _instant(day: date, at: time, zone: ZoneInfo) -> int:
    local = datetime.combine(day, at, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise CalendarFileError(f"{day}: {at:%H:%M} does not exist in {zone.key}: the clock jumps over it")
    return int(instant.timestamp() * 1000)


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]
