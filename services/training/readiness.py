"""Training's readings as pure functions of one school: modules, sessions, hand-outs, coaches.

Called by this room's desk and by tests. The source's watermark refreshes what is known, since a roster of completions
that is complete up to T still holds at T; without any word from a source, a signal was never reported.
Refuses to divide by a missing or zero count of teachers.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from schemas.events.raw import FeedWatermark, RawEvent
from schemas.events.training import ClassHandedOut, CoachAssigned, Module, TrainingCompleted
from schemas.readiness import Missing
from schemas.school import ScopeKind
from schemas.signal import SignalName
from services.readings.subject import SignalValue, Subject, inapplicable_value, measured_value, missing_value
from services.training.roster import population_of

UNTRAINED_HANDOUT: SignalName = "training.untrained-handout-count"
MODULES: SignalName = "training.modules-complete-ratio"
THREE_SESSIONS: SignalName = "training.three-sessions-ratio"
MONTHS: SignalName = "training.calendar-months-count"
AUGUST: SignalName = "training.august-hours-ratio"
COACHES: SignalName = "coach.teachers-per-coach"

CORE_MODULE = Module.DEVICE_BASICS
"""Without it no class is handed devices. Lesson A59."""
SESSIONS_MINIMUM = 3
"""Distinct sessions a teacher needs. Lesson A64; default, not a standard."""
AUGUST_MONTH = 8
"""The month whose single session is no training. Lesson A64."""
NO_COACH = 10_000.0
"""Teachers per coach where no coach is active: above any line a policy could sanely draw (a roster holds at most 2,000
teachers), so that ten teachers without a coach do not pass a line of 25. Our judgement, 2026-11-23. Every reading is
capped here, so that no coach is always the worst."""
NOISE = 9
"""Decimals kept of a sum of fractions: binary noise must not cost a step of the grid."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What one subject tells, gathered once."""

    teachers_count: int | None
    """None: unknown."""
    completions: tuple[TrainingCompleted, ...]
    told: tuple[RawEvent, ...]
    """The roster, and the watermark at the time it vouches for: what each signal rests on besides its own events."""


def compute(subject: Subject) -> tuple[SignalValue, ...]:
    """Every signal of this room, each answered, for a school; none for another kind of scope. Never blocks."""
    if subject.scope.kind is not ScopeKind.SCHOOL:
        return ()
    population = population_of(subject)
    roster: tuple[RawEvent, ...] = () if population.roster is None else (population.roster,)
    mark = subject.watermark
    vouched: tuple[RawEvent, ...] = () if mark is None else (_at_its_word(mark),)
    known = _Known(population.teachers_count, subject.of(TrainingCompleted), (*roster, *vouched))
    return (
        _untrained_handouts(subject, known),
        _modules(known),
        _three_sessions(known),
        _months(known),
        _august(known),
        _coaches(subject.of(CoachAssigned), known),
    )


def _at_its_word(mark: FeedWatermark) -> FeedWatermark:
    """The watermark as evidence of the instant up to which it is complete, not of when it was sent."""
    return mark.model_copy(update={"observed_at": min(mark.complete_until, mark.observed_at)})


def _untrained_handouts(subject: Subject, known: _Known) -> SignalValue:
    handouts = subject.of(ClassHandedOut)
    if subject.watermark is None:
        return missing_value(UNTRAINED_HANDOUT, Missing.NO_WATERMARK, handouts)
    core = [event for event in known.completions if event.module is CORE_MODULE and event.passed]
    trained_on: dict[str, list[TrainingCompleted]] = defaultdict(list)
    for event in core:
        trained_on[event.teacher_hash].append(event)
    untrained = {
        handout.class_ref
        for handout in handouts
        if not any(done.completed_on <= handout.handed_out_on for done in trained_on[handout.teacher_hash])
    }
    mark = _at_its_word(subject.watermark)
    value = measured_value(UNTRAINED_HANDOUT, len(untrained), (mark, *handouts, *core))
    return replace(value, observed_at=mark.observed_at)  # newer hand-outs make absence of others no fresher


def _share(
    signal: SignalName, met_count: int, known: _Known, basis: tuple[RawEvent, ...], detail: tuple[str, ...] = ()
) -> SignalValue:
    """A share of the teachers; those who left after training can't lift it above all."""
    population = known.teachers_count
    if population is None:
        return missing_value(signal, Missing.NO_DENOMINATOR, basis)
    if population == 0:
        return inapplicable_value(signal, basis)
    if not basis:
        return missing_value(signal, Missing.NEVER_REPORTED)
    numerator = min(met_count, population)
    return measured_value(
        signal, numerator / population, basis, numerator=numerator, population=population, detail=detail
    )


def _modules(known: _Known) -> SignalValue:
    passed: Mapping[Module, set[str]] = {
        module: {event.teacher_hash for event in known.completions if event.module is module and event.passed}
        for module in Module
    }
    complete = set.intersection(*passed.values())
    lacking = tuple(module.value for module in Module if len(passed[module]) < (known.teachers_count or 0))
    return _share(MODULES, len(complete), known, (*known.told, *known.completions), lacking)


def _three_sessions(known: _Known) -> SignalValue:
    """Attendance: a session counts whether or not its module was passed."""
    sessions: dict[str, set[str]] = defaultdict(set)
    for event in known.completions:
        sessions[event.teacher_hash].add(event.session_ref)
    met = sum(len(refs) >= SESSIONS_MINIMUM for refs in sessions.values())
    return _share(THREE_SESSIONS, met, known, (*known.told, *known.completions))


def _months(known: _Known) -> SignalValue:
    basis = (*known.told, *known.completions)
    if known.teachers_count == 0:
        return inapplicable_value(MONTHS, basis)
    if not basis:
        return missing_value(MONTHS, Missing.NEVER_REPORTED)
    months = {(event.completed_on.year, event.completed_on.month) for event in known.completions}
    return measured_value(MONTHS, len(months), basis)


def _august(known: _Known) -> SignalValue:
    basis = (*known.told, *known.completions)
    if known.teachers_count == 0:
        return inapplicable_value(AUGUST, basis)
    hours = math.fsum(event.hours for event in known.completions)
    if hours == 0:  # no hours to take a share of: neither all in August nor none
        return missing_value(AUGUST, Missing.NO_DENOMINATOR if basis else Missing.NEVER_REPORTED, basis)
    august = math.fsum(event.hours for event in known.completions if event.completed_on.month == AUGUST_MONTH)
    return measured_value(AUGUST, min(1.0, round(august / hours, NOISE)), basis)


def _coaches(coaches: tuple[CoachAssigned, ...], known: _Known) -> SignalValue:
    """No active coach is "no" as soon as any source has spoken, and worse than any coach."""
    basis = (*known.told, *coaches)
    teachers = known.teachers_count
    if teachers is None:
        return missing_value(COACHES, Missing.NO_DENOMINATOR, basis)
    if teachers == 0:
        return inapplicable_value(COACHES, basis)
    if not basis:
        return missing_value(COACHES, Missing.NEVER_REPORTED)
    shares: dict[str, list[float]] = defaultdict(list)
    for coach in coaches:
        if coach.active:
            shares[coach.coach_hash].append(coach.share)
    # Nobody serves one school twice over; an exact sum, since readings don't depend on the order of events.
    total = round(math.fsum(min(1.0, math.fsum(parts)) for parts in shares.values()), NOISE)
    per_coach = round(teachers / total, NOISE) if total > 0 else NO_COACH
    return measured_value(COACHES, min(NO_COACH, per_coach), basis, detail=() if shares else ("no-coach",))
