"""The laws of deciding, for trends, consecutive counts, matches, windows of dates and documents."""

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.decision import EvidenceItem, GateInputs, Outcome, Status, Verdict
from schemas.document import ApproveDocument, DocumentApproval, FiledDocument, FileDocument
from schemas.fact import Fact, Picture
from schemas.gate import Consecutive, Criterion, DateWindow, Document, Match, Trend
from schemas.model import canonical_bytes, digest_of
from schemas.readiness import CATALOGUE, Direction, Origin
from schemas.school import Actor, GateId, Role
from tests.harness.scenario import LIFE, Scenario, actor, context_of, gate_of, gates, inputs_of, item, policy_of
from tests.property.strategies import CALENDAR, NOW
from workflows.policy.evaluate import evaluate
from workflows.policy.judgement import SEVERITY
from workflows.policy.people import persons
from workflows.policy.picture import fold_fact

RISING, WEEKS, PLATFORM = "helpdesk.weekly-tickets-trend", "helpdesk.service-level-weeks-count", "beta.device-platform"
PLAN = Document(
    id="plan", document="rollout-plan", approvers=(Role.PRINCIPAL, Role.COACH), age_days_max=12, **LIFE
)  # fmt: skip
KINDS: tuple[Criterion, ...] = (
    Trend(id="rising", signal=RISING, pass_at=0.0, fail_at=1.0, warn_at=-1.0, minimum_points=3, **LIFE),
    Consecutive(id="row", signal=WEEKS, periods=2, **LIFE),
    Match(id="platform", signal=PLATFORM, field="platform", **LIFE),
    DateWindow(id="window", opens_on=date(2026, 9, 15), closes_on=date(2026, 11, 3), **LIFE),
    PLAN,
)
POLICY = policy_of(gates() | {GateId.BETA: gate_of(*KINDS)})
DAY = timedelta(days=1)
DIGESTS = st.sampled_from(["sha256:" + "1" * 64, "sha256:" + "2" * 64])
NAMES = st.sampled_from(["ann", "bob", "cat"])


@st.composite
def people(draw: st.DrawFn) -> Actor:
    acting_for = draw(st.none() | NAMES.map(lambda name: f"actor-{name}"))
    return actor(
        draw(st.sampled_from([Role.PRINCIPAL, Role.COACH, Role.SCHOOL_LEAD])), draw(NAMES), acting_for=acting_for
    )


@st.composite
def papers(draw: st.DrawFn) -> tuple[FiledDocument, ...]:
    if not draw(st.integers(0, 3)):
        return ()
    filed_at = NOW - draw(st.integers(0, 25)) * DAY
    approvals = tuple(
        DocumentApproval(act_id=f"approval-{number}", actor=each, approved_at=filed_at)
        for number, each in enumerate(draw(st.lists(people(), max_size=3)))
    )
    return (
        FiledDocument(
            act_id="filed-001", document="rollout-plan", digest=draw(DIGESTS), author=draw(people()), filed_at=filed_at,
            approvals=approvals,
        ),
    )  # fmt: skip


def values(name: str) -> st.SearchStrategy[float]:
    if name == RISING:
        return st.integers(-50, 50).map(lambda steps: steps / 10)
    return st.integers(0, 1 if name == PLATFORM else 5).map(float)


@st.composite
def evidence(draw: st.DrawFn, name: str) -> EvidenceItem:
    changes: dict[str, Any] = {
        "origin": draw(st.sampled_from(Origin)),
        "population": draw(st.sampled_from([None, 2, 3, 9])),
    }
    if name == PLATFORM:
        changes["detail"] = draw(st.sampled_from([(), ("tablet",), ("chromebook",), ("chromebook", "tablet")]))
    value = draw(st.none() | values(name))
    changes |= {"missing": "silent-source"} if value is None else {}
    found = item(name, value, NOW - draw(st.integers(0, 20)) * DAY, **changes)
    return found.model_copy(update={"population": changes["population"] if name == RISING else None})


@st.composite
def inputs(draw: st.DrawFn) -> GateInputs:
    seen = {name: draw(evidence(name)) for name in (RISING, WEEKS, PLATFORM) if draw(st.integers(0, 4))}
    plan = draw(st.sampled_from([{}, {"platform": "tablet"}]))
    return inputs_of(GateId.BETA, seen, NOW - 5 * DAY, documents=draw(papers()), context=context_of(plan=plan))


def clean(filed_at: datetime = NOW - DAY) -> GateInputs:
    seen = {
        RISING: item(RISING, -2.0, NOW, population=4).model_copy(update={"population": 4}),
        WEEKS: item(WEEKS, 4.0, NOW),
        PLATFORM: item(PLATFORM, 1.0, NOW, detail=("tablet",)),
    }
    filed = FiledDocument(
        act_id="filed-001", document="rollout-plan", digest="sha256:" + "1" * 64, author=actor(Role.COACH, "ann"),
        filed_at=filed_at,
        approvals=(DocumentApproval(act_id="yes-00001", actor=actor(Role.PRINCIPAL, "bob"), approved_at=filed_at),),
    )  # fmt: skip
    return inputs_of(GateId.BETA, seen, documents=(filed,), context=context_of(plan={"platform": "tablet"}))


def decide(of: GateInputs, at: timedelta = timedelta()) -> Verdict:
    return evaluate(POLICY, CALENDAR, of, NOW + at)


def standing(verdict: Verdict) -> tuple[object, ...]:
    return (verdict.outcome, verdict.asks, [(each.criterion_id, each.status, each.reason) for each in verdict.results])


def test_the_kinds_can_all_be_met() -> None:
    assert decide(clean()).outcome is Outcome.OPEN


@given(st.data())
def test_better_evidence_never_worsens_a_verdict_of_the_new_kinds(data: st.DataObject) -> None:
    of = data.draw(inputs())
    improvable = [name for name in (RISING, WEEKS) if name in of.evidence and of.evidence[name].value is not None]
    assume(improvable)
    name = data.draw(st.sampled_from(improvable))
    seen, other = of.evidence[name], data.draw(values(name))
    assert seen.value is not None
    higher = CATALOGUE[name].direction is Direction.HIGHER_IS_BETTER
    improved = seen.model_copy(update={"value": max(seen.value, other) if higher else min(seen.value, other)})
    after = decide(of.model_copy(update={"evidence": {**of.evidence, name: improved}}))
    assert SEVERITY[after.outcome] <= SEVERITY[decide(of).outcome]


@given(st.sampled_from([RISING, WEEKS, PLATFORM, "document"]))
def test_stale_never_opens_a_gate_of_the_new_kinds(what: str) -> None:
    of = clean()
    if what == "document":
        of = clean(filed_at=NOW - 30 * DAY)
    else:
        old = of.evidence[what].model_copy(update={"observed_at": NOW - 120 * DAY})
        of = of.model_copy(update={"evidence": {**of.evidence, what: old}})
    verdict = decide(of)
    assert verdict.outcome is Outcome.UNKNOWN
    assert Status.STALE in [each.status for each in verdict.results]


@given(inputs(), st.integers(-30, 60), st.floats(0, 1, exclude_max=True))
def test_nothing_of_the_new_kinds_changes_before_the_next_evaluation(of: GateInputs, days: int, share: float) -> None:
    start = days * DAY
    verdict = decide(of, start)
    until = (verdict.next_evaluation_at or NOW + 400 * DAY) - NOW
    assert until > start
    just_before = until - timedelta(microseconds=1)
    assert standing(decide(of, min(start + (until - start) * share, just_before))) == standing(verdict)
    assert standing(decide(of, just_before)) == standing(verdict)


@given(inputs())
def test_the_new_kinds_give_the_same_bytes_after_a_trip_through_json(of: GateInputs) -> None:
    again = GateInputs.model_validate_json(of.model_dump_json())
    assert canonical_bytes(decide(of)) == canonical_bytes(decide(again))


@given(inputs())
def test_a_documents_author_never_approves_it(of: GateInputs) -> None:
    result = next(each for each in decide(of).results if each.criterion_id == "plan")
    if result.status is Status.MET:
        (filed,) = of.documents
        assert any(
            each.actor.role in PLAN.approvers and not persons(each.actor) & persons(filed.author)
            for each in filed.approvals
        )


ACT = st.tuples(st.sampled_from(["file", "approve", "days", "clean"]), people(), DIGESTS)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACT, max_size=12))
def test_whatever_people_do_with_documents_the_facts_fold_to_the_picture(acts: list[tuple[str, Actor, str]]) -> None:
    school = Scenario(policy_of(gates() | {GateId.CHARTER: gate_of(PLAN, *gates()[GateId.CHARTER].criteria)}))
    for what, who, digest in acts:
        if what == "file":
            school.tell(FileDocument(act_id=school.act_id(), actor=who, document="rollout-plan", digest=digest))
        elif what == "approve":
            school.tell(ApproveDocument(act_id=school.act_id(), actor=who, document="rollout-plan", digest=digest))
        else:
            school.days_pass(3) if what == "days" else school.signs()
    picture = Picture()
    for fact in school.facts:
        travelled = Fact.model_validate_json(fact.model_dump_json())
        picture = fold_fact(picture, travelled)
        assert digest_of(picture) == travelled.picture_digest
    for filed in picture.documents.values():
        assert all(not persons(each.actor) & persons(filed.author) for each in filed.approvals)
