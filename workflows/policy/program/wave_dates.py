"""When a program's waves can open, as far as a calendar and the freezes tell. Pure.

Called by `program plan` and by admission (`frozen_until`). Civil dates are compared as dates: a program spans
districts, so a freeze begins and ends at midnight UTC.
"""

from bisect import bisect_left
from datetime import date, timedelta

from schemas.calendar import Calendar, InstructionalDay
from schemas.program import WavePlan, WavePolicy


def frozen_until(policy: WavePolicy, day: date) -> date | None:
    """The first day, at or after this one, on which admission is allowed. None: this day is."""
    free = max(day, policy.starts_on) if policy.starts_on is not None else day
    for freeze in sorted(policy.freezes, key=lambda each: each.starts_on):
        if freeze.starts_on <= free <= freeze.ends_on:
            free = freeze.ends_on + timedelta(days=1)
    return None if free == day else free


def dated(plan: WavePlan, policy: WavePolicy, calendar: Calendar | None, today: date) -> WavePlan:
    """The plan with each wave's earliest date: the one before has had its days, no freeze covers it."""
    opens: date | None = today
    waves = []
    for wave in plan.waves:
        opens = _legal(policy, calendar, opens)
        waves.append(wave.model_copy(update={"opens_on": opens}))
        opens = _after(policy, calendar, opens)
    return plan.model_copy(update={"waves": tuple(waves)})


def _legal(policy: WavePolicy, calendar: Calendar | None, day: date | None) -> date | None:
    while day is not None:
        moved = frozen_until(policy, day) or day
        instructional = _instructional(calendar, moved)
        if instructional == day:
            return day
        day = instructional
    return None


def _instructional(calendar: Calendar | None, day: date) -> date | None:
    if calendar is None:
        return day
    index = bisect_left(calendar.days, day, key=_civil)
    return calendar.days[index][0] if index < len(calendar.days) else None


def _after(policy: WavePolicy, calendar: Calendar | None, day: date | None) -> date | None:
    if calendar is None or day is None:
        return None
    index = bisect_left(calendar.days, day, key=_civil) + -int(-policy.wave_days // 1)
    return calendar.days[index][0] if index < len(calendar.days) else None


def _civil(day: InstructionalDay) -> date:
    return day[0]
