"""When a ladder's rungs are due, in a district's school days and hours. Called by escalating.py and acts; pure.

Every instant is counted anew from its start by the calendar at hand, so a closure that is declared late moves what
has not fired and nothing that has.
"""

from dataclasses import dataclass
from datetime import datetime

from schemas.calendar import Calendar
from schemas.escalation import Escalation
from schemas.ladder import Ladder, Rung
from workflows.policy.calendar import add_days
from workflows.policy.judgement import latest


@dataclass(frozen=True, slots=True)
class Due:
    """The next rung of a ladder, and when."""

    number: int
    """Counted from 1."""
    repeat: int
    rung: Rung
    at: datetime | None
    """None: the calendar ends before, or there is none."""


def next_due(escalation: Escalation, ladder: Ladder, calendar: Calendar | None, semantics: int) -> Due | None:
    """The rung that fires next; None: none is left, somebody acted, or an incident explains it. Never blocks.

    An acknowledgement delays it and never hastens it; under the first semantics it put its own instant in the rung's place.
    """
    if escalation.acted is not None or escalation.paused_by is not None:
        return None
    found = following(escalation, ladder)
    if found is None:
        return None
    number, repeat = found
    at = _due_at(escalation, ladder, calendar, number, repeat)
    if escalation.acknowledged_at is not None and calendar is not None:
        silent_until = act_by(ladder, calendar, escalation.acknowledged_at)
        both = None if at is None or silent_until is None else latest(at, silent_until)  # None: later than any calendar
        at = both if semantics >= 2 else silent_until
    return Due(number, repeat, ladder.rungs[number - 1], at)


def following(escalation: Escalation, ladder: Ladder) -> tuple[int, int] | None:
    """Number and repeat of what comes after the last rung that fired; None: nothing does."""
    last = len(ladder.rungs)
    if escalation.rung == 0:
        return min(escalation.first_rung, last), 0
    if escalation.rung < last:
        return escalation.rung + 1, 0
    return (last, escalation.repeat + 1) if escalation.repeat < ladder.repeats else None


def act_by(ladder: Ladder, calendar: Calendar | None, acknowledged_at: datetime) -> datetime | None:
    """Until when an acknowledgement keeps a ladder silent; None: no calendar reaches so far."""
    if calendar is None:
        return None
    return add_days(calendar, acknowledged_at, ladder.act_within_hours / calendar.hours_per_day)


def _due_at(
    escalation: Escalation, ladder: Ladder, calendar: Calendar | None, number: int, repeat: int
) -> datetime | None:
    if calendar is None:
        return None
    due = add_days(calendar, escalation.raised_at, _offset(escalation, ladder, calendar, number, repeat))
    if due is None or not escalation.spaced or escalation.fired_at is None:
        return due
    gap = _offset(escalation, ladder, calendar, number, repeat) - _offset(
        escalation, ladder, calendar, escalation.rung, escalation.repeat
    )
    kept = add_days(calendar, escalation.fired_at, gap)
    return None if kept is None else latest(due, kept)


def _offset(escalation: Escalation, ladder: Ladder, calendar: Calendar, number: int, repeat: int) -> float:
    """School days from the raise to a rung. A ladder that begins higher up fires there at once."""
    start = 0.0 if escalation.first_rung == 1 else _days(ladder.rungs[escalation.first_rung - 1], calendar)
    return _days(ladder.rungs[number - 1], calendar) - start + repeat * ladder.repeat_after_days


def _days(rung: Rung, calendar: Calendar) -> float:
    return rung.after_days + rung.after_hours / calendar.hours_per_day
