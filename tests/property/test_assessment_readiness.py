"""Assessment's laws, over any betas, first sessions and round trips a school could have."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events.assessment import FirstSessionsReported
from schemas.readiness import CATALOGUE, on_grid
from services.assessment.readiness import BETA_DAYS, FIRST_SESSION, ROUND_TRIP, compute
from services.readings.subject import SignalValue
from tests.harness.school_life import (
    CALENDAR,
    PLAN,
    at,
    beta,
    feedback,
    first_sessions,
    round_trip,
    subject,
    value_of,
    watermark,
)

NOW = at(50)
moments = st.integers(0, 40).map(float)
dates = st.integers(0, 60).map(lambda step: date(2026, 8, 25) + timedelta(days=step))
models = st.sampled_from([PLAN, PLAN.model_copy(update={"take_home": False, "grades": ("grade-08",)})])
betas = st.builds(
    beta,
    dates,
    ended_on=st.none() | dates,
    target_users_count=st.integers(0, 200),
    cohort_users_count=st.integers(0, 200),
    classrooms_count=st.integers(0, 8),
    beta_model=models,
)
days_of_sessions = st.integers(0, 30).flatmap(
    lambda total: st.builds(first_sessions, st.integers(0, total), st.just(total), moments)
)
responses = st.integers(0, 30).flatmap(
    lambda cohort: st.builds(feedback, st.integers(0, cohort), st.just(cohort), moments)
)
trips = st.builds(
    round_trip,
    moments,
    created=st.booleans(),
    delivered=st.booleans(),
    scored_on=st.none() | dates,
    visible_on=st.none() | dates,
    on_school_network=st.booleans(),
)
lives = st.lists(betas | days_of_sessions | responses | trips, max_size=12)


def values(*events: Any) -> tuple[SignalValue, ...]:
    return compute(subject(*events, now=NOW))


@given(lives, st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_readings_do_not_depend_on_the_order_of_events(life: list[Any], dice: Any) -> None:
    tidy = subject(*life, watermark(NOW), now=NOW)
    shuffled = list(tidy.events)
    dice.shuffle(shuffled)
    assert compute(replace(tidy, events=tuple(shuffled))) == compute(tidy)


@given(lives, st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_signal_is_answered_once_and_on_its_grid(life: list[Any], scheduled: bool) -> None:
    answers = compute(subject(*life, now=NOW, calendar=CALENDAR if scheduled else None))
    assert len({answer.signal for answer in answers}) == len(answers) == 8
    for answer in answers:
        assert answer.value is None or on_grid(CATALOGUE[answer.signal], answer.value)
        assert (answer.value is None) == (answer.missing is not None)


@given(betas, st.integers(0, 58), st.integers(0, 58))
@settings(max_examples=60, deadline=None)
def test_beta_days_never_fall_as_time_passes(running: Any, one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    before = value_of(compute(subject(running, now=at(earlier))), BETA_DAYS).value
    after = value_of(compute(subject(running, now=at(later))), BETA_DAYS).value
    assert before is not None
    assert after is not None
    assert before <= after <= before + later - earlier


@given(st.lists(days_of_sessions, min_size=1, max_size=6), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_a_day_of_successes_never_worsens_the_first_sessions(days: list[FirstSessionsReported], total: int) -> None:
    before = value_of(values(*days), FIRST_SESSION).value
    after = value_of(values(*days, first_sessions(total, total)), FIRST_SESSION).value
    assert after is not None
    assert before is None or after >= before


@given(st.lists(trips, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_whole_round_trip_after_all_others_completes(earlier: list[Any]) -> None:
    assert value_of(values(*earlier, round_trip(45.0)), ROUND_TRIP).value == 1.0
