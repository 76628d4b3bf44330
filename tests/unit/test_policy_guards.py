"""After the gate: guards warn, hold and take a school back, and a second chance is earned. Told as lives of one school."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.decision import Outcome, Status
from schemas.escalation import WorkItemOpened
from schemas.fact import Fact, Picture
from schemas.gate import SchoolPolicy, SignOffs, Threshold
from schemas.guard import Guard
from schemas.ladder import WorkLine
from schemas.model import digest_of
from schemas.regress import PhaseRegressed, RecordFix, RecordRootCause
from schemas.school import GateId, Phase, Role
from tests.harness.scenario import CLEAN, LIFE, Scenario, actor, document_of, gate_of, gates, policy_of
from workflows.policy.calendar import add_days
from workflows.policy.picture import fold_fact
from workflows.policy.verify import compare

SOURCE = "default, not a standard"
GUARD = Guard(
    source=SOURCE,
    hold_after_days=2, regress_after_days=5, recover_after_days=2,
    compensations=(WorkLine(title="repair-network", assignee=Role.DISTRICT_TECHNOLOGY, due_days=5),),
)  # fmt: skip


def phase_of(school: Scenario) -> Phase:
    return school.phase


def guarded(guard: Guard = GUARD, gate: GateId = GateId.INFRASTRUCTURE) -> SchoolPolicy:
    found = gates()
    found[gate] = found[gate].model_copy(update={"guard": guard})
    return policy_of(found)


def in_beta(policy: SchoolPolicy | None = None) -> Scenario:
    school = Scenario(policy or guarded()).signs().hears(CLEAN).days_pass(3, refreshed=True)
    assert phase_of(school) is Phase.BETA
    return school


def slow(school: Scenario, days: int) -> Scenario:
    """The network is too slow, as measured anew each day."""
    school.hears({"network.mbps-per-student": 0.4})
    for _ in range(days):
        school.days_pass(1).hears({"network.mbps-per-student": 0.4})
    return school


def bodies(school: Scenario, kind: str) -> list[Any]:
    return [fact.body for fact in school.facts if fact.body.kind == kind]


def test_a_contradiction_warns_at_once_holds_after_two_days_and_takes_the_school_back_after_five() -> None:
    school = slow(in_beta(), 0)
    assert school.walk.state.picture.guards[GateId.INFRASTRUCTURE].stage == "warned"
    assert not school.walk.state.picture.holds
    slow(school, 2)
    assert school.walk.state.picture.guards[GateId.INFRASTRUCTURE].stage == "held"
    (hold,) = school.walk.state.picture.holds.values()
    assert (hold.kind, hold.reason) == ("policy", "guard-of-g1")
    assert phase_of(school) is Phase.BETA
    slow(school, 3)
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK
    assert school.walk.state.picture.attempt == 2
    assert not school.walk.state.picture.holds, "being taken back is more than being held"


@pytest.mark.parametrize(("semantics", "after"), [(1, "met"), (2, "unmet")])
def test_a_school_that_is_taken_back_signs_the_plan_of_its_new_attempt(semantics: int, after: str) -> None:
    found = gates()
    signed = SignOffs(id="plan-signed", roles=(Role.PRINCIPAL,), **LIFE)
    first = found[GateId.INFRASTRUCTURE]
    criteria = (*first.criteria, signed)
    found[GateId.INFRASTRUCTURE] = first.model_copy(update={"guard": GUARD, "criteria": criteria})
    school = Scenario(policy_of(found, semantics=semantics)).signs()
    school.signs(Role.PRINCIPAL, gate=GateId.INFRASTRUCTURE).hears(CLEAN).days_pass(3, refreshed=True)
    assert phase_of(school) is Phase.BETA
    slow(school, 5)
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK
    assert school.statuses["plan-signed"] == after
    school.signs(Role.PRINCIPAL, gate=GateId.INFRASTRUCTURE)
    assert school.reply.accepted is (semantics == 2)
    assert school.statuses["plan-signed"] == "met"


def test_time_alone_holds_while_the_last_word_is_no() -> None:
    school = slow(in_beta(), 0)
    school.days_pass(2)
    assert school.walk.state.picture.guards[GateId.INFRASTRUCTURE].stage == "held"


def test_what_can_no_longer_be_read_never_takes_a_school_back() -> None:
    """A contradiction whose source fell silent keeps its clock, and goes no further than the hold."""
    school = slow(in_beta(guarded(GUARD.model_copy(update={"regress_after_days": 30}))), 0)
    school.days_pass(60)
    assert phase_of(school) is Phase.BETA
    assert school.walk.state.picture.guards[GateId.INFRASTRUCTURE].stage == "held"
    slow(school, 0)  # the source is back, and it still says no
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK


def test_a_regress_is_a_decision_with_evidence_that_anybody_can_decide_again() -> None:
    school = slow(in_beta(), 6)
    (regress,) = bodies(school, "phase-regressed")
    assert isinstance(regress, PhaseRegressed)
    assert regress.decision.verdict.outcome in (Outcome.UNMET, Outcome.UNKNOWN)
    said = {each.criterion_id: each.status for each in regress.decision.verdict.results}
    assert said["capacity"] is Status.UNMET
    assert regress.criterion_ids == ("capacity",)
    assert "network.mbps-per-student" in regress.decision.inputs.evidence
    document = document_of({gate: school.walk.state.policy.gates[gate] for gate in GateId})
    assert digest_of(document) == regress.decision.policy_digest
    assert compare(regress.decision, document, school.calendar) == ()


def test_compensations_open_and_hand_outs_stop() -> None:
    school = slow(in_beta(), 6)
    (item,) = bodies(school, "work-item-opened")
    assert isinstance(item, WorkItemOpened)
    assert (item.title, item.assignee, item.actor) == ("repair-network", Role.DISTRICT_TECHNOLOGY, None)
    relapse = school.walk.state.picture.relapse
    assert relapse is not None
    assert relapse.stops_handouts


def test_flapping_evidence_does_not_reset_the_clock() -> None:
    school = in_beta(guarded(GUARD.model_copy(update={"hold_after_days": 1})))
    for _ in range(5):  # bad, then good for a day: never two days of peace
        school.hears({"network.mbps-per-student": 0.4})
        school.days_pass(0.5).hears(CLEAN).days_pass(0.5)
    school.hears({"network.mbps-per-student": 0.4})
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK


def test_peace_for_long_enough_lifts_the_hold_and_forgets() -> None:
    school = slow(in_beta(), 2)
    assert school.walk.state.picture.holds
    school.hears(CLEAN)
    assert school.walk.state.picture.holds, "not yet: it may come again"
    school.days_pass(2, refreshed=True)
    assert not school.walk.state.picture.holds
    assert not school.walk.state.picture.guards
    assert phase_of(school) is not Phase.BETA, "what was held goes on"
    assert bodies(school, "guard-changed")[-1].over


def test_a_person_who_lifts_a_guards_hold_is_heard() -> None:
    school = slow(in_beta(), 2)
    (hold_id,) = school.walk.state.picture.holds
    school.released(hold_id, Role.DISTRICT_TECHNOLOGY)
    assert school.reply.accepted
    slow(school, 1)
    assert not school.walk.state.picture.holds


def test_too_small_a_population_contradicts_nothing() -> None:
    school = in_beta(guarded(Guard(minimum_population=50, source=SOURCE)))
    school.hears({"device.enrolled-ratio": 0.5}, population=10)
    assert not school.walk.state.picture.guards
    school.hears({"device.enrolled-ratio": 0.5}, population=100)
    assert school.walk.state.picture.guards


def test_only_named_criteria_are_watched() -> None:
    school = in_beta(guarded(Guard(criterion_ids=("enrolled",), source=SOURCE)))
    slow(school, 0)
    assert not school.walk.state.picture.guards


def test_without_a_guard_an_opened_gate_is_only_questioned() -> None:
    school = slow(in_beta(policy_of()), 10)
    assert not bodies(school, "phase-regressed")
    assert school.walk.state.picture.questioned
    assert not bodies(school, "guard-changed")


def test_scales_own_guard_takes_a_school_back_to_training() -> None:
    school = Scenario(guarded(GUARD, GateId.SCALE_GUARD)).signs().hears(CLEAN).days_pass(12, refreshed=True)
    assert phase_of(school) is Phase.SCALE
    for _ in range(6):
        school.hears({**CLEAN, "device.seen-7-days-ratio": 0.5}).days_pass(1)
    school.hears({**CLEAN, "device.seen-7-days-ratio": 0.5})
    assert phase_of(school) is Phase.TRAINING


def test_a_further_step_back_takes_days_of_its_own_and_is_woken_for() -> None:
    """From scale to training, and from there only after as long a contradiction again, held in between."""
    school = Scenario(guarded()).signs().hears(CLEAN).days_pass(7, refreshed=True)
    assert phase_of(school) is Phase.SCALE
    slow(school, 5)
    assert phase_of(school) is Phase.TRAINING
    slow(school, 1)
    assert phase_of(school) is Phase.TRAINING, "another message is no reason"
    slow(school, 1)
    assert [hold.reason for hold in school.walk.state.picture.holds.values()] == ["guard-of-g1"]
    school.days_pass(3)
    assert phase_of(school) is Phase.BETA, "time alone wakes it"


def test_a_school_taken_back_passes_again_only_with_a_root_cause_and_a_visible_fix() -> None:
    school = slow(in_beta(), 6)
    school.hears(CLEAN).days_pass(5, refreshed=True)
    assert school.statuses["gate:second-chance"] == "unmet"
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK

    def says(command: RecordRootCause | RecordFix) -> None:
        school.tell(command)

    says(RecordRootCause(act_id=school.act_id(), actor=actor(Role.SCHOOL_LEAD), cause="old-switch"))
    assert school.reply.refusal == "role-not-asked"
    says(RecordRootCause(act_id=school.act_id(), actor=actor(Role.PRINCIPAL), cause="old-switch"))
    assert phase_of(school) is Phase.INFRASTRUCTURE_CHECK, "a cause is not yet a fix"
    says(RecordFix(act_id=school.act_id(), actor=actor(Role.SCHOOL_LEAD), fix="new-switch"))
    assert phase_of(school) is Phase.BETA
    assert school.walk.state.picture.relapse is None
    assert school.walk.state.picture.attempt == 2


def test_there_is_nothing_to_mend_in_a_school_that_never_fell_back() -> None:
    school = in_beta()
    school.tell(RecordFix(act_id=school.act_id(), actor=actor(Role.PRINCIPAL), fix="new-switch"))
    assert school.reply.refusal == "nothing-to-mend"


def test_a_guard_wakes_the_school_for_its_next_step() -> None:
    school = slow(in_beta(guarded(Guard(hold_after_days=0.5, source=SOURCE))), 0)
    due = add_days(school.calendar, school.now, 0.5)
    assert due is not None
    assert school.walk.state.wake_at is not None
    assert school.walk.state.wake_at <= due


@pytest.mark.parametrize(
    "wrong",
    [{"warn_after_days": 3, "hold_after_days": 2}, {"hold_after_days": 4, "regress_after_days": 3}],
)
def test_steps_out_of_order_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Guard.model_validate({"source": SOURCE} | wrong)


def test_folding_the_facts_gives_the_picture_through_a_regress() -> None:
    school = slow(in_beta(), 6)
    picture = fold_all(school.facts)
    assert digest_of(picture) == digest_of(school.walk.state.picture)


def fold_all(facts: tuple[Fact, ...]) -> Picture:
    picture = Picture()
    for fact in facts:
        picture = fold_fact(picture, Fact.model_validate_json(fact.model_dump_json()))
        assert digest_of(picture) == fact.picture_digest
    return picture


def test_a_policy_taken_at_a_phases_opening_watches_opened_gates_at_once() -> None:
    stricter = gates()
    asks_more = Threshold(id="capacity", signal="network.mbps-per-student", pass_at=3.0, **LIFE)
    stricter[GateId.INFRASTRUCTURE] = gate_of(asks_more).model_copy(update={"guard": GUARD})
    school = in_beta(guarded())
    school.migrates(policy_of(stricter, version=2)).hears(CLEAN).days_pass(2)  # time alone opens the gate
    taken = next(fact for fact in school.facts if fact.body.kind == "policy-migrated")
    warned = next(fact for fact in school.facts if fact.body.kind == "guard-changed")
    assert warned.occurred_at == taken.occurred_at
