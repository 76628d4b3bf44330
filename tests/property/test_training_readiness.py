"""Training's laws, over any completions, hand-outs and coaches a school could have."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events.training import ClassHandedOut, CoachAssigned, TrainingCompleted
from schemas.readiness import CATALOGUE, on_grid
from services.readings.subject import SignalValue
from services.training.readiness import (
    COACHES,
    MODULES,
    MONTHS,
    NO_COACH,
    THREE_SESSIONS,
    UNTRAINED_HANDOUT,
    compute,
)
from tests.harness.school_life import at, coach, completion, handout, roster, subject, value_of, watermark

NOW = at(50)
dates = st.integers(0, 90).map(lambda step: date(2026, 8, 1) + timedelta(days=step))
teachers = st.integers(1, 6)
completions = st.builds(
    completion,
    teachers,
    st.sampled_from(["device-basics", "classroom-use", "data-use"]),
    dates,
    hours=st.floats(min_value=0.25, max_value=8),
    passed=st.booleans(),
)
handouts = st.builds(handout, st.integers(1, 5), teachers, dates)
coaches = st.builds(
    coach,
    st.integers(1, 4),
    st.floats(min_value=0, max_value=1, exclude_min=True),
    active=st.booleans(),
)
counts = st.none() | st.integers(0, 8)


def values(told: list[Any], teachers_count: int | None, *more: Any) -> tuple[SignalValue, ...]:
    known = [] if teachers_count is None else [roster(teachers_count)]
    return compute(subject(*told, *more, *known, watermark(NOW), now=NOW, teachers=None))


lives = st.lists(completions | handouts | coaches, max_size=16)


@given(lives, counts, st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_readings_do_not_depend_on_the_order_of_events(life: list[Any], teachers_count: int | None, dice: Any) -> None:
    known = [] if teachers_count is None else [roster(teachers_count)]
    tidy = subject(*life, *known, watermark(NOW), now=NOW)
    shuffled = list(tidy.events)
    dice.shuffle(shuffled)
    assert compute(replace(tidy, events=tuple(shuffled))) == compute(tidy)


@given(lives, counts)
@settings(max_examples=60, deadline=None)
def test_every_signal_is_answered_once_and_on_its_grid(life: list[Any], teachers_count: int | None) -> None:
    answers = values(life, teachers_count)
    assert len({answer.signal for answer in answers}) == len(answers) == 6
    for answer in answers:
        assert answer.value is None or on_grid(CATALOGUE[answer.signal], answer.value)
        assert (answer.value is None) == (answer.missing is not None or not answer.applicable)
        if answer.population is not None:
            assert answer.numerator is not None
            assert 0 <= answer.numerator <= answer.population


@given(lives, st.integers(1, 8), completions)
@settings(max_examples=60, deadline=None)
def test_a_further_completion_never_worsens_modules_sessions_months_or_handouts(
    life: list[Any], teachers_count: int, further: TrainingCompleted
) -> None:
    before, after = values(life, teachers_count), values(life, teachers_count, further)
    for signal in (MODULES, THREE_SESSIONS, MONTHS):
        assert (value_of(after, signal).value or 0) >= (value_of(before, signal).value or 0)
    assert (value_of(after, UNTRAINED_HANDOUT).value or 0) <= (value_of(before, UNTRAINED_HANDOUT).value or 0)


@given(lives, handouts)
@settings(max_examples=60, deadline=None)
def test_a_further_handout_never_lowers_the_untrained_count(life: list[Any], further: ClassHandedOut) -> None:
    before = value_of(values(life, 4), UNTRAINED_HANDOUT).value
    after = value_of(values(life, 4, further), UNTRAINED_HANDOUT).value
    assert before is not None
    assert after is not None
    assert after >= before


@given(lives, st.integers(1, 8), coaches)
@settings(max_examples=60, deadline=None)
def test_a_further_coach_never_worsens_the_cover_and_none_is_the_worst(
    life: list[Any], teachers_count: int, further: CoachAssigned
) -> None:
    before = value_of(values(life, teachers_count), COACHES).value
    after = value_of(values(life, teachers_count, further), COACHES).value
    assert before is not None
    assert after is not None
    assert after <= before <= NO_COACH
