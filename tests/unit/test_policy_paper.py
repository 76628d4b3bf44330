"""Documents on file: filed by one, approved by another, by their bytes, and what a new version ends."""

from typing import Any

import pytest

from schemas.document import ApproveDocument, DocumentApproved, DocumentFiled, FileDocument
from schemas.fact import ApprovalLapsed, Picture
from schemas.gate import Criterion, Document, Severity, Threshold
from schemas.school import Actor, GateId, Phase, Role, Scope, ScopeKind
from tests.harness.scenario import DISTRICT, ELSEWHERE, LIFE, Scenario, actor, calendar_of, context_of, gate_of, gates
from tests.harness.scenario import policy_of as policy_with
from workflows.policy.documents import VERSIONS_MAX
from workflows.policy.picture import fold_fact

PLAN, FIRST, SECOND = "rollout-plan", "sha256:" + "1" * 64, "sha256:" + "2" * 64
ON_FILE = Document(id="plan", document=PLAN, approvers=(Role.DISTRICT_TECHNOLOGY, Role.PRINCIPAL), **LIFE)
AGEING = ON_FILE.model_copy(update={"age_days_max": 10})
CAPACITY = Threshold(id="capacity", signal="network.mbps-per-student", pass_at=1.0, fail_at=0.7, **LIFE)
AUTHOR, APPROVER = actor(Role.SCHOOL_LEAD, "author"), actor(Role.PRINCIPAL, "reader")
OF_DISTRICT = Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)


def at_charter(*criteria: Criterion) -> Scenario:
    return Scenario(policy_with(gates() | {GateId.CHARTER: gate_of(*(criteria or (ON_FILE,)))}))


def files(school: Scenario, digest: str = FIRST, by: Actor = AUTHOR, document: str = PLAN) -> Scenario:
    return school.tell(FileDocument(act_id=school.act_id(), actor=by, document=document, digest=digest))


def approves(school: Scenario, digest: str = FIRST, by: Actor = APPROVER, document: str = PLAN) -> Scenario:
    return school.tell(ApproveDocument(act_id=school.act_id(), actor=by, document=document, digest=digest))


def bodies(school: Scenario, kind: type) -> list[Any]:
    return [fact.body for fact in school.facts if isinstance(fact.body, kind)]


def reason(school: Scenario) -> str:
    verdict = [fact.body.decision.verdict for fact in school.facts if fact.body.kind == "gate-decided"][-1]
    return str(next(each.reason for each in verdict.results if each.criterion_id == "plan"))


def test_bytes_that_were_on_file_before_are_not_filed_again_by_another_who_would_be_their_author() -> None:
    found = gates() | {GateId.CHARTER: gate_of(ON_FILE)}
    school = Scenario(policy_with(found).model_copy(update={"semantics": 2}))
    other, third = actor(Role.COACH, "other"), actor(Role.PRINCIPAL, "third")
    files(school, FIRST, APPROVER)
    files(school, SECOND, other)
    assert files(school, FIRST, third).reply.refusal == "filed-before"
    assert school.walk.state.picture.documents[PLAN].digest == SECOND
    assert approves(school, FIRST, APPROVER).reply.refusal == "document-changed"
    assert approves(school, SECOND, APPROVER).reply.accepted
    picture = Picture()
    for fact in school.facts:
        picture = fold_fact(picture, fact)
    assert picture == school.walk.state.picture


def test_a_document_that_never_settles_is_refused_at_a_bound() -> None:
    found = gates() | {GateId.CHARTER: gate_of(ON_FILE)}
    school = Scenario(policy_with(found).model_copy(update={"semantics": 2}))
    for number in range(VERSIONS_MAX + 1):
        assert files(school, f"sha256:{number:064x}").reply.accepted
    assert files(school, "sha256:" + "e" * 64).reply.refusal == "too-many-versions"


def test_no_document_is_a_known_no_and_each_step_has_its_own_reason() -> None:
    school = at_charter()
    assert (school.outcome, school.statuses["plan"], reason(school)) == ("unmet", "unmet", "no-document")
    files(school)
    assert (school.phase, school.statuses["plan"]) == (Phase.CHARTER, "unmet")
    assert bodies(school, DocumentFiled)[0].document.digest == FIRST
    approves(school)
    assert bodies(school, DocumentApproved)[0].approval.actor == APPROVER
    assert school.phase is Phase.INFRASTRUCTURE_CHECK


def test_a_filed_document_awaits_approval_under_a_reason_of_its_own() -> None:
    from tests.unit.test_policy_criteria import verdict_of

    filed = files(at_charter()).walk.state.picture.documents[PLAN]
    result = verdict_of([ON_FILE], {}, documents=(filed,)).results[0]
    assert (result.status.value, result.reason.value) == ("unmet", "document-unapproved")
    assert result.detail == ("district-technology", "principal")


@pytest.mark.parametrize(
    ("by", "refusal"),
    [
        (actor(Role.PRINCIPAL, "author"), "author-may-not-approve"),
        (actor(Role.PRINCIPAL, "deputy", acting_for="actor-author"), "author-may-not-approve"),
        (actor(Role.COACH, "coach"), "role-not-asked"),
        (actor(Role.PRINCIPAL, "far", scope=Scope(kind=ScopeKind.DISTRICT, id=ELSEWHERE)), "scope-does-not-cover-school"),
        (actor(Role.PRINCIPAL, "wide", scope=Scope(kind=ScopeKind.PROGRAM, id="wa-2026")), "scope-does-not-cover-school"),
    ],
)  # fmt: skip
def test_the_author_a_stranger_to_the_role_and_a_stranger_to_the_school_may_not_approve(
    by: Actor, refusal: str
) -> None:
    school = approves(files(at_charter()), by=by)
    assert (school.reply.accepted, school.reply.refusal) == (False, refusal)
    assert school.phase is Phase.CHARTER


def test_who_filed_for_another_makes_neither_of_the_two_an_approver() -> None:
    school = files(at_charter(), by=actor(Role.COACH, "clerk", acting_for="actor-reader"))
    assert approves(school).reply.refusal == "author-may-not-approve"


@pytest.mark.parametrize(
    ("digest", "document", "refusal"),
    [(SECOND, PLAN, "document-changed"), (FIRST, "charter", "no-such-document")],
)
def test_only_the_version_on_file_of_a_kind_asked_for_can_be_approved(digest: str, document: str, refusal: str) -> None:
    assert approves(files(at_charter()), digest, document=document).reply.refusal == refusal


def test_nothing_on_file_cannot_be_approved_nor_the_same_version_filed_or_approved_twice() -> None:
    school = at_charter(ON_FILE, CAPACITY)
    assert approves(school).reply.refusal == "no-document"
    assert files(school).reply.accepted
    assert files(school).reply.refusal == "already-filed"
    assert approves(school).reply.accepted
    assert approves(school, by=actor(Role.PRINCIPAL, "other")).reply.refusal == "already-approved"
    assert files(school, document="charter").reply.refusal == "no-such-document"


def test_a_new_version_ends_the_approval_of_the_one_before() -> None:
    school = approves(files(at_charter(ON_FILE, CAPACITY)))
    assert school.statuses["plan"] == "met"
    files(school, SECOND)
    assert school.statuses["plan"] == "unmet"
    assert school.walk.state.picture.documents[PLAN].approvals == ()
    assert approves(school, FIRST).reply.refusal == "document-changed"
    approves(school, SECOND)
    assert school.statuses["plan"] == "met"


def test_a_document_older_than_it_may_be_is_stale_at_that_instant_and_a_new_version_mends_it() -> None:
    school = approves(files(at_charter(AGEING, CAPACITY)))
    school.days_pass(9.9)
    assert school.statuses["plan"] == "met"
    school.days_pass(0.2)
    assert (school.statuses["plan"], school.outcome) == ("stale", "unknown")
    approves(files(school, SECOND), SECOND)
    assert school.statuses["plan"] == "met"


def test_a_move_to_another_district_ends_what_the_old_districts_officer_approved() -> None:
    officer = actor(Role.DISTRICT_TECHNOLOGY, scope=OF_DISTRICT)
    school = approves(files(at_charter(ON_FILE, CAPACITY)), by=officer)
    assert school.statuses["plan"] == "met"
    school.learns(context_of(2, district=ELSEWHERE), calendar_of(district=ELSEWHERE))
    assert school.statuses["plan"] == "unmet"


def test_a_changed_document_makes_the_gates_approval_lapse_and_names_the_criterion() -> None:
    soft = ON_FILE.model_copy(
        update={"severity": Severity.SOFT}
    )  # its status cannot end the approval: its version does
    school = approves(files(at_charter(soft, CAPACITY, gates()[GateId.CHARTER].criteria[0])))
    school.hears({"network.mbps-per-student": 0.8})

    school.signs(Role.PRINCIPAL)
    school.held(days=30).signs(Role.DISTRICT_TECHNOLOGY)
    school.answers()
    assert school.reply.accepted
    assert school.phase is Phase.CHARTER
    assert len(school.walk.state.picture.approvals) == 1
    files(school, SECOND)
    lapsed = bodies(school, ApprovalLapsed)
    assert [(each.cause, each.criterion_ids) for each in lapsed] == [("document-changed", ("plan",))]


def test_the_author_of_a_gates_document_does_not_answer_its_ask() -> None:
    soft = ON_FILE.model_copy(update={"severity": Severity.SOFT})
    school = at_charter(soft, CAPACITY).hears({"network.mbps-per-student": 0.8})
    files(school, by=actor(Role.PRINCIPAL, "approver"))
    assert school.answers().reply.refusal == "proposer-may-not-approve"
    assert school.answers(by=actor(Role.PRINCIPAL, "another")).reply.accepted


def test_an_act_of_one_document_repeated_under_its_id_is_one_act() -> None:
    school = at_charter(ON_FILE, CAPACITY)
    act = FileDocument(act_id="act-same-1", actor=AUTHOR, document=PLAN, digest=FIRST)
    school.tell(act).tell(act)
    assert school.reply.repeated
    assert len(bodies(school, DocumentFiled)) == 1
    school.tell(act.model_copy(update={"digest": SECOND}))
    assert school.reply.refusal == "act-id-taken"
