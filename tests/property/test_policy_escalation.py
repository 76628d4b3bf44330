"""What holds of every ladder, whatever happens to a school and in whatever order."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.calendar import Calendar
from schemas.escalation import (
    EscalationAcknowledged,
    EscalationActed,
    EscalationAction,
    EscalationClosed,
    EscalationPaused,
    EscalationRaised,
    EscalationResumed,
    RungFired,
)
from schemas.fact import Fact, GateOpened, Picture
from schemas.gate import Gate, SchoolPolicy
from schemas.ladder import Alarm, EscalationCause, Ladder, Rung, RungKind, WorkLine
from schemas.message import (
    AcknowledgeEscalation,
    ActOnEscalation,
    CloseWorkItem,
    IncidentChanged,
    OpenWorkItem,
    TimePassed,
)
from schemas.model import canonical_bytes, digest_of
from schemas.school import Role
from tests.harness.scenario import CLEAN, Scenario, actor, calendar_of, context_of, document_of, gates, school_days
from workflows.policy.authoring.document import resolve
from workflows.policy.calendar import add_days
from workflows.policy.picture import fold_fact
from workflows.policy.progress import RolloutState, advance
from workflows.policy.timeline import Walk

ACTS = ["clean", "slow", "grey", "silent", "alarm", "quiet", "sign", "approve", "take", "act", "outage", "over",
        "closure", "work", "done", "hours", "days", "days", "late", "continue"]  # fmt: skip
LADDERS = st.sampled_from(
    (
        Ladder(rungs=(Rung(roles=(Role.SCHOOL_LEAD,)), Rung(roles=(Role.PRINCIPAL,), after_days=1),
                      Rung(kind=RungKind.WIDEN, roles=(Role.DISTRICT_TECHNOLOGY,), after_days=3))),
        Ladder(rungs=(Rung(kind=RungKind.WAIT, after_hours=2), Rung(roles=(Role.PRINCIPAL,), after_hours=5)),
               repeats=2, repeat_after_days=0.5),
        Ladder(rungs=(Rung(kind=RungKind.REASSIGN, roles=(Role.PRINCIPAL,)),
                      Rung(kind=RungKind.DECIDE, after_days=1, outcome="hold"),
                      Rung(roles=(Role.STATE_DIRECTOR,), after_days=1.5)), act_within_hours=2),
    )
)  # fmt: skip
WORK = WorkLine(title="fix-cabling", assignee=Role.DISTRICT_TECHNOLOGY, due_days=1, ladder="usual")


def _laddered(gate: Gate) -> Gate:
    criteria = tuple(
        each.model_copy(update={"work_item": WORK}) if each.id == "page-load" else each for each in gate.criteria
    )
    named = {"blocked_ladder": "usual", "blocked_after_days": 1, "unanswered_ladder": "usual", "criteria": criteria}
    return gate.model_copy(update=named)


def policy(ladder: Ladder) -> SchoolPolicy:
    alarm = Alarm(
        cause=EscalationCause.INSTRUCTION_STOPPED, signal="defect.open-critical-count", quiet_at=0, ladder="usual",
        first_rung=2,
    )  # fmt: skip
    document = document_of({key: _laddered(gate) for key, gate in gates().items()})
    return resolve(document.model_copy(update={"ladders": {"usual": ladder}, "alarms": (alarm,)}), "standard")


def do(school: Scenario, act: str) -> None:
    picture = school.walk.state.picture
    escalation = next(iter(sorted(picture.escalations)), "escalation-" + "0" * 16)
    match act:
        case "clean":
            school.hears(CLEAN)
        case "slow":
            school.hears({"network.page-load-p95-seconds": 9.0})
        case "grey":
            school.hears({"network.mbps-per-student": 0.8})
        case "silent":
            school.hears(dict.fromkeys(CLEAN), missing="silent-source")
        case "alarm" | "quiet":
            school.hears({"defect.open-critical-count": 1 if act == "alarm" else 0})
        case "sign":
            school.signs()
        case "approve":
            school.answers()
        case "take":
            who = actor(Role.STATE_DIRECTOR)
            school.tell(AcknowledgeEscalation(act_id=school.act_id(), actor=who, escalation_id=escalation))
        case "act":
            what = EscalationAction.RE_PLAN
            who = actor(Role.STATE_DIRECTOR)
            school.tell(ActOnEscalation(act_id=school.act_id(), actor=who, escalation_id=escalation, action=what))
        case "outage" | "over":
            school.sequence += 1
            school.tell(IncidentChanged(incident_id="incident-ours", revision=school.sequence, open=act == "outage"))
        case "closure":
            _close_a_day(school)
        case "work":
            school.tell(
                OpenWorkItem(
                    act_id=school.act_id(), actor=actor(Role.PRINCIPAL), title="run-the-drill", due_days=1,
                    assignee=Role.SCHOOL_LEAD, ladder="usual",
                )
            )  # fmt: skip
        case "done":
            item = next(iter(sorted(picture.work_items)), "work-" + "0" * 16)
            who = actor(Role.STATE_DIRECTOR)
            school.tell(CloseWorkItem(act_id=school.act_id(), actor=who, work_item_id=item, reason="done"))
        case "hours":
            school.days_pass(0.3)
        case "days":
            school.days_pass(2)
        case "late":
            school.now += timedelta(days=6)
            school.tell(TimePassed())
        case "continue":
            travelled = RolloutState.model_validate_json(school.walk.state.model_dump_json())
            school.walk = Walk(travelled, school.walk.facts, school.walk.replies)


def _close_a_day(school: Scenario) -> None:
    """The next whole day becomes a closure, by a new version of the calendar."""
    ahead = [day for day in school.calendar.days if day[1] > school.now.timestamp() * 1000]
    days = tuple(day for day in school.calendar.days if not ahead or day[0] != ahead[0][0])
    school.calendar = calendar_of(days, version=school.calendar.version + 1)
    school.learns(context_of(version=school.calendar.version), school.calendar)


def live(ladder: Ladder, acts: list[str]) -> Scenario:
    school = Scenario(policy(ladder), calendar=calendar_of(school_days(300)))
    for act in acts:
        do(school, act)
    return school


LIVES = st.lists(st.sampled_from(ACTS), max_size=14)


def of_one(school: Scenario) -> dict[str, list[Fact]]:
    """The facts of each escalation, in order."""
    found: dict[str, list[Fact]] = {}
    for fact in school.facts:
        escalation_id = getattr(fact.body, "escalation_id", None)
        if escalation_id is not None:
            found.setdefault(escalation_id, []).append(fact)
    return found


@settings(max_examples=60, deadline=None)
@given(LADDERS, LIVES)
def test_rungs_fire_in_order_each_once_and_never_early(ladder: Ladder, acts: list[str]) -> None:
    for facts in of_one(live(ladder, acts)).values():
        fired = [(fact.body.rung, fact.body.repeat) for fact in facts if isinstance(fact.body, RungFired)]
        assert fired == sorted(set(fired))
        assert [rung for rung, repeat in fired if repeat == 0] == list(
            range(fired[0][0], fired[0][0] + len([1 for _, repeat in fired if repeat == 0])) if fired else []
        )
        assert all(fact.body.due_at <= fact.occurred_at for fact in facts if isinstance(fact.body, RungFired))
        ends = [index for index, fact in enumerate(facts) if isinstance(fact.body, EscalationClosed)]
        assert ends in ([], [len(facts) - 1])


def _school_time(ladder: Ladder, calendar: Calendar, raised: Fact, rung: int) -> datetime | None:
    first = raised.body.first_rung if isinstance(raised.body, EscalationRaised) else 1
    days = [each.after_days + each.after_hours / calendar.hours_per_day for each in ladder.rungs]
    return add_days(calendar, raised.occurred_at, days[rung - 1] - (days[first - 1] if first > 1 else 0))


@settings(max_examples=60, deadline=None)
@given(LADDERS, st.lists(st.sampled_from([act for act in ACTS if act not in ("take", "closure")]), max_size=14))
def test_no_rung_fires_before_its_school_days_have_passed(ladder: Ladder, acts: list[str]) -> None:
    school = live(ladder, acts)
    for facts in of_one(school).values():
        for fact in facts:
            if isinstance(fact.body, RungFired) and fact.body.repeat == 0:
                least = _school_time(ladder, school.calendar, facts[0], fact.body.rung)
                assert least is not None
                assert fact.occurred_at >= least


@settings(max_examples=60, deadline=None)
@given(LADDERS, LIVES)
def test_of_what_a_pause_held_back_at_most_one_rung_fires(ladder: Ladder, acts: list[str]) -> None:
    for facts in of_one(live(ladder, acts)).values():
        resumed = [fact.occurred_at for fact in facts if isinstance(fact.body, EscalationResumed)]
        for instant in resumed:
            at_once = [fact for fact in facts if isinstance(fact.body, RungFired) and fact.occurred_at == instant]
            assert len(at_once) <= 1


@settings(max_examples=60, deadline=None)
@given(LADDERS, LIVES)
def test_a_ladder_is_silent_while_taken_acted_on_or_paused(ladder: Ladder, acts: list[str]) -> None:
    for facts in of_one(live(ladder, acts)).values():
        silent_until: datetime | None = None
        acted = paused = False
        for fact in facts:
            body = fact.body
            if isinstance(body, RungFired):
                assert not acted
                assert not paused
                assert silent_until is None or fact.occurred_at >= silent_until
                silent_until = None
            elif isinstance(body, EscalationAcknowledged) and not any(act == "closure" for act in acts):
                silent_until = body.act_by
            acted = acted or isinstance(body, EscalationActed)
            paused = isinstance(body, EscalationPaused) or (paused and not isinstance(body, EscalationResumed))


@settings(max_examples=40, deadline=None)
@given(LADDERS, LIVES)
def test_folding_the_facts_gives_the_picture(ladder: Ladder, acts: list[str]) -> None:
    school = live(ladder, acts)
    picture = Picture()
    for fact in school.facts:
        travelled = Fact.model_validate_json(fact.model_dump_json())
        picture = fold_fact(picture, travelled)
        assert digest_of(picture) == travelled.picture_digest
    assert digest_of(picture) == digest_of(school.walk.state.picture)


@settings(max_examples=40, deadline=None)
@given(LADDERS, LIVES)
def test_equal_lives_with_and_without_continue_as_new_give_the_same_facts(ladder: Ladder, acts: list[str]) -> None:
    plain = live(ladder, [act for act in acts if act != "continue"])
    carried = live(ladder, [step for act in acts if act != "continue" for step in (act, "continue")])
    assert [canonical_bytes(fact) for fact in plain.facts] == [canonical_bytes(fact) for fact in carried.facts]


@settings(max_examples=40, deadline=None)
@given(LADDERS, LIVES)
def test_time_alone_at_the_same_instant_changes_nothing_more(ladder: Ladder, acts: list[str]) -> None:
    school = live(ladder, acts)
    once = advance(school.walk.state, TimePassed(), school.now, "test")
    assert advance(once.state, TimePassed(), school.now, "test").facts == ()
    assert once.wake_at is None or once.wake_at > once.state.seen_at


@settings(max_examples=40, deadline=None)
@given(LADDERS, LIVES, st.integers(1, 10**6))
def test_waking_early_publishes_nothing(ladder: Ladder, acts: list[str], early: int) -> None:
    school = live(ladder, acts)
    state = school.walk.state
    if state.wake_at is not None and state.wake_at > school.now:
        moment = max(school.now, state.wake_at - timedelta(microseconds=early))
        assert advance(state, TimePassed(), moment, "test").facts == ()


@settings(max_examples=40, deadline=None)
@given(LADDERS, LIVES)
def test_the_ladders_open_no_gate(ladder: Ladder, acts: list[str]) -> None:
    """Whatever opens with ladders opens without them, at the same instant, unless a rung held the school."""
    with_them = live(ladder, acts)
    if any(fact.body.kind == "hold-added" for fact in with_them.facts):
        return
    bare = Scenario(resolve(document_of(), "standard"), calendar=calendar_of(school_days(300)))
    for act in acts:
        if act not in ("take", "act", "work", "done"):
            do(bare, act)
        else:
            bare.sequence += 1
    opened, alone = (
        [(fact.body.gate, fact.occurred_at) for fact in school.facts if isinstance(fact.body, GateOpened)]
        for school in (with_them, bare)
    )
    assert opened == alone


@settings(max_examples=40, deadline=None)
@given(LADDERS, LIVES)
def test_what_is_open_is_said_to_be_due_when_it_is(ladder: Ladder, acts: list[str]) -> None:
    """The picture's `next_at` is the instant at which the school asks to be woken, or a later one."""
    school = live(ladder, acts)
    wake_at = school.walk.state.wake_at
    for escalation in school.walk.state.picture.escalations.values():
        if escalation.next_at is not None:
            assert wake_at is not None
            assert wake_at <= escalation.next_at


def test_the_acts_of_these_lives_reach_every_kind_of_fact() -> None:
    ladder = Ladder(rungs=(Rung(roles=(Role.SCHOOL_LEAD,)), Rung(roles=(Role.PRINCIPAL,), after_days=1)))
    acts = ["days", "take", "days", "closure", "outage", "days", "over", "act", "sign", "slow", "days", "work", "done",
            "days", "clean"]  # fmt: skip
    kinds = {fact.body.kind for fact in live(ladder, acts).facts}
    wanted = {
        "escalation-raised", "rung-fired", "escalation-acknowledged", "escalation-acted", "escalation-paused",
        "escalation-resumed", "escalation-rescheduled", "escalation-closed", "work-item-opened", "work-item-overdue",
        "work-item-closed",
    }  # fmt: skip
    assert wanted - kinds == set()
    assert all(one.fact_sequence < other.fact_sequence for one, other in pairwise(live(ladder, acts).facts))
