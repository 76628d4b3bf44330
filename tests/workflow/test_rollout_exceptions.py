"""Waivers, overrides and advisories through the Temporal shell: updates answered, ends on time, state carried on."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.advisory import AdvisoriesArrived
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver
from tests.harness.advisories import advisory_of
from tests.harness.exceptions import state_actor
from tests.harness.scenario import SCHOOL, actor
from tests.workflow.driver import Driver
from tests.workflow.test_rollout import OPENS, days_pass, hears, kinds, phase, signs, start
from workflows.school import messages

SLOW = {"network__page_load_p95_seconds": 9.0}


@pytest.fixture(params=[True, False], ids=["sandboxed", "unsandboxed"])
def school(request: pytest.FixtureRequest) -> Driver:
    driver = Driver(OPENS, in_sandbox=request.param)
    driver.start(messages.RolloutInput.of(start()))
    signs(driver)
    hears(driver, **SLOW)
    days_pass(driver, 2.5)
    hears(driver, **SLOW)
    return driver


def test_a_waiver_opens_the_gate_and_ends_by_the_timer_after_a_new_run(school: Driver) -> None:
    ends = school.now.astimezone(UTC) + timedelta(days=6)
    proposal = ProposeWaiver(
        act_id="waiver-0001", actor=actor(Role.PRINCIPAL), gate=GateId.INFRASTRUCTURE, criterion_ids=("page-load",),
        scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), category="mitigated", compensating_control="paper-lists",
        reason="cabling-late", expires_at=ends,
    )  # fmt: skip
    assert school.act(proposal).accepted
    own = GrantWaiver(
        act_id="grant-0001", actor=state_actor(acting_for=proposal.actor.actor_id), waiver_id="waiver-0001"
    )
    assert school.act(own).refusal == "proposer-may-not-grant"
    assert school.act(GrantWaiver(act_id="grant-0002", actor=state_actor(), waiver_id="waiver-0001")).accepted
    assert phase(school) is Phase.BETA
    school.pass_until(ends + timedelta(hours=1))
    ended = next(fact for fact in school.facts if fact.body.kind == "waiver-ended")
    assert abs((ended.occurred_at - ends).total_seconds()) < 10
    assert kinds(school).count("waiver-reminded") == 1


def test_an_override_takes_two_updates(school: Driver) -> None:
    override = OverrideGate(
        act_id="override-0001", actor=state_actor(), gate=GateId.INFRASTRUCTURE, criterion_ids=("page-load",),
        reason="term-begins", sponsor=Role.STATE_DIRECTOR,
    )  # fmt: skip
    assert school.act(override).accepted
    alone = ConfirmOverride(act_id="confirm-0001", actor=state_actor(), override_id="override-0001")
    assert school.act(alone).refusal == "one-person-may-not-override"
    second = ConfirmOverride(
        act_id="confirm-0002", actor=state_actor(Role.STATE_ASSESSMENT_DIRECTOR), override_id="override-0001"
    )
    assert school.act(second).accepted
    assert phase(school) is Phase.BETA


def test_advisories_arrive_by_signal(school: Driver) -> None:
    school.signal("advisories-arrived", AdvisoriesArrived(version=1, advisories=(advisory_of(),)))
    assert kinds(school)[-1] == "hold-added"
    school.signal("advisories-arrived", AdvisoriesArrived(version=2))
    assert kinds(school)[-1] == "hold-released"
    assert isinstance(school.facts[-1].occurred_at, datetime)
