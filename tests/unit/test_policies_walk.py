"""The default policy at work: it can be passed, and each hard line of it can hold a school."""

from typing import Any

import pytest

from schemas.decision import Outcome
from schemas.gate import DateWindow, DefectCount, Document, Dwell, PolicyDocument, Severity, SignOffs
from schemas.readiness import CATALOGUE, Direction
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from services.policies.loader import load
from services.policies.room import DEFAULT
from tests.harness.scenario import DISTRICT, Scenario, actor
from workflows.policy.authoring.document import resolve

EXCELLENT: dict[str, float | None] = {
    name: (signal.high if signal.high is not None else 100.0) if signal.direction is Direction.HIGHER_IS_BETTER else 0.0
    for name, signal in CATALOGUE.items()
}
"""The best value of every signal."""
DEEDS = (
    (Role.DISTRICT_TECHNOLOGY, ScopeKind.DISTRICT, DISTRICT),
    (Role.DISTRICT_CURRICULUM, ScopeKind.DISTRICT, DISTRICT),
    (Role.STATE_ASSESSMENT_DIRECTOR, ScopeKind.STATE, "WA"),
)


def document() -> PolicyDocument:
    found = load(DEFAULT.read_text("utf-8"))
    assert isinstance(found, PolicyDocument)
    return found


def started(profile: str, *, frozen: bool = False) -> Scenario:
    """A school whose charter is signed; the policy's freezes are left out unless a test is about them."""
    policy = resolve(document(), profile)
    school = Scenario(policy if frozen else policy.model_copy(update={"freezes": ()}))
    for role, kind, where in DEEDS:
        school.signs(role, scope=Scope(kind=kind, id=where))
    return school.signs(Role.PRINCIPAL)


def lives(school: Scenario, days: int, values: dict[str, float | None], **changes: Any) -> Scenario:
    for _ in range(days):
        school.hears(values, **changes).days_pass(1)
    return school


@pytest.mark.parametrize("profile", ["standard", "small-school"])
def test_an_excellent_school_walks_to_scale_in_the_least_number_of_days(profile: str) -> None:
    assert started(profile).phase is Phase.INFRASTRUCTURE_CHECK
    school = started(profile)
    lives(school, 10 + 30 + 20 + 1, EXCELLENT)
    assert school.phase is Phase.SCALE, school.statuses
    assert school.outcome == Outcome.OPEN


def test_the_first_ten_days_of_school_are_frozen_and_come_on_top() -> None:
    school = started("standard", frozen=True)
    assert (school.phase, school.outcome) == (Phase.CHARTER, Outcome.WAITING)
    lives(school, 10 + 10 + 30 + 20 - 1, EXCELLENT)
    assert school.phase is Phase.TRAINING
    assert lives(school, 2, EXCELLENT).phase is Phase.SCALE


def test_three_signatures_of_four_do_not_open_the_charter() -> None:
    school = Scenario(resolve(document(), "standard"))
    for role, kind, where in DEEDS:
        school.signs(role, scope=Scope(kind=kind, id=where))
    assert (school.phase, school.outcome) == (Phase.CHARTER, Outcome.UNMET)


def test_without_evidence_the_answer_is_unknown_and_never_open() -> None:
    school = lives(started("standard"), 100, {})
    assert (school.phase, school.outcome) == (Phase.INFRASTRUCTURE_CHECK, Outcome.UNKNOWN)


def test_a_few_first_sessions_of_a_small_school_ask_a_person() -> None:
    school = lives(started("small-school"), 60, EXCELLENT, population=5)
    assert (school.phase, school.outcome) == (Phase.BETA, Outcome.NEEDS_APPROVAL)
    assert school.statuses["first-session"] == "needs-approval"
    by = actor(Role.DISTRICT_CURRICULUM, "approver", Scope(kind=ScopeKind.DISTRICT, id=DISTRICT))
    school.answers(by=by)
    assert school.phase is Phase.TRAINING


def _hard_lines() -> list[tuple[str, str]]:
    gates = document().profiles["standard"].gates
    return [
        (gate.value, criterion.id)
        for gate in (GateId.INFRASTRUCTURE, GateId.BETA, GateId.TRAINING)
        for criterion in gates[gate].criteria
        if criterion.severity is Severity.HARD and not isinstance(criterion, Dwell | SignOffs | Document | DateWindow)
    ]


@pytest.mark.parametrize(("gate", "criterion_id"), _hard_lines())
def test_each_hard_line_alone_holds_a_school_at_its_gate(gate: str, criterion_id: str) -> None:
    criterion = next(c for c in document().profiles["standard"].gates[GateId(gate)].criteria if c.id == criterion_id)
    assert not isinstance(criterion, Dwell | SignOffs | Document | DateWindow)
    name = criterion.critical_signal if isinstance(criterion, DefectCount) else criterion.signal
    signal = CATALOGUE[name]
    worst = signal.low if signal.direction is Direction.HIGHER_IS_BETTER else (signal.high or 1000.0)
    school = started("standard")
    lives(school, 65, EXCELLENT | {name: worst})
    assert school.phase.gate <= gate, "an earlier gate may ask the same"
    assert school.phase is not Phase.SCALE
    assert school.outcome == Outcome.UNMET
