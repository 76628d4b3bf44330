"""A district's instructional days, resolved to instants by the directory. Arithmetic: workflows/policy/calendar.py."""

from datetime import date
from typing import ClassVar, Self

from pydantic import Field, model_validator

from schemas.model import Digest, Instant, Strict
from schemas.school import DistrictId

InstructionalDay = tuple[date, int, int]
"""(civil date, opens, closes): the last two in milliseconds since the epoch, UTC. Compact, since workflows carry it."""


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
