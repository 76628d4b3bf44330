"""The day sweep: when a district's instructional day begins, all its schools are computed anew.

Time changes signals without an event ("seen within seven days"). The day last swept is kept in the database, so
that a restart neither forgets a day nor sweeps one twice.
"""

from datetime import UTC, datetime, timedelta

from schemas.calendar import Calendar
from services.kit.batch import Batch
from services.readings import scopes
from services.readings.register import Register
from workflows.policy.calendar import day_index, next_opening

PAUSE_SECONDS_MAX = 1.0
"""Seconds between two looks, in case a new calendar has come. Our judgement, 2026-11-23."""
PAUSE_SECONDS_MIN = 0.02
"""Seconds; a rehearsal's day may last one. Our judgement, 2026-11-23."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def began_at(calendar: Calendar, instant: datetime) -> datetime | None:
    """When the instructional day under way, or the last begun, opened. None: before the first."""
    index = day_index(calendar, instant)
    return None if index is None else _EPOCH + timedelta(milliseconds=calendar.days[index][1])


class Days:
    """One room's day sweep."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._opening: datetime | None = None

    def pause_seconds(self) -> float:
        """Until the next opening of any district, within bounds."""
        if self._opening is None:
            return PAUSE_SECONDS_MAX
        seconds = (self._opening - datetime.now(UTC)).total_seconds()
        return min(max(seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX)

    async def sweep(self, batch: Batch) -> None:
        """Marks the schools of districts that began a day since the last sweep, and all releases with them."""
        begun: dict[str, datetime] = {}
        openings: list[datetime] = []
        for district in await self._register.districts(batch.connection):
            opened = began_at(district.calendar, batch.now)
            if opened is not None and opened != district.swept_at:
                begun[district.district_id] = opened
            coming = next_opening(district.calendar, batch.now + timedelta(milliseconds=1))
            if coming is not None:
                openings.append(coming)
        self._opening = min(openings, default=None)
        if not begun:
            return
        await batch.connection.execute(
            """insert into district_day (district_id, began_at) select * from unnest($1::text[], $2::timestamptz[])
            on conflict (district_id) do update set began_at = excluded.began_at""",
            list(begun),
            list(begun.values()),
        )
        await scopes.mark_known(batch.connection, (), list(begun))
        await scopes.mark_but_schools(batch.connection)
