"""Approvals by several, told in sentences: who counts, what is lacking, what takes an approval away."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.approval import ApprovalWithdrawn
from schemas.consent import ApprovalGroup
from schemas.decision import Waiver
from schemas.fact import ApprovalAnswered, ApprovalAsked, ApprovalLapsed, GateOpened
from schemas.gate import Dwell, Severity, SignOffs, Threshold
from schemas.readiness import Origin
from schemas.school import GateId, Role, Scope, ScopeKind
from tests.harness.council import CAPACITY, FULL, GREY, before, both, council, for_another, person, two_of_board
from tests.harness.scenario import DISTRICT, LIFE, Scenario, actor, document_of, gate_of, gates
from workflows.policy.authoring.document import lint
from workflows.policy.timeline import Walk

CURRICULUM = person(Role.DISTRICT_CURRICULUM, "cur")
PRINCIPAL = person(Role.PRINCIPAL, "pri")
OFFICER = person(Role.PRIVACY_OFFICER, "off")
STAY = Dwell(id="stay", minimum_days=3, **LIFE)


def last(school: Scenario, kind: type) -> Any:
    return next(fact.body for fact in reversed(school.facts) if isinstance(fact.body, kind))


def granted(school: Scenario, criterion: str, days: float) -> Scenario:
    """The school with a waiver in force, as the waivers' own command will place it."""
    waiver = Waiver(
        waiver_id="waiver-0001", criterion_ids=(criterion,), category="waived", compensating_control="paper",
        scope=Scope(kind=ScopeKind.DISTRICT, id=DISTRICT), reason="cabling", granted_by=actor(Role.STATE_DIRECTOR),
        proposed_by=person(Role.SCHOOL_LEAD, "filer"),
        granted_at=school.now, expires_at=school.now + timedelta(days=days),
    )  # fmt: skip
    walk, picture = school.walk, school.walk.state.picture
    held = picture.model_copy(update={"waivers": {waiver.waiver_id: waiver}})
    school.walk = Walk(walk.state.model_copy(update={"picture": held}), walk.facts, walk.replies)
    return school


def test_all_of_a_group_must_approve_and_the_ask_names_who_is_missing() -> None:
    school = before(council(both())).hears(GREY)
    asked = last(school, ApprovalAsked)
    assert [(each.roles, each.needed) for each in asked.awaits] == [((Role.DISTRICT_CURRICULUM, Role.PRINCIPAL), 2)]
    school.answers(by=CURRICULUM)
    assert (school.phase.value, school.outcome) == ("infrastructure-check", "needs-approval")
    picture = school.walk.state.picture
    assert (picture.asked, picture.awaits[0].roles, picture.awaits[0].needed) == (
        Role.PRINCIPAL, (Role.PRINCIPAL,), 1,
    )  # fmt: skip
    assert [kind for kind in school.kinds() if kind == "approval-asked"] == ["approval-asked"], "asked once"
    school.answers(by=PRINCIPAL)
    assert last(school, GateOpened).by == "approval"
    assert school.phase.value == "beta"


def test_two_of_three_suffice_in_any_order_and_one_does_not() -> None:
    for first, second in ((CURRICULUM, OFFICER), (OFFICER, PRINCIPAL), (PRINCIPAL, CURRICULUM)):
        school = before(council(two_of_board())).hears(GREY).answers(by=first)
        assert school.phase.value == "infrastructure-check"
        assert school.walk.state.picture.awaits[0].needed == 1
        school.answers(by=second)
        assert school.phase.value == "beta"


def test_a_role_that_has_approved_is_asked_no_more() -> None:
    school = before(council(both())).hears(GREY).answers(by=CURRICULUM)
    school.answers(by=person(Role.DISTRICT_CURRICULUM, "second"))
    assert (school.reply.refusal, school.reply.expected) == ("role-not-asked", "principal")


def test_one_person_never_counts_in_two_roles_not_even_for_another() -> None:
    school = before(council(both())).hears(GREY).answers(by=CURRICULUM)
    school.answers(by=person(Role.PRINCIPAL, "cur"))
    assert school.reply.refusal == "one-person-one-role"
    school.answers(by=for_another(Role.PRINCIPAL, "cur", "pri"))
    assert school.reply.refusal == "one-person-one-role", "the delegate has answered in their own right"
    school.answers(by=for_another(Role.PRINCIPAL, "dep", "cur"))
    assert school.reply.refusal == "one-person-one-role", "the giver has answered"
    school.answers(by=for_another(Role.PRINCIPAL, "dep", "pri"))
    assert school.reply.accepted


def test_who_has_signed_may_not_approve_and_who_has_approved_may_not_sign() -> None:
    signed = SignOffs(id="plan", roles=(Role.SCHOOL_LEAD,), **LIFE)
    school = before(council(both(), signed)).hears(GREY)
    school.signs(Role.SCHOOL_LEAD, gate=GateId.INFRASTRUCTURE, name="lead").answers(by=person(Role.PRINCIPAL, "lead"))
    assert school.reply.refusal == "proposer-may-not-approve"
    school.answers(by=for_another(Role.PRINCIPAL, "dep", "lead"))
    assert school.reply.refusal == "proposer-may-not-approve", "nor somebody who acts for them"
    more = SignOffs(id="late", roles=(Role.COACH,), severity=Severity.SOFT, **LIFE)
    school = before(council(both(), more)).hears(GREY).answers(by=CURRICULUM)
    school.signs(Role.COACH, gate=GateId.INFRASTRUCTURE, name="cur")
    assert school.reply.refusal == "approver-may-not-sign"


def test_a_rejection_by_one_of_several_closes_the_ask() -> None:
    school = before(council(two_of_board())).hears(GREY).answers("rejected", by=CURRICULUM)
    assert school.walk.state.picture.asked is None
    school.answers(by=PRINCIPAL)
    assert school.reply.refusal == "no-ask-stands"


def test_one_lapse_asks_that_role_again_and_leaves_nobody_out() -> None:
    school = before(council(both(), STAY)).hears(GREY).answers(by=CURRICULUM)
    school.hears(GREY | {"device.enrolled-ratio": 0.95})
    assert last(school, ApprovalLapsed).criterion_ids == ("enrolled",)
    assert last(school, ApprovalAsked).awaits[0].needed == 2


def test_an_approval_lapses_when_the_waiver_it_relied_on_ends_even_if_nothing_is_worse() -> None:
    school = granted(before(council(both(), STAY)), "enrolled", 1).hears(GREY | {"device.enrolled-ratio": 0.5})
    assert school.statuses["enrolled"] == "waived"
    school.answers(by=person(Role.DISTRICT_CURRICULUM, "filer"))
    assert school.reply.refusal == "proposer-may-not-approve", "whoever proposed the waiver it rests on"
    school.answers(by=CURRICULUM)
    assert last(school, ApprovalAnswered).approval.waived == {"enrolled": "waiver-0001"}
    school.hears(GREY)
    assert not [kind for kind in school.kinds() if kind == "approval-lapsed"], "better evidence takes nothing away"
    school.days_pass(2)
    lapsed = last(school, ApprovalLapsed)
    assert (lapsed.cause, lapsed.criterion_ids) == ("waiver-ended", ("enrolled",))


def test_an_approval_is_withdrawn_before_the_gate_opens_and_never_after() -> None:
    school = before(council(both(), STAY)).hears(GREY).answers(by=CURRICULUM).answers(by=PRINCIPAL)
    assert (school.outcome, school.walk.state.picture.asked) == ("waiting", None)
    school.withdraws(OFFICER)
    assert school.reply.refusal == "no-approval-stands"
    school.withdraws(PRINCIPAL)
    assert last(school, ApprovalWithdrawn).actor == PRINCIPAL
    assert last(school, ApprovalAsked).awaits[0].roles == (Role.PRINCIPAL,)
    assert school.statuses["capacity"] == "needs-approval"
    school.days_pass(3).hears(GREY).answers(by=PRINCIPAL)
    assert school.phase.value == "beta"
    school.tell(_withdrawal(school))
    assert school.reply.refusal == "gate-has-opened"
    assert "hold" in school.reply.next_step


def _withdrawal(school: Scenario) -> Any:
    from schemas.approval import WithdrawApproval

    return WithdrawApproval(act_id=school.act_id(), actor=PRINCIPAL, gate=GateId.INFRASTRUCTURE)


def test_the_withdrawal_of_the_only_approver_asks_again() -> None:
    school = before(council((), STAY)).hears(GREY).answers(by=PRINCIPAL)
    assert school.outcome == "waiting"
    school.withdraws(PRINCIPAL)
    assert (school.walk.state.picture.asked, school.statuses["capacity"]) == (Role.PRINCIPAL, "needs-approval")


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        (for_another(Role.PRINCIPAL, "dep", "pri"), None),
        (for_another(Role.PRINCIPAL, "dep", "pri", days=0), "delegation-ended"),
        (for_another(Role.PRINCIPAL, "dep", "pri", begins=50), "delegation-not-begun"),
        (actor(Role.PRINCIPAL, "dep", acting_for="actor-pri", delegated_until=None), "delegation-unknown"),
        (for_another(Role.PRINCIPAL, "pri", "pri"), "delegation-to-oneself"),
    ],
)
def test_a_delegation_counts_from_its_first_instant_to_before_its_last(who: Any, refusal: str | None) -> None:
    school = before(council(())).hears(GREY).answers(by=who)
    assert school.reply.refusal == refusal


def test_a_delegation_that_ends_while_the_act_is_on_its_way_is_refused_at_its_very_instant() -> None:
    school = before(council(())).hears(GREY)
    ends = (school.now - school.start.started_at).total_seconds() / 86_400
    school.answers(by=for_another(Role.PRINCIPAL, "dep", "pri", days=ends))
    assert school.reply.refusal == "delegation-ended"


def faults(gate: Any) -> list[tuple[str | int, ...]]:
    return [fault.path[4:] for fault in lint(document_of(gates() | {GateId.INFRASTRUCTURE: gate}))]


def test_what_no_council_can_satisfy_is_refused_when_the_policy_is_read() -> None:
    with pytest.raises(ValidationError, match="at most 1"):
        ApprovalGroup(roles=(Role.PRINCIPAL,), needed=2)
    with pytest.raises(ValidationError, match="each role once"):
        ApprovalGroup(roles=(Role.PRINCIPAL, Role.PRINCIPAL), needed=2)
    hard = Threshold(id="capacity", signal=CAPACITY, pass_at=1.0, **LIFE)
    signed = SignOffs(id="plan", roles=(Role.PRIVACY_OFFICER,), **LIFE)
    board = two_of_board()
    assert faults(gate_of(hard, approvals=board)) == []
    assert faults(gate_of(hard, approvals=(*board, *both()))) == [("approvals", 1, "roles"), ("approvals", 1, "roles")]
    assert faults(gate_of(hard, approvals=board, approver=Role.COACH)) == [("approver",)]
    assert faults(gate_of(hard, signed, approvals=board)) == [("approvals", 0, "roles")]
    assert faults(gate_of(hard, approvals=board, deputy=Role.PRINCIPAL)) == [("deputy",)]
    assert faults(gate_of(hard, deputy=Role.PRIVACY_OFFICER)) == []
    assert faults(gate_of(hard, signed, deputy=Role.PRIVACY_OFFICER)) == [("deputy",)]
    assert faults(gate_of(hard, deputy_after_days=5)) == [("deputy_after_days",)]


def test_a_school_whose_evidence_is_attested_needs_the_whole_group() -> None:
    school = before(council(both())).hears(FULL, origin=Origin.ATTESTED).answers(by=CURRICULUM)
    assert school.outcome == "needs-approval"
    assert school.answers(by=PRINCIPAL).phase.value == "beta"
