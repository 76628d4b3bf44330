"""Criteria that wait for time: soak, dwell, date window. Called by `judge` only."""

from datetime import date, datetime, timedelta

from schemas.calendar import Calendar
from schemas.decision import Reason, Status
from schemas.gate import DateWindow, Dwell, Soak
from workflows.policy.calendar import add_days, day_at, elapsed_days, ends_at, opening_on
from workflows.policy.criteria.reading import meets, passed, read, unknown
from workflows.policy.judgement import Ground, Judgement, earliest


def soak(criterion: Soak, ground: Ground) -> Judgement:
    """Healthy now, and without a break for so many instructional days."""
    passes, age = criterion.not_applicable_passes, criterion.evidence_age_days_max
    seen, value = read(criterion.signal, criterion.healthy_at, ground, age, passes)
    if value is None or ground.calendar is None:
        return seen
    if not meets(criterion.signal, value, criterion.healthy_at):
        return seen.be(Status.UNMET, Reason.BELOW_LINE)
    since = ground.inputs.evidence[criterion.signal].healthy_since.get(criterion.id)
    if since is None:  # healthy now, but nobody knows since when
        return unknown(seen, Reason.UNDECIDABLE)
    due_at = add_days(ground.calendar, since, criterion.minimum_days)
    if due_at is None:
        return unknown(seen, Reason.OUTSIDE_CALENDAR)
    if ground.now < due_at:
        seen.next_look_at = earliest(due_at, seen.next_look_at)
        return seen.be(Status.WAITING, Reason.SOAKING)
    seen.satisfied_at = due_at
    return passed(seen, criterion)


def dwell(criterion: Dwell, ground: Ground) -> Judgement:
    """So many instructional days in the phase."""
    opened_at, days = ground.inputs.opened_at, float(criterion.minimum_days)
    seen = Judgement(Status.UNKNOWN, Reason.NO_CALENDAR, unit="instructional days", required=days)
    if ground.calendar is None:
        return seen
    due_at = add_days(ground.calendar, opened_at, criterion.minimum_days)
    seen.observed_at = opened_at
    seen.observed = int(elapsed_days(ground.calendar, opened_at, ground.now) * 100) / 100
    if due_at is None:
        return unknown(seen, Reason.OUTSIDE_CALENDAR)
    if ground.now < due_at:
        seen.next_look_at = due_at
        return seen.be(Status.WAITING, Reason.DWELLING)
    seen.satisfied_at = due_at
    return seen.be(Status.MET, Reason.MEETS_LINE)


def date_window(criterion: DateWindow, ground: Ground) -> Judgement:
    """Waiting before the window, met inside, a "no" after it; UNKNOWN where the calendar does not reach."""
    seen = Judgement(Status.UNKNOWN, Reason.NO_CALENDAR)
    calendar = ground.calendar
    if calendar is None:
        return seen
    first, today = calendar.days[0][0], day_at(calendar, ground.now)
    opens_on, closes_on = criterion.opens_on or date.min, criterion.closes_on or date.max
    if today is not None and today > closes_on:
        return seen.be(Status.UNMET, Reason.AFTER_WINDOW)
    if ground.now >= ends_at(calendar):
        return unknown(seen, Reason.OUTSIDE_CALENDAR)
    if today is None and opens_on < first:  # days before the calendar's first are not known to be none
        seen.next_look_at = opening_on(calendar, first)
        return unknown(seen, Reason.OUTSIDE_CALENDAR)
    if today is None or today < opens_on:
        return _before(seen, calendar, opens_on)
    seen.satisfied_at = opening_on(calendar, max(opens_on, first))
    seen.next_look_at = _first_after(calendar, closes_on) or ends_at(calendar)
    return seen.be(Status.MET, Reason.INSIDE_WINDOW)


def _before(seen: Judgement, calendar: Calendar, opens_on: date) -> Judgement:
    seen.next_look_at = opening_on(calendar, opens_on)
    if seen.next_look_at is None:
        seen.next_look_at = ends_at(calendar)
        return unknown(seen, Reason.OUTSIDE_CALENDAR)
    return seen.be(Status.WAITING, Reason.BEFORE_WINDOW)


def _first_after(calendar: Calendar, day: date) -> datetime | None:
    return None if day == date.max else opening_on(calendar, day + timedelta(days=1))
