"""The planner on a Washington school year with the default policy: 10, 30 and 20 days, and the state's tests in spring."""

from datetime import UTC, date, datetime

import pytest

from schemas.school import GateId, Phase
from tests.harness.washington import TESTING, default_policy, washington
from workflows.policy.planner import Backward, Forward, Obstacle, Rejected, earliest_go_live, latest_starts

CALENDAR = washington()
POLICY = default_policy()
FIRST_OF_SEPTEMBER = date(2026, 9, 1)
THANKSGIVING = date(2026, 11, 26)
TESTING_FREEZE = date(2027, 2, 1)
"""Fifteen school days before 1 March, a week of winter break between."""


def forward(month: int, day: int) -> Forward:
    plan = earliest_go_live(POLICY, CALENDAR, datetime(2026, month, day, 7, tzinfo=UTC))
    assert plan is not None
    return plan


def backward(go_live: date, earliest: date = FIRST_OF_SEPTEMBER) -> Backward | Rejected:
    return latest_starts(POLICY, CALENDAR, go_live, earliest)


def test_a_start_on_1_september_with_thirty_days_of_beta_lands_after_thanksgiving_and_before_the_testing_freeze() -> (
    None
):
    plan = forward(9, 1)
    assert [(stage.phase, stage.minimum_days) for stage in plan.stages][2] == (Phase.BETA, 30)
    assert THANKSGIVING < plan.go_live < TESTING_FREEZE
    assert plan.go_live == date(2026, 12, 1)


def test_a_start_inside_the_first_ten_days_waits_for_their_end() -> None:
    plan = forward(9, 3)
    assert [(stage.gate, stage.frozen_by) for stage in plan.stages if stage.frozen_by] == [
        (GateId.CHARTER, ("first-days",))
    ]
    assert plan.go_live == date(2026, 12, 15)


@pytest.mark.parametrize(
    ("go_live", "obstacle", "names", "following"),
    [
        (date(2026, 9, 14), Obstacle.FROZEN, ("first-days",), date(2026, 12, 15)),
        (date(2026, 11, 24), Obstacle.TOO_SOON, (), date(2026, 12, 15)),
        (date(2026, 12, 25), Obstacle.NO_SCHOOL, (), date(2027, 1, 4)),
        (TESTING_FREEZE, Obstacle.FROZEN, ("sba",), None),
        (date(2027, 6, 7), Obstacle.FROZEN, ("last-days",), None),
    ],
)
def test_an_impossible_date_is_rejected_with_the_next_legal_one_and_why(
    go_live: date, obstacle: Obstacle, names: tuple[str, ...], following: date | None
) -> None:
    assert backward(go_live) == Rejected(go_live, obstacle, names, following)


def test_the_day_before_the_testing_freeze_is_the_last_that_can_be() -> None:
    plan = backward(date(2027, 1, 29))
    assert isinstance(plan, Backward)
    assert [(each.phase, each.day) for each in plan.starts] == [
        (Phase.CHARTER, date(2026, 10, 19)),
        (Phase.INFRASTRUCTURE_CHECK, date(2026, 10, 19)),
        (Phase.BETA, date(2026, 11, 2)),
        (Phase.TRAINING, date(2026, 12, 17)),
    ]


def test_a_day_that_the_tests_leave_free_comes_after_them() -> None:
    short = washington(TESTING.replace("2027-06-04", "2027-04-30"))
    rejected = latest_starts(POLICY, short, date(2027, 3, 15), FIRST_OF_SEPTEMBER)
    assert isinstance(rejected, Rejected)
    assert rejected.next_go_live == date(2027, 5, 3)


def test_a_date_too_near_today_names_what_today_still_allows() -> None:
    rejected = backward(date(2026, 12, 15), earliest=date(2026, 9, 21))
    assert isinstance(rejected, Rejected)
    assert (rejected.obstacle, rejected.next_go_live) == (Obstacle.TOO_SOON, date(2026, 12, 17))


def test_without_freezes_only_days_count() -> None:
    plan = earliest_go_live(default_policy(freezes=()), CALENDAR, datetime(2026, 9, 2, 7, tzinfo=UTC))
    assert plan is not None
    assert plan.go_live == date(2026, 12, 1)


def test_a_year_too_short_has_no_date() -> None:
    assert earliest_go_live(POLICY, CALENDAR, datetime(2027, 5, 1, tzinfo=UTC)) is None
    after = latest_starts(POLICY, CALENDAR, date(2027, 6, 1), date(2027, 8, 1))
    assert isinstance(after, Rejected)
    assert after.next_go_live is None
