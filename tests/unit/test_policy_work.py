"""Work items: found by the policy or by people, closed by evidence, and never an approval."""

from schemas.gate import Consecutive, SchoolPolicy
from schemas.ladder import EscalationCause, Ladder, Rung, WorkLine
from schemas.message import CloseWorkItem, OpenWorkItem
from schemas.school import GateId, Phase, Role
from tests.harness.scenario import (
    CLEAN,
    LIFE,
    Scenario,
    actor,
    calendar_of,
    context_of,
    document_of,
    gate_of,
    gates,
    school_days,
)
from workflows.policy.authoring.document import resolve

SLOW = CLEAN | {"network.page-load-p95-seconds": 9.0}
LINE = WorkLine(title="fix-cabling", assignee=Role.DISTRICT_TECHNOLOGY, due_days=3, ladder="overdue")


def policy() -> SchoolPolicy:
    """The harness's policy; slow pages are work for the district."""
    of_gates = gates()
    gate = of_gates[GateId.INFRASTRUCTURE]
    criteria = tuple(
        each.model_copy(update={"work_item": LINE}) if each.id == "page-load" else each for each in gate.criteria
    )
    of_gates[GateId.INFRASTRUCTURE] = gate.model_copy(update={"criteria": criteria})
    ladders = {"overdue": Ladder(rungs=(Rung(roles=(Role.PRINCIPAL,)),))}
    return resolve(document_of(of_gates).model_copy(update={"ladders": ladders}), "standard")


def slow_school() -> Scenario:
    return Scenario(policy()).signs().hears(SLOW)


def opened_by_a_person(school: Scenario) -> Scenario:
    return school.tell(
        OpenWorkItem(
            act_id=school.act_id(), actor=actor(Role.PRINCIPAL), title="run-the-drill", assignee=Role.SCHOOL_LEAD,
            due_days=2, ladder="overdue",
        )
    )  # fmt: skip


def closed(school: Scenario, role: Role) -> Scenario:
    [work_item_id] = school.walk.state.picture.work_items
    return school.tell(
        CloseWorkItem(act_id=school.act_id(), actor=actor(role), work_item_id=work_item_id, reason="done-by-hand")
    )


def test_a_criterion_that_fails_opens_its_work_once_and_names_the_evidence_that_ends_it() -> None:
    school = slow_school().hears(SLOW | {"network.page-load-p95-seconds": 8.0})
    [item] = school.walk.state.picture.work_items.values()
    assert (item.title, item.assignee, item.criterion_id) == ("fix-cabling", Role.DISTRICT_TECHNOLOGY, "page-load")
    assert item.evidence == ("network.page-load-p95-seconds",)


def test_every_kind_of_criterion_names_the_signals_that_end_its_work() -> None:
    row = Consecutive(id="weeks", signal="helpdesk.service-level-weeks-count", periods=3, work_item=LINE, **LIFE)
    found = gates() | {GateId.CHARTER: gate_of(row)}
    document = document_of(found, semantics=2).model_copy(update={"ladders": policy().ladders})
    school = Scenario(resolve(document, "standard")).hears({"helpdesk.service-level-weeks-count": 1})
    [item] = school.walk.state.picture.work_items.values()
    assert item.evidence == ("helpdesk.service-level-weeks-count",)


def test_evidence_closes_it() -> None:
    school = slow_school().hears(CLEAN)
    assert school.walk.state.picture.work_items == {}
    assert [fact.body.cause for fact in school.facts if fact.body.kind == "work-item-closed"] == ["evidence"]


def test_what_cannot_be_read_opens_no_work_and_closes_none() -> None:
    unread = Scenario(policy()).signs()
    assert unread.walk.state.picture.work_items == {}
    school = slow_school().hears({"network.page-load-p95-seconds": None}, missing="silent-source")
    assert len(school.walk.state.picture.work_items) == 1


def test_overdue_work_raises_its_ladder_once_and_evidence_ends_both() -> None:
    school = slow_school().days_pass(10)
    assert school.kinds().count("work-item-overdue") == 1
    assert school.kinds().count("rung-fired") == 1
    [escalation] = school.walk.state.picture.escalations.values()
    assert escalation.cause is EscalationCause.WORK_ITEM_OVERDUE
    school.hears(CLEAN)
    assert school.walk.state.picture.escalations == {}
    assert school.walk.state.picture.work_items == {}


def test_a_closure_gives_work_another_day() -> None:
    school = slow_school()
    lost = school_days()[1][0]
    school.calendar = calendar_of(tuple(day for day in school_days() if day[0] != lost), version=2)
    school.learns(context_of(version=2), school.calendar).days_pass(2.9)
    assert "work-item-overdue" not in school.kinds()
    assert "work-item-overdue" in school.days_pass(0.2).kinds()


def test_a_person_closes_work_with_a_reason_and_it_stays_closed_until_it_fails_anew() -> None:
    school = closed(slow_school(), Role.DISTRICT_TECHNOLOGY)
    assert school.reply.accepted
    school.hears(SLOW).days_pass(1)
    assert school.walk.state.picture.work_items == {}
    school.hears(CLEAN).hears(SLOW)
    assert len(school.walk.state.picture.work_items) == 1


def test_only_the_assignee_or_somebody_above_closes_work() -> None:
    assert closed(slow_school(), Role.PRINCIPAL).reply.refusal == "role-may-not-close"
    assert closed(slow_school(), Role.STATE_DIRECTOR).reply.accepted


def test_a_persons_work_is_overdue_at_its_day() -> None:
    school = opened_by_a_person(Scenario(policy()))
    assert school.reply.accepted
    assert "work-item-overdue" not in school.days_pass(1.9).kinds()
    assert "work-item-overdue" in school.days_pass(0.2).kinds()


def test_work_that_is_open_holds_no_gate() -> None:
    school = opened_by_a_person(Scenario(policy())).signs()
    assert school.phase is Phase.INFRASTRUCTURE_CHECK
    assert len(school.walk.state.picture.work_items) == 1


def test_a_ladder_that_the_policy_has_not_is_refused() -> None:
    school = Scenario(policy())
    command = OpenWorkItem(
        act_id=school.act_id(), actor=actor(Role.PRINCIPAL), title="run-the-drill", assignee=Role.SCHOOL_LEAD,
        due_days=2, ladder="nowhere",
    )  # fmt: skip
    assert school.tell(command).reply.refusal == "unknown-ladder"


def test_a_rollout_that_stops_leaves_no_work() -> None:
    assert slow_school().stopped().walk.state.picture.work_items == {}
