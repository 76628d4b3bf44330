"""What the second meaning of policies decides otherwise than the first; a school that pins the first keeps it."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from schemas.consent import Automatic
from schemas.decision import Hold
from schemas.gate import DefectCount, Gate, Match, SchoolPolicy, Severity, Soak, Threshold
from schemas.ladder import Ladder, Rung
from schemas.message import AddHold, ReadingsArrived
from schemas.readiness import Origin
from schemas.rules import ExceptionRules, WaiverRules
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from schemas.trust import AdvanceByHand, Trust
from tests.harness.advisories import Advised, advisory_of, fact_is
from tests.harness.council import CAPACITY, ENROLLED, GREY, before, both, council, person
from tests.harness.exceptions import SLOW, Excepted, at_infrastructure
from tests.harness.scenario import (
    CLEAN,
    LIFE,
    SCHOOL,
    Scenario,
    actor,
    calendar_of,
    context_of,
    gate_of,
    gates,
    policy_of,
    reading,
    school_days,
)
from tests.unit.test_policy_escalation import acknowledged, document, fired
from workflows.policy.authoring.document import resolve
from workflows.policy.calendar import elapsed_days
from workflows.policy.timeline import elapse

MEANINGS = pytest.mark.parametrize("semantics", [1, 2])
LOGIN, HANDOUTS, PLATFORM = (
    "identity.login-success-ratio", "training.untrained-handout-count", "beta.device-platform",
)  # fmt: skip
FAST = Threshold(id="capacity", signal=CAPACITY, pass_at=1.0, **LIFE)


@MEANINGS
def test_a_persons_word_that_a_question_does_not_arise_takes_a_person(semantics: int) -> None:
    hand_outs = Threshold(id="hand-outs", signal=HANDOUTS, pass_at=0, not_applicable_passes=True, **LIFE)
    school = before(gate_of(hand_outs, FAST), semantics=semantics).hears({CAPACITY: 2.0})
    school.hears({HANDOUTS: None}, applicable=False, origin=Origin.ATTESTED)
    assert school.phase is (Phase.BETA if semantics == 1 else Phase.INFRASTRUCTURE_CHECK)
    if semantics == 2:
        assert school.statuses["hand-outs"] == "needs-approval"
        assert school.answers().phase is Phase.BETA


@pytest.mark.parametrize("origins", [(Origin.MEASURED, Origin.IMPORTED), (Origin.IMPORTED, Origin.MEASURED)])
def test_a_count_of_defects_rests_on_the_weaker_of_its_two_origins(origins: tuple[Origin, Origin]) -> None:
    defects = DefectCount(id="defects", major_at_most=2, **LIFE)
    school = before(gate_of(defects, automatic=Automatic(origins=(Origin.MEASURED,))))
    school.hears({"defect.open-critical-count": 0}, origin=origins[0])
    school.hears({"defect.open-major-count": 1}, origin=origins[1])
    assert (school.phase, school.statuses["defects"]) == (Phase.INFRASTRUCTURE_CHECK, "needs-approval")


@MEANINGS
def test_values_that_a_signal_cannot_have_earn_a_soak_no_time(semantics: int) -> None:
    soak = Soak(id="steady", signal=LOGIN, healthy_at=0.98, minimum_days=10, evidence_age_days_max=3, **LIFE)
    school = before(gate_of(soak), semantics=semantics).hears({LOGIN: 0.99})
    for _ in range(11):
        school.days_pass(0.95).hears({LOGIN: 7.0})
    school.hears({LOGIN: 0.99})
    assert school.phase is (Phase.BETA if semantics == 1 else Phase.INFRASTRUCTURE_CHECK)


@MEANINGS
@pytest.mark.parametrize("how", ["stale", "imagined"])
def test_an_advisory_believes_only_names_that_a_gate_would_believe(semantics: int, how: str) -> None:
    names = Match(id="platform", signal=PLATFORM, field="platform", severity=Severity.OBSERVE, **LIFE)
    found = gates() | {GateId.INFRASTRUCTURE: gate_of(names, FAST)}
    school = Advised(policy_of(found, semantics=semantics)).signs()
    seen = reading(PLATFORM, 1, school.now, 5, detail=("device-model-a1",), simulated=how == "imagined")
    school.tell(ReadingsArrived(readings={PLATFORM: seen}))
    school.sequence = 6
    if how == "stale":
        school.days_pass(80)
    school.hears_of(advisory_of(fact_is("device-model", "b2")))
    assert bool(school.held_by) is (semantics == 2), "not known, so held"
    fresh = reading(PLATFORM, 1, school.now, 50, detail=("device-model-a1",))
    school.tell(ReadingsArrived(readings={PLATFORM: fresh}))
    assert not school.held_by, "known not to match"


@MEANINGS
def test_an_acknowledgement_never_hastens_the_next_rung(semantics: int) -> None:
    ladder = Ladder(rungs=(Rung(roles=(Role.SCHOOL_LEAD,)), Rung(roles=(Role.PRINCIPAL,), after_days=10)))
    policy = resolve(document(ladder).model_copy(update={"semantics": semantics}), "standard")
    school = Scenario(policy)
    began = school.now
    acknowledged(school.days_pass(2.1)).days_pass(15)
    days = [round(elapsed_days(school.calendar, began, at), 1) for _, at in fired(school)]
    assert days[0] == 2.0
    assert (days[1] < 5) if semantics == 1 else (days[1] == 12.0)


def test_a_rung_that_no_calendar_reaches_is_not_fired_by_an_acknowledgement() -> None:
    ladder = Ladder(rungs=(Rung(roles=(Role.SCHOOL_LEAD,)), Rung(roles=(Role.PRINCIPAL,), after_days=50)))
    policy = resolve(document(ladder).model_copy(update={"semantics": 2}), "standard")
    school = Scenario(policy, calendar=calendar_of(school_days(20)))
    acknowledged(school.days_pass(2.1)).days_pass(15)
    assert [rung for rung, _ in fired(school)] == [1]


@MEANINGS
def test_a_closure_told_afterwards_fires_no_rung_a_second_time(semantics: int) -> None:
    school = Scenario(policy_of_ladder(semantics)).signs().hears(CLEAN | {CAPACITY: 0.8})
    school.days_pass(2.5).hears(CLEAN | {CAPACITY: 0.8}).days_pass(1.0)
    days = school_days()
    closed = tuple(day for day in days if day[0] != days[2][0])
    school.learns(context_of(version=2), calendar_of(closed, version=2))
    school.walk = elapse(school.walk, school.now + timedelta(days=1.5), "test")
    firsts = [at for rung, at in fired(school) if rung == 1]
    assert len(firsts) <= 1


def policy_of_ladder(semantics: int) -> SchoolPolicy:
    return resolve(document().model_copy(update={"semantics": semantics}), "standard")


@MEANINGS
def test_a_rejection_outlives_an_approval_of_something_else(semantics: int) -> None:
    soak = Soak(id="steady", signal=LOGIN, healthy_at=0.98, minimum_days=2, evidence_age_days_max=20, **LIFE)
    soft = Threshold(id="months", signal="training.calendar-months-count", pass_at=3, severity=Severity.SOFT, **LIFE)
    grey = Threshold(id="capacity", signal=CAPACITY, pass_at=1.0, fail_at=0.7, **LIFE)
    school = before(gate_of(grey, soak, soft), semantics=semantics)
    school.hears({CAPACITY: 0.8, "training.calendar-months-count": 4}).hears({LOGIN: 0.99}, origin=Origin.ATTESTED)
    school.answers(by=person(Role.PRINCIPAL, "one")).days_pass(2.1)
    school.answers("rejected", by=person(Role.PRINCIPAL, "two"))
    assert school.reply.accepted
    school.hears({"training.calendar-months-count": 1})
    assert (school.walk.state.picture.asked is None) is (semantics == 2)


@MEANINGS
def test_an_approval_lapses_when_a_waiver_it_did_not_know_takes_the_place_of_evidence(semantics: int) -> None:
    policy = before(council(both()), semantics=semantics, signed=False).start.policy
    school = Excepted(policy).signs(Role.SCHOOL_LEAD, Role.DISTRICT_TECHNOLOGY).held().hears(GREY)
    school.answers(by=person(Role.PRINCIPAL, "one"))
    assert school.reply.accepted
    school.waived("enrolled", days=20, by=person(Role.SCHOOL_LEAD, "other")).hears(GREY | {ENROLLED: 0.2})
    lapsed = [fact.body for fact in school.facts if fact.body.kind == "approval-lapsed"]
    assert [(each.cause, each.criterion_ids) for each in lapsed] == (
        [] if semantics == 1 else [("status-worsened", ("enrolled",))]
    )


@MEANINGS
def test_an_approval_lapses_when_an_override_takes_the_place_of_evidence_it_knew_as_met(semantics: int) -> None:
    policy = before(council(both()), semantics=semantics, signed=False).start.policy
    school = Excepted(policy).signs(Role.SCHOOL_LEAD, Role.DISTRICT_TECHNOLOGY).held().hears(GREY)
    school.answers(by=person(Role.PRINCIPAL, "one"))
    assert school.reply.accepted
    school.overridden("enrolled")
    lapsed = [fact.body for fact in school.facts if fact.body.kind == "approval-lapsed"]
    assert [(each.cause, each.criterion_ids) for each in lapsed] == [("status-worsened", ("enrolled",))]


@MEANINGS
def test_a_policy_that_ends_a_waiver_does_what_its_end_always_does(semantics: int) -> None:
    school = at_infrastructure(policy=policy_of(semantics=semantics)).waived("page-load", days=50)
    stricter = with_line("page-load", pass_at=2.5, semantics=semantics)
    school.migrates(stricter)
    for _ in range(4):
        school.days_pass(1).hears(SLOW)
    [ended] = [fact.body for fact in school.facts if fact.body.kind == "waiver-ended"]
    assert ended.consequence == ("none" if semantics == 1 else "hold")
    assert (school.phase is Phase.TRAINING) is (semantics == 2), "held before the next gate"
    assert bool(school.walk.state.picture.holds) is (semantics == 2)


def test_other_words_about_a_criterion_end_no_waiver_of_it() -> None:
    school = at_infrastructure(policy=policy_of(semantics=2)).waived("page-load", days=50)
    school.migrates(with_line("page-load", next_step="Mend it soon.", semantics=2))
    for _ in range(4):
        school.days_pass(1).hears(SLOW)
    assert school.kinds().count("policy-migrated") == 1
    assert "waiver-ended" not in school.kinds()


def with_line(name: str, *, semantics: int, **changes: object) -> SchoolPolicy:
    """The harness's policy, version 2, one criterion of G1 changed."""
    found: dict[GateId, Gate] = gates()
    gate = found[GateId.INFRASTRUCTURE]
    lines = tuple(each.model_copy(update=changes) if each.id == name else each for each in gate.criteria)
    found[GateId.INFRASTRUCTURE] = gate.model_copy(update={"criteria": lines})
    return policy_of(found, version=2, semantics=semantics)


# -- whatever the meaning


def test_no_waiver_takes_an_id_under_which_a_hold_stands() -> None:
    school = at_infrastructure()
    hold = Hold(
        hold_id="waiver-0001", scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), reason="water-damage",
        lifted_by=Role.PRINCIPAL, placed_at=school.now, blocks="hand-out",
    )  # fmt: skip
    school.tell(AddHold(act_id=school.act_id(), actor=actor(Role.PRINCIPAL), hold=hold))
    assert school.reply.accepted
    assert school.proposes("page-load").reply.refusal == "waiver-id-taken"


def test_no_hand_opens_a_gate_past_a_soak_that_nobody_may_waive() -> None:
    unwaivable = {**LIFE, "waivable": False}
    soak = Soak(id="steady", signal=LOGIN, healthy_at=0.98, minimum_days=20, evidence_age_days_max=20, **unwaivable)
    school = before(gate_of(soak, trust=Trust.ADVISE)).hears({LOGIN: 0.99})
    by_hand = AdvanceByHand(
        act_id=school.act_id(), actor=person(Role.PRINCIPAL, "one"), gate=GateId.INFRASTRUCTURE, reason="term-begins"
    )
    assert school.tell(by_hand).reply.refusal == "kept-shut"
    assert school.phase is Phase.INFRASTRUCTURE_CHECK


def test_a_waiver_without_a_named_end_outlasts_no_maximum() -> None:
    with pytest.raises(ValidationError, match="default_days: expected at most maximum_days, which is 60, seen 300"):
        WaiverRules(default_days=300, maximum_days=60)
    rules = WaiverRules.model_construct(**{**WaiverRules().model_dump(), "default_days": 300, "maximum_days": 60})
    rules = rules.model_copy(update={"floor": WaiverRules().floor})
    school = at_infrastructure(ExceptionRules().model_copy(update={"waivers": rules})).proposes("page-load")
    assert school.grants().reply.refusal == "waiver-too-long"
