"""Imagined days as instants of a calendar: day 3.5 is the middle of its fourth instructional day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from schemas.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Clock:
    """Converts between day numbers and instants. A day past the calendar's end is its last moment."""

    calendar: Calendar

    @property
    def days_count(self) -> int:
        """Instructional days in the calendar."""
        return len(self.calendar.days)

    def instant(self, day: float) -> datetime:
        """The instant of a day number, in UTC."""
        index = min(int(day), self.days_count - 1)
        _, opens, closes = self.calendar.days[index]
        share = min(day - index, 1.0)
        return datetime.fromtimestamp((opens + share * (closes - opens)) / 1000, UTC)

    def civil(self, day: float) -> date:
        """The civil date of a day number."""
        return self.calendar.days[min(int(day), self.days_count - 1)][0]

    def day_number(self, instant: datetime) -> float:
        """The day number of an instant; negative before the first day."""
        moment = instant.timestamp() * 1000
        first_open = self.calendar.days[0][1]
        if moment < first_open:
            return -1.0
        for index, (_, opens, closes) in enumerate(self.calendar.days):
            if moment < opens:
                return float(index)
            if moment < closes:
                return index + (moment - opens) / (closes - opens)
        return float(self.days_count)
