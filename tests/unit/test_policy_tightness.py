"""Which way a change goes, for every line there is; what cannot be compared is looser."""

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel

from schemas.gate import (
    Consecutive,
    Criterion,
    DateWindow,
    DefectCount,
    Document,
    Dwell,
    Match,
    Profile,
    Severity,
    Share,
    SignOffs,
    Soak,
    Threshold,
    Trend,
)
from schemas.rules import WaiverFloor
from schemas.school import GateId, Role
from schemas.trust import Trust
from tests.harness.scenario import LIFE, document_of, gate_of, gates
from workflows.policy.authoring.inheritance import loosened_lines
from workflows.policy.authoring.tightness import Turn, counterparts, criterion_changes, field_turn, gate_changes

UP, DOWN = "network.mbps-per-student", "network.page-load-p95-seconds"
THRESHOLD = Threshold(id="x-1", signal=UP, pass_at=1.0, fail_at=0.7, **LIFE)
LOWER = Threshold(id="x-1", signal=DOWN, pass_at=3.0, fail_at=4.0, warn_at=2.0, **LIFE)
SHARE = Share(id="x-1", signal="device.enrolled-ratio", pass_at=0.9, minimum_population=5, confidence_ratio=0.9, **LIFE)
SOAK = Soak(id="x-1", signal=DOWN, healthy_at=3.0, minimum_days=3, evidence_age_days_max=5, **LIFE)
SIGNED = SignOffs(id="x-1", roles=(Role.PRINCIPAL,), **LIFE)

TIGHTER: list[tuple[Criterion, dict[str, Any]]] = [
    (THRESHOLD, {"pass_at": 1.5}),
    (THRESHOLD, {"fail_at": 0.8}),
    (THRESHOLD, {"fail_at": None}),
    (THRESHOLD, {"warn_at": 2.0}),
    (LOWER, {"pass_at": 2.5}),
    (LOWER, {"fail_at": 3.5}),
    (LOWER, {"warn_at": 1.0}),
    (SHARE, {"pass_at": 0.95}),
    (SHARE, {"minimum_population": 6}),
    (SHARE, {"confidence_ratio": 0.95}),
    (SHARE.model_copy(update={"confidence_ratio": None}), {"confidence_ratio": 0.6}),
    (DefectCount(id="x-1", critical_at_most=1, major_at_most=2, **LIFE), {"critical_at_most": 0}),
    (DefectCount(id="x-1", major_at_most=2, **LIFE), {"major_at_most": 1}),
    (SOAK, {"healthy_at": 2.5}),
    (SOAK, {"minimum_days": 4}),
    (SOAK, {"evidence_age_days_max": 4}),
    (Dwell(id="x-1", minimum_days=3, **LIFE), {"minimum_days": 4}),
    (SIGNED, {"roles": (Role.DISTRICT_TECHNOLOGY, Role.PRINCIPAL)}),
    (THRESHOLD.model_copy(update={"severity": Severity.SOFT}), {"severity": Severity.HARD}),
    (THRESHOLD.model_copy(update={"severity": Severity.OBSERVE}), {"severity": Severity.SOFT}),
    (THRESHOLD, {"waivable": False}),
    (THRESHOLD.model_copy(update={"not_applicable_passes": True}), {"not_applicable_passes": False}),
    (THRESHOLD.model_copy(update={"variance": {"pass_at": (0.8, 1.0)}}), {"variance": {"pass_at": (0.9, 1.0)}}),
    (THRESHOLD.model_copy(update={"variance": {"pass_at": (0.8, 1.0)}}), {"variance": {}}),
]  # fmt: skip


def turns(before: Criterion, after: Criterion) -> dict[str | None, Turn]:
    return {change.field: change.turn for change in criterion_changes(GateId.INFRASTRUCTURE, before, after)}


@pytest.mark.parametrize(("criterion", "change"), TIGHTER)
def test_each_line_has_a_tighter_side_and_the_way_back_is_looser(criterion: Any, change: dict[str, Any]) -> None:
    tighter = criterion.model_copy(update=change)
    assert set(turns(criterion, tighter).values()) == {Turn.TIGHTER}
    assert set(turns(tighter, criterion).values()) == {Turn.LOOSER}


def test_words_are_even() -> None:
    reworded = THRESHOLD.model_copy(
        update={"next_step": "Order more.", "source": "a rule", "lesson": "A31", "owner": Role.COACH}
    )
    assert set(turns(THRESHOLD, reworded).values()) == {Turn.EVEN}


def test_a_grey_zone_that_replaces_a_pass_is_no_loosening() -> None:
    """From 1.0 on a person is asked, where the machine passed before; below 1.0 both say no."""
    plain = THRESHOLD.model_copy(update={"fail_at": None})
    stricter = plain.model_copy(update={"pass_at": 1.5, "fail_at": 1.0})
    assert turns(plain, stricter) == {"pass_at": Turn.TIGHTER, "fail_at": Turn.EVEN}
    assert turns(plain, plain.model_copy(update={"fail_at": 0.9}))["fail_at"] is Turn.LOOSER


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (THRESHOLD, LOWER),
        (THRESHOLD, SHARE),
        (SIGNED, SIGNED.model_copy(update={"roles": (Role.STATE_DIRECTOR,)})),
        (DefectCount(id="x-1", major_at_most=2, **LIFE),
         DefectCount(id="x-1", major_at_most=2, major_signal="defect.open-critical-count", **LIFE)),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_looser(before: Any, after: Any) -> None:
    assert Turn.LOOSER in turns(before, after).values()
    assert Turn.LOOSER in turns(after, before).values()


def test_a_field_without_a_rule_is_looser() -> None:
    """A criterion that grows a field stays refused until somebody says which way it goes."""

    class Grown(Dwell):
        patience: int = 1

    before = Grown(id="x-1", minimum_days=3, **LIFE)
    assert turns(before, before.model_copy(update={"patience": 2})) == {"patience": Turn.LOOSER}


def test_a_criterion_added_is_tighter_and_one_removed_is_looser_even_if_only_observed() -> None:
    small, big = gate_of(THRESHOLD), gate_of(THRESHOLD, Dwell(id="x-2", minimum_days=2, severity="observe", **LIFE))
    assert [(each.criterion_id, each.turn) for each in gate_changes(GateId.BETA, small, big)] == [("x-2", Turn.TIGHTER)]
    assert [(each.criterion_id, each.turn) for each in gate_changes(GateId.BETA, big, small)] == [("x-2", Turn.LOOSER)]


@pytest.mark.parametrize(
    ("change", "turn"),
    [
        ({"approver": Role.STATE_DIRECTOR}, Turn.TIGHTER),
        ({"approver": Role.SCHOOL_LEAD}, Turn.LOOSER),
        ({"approval_days": 2}, Turn.TIGHTER),
        ({"approval_days": 4}, Turn.LOOSER),
        ({"silence": "Nothing happens."}, Turn.EVEN),
    ],
)
def test_the_gates_own_lines(change: dict[str, Any], turn: Turn) -> None:
    before = gate_of(THRESHOLD)
    assert [each.turn for each in gate_changes(GateId.BETA, before, before.model_copy(update=change))] == [turn]


def test_another_role_of_the_same_rank_is_not_tighter() -> None:
    before = gate_of(THRESHOLD, approver=Role.DISTRICT_TECHNOLOGY)
    after = gate_of(THRESHOLD, approver=Role.DISTRICT_CURRICULUM)
    assert [each.turn for each in gate_changes(GateId.BETA, before, after)] == [Turn.LOOSER]


def test_the_order_of_criteria_does_not_matter() -> None:
    other = Dwell(id="x-2", minimum_days=2, **LIFE)
    assert gate_changes(GateId.BETA, gate_of(THRESHOLD, other), gate_of(other, THRESHOLD)) == ()


def test_a_profile_that_moves_schools_to_looser_gates_is_a_loosening() -> None:
    loose = gates() | {GateId.INFRASTRUCTURE: gate_of(THRESHOLD)}
    before = document_of()
    after = before.model_copy(update={"profiles": {**before.profiles, "small": Profile(teachers_below=5, gates=loose)}})
    assert counterparts(before, after) == (("standard", "standard"), ("standard", "small"))
    assert {profile for profile, _ in loosened_lines(before, after)} == {"small"}
    assert loosened_lines(before, before) == ()


def test_a_copy_of_a_model_is_compared_by_its_values() -> None:
    assert isinstance(THRESHOLD, BaseModel)
    assert turns(THRESHOLD, Threshold.model_validate(THRESHOLD.model_dump())) == {}


def test_the_newer_kinds_know_which_way_their_lines_go() -> None:
    row = Consecutive(id="row", signal="helpdesk.service-level-weeks-count", periods=2, **LIFE)
    rising = Trend(id="rising", signal="helpdesk.weekly-tickets-trend", pass_at=1.0, minimum_points=3, **LIFE)
    plan = Document(id="plan", document="rollout-plan", approvers=(Role.PRINCIPAL, Role.COACH), **LIFE)
    window = DateWindow(id="window", opens_on=date(2026, 9, 1), **LIFE)
    same = Match(id="same", signal="beta.device-platform", field="platform", **LIFE)
    tighter: list[tuple[Criterion, str, Any]] = [
        (row, "periods", 3), (rising, "pass_at", 0.5), (rising, "fail_at", 2.0), (rising, "minimum_points", 4),
        (plan, "approvers", (Role.PRINCIPAL,)), (plan, "age_days_max", 90), (window, "opens_on", date(2026, 9, 2)),
        (window, "closes_on", date(2026, 12, 1)),
    ]  # fmt: skip
    for criterion, field, value in tighter:
        changed = criterion.model_copy(update={field: value})
        expected = Turn.LOOSER if field == "fail_at" else Turn.TIGHTER
        assert field_turn(criterion, changed, field) is expected, field
        assert field_turn(changed, criterion, field) is not expected, field
    assert field_turn(same, same.model_copy(update={"expected": "tablet"}), "expected") is Turn.LOOSER


def test_trust_is_tighter_the_less_can_open_a_gate() -> None:
    order = [Trust.OBSERVE, Trust.ADVISE, Trust.ADVANCE, Trust.HOLD]
    gates_at = [gate_of(THRESHOLD).model_copy(update={"trust": level}) for level in order]
    for loose, tight in pairwise(gates_at):
        (change,) = gate_changes(GateId.BETA, loose, tight)
        assert (change.field, change.turn) == ("trust", Turn.TIGHTER)
        assert gate_changes(GateId.BETA, tight, loose)[0].turn is Turn.LOOSER


@pytest.mark.parametrize(
    ("before", "change", "turn"),
    [
        ({"lesson": "A08"}, {"lesson": "A01"}, Turn.LOOSER),
        ({"lesson": "A48"}, {"lesson": "A01"}, Turn.LOOSER),
        ({"owner": Role.PRIVACY_OFFICER}, {"owner": Role.COACH}, Turn.LOOSER),
        ({"lesson": "A30"}, {"lesson": "A31"}, Turn.EVEN),
        ({"owner": Role.COACH}, {"owner": Role.PRINCIPAL}, Turn.EVEN),
    ],
)
def test_no_heir_takes_a_criterion_off_the_floor_by_another_owner_or_lesson(
    before: dict[str, Any], change: dict[str, Any], turn: Turn
) -> None:
    held = THRESHOLD.model_copy(update=before)
    after = held.model_copy(update=change)
    assert [each.turn for each in criterion_changes(GateId.BETA, held, after)] == [turn]


def test_a_floor_that_the_policy_widened_is_kept_too() -> None:
    wide = WaiverFloor(never_lessons=("A08", "A30"))
    after = THRESHOLD.model_copy(update={"lesson": "A31"})
    assert [each.turn for each in criterion_changes(GateId.BETA, THRESHOLD, after, wide)] == [Turn.LOOSER]
