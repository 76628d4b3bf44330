"""Instructional-day arithmetic, on school years and on a rehearsal's seconds alike."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.property.strategies import calendars, instants
from workflows.policy.calendar import (
    add_days,
    ages_out_at,
    day_at,
    day_index,
    elapsed_days,
    ends_at,
    next_opening,
)

MICROSECOND = timedelta(microseconds=1)


@given(st.data())
def test_elapsed_undoes_adding_days(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    start = data.draw(instants(calendar))
    days = data.draw(st.integers(0, len(calendar.days) + 2))
    due = add_days(calendar, start, days)
    if due is not None:
        assert abs(elapsed_days(calendar, start, due) - days) < 1e-4


@given(st.data())
def test_added_days_are_due_at_the_first_instant_and_not_before(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    start = data.draw(instants(calendar))
    due = add_days(calendar, start, data.draw(st.integers(1, len(calendar.days))))
    if due is not None:
        assert elapsed_days(calendar, start, due) > elapsed_days(calendar, start, due - MICROSECOND)


@given(st.data())
def test_adding_days_ends_only_at_the_calendar_end(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    start = data.draw(instants(calendar))
    left = elapsed_days(calendar, start, ends_at(calendar))
    assert (add_days(calendar, start, int(left)) is not None) or left < 1
    assert add_days(calendar, start, int(left) + 1) is None


@given(st.data())
def test_adding_days_is_monotone_in_start_and_in_days(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    first, second = sorted([data.draw(instants(calendar)), data.draw(instants(calendar))])
    days = data.draw(st.integers(1, 5))
    early, late = add_days(calendar, first, days), add_days(calendar, second, days)
    assert late is None or (early is not None and early <= late)
    more = add_days(calendar, first, days + 1)
    assert more is None or (early is not None and early < more)


@given(st.data())
def test_elapsed_days_add_up(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    one, two, three = sorted(data.draw(instants(calendar)) for _ in range(3))
    parts = elapsed_days(calendar, one, two) + elapsed_days(calendar, two, three)
    assert abs(parts - elapsed_days(calendar, one, three)) < 1e-6


@given(st.data())
def test_the_day_never_runs_backwards(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    one, two = sorted([data.draw(instants(calendar)), data.draw(instants(calendar))])
    index = day_index(calendar, one)
    if index is None:
        assert day_at(calendar, one) is None
        return
    later = day_index(calendar, two)
    assert later is not None
    assert later >= index
    assert day_at(calendar, one) == calendar.days[index][0]


@given(st.data())
def test_the_next_opening_is_the_first_at_or_after(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    instant = data.draw(instants(calendar))
    opening = next_opening(calendar, instant)
    openings = [day[1] / 1000 for day in calendar.days if day[1] / 1000 >= instant.timestamp() - 1e-7]
    assert (opening.timestamp() if opening else None) == (openings[0] if openings else None)


@given(st.data())
def test_older_evidence_ages_out_no_later(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    older, newer = sorted([data.draw(instants(calendar)), data.draw(instants(calendar))])
    days = data.draw(st.integers(1, 10))
    first, second = ages_out_at(calendar, older, days), ages_out_at(calendar, newer, days)
    assert second is None or (first is not None and first <= second + MICROSECOND)
