"""Trends, consecutive counts, documents, windows of dates and matches at their lines."""

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.decision import Reason, Status
from schemas.gate import Consecutive, DateWindow, Document, Match, Severity, Trend
from schemas.readiness import Origin
from schemas.school import GateId, Role
from tests.harness.scenario import LIFE, OPENING, calendar_of, context_of, document_of, gate_of, gates, school_days
from tests.unit.test_policy_criteria import CALENDAR, NOW, judged, verdict_of
from workflows.policy.authoring.document import lint
from workflows.policy.calendar import opening_on
from workflows.policy.explain import sentence

RISING, WEEKS, PLATFORM = "helpdesk.weekly-tickets-trend", "helpdesk.service-level-weeks-count", "beta.device-platform"
TREND = Trend(id="rising", signal=RISING, pass_at=0.0, fail_at=2.0, warn_at=-1.0, minimum_points=3, **LIFE)
ROW = Consecutive(id="row", signal=WEEKS, periods=2, **LIFE)
MATCH = Match(id="platform", signal=PLATFORM, field="platform", **LIFE)
PLANNED = context_of(plan={"platform": "tablet"})


def window(opens: str | None = None, closes: str | None = None) -> DateWindow:
    return DateWindow(
        id="window", opens_on=date.fromisoformat(opens) if opens else None,
        closes_on=date.fromisoformat(closes) if closes else None, **LIFE,
    )  # fmt: skip


# --- trend


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        (-1.0, Status.MET, Reason.MEETS_LINE),
        (-0.9, Status.MET, Reason.MEETS_WITH_WARNING),
        (0.0, Status.MET, Reason.MEETS_WITH_WARNING),
        (0.1, Status.NEEDS_APPROVAL, Reason.GREY_ZONE),
        (2.0, Status.NEEDS_APPROVAL, Reason.GREY_ZONE),
        (2.1, Status.UNMET, Reason.BELOW_LINE),
    ],
)
def test_a_change_is_held_against_its_lines_below_zero_too(value: float, status: Status, reason: Reason) -> None:
    result = judged(TREND, (RISING, value), population=4)
    assert (result.status, result.reason, result.observed) == (status, reason, value)


def test_a_trend_of_too_few_points_is_unknown_and_shows_no_value() -> None:
    few = judged(TREND, (RISING, -5.0), population=2)
    assert (few.status, few.reason, few.observed) == (Status.UNKNOWN, Reason.TOO_FEW_POINTS, None)
    assert judged(TREND, (RISING, -5.0), population=3).status is Status.MET
    assert "too few points" in sentence(few, TREND)


def test_a_trend_of_nobody_knows_how_many_points_is_unknown() -> None:
    assert judged(TREND, (RISING, -5.0), population=None).reason is Reason.MISSING


# --- consecutive


@pytest.mark.parametrize(("weeks", "status"), [(0, Status.UNMET), (1, Status.UNMET), (2, Status.MET), (9, Status.MET)])
def test_a_row_is_whole_or_it_is_not(weeks: int, status: Status) -> None:
    assert judged(ROW, (WEEKS, float(weeks))).status is status


def test_a_row_nobody_has_counted_is_unknown() -> None:
    assert judged(ROW).reason is Reason.NEVER_SEEN
    assert judged(ROW, (WEEKS, None), missing="no-watermark").status is Status.UNKNOWN


# --- match


def test_what_was_seen_is_what_the_plan_says() -> None:
    met = judged(MATCH, (PLATFORM, 1.0), detail=("tablet",), context=PLANNED)
    assert (met.status, met.reason, met.expected) == (Status.MET, Reason.MATCHES, "tablet")


def test_a_mismatch_is_a_no_that_names_both() -> None:
    other = judged(MATCH, (PLATFORM, 1.0), detail=("chromebook",), context=PLANNED)
    assert (other.status, other.reason) == (Status.UNMET, Reason.MISMATCH)
    assert "seen chromebook, expected tablet, the plan's platform" in sentence(other, MATCH)
    both = judged(MATCH, (PLATFORM, 1.0), detail=("tablet", "chromebook"), context=PLANNED)
    assert both.status is Status.UNMET


def test_an_unknown_plan_is_unknown_and_never_a_match() -> None:
    nobody = judged(MATCH, (PLATFORM, 1.0), detail=("tablet",))
    assert (nobody.status, nobody.reason) == (Status.UNKNOWN, Reason.NO_PLAN)


def test_the_policys_own_code_needs_no_plan_and_wins_over_it() -> None:
    fixed = MATCH.model_copy(update={"expected": "chromebook"})
    assert judged(fixed, (PLATFORM, 1.0), detail=("chromebook",), context=PLANNED).status is Status.MET


def test_no_code_seen_matches_nothing() -> None:
    assert judged(MATCH, (PLATFORM, 1.0), context=PLANNED).reason is Reason.MISSING
    assert judged(MATCH, (PLATFORM, 0.0), detail=("tablet",), context=PLANNED).status is Status.UNKNOWN


def test_a_match_on_a_persons_word_needs_a_persons_approval() -> None:
    said = judged(MATCH, (PLATFORM, 1.0), detail=("tablet",), context=PLANNED, origin=Origin.ATTESTED)
    assert said.status is Status.NEEDS_APPROVAL


# --- date window


def within(criterion: DateWindow, now: Any = NOW, **changes: Any) -> Any:
    return verdict_of([criterion], {}, now, **changes).results[0]


def test_before_its_dates_a_window_waits_and_says_until_when() -> None:
    early = within(window("2026-10-05", "2026-10-09"))
    assert (early.status, early.reason) == (Status.WAITING, Reason.BEFORE_WINDOW)
    assert early.next_look_at == opening_on(CALENDAR, date(2026, 10, 5))
    assert "opens on 2026-10-05" in sentence(early, window("2026-10-05", "2026-10-09"))


def test_a_window_opens_with_its_first_school_day_and_closes_after_its_last() -> None:
    criterion = window("2026-10-03", "2026-10-09")  # a Saturday to a Friday
    opens, closes = opening_on(CALENDAR, date(2026, 10, 5)), opening_on(CALENDAR, date(2026, 10, 12))
    assert opens is not None
    assert closes is not None
    tick = timedelta(microseconds=1)
    assert within(criterion, opens - tick).status is Status.WAITING
    inside = within(criterion, opens)
    assert (inside.status, inside.satisfied_at, inside.next_look_at) == (Status.MET, opens, closes)
    assert within(criterion, closes - tick).status is Status.MET
    after = within(criterion, closes)
    assert (after.status, after.reason, after.next_look_at) == (Status.UNMET, Reason.AFTER_WINDOW, None)


def test_a_window_without_a_calendar_or_past_its_end_is_unknown() -> None:
    assert within(window("2026-09-01"), calendar=None).reason is Reason.NO_CALENDAR
    short = calendar_of(school_days(5))
    assert within(window("2026-09-01"), calendar=short).reason is Reason.OUTSIDE_CALENDAR
    beyond = within(window("2027-12-01"), OPENING, calendar=short)
    assert (beyond.status, beyond.reason) == (Status.UNKNOWN, Reason.OUTSIDE_CALENDAR)


def test_before_the_calendar_begins_only_a_window_it_reaches_can_wait() -> None:
    early = OPENING - timedelta(days=3)
    assert within(window("2026-09-02"), early).status is Status.WAITING
    assert within(window("2026-08-01"), early).reason is Reason.OUTSIDE_CALENDAR
    assert within(window(None, "2026-12-01"), early).status is Status.UNKNOWN


def test_a_window_that_has_closed_stays_closed_after_the_calendar() -> None:
    short = calendar_of(school_days(5))
    assert within(window(None, "2026-09-02"), calendar=short).status is Status.UNMET


@pytest.mark.parametrize("ends", [{}, {"opens_on": "2026-10-02", "closes_on": "2026-10-01"}])
def test_a_window_without_ends_or_with_crossed_ends_is_refused(ends: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="expected"):
        DateWindow(id="window", **ends, **LIFE)


# --- what a document of the policy may say


def faults(*criteria: Any) -> list[str]:
    found = lint(document_of(gates() | {GateId.BETA: gate_of(*criteria)}))
    return [f"{'.'.join(map(str, fault.path[4:]))}: {fault.message}" for fault in found]


def test_each_kind_reads_only_signals_of_its_form() -> None:
    backlog = "helpdesk.backlog-age-p90-days"
    wrong = [
        Trend(id="rising", signal=backlog, pass_at=1.0, minimum_points=2, **LIFE),
        Consecutive(id="row", signal=RISING, periods=2, **LIFE),
        Match(id="platform", signal=backlog, field="platform", **LIFE),
    ]
    found = faults(*wrong)
    assert [each.split(":")[0] for each in found] == ["criteria.0.signal", "criteria.1.signal", "criteria.2.signal"]


def test_the_lines_of_a_trend_lie_on_the_grid_and_in_order() -> None:
    off = Trend(id="rising", signal=RISING, pass_at=0.05, fail_at=-1.0, warn_at=3.0, minimum_points=2, **LIFE)
    assert [each.split(":")[0] for each in faults(off)] == [
        "criteria.0.pass_at", "criteria.0.fail_at", "criteria.0.warn_at"
    ]  # fmt: skip


def test_a_hard_row_of_none_is_refused_since_nothing_can_miss_it() -> None:
    assert "something can miss" in faults(ROW.model_copy(update={"periods": 0}))[0]
    assert faults(ROW.model_copy(update={"periods": 0, "severity": Severity.OBSERVE}), MATCH) == []


def test_an_approver_named_twice_is_refused() -> None:
    twice = Document(id="plan", document="rollout-plan", approvers=(Role.PRINCIPAL, Role.PRINCIPAL), **LIFE)
    assert faults(twice) == ["criteria.0.approvers: expected each role once"]


def test_opening_on_finds_the_first_school_day_of_a_date_or_later() -> None:
    assert opening_on(CALENDAR, date(2026, 9, 1)) == OPENING
    assert opening_on(CALENDAR, date(2099, 1, 1)) is None
