"""The bridge sends what can move a verdict, and nothing that could is kept back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gate import Consecutive, Match, Share, Trend
from schemas.ladder import Alarm, EscalationCause
from schemas.readiness import CATALOGUE, CoalescedReading, Direction, Missing, Origin
from schemas.school import GateId
from services.bridge import interest
from services.bridge.interest import Worst
from tests.harness.scenario import LIFE, OPENING, calendar_of, gate_of, gates, policy_of, reading
from workflows.policy.calendar import add_days
from workflows.policy.criteria.reading import signals_read

NAME = "network.mbps-per-student"
LOWER = "network.page-load-p95-seconds"
CALENDAR = calendar_of()


def test_every_signal_the_policy_names_is_watched_and_no_other() -> None:
    named = {
        name for gate in policy_of().gates.values() for criterion in gate.criteria for name in signals_read(criterion)
    }
    assert set(interest.interests(policy_of())) == named


def test_an_unchanged_reading_is_sent_again_before_half_its_freshness_or_its_soaks_age_is_over() -> None:
    found = {name: each.refresh_days for name, each in interest.interests(policy_of()).items()}
    assert found[NAME] == CATALOGUE[NAME].freshness_days / 2
    assert found["identity.login-success-ratio"] == min(5, CATALOGUE["identity.login-success-ratio"].freshness_days) / 2


def test_an_alarms_line_hurries_like_a_gates() -> None:
    signal = "helpdesk.instruction-stopped-count"
    alarm = Alarm(cause=EscalationCause.INSTRUCTION_STOPPED, signal=signal, quiet_at=24, ladder="usual")
    criteria = interest.criteria_by_signal(policy_of().model_copy(update={"alarms": (alarm,)}))
    assert interest.crosses(criteria, signal, 3.0, 30.0)
    assert not interest.crosses(criteria, signal, 3.0, 20.0)


def test_what_an_alarm_names_is_watched_from_the_first_gate_on() -> None:
    signal = "helpdesk.instruction-stopped-count"
    alarm = Alarm(cause=EscalationCause.INSTRUCTION_STOPPED, signal=signal, quiet_at=24, ladder="usual")
    policy = policy_of().model_copy(update={"alarms": (alarm,)})
    assert interest.interests(policy)[signal].first_gate == 0


def test_a_signal_matters_from_the_first_gate_that_names_it_and_what_remembers_from_the_beginning() -> None:
    found = {name: each.first_gate for name, each in interest.interests(policy_of()).items()}
    assert found["network.mbps-per-student"] == 1
    assert found["first-session.success-ratio"] == 2
    assert found["training.modules-complete-ratio"] == 3
    assert found["identity.login-success-ratio"] == 0, "a soak counts days that were before its phase"


def test_the_first_reading_is_due() -> None:
    assert interest.is_due(None, reading(NAME, 2.0, OPENING, 1), Worst(), 10, CALENDAR)


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 1.99},
        {"value": None, "missing": Missing.SILENT_SOURCE},
        {"applicable": False, "value": None},
        {"origin": Origin.ATTESTED},
        {"simulated": True},
        {"detail": ("take-home",)},
        {"population": 12},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_any_change_of_what_a_reading_says_is_due(changes: dict[str, object]) -> None:
    sent = reading(NAME, 2.0, OPENING, 1)
    latest = sent.model_copy(update={"sequence": 2} | changes)
    assert interest.is_due(sent, latest, Worst().with_value(NAME, latest.value), 10, CALENDAR)


def test_the_same_reading_observed_anew_waits_for_half_its_freshness() -> None:
    sent = reading(NAME, 2.0, OPENING, 1)
    for days, due in ((9, False), (11, True)):
        at = add_days(CALENDAR, OPENING, days)
        assert at is not None
        assert interest.is_due(sent, reading(NAME, 2.0, at, 2), Worst(2.0), 10, CALENDAR) is due


def test_without_a_calendar_civil_days_stand_in() -> None:
    sent = reading(NAME, 2.0, OPENING, 1)
    for days, due in ((13, False), (15, True)):
        again = reading(NAME, 2.0, OPENING + timedelta(days=days), 2)
        assert interest.is_due(sent, again, Worst(2.0), 10, None) is due


def test_a_dip_between_two_looks_is_due_though_the_value_is_back() -> None:
    sent = reading(NAME, 2.0, OPENING, 1)
    worst = Worst().with_value(NAME, 0.4).with_value(NAME, 2.0)
    assert worst.value == 0.4
    assert interest.is_due(sent, reading(NAME, 2.0, OPENING, 3), worst, 10, CALENDAR)


def test_a_gap_between_two_looks_is_due_and_worse_than_any_value() -> None:
    worst = Worst().with_value(NAME, 2.0).with_value(NAME, None).with_value(NAME, 2.0)
    assert worst.gap
    assert interest.is_due(reading(NAME, 2.0, OPENING, 1), reading(NAME, 2.0, OPENING, 3), worst, 10, CALENDAR)


@given(st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=8))
def test_the_worst_is_the_worst_in_the_signals_direction(values: list[float]) -> None:
    for name in (NAME, LOWER):
        worst = Worst()
        for value in values:
            worst = worst.with_value(name, value)
        higher = CATALOGUE[name].direction is Direction.HIGHER_IS_BETTER
        assert worst.value == (min(values) if higher else max(values))


@given(st.floats(0, 5), st.floats(0, 5))
def test_readings_on_two_sides_of_a_line_are_urgent(before: float, after: float) -> None:
    criteria = interest.criteria_by_signal(policy_of())
    [capacity] = [c for c in policy_of().gates[GateId.INFRASTRUCTURE].criteria if c.id == "capacity"]
    crossed = any((before < line) != (after < line) for line in interest.lines_of(capacity))
    if crossed:
        assert interest.crosses(criteria, NAME, before, after)


def test_a_reading_that_goes_missing_is_urgent() -> None:
    assert interest.crosses(interest.criteria_by_signal(policy_of()), NAME, 2.0, None)


def test_a_value_that_stays_where_it_was_crosses_no_line_though_it_stands_on_one() -> None:
    [line] = interest.lines_of(interest.criteria_by_signal(policy_of())[NAME][0])[:1]
    criteria = interest.criteria_by_signal(policy_of())
    assert not interest.crosses(criteria, NAME, line, line)
    assert interest.crosses(criteria, NAME, line, line - 0.1)
    assert interest.crosses(criteria, NAME, line - 0.1, line)


def test_company_is_awaited_for_a_quarter_of_the_freshness_and_no_longer_than_asked() -> None:
    short, long = timedelta(minutes=2), timedelta(days=365)
    assert interest.company_until(OPENING, 2.5, CALENDAR, short) == OPENING + short
    assert interest.company_until(OPENING, 2.5, CALENDAR, long) == add_days(CALENDAR, OPENING, 1.25)
    assert interest.company_until(OPENING, 2.5, None, short) == OPENING + short
    past = OPENING + timedelta(days=4000)  # beyond the calendar's end nothing can be counted
    assert interest.company_until(past, 2.5, CALENDAR, short) == past + short


def test_a_better_value_far_from_every_line_is_not_urgent() -> None:
    assert not interest.crosses(interest.criteria_by_signal(policy_of()), NAME, 3.0, 3.5)


def test_a_source_that_falls_silent_after_a_second_look_is_sent_that_look_before_the_first_is_stale() -> None:
    sent = reading(NAME, 2.0, OPENING, 1)
    second = add_days(CALENDAR, OPENING, 8)
    assert second is not None
    latest = reading(NAME, 2.0, second, 2)
    assert not interest.is_due(sent, latest, Worst(2.0), 10, CALENDAR)
    assert interest.resend_at(sent, latest, 10, CALENDAR) == add_days(CALENDAR, OPENING, 10)
    assert interest.resend_at(sent, sent, 10, CALENDAR) is None


def test_other_members_of_a_share_are_urgent_where_they_move_it_and_not_elsewhere() -> None:
    census = Share(id="census", signal="device.enrolled-ratio", pass_at=0.98, minimum_population=5, **LIFE)
    sample = Share(
        id="sample",
        signal="first-session.success-ratio",
        pass_at=0.75,
        confidence_ratio=0.95,
        minimum_population=5,
        **LIFE,
    )
    criteria = interest.criteria_by_signal(policy_of(gates() | {GateId.BETA: gate_of(census, sample)}))

    def of(criterion: Share, numerator: int, population: int) -> CoalescedReading:
        told = reading(criterion.signal, numerator / population, OPENING, 1)
        return told.model_copy(update={"numerator": numerator, "population": population})

    assert interest.turns(criteria, of(census, 4, 4), of(census, 5, 5), census.signal)
    assert not interest.turns(criteria, of(census, 5, 5), of(census, 60, 60), census.signal)
    small, large = of(sample, 8, 10), of(sample, 800, 1000)
    assert not interest.crosses(criteria, sample.signal, small.value, large.value)
    assert interest.turns(criteria, small, large, sample.signal), "the bound of a larger sample lies beyond the line"
    assert not interest.turns(criteria, large, of(sample, 1600, 2000), sample.signal)


def test_why_there_is_no_value_and_whether_one_is_imagined_are_urgent() -> None:
    criteria = interest.criteria_by_signal(policy_of())
    told = reading(NAME, 2.0, OPENING, 1)
    none = told.model_copy(update={"value": None, "worst": None, "applicable": False})
    silent = told.model_copy(update={"value": None, "worst": None, "missing": Missing.NEVER_REPORTED})
    assert interest.turns(criteria, none, silent, NAME)
    assert interest.turns(criteria, told, told.model_copy(update={"simulated": not told.simulated}), NAME)
    assert not interest.turns(criteria, told, told.model_copy(update={"sequence": 9}), NAME)


def test_other_names_seen_and_a_trend_that_comes_to_rest_on_enough_points_are_urgent() -> None:
    rising = Trend(id="rising", signal="helpdesk.weekly-tickets-trend", pass_at=0.5, minimum_points=3, **LIFE)
    same = Match(id="platform", signal="beta.device-platform", field="platform", **LIFE)
    row = Consecutive(id="row", signal="helpdesk.service-level-weeks-count", periods=2, **LIFE)
    criteria = interest.criteria_by_signal(policy_of(gates() | {GateId.BETA: gate_of(rising, same, row)}))
    one, other = (reading(same.signal, 1.0, OPENING, 1, detail=(code,)) for code in ("tablet", "chromebook"))
    assert interest.turns(criteria, one, other, same.signal)
    assert not interest.turns(criteria, one, one, same.signal)
    few, enough, more = (
        reading(rising.signal, 0.0, OPENING, 1).model_copy(update={"population": points}) for points in (2, 3, 4)
    )
    assert interest.turns(criteria, few, enough, rising.signal)
    assert not interest.turns(criteria, enough, more, rising.signal)
    assert interest.crosses(criteria, rising.signal, 0.0, 1.0)
    assert interest.crosses(criteria, row.signal, 1.0, 2.0)
    assert not interest.crosses(criteria, row.signal, 3.0, 4.0)
