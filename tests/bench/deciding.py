"""What deciding costs by itself, without servers: a gate, a step against the length of a history, a fact.

Called by __main__. Wall time of one process; collections of garbage are let be, as in a worker.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from schemas.decision import EvidenceItem
from schemas.fact import Fact, Picture
from schemas.gate import Criterion, Threshold
from schemas.message import ReadingsArrived
from schemas.readiness import CATALOGUE
from schemas.school import GateId
from tests.harness.scenario import (
    LIFE,
    OPENING,
    Scenario,
    calendar_of,
    gate_of,
    gates,
    inputs_of,
    item,
    policy_of,
    reading,
)
from workflows.policy.evaluate import evaluate
from workflows.policy.evidence import fold
from workflows.policy.picture import fold_fact
from workflows.policy.progress import advance
from workflows.policy.state import RolloutState

CRITERIA_COUNT, READINGS_COUNT = 40, 200
SPEED = "network.mbps-per-student"


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Seconds of each call, after a tenth as many that are not counted."""
    for _ in range(rounds // 10):
        work()
    seen: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seen.append(time.perf_counter() - began)
    return seen


def a_gate(rounds: int) -> list[float]:
    """Evaluates a gate of 40 criteria, all of whose evidence was folded from 200 readings."""
    names = sorted(name for name, signal in CATALOGUE.items() if not signal.share)
    lines: list[Criterion] = [
        Threshold(id=f"line-{number}", signal=names[number % len(names)], pass_at=1.0, **LIFE)
        for number in range(CRITERIA_COUNT)
    ]
    policy = policy_of(gates() | {GateId.INFRASTRUCTURE: gate_of(*lines)})
    evidence: dict[str, EvidenceItem] = {name: item(name, 1.0, OPENING) for name in names}
    for number in range(READINGS_COUNT):
        name = names[number % len(names)]
        evidence = fold(evidence, name, reading(name, 1.0, OPENING, number + 2), policy)
    read = {line.signal: evidence[line.signal] for line in lines if isinstance(line, Threshold)}
    inputs, calendar, now = inputs_of(GateId.INFRASTRUCTURE, read), calendar_of(), OPENING + timedelta(hours=2)
    return timed(lambda: evaluate(policy, calendar, inputs, now, calendar_digest=policy.digest), rounds)


def with_facts(count: int) -> tuple[Scenario, tuple[Fact, ...]]:
    """A school before G1 with at least so many facts behind it: its capacity turns good and bad, as a school's does."""
    school = Scenario().signs().hears({SPEED: 2.0})
    while len(school.facts) < count:
        school.hears({SPEED: 0.2 if school.sequence % 2 else 2.0})
    return school, school.facts


def a_step(count: int, rounds: int) -> list[float]:
    """A reading that changes the verdict, told to a school with so many facts behind it."""
    school, _ = with_facts(count)
    state: RolloutState = school.walk.state
    now = school.now + timedelta(minutes=1)
    value = 0.2 if state.evidence[SPEED].value == 2.0 else 2.0
    message = ReadingsArrived(readings={SPEED: reading(SPEED, value, now, school.sequence + 1)})
    assert advance(state, message, now, "bench").facts
    return timed(lambda: advance(state, message, now, "bench"), rounds)


def a_fold(rounds: int) -> list[float]:
    """One fact of a history of 500, folded into the picture of those before it."""
    _, facts = with_facts(500)
    seen: list[float] = []
    while len(seen) < rounds:
        picture = Picture()
        for fact in facts:
            began = time.perf_counter()
            picture = fold_fact(picture, fact)
            seen.append(time.perf_counter() - began)
    return seen
