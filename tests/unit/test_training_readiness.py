"""A59, A63, A64 and A66 as pure functions: hand-outs, modules, sessions over months, coaches."""

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.events.raw import RawEvent
from schemas.readiness import CATALOGUE, Missing
from schemas.school import ScopeKind
from schemas.signal import Origin
from services.readings.subject import SignalValue
from services.training.readiness import (
    AUGUST,
    COACHES,
    MODULES,
    MONTHS,
    NO_COACH,
    THREE_SESSIONS,
    UNTRAINED_HANDOUT,
    compute,
)
from tests.harness.school_life import RELEASE, at, coach, completion, day, handout, roster, subject, value_of, watermark

NOW = at(30)
SECOND_DAY = day(1)
ALL_MODULES = ("device-basics", "classroom-use", "data-use")


def seen(signal: str, *events: RawEvent, **place: Any) -> SignalValue:
    return value_of(compute(subject(*events, now=NOW, **place)), signal)


def trained(who: int, on: date = SECOND_DAY, *modules: str) -> list[RawEvent]:
    return [completion(who, module, on) for module in modules or ALL_MODULES]


def test_every_signal_of_training_is_answered_even_of_nothing() -> None:
    values = compute(subject(now=NOW, teachers=None))
    assert sorted(value.signal for value in values) == sorted(
        name for name, entry in CATALOGUE.items() if entry.owner == "training"
    )
    assert all(value.missing is not None for value in values)


def test_a_school_whose_training_never_spoke_is_unknown_and_not_untrained() -> None:
    missing = {value.signal: value.missing for value in compute(subject(now=NOW))}
    assert missing.pop(UNTRAINED_HANDOUT) is Missing.NO_WATERMARK
    assert set(missing.values()) == {Missing.NEVER_REPORTED}


def test_a_release_is_no_subject_of_training() -> None:
    assert compute(subject(now=NOW, scope=RELEASE)) == ()
    assert RELEASE.kind is ScopeKind.RELEASE


# --- hand-outs (A59)


def test_a_handout_to_an_untrained_teachers_class_counts() -> None:
    value = seen(UNTRAINED_HANDOUT, handout(1, 1, day(5)), *trained(2), watermark(NOW))
    assert value.value == 1.0


def test_the_core_module_on_the_day_of_the_handout_is_in_time_and_the_day_after_is_not() -> None:
    def untrained(completed_on: date) -> float | None:
        core = completion(1, "device-basics", completed_on)
        return seen(UNTRAINED_HANDOUT, handout(1, 1, day(5)), core, watermark(NOW)).value

    assert untrained(day(5)) == 0.0
    assert untrained(day(5) + timedelta(days=1)) == 1.0


def test_another_module_or_a_failed_core_module_does_not_count_as_trained() -> None:
    other = completion(1, "classroom-use", day(1))
    failed = completion(1, "device-basics", day(1), passed=False)
    assert seen(UNTRAINED_HANDOUT, handout(1, 1, day(5)), other, failed, watermark(NOW)).value == 1.0


def test_a_class_handed_out_twice_counts_once() -> None:
    twice = [handout(1, 1, day(5)), handout(1, 1, day(6)), handout(2, 1, day(6))]
    assert seen(UNTRAINED_HANDOUT, *twice, watermark(NOW)).value == 2.0


def test_no_handout_is_zero_only_below_the_watermark() -> None:
    assert seen(UNTRAINED_HANDOUT, roster(5)).missing is Missing.NO_WATERMARK
    value = seen(UNTRAINED_HANDOUT, roster(5), watermark(at(12)))
    assert (value.value, value.observed_at) == (0.0, at(12))


def test_a_handout_newer_than_the_watermark_counts_and_makes_it_no_fresher() -> None:
    value = seen(UNTRAINED_HANDOUT, handout(1, 1, day(20)), watermark(at(12)))
    assert (value.value, value.observed_at) == (1.0, at(12))


# --- modules (A63)


def test_a_teacher_is_complete_with_all_three_modules_passed() -> None:
    events = [*trained(1), *trained(2, day(2), "device-basics", "classroom-use"), roster(2)]
    value = seen(MODULES, *events)
    assert (value.value, value.numerator, value.population, value.detail) == (0.5, 1, 2, ("data-use",))


def test_a_failed_module_is_not_complete() -> None:
    events = [*trained(1, day(2), "device-basics", "classroom-use"), completion(1, "data-use", day(2), passed=False)]
    assert seen(MODULES, *events, roster(1)).value == 0.0


def test_complete_modules_name_nothing_that_is_lacking() -> None:
    value = seen(MODULES, *trained(1), *trained(2), roster(2))
    assert (value.value, value.detail) == (1.0, ())


def test_a_roster_of_nobody_is_inapplicable_and_never_a_division() -> None:
    for signal in (MODULES, THREE_SESSIONS, MONTHS, AUGUST, COACHES):
        assert seen(signal, roster(0), teachers=20.0).applicable is False


def test_without_any_count_of_teachers_the_denominator_is_missing() -> None:
    for signal in (MODULES, THREE_SESSIONS, COACHES):
        assert seen(signal, *trained(1), teachers=None).missing is Missing.NO_DENOMINATOR


def test_without_a_roster_the_directorys_teachers_are_rounded_up() -> None:
    assert seen(MODULES, *trained(1), teachers=3.2).population == 4


def test_the_newest_roster_decides() -> None:
    assert seen(MODULES, *trained(1), roster(2, when=5), roster(4, when=1)).value == 0.5


def test_teachers_who_left_cannot_lift_a_share_above_all() -> None:
    value = seen(MODULES, *trained(1), *trained(2), *trained(3), roster(2))
    assert (value.value, value.numerator) == (1.0, 2)


def test_a_watermark_keeps_a_roster_fresh_to_where_it_is_complete() -> None:
    assert seen(MODULES, *trained(1), roster(1), watermark(at(25), observed_at=at(28))).observed_at == at(25)


def test_an_attested_completion_makes_the_share_attested() -> None:
    attested = completion(1, "data-use", day(2), origin=Origin.ATTESTED)
    assert seen(MODULES, *trained(2), attested, roster(2)).origin is Origin.ATTESTED


# --- spread over months (A64)


def test_three_distinct_sessions_count_and_one_session_of_three_modules_does_not() -> None:
    months = (date(2026, 8, 20), date(2026, 9, 20), date(2026, 10, 20))
    spread = [completion(1, module, on) for module, on in zip(ALL_MODULES, months, strict=True)]
    value = seen(THREE_SESSIONS, *spread, *trained(2, months[0]), roster(2))
    assert (value.value, value.numerator, value.population) == (0.5, 1, 2)


def test_a_session_counts_as_attended_whether_or_not_it_was_passed() -> None:
    sessions = [completion(1, "data-use", day(n), passed=False) for n in (1, 2, 3)]
    assert seen(THREE_SESSIONS, *sessions, roster(1)).value == 1.0


def test_calendar_months_are_counted_once_each() -> None:
    on = (date(2026, 8, 3), date(2026, 8, 30), date(2026, 9, 1), date(2027, 8, 1))
    assert seen(MONTHS, *[completion(1, "data-use", each) for each in on], roster(1)).value == 3.0


def test_all_hours_in_august_is_a_whole_share() -> None:
    assert seen(AUGUST, *trained(1, date(2026, 8, 20)), roster(1)).value == 1.0


def test_the_august_share_is_by_hours_and_not_by_sessions() -> None:
    events = [
        completion(1, "device-basics", date(2026, 8, 20), hours=1.0),
        completion(1, "data-use", date(2026, 9, 20), hours=3.0),
    ]
    assert seen(AUGUST, *events, roster(1)).value == 0.25


def test_no_hours_have_no_august_share() -> None:
    assert seen(AUGUST, roster(4)).missing is Missing.NO_DENOMINATOR


def test_no_session_below_a_roster_is_zero_sessions() -> None:
    assert seen(THREE_SESSIONS, roster(4)).value == 0.0
    assert seen(MONTHS, roster(4)).value == 0.0


# --- coaches (A66)


def test_teachers_for_each_coach() -> None:
    assert seen(COACHES, roster(30), coach(1), coach(2)).value == 15.0


def test_shares_of_a_coachs_time_add_up() -> None:
    assert seen(COACHES, roster(9), coach(1, 0.1), coach(2, 0.2)).value == 30.0


def test_nobody_serves_one_school_twice_over() -> None:
    assert seen(COACHES, roster(30), coach(1, 0.8), coach(1, 0.8)).value == 30.0


def test_no_active_coach_is_a_no_that_fails_every_sane_line() -> None:
    for events in ((roster(10),), (roster(10), coach(1, active=False))):
        value = seen(COACHES, *events)
        assert (value.value, value.missing, value.detail) == (NO_COACH, None, ("no-coach",))
    assert NO_COACH > 2000


@pytest.mark.parametrize("share", [1e-9, 0.0001, 0.01])
def test_a_sliver_of_a_coach_is_never_worse_than_none(share: float) -> None:
    value = seen(COACHES, roster(2000), coach(1, share)).value
    assert value is not None
    assert value <= NO_COACH


def test_a_fraction_is_rounded_to_more_teachers() -> None:
    assert seen(COACHES, roster(10), coach(1), coach(2), coach(3)).value == 3.4
