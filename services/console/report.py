"""The state of a program on one page: the same figures as text, JSON and a self-contained HTML file.

Called by `firstbell report`. Everything is as of the projection. The page loads nothing from anywhere.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import jinja2

from schemas.readiness import CATALOGUE
from schemas.school import GateId, Phase, Role
from services.console import census
from services.console.census import Group
from services.console.views import SIMULATED, Answer
from services.console.why import Standing, WhyAnswer
from workflows.policy import explain

ROWS_MAX = 10
"""Rows of each list. Our judgement, 2026-11-23."""
OUTCOMES = ("open", "needs-approval", "waiting", "unmet", "unknown", "undecided")


class PhaseCount(Answer):
    """Schools of one phase by the outcome of its gate."""

    phase: Phase
    schools: int
    outcomes: dict[str, int]


class Held(Answer):
    """A school that somebody must do something for."""

    school_id: str
    school: str
    district: str | None
    program_id: str
    phase: Phase
    in_phase_seconds: float
    headline: str
    owner: Role | None
    next_step: str | None


class Ask(Answer):
    """An ask that waits for its answer."""

    school_id: str
    school: str
    district: str | None
    role: Role
    asked_at: datetime
    age_seconds: float
    answer_by: datetime | None
    """None: the calendar ends before the deadline."""


class SilentSource(Answer):
    """A source without usable evidence for schools of a district, at the gates they stand before."""

    source: str
    """The catalogue's owner of the signals."""
    district: str | None
    signals: tuple[str, ...]
    schools: int
    newest_observed_at: datetime | None
    """Of what it did say there. None: nothing, ever."""


class Without(Answer):
    """A hard criterion that schools pass without meeting it, at the gates they stand before."""

    gate: GateId
    criterion: str
    how: Standing
    schools: int


class Report(Answer):
    """A program, or all, as of now."""

    notice: str | None
    """SIMULATED when imagined evidence has reached a program here, else None."""
    made_at: datetime
    as_of: datetime | None
    """When the newest fact happened. None: there is none."""
    program: str | None
    """None: all programs."""
    programs: tuple[str, ...]
    schools: int
    phases: tuple[PhaseCount, ...]
    reasons: tuple[Group, ...]
    """What holds most schools, with its owner and next step."""
    longest_held: tuple[Held, ...]
    oldest_ask: Ask | None
    asks: int
    silent_sources: tuple[SilentSource, ...]
    without_evidence: tuple[Without, ...] = ()
    """Waived or overridden: passed, not met."""


def compile_report(answers: Sequence[WhyAnswer], program: str | None, now: datetime) -> Report:
    """All figures from schools explained at one moment. Never blocks."""
    asks = _asks(answers, now)
    return Report(
        notice=SIMULATED if any(answer.line.notice for answer in answers) else None,
        made_at=now,
        as_of=max((answer.line.as_of for answer in answers), default=None),
        program=program,
        programs=tuple(sorted({answer.line.program_id for answer in answers})),
        schools=len(answers),
        phases=tuple(_phase(phase, answers) for phase in Phase),
        reasons=tuple(census.group(answers)[:ROWS_MAX]),
        longest_held=tuple(_held(answers, now)[:ROWS_MAX]),
        oldest_ask=asks[0] if asks else None,
        asks=len(asks),
        silent_sources=tuple(_silent(answers)[:ROWS_MAX]),
        without_evidence=tuple(_without(answers)),
    )


def _phase(phase: Phase, answers: Sequence[WhyAnswer]) -> PhaseCount:
    here = [answer.line for answer in answers if answer.line.phase is phase]
    counts = Counter(line.outcome.value if line.outcome else "undecided" for line in here)
    return PhaseCount(phase=phase, schools=len(here), outcomes={name: counts[name] for name in OUTCOMES})


def _held(answers: Sequence[WhyAnswer], now: datetime) -> list[Held]:
    found = []
    for answer in answers:
        line, steps = answer.line, census.blockers(answer)
        if not steps:
            continue
        since = line.phase_opened_at or line.as_of
        found.append(
            Held(
                school_id=line.school_id, school=line.school, district=line.district, program_id=line.program_id,
                phase=line.phase, in_phase_seconds=(now - since).total_seconds(), headline=answer.headline,
                owner=steps[0].owner, next_step=steps[0].next_step,
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: (-each.in_phase_seconds, each.school_id))


def _asks(answers: Sequence[WhyAnswer], now: datetime) -> list[Ask]:
    found = [
        Ask(
            school_id=line.school_id,
            school=line.school,
            district=line.district,
            role=line.asked,
            asked_at=line.asked_at,
            age_seconds=(now - line.asked_at).total_seconds(),
            answer_by=line.answer_by,
        )
        for line in (answer.line for answer in answers)
        if line.asked and line.asked_at
    ]
    return sorted(found, key=lambda each: (each.asked_at, each.school_id))


def _without(answers: Sequence[WhyAnswer]) -> list[Without]:
    counted = Counter(
        (answer.line.gate, each.criterion_id, each.standing)
        for answer in answers
        for each in answer.criteria
        if each.standing in (Standing.WAIVED, Standing.OVERRIDDEN)
    )
    found = [Without(gate=key[0], criterion=key[1], how=key[2], schools=count) for key, count in counted.items()]
    return sorted(found, key=lambda each: (-each.schools, each.gate.value, each.criterion))


def _silent(answers: Sequence[WhyAnswer]) -> list[SilentSource]:
    schools: dict[tuple[str, str | None], set[str]] = {}
    signals: dict[tuple[str, str | None], set[str]] = {}
    newest: dict[tuple[str, str | None], datetime] = {}
    for answer in answers:
        for each in answer.criteria:
            entry = CATALOGUE.get(each.signal) if each.signal else None
            if entry is None or each.standing is not Standing.NO_EVIDENCE:
                continue
            key = (str(entry.owner), answer.line.district)
            schools.setdefault(key, set()).add(answer.line.school_id)
            signals.setdefault(key, set()).add(entry.name)
            if each.observed_at is not None:
                newest[key] = max(newest.get(key, each.observed_at), each.observed_at)
    found = [
        SilentSource(
            source=key[0], district=key[1], signals=tuple(sorted(signals[key])), schools=len(members),
            newest_observed_at=newest.get(key),
        )
        for key, members in schools.items()
    ]  # fmt: skip
    return sorted(found, key=lambda each: (-each.schools, each.source, each.district or ""))


def page(report: Report) -> str:
    """One HTML page, escaped, with its style inside and nothing outside."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["age"] = explain.age
    environment.filters["moment"] = lambda at: f"{at:%Y-%m-%d %H:%M} UTC" if at else "–"
    return environment.get_template("report.html.j2").render(report=report, outcomes=OUTCOMES)
