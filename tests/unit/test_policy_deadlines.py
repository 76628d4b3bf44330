"""What time does to an ask: a deputy after silence, a deadline, another calendar. Told in sentences."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.approval import AskMoved, AskOverdue, DeputyCalled
from schemas.fact import ApprovalAnswered, ApprovalAsked
from schemas.message import TimePassed
from schemas.school import GateId, Role
from tests.harness.console import explained
from tests.harness.council import FULL, GREY, before, both, council, person
from tests.harness.scenario import Scenario, calendar_of, context_of, school_days
from workflows.policy.calendar import add_days
from workflows.policy.progress import RolloutState, advance

DEPUTY = person(Role.PRIVACY_OFFICER, "dep")
PRINCIPAL = person(Role.PRINCIPAL, "pri")


def bodies(school: Scenario, kind: type) -> list[Any]:
    return [fact.body for fact in school.facts if isinstance(fact.body, kind)]


def asked(**changes: Any) -> Scenario:
    """A principal is asked, with a privacy officer as deputy."""
    return before(council((), deputy=Role.PRIVACY_OFFICER, approval_days=4, **changes)).hears(GREY)


def without_days(school: Scenario, *gone: int, version: int = 2) -> Any:
    """The calendar with some days closed, by their place."""
    days = tuple(day for place, day in enumerate(school_days()) if place not in gone)
    return calendar_of(days, version=version)


def test_a_deputy_may_answer_after_two_school_days_of_silence_and_not_before() -> None:
    school = asked().days_pass(1.99)
    assert not bodies(school, DeputyCalled)
    school.answers(by=DEPUTY)
    assert school.reply.refusal == "role-not-asked"
    assert "the privacy-officer may from 2026-09-02T21:30" in school.reply.next_step
    school.days_pass(0.02)
    assert [body.role for body in bodies(school, DeputyCalled)] == [Role.PRIVACY_OFFICER]
    school.answers(by=DEPUTY)
    assert school.phase.value == "beta"
    assert bodies(school, ApprovalAnswered)[0].approval.counts_as is Role.PRINCIPAL


def test_the_approver_may_answer_still_after_the_deputy_was_called() -> None:
    assert asked().days_pass(3).answers(by=PRINCIPAL).phase.value == "beta"


def test_a_deputy_is_called_once_for_each_ask() -> None:
    school = asked().days_pass(3).hears(GREY).days_pass(1).hears(GREY)
    assert len(bodies(school, DeputyCalled)) == 1
    school.hears({"device.enrolled-ratio": 0.5}).hears(GREY)
    assert school.walk.state.picture.deputy is None, "a new ask, and a new silence"
    school.answers(by=DEPUTY)
    assert school.reply.refusal == "role-not-asked"
    school.days_pass(2.1)
    assert len(bodies(school, DeputyCalled)) == 2


def test_a_deputy_who_is_late_by_an_outage_is_called_once_when_the_school_wakes() -> None:
    school = asked()
    later = add_days(school.calendar, school.now, 3)
    assert later is not None
    step = advance(school.walk.state, TimePassed(), later, "test")
    assert [fact.body.kind for fact in step.facts].count("deputy-called") == 1
    again = advance(step.state, TimePassed(), later + timedelta(hours=1), "test")
    assert "deputy-called" not in [fact.body.kind for fact in again.facts]


def test_a_called_deputy_and_a_passed_deadline_survive_continue_as_new() -> None:
    school = asked().days_pass(4.2)
    state = RolloutState.model_validate_json(school.walk.state.model_dump_json())
    assert (state.picture.deputy, state.picture.overdue) == (Role.PRIVACY_OFFICER, True)
    step = advance(state, TimePassed(), school.now + timedelta(hours=2), "test")
    assert not {"deputy-called", "ask-overdue"} & {fact.body.kind for fact in step.facts}


def test_a_deputy_stands_in_for_one_of_several_and_one_person_fills_one_place() -> None:
    school = before(council(both(), deputy=Role.PRIVACY_OFFICER)).hears(GREY).days_pass(2.5)
    school.answers(by=DEPUTY)
    assert school.walk.state.picture.awaits[0].roles == (Role.PRINCIPAL,)
    school.answers(by=DEPUTY)
    assert school.reply.refusal == "one-person-one-role"
    school.answers(by=person(Role.PRIVACY_OFFICER, "other"))
    assert school.phase.value == "beta"


def test_a_deputy_who_signed_at_the_gate_may_not_approve() -> None:
    school = asked().days_pass(2.5)
    signer = school.walk.state.picture.sign_offs
    [lead] = [each for each in signer.values() if each.actor.role is Role.SCHOOL_LEAD]
    moved = lead.model_copy(update={"gate": GateId.INFRASTRUCTURE})
    state = school.walk.state
    picture = state.picture.model_copy(update={"sign_offs": {lead.act_id: moved}})
    object.__setattr__(school.walk, "state", state.model_copy(update={"picture": picture}))
    school.answers(by=person(Role.PRIVACY_OFFICER, lead.actor.actor_id.removeprefix("actor-")))
    assert school.reply.refusal == "proposer-may-not-approve"


def test_a_deadline_passes_once_and_is_told_once() -> None:
    school = asked()
    deadline = bodies(school, ApprovalAsked)[0].answer_by
    school.days_pass(3.99)
    assert not bodies(school, AskOverdue)
    school.days_pass(3, refreshed=True).hears(GREY)
    assert [body.answer_by for body in bodies(school, AskOverdue)][:1] == [deadline]
    assert explained(asked().days_pass(4)).overdue


def test_semantics_1_shows_a_deadline_and_does_nothing_by_it() -> None:
    school = before(council(()), semantics=1).hears(GREY).days_pass(4.5)
    assert not bodies(school, AskOverdue)
    school.learns(context_of(2), without_days(school, 1, 2))
    assert not bodies(school, AskMoved)


def test_a_closure_moves_the_deadlines_of_an_ask_that_stands() -> None:
    school = asked().days_pass(0.5)
    asks = bodies(school, ApprovalAsked)[0]
    school.learns(context_of(2), without_days(school, 1))
    [moved] = bodies(school, AskMoved)
    assert moved.calendar_version == 2
    assert moved.answer_by > asks.answer_by
    assert moved.deputy_at > asks.deputy_at
    school.now = asks.deputy_at
    school.tell(TimePassed())
    assert not bodies(school, DeputyCalled), "the old instant calls nobody"
    school.now = moved.deputy_at
    school.tell(TimePassed())
    assert len(bodies(school, DeputyCalled)) == 1
    assert not bodies(school, AskOverdue)


def test_what_has_fired_stays_fired_when_a_closure_comes_late() -> None:
    school = asked().days_pass(2.1)
    assert len(bodies(school, DeputyCalled)) == 1
    school.learns(context_of(2), without_days(school, 0, 1))
    school.answers(by=DEPUTY)
    assert school.reply.accepted
    assert len(bodies(school, DeputyCalled)) == 1


def test_a_day_that_comes_back_makes_what_is_past_fire_now() -> None:
    school = before(council((), deputy=Role.PRIVACY_OFFICER, approval_days=4))
    school.learns(context_of(2), without_days(school, 1, 2, version=2)).hears(GREY)
    whole = calendar_of(school_days(), version=3)
    school.now += timedelta(days=2, hours=3)
    school.tell(TimePassed())
    assert not bodies(school, DeputyCalled)
    school.learns(context_of(3), whole)
    assert len(bodies(school, DeputyCalled)) == 1


@pytest.mark.parametrize("groups", [(), both()])
def test_why_tells_who_is_lacking_and_when_a_deputy_may_answer(groups: Any) -> None:
    answer = explained(before(council(groups, deputy=Role.PRIVACY_OFFICER)).hears(GREY))
    assert answer.awaits == ("district-curriculum and principal" if groups else None)
    assert (answer.deputy, answer.overdue) == (Role.PRIVACY_OFFICER, False)
    assert answer.deputy_at is not None
    assert answer.asks is (Role.DISTRICT_CURRICULUM if groups else Role.PRINCIPAL)
    [grey] = [each for each in answer.criteria if each.criterion_id == "capacity"]
    assert grey.owner is answer.asks
    assert explained(before(council(groups)).hears(FULL)).asks is None
