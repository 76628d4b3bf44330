"""A waiver: who may propose, who may grant, what it touches, and what its end does."""

from datetime import datetime, timedelta

import pytest

from schemas.decision import HoldKind
from schemas.fact import GateDecided, GateOpened
from schemas.gate import SchoolPolicy, Severity
from schemas.ladder import Ladder, Rung
from schemas.rules import ExceptionRules, WaiverRules
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from schemas.waiver import WaiverEnded, WaiverReminded
from tests.harness.exceptions import SLOW, Excepted, at_infrastructure, of_district, state_actor
from tests.harness.scenario import CLEAN, DISTRICT, ELSEWHERE, actor, calendar_of, context_of, policy_of
from workflows.policy import explain
from workflows.policy.exceptions.waivers import applying


def end_of(school: Excepted) -> tuple[WaiverEnded, datetime]:
    """The one end of a waiver, and when."""
    [found] = [(fact.body, fact.occurred_at) for fact in school.facts if isinstance(fact.body, WaiverEnded)]
    return found


def test_a_proposal_waives_nothing() -> None:
    school = at_infrastructure().proposes("page-load")
    assert school.reply.accepted
    assert (school.outcome, school.statuses["page-load"]) == ("unmet", "unmet")


def test_a_granted_waiver_opens_what_its_criterion_alone_kept_shut_and_is_never_written_as_met() -> None:
    school = at_infrastructure().waived("page-load")
    assert school.phase is Phase.BETA
    opened = [fact.body for fact in school.facts if isinstance(fact.body, GateOpened)]
    assert (opened[-1].gate, opened[-1].by) == (GateId.INFRASTRUCTURE, "waiver")
    decided = [f.body for f in school.facts if isinstance(f.body, GateDecided) and f.body.decision.inputs.gate == "G1"]
    verdict = decided[-1].decision.verdict
    by_id = {result.criterion_id: result for result in verdict.results}
    assert by_id["page-load"].status == "waived"
    assert by_id["page-load"].observed == 9.0
    assert explain.sentence(by_id["page-load"]).startswith("waived: seen 9 seconds, expected at most 3")
    assert "waived: page-load" in explain.headline(verdict, policy_of())


def test_a_waiver_touches_no_other_criterion() -> None:
    school = at_infrastructure().hears(SLOW | {"device.enrolled-ratio": 0.5}).waived("page-load")
    assert school.phase is Phase.INFRASTRUCTURE_CHECK
    assert (school.statuses["page-load"], school.statuses["enrolled"]) == ("waived", "unmet")


def test_who_proposed_may_not_grant_in_another_role_nor_by_a_delegate() -> None:
    director = state_actor()
    school = at_infrastructure().proposes("page-load", by=director)
    for who in (director, state_actor(Role.STATE_ASSESSMENT_DIRECTOR, acting_for=director.actor_id)):
        assert school.grants(by=who).reply.refusal == "proposer-may-not-grant"
    assert school.waivers == {}


def test_who_signed_at_the_gate_may_not_grant() -> None:
    school = Excepted().signs(Role.PRINCIPAL).proposes("charter-signed", by=actor(Role.COACH))
    assert school.reply.accepted
    signer = state_actor(acting_for=actor(Role.PRINCIPAL).actor_id)
    assert school.grants(by=signer).reply.refusal == "signer-may-not-grant"


@pytest.mark.parametrize("role", [Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY, Role.DISTRICT_CURRICULUM])
def test_only_a_role_above_the_gates_approver_grants(role: Role) -> None:
    school = at_infrastructure().proposes("page-load", by=actor(Role.SCHOOL_LEAD))
    scope = Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)
    assert school.grants(by=actor(role, "somebody", scope)).reply.refusal == "role-not-above-approver"
    assert "state-director" in school.reply.next_step


def test_without_an_end_a_waiver_lasts_thirty_days_and_none_lasts_more_than_sixty() -> None:
    school = at_infrastructure().waived("page-load")
    assert school.waivers["waiver-0001"].expires_at == school.now + timedelta(days=30)
    assert at_infrastructure().proposes("page-load", days=60.1).reply.refusal == "waiver-too-long"
    assert at_infrastructure().proposes("page-load", days=60).reply.accepted
    assert at_infrastructure().proposes("page-load").grants(days=61).reply.refusal == "waiver-too-long"
    assert at_infrastructure().proposes("page-load").grants(days=0).reply.refusal == "waiver-already-over"


def with_criterion(policy: SchoolPolicy, criterion_id: str, **changes: object) -> SchoolPolicy:
    """The policy, one criterion of G1 changed."""
    gate = policy.gates[GateId.INFRASTRUCTURE]
    criteria = tuple(each.model_copy(update=changes) if each.id == criterion_id else each for each in gate.criteria)
    gates = policy.gates | {GateId.INFRASTRUCTURE: gate.model_copy(update={"criteria": criteria})}
    return policy.model_copy(update={"gates": gates})


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"lesson": "A08"}, "floor-never-excepted"),
        ({"owner": Role.PRIVACY_OFFICER}, "floor-never-excepted"),
        ({"waivable": False}, "criterion-not-waivable"),
        ({"severity": Severity.SOFT}, "criterion-gates-nothing"),
    ],
)
def test_the_floor_refuses_and_names_its_rule(changes: dict[str, object], rule: str) -> None:
    school = Excepted(with_criterion(policy_of(), "page-load", **changes)).signs().hears(SLOW)
    assert school.proposes("page-load").reply.refusal == rule
    assert school.reply.next_step


def test_critical_defects_are_waived_by_a_state_role_only() -> None:
    policy = policy_of()
    gate = policy.gates[GateId.BETA]
    loose = tuple(each.model_copy(update={"waivable": True}) for each in gate.criteria)
    gates = policy.gates | {GateId.BETA: gate.model_copy(update={"criteria": loose, "approver": Role.SCHOOL_LEAD})}
    school = Excepted(policy.model_copy(update={"gates": gates})).signs().hears(CLEAN).days_pass(3)
    school.hears(CLEAN | {"defect.open-critical-count": 1})
    assert school.phase is Phase.BETA
    school.proposes("defects", by=actor(Role.COACH))
    district = actor(Role.DISTRICT_TECHNOLOGY, scope=Scope(kind=ScopeKind.DISTRICT, id=DISTRICT))
    assert school.grants(by=district).reply.refusal == "floor-state-role-only"
    assert school.grants().reply.accepted


def test_a_waiver_names_a_criterion_of_the_gate_not_the_gate() -> None:
    school = at_infrastructure()
    assert school.proposes("defects").reply.refusal == "no-such-criterion"
    assert school.proposes("defects", gate=GateId.BETA).reply.refusal == "gate-not-current"
    assert school.grants("waiver-9999").reply.refusal == "unknown-waiver"


def test_a_districts_waiver_is_granted_by_no_school_role_and_stays_behind_when_the_school_moves() -> None:
    school = at_infrastructure().hears(SLOW | {"device.enrolled-ratio": 0.5})
    school.proposes("page-load", scope=of_district())
    assert school.grants(by=actor(Role.STATE_DIRECTOR)).reply.refusal == "scope-narrower-than-waiver"
    school.grants()
    assert school.statuses["page-load"] == "waived"
    school.learns(context_of(version=2, district=ELSEWHERE), calendar_of(district=ELSEWHERE))
    assert school.statuses["page-load"] == "unmet"


def test_people_are_reminded_once_five_school_days_before_the_end() -> None:
    school = at_infrastructure().hears(SLOW | {"device.enrolled-ratio": 0.5}).waived("page-load", days=28)
    while "waiver-ended" not in school.kinds():
        school.days_pass(0.5)
    reminders = [fact for fact in school.facts if isinstance(fact.body, WaiverReminded)]
    assert len(reminders) == 1
    _, ends_at = end_of(school)
    days = [day for day, opens, _ in school.calendar.days
            if reminders[0].occurred_at.timestamp() * 1000 <= opens < ends_at.timestamp() * 1000]  # fmt: skip
    assert len(days) == 5


def test_a_reminder_tells_who_granted_it_and_who_owns_the_criterion_unless_a_ladder_tells() -> None:
    def reminded(policy: SchoolPolicy) -> WaiverReminded:
        school = (
            at_infrastructure(policy=policy).hears(SLOW | {"device.enrolled-ratio": 0.5}).waived("page-load", days=3)
        )
        [found] = [fact.body for fact in school.facts if isinstance(fact.body, WaiverReminded)]
        return found

    granted_by = reminded(policy_of()).tells[0]
    assert reminded(policy_of()).tells == (granted_by, Role.SCHOOL_LEAD)
    ladders = {"leadership": Ladder(rungs=(Rung(roles=(Role.PRINCIPAL,)),))}
    led = policy_of().model_copy(update={"ladders": ladders, "waiver_ladder": "leadership"})
    assert reminded(led).tells == ()


def test_at_its_end_the_criterion_holds_again_at_that_instant() -> None:
    school = at_infrastructure().hears(SLOW | {"device.enrolled-ratio": 0.5}).waived("page-load", days=3)
    ends_at = school.waivers["waiver-0001"].expires_at
    school.days_pass(4)
    ended, at = end_of(school)
    assert (at, ended.consequence) == (ends_at, "none")
    assert (school.statuses["page-load"], school.waivers) == ("unmet", {})


def test_an_opened_gate_is_held_at_the_end_and_let_go_once_its_criterion_passes() -> None:
    school = at_infrastructure().waived("page-load", days=3)
    school.days_pass(2).hears(SLOW).days_pass(2)
    ended, _ = end_of(school)
    assert (ended.gate, ended.failing, ended.consequence) == (GateId.INFRASTRUCTURE, ("page-load",), "hold")
    hold = school.walk.state.picture.holds["waiver-0001"]
    assert (hold.kind, hold.reason, hold.criterion_ids) == (HoldKind.POLICY, "waiver-ended", ("page-load",))
    assert school.walk.state.picture.questioned == {GateId.INFRASTRUCTURE: ("page-load",)}
    school.hears(CLEAN)
    assert school.walk.state.picture.holds == {}
    assert school.facts[-1].phase is not Phase.INFRASTRUCTURE_CHECK


def test_an_opened_gate_whose_criterion_passes_by_then_is_left_alone() -> None:
    school = at_infrastructure().waived("page-load", days=6)
    school.days_pass(2).hears(CLEAN).days_pass(3)
    ended, _ = end_of(school)
    assert (ended.failing, ended.consequence, school.walk.state.picture.holds) == ((), "none", {})


def test_silence_at_the_end_is_not_a_pass() -> None:
    school = at_infrastructure().waived("page-load", days=3)
    school.hears({"network.page-load-p95-seconds": None}, missing="silent-source").days_pass(3)
    ended, _ = end_of(school)
    assert (ended.failing, ended.consequence) == (("page-load",), "hold")


def test_where_the_policy_says_regress_the_end_says_so_and_holds_nothing() -> None:
    school = at_infrastructure(ExceptionRules(waivers=WaiverRules(at_expiry="regress"))).waived("page-load", days=3)
    school.days_pass(2).hears(SLOW).days_pass(2)
    ended, _ = end_of(school)
    assert (ended.consequence, school.walk.state.picture.holds) == ("regress", {})
    assert school.walk.state.picture.questioned == {GateId.INFRASTRUCTURE: ("page-load",)}


def test_a_revoked_waiver_ends_at_once_with_the_same_consequence() -> None:
    school = at_infrastructure().waived("page-load").hears(SLOW)
    assert school.revokes(by=actor(Role.PRINCIPAL)).reply.refusal == "role-may-not-revoke"
    assert school.revokes().reply.accepted
    assert (school.waivers, list(school.walk.state.picture.holds)) == ({}, ["waiver-0001"])


def test_a_proposal_may_be_withdrawn_by_its_proposer_and_grants_nothing_afterwards() -> None:
    school = at_infrastructure().proposes("page-load").revokes(by=actor(Role.PRINCIPAL))
    assert school.reply.accepted
    assert school.grants().reply.refusal == "unknown-waiver"


def test_a_waiver_of_an_opened_gate_may_be_renewed_before_it_ends() -> None:
    school = at_infrastructure().waived("page-load", days=3)
    school.waived("page-load", gate=GateId.INFRASTRUCTURE, waiver_id="waiver-0002", days=40).days_pass(2)
    school.hears(SLOW).days_pass(2)
    ended, _ = end_of(school)
    assert (ended.failing, ended.consequence) == ((), "none")


def test_a_waiver_does_not_apply_past_its_end_nor_before_its_beginning() -> None:
    school = at_infrastructure().waived("page-load", days=3)
    [waiver] = school.waivers.values()
    criterion = next(each for each in policy_of().gates[GateId.INFRASTRUCTURE].criteria if each.id == "page-load")
    for at, applies in ((waiver.granted_at, True), (waiver.expires_at - timedelta(microseconds=1), True),
                        (waiver.expires_at, False), (waiver.granted_at - timedelta(microseconds=1), False)):  # fmt: skip
        assert (applying(criterion, [waiver], context_of(), at) is not None) is applies
