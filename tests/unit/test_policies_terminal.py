"""How each kind of criterion looks on a line, and how its result reads as a sentence."""

from datetime import date

import pytest

from schemas.gate import Consecutive, Criterion, DateWindow, Document, Match, Trend
from schemas.school import Role
from services.policies.terminal import line_of
from tests.harness.scenario import LIFE


@pytest.mark.parametrize(
    ("criterion", "line"),
    [
        (
            Trend(id="rising", signal="helpdesk.weekly-tickets-trend", pass_at=1.0, minimum_points=3, **LIFE),
            "at most 1 tickets a week, each week, over 3 points or more",
        ),
        (
            Consecutive(id="row", signal="helpdesk.service-level-weeks-count", periods=2, **LIFE),
            "at least 2 school weeks in a row",
        ),
        (
            Document(
                id="plan", document="rollout-plan", approvers=(Role.PRINCIPAL, Role.COACH), age_days_max=9, **LIFE
            ),
            "rollout-plan approved by principal or coach, at most 9 days old",
        ),
        (DateWindow(id="window", closes_on=date(2026, 10, 9), **LIFE), "to 2026-10-09"),
        (Match(id="same", signal="beta.device-platform", field="platform", **LIFE), "platform is the plan's platform"),
    ],
)
def test_each_kinds_demand_fits_a_line(criterion: Criterion, line: str) -> None:
    assert line_of(criterion) == line
