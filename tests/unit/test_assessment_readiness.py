"""A47, A51, A53 and A93 as pure functions: the beta, first sessions, round trips."""

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.events.raw import RawEvent
from schemas.readiness import CATALOGUE, Missing
from schemas.signal import Origin
from services.assessment.readiness import (
    BETA_DAYS,
    COHORT_FITS,
    FEEDBACK,
    FIRST_SESSION,
    MODEL_MISMATCH,
    PLATFORM,
    RESULT_VISIBLE,
    ROUND_TRIP,
    compute,
)
from services.readings.subject import SignalValue
from tests.harness.school_life import (
    PLAN,
    RELEASE,
    at,
    beta,
    day,
    feedback,
    first_sessions,
    round_trip,
    subject,
    value_of,
    watermark,
)

NOW = at(20.5)


def seen(signal: str, *events: RawEvent, **place: Any) -> SignalValue:
    place.setdefault("now", NOW)
    return value_of(compute(subject(*events, **place)), signal)


def test_every_signal_of_assessment_is_answered_even_of_nothing() -> None:
    values = compute(subject(now=NOW))
    assert sorted(value.signal for value in values) == sorted(
        name for name, entry in CATALOGUE.items() if entry.owner == "assessment"
    )
    assert {value.missing for value in values} == {Missing.NEVER_REPORTED}


def test_a_release_is_no_subject_of_assessment() -> None:
    assert compute(subject(now=NOW, scope=RELEASE)) == ()


# --- days, cohort, feedback (A47)


def test_beta_days_run_from_the_start_to_today_both_included() -> None:
    assert seen(BETA_DAYS, beta(day(9))).value == 12.0
    assert seen(BETA_DAYS, beta(day(20))).value == 1.0


def test_weekends_and_holidays_are_no_beta_days() -> None:
    friday, tuesday = date(2026, 9, 4), date(2026, 9, 8)
    assert seen(BETA_DAYS, beta(friday, ended_on=tuesday)).value == 2.0


def test_a_beta_that_ended_counts_no_more_days() -> None:
    assert seen(BETA_DAYS, beta(day(5), ended_on=day(9))).value == 5.0


def test_a_beta_that_has_not_begun_has_no_days() -> None:
    assert seen(BETA_DAYS, beta(day(25))).value == 0.0
    assert seen(BETA_DAYS, beta(day(0)), now=at(0) - timedelta(days=3)).value == 0.0


def test_without_a_calendar_beta_days_are_unknown() -> None:
    assert seen(BETA_DAYS, beta(day(5)), calendar=None).missing is Missing.NO_CALENDAR


def test_the_newest_report_is_the_beta_as_it_stands() -> None:
    old = beta(day(2), observed_at=at(2), cohort_users_count=60, classrooms_count=20)
    assert seen(COHORT_FITS, beta(day(5)), old).value == 1.0
    assert seen(COHORT_FITS, beta(day(5)), old).observed_at == at(5)


@pytest.mark.parametrize(
    ("cohort", "classrooms", "fits"),
    [(4, 1, 0), (5, 1, 1), (15, 1, 1), (16, 1, 0), (60, 2, 1), (60, 5, 1), (60, 6, 0), (0, 3, 0)],
)
def test_a_cohort_fits_by_its_share_or_by_its_classrooms(cohort: int, classrooms: int, fits: int) -> None:
    value = seen(COHORT_FITS, beta(day(5), cohort_users_count=cohort, classrooms_count=classrooms))
    assert value.value == fits


def test_a_cohort_of_no_target_has_no_denominator() -> None:
    assert seen(COHORT_FITS, beta(day(5), target_users_count=0)).missing is Missing.NO_DENOMINATOR


def test_feedback_is_a_share_of_the_cohort() -> None:
    value = seen(FEEDBACK, beta(day(1)), feedback(8, 10))
    assert (value.value, value.numerator, value.population) == (0.8, 8, 10)


def test_a_silent_member_counts_against_the_feedback() -> None:
    assert seen(FEEDBACK, beta(day(1), cohort_users_count=20), feedback(8, 8)).value == 0.4


def test_the_newest_feedback_report_decides() -> None:
    assert seen(FEEDBACK, feedback(9, 10, when=3), feedback(2, 10, when=1)).value == 0.9


def test_feedback_of_an_empty_cohort_has_no_denominator() -> None:
    assert seen(FEEDBACK, feedback(0, 0)).missing is Missing.NO_DENOMINATOR


def test_a_watermark_refreshes_the_beta_but_never_a_test() -> None:
    events = (beta(day(1)), feedback(8, 10), first_sessions(9, 10), round_trip(), watermark(at(20)))
    for signal in (BETA_DAYS, COHORT_FITS, MODEL_MISMATCH, FEEDBACK):
        assert seen(signal, *events).observed_at == at(20)
    for signal in (FIRST_SESSION, ROUND_TRIP, RESULT_VISIBLE):
        assert seen(signal, *events).observed_at == at(1)


def test_a_watermark_that_claims_the_future_is_taken_at_its_own_instant() -> None:
    assert seen(BETA_DAYS, beta(day(1)), watermark(at(30), observed_at=at(6))).observed_at == at(6)


# --- model match (A51)


def test_a_beta_on_the_plans_model_differs_in_nothing() -> None:
    value = seen(MODEL_MISMATCH, beta(day(1)))
    assert (value.value, value.detail) == (0.0, ())


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("devices_per_student", 0.3, "ratio"),
        ("take_home", False, "take-home"),
        ("platform", "laptop", "platform"),
        ("identity", "vendor-login", "identity"),
        ("grades", ("grade-06",), "grades"),
    ],
)
def test_a_pilot_unlike_the_plan_names_the_differing_field(field: str, value: object, code: str) -> None:
    seen_value = seen(MODEL_MISMATCH, beta(day(1), beta_model=PLAN.model_copy(update={field: value})))
    assert (seen_value.value, seen_value.detail) == (1.0, (code,))


def test_the_order_of_grades_does_not_matter() -> None:
    turned = PLAN.model_copy(update={"grades": tuple(reversed(PLAN.grades))})
    assert seen(MODEL_MISMATCH, beta(day(1), beta_model=turned)).value == 0.0


# --- first sessions (A53)


def test_first_sessions_are_summed_over_all_days() -> None:
    value = seen(FIRST_SESSION, first_sessions(9, 10, when=1), first_sessions(0, 5, when=2))
    assert (value.value, value.numerator, value.population, value.observed_at) == (0.6, 9, 15, at(2))


def test_volunteers_are_patient_and_do_not_count() -> None:
    day_of_volunteers = first_sessions(5, 10, volunteers_count=90, volunteers_succeeded_count=90)
    assert seen(FIRST_SESSION, day_of_volunteers).value == 0.5


def test_sessions_of_volunteers_alone_have_no_denominator() -> None:
    alone = first_sessions(0, 0, volunteers_count=9, volunteers_succeeded_count=9)
    assert seen(FIRST_SESSION, alone).missing is Missing.NO_DENOMINATOR


def test_one_imported_day_makes_the_share_imported() -> None:
    days = (first_sessions(9, 10), first_sessions(9, 10, origin=Origin.IMPORTED))
    assert seen(FIRST_SESSION, *days).origin is Origin.IMPORTED


# --- round trip (A93)


def test_a_whole_round_trip_is_complete_and_its_result_is_visible_after_civil_days() -> None:
    assert seen(ROUND_TRIP, round_trip()).value == 1.0
    friday = date(2026, 9, 4)
    late = round_trip(scored_on=friday, visible_on=friday + timedelta(days=3))
    assert seen(RESULT_VISIBLE, late).value == 3.0


def test_a_result_seen_on_the_day_of_scoring_is_complete_after_zero_days() -> None:
    same_day = round_trip(1, visible_on=day(1))
    assert (seen(ROUND_TRIP, same_day).value, seen(RESULT_VISIBLE, same_day).value) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"created": False}, "created"),
        ({"delivered": False}, "delivered"),
        ({"scored_on": None, "visible_on": None}, "scored"),
        ({"visible_on": None}, "visible"),
        ({"visible_on": date(2026, 9, 1)}, "visible"),
    ],
)
def test_an_incomplete_round_trip_is_a_no_that_names_the_step(change: dict[str, Any], step: str) -> None:
    value = seen(ROUND_TRIP, round_trip(**change))
    assert (value.value, value.missing) == (0.0, None)
    assert step in value.detail
    assert seen(RESULT_VISIBLE, round_trip(**change)).missing is Missing.NEVER_REPORTED


def test_the_newest_round_trip_decides_for_better_and_worse() -> None:
    failed_last = (round_trip(1), round_trip(2, delivered=False))
    repaired = (round_trip(1, delivered=False), round_trip(2))
    assert seen(ROUND_TRIP, *failed_last).value == 0.0
    assert seen(ROUND_TRIP, *repaired).value == 1.0


def test_a_round_trip_on_another_network_does_not_count() -> None:
    elsewhere = round_trip(2, on_school_network=False)
    assert seen(ROUND_TRIP, elsewhere).missing is Missing.NEVER_REPORTED
    assert seen(ROUND_TRIP, round_trip(1, delivered=False), elsewhere).value == 0.0


# --- platform (A51)


def test_the_betas_platform_is_named_and_nothing_is_named_of_no_beta() -> None:
    named = seen(PLATFORM, beta(day(9), beta_model=PLAN.model_copy(update={"platform": "chromebook"})))
    assert (named.value, named.detail) == (1.0, ("chromebook",))
    assert seen(PLATFORM).missing is Missing.NEVER_REPORTED
