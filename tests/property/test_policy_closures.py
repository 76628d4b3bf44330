"""A new version of a calendar recomputes what is pending from its start: a closure declared late is as one known early."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.calendar import Calendar
from schemas.school import Phase
from tests.harness.scenario import CLEAN, Scenario, calendar_of, context_of, school_days
from workflows.policy.timeline import elapse

DAYS = school_days(40)


def without(indexes: set[int], version: int) -> Calendar:
    return calendar_of(tuple(day for index, day in enumerate(DAYS) if index not in indexes), version=version)


def lived(first: Calendar, then: Calendar, learnt_after: float) -> list[tuple[Phase, datetime]]:
    """When each phase opened in a school that learns of another calendar so many hours after its first bell."""
    school = Scenario(calendar=first).signs().hears(CLEAN)
    learns_at = school.now + timedelta(hours=learnt_after)
    school.walk = elapse(school.walk, learns_at, "test")
    school.now = learns_at
    school.learns(context_of(), then)
    for hour in range(0, 24 * 20, 6):
        at = learns_at + timedelta(hours=hour)
        school.walk = elapse(school.walk, at, "test")
        school.now = at
        school.hears(CLEAN)
    return [(fact.phase, fact.occurred_at) for fact in school.facts if fact.body.kind == "phase-opened"]


@given(st.sets(st.integers(3, 20), max_size=6), st.floats(0.1, 60))
@settings(max_examples=40, deadline=None)
def test_days_closed_after_they_were_counted_on_shift_dwell_and_soak_as_if_they_had_never_been(
    closed: set[int], learnt_after: float
) -> None:
    early, late = without(closed, 1), without(set(), 1)
    assert lived(early, without(closed, 2), learnt_after) == lived(late, without(closed, 2), learnt_after)


@given(st.sets(st.integers(3, 20), max_size=6), st.floats(0.1, 60))
@settings(max_examples=20, deadline=None)
def test_a_closure_that_is_taken_back_leaves_no_trace_in_what_is_due(closed: set[int], learnt_after: float) -> None:
    assert lived(without(closed, 1), without(set(), 2), learnt_after) == lived(
        without(set(), 1), without(set(), 2), learnt_after
    )
