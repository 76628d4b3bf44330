"""Schools walking their gates, told in sentences."""

from datetime import timedelta

import pytest

from schemas.decision import Approval
from schemas.fact import ApprovalAnswered, ApprovalAsked, ApprovalLapsed, AskWithdrawn, DecisionQuestioned, GateOpened
from schemas.message import AnswerAsk, GiveSignOff
from schemas.readiness import Origin
from schemas.school import Actor, GateId, Phase, Role, Scope, ScopeKind
from tests.harness.scenario import CLEAN, DISTRICT, ELSEWHERE, Scenario, actor, calendar_of, compressed_days, context_of
from workflows.policy.progress import check
from workflows.policy.timeline import walk


def bodies(school: Scenario, kind: type) -> list[object]:
    return [fact.body for fact in school.facts if isinstance(fact.body, kind)]


def at_infrastructure() -> Scenario:
    return Scenario().signs()


def asked() -> Scenario:
    """Everything passes but capacity, which lies in its grey zone; the stay and the soak are over."""
    school = at_infrastructure()
    for _ in range(4):
        school.hears(CLEAN | {"network.mbps-per-student": 0.8}).days_pass(1)
    return school


def test_a_clean_school_walks_four_gates_unattended() -> None:
    school = Scenario().signs().hears(CLEAN).days_pass(12, refreshed=True)
    opened = [body for body in bodies(school, GateOpened) if isinstance(body, GateOpened)]
    assert [body.gate.value for body in opened] == ["G0", "G1", "G2", "G3"]
    assert {body.by for body in opened} == {"evidence"}
    assert (school.phase, school.outcome) == (Phase.SCALE, "open")
    assert not bodies(school, ApprovalAsked)


def test_a_rehearsal_of_one_second_days_walks_the_same_way() -> None:
    calendar = calendar_of(compressed_days(60), rehearsal=True)
    school = Scenario(rehearsal=True, calendar=calendar).signs().hears(CLEAN).days_pass(12, refreshed=True)
    assert school.phase is Phase.SCALE


def test_a_rehearsal_calendar_counts_no_days_in_a_real_program() -> None:
    school = Scenario(calendar=calendar_of(compressed_days(60), rehearsal=True)).signs().hears(CLEAN)
    school.days_pass(12, refreshed=True)
    assert (school.phase, school.outcome) == (Phase.INFRASTRUCTURE_CHECK, "unknown")


def test_the_scale_guard_is_decided_and_never_opened() -> None:
    school = Scenario().signs().hears(CLEAN).days_pass(12, refreshed=True)
    school.hears({"device.seen-7-days-ratio": 0.5})
    assert (school.phase, school.outcome) == (Phase.SCALE, "unmet")
    assert GateId.SCALE_GUARD not in school.walk.state.picture.opened


def test_a_school_that_handed_devices_to_untrained_teachers_is_held_and_freed_by_repair() -> None:
    untrained = CLEAN | {"training.untrained-handout-count": 3}
    school = Scenario().signs().hears(CLEAN).days_pass(4, refreshed=True).hears(untrained).days_pass(1.5)
    assert (school.phase, school.outcome) == (Phase.TRAINING, "unmet")
    assert school.statuses["hand-outs"] == "unmet"
    school.hears(CLEAN)
    assert school.phase is Phase.SCALE


def test_a_silent_school_turns_dont_know_and_does_not_advance() -> None:
    school = at_infrastructure().hears(CLEAN).days_pass(2.5)
    assert (school.phase, school.outcome) == (Phase.BETA, "waiting")
    school.days_pass(30)
    assert (school.phase, school.outcome) == (Phase.BETA, "unknown")
    assert school.statuses["defects"] == "stale"


def test_a_dip_between_two_looks_restarts_the_soak() -> None:
    steady, dipped = at_infrastructure(), at_infrastructure()
    for school, worst in ((steady, 0.99), (dipped, 0.5)):
        school.hears(CLEAN).days_pass(1)
        school.hears({"identity.login-success-ratio": 0.99}, worst=worst).days_pass(1.5)
    assert steady.phase is Phase.BETA
    assert (dipped.phase, dipped.statuses["sign-in-steady"]) == (Phase.INFRASTRUCTURE_CHECK, "waiting")


def test_simulated_evidence_is_refused_in_a_real_program_and_marked_everywhere() -> None:
    real = at_infrastructure().hears(CLEAN, simulated=True).days_pass(2.5)
    assert real.outcome == "unknown"
    assert real.facts[-1].simulated
    rehearsed = Scenario(rehearsal=True).signs().hears(CLEAN, simulated=True).days_pass(2.5)
    assert rehearsed.phase is Phase.BETA


def test_a_grey_zone_asks_once_and_the_named_role_opens_the_gate() -> None:
    school = asked()
    asks = bodies(school, ApprovalAsked)
    assert len(asks) == 1
    ask = asks[0]
    assert isinstance(ask, ApprovalAsked)
    assert (ask.role, ask.criterion_ids) == (Role.DISTRICT_TECHNOLOGY, ("capacity",))
    assert ask.answer_by is not None
    school.answers()
    assert school.reply.accepted
    assert school.phase is Phase.BETA
    opened = bodies(school, GateOpened)[-1]
    assert isinstance(opened, GateOpened)
    assert opened.by == "approval"


def test_the_ask_opens_while_only_time_is_missing_and_the_gate_opens_when_it_has_passed() -> None:
    school = at_infrastructure().hears(CLEAN | {"network.mbps-per-student": 0.8})
    assert school.outcome == "waiting"
    assert school.walk.state.picture.asked is Role.DISTRICT_TECHNOLOGY
    school.answers()
    assert (school.outcome, school.statuses["capacity"]) == ("waiting", "overridden")
    school.days_pass(2)
    assert school.phase is Phase.BETA


def test_attested_evidence_needs_a_person() -> None:
    school = at_infrastructure().hears(CLEAN).hears({"network.page-load-p95-seconds": 1.5}, origin=Origin.ATTESTED)
    school.days_pass(2.5)
    assert (school.outcome, school.statuses["page-load"]) == ("needs-approval", "needs-approval")
    assert school.answers().phase is Phase.BETA


def test_a_rejection_keeps_the_school_and_asks_again_only_after_a_change() -> None:
    school = asked().answers("rejected")
    assert (school.phase, school.outcome) == (Phase.INFRASTRUCTURE_CHECK, "needs-approval")
    assert school.walk.state.picture.asked is None
    school.hears({"network.mbps-per-student": 0.85}).days_pass(1)
    assert len(bodies(school, ApprovalAsked)) == 1
    school.hears({"network.page-load-p95-seconds": 9.0})
    school.hears({"network.page-load-p95-seconds": 1.0})
    assert len(bodies(school, ApprovalAsked)) == 2


def test_an_ask_is_withdrawn_when_something_else_is_missing() -> None:
    school = asked().hears({"network.page-load-p95-seconds": 9.0})
    withdrawn = bodies(school, AskWithdrawn)[-1]
    assert isinstance(withdrawn, AskWithdrawn)
    assert withdrawn.criterion_ids == ("page-load",)
    assert school.answers().reply.refusal == "no-ask-stands"


def test_a_criterion_that_joins_an_ask_is_asked_for_anew() -> None:
    school = asked().hears({"network.page-load-p95-seconds": 1.0}, origin=Origin.ATTESTED)
    ask = bodies(school, ApprovalAsked)[-1]
    assert isinstance(ask, ApprovalAsked)
    assert ask.criterion_ids == ("capacity", "page-load")


def waiting_and_approved() -> Scenario:
    return at_infrastructure().hears(CLEAN | {"network.mbps-per-student": 0.8}).answers()


def lapses(school: Scenario) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (body.cause, body.criterion_ids) for body in bodies(school, ApprovalLapsed) if isinstance(body, ApprovalLapsed)
    ]


def test_an_approval_lapses_when_a_status_worsens_and_does_not_return() -> None:
    school = waiting_and_approved().hears({"network.page-load-p95-seconds": 9.0})
    assert lapses(school) == [("status-worsened", ("page-load",))]
    school.hears({"network.page-load-p95-seconds": 1.0})
    assert school.statuses["capacity"] == "needs-approval"
    assert len(bodies(school, ApprovalAsked)) == 2


def test_an_approval_is_bound_to_statuses_not_to_values() -> None:
    school = waiting_and_approved().hears({"network.mbps-per-student": 0.75, "network.page-load-p95-seconds": 2.9})
    assert lapses(school) == []
    assert school.statuses["capacity"] == "overridden"


def test_an_approval_lapses_when_its_evidence_grows_stale() -> None:
    school = waiting_and_approved().days_pass(1.9)
    assert lapses(school) == []
    held = waiting_and_approved().held().days_pass(25)
    assert lapses(held)[0][0] == "status-worsened"


def test_an_approval_lapses_when_the_school_changes_district() -> None:
    school = waiting_and_approved().learns(context_of(2, district=ELSEWHERE), calendar_of(district=ELSEWHERE))
    assert lapses(school) == [("district-changed", ())]


def test_an_approval_does_not_cover_what_began_to_need_approval_later() -> None:
    school = waiting_and_approved().hears({"network.page-load-p95-seconds": 1.0}, origin=Origin.ATTESTED)
    assert lapses(school) == [("status-worsened", ("page-load",))]


def test_a_hold_keeps_a_ready_school_and_lifting_it_lets_it_go() -> None:
    school = at_infrastructure().hears(CLEAN).held().days_pass(2.5)
    assert (school.phase, school.outcome) == (Phase.INFRASTRUCTURE_CHECK, "waiting")
    assert school.released(role=Role.SCHOOL_LEAD).reply.refusal == "role-may-not-lift"
    assert school.released(role=Role.DISTRICT_TECHNOLOGY).reply.accepted
    assert school.phase is Phase.BETA


def test_a_hold_ends_at_its_stated_instant() -> None:
    school = at_infrastructure().hears(CLEAN).held(days=2.5).days_pass(2.4)
    assert (school.phase, school.outcome) == (Phase.INFRASTRUCTURE_CHECK, "waiting")
    school.days_pass(0.1)
    assert (school.phase, school.outcome) == (Phase.BETA, "waiting")
    assert "hold-released" in school.kinds()


def test_fresh_evidence_against_an_opened_gate_questions_it_and_moves_nothing() -> None:
    school = at_infrastructure().hears(CLEAN).days_pass(2.5)
    assert school.phase is Phase.BETA
    school.hears({"network.mbps-per-student": 0.2}).hears({"network.mbps-per-student": 0.3})
    questions = bodies(school, DecisionQuestioned)
    assert len(questions) == 1
    assert school.walk.state.picture.questioned == {GateId.INFRASTRUCTURE: ("capacity",)}
    assert school.phase is Phase.BETA
    school.hears({"network.mbps-per-student": None}, missing="silent-source")
    assert len(bodies(school, DecisionQuestioned)) == 1, "silence answers no question"
    school.hears({"network.mbps-per-student": 2.0})
    assert school.walk.state.picture.questioned == {}


def test_a_school_without_context_or_calendar_is_unknown_until_they_come() -> None:
    school = Scenario(known=False)
    assert school.outcome == "unknown"
    school.learns(context_of(), calendar_of())
    assert school.outcome == "unmet"


def test_an_older_context_is_dropped() -> None:
    school = Scenario(context=context_of(5)).learns(context_of(4, students=1))
    assert school.walk.state.context == context_of(5)


def test_a_closed_school_does_not_advance() -> None:
    school = at_infrastructure().hears(CLEAN).learns(context_of(2, status="closed")).days_pass(2.5)
    assert (school.phase, school.outcome) == (Phase.INFRASTRUCTURE_CHECK, "unmet")


def test_a_new_release_leaves_the_old_releases_defects_behind() -> None:
    school = at_infrastructure().hears(CLEAN).days_pass(2.5)
    assert school.statuses["defects"] == "met"
    school.learns(context_of(2, release_id="r2"))
    assert school.statuses["defects"] == "unknown"


def test_time_running_backwards_stands_still() -> None:
    school = at_infrastructure().hears(CLEAN)
    seen = school.walk.state.seen_at
    school.now -= timedelta(days=2)
    school.hears(CLEAN)
    assert school.walk.state.seen_at == seen


def test_the_same_act_twice_is_one_act() -> None:
    school = asked()
    answer = AnswerAsk(
        act_id="act-once-only", actor=actor(Role.DISTRICT_TECHNOLOGY, "cto"), gate=GateId.INFRASTRUCTURE,
        answer="approved", reason="reviewed",
    )  # fmt: skip
    school.tell(answer)
    first, count = school.reply, len(school.facts)
    school.tell(answer)
    assert len(school.facts) == count
    assert school.reply.repeated
    assert school.reply.fact_sequence == first.fact_sequence
    assert check(school.walk.state, answer, school.now) is None


def test_a_late_timer_does_not_let_a_person_answer_for_a_world_that_has_passed() -> None:
    school = asked()
    school.now += timedelta(days=90)
    assert school.answers().reply.refusal == "no-ask-stands"


def test_a_stop_ends_everything_but_repeats() -> None:
    school = Scenario().signs(Role.PRINCIPAL)
    act_id = school.walk.state.acts[-1][0]
    school.stopped()
    assert school.signs(Role.DISTRICT_TECHNOLOGY).reply.refusal == "rollout-stopped"
    again = school.tell(GiveSignOff(act_id=act_id, actor=actor(Role.PRINCIPAL), gate=GateId.CHARTER))
    assert again.reply.repeated


def test_the_timeline_tells_what_the_walk_tells() -> None:
    school = at_infrastructure()
    assert walk(school.start, [], school.now, "test").facts == Scenario().facts


AWAY = Scope(kind=ScopeKind.DISTRICT, id=ELSEWHERE)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        (actor(Role.PRINCIPAL, "pat"), "role-not-asked"),
        (
            actor(Role.DISTRICT_TECHNOLOGY, "cto", Scope(kind=ScopeKind.DISTRICT, id=ELSEWHERE)),
            "scope-does-not-cover-school",
        ),
        (actor(Role.DISTRICT_TECHNOLOGY, "cto", acting_for="actor-lead"), "proposer-may-not-approve"),
        (actor(Role.DISTRICT_TECHNOLOGY, "cto", Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)), None),
    ],
)
def test_who_may_answer(who: Actor, refusal: str | None) -> None:
    school = Scenario().signs(Role.PRINCIPAL)
    school.signs(Role.DISTRICT_TECHNOLOGY)
    for _ in range(4):
        school.hears(CLEAN | {"network.mbps-per-student": 0.8}).days_pass(1)
    state = school.walk.state
    signer = next(iter(state.picture.sign_offs.values()))
    lead = actor(Role.SCHOOL_LEAD, "lead")
    signed = signer.model_copy(update={"gate": GateId.INFRASTRUCTURE, "actor": lead})
    picture = state.picture.model_copy(update={"sign_offs": {**state.picture.sign_offs, "sign-extra": signed}})
    command = AnswerAsk(
        act_id="act-who-may", actor=who, gate=GateId.INFRASTRUCTURE, answer="approved", reason="ok"
    )  # fmt: skip
    reply = check(state.model_copy(update={"picture": picture}), command, school.now)
    assert (reply.refusal if reply else None) == refusal
    if reply:
        assert reply.expected
        assert reply.seen
        assert reply.next_step


def test_who_may_sign() -> None:
    school = Scenario()
    assert school.signs(Role.COACH).reply.refusal == "role-not-asked"
    assert school.signs(Role.PRINCIPAL, scope=Scope(kind=ScopeKind.SCHOOL, id=ELSEWHERE)).reply.refusal is not None
    assert school.signs(Role.PRINCIPAL, name="pat").reply.accepted
    assert school.signs(Role.PRINCIPAL, name="sam").reply.refusal == "already-signed"
    assert school.signs(Role.DISTRICT_TECHNOLOGY, name="pat").reply.refusal == "one-person-one-role"
    assert school.signs(Role.DISTRICT_TECHNOLOGY, gate=GateId.BETA).reply.refusal == "gate-not-current"
    assert school.signs(Role.DISTRICT_TECHNOLOGY, name="dee").phase is Phase.INFRASTRUCTURE_CHECK


def test_who_may_hold() -> None:
    school = Scenario().held("hold-0001")
    assert school.held("hold-0001").reply.refusal == "hold-exists"
    assert school.released("hold-9999").reply.refusal == "unknown-hold"


def test_an_answer_is_bound_to_the_hard_statuses_of_its_moment() -> None:
    answered = bodies(asked().answers(), ApprovalAnswered)[0]
    assert isinstance(answered, ApprovalAnswered)
    approval: Approval = answered.approval
    assert approval.bound["capacity"].value == "needs-approval"
    assert set(approval.bound) == {"capacity", "page-load", "enrolled", "sign-in-steady", "infrastructure-stay"}


def test_another_act_under_an_id_that_was_used_is_refused_and_says_whose_it_was() -> None:
    school = Scenario().signs()
    act_id = school.walk.state.acts[-1][0]
    reply = check(
        school.walk.state,
        AnswerAsk(act_id=act_id, actor=actor(Role.PRINCIPAL), gate=GateId.CHARTER, answer="approved", reason="x"),
        school.now,
    )
    assert reply is not None
    assert (reply.accepted, reply.refusal) == (False, "act-id-taken")
    assert "give-sign-off" in reply.seen
