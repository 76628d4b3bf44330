"""Ladders: who is told, when, and what silences them, told as a school's life."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.decision import Outcome
from schemas.escalation import Escalation, EscalationAction, RungFired
from schemas.fact import GateDecided
from schemas.gate import PolicyDocument, SchoolPolicy
from schemas.ladder import Alarm, EscalationCause, Ladder, Rung, RungKind
from schemas.message import AcknowledgeEscalation, ActOnEscalation, IncidentChanged
from schemas.school import GateId, Role
from tests.harness.scenario import CLEAN, Scenario, actor, calendar_of, context_of, document_of, gates, school_days
from workflows.policy.authoring.document import lint, resolve
from workflows.policy.calendar import add_days

LADDER = Ladder(
    rungs=(
        Rung(roles=(Role.SCHOOL_LEAD,)),
        Rung(roles=(Role.PRINCIPAL,), after_days=1),
        Rung(roles=(Role.DISTRICT_TECHNOLOGY, Role.DISTRICT_CURRICULUM), after_days=3),
        Rung(roles=(Role.STATE_DIRECTOR,), after_days=6),
    )
)
STOPPED = Alarm(
    cause=EscalationCause.INSTRUCTION_STOPPED,
    signal="defect.open-critical-count",
    quiet_at=0,
    ladder="usual",
    first_rung=3,
)


def document(ladder: Ladder = LADDER, *, grace: int = 2, **changes: Any) -> PolicyDocument:
    """The harness's policy, with a ladder at every gate."""
    named = {
        key: gate.model_copy(
            update={"blocked_ladder": "usual", "blocked_after_days": grace, "unanswered_ladder": "usual"}
        )
        for key, gate in gates().items()
    }
    return document_of(named).model_copy(update={"ladders": {"usual": ladder}, **changes})


def policy(ladder: Ladder = LADDER, **changes: Any) -> SchoolPolicy:
    return resolve(document(ladder, **changes), "standard")


def fired(school: Scenario) -> list[tuple[int, datetime]]:
    """Number and instant of each rung that fired."""
    return [(fact.body.rung, fact.occurred_at) for fact in school.facts if isinstance(fact.body, RungFired)]


def rungs(school: Scenario) -> list[int]:
    return [rung for rung, _ in fired(school)]


def standing(school: Scenario) -> tuple[str, Escalation]:
    [(escalation_id, escalation)] = school.walk.state.picture.escalations.items()
    return escalation_id, escalation


def acknowledged(school: Scenario, by: Role = Role.SCHOOL_LEAD) -> Scenario:
    escalation_id, _ = standing(school)
    return school.tell(AcknowledgeEscalation(act_id=school.act_id(), actor=actor(by), escalation_id=escalation_id))


def acted(school: Scenario, by: Role = Role.SCHOOL_LEAD, action: Any = EscalationAction.SUPPORT) -> Scenario:
    escalation_id, _ = standing(school)
    return school.tell(
        ActOnEscalation(act_id=school.act_id(), actor=actor(by), escalation_id=escalation_id, action=action)
    )


def incident(school: Scenario, revision: int, *, stands: bool) -> Scenario:
    return school.tell(IncidentChanged(incident_id="incident-operations-1", revision=revision, open=stands))


def at_the_network() -> Scenario:
    """A school at its second gate, with evidence that is clean but for the page load."""
    return Scenario(policy()).signs().hears(CLEAN | {"network.page-load-p95-seconds": 9.0})


def test_a_gate_that_says_no_is_escalated_after_its_grace_and_climbs_in_school_days() -> None:
    school = Scenario(policy())
    start = school.now
    school.days_pass(2)
    assert rungs(school) == [1]
    school.days_pass(6)
    days = [add_days(school.calendar, start, days) for days in (2, 3, 5, 8)]
    assert fired(school) == list(zip((1, 2, 3, 4), days, strict=True))


def test_a_policy_without_ladders_tells_nobody() -> None:
    assert rungs(Scenario().days_pass(30)) == []


def test_a_gate_that_opens_ends_its_ladder() -> None:
    school = Scenario(policy()).days_pass(4)
    assert rungs(school) == [1, 2]
    school.signs()
    ends = [fact.body.cause.value for fact in school.facts if fact.body.kind == "escalation-closed"]
    assert ends == ["mended"]
    assert EscalationCause.GATE_BLOCKED not in {
        each.cause for each in school.walk.state.picture.escalations.values() if each.gate is GateId.CHARTER
    }


def test_a_short_block_tells_nobody() -> None:
    assert "escalation-raised" not in Scenario(policy()).days_pass(1.9).signs().kinds()


def test_acting_silences_the_ladder_for_good() -> None:
    school = acted(Scenario(policy()).days_pass(2))
    assert school.reply.accepted
    assert rungs(school.days_pass(20)) == [1]
    school.signs()
    assert [fact.body.cause.value for fact in school.facts if fact.body.kind == "escalation-closed"] == [
        "acknowledged-and-acted"
    ]


def test_an_acknowledgement_without_action_within_eight_school_hours_moves_the_next_rung() -> None:
    school = acknowledged(Scenario(policy()).days_pass(2))
    taken = school.now
    school.days_pass(8 / 6.5 - 0.01)
    assert rungs(school) == [1]
    school.days_pass(0.02)
    assert fired(school)[1:] == [(2, add_days(school.calendar, taken, 8 / 6.5))]
    school.days_pass(1.9)
    assert rungs(school) == [1, 2], "a rung keeps its distance from the one before"
    assert rungs(school.days_pass(0.2)) == [1, 2, 3]


def test_what_is_taken_may_not_be_taken_again_and_what_is_closed_may_not_be_taken() -> None:
    school = acknowledged(Scenario(policy()).days_pass(2))
    escalation_id, _ = standing(school)
    assert acknowledged(school).reply.refusal == "already-acknowledged"
    school.signs()
    command = AcknowledgeEscalation(act_id=school.act_id(), actor=actor(Role.PRINCIPAL), escalation_id=escalation_id)
    assert school.tell(command).reply.refusal == "escalation-not-open"


def test_only_who_was_told_or_somebody_above_may_take_it() -> None:
    school = Scenario(policy()).days_pass(3)
    assert acknowledged(school, Role.COACH).reply.refusal == "role-not-told"
    assert acknowledged(school, Role.DISTRICT_TECHNOLOGY).reply.accepted


def test_an_unanswered_ask_is_escalated_at_its_deadline_and_ends_with_the_answer() -> None:
    school = Scenario(policy()).signs().hears(CLEAN | {"network.mbps-per-student": 0.8})
    school.days_pass(2, refreshed=False)
    asked = school.walk.state.picture
    assert asked.asked is Role.DISTRICT_TECHNOLOGY
    assert asked.answer_by is not None
    school.days_pass(2)
    assert standing(school)[1].cause is EscalationCause.ASK_UNANSWERED
    assert fired(school)[0] == (1, asked.answer_by)
    school.answers()
    closed = [fact.body.cause.value for fact in school.facts if fact.body.kind == "escalation-closed"]
    assert closed == ["mended"]


def test_instruction_stopped_goes_straight_to_the_third_rung() -> None:
    school = Scenario(policy(alarms=(STOPPED,)))
    school.hears({"defect.open-critical-count": 1})
    assert fired(school) == [(3, school.now)]
    assert standing(school)[1].urgent
    school.days_pass(1.9)
    assert rungs(school) == [3]
    school.hears({"defect.open-critical-count": 0}).days_pass(1.2)
    assert "escalation-closed" in school.kinds()


def test_an_alarm_that_can_no_longer_be_read_is_neither_raised_nor_ended() -> None:
    school = Scenario(policy(alarms=(STOPPED,), grace=60))
    school.hears({"defect.open-critical-count": None}, missing="silent-source")
    assert "escalation-raised" not in school.kinds()
    school.hears({"defect.open-critical-count": 1})
    school.hears({"defect.open-critical-count": None}, missing="silent-source")
    assert "escalation-closed" not in school.kinds()


def test_a_closure_declared_meanwhile_moves_what_has_not_fired_and_only_that() -> None:
    school = Scenario(policy()).days_pass(3)
    assert rungs(school) == [1, 2]
    before = standing(school)[1].next_at
    lost = school_days()[4][0]
    shorter = tuple(day for day in school_days() if day[0] != lost)
    school.calendar = calendar_of(shorter, version=2)
    school.learns(context_of(version=2), school.calendar)
    after = standing(school)[1].next_at
    assert before is not None
    assert after is not None
    assert after > before
    assert rungs(school) == [1, 2]
    school.days_pass(1.99)
    assert rungs(school) == [1, 2]
    assert rungs(school.days_pass(0.02)) == [1, 2, 3]


def test_a_new_calendar_fires_what_it_says_is_past_each_once() -> None:
    school = Scenario(policy(), calendar=calendar_of(tuple(school_days()[:2]) + tuple(school_days()[30:])))
    school.days_pass(2)
    assert rungs(school) == [1]
    school.now += timedelta(days=12)
    school.learns(context_of(version=2), calendar_of(version=2))
    assert rungs(school) == [1, 2, 3, 4]


def test_an_outage_of_ours_pauses_every_ladder_and_afterwards_one_rung_fires() -> None:
    school = incident(Scenario(policy()).days_pass(2), 1, stands=True)
    assert standing(school)[1].paused_by == "incident-operations-1"
    school.days_pass(10)
    assert rungs(school) == [1]
    incident(school, 2, stands=False)
    assert rungs(school) == [1, 2]
    ended = school.now
    school.days_pass(1.99)
    assert rungs(school) == [1, 2]
    school.days_pass(0.02)
    assert fired(school)[-1] == (3, add_days(school.calendar, ended, 2))


def test_an_old_word_about_an_incident_is_dropped() -> None:
    school = incident(Scenario(policy()).days_pass(2), 5, stands=True)
    assert standing(incident(school, 4, stands=False))[1].paused_by is not None


def test_a_wake_up_that_comes_days_late_is_our_outage() -> None:
    school = Scenario(policy()).days_pass(2)
    late = add_days(school.calendar, school.now, 10)
    assert late is not None
    school.now = late
    school.hears({"network.mbps-per-student": 2.0})
    assert rungs(school) == [1, 2]
    assert [kind for kind in school.kinds() if kind in ("escalation-paused", "escalation-resumed")] == [
        "escalation-paused", "escalation-resumed",
    ]  # fmt: skip


def test_a_silent_source_starts_no_ladder() -> None:
    school = Scenario(policy(grace=1)).signs().hears(CLEAN)
    school.hears({"network.page-load-p95-seconds": None}, missing="silent-source")
    school.days_pass(3)
    assert school.outcome == "unknown"
    assert "escalation-raised" not in school.kinds()


def test_a_source_that_falls_silent_pauses_the_ladder_it_explains() -> None:
    school = at_the_network().days_pass(2, refreshed=False)
    assert rungs(school) == [1]
    school.hears({"network.page-load-p95-seconds": None}, missing="silent-source")
    assert standing(school)[1].paused_by == "incident-provisioning-wa-2026"
    school.days_pass(1.5)
    assert rungs(school) == [1]
    school.hears(CLEAN | {"network.page-load-p95-seconds": 9.0})
    assert rungs(school) == [1, 2]


def test_a_rung_may_decide_to_hold_and_never_to_open() -> None:
    ladder = Ladder(
        rungs=(
            Rung(roles=(Role.PRINCIPAL,)),
            Rung(kind=RungKind.DECIDE, roles=(Role.DISTRICT_TECHNOLOGY,), after_days=1, outcome="hold"),
        )
    )
    school = Scenario(policy(ladder)).days_pass(3)
    [hold] = school.walk.state.picture.holds.values()
    assert (hold.kind.value, hold.lifted_by) == ("policy", Role.DISTRICT_TECHNOLOGY)
    school.signs()
    assert school.outcome == "waiting"
    with pytest.raises(ValidationError):
        Rung.model_validate({"kind": "decide", "outcome": "open"})


def test_a_rungs_hold_is_in_a_decision_of_the_same_instant() -> None:
    ladder = Ladder(rungs=(Rung(kind=RungKind.DECIDE, roles=(Role.PRINCIPAL,), outcome="hold"),))
    school = Scenario(policy(ladder)).signs().hears(CLEAN | {"network.mbps-per-student": 0.8}).days_pass(2)
    asked = school.walk.state.picture
    assert asked.outcome is Outcome.NEEDS_APPROVAL
    school.days_pass(4)
    placed = [fact.occurred_at for fact in school.facts if fact.body.kind == "hold-added"]
    decided = [fact.occurred_at for fact in school.facts if isinstance(fact.body, GateDecided)]
    assert placed == [asked.answer_by]
    assert asked.answer_by in decided


def test_a_widening_rung_tells_those_below_again() -> None:
    ladder = Ladder(
        rungs=(
            Rung(roles=(Role.SCHOOL_LEAD,)),
            Rung(kind=RungKind.WIDEN, roles=(Role.PRINCIPAL,), after_days=1),
        )
    )
    school = Scenario(policy(ladder)).days_pass(3)
    [_, second] = [fact.body for fact in school.facts if isinstance(fact.body, RungFired)]
    assert second.roles == (Role.PRINCIPAL, Role.SCHOOL_LEAD)


def test_the_last_rung_is_repeated_as_often_as_the_policy_says() -> None:
    ladder = Ladder(rungs=(Rung(roles=(Role.PRINCIPAL,)),), repeats=2, repeat_after_days=3)
    school = Scenario(policy(ladder)).days_pass(40)
    repeats = [fact.body.repeat for fact in school.facts if isinstance(fact.body, RungFired)]
    assert repeats == [0, 1, 2]


def test_a_rollout_that_stops_ends_its_ladders() -> None:
    school = Scenario(policy()).days_pass(3).stopped()
    assert school.kinds()[-2:] == ["escalation-closed", "rollout-stopped"]
    assert school.walk.state.picture.escalations == {}


def test_an_escalation_has_the_same_id_in_every_replay() -> None:
    one, other = (standing(Scenario(policy()).days_pass(2))[0] for _ in range(2))
    assert one == other


def test_rungs_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValidationError, match="each later than the one before"):
        Ladder(rungs=(Rung(roles=(Role.PRINCIPAL,), after_days=2), Rung(roles=(Role.COACH,), after_days=1)))


def test_a_ladder_that_no_policy_has_is_a_fault_of_the_document() -> None:
    wrong = document().model_copy(update={"ladders": {}})
    assert any("expected one of the policy's ladders (it has none), seen usual" in each.message for each in lint(wrong))
    far = document(alarms=(STOPPED.model_copy(update={"first_rung": 9}),))
    assert any("expected one of the ladder's 4 rungs, seen 9" in each.message for each in lint(far))
