"""What the machine would have done at gates it does not open alone, against what people did. Pure: facts to rows.

Called by `firstbell report divergence`. Only decisions that were advice count: a gate that trusts its verdict has
nothing to diverge from. As of the projection; a fact that has not come is a thing that has not happened.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.decision import Outcome, Verdict
from schemas.fact import ApprovalAnswered, Fact, GateDecided, GateOpened
from schemas.school import GateId, Role, SchoolId
from schemas.trust import Trust
from services.console.views import SIMULATED, Answer
from workflows.policy.trust import against


class Meeting(StrEnum):
    """How machine and people met at one gate."""

    BOTH_OPEN = "both-open"
    """A person opened it when the machine would have."""
    PERSON_FIRST = "person-against-the-machine"
    """A person opened it while the machine said otherwise."""
    MACHINE_ONLY = "machine-would-have-opened"
    """The machine would have opened it, and people have not."""
    BOTH_WAIT = "both-wait"


AGREED = (Meeting.BOTH_OPEN, Meeting.BOTH_WAIT)


class Divergence(Answer):
    """One school at one gate, one attempt."""

    school_id: SchoolId
    school: str
    gate: GateId
    attempt: int
    trust: Trust
    meeting: Meeting
    advice: Outcome
    """What the machine said last, or when a person opened."""
    machine_open_at: datetime | None
    """Since when the machine would have opened without a break. None: it would not."""
    opened_at: datetime | None
    """None: people have not opened it."""
    opened_by: Role | None
    """None: nobody by hand."""
    rejected: bool
    """A person said no while the advice stood."""
    lag_seconds: float | None
    """From the machine's yes to the opening, or to now. None: the machine said no yes."""
    against: tuple[str, ...]
    """What spoke against the opening. Empty unless a person went against the machine."""


class DivergenceReport(Answer):
    """A program's gates that are not left to the machine."""

    notice: str | None
    """SIMULATED when imagined evidence has reached a school here, else None."""
    program: str
    made_at: datetime
    counts: dict[str, int]
    """By gate, trust and meeting, `G1 observe both-open`."""
    agreed: int
    diverged: int
    rows: tuple[Divergence, ...]


@dataclass(slots=True)
class _Watch:
    """One gate while its facts are read."""

    verdict: Verdict
    attempt: int
    machine_open_at: datetime | None = None
    opened: Fact | None = None
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One school's facts in their order, and its name."""

    school: str
    facts: list[Fact]


def compile_divergence(program: str, schools: Iterable[Told], now: datetime) -> DivergenceReport:
    """Every gate of every school at which a verdict was advice, those that diverged first. Never blocks."""
    schools = list(schools)
    rows = [row for told in schools for row in _rows(told, now)]
    rows.sort(key=lambda row: (row.meeting in AGREED, row.gate.value, row.school, row.school_id, row.attempt))
    counts = Counter(f"{row.gate.value} {row.trust.value} {row.meeting.value}" for row in rows)
    agreed = sum(row.meeting in AGREED for row in rows)
    return DivergenceReport(
        notice=SIMULATED if any(fact.simulated for told in schools for fact in told.facts) else None,
        program=program, made_at=now, counts=dict(sorted(counts.items())), agreed=agreed, diverged=len(rows) - agreed,
        rows=tuple(rows),
    )  # fmt: skip


def _rows(told: Told, now: datetime) -> list[Divergence]:
    watched: dict[tuple[GateId, int], _Watch] = {}
    for fact in told.facts:
        body = fact.body
        if isinstance(body, GateDecided):
            _decided(watched, fact, body)
        elif isinstance(body, GateOpened):
            watch = watched.get((body.gate, body.attempt))
            if watch is not None and watch.opened is None:
                watch.opened = fact
        elif isinstance(body, ApprovalAnswered) and body.approval.answer == "rejected":
            watch = watched.get((body.approval.gate, body.approval.attempt))
            if watch is not None:
                watch.rejected = True
    return [_row(told, gate, watch, now) for (gate, _), watch in watched.items()]


def _decided(watched: dict[tuple[GateId, int], _Watch], fact: Fact, body: GateDecided) -> None:
    """Keeps the newest advice of a gate, and since when it has been a yes."""
    verdict, attempt = body.decision.verdict, body.decision.inputs.attempt
    if verdict.advice is None:
        return
    watch = watched.setdefault((verdict.gate, attempt), _Watch(verdict, attempt))
    if watch.opened is not None:
        return
    watch.verdict = verdict
    if verdict.advice is not Outcome.OPEN:
        watch.machine_open_at = None
    elif watch.machine_open_at is None:
        watch.machine_open_at = fact.occurred_at


def _row(told: Told, gate: GateId, watch: _Watch, now: datetime) -> Divergence:
    opened, verdict = watch.opened, watch.verdict
    body = opened.body if opened else None
    hand = body.hand if isinstance(body, GateOpened) else None
    machine_open = watch.machine_open_at is not None
    if opened:
        meeting = Meeting.BOTH_OPEN if machine_open else Meeting.PERSON_FIRST
    else:
        meeting = Meeting.MACHINE_ONLY if machine_open else Meeting.BOTH_WAIT
    until = opened.occurred_at if opened else now
    return Divergence(
        school_id=told.facts[0].school_id, school=told.school, gate=gate, attempt=watch.attempt, trust=verdict.trust,
        meeting=meeting, advice=verdict.advice or Outcome.UNKNOWN, machine_open_at=watch.machine_open_at,
        opened_at=opened.occurred_at if opened else None, opened_by=hand.actor.role if hand else None,
        rejected=watch.rejected,
        lag_seconds=(until - watch.machine_open_at).total_seconds() if watch.machine_open_at else None,
        against=against(verdict.results) if meeting is Meeting.PERSON_FIRST else (),
    )  # fmt: skip
