"""A signal as a criterion may use it now, and its value against lines. Shared by the kinds of criteria that read.

Evidence that is missing, stale, imagined or unreadable is UNKNOWN, which is neither a pass nor a "no".
"""

from datetime import timedelta
from math import isfinite
from typing import assert_never

from schemas.decision import EvidenceItem, Reason, Status
from schemas.gate import (
    Consecutive,
    Criterion,
    DateWindow,
    DefectCount,
    Document,
    Dwell,
    Match,
    Severity,
    Share,
    SignOffs,
    Soak,
    Threshold,
    Trend,
)
from schemas.readiness import CATALOGUE, Direction, Missing, Origin, SignalName
from schemas.school import ScopeKind
from workflows.policy.calendar import ages_out_at, ends_at
from workflows.policy.judgement import Ground, Judgement

FUTURE_LIMIT = timedelta(minutes=10)
"""How far ahead of the clock an observation may lie before it is bad input. Source: the project's law of evidence."""


def meets(signal: str, value: float, line: float) -> bool:
    """Whether a value is at the line or better, in the signal's direction."""
    return value >= line if CATALOGUE[signal].direction is Direction.HIGHER_IS_BETTER else value <= line


def signals_read(criterion: Criterion) -> tuple[SignalName, ...]:
    """The signals that one criterion reads, in its own order."""
    match criterion:
        case Threshold() | Share() | Soak() | Trend() | Consecutive() | Match():
            return (criterion.signal,)
        case DefectCount():
            return criterion.critical_signal, criterion.major_signal
        case Dwell() | SignOffs() | Document() | DateWindow():
            return ()
        case _:
            assert_never(criterion)


def unknown(judgement: Judgement, reason: Reason) -> Judgement:
    """UNKNOWN, with what was seen beside it."""
    return judgement.be(Status.UNKNOWN, reason)


def unseen(judgement: Judgement, reason: Reason) -> Judgement:
    """UNKNOWN, and what was seen is not shown: it would be taken for an answer."""
    judgement.observed = None
    return unknown(judgement, reason)


def passed(judgement: Judgement, criterion: Criterion, *, warning: bool = False) -> Judgement:
    """Met; but a person's word in a hard criterion needs a person's approval."""
    judgement.warning = warning
    if judgement.origin is Origin.ATTESTED and criterion.severity is Severity.HARD:
        judgement.satisfied_at = None
        return judgement.be(Status.NEEDS_APPROVAL, Reason.ATTESTED)
    judgement.satisfied_at = judgement.satisfied_at or judgement.observed_at
    return judgement.be(Status.MET, Reason.MEETS_WITH_WARNING if warning else Reason.MEETS_LINE)


def by_lines(
    judgement: Judgement, criterion: Threshold | Share | Trend, value: float, warn_at: float | None = None
) -> Judgement:
    """A value against the pass line, the grey zone behind it and the warning line before it."""
    if meets(criterion.signal, value, criterion.pass_at):
        warning = warn_at is not None and not meets(criterion.signal, value, warn_at)
        return passed(judgement, criterion, warning=warning)
    if criterion.fail_at is not None and meets(criterion.signal, value, criterion.fail_at):
        if criterion.severity is Severity.HARD:
            return judgement.be(Status.NEEDS_APPROVAL, Reason.GREY_ZONE)
        judgement.warning, judgement.satisfied_at = True, judgement.observed_at
        return judgement.be(Status.MET, Reason.GREY_ZONE)
    return judgement.be(Status.UNMET, Reason.BELOW_LINE)


def read(
    name: str, required: float | None, ground: Ground, age_days_max: int | None = None, absent_passes: bool = False
) -> tuple[Judgement, float | None]:
    """A signal as it may be used now: a template and its value, or the final judgement and None."""
    signal = CATALOGUE[name]
    item, context = ground.inputs.evidence.get(name), ground.inputs.context
    seen = Judgement(Status.UNKNOWN, Reason.NEVER_SEEN, signal=name, unit=signal.unit, required=required)
    if signal.scope is ScopeKind.RELEASE and (context is None or context.release_id is None):
        return unknown(seen, Reason.NO_CONTEXT), None
    if item is None:
        return seen, None
    seen.numerator, seen.population, seen.detail = item.numerator, item.population, item.detail
    seen.observed_at, seen.origin, seen.simulated = item.observed_at, item.origin, item.simulated
    seen.missing = item.missing
    days = signal.freshness_days if age_days_max is None else min(signal.freshness_days, age_days_max)
    if not _is_fresh(seen, item, days, ground):
        return seen, None
    if not item.applicable:
        return seen.be(Status.NOT_APPLICABLE if absent_passes else Status.UNKNOWN, Reason.NOT_APPLICABLE), None
    value = item.value
    if value is None or not in_range(name, value):
        return unknown(seen, Reason.UNDECIDABLE), None
    seen.observed = float(value)
    return seen, seen.observed


def is_usable(name: str, item: EvidenceItem, ground: Ground) -> bool:
    """Whether what was seen of a signal counts at all now: there, fresh, and imagined only in a rehearsal."""
    signal = CATALOGUE.get(name)
    return signal is not None and _is_fresh(
        Judgement(Status.UNKNOWN, Reason.NEVER_SEEN), item, signal.freshness_days, ground
    )


def in_range(name: str, value: float | None) -> bool:
    """Whether a value can be one of the signal's; an absent or unbounded one can't."""
    signal = CATALOGUE[name]
    if value is None or not isfinite(value) or value < signal.low:
        return False
    return signal.high is None or value <= signal.high


def _is_fresh(seen: Judgement, item: EvidenceItem, days: int, ground: Ground) -> bool:
    """Whether evidence is there, allowed and fresh; if not, the judgement says why it is unusable."""
    seen.status = Status.UNKNOWN
    if item.simulated and not ground.inputs.rehearsal:
        seen.reason = Reason.SIMULATED
    elif item.missing is Missing.POPULATION_TOO_SMALL:
        seen.reason = Reason.POPULATION_TOO_SMALL
    elif item.missing is not None or item.observed_at is None or (item.applicable and item.value is None):
        seen.reason = Reason.MISSING
    elif ground.now < item.observed_at - FUTURE_LIMIT:
        seen.reason, seen.next_look_at = Reason.OBSERVED_IN_THE_FUTURE, item.observed_at - FUTURE_LIMIT
    elif ground.calendar is None:
        seen.reason = Reason.NO_CALENDAR
    else:
        seen.stale_at = ages_out_at(ground.calendar, item.observed_at, days)
        look_at = seen.stale_at or ends_at(ground.calendar)
        if ground.now < look_at:
            seen.next_look_at = look_at
            return True
        if seen.stale_at is None:
            seen.reason = Reason.OUTSIDE_CALENDAR
        else:
            seen.be(Status.STALE, Reason.STALE)
    return False
