"""A school takes another policy at the opening of a phase and never between; nothing of the past is credited."""

from datetime import timedelta

import pytest

from schemas.gate import SchoolPolicy, Soak, Threshold
from schemas.migration import PolicyMigrated
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from tests.harness.scenario import CLEAN, DISTRICT, LIFE, Scenario, actor, gate_of, gates, inputs_of, item, policy_of
from workflows.policy.migration import carried, foresee

MBPS, LOAD = "network.mbps-per-student", "network.page-load-p95-seconds"
FASTER = policy_of(
    gates() | {GateId.INFRASTRUCTURE: gate_of(Threshold(id="capacity", signal=MBPS, pass_at=3.0, **LIFE))}, version=2
)
COACHED = policy_of(
    gates() | {GateId.INFRASTRUCTURE: gate_of(Threshold(id="feedback", signal="beta.cohort-fits", pass_at=1, **LIFE))},
    version=3,
)


def soaking(**changes: object) -> SchoolPolicy:
    base = {"id": "load-steady", "signal": LOAD, "healthy_at": 3.0, "minimum_days": 2, "evidence_age_days_max": 5}
    soak = Soak.model_validate({**base, **LIFE, **changes})
    return policy_of(gates() | {GateId.BETA: gate_of(soak)}, version=4)


def test_a_policy_is_pending_until_the_next_phase_opens_and_decides_from_there() -> None:
    school = Scenario().migrates(FASTER)
    assert school.reply.accepted
    state = school.walk.state
    assert (state.policy, state.pending_policy) == (policy_of(), FASTER)
    assert state.picture.pending_policy is not None
    assert state.picture.pending_policy.policy_version == 2
    school.hears(CLEAN).signs()
    assert school.phase is Phase.INFRASTRUCTURE_CHECK
    assert school.kinds()[-4:] == ["gate-opened", "policy-migrated", "phase-opened", "gate-decided"]
    assert school.walk.state.policy == FASTER
    assert (school.walk.state.pending_policy, school.walk.state.picture.pending_policy) == (None, None)
    assert school.walk.state.picture.policy_digest == FASTER.digest
    assert school.outcome == "unmet", "2 Mbps a student met the old line and not the new"


def test_the_gate_at_hand_is_decided_by_the_policy_it_began_with() -> None:
    school = Scenario().hears(CLEAN).migrates(FASTER).signs()
    opened = [fact.body for fact in school.facts if fact.body.kind == "gate-decided"]
    assert opened[0].decision.policy_version == 1
    assert opened[-1].decision.policy_version == 2


def test_a_migration_back_takes_the_pending_policy_back_and_nothing_changes() -> None:
    school = Scenario().migrates(FASTER).migrates(policy_of())
    assert school.reply.accepted
    assert school.walk.state.picture.pending_policy is None
    school.hears(CLEAN).signs()
    assert "policy-migrated" not in school.kinds()
    assert school.walk.state.policy == policy_of()


def test_the_last_policy_given_is_the_one_taken() -> None:
    school = Scenario().migrates(FASTER).migrates(COACHED).signs()
    taken = [fact.body for fact in school.facts if isinstance(fact.body, PolicyMigrated)]
    assert [each.policy_version for each in taken] == [3]
    assert "beta.cohort-fits" in taken[0].signals


def test_the_same_act_twice_is_one_migration() -> None:
    school = Scenario().migrates(FASTER, act_id="migrate-0001").migrates(FASTER, act_id="migrate-0001")
    assert school.reply.repeated
    assert school.kinds().count("policy-migration-accepted") == 1
    school.migrates(COACHED, act_id="migrate-0001")
    assert school.reply.refusal == "act-id-taken"


@pytest.mark.parametrize(
    ("policy", "by", "refusal"),
    [
        (FASTER, actor(Role.DISTRICT_TECHNOLOGY, scope=Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)), "role-may-not-migrate"),
        (FASTER, actor(Role.STATE_DIRECTOR), "role-may-not-migrate"),
        (FASTER, actor(Role.STATE_DIRECTOR, scope=Scope(kind=ScopeKind.STATE, id="OR")), "scope-does-not-cover-school"),
        (FASTER.model_copy(update={"semantics": 99}), None, "semantics-unknown"),
        (FASTER.model_copy(update={"gates": {GateId.BETA: FASTER.gates[GateId.BETA]}}), None, "policy-incomplete"),
        (policy_of(), None, "policy-pinned"),
    ],
)  # fmt: skip
def test_what_may_not_be_taken_is_refused_and_changes_nothing(policy: SchoolPolicy, by: object, refusal: str) -> None:
    school = Scenario().migrates(policy, by=by)  # type: ignore[arg-type]
    assert school.reply.refusal == refusal
    assert school.reply.next_step
    assert school.walk.state.pending_policy is None
    assert "policy-migration-accepted" not in school.kinds()


def test_a_policy_that_is_pending_already_is_refused_by_another_id() -> None:
    assert Scenario().migrates(FASTER).migrates(FASTER).reply.refusal == "migration-pending"


def test_a_school_in_scale_keeps_its_policy_since_no_phase_opens_any_more() -> None:
    school = Scenario().signs().hears(CLEAN).days_pass(9, refreshed=True)
    assert school.phase is Phase.SCALE
    school.migrates(FASTER).days_pass(3, refreshed=True)
    assert school.walk.state.policy == policy_of()
    assert school.walk.state.picture.pending_policy is not None


def test_evidence_of_signals_the_new_policy_does_not_name_is_dropped() -> None:
    school = Scenario().hears(CLEAN).migrates(FASTER).signs()
    assert "device.enrolled-ratio" not in school.walk.state.evidence
    assert MBPS in school.walk.state.evidence


def test_a_soak_the_old_policy_did_not_have_starts_at_the_newest_observation() -> None:
    observed = Scenario().now
    evidence = {LOAD: item(LOAD, 2.0, observed)}
    after = carried(evidence, policy_of(), soaking())[LOAD]
    assert after.healthy_since == {"load-steady": observed}
    assert after.broken_sequence == {"load-steady": 1}
    worse = {LOAD: item(LOAD, 3.5, observed)}
    assert carried(worse, policy_of(), soaking())[LOAD].healthy_since == {}


@pytest.mark.parametrize(
    ("change", "kept"),
    [({"minimum_days": 9}, True), ({"healthy_at": 2.5}, False), ({"healthy_at": 3.5}, False),
     ({"evidence_age_days_max": 3}, False)],
)  # fmt: skip
def test_a_soak_keeps_its_time_only_under_the_same_line(change: dict[str, float], kept: bool) -> None:
    observed = Scenario().now + timedelta(days=4)
    since = observed - timedelta(days=3)
    evidence = {LOAD: item(LOAD, 2.0, observed, healthy_since={"load-steady": since})}
    after = carried(evidence, soaking(), soaking(**change))[LOAD]
    assert after.healthy_since == {"load-steady": since if kept else observed}


def test_a_new_soak_can_be_met_and_is_not_unknown_until_the_next_reading() -> None:
    school = Scenario().hears(CLEAN).migrates(soaking()).signs().days_pass(6, refreshed=True)
    assert school.phase is Phase.SCALE


def test_a_plan_shows_the_gate_under_both_policies() -> None:
    school = Scenario().signs().hears(CLEAN)
    state = school.walk.state
    inputs = inputs_of(GateId.INFRASTRUCTURE, state.evidence, opened_at=school.now)
    now, then = foresee(state.policy, FASTER, inputs, {}, school.calendar, school.now)
    assert (now.outcome.value, then.outcome.value) == ("waiting", "unmet")
    other = {"beta.cohort-fits": item("beta.cohort-fits", 1, school.now)}
    unseen = foresee(state.policy, COACHED, inputs, {}, school.calendar, school.now)[1]
    seen = foresee(state.policy, COACHED, inputs, other, school.calendar, school.now)[1]
    assert (unseen.outcome.value, seen.outcome.value) == ("unknown", "open")
