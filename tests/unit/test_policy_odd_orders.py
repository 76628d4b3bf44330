"""Lives in odd orders: nothing that may happen to a school stops its workflow or opens its gate by accident."""

import pytest

from schemas.advisory import AdvisoriesArrived, Advisory
from schemas.decision import HoldKind
from schemas.gate import Criterion, DefectCount, Dwell, Gate, SchoolPolicy, Threshold
from schemas.guard import Guard
from schemas.ladder import Alarm, EscalationCause, Ladder, Rung
from schemas.message import TimePassed
from schemas.regress import RecordFix, RecordRootCause
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from schemas.trust import AdvanceByHand, Trust
from schemas.waiver import GrantWaiver, ProposeWaiver
from tests.harness.scenario import LIFE, SCHOOL, Scenario, actor, gate_of, policy_of

MB, PL, MM = "network.mbps-per-student", "network.page-load-p95-seconds", "beta.model-mismatch-count"
SOURCE = "default, not a standard"


def line(name: str, signal: str = MB, pass_at: float = 1.0, **changes: object) -> Criterion:
    return Threshold.model_validate({"id": name, "signal": signal, "pass_at": pass_at, **LIFE, **changes})


def simple(
    guards: dict[GateId, Guard] | None = None, gates: dict[GateId, Gate] | None = None, version: int = 1
) -> SchoolPolicy:
    """One threshold a gate."""
    found = {
        GateId.CHARTER: gate_of(line("g0-line")),
        GateId.INFRASTRUCTURE: gate_of(line("g1-line", PL, 3.0)),
        GateId.BETA: gate_of(line("g2-line", MM, 0.0)),
        GateId.TRAINING: gate_of(line("g3-line", "coach.teachers-per-coach", 20.0)),
        GateId.SCALE_GUARD: gate_of(line("g4-line")),
    } | (gates or {})
    return policy_of(
        {gate: each.model_copy(update={"guard": (guards or {}).get(gate)}) for gate, each in found.items()}, version
    )


def guard(**changes: object) -> Guard:
    return Guard.model_validate({"source": SOURCE, "hold_after_days": None, "second_chance": False, **changes})


def test_a_gate_that_another_policys_guard_hands_back_opened_wedges_nothing() -> None:
    school = Scenario(simple({GateId.INFRASTRUCTURE: guard()}))
    school.hears({MB: 2.0, PL: 1.0}).hears({PL: 9.0}).days_pass(2)
    school.migrates(simple({GateId.INFRASTRUCTURE: guard(regress_after_days=0.5)}, version=2))
    school.hears({MM: 0.0, PL: 9.0})
    school.tell(TimePassed()).hears({PL: 1.0, MM: 0.0}).days_pass(1)
    assert school.phase in (Phase.BETA, Phase.TRAINING, Phase.INFRASTRUCTURE_CHECK)


def alarmed(ladder: str, ladders: dict[str, Ladder], version: int, first_rung: int = 1) -> SchoolPolicy:
    alarm = Alarm(cause=EscalationCause.LEADER_VACANT, signal=MB, quiet_at=5.0, ladder=ladder, first_rung=first_rung)
    return simple(version=version).model_copy(update={"ladders": ladders, "alarms": (alarm,) if ladders else ()})


TWO = Ladder(rungs=(Rung(roles=(Role.PRINCIPAL,)), Rung(roles=(Role.STATE_DIRECTOR,), after_days=1)))
ONE = Ladder(rungs=(Rung(roles=(Role.PRINCIPAL,)),), repeats=1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (alarmed("old-one", {"old-one": TWO}, 1), alarmed("new-one", {"new-one": TWO}, 2)),
        (alarmed("same", {"same": TWO}, 1, first_rung=2), alarmed("same", {"same": ONE}, 2)),
        (alarmed("old-one", {"old-one": TWO}, 1), alarmed("none", {}, 2)),
    ],
    ids=["another ladder", "a shorter ladder", "no ladder"],
)
def test_a_ladder_that_another_policy_took_away_is_superseded(before: SchoolPolicy, after: SchoolPolicy) -> None:
    school = Scenario(before).hears({MB: 2.0})
    (raised,) = school.walk.state.picture.escalations
    school.migrates(after).hears({PL: 1.0}).days_pass(3)
    assert school.walk.state.policy == after
    assert raised not in school.walk.state.picture.escalations
    closed = [fact.body.cause.value for fact in school.facts if fact.body.kind == "escalation-closed"]
    assert closed[0] == "superseded"


@pytest.mark.parametrize(
    "criterion",
    [line("privacy-line", PL, 3.0, owner=Role.PRIVACY_OFFICER), DefectCount(id="defects", major_at_most=2, **LIFE)],
    ids=["privacy", "critical defects"],
)
def test_nobody_advances_by_hand_past_what_they_could_not_waive(criterion: Criterion) -> None:
    school = Scenario(simple(gates={GateId.CHARTER: gate_of(criterion).model_copy(update={"trust": Trust.ADVISE})}))
    school.hears({PL: 9.0, "defect.open-critical-count": 4, "defect.open-major-count": 0})
    school.tell(
        AdvanceByHand(act_id=school.act_id(), actor=actor(Role.PRINCIPAL), gate=GateId.CHARTER, reason="because")
    )
    assert school.reply.refusal == "kept-shut"
    assert school.phase is Phase.CHARTER


def phase_of(school: Scenario) -> Phase:
    return school.phase


def test_a_further_step_back_forgives_no_second_chance() -> None:
    strict, mild = guard(regress_after_days=1, second_chance=True), guard(regress_after_days=1)
    policy = simple({GateId.BETA: strict, GateId.INFRASTRUCTURE: mild})
    school = Scenario(policy).hears({MB: 2.0, PL: 1.0, MM: 0.0})
    assert phase_of(school) is Phase.TRAINING
    school.hears({MM: 5.0}).days_pass(1.5).hears({MM: 5.0})
    assert phase_of(school) is Phase.BETA
    school.hears({PL: 9.0}).days_pass(1.5).hears({PL: 9.0, MM: 0.0})
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK
    school.hears({MB: 2.0, PL: 1.0, MM: 0.0}).days_pass(1)
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK
    assert school.statuses["gate:second-chance"] == "unmet"
    school.tell(RecordRootCause(act_id=school.act_id(), actor=actor(Role.PRINCIPAL), cause="old-switch"))
    school.tell(RecordFix(act_id=school.act_id(), actor=actor(Role.COACH), fix="new-switch"))
    assert phase_of(school) is Phase.TRAINING


def proposal(school: Scenario, by: str) -> ProposeWaiver:
    return ProposeWaiver(
        act_id="waiver-0001", actor=actor(Role.PRINCIPAL, by), gate=GateId.CHARTER, criterion_ids=("stay",),
        scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), category="waived", compensating_control="watch-it",
        reason="no-time",
    )  # fmt: skip


def trusting() -> Scenario:
    gate = gate_of(line("g0-line"), Dwell(id="stay", minimum_days=5, **LIFE)).model_copy(update={"trust": Trust.HOLD})
    return Scenario(simple(gates={GateId.CHARTER: gate})).hears({MB: 2.0})


def test_whoever_proposed_a_waiver_may_not_approve_before_it_is_granted() -> None:
    school = trusting()
    school.tell(proposal(school, "pp")).answers(by=actor(Role.PRINCIPAL, "pp"))
    assert school.reply.refusal == "proposer-may-not-approve"


def test_whoever_approved_may_not_propose_a_waiver_afterwards() -> None:
    school = trusting().answers(by=actor(Role.PRINCIPAL, "pp"))
    assert school.reply.accepted
    school.tell(proposal(school, "pp"))
    assert school.reply.refusal == "approver-may-not-propose"
    school.tell(GrantWaiver(act_id=school.act_id(), actor=actor(Role.DISTRICT_TECHNOLOGY), waiver_id="waiver-0001"))
    assert school.phase is Phase.CHARTER


def advisory(name: str) -> Advisory:
    return Advisory(
        advisory_id=name, version=1, kind=HoldKind.INCIDENT, scope=Scope(kind=ScopeKind.STATE, id="WA"),
        reason="known-issue", placed_at=Scenario().now, lifted_by=Role.STATE_DIRECTOR,
    )  # fmt: skip


def test_an_advisory_of_the_same_id_takes_no_persons_hold_away() -> None:
    school = Scenario(simple()).held("hold-0001")
    school.tell(AdvisoriesArrived(version=1, advisories=(advisory("hold-0001"),))).hears({MB: 2.0})
    assert len(school.walk.state.picture.holds) == 2
    school.tell(AdvisoriesArrived(version=2, advisories=()))
    assert school.walk.state.picture.holds["hold-0001"].kind is HoldKind.PERSON
    assert school.phase is Phase.CHARTER


@pytest.mark.parametrize("name", ["guard-g1-attempt-1", "escalation-0001", "advisory-0001"])
def test_a_persons_hold_takes_no_id_that_the_policy_uses(name: str) -> None:
    school = Scenario(simple()).held(name)
    assert school.reply.refusal == "hold-id-reserved"


def test_a_lifted_guards_hold_does_not_return_because_evidence_got_better() -> None:
    school = Scenario(simple({GateId.INFRASTRUCTURE: guard(hold_after_days=1, recover_after_days=5)}))
    school.hears({MB: 2.0, PL: 1.0}).hears({PL: 9.0}).days_pass(1.1).hears({PL: 9.0})
    school.released("guard-g1-attempt-1")
    school.hears({PL: 1.0}).hears({PL: 9.0})
    assert school.walk.state.picture.holds == {}


def test_a_waiver_ends_where_another_policy_changes_its_criterion() -> None:
    gates = {GateId.CHARTER: gate_of(line("g0-line"), line("extra", PL, 3.0))}
    school = Scenario(simple(gates=gates))
    school.tell(proposal(school, "pp").model_copy(update={"criterion_ids": ("extra",)}))
    school.tell(GrantWaiver(act_id=school.act_id(), actor=actor(Role.DISTRICT_TECHNOLOGY), waiver_id="waiver-0001"))
    assert school.reply.accepted
    other = simple(gates={GateId.CHARTER: gate_of(line("g0-line"), line("extra", MM, 0.0))}, version=2)
    school.migrates(other).hears({MB: 2.0})
    assert school.phase is Phase.INFRASTRUCTURE_CHECK
    assert "waiver-0001" not in school.walk.state.picture.waivers
