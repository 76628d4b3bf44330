"""A district's instructional days, resolved to instants by the directory. Arithmetic: workflows/policy/calendar.py."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.model import Code, Digest, Instant, Strict
from schemas.school import DistrictId

InstructionalDay = tuple[date, int, int]
"""(civil date, opens, closes): the last two in milliseconds since the epoch, UTC. Compact, since workflows carry it."""
WINDOWS_MAX = 120
"""Windows of one calendar: a weekly one takes about 40, and workflows carry them. Our judgement, 2026-11-25."""


class WindowKind(StrEnum):
    """What a stretch of the calendar is for; which kinds freeze is the policy's to say."""

    FIRST_DAYS = "first-days"
    """The year's beginning, where it is not the calendar's own."""
    TESTING = "testing"
    BREAK = "break"
    LAST_DAYS = "last-days"
    """The year's end, where it is not the calendar's own."""
    CLOSURE = "closure"
    """School that was to be and is not: weather, smoke, a burst pipe. Its days are no instructional days."""
    DISTRICT = "district"
    """Whatever else a district wants quiet: a network night, a board's day."""


class Window(Strict):
    """A named stretch of one calendar, resolved by the directory as its days are."""

    name: Code
    """One of a recurring window's occurrences has the name of all."""
    kind: WindowKind
    first: date
    """Civil date of its first day, for people and for counting school days ahead of it."""
    last: date
    begins: int
    """Milliseconds since the epoch, UTC."""
    ends: int
    """The first millisecond after it."""
    blocks: tuple[Literal["advance"], ...] = ("advance",)
    """What it keeps from happening where the policy freezes its kind. Empty: shown only."""
    declared: bool = False
    """True: made by a command, so a district's file that is imported again does not take it away."""
    made_up_on: date | None = None
    """The instructional day that makes up for a closure. None: none does, or it is no closure."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first or self.ends <= self.begins:
            raise ValueError(f"window {self.name}: expected to end after {self.first}, seen {self.last}")
        return self


class Calendar(Strict):
    """One version of a district's calendar; content-addressed by the digest of its canonical bytes.

    Times are resolved here because time-zone files change between releases and a replay must not notice.
    """

    ce_type: ClassVar[str] = "firstbell.directory.calendar-published.v1"

    district_id: DistrictId
    version: int = Field(ge=1)
    time_zone: str = Field(pattern=r"^[A-Za-z_+-]+(/[A-Za-z0-9_+-]+){0,2}$")
    """For people to read; nothing computes with it after resolution."""
    hours_per_day: float = Field(gt=0, le=12)
    """School hours in one instructional day: the exchange rate between school hours and days."""
    rehearsal: bool = False
    """True: days are compressed and imagined; only a rehearsal program accepts it."""
    days: tuple[InstructionalDay, ...] = Field(min_length=1, max_length=400)
    """Ascending, without overlap."""
    windows: tuple[Window, ...] = Field(default=(), max_length=WINDOWS_MAX)
    """In any order. Empty: the directory knows of none."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        previous_close, previous_date = -1, date.min
        for civil, opens, closes in self.days:
            if civil <= previous_date or opens < previous_close or closes <= opens:
                raise ValueError(f"day {civil}: expected days that ascend without overlap")
            previous_close, previous_date = closes, civil
        return self


class CalendarPointer(Strict):
    """Which calendar a district goes by now; compacted by district."""

    ce_type: ClassVar[str] = "firstbell.directory.calendar-chosen.v1"

    district_id: DistrictId
    version: int = Field(ge=1)
    calendar_digest: Digest
    chosen_at: Instant
