"""The road of trust: who opens a gate at each level, and what people can never pass by hand."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.consent import ApprovalGroup
from schemas.decision import Outcome
from schemas.fact import ApprovalAsked, Fact, GateDecided, GateOpened, Picture
from schemas.gate import Gate, SchoolPolicy
from schemas.model import digest_of
from schemas.school import Actor, GateId, Phase, Role, Scope, ScopeKind
from schemas.trust import AdvanceByHand, Trust, TrustLine
from services.auditor.facts import Documents, check_facts
from services.console.divergence import Meeting, Told, compile_divergence
from tests.harness.scenario import (
    CLEAN,
    DISTRICT,
    ELSEWHERE,
    Scenario,
    actor,
    calendar_of,
    context_of,
    document_of,
    gates,
)
from workflows.policy.authoring.document import lint, resolve
from workflows.policy.picture import fold_fact

OFFICER = actor(Role.DISTRICT_TECHNOLOGY, "officer", scope=Scope(kind=ScopeKind.DISTRICT, id=DISTRICT))
G1 = GateId.INFRASTRUCTURE


def gates_at(level: Trust, gate: GateId = G1) -> dict[GateId, Gate]:
    return gates() | {gate: gates()[gate].model_copy(update={"trust": level})}


def policy_at(level: Trust, gate: GateId = G1) -> SchoolPolicy:
    return resolve(document_of(gates_at(level, gate)), "standard")


def clean_school(level: Trust) -> Scenario:
    """At G1 with nothing against it."""
    return Scenario(policy_at(level)).signs().hears(CLEAN).days_pass(3, refreshed=True)


def by_hand(school: Scenario, who: Actor = OFFICER, gate: GateId = G1) -> Scenario:
    return school.tell(AdvanceByHand(act_id=school.act_id(), actor=who, gate=gate, reason="seen-on-site"))


def bodies(school: Scenario, kind: type) -> list[Any]:
    return [fact.body for fact in school.facts if isinstance(fact.body, kind)]


def advice(school: Scenario) -> Outcome | None:
    found: Outcome | None = bodies(school, GateDecided)[-1].decision.verdict.advice
    return found


def test_at_advance_the_machine_opens_as_ever_and_a_hand_is_refused() -> None:
    school = Scenario(policy_at(Trust.ADVANCE)).signs()
    assert by_hand(school).reply.refusal == "not-by-hand"
    assert clean_school(Trust.ADVANCE).phase is Phase.BETA


def test_at_observe_nothing_moves_nobody_is_asked_and_the_machine_says_what_it_would_do() -> None:
    school = clean_school(Trust.OBSERVE).days_pass(10, refreshed=True)
    assert school.phase is Phase.INFRASTRUCTURE_CHECK
    assert (advice(school), school.outcome) == (Outcome.OPEN, "needs-approval")
    assert not bodies(school, ApprovalAsked)


def test_at_advise_the_approver_is_asked_and_an_approval_alone_opens_nothing() -> None:
    school = clean_school(Trust.ADVISE)
    (asked,) = bodies(school, ApprovalAsked)
    assert (asked.gate, asked.role, asked.criterion_ids) == (G1, Role.DISTRICT_TECHNOLOGY, ())
    assert school.answers(by=OFFICER).reply.refusal == "by-hand-only"
    assert school.phase is Phase.INFRASTRUCTURE_CHECK


def test_at_advise_nobody_is_asked_while_evidence_says_no() -> None:
    school = Scenario(policy_at(Trust.ADVISE)).signs()
    school.hears(CLEAN | {"network.page-load-p95-seconds": 9.0}).days_pass(3)
    assert not bodies(school, ApprovalAsked)
    assert advice(school) is Outcome.UNMET


@pytest.mark.parametrize("level", [Trust.OBSERVE, Trust.ADVISE])
def test_a_person_opens_by_hand_in_their_name_with_the_verdict_beside_it(level: Trust) -> None:
    school = by_hand(clean_school(level))
    assert school.reply.accepted
    assert school.phase is Phase.BETA
    opened = bodies(school, GateOpened)[-1]
    assert (opened.by, opened.hand.actor, opened.hand.reason) == ("person", OFFICER, "seen-on-site")
    decision = next(fact.body for fact in school.facts if fact.fact_sequence == opened.decision_sequence)
    assert isinstance(decision, GateDecided)
    assert digest_of(decision.decision) == opened.decision_digest
    assert decision.decision.verdict.advice is Outcome.OPEN


def test_a_person_may_open_against_the_verdict_which_is_recorded_anew() -> None:
    school = Scenario(policy_at(Trust.OBSERVE)).signs().hears({"network.mbps-per-student": 0.2})
    by_hand(school)
    assert school.phase is Phase.BETA
    opened = bodies(school, GateOpened)[-1]
    verdict = next(
        fact.body for fact in school.facts if fact.fact_sequence == opened.decision_sequence
    ).decision.verdict  # type: ignore[union-attr]
    assert (verdict.outcome, verdict.advice) == (Outcome.UNKNOWN, Outcome.UNKNOWN)
    assert "capacity" in [each.criterion_id for each in verdict.results if each.outcome is Outcome.UNMET]


def test_at_hold_a_good_verdict_waits_for_the_approvers_yes_and_then_opens() -> None:
    school = clean_school(Trust.HOLD)
    assert (school.phase, advice(school)) == (Phase.INFRASTRUCTURE_CHECK, Outcome.OPEN)
    assert by_hand(school).reply.refusal == "not-by-hand"
    school.answers(by=OFFICER)
    assert school.phase is Phase.BETA
    assert bodies(school, GateOpened)[-1].by == "approval"


def test_at_hold_a_yes_given_while_time_is_missing_counts_and_one_before_a_bad_verdict_lapses() -> None:
    early = Scenario(policy_at(Trust.HOLD)).signs().hears(CLEAN).days_pass(1, refreshed=True)
    assert early.outcome == "waiting"
    early.answers(by=OFFICER)
    early.days_pass(3, refreshed=True)
    assert early.phase is Phase.BETA
    worse = Scenario(policy_at(Trust.HOLD)).signs().hears(CLEAN).days_pass(1, refreshed=True).answers(by=OFFICER)
    worse.hears({"network.page-load-p95-seconds": 9.0}).hears(CLEAN).days_pass(4, refreshed=True)
    assert worse.phase is Phase.INFRASTRUCTURE_CHECK
    assert len(bodies(worse, ApprovalAsked)) == 2


def test_at_hold_a_bad_verdict_holds_whatever_anybody_says() -> None:
    school = Scenario(policy_at(Trust.HOLD)).signs().hears(CLEAN | {"network.page-load-p95-seconds": 9.0}).days_pass(5)
    assert school.answers(by=OFFICER).reply.refusal == "no-ask-stands"
    assert school.phase is Phase.INFRASTRUCTURE_CHECK


def test_a_hold_a_closed_school_and_a_criterion_that_cannot_be_waived_stop_the_hand_too() -> None:
    school = clean_school(Trust.OBSERVE).held()
    assert by_hand(school).reply.refusal == "kept-shut"
    school.released()
    assert by_hand(school).reply.accepted
    beta = Scenario(policy_at(Trust.OBSERVE, GateId.BETA)).signs().hears(CLEAN).days_pass(3, refreshed=True)
    beta.hears({"defect.open-critical-count": 1})
    refused = by_hand(beta, actor(Role.PRINCIPAL, "head"), GateId.BETA).reply
    assert (refused.refusal, refused.seen) == ("kept-shut", "defects")


def test_only_the_approver_who_proposed_nothing_opens_by_hand() -> None:
    school = clean_school(Trust.OBSERVE)
    assert by_hand(school, actor(Role.PRINCIPAL)).reply.refusal == "role-not-asked"
    charter = Scenario(policy_at(Trust.OBSERVE, GateId.CHARTER)).signs(Role.PRINCIPAL)
    signer = actor(Role.PRINCIPAL)
    assert by_hand(charter, signer, GateId.CHARTER).reply.refusal == "proposer-may-not-approve"
    assert by_hand(charter, actor(Role.PRINCIPAL, "other"), GateId.CHARTER).reply.accepted


def with_line(level: Trust, district: str = DISTRICT, base: Trust = Trust.ADVANCE) -> SchoolPolicy:
    document = document_of(gates_at(base)).model_copy(
        update={"trust": (TrustLine(gate=G1, district=district, level=level),)}
    )
    return resolve(document, "standard")


def test_a_districts_level_wins_over_the_gates_and_another_districts_does_not_count() -> None:
    here = Scenario(with_line(Trust.HOLD)).signs().hears(CLEAN).days_pass(3, refreshed=True)
    there = Scenario(with_line(Trust.HOLD, ELSEWHERE)).signs().hears(CLEAN).days_pass(3, refreshed=True)
    assert (here.phase, there.phase) == (Phase.INFRASTRUCTURE_CHECK, Phase.BETA)


def test_a_school_that_moves_takes_its_new_districts_level_at_once() -> None:
    school = Scenario(with_line(Trust.HOLD, ELSEWHERE)).signs().hears(CLEAN)
    school.learns(context_of(2, district=ELSEWHERE), calendar_of(district=ELSEWHERE)).days_pass(3, refreshed=True)
    assert (school.phase, advice(school)) == (Phase.INFRASTRUCTURE_CHECK, Outcome.OPEN)


def test_a_policy_that_says_no_trust_keeps_its_digest_and_its_verdicts() -> None:
    assert digest_of(document_of(gates_at(Trust.ADVANCE))) == digest_of(document_of())
    verdict = bodies(clean_school(Trust.ADVANCE), GateDecided)[-1].decision.verdict
    assert "trust" not in verdict.model_dump(exclude_defaults=True)
    assert verdict.advice is None


def test_a_level_of_the_guard_one_said_twice_and_one_past_several_approvers_are_refused() -> None:
    group = ApprovalGroup(roles=(Role.DISTRICT_TECHNOLOGY, Role.PRINCIPAL), needed=2)
    of = gates_at(Trust.ADVISE) | {GateId.SCALE_GUARD: gates_at(Trust.HOLD, GateId.SCALE_GUARD)[GateId.SCALE_GUARD]}
    of[G1] = of[G1].model_copy(update={"approvals": (group,)})
    line = TrustLine(gate=GateId.SCALE_GUARD, district=DISTRICT, level=Trust.HOLD)
    found = [
        ".".join(map(str, fault.path)) for fault in lint(document_of(of).model_copy(update={"trust": (line, line)}))
    ]
    for place in (
        "trust.0.gate",
        "trust.1.district",
        "profiles.standard.gates.G4.trust",
        "profiles.standard.gates.G1.approvals",
    ):
        assert place in found


def told(school: Scenario) -> Told:
    return Told("Cedar", [*school.facts])


def test_the_divergence_report_tells_the_machine_from_the_people() -> None:
    agreed = by_hand(clean_school(Trust.OBSERVE))
    against = by_hand(Scenario(policy_at(Trust.OBSERVE)).signs().hears({"network.mbps-per-student": 0.2}))
    waiting, late = Scenario(policy_at(Trust.OBSERVE)).signs(), clean_school(Trust.OBSERVE)
    now = late.now + timedelta(days=2)
    report = compile_divergence("wa-2026", [told(each) for each in (agreed, against, waiting, late)], now)
    assert [row.meeting for row in report.rows] == [
        Meeting.PERSON_FIRST, Meeting.MACHINE_ONLY, Meeting.BOTH_OPEN, Meeting.BOTH_WAIT
    ]  # fmt: skip
    first, second, *_ = report.rows
    assert "capacity" in first.against
    assert first.opened_by is Role.DISTRICT_TECHNOLOGY
    assert second.lag_seconds is not None
    assert second.lag_seconds >= 2 * 86_400
    assert (report.agreed, report.diverged) == (2, 2)
    assert compile_divergence("wa-2026", [told(clean_school(Trust.ADVANCE))], now).rows == ()


def test_the_auditor_accepts_a_named_hand_and_no_other_opening_without_an_open_verdict() -> None:
    school = by_hand(Scenario(policy_at(Trust.OBSERVE)).signs().hears({"network.mbps-per-student": 0.2}))
    document = document_of(gates_at(Trust.OBSERVE))
    documents = Documents({digest_of(document): document}, {digest_of(school.calendar): school.calendar})
    assert check_facts(school.facts, documents).breaches == []
    forged = [
        fact.model_copy(update={"body": fact.body.model_copy(update={"hand": None})})
        if isinstance(fact.body, GateOpened) else fact
        for fact in school.facts
    ]  # fmt: skip
    assert check_facts(forged, documents).gates_unsound == 1


def test_the_facts_of_a_hand_fold_to_the_picture() -> None:
    picture = Picture()
    for fact in by_hand(clean_school(Trust.ADVISE)).facts:
        picture = fold_fact(picture, Fact.model_validate_json(fact.model_dump_json()))
        assert digest_of(picture) == fact.picture_digest
