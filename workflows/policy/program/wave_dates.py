"""When a program's waves can open, as far as calendars and the freezes tell. Pure.

Called by `program plan` and by admission (`frozen_until`). Civil dates are compared as dates: a program spans
districts, so a freeze begins and ends at midnight UTC.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from schemas.calendar import Calendar, InstructionalDay
from schemas.program import WavePlan, WavePolicy
from schemas.school import DistrictId

Calendars = Mapping[DistrictId, Calendar]
"""By district, of those that have one."""


def frozen_until(policy: WavePolicy, day: date) -> date | None:
    """The first day, at or after this one, on which admission is allowed. None: this day is."""
    free = max(day, policy.starts_on) if policy.starts_on is not None else day
    for freeze in sorted(policy.freezes, key=lambda each: each.starts_on):
        if freeze.starts_on <= free <= freeze.ends_on:
            free = freeze.ends_on + timedelta(days=1)
    return None if free == day else free


def dated(plan: WavePlan, policy: WavePolicy, calendars: Calendars, today: date) -> WavePlan:
    """The plan with each wave's earliest date. None where the calendars do not reach.

    No freeze covers it, one of its districts has school on it, and of the wave before every district has had its days. A
    district without a calendar has no say.
    """
    opens: date | None = today
    waves = []
    for wave in plan.waves:
        have = [calendars[each] for each in sorted({seat.district_id for seat in wave.seats}) if each in calendars]
        opens = _legal(policy, have, opens)
        waves.append(wave.model_copy(update={"opens_on": opens}))
        opens = _over(policy, have, opens)
    return plan.model_copy(update={"waves": tuple(waves)})


def _legal(policy: WavePolicy, calendars: Sequence[Calendar], day: date | None) -> date | None:
    while day is not None:
        moved = frozen_until(policy, day) or day
        ahead = [found for each in calendars if (found := _later(each, moved, 0)) is not None]
        earliest = min(ahead, default=None) if calendars else moved
        if earliest == day:
            return day
        day = earliest
    return None


def _over(policy: WavePolicy, calendars: Sequence[Calendar], day: date | None) -> date | None:
    """The first day on which the last of these districts has had a wave's days. None: not known of one of them."""
    if not calendars or day is None:
        return None
    days = -int(-policy.wave_days // 1)
    ends = [_later(each, day, days) for each in calendars]
    known = [each for each in ends if each is not None]
    return max(known) if len(known) == len(ends) else None


def _later(calendar: Calendar, day: date, days: int) -> date | None:
    """So many instructional days after the first one at or after `day`. None: past the calendar's end."""
    index = bisect_left(calendar.days, day, key=_civil) + days
    return calendar.days[index][0] if index < len(calendar.days) else None


def _civil(day: InstructionalDay) -> date:
    return day[0]
