"""Each planted breach of I2, I5, I6, I7 and I8 is found by its name; honest schools have none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from schemas.audit import AuditEntry, genesis
from schemas.decision import Outcome, Reason, Status
from schemas.escalation import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationEnd,
    EscalationPaused,
    EscalationRaised,
    EscalationRescheduled,
    EscalationResumed,
    RungFired,
)
from schemas.fact import ContextChanged, Fact, GateDecided, GateOpened, HoldAdded, HoldReleased, PhaseOpened
from schemas.ladder import EscalationCause, RungKind
from schemas.model import digest_of
from schemas.school import GateId, Phase, Role
from schemas.topics import FACTS as TOPIC
from services.auditor.breach import Invariant
from services.auditor.chain.heads import HeadFiles
from services.auditor.chain.journal import Chains, content_digest, district_told, fact_key
from services.auditor.chain.links import FaultKind, Link, follow
from services.auditor.conduct import check_conduct
from services.auditor.facts import Documents, check_facts
from services.auditor.ladders import check_ladders
from services.auditor.standing import Running, Standing, awaited, check_standing, must_be_asked
from services.auditor.statewide import Kept
from services.auditor.trail import Journal, Published, compare
from tests.harness.scenario import CLEAN, DISTRICT, Scenario, actor, context_of, document_of

Tamper = Callable[[list[Fact]], list[Fact]]
WALK = Scenario().signs().held().released().hears(CLEAN).days_pass(12, refreshed=True)
FACTS = list(WALK.facts)
GREY = dict(CLEAN) | {"network.mbps-per-student": 0.8}
ANSWERED = list(Scenario().signs().hears(GREY).days_pass(4, refreshed=False).hears(GREY).answers().facts)


def place(kind: type[object], facts: list[Fact], last: bool = False) -> int:
    found = [index for index, fact in enumerate(facts) if isinstance(fact.body, kind)]
    return found[-1 if last else 0]


def with_body(facts: list[Fact], index: int, **changes: object) -> list[Fact]:
    fact = facts[index]
    changed = fact.model_copy(update={"body": fact.body.model_copy(update=changes)})
    return [*facts[:index], changed, *facts[index + 1 :]]


def with_decision(facts: list[Fact], index: int, **changes: object) -> list[Fact]:
    body = facts[index].body
    assert isinstance(body, GateDecided)
    return with_body(facts, index, decision=body.decision.model_copy(update=changes))


def fallen(facts: list[Fact]) -> list[Fact]:
    """The last phase opened is an earlier one, and nobody decided so."""
    index = place(PhaseOpened, facts, last=True)
    return [*facts[:index], facts[index].model_copy(update={"phase": Phase.INFRASTRUCTURE_CHECK}), *facts[index + 1 :]]


def one_fact_of_an_earlier_phase(facts: list[Fact]) -> list[Fact]:
    return [*facts[:-1], facts[-1].model_copy(update={"phase": Phase.CHARTER})]


def opened_again(facts: list[Fact]) -> list[Fact]:
    again = facts[place(GateOpened, facts)].model_copy(update={"fact_sequence": len(facts) + 1, "phase": Phase.SCALE})
    return [*facts, again]


def of_another_attempt(facts: list[Fact]) -> list[Fact]:
    index = place(GateDecided, facts)
    body = facts[index].body
    assert isinstance(body, GateDecided)
    return with_decision(facts, index, inputs=body.decision.inputs.model_copy(update={"attempt": 2}))


def without_build(facts: list[Fact]) -> list[Fact]:
    return with_decision(facts, place(GateDecided, facts), build="")


def of_two_policies(facts: list[Fact]) -> list[Fact]:
    return with_decision(facts, place(GateDecided, facts), policy_digest=digest_of(["other"]))


def waived_by_nobody(facts: list[Fact]) -> list[Fact]:
    return with_status(facts, Status.WAIVED, Reason.WAIVED)


def passed_by_nobody(facts: list[Fact]) -> list[Fact]:
    return with_status(facts, Status.OVERRIDDEN, Reason.APPROVED)


def with_status(facts: list[Fact], status: Status, reason: Reason) -> list[Fact]:
    index = place(GateDecided, facts, last=True)
    body = facts[index].body
    assert isinstance(body, GateDecided)
    verdict = body.decision.verdict
    first = verdict.results[0].model_copy(update={"status": status, "reason": reason})
    return with_decision(
        facts, index, verdict=verdict.model_copy(update={"results": (first, *verdict.results[1:])})
    )  # fmt: skip


def held_by_nobody(facts: list[Fact]) -> list[Fact]:
    index = place(HoldAdded, facts)
    body = facts[index].body
    assert isinstance(body, HoldAdded)
    return with_body(facts, index, hold=body.hold.model_copy(update={"placed_by": None}))


def lifted_by_nobody(facts: list[Fact]) -> list[Fact]:
    return with_body(facts, place(HoldReleased, facts), actor=None)


PLANTED: dict[Tamper, Invariant] = {
    fallen: Invariant.PHASES,
    one_fact_of_an_earlier_phase: Invariant.PHASES,
    opened_again: Invariant.ONE_EFFECT,
    of_another_attempt: Invariant.ONE_EFFECT,
    without_build: Invariant.AUDIT,
    of_two_policies: Invariant.AUDIT,
    waived_by_nobody: Invariant.AUDIT,
    passed_by_nobody: Invariant.AUDIT,
    held_by_nobody: Invariant.AUDIT,
    lifted_by_nobody: Invariant.AUDIT,
}


def test_honest_schools_have_no_breach() -> None:
    for facts in (FACTS, ANSWERED):
        assert check_conduct(facts) == []
    assert any(isinstance(fact.body, GateOpened) and fact.body.by == "approval" for fact in ANSWERED)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_each_planted_breach_of_conduct_is_found_by_what_verify_asks(plant: Tamper) -> None:
    documents = Documents({digest_of(document_of()): document_of()}, {digest_of(WALK.calendar): WALK.calendar})
    breaches = check_facts(plant(FACTS), documents).breaches
    assert PLANTED[plant] in {breach.invariant for breach in breaches}
    assert {PLANTED[plant]} == {breach.invariant for breach in check_conduct(plant(FACTS))}


def test_a_gate_opened_by_an_approval_that_is_not_in_its_decision_is_found() -> None:
    opened = next(fact for fact in ANSWERED if isinstance(fact.body, GateOpened) and fact.body.by == "approval")
    assert isinstance(opened.body, GateOpened)
    index = opened.body.decision_sequence - 1
    decided = ANSWERED[index].body
    assert isinstance(decided, GateDecided)
    forged = with_decision(ANSWERED, index, inputs=decided.decision.inputs.model_copy(update={"approvals": ()}))
    assert {breach.invariant for breach in check_conduct(forged)} == {Invariant.AUDIT}


def test_a_phase_may_fall_after_a_regress_and_only_once() -> None:
    index = place(PhaseOpened, FACTS, last=True)
    regress = with_body(FACTS, place(HoldReleased, FACTS), kind="phase-regressed")[place(HoldReleased, FACTS)]
    fell = fallen(FACTS)
    assert check_conduct([*fell[:index], regress, *fell[index : index + 1]]) == []
    again = [*fell[:index], regress, fell[index], fell[index].model_copy(update={"phase": Phase.CHARTER})]
    assert [breach.invariant for breach in check_conduct(again)] == [Invariant.PHASES]


# -- I6


ESCALATION = "escalation-0123456789abcdef"
BEGUN = FACTS[-1].occurred_at


def at(hours: float) -> datetime:
    return BEGUN + timedelta(hours=hours)


def said(hours: float, body: object, sequence: int = 1) -> Fact:
    return FACTS[-1].model_copy(update={"occurred_at": at(hours), "body": body, "fact_sequence": sequence})


def raised() -> EscalationRaised:
    return EscalationRaised(
        escalation_id=ESCALATION, cause=EscalationCause.GATE_BLOCKED, gate=GateId.BETA, attempt=1, ladder="standard",
        rungs_count=3, next_at=at(8), calendar_version=1,
    )  # fmt: skip


def rung(number: int, due: float, then: float | None, repeat: int = 0) -> RungFired:
    return RungFired(
        escalation_id=ESCALATION, cause=EscalationCause.GATE_BLOCKED, gate=GateId.BETA, rung=number, repeat=repeat,
        rung_kind=RungKind.NOTIFY, roles=(Role.PRINCIPAL,), due_at=at(due), next_at=None if then is None else at(then),
        calendar_version=1,
    )  # fmt: skip


def acknowledged(by: float) -> EscalationAcknowledged:
    return EscalationAcknowledged(
        escalation_id=ESCALATION, act_id="act-000001", actor=actor(Role.PRINCIPAL), act_by=at(by)
    )


INCIDENT = "incident-provisioning-wa-2026"
PAUSED = EscalationPaused(escalation_id=ESCALATION, incident_id=INCIDENT)
RESUMED = EscalationResumed(escalation_id=ESCALATION, incident_id=INCIDENT)
CLOSED = EscalationClosed(escalation_id=ESCALATION, cause=EscalationEnd.MENDED)
LATER = EscalationRescheduled(escalation_id=ESCALATION, next_at=at(30), calendar_version=2)
CALENDAR = ContextChanged(context=context_of(2), calendar_digest=digest_of(["days"]), calendar_version=2)
KNOWN = FACTS[place(ContextChanged, FACTS)].body
HONEST = {
    "climbs": [said(0, raised()), said(8, rung(1, 8, 16)), said(16.5, rung(2, 16, 24)), said(25, CLOSED)],
    "repeats": [said(0, raised()), said(8, rung(3, 8, 16)), said(16, rung(3, 16, None, repeat=1))],
    "is taken": [said(0, raised()), said(8, rung(1, 8, 16)), said(9, acknowledged(20)), said(20, rung(2, 20, None))],
    "pauses": [said(0, raised()), said(2, PAUSED), said(40, RESUMED), said(40, rung(1, 8, 48))],
    "a new calendar": [said(0, raised()), said(7, CALENDAR), said(7, rung(1, 6, 16))],
    "moves": [said(0, raised()), said(2, LATER), said(30, rung(1, 30, 38))],
}
BROKEN = {
    "twice": [said(0, raised()), said(8, rung(1, 8, 16)), said(16, rung(1, 16, 24))],
    "backwards": [said(0, raised()), said(8, rung(2, 8, 16)), said(16, rung(1, 16, 24))],
    "before its time": [said(0, raised()), said(7.9, rung(1, 8, 16))],
    "by a deadline nobody set": [said(0, raised()), said(7, rung(1, 7, 16))],
    "by a deadline that the same calendar gives nobody": [
        said(-1, KNOWN),
        said(0, raised()),
        said(6, KNOWN),
        said(7, rung(1, 7, 16)),
    ],
    "early by a new calendar": [said(0, raised()), said(5, CALENDAR), said(6, rung(1, 7, 16))],
    "by the old calendar": [said(0, raised()), said(2, LATER), said(8, rung(1, 8, 16))],
    "though somebody took it": [said(0, raised()), said(1, acknowledged(20)), said(8, rung(1, 8, 16))],
    "while paused": [said(0, raised()), said(2, PAUSED), said(8, rung(1, 8, 16))],
    "after its end": [said(0, raised()), said(2, CLOSED), said(8, rung(1, 8, 16))],
    "never raised": [said(8, rung(1, 8, 16))],
    "raised twice": [said(0, raised()), said(1, raised())],
}


@pytest.mark.parametrize("ladder", HONEST)
def test_an_honest_ladder_has_no_breach(ladder: str) -> None:
    assert list(check_ladders(HONEST[ladder])) == []


@pytest.mark.parametrize("ladder", BROKEN)
def test_a_rung_that_fires_twice_or_early_or_to_nobodys_order_is_found(ladder: str) -> None:
    assert {breach.invariant for breach in check_ladders(BROKEN[ladder])} == {Invariant.ESCALATIONS}
    everything = [fact.model_copy(update={"fact_sequence": n}) for n, fact in enumerate([*FACTS, *BROKEN[ladder]], 1)]
    assert Invariant.ESCALATIONS in {breach.invariant for breach in check_facts(everything, Documents({}, {})).breaches}


# -- I5


NOW = BEGUN + timedelta(days=2)
KEY = ("wa-2026", "school-1")
ALIVE = Running(running=True)


def standing(scenario: Scenario) -> Standing:
    documents = Documents({digest_of(document_of()): document_of()}, {digest_of(scenario.calendar): scenario.calendar})
    (found,) = check_facts(scenario.facts, documents).standings.values()
    return found


def stuck(one: Standing, running: Running | None = ALIVE, now: datetime = NOW) -> list[str]:
    found = list(check_standing({KEY: one}, {} if running is None else {KEY: running}, now))
    assert {breach.invariant for breach in found} <= {Invariant.NOT_STUCK}
    return [breach.expected for breach in found]


def test_every_school_on_its_way_names_what_it_waits_for() -> None:
    lives = {
        "what charter-signed asks of people": Scenario(),
        "another reading of network.mbps-per-student": Scenario().signs(),
        "the release of hold hold-0001": Scenario().signs().held(),
        "the answer of district-technology": Scenario().signs().hears(GREY).days_pass(4).hears(GREY),
        "the directory's word about the school": Scenario(known=False),
        "the program's end": WALK,
    }
    for name, scenario in lives.items():
        one = standing(scenario)
        assert name in awaited(one), (name, awaited(one))
        assert stuck(one) == []


def waiting() -> Standing:
    """It waits for its dwell alone."""
    return standing(Scenario().signs().hears(CLEAN))


def test_a_school_that_waits_for_time_alone_is_asked_when_it_wakes_once_its_last_word_is_past() -> None:
    one = waiting()
    assert one.verdict is not None
    assert one.verdict.outcome is Outcome.WAITING
    wakes = one.verdict.next_evaluation_at
    assert wakes is not None
    assert not must_be_asked(one, wakes)
    past = wakes + timedelta(days=1)
    assert must_be_asked(one, past)
    asked = replace(ALIVE, asked=True)
    assert stuck(one, replace(asked, wakes_at=past + timedelta(hours=1)), past) == []
    assert len(stuck(one, replace(asked, wakes_at=wakes), past)) == 1, "a missed wake-up"
    assert len(stuck(one, asked, past)) == 1, "no wake-up at all"


def test_a_school_that_nothing_can_move_is_stuck() -> None:
    one = waiting()
    assert one.verdict is not None
    asleep = replace(one, verdict=one.verdict.model_copy(update={"next_evaluation_at": None}))
    assert must_be_asked(asleep, NOW)
    assert len(stuck(asleep, replace(ALIVE, asked=True))) == 1
    result = one.verdict.results[0].model_copy(
        update={"criterion_id": "gate:policy", "outcome": Outcome.UNKNOWN, "signal": None}
    )
    undecidable = one.verdict.model_copy(update={"results": (result,), "next_evaluation_at": None})
    assert must_be_asked(replace(one, verdict=undecidable), NOW)
    assert must_be_asked(replace(one, verdict=None), NOW)


def test_an_open_school_without_a_workflow_is_stuck_and_a_stopped_one_is_not() -> None:
    for gone in (None, Running(running=False), Running(running=False, closed_at=NOW - timedelta(days=1))):
        assert len(stuck(waiting(), gone)) == 1
    assert stuck(waiting(), Running(running=False, closed_at=NOW - timedelta(seconds=5))) == [], "stopping right now"
    assert stuck(standing(Scenario().signs().stopped()), None) == []


def test_a_task_or_a_publication_that_is_repeated_for_ever_is_found_without_any_fact() -> None:
    for running in (replace(ALIVE, task_attempts=9), replace(ALIVE, activity_attempts=99)):
        (breach,) = check_standing({}, {KEY: running}, NOW)
        assert breach.invariant is Invariant.NOT_STUCK
        assert "wa-2026/school-1" in breach.subject
    assert list(check_standing({}, {KEY: replace(ALIVE, task_attempts=1, activity_attempts=2)}, NOW)) == []


# -- I7 against the topic


def entered(facts: list[Fact]) -> list[Link]:
    links: list[Link] = []
    for fact in facts:
        entry = AuditEntry(
            chain=district_told(fact) or DISTRICT, number=1, kind=fact.body.kind, occurred_at=fact.occurred_at,
            key=fact_key(fact.program_id, fact.school_id, fact.fact_sequence), previous=genesis(DISTRICT),
            digest=content_digest(fact.model_dump_json().encode()),
        )  # fmt: skip
        links.append(follow(DISTRICT, len(links), links[-1].hash if links else genesis(DISTRICT), entry))
    return links


def against(facts: list[Fact], topic: list[Fact], fence: int | None = None) -> list[tuple[FaultKind, int]]:
    published = [Published(fact, fact.model_dump_json().encode(), 0, offset) for offset, fact in enumerate(topic)]
    fences = {(TOPIC.name, 0): len(topic) if fence is None else fence}
    chains, heads = Chains({DISTRICT: entered(facts)}, {}), HeadFiles(Path("heads"), {})
    journal = Journal(chains, fences, heads, Kept({}, frozenset()))
    return [(fault.kind, fault.number) for fault in compare(journal, (each.told for each in published))]


def test_entries_are_the_facts_of_the_topic_no_more_no_fewer_no_others() -> None:
    assert against(FACTS, FACTS) == []
    assert against(FACTS[:-2], FACTS, fence=len(FACTS) - 2) == [], "not read yet is not missing"
    assert against(FACTS[:-1], FACTS) == [(FaultKind.ABSENT, 0)]
    invented = FACTS[-1].model_copy(update={"fact_sequence": 999})
    assert against([*FACTS, invented], FACTS) == [(FaultKind.INSERTED, len(FACTS) + 1)], "also at the very end"
    edited = [*FACTS[:4], FACTS[4].model_copy(update={"simulated": True}), *FACTS[5:]]
    assert against(edited, FACTS) == [(FaultKind.EDITED, 5)]
