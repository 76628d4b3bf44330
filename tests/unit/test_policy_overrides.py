"""An override: two people, exact criteria, a limit, and nothing besides."""

import pytest

from schemas.decision import Status
from schemas.fact import GateDecided, GateOpened
from schemas.school import GateId, Phase, Role
from tests.harness.exceptions import SLOW, Excepted, at_infrastructure, state_actor
from tests.harness.scenario import CLEAN, actor, policy_of
from workflows.policy import explain


def test_one_person_alone_overrides_nothing() -> None:
    school = at_infrastructure().overrides_gate("page-load")
    assert school.reply.accepted
    assert (school.phase, school.statuses["page-load"]) == (Phase.INFRASTRUCTURE_CHECK, "unmet")
    assert school.confirms(by=state_actor()).reply.refusal == "one-person-may-not-override"
    assert school.statuses["page-load"] == "unmet"


@pytest.mark.parametrize("second", [
    state_actor(Role.STATE_ASSESSMENT_DIRECTOR, "statedirector"),
    state_actor(Role.STATE_ASSESSMENT_DIRECTOR, "deputy", acting_for="actor-statedirector"),
])  # fmt: skip
def test_one_person_in_two_roles_or_by_a_delegate_is_one_person(second: object) -> None:
    school = at_infrastructure().overrides_gate("page-load")
    assert school.confirms(by=second).reply.refusal == "one-person-may-not-override"  # type: ignore[arg-type]


def test_two_people_override_what_they_name_with_a_status_and_reason_of_its_own() -> None:
    school = at_infrastructure().overridden("page-load")
    assert school.phase is Phase.BETA
    opened = [fact.body for fact in school.facts if isinstance(fact.body, GateOpened)]
    assert (opened[-1].gate, opened[-1].by) == (GateId.INFRASTRUCTURE, "override")
    record = next(f.body.decision for f in reversed(school.facts)
                  if isinstance(f.body, GateDecided) and f.body.decision.inputs.gate is GateId.INFRASTRUCTURE)  # fmt: skip
    result = next(each for each in record.verdict.results if each.criterion_id == "page-load")
    assert (result.status, result.reason) == (Status.OVERRIDDEN, "overridden")
    assert result.detail == ("term-begins", "sponsor-state-director")
    assert explain.sentence(result).startswith("overridden by two people: seen 9 seconds")
    assert "overridden by two people: page-load" in explain.headline(record.verdict, policy_of())


def test_an_override_bypasses_only_what_it_names() -> None:
    school = at_infrastructure().hears(SLOW | {"device.enrolled-ratio": 0.5}).overridden("page-load")
    assert school.phase is Phase.INFRASTRUCTURE_CHECK
    assert (school.statuses["page-load"], school.statuses["enrolled"]) == ("overridden", "unmet")
    school.held()
    school.hears(SLOW)
    assert school.phase is Phase.INFRASTRUCTURE_CHECK, "a hold is not overridden with a criterion"


def test_a_dwell_may_be_overridden_by_name_and_by_two_only() -> None:
    school = Excepted().signs().hears(CLEAN)
    assert school.statuses["infrastructure-stay"] == "waiting"
    school.overridden("infrastructure-stay")
    assert school.statuses["infrastructure-stay"] == "overridden"
    assert school.phase is Phase.INFRASTRUCTURE_CHECK, "the soak still counts"


@pytest.mark.parametrize("role", [Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY, Role.PRIVACY_OFFICER])
def test_only_roles_of_the_policy_override(role: Role) -> None:
    school = at_infrastructure()
    assert school.overrides_gate("page-load", by=actor(role)).reply.refusal == "role-may-not-override"
    assert (
        school.overrides_gate("page-load").confirms(by=actor(role, "second")).reply.refusal == "role-may-not-override"
    )


def test_the_state_director_is_one_of_the_two() -> None:
    school = at_infrastructure().overrides_gate("page-load", by=state_actor(Role.STATE_ASSESSMENT_DIRECTOR, "one"))
    assert school.confirms(by=state_actor(Role.STATE_ASSESSMENT_DIRECTOR, "two")).reply.refusal == "lead-missing"
    assert school.confirms(by=state_actor()).reply.accepted


def test_critical_defects_take_the_state_director_and_a_second_person() -> None:
    school = Excepted().signs().hears(CLEAN).days_pass(3).hears(CLEAN | {"defect.open-critical-count": 1})
    assert school.phase is Phase.BETA
    rules = school.walk.state.policy.exceptions.overrides
    assert Role.STATE_DIRECTOR in rules.roles
    school.overrides_gate("defects", by=state_actor(Role.STATE_ASSESSMENT_DIRECTOR, "one"))
    assert school.confirms(by=state_actor(Role.STATE_ASSESSMENT_DIRECTOR, "two")).reply.refusal == "lead-missing"
    assert school.confirms(by=state_actor()).reply.accepted
    assert school.statuses["defects"] == "overridden"


def test_the_second_person_confirms_within_two_school_days_or_not_at_all() -> None:
    school = at_infrastructure().overrides_gate("page-load").days_pass(1.5)
    assert "override-lapsed" not in school.kinds()
    school.days_pass(0.5)
    assert "override-lapsed" in school.kinds()
    assert school.confirms().reply.refusal == "unknown-override"


def test_no_override_without_exact_criteria_of_this_gate_nor_from_the_floor() -> None:
    school = at_infrastructure()
    assert school.overrides_gate("defects").reply.refusal == "no-such-criterion"
    assert school.overrides_gate("model", gate=GateId.BETA).reply.refusal == "gate-not-current"
    policy = policy_of()
    gate = policy.gates[GateId.CHARTER]
    leader = tuple(each.model_copy(update={"lesson": "A08"}) for each in gate.criteria)
    gates = policy.gates | {GateId.CHARTER: gate.model_copy(update={"criteria": leader})}
    floored = Excepted(policy.model_copy(update={"gates": gates}))
    assert floored.overrides_gate("charter-signed").reply.refusal == "floor-never-excepted"


def test_what_was_overridden_does_not_question_the_opening_it_allowed() -> None:
    school = at_infrastructure().overridden("page-load").hears(SLOW)
    assert school.walk.state.picture.questioned == {}
