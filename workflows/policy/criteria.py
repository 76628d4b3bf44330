"""One function for each criterion kind: ground -> judgement. Called by evaluate.py, for every criterion, always.

Evidence that is missing, stale, imagined or unreadable is UNKNOWN, which is neither a pass nor a "no". People's
waivers, approvals and holds are laid on afterwards.
"""

from datetime import timedelta
from math import isfinite
from typing import assert_never

from schemas.decision import EvidenceItem, Reason, Status
from schemas.gate import Criterion, DefectCount, Dwell, Severity, Share, SignOffs, Soak, Threshold
from schemas.readiness import CATALOGUE, Direction, Missing, Origin
from schemas.school import ScopeKind
from workflows.policy.bound import wilson_bound
from workflows.policy.calendar import add_days, ages_out_at, elapsed_days, ends_at
from workflows.policy.judgement import OUTCOME_OF, SEVERITY, Ground, Judgement, earliest, latest
from workflows.policy.people import signatures

FUTURE_LIMIT = timedelta(minutes=10)
"""How far ahead of the clock an observation may lie before it is bad input. Source: the project's law of evidence."""


def judge(criterion: Criterion, ground: Ground) -> Judgement:
    """How a criterion stands by evidence and time alone. Raises nothing by design; evaluate.py catches what does."""
    match criterion:
        case Threshold():
            return _threshold(criterion, ground)
        case Share():
            return _share(criterion, ground)
        case DefectCount():
            return _defect_count(criterion, ground)
        case Soak():
            return _soak(criterion, ground)
        case Dwell():
            return _dwell(criterion, ground)
        case SignOffs():
            return _sign_offs(criterion, ground)
        case _:
            assert_never(criterion)


def _meets(signal: str, value: float, line: float) -> bool:
    return value >= line if CATALOGUE[signal].direction is Direction.HIGHER_IS_BETTER else value <= line


def _unknown(judgement: Judgement, reason: Reason) -> Judgement:
    return judgement.be(Status.UNKNOWN, reason)


def _unseen(judgement: Judgement, reason: Reason) -> Judgement:
    judgement.observed = None
    return _unknown(judgement, reason)


def _passed(judgement: Judgement, criterion: Criterion, *, warning: bool = False) -> Judgement:
    """Met; but a person's word in a hard criterion needs a person's approval."""
    judgement.warning = warning
    if judgement.origin is Origin.ATTESTED and criterion.severity is Severity.HARD:
        judgement.satisfied_at = None
        return judgement.be(Status.NEEDS_APPROVAL, Reason.ATTESTED)
    judgement.satisfied_at = judgement.satisfied_at or judgement.observed_at
    return judgement.be(Status.MET, Reason.MEETS_WITH_WARNING if warning else Reason.MEETS_LINE)


def _by_lines(
    judgement: Judgement, criterion: Threshold | Share, value: float, warn_at: float | None = None
) -> Judgement:
    if _meets(criterion.signal, value, criterion.pass_at):
        warning = warn_at is not None and not _meets(criterion.signal, value, warn_at)
        return _passed(judgement, criterion, warning=warning)
    if criterion.fail_at is not None and _meets(criterion.signal, value, criterion.fail_at):
        if criterion.severity is Severity.HARD:
            return judgement.be(Status.NEEDS_APPROVAL, Reason.GREY_ZONE)
        judgement.warning, judgement.satisfied_at = True, judgement.observed_at
        return judgement.be(Status.MET, Reason.GREY_ZONE)
    return judgement.be(Status.UNMET, Reason.BELOW_LINE)


def _read(
    name: str, required: float, ground: Ground, age_days_max: int | None = None, absent_passes: bool = False
) -> tuple[Judgement, float | None]:
    """A signal as it may be used now: a template and its value, or the final judgement and None."""
    signal = CATALOGUE[name]
    item, context = ground.inputs.evidence.get(name), ground.inputs.context
    seen = Judgement(Status.UNKNOWN, Reason.NEVER_SEEN, signal=name, unit=signal.unit, required=required)
    if signal.scope is ScopeKind.RELEASE and (context is None or context.release_id is None):
        return _unknown(seen, Reason.NO_CONTEXT), None
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
    if value is None or not isfinite(value) or value < signal.low:
        return _unknown(seen, Reason.UNDECIDABLE), None
    if signal.high is not None and value > signal.high:
        return _unknown(seen, Reason.UNDECIDABLE), None
    seen.observed = float(value)
    return seen, seen.observed


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


def _threshold(criterion: Threshold, ground: Ground) -> Judgement:
    passes = criterion.not_applicable_passes
    seen, value = _read(criterion.signal, criterion.pass_at, ground, absent_passes=passes)
    return seen if value is None else _by_lines(seen, criterion, value, criterion.warn_at)


def _share(criterion: Share, ground: Ground) -> Judgement:
    passes = criterion.not_applicable_passes
    seen, value = _read(criterion.signal, criterion.pass_at, ground, absent_passes=passes)
    if value is None:
        return seen
    if seen.population is None:
        return _unseen(seen, Reason.MISSING)
    if seen.population < criterion.minimum_population:
        return _unseen(seen, Reason.POPULATION_TOO_SMALL)
    if criterion.confidence_ratio is None:
        return _by_lines(seen, criterion, value)
    if seen.numerator is None or seen.numerator > seen.population:
        return _unseen(seen, Reason.UNDECIDABLE)
    lower = CATALOGUE[criterion.signal].direction is Direction.HIGHER_IS_BETTER
    seen.judged = wilson_bound(seen.numerator, seen.population, criterion.confidence_ratio, lower=lower)
    return _by_lines(seen, criterion, seen.judged)


def _defect_count(criterion: DefectCount, ground: Ground) -> Judgement:
    """The worse of the two severities; the critical one when they are alike."""
    critical = _count(criterion, criterion.critical_signal, criterion.critical_at_most, ground)
    major = _count(criterion, criterion.major_signal, criterion.major_at_most, ground)
    worse = major if SEVERITY[OUTCOME_OF[major.status]] > SEVERITY[OUTCOME_OF[critical.status]] else critical
    if worse.satisfied_at is not None:
        worse.satisfied_at = latest(critical.satisfied_at, major.satisfied_at)
    worse.next_look_at = earliest(critical.next_look_at, major.next_look_at)
    worse.simulated = critical.simulated or major.simulated
    return worse


def _count(criterion: DefectCount, signal: str, at_most: int, ground: Ground) -> Judgement:
    seen, value = _read(signal, float(at_most), ground)
    if value is None:
        return seen
    return _passed(seen, criterion) if value <= at_most else seen.be(Status.UNMET, Reason.BELOW_LINE)


def _soak(criterion: Soak, ground: Ground) -> Judgement:
    passes, age = criterion.not_applicable_passes, criterion.evidence_age_days_max
    seen, value = _read(criterion.signal, criterion.healthy_at, ground, age, passes)
    if value is None or ground.calendar is None:
        return seen
    if not _meets(criterion.signal, value, criterion.healthy_at):
        return seen.be(Status.UNMET, Reason.BELOW_LINE)
    since = ground.inputs.evidence[criterion.signal].healthy_since.get(criterion.id)
    if since is None:  # healthy now, but nobody knows since when
        return _unknown(seen, Reason.UNDECIDABLE)
    due_at = add_days(ground.calendar, since, criterion.minimum_days)
    if due_at is None:
        return _unknown(seen, Reason.OUTSIDE_CALENDAR)
    if ground.now < due_at:
        seen.next_look_at = earliest(due_at, seen.next_look_at)
        return seen.be(Status.WAITING, Reason.SOAKING)
    seen.satisfied_at = due_at
    return _passed(seen, criterion)


def _dwell(criterion: Dwell, ground: Ground) -> Judgement:
    opened_at, days = ground.inputs.opened_at, float(criterion.minimum_days)
    seen = Judgement(Status.UNKNOWN, Reason.NO_CALENDAR, unit="instructional days", required=days)
    if ground.calendar is None:
        return seen
    due_at = add_days(ground.calendar, opened_at, criterion.minimum_days)
    seen.observed_at = opened_at
    seen.observed = int(elapsed_days(ground.calendar, opened_at, ground.now) * 100) / 100
    if due_at is None:
        return _unknown(seen, Reason.OUTSIDE_CALENDAR)
    if ground.now < due_at:
        seen.next_look_at = due_at
        return seen.be(Status.WAITING, Reason.DWELLING)
    seen.satisfied_at = due_at
    return seen.be(Status.MET, Reason.MEETS_LINE)


def _sign_offs(criterion: SignOffs, ground: Ground) -> Judgement:
    signed = signatures(criterion, ground.inputs.gate, ground.inputs.sign_offs, ground.inputs.context)
    unsigned = tuple(role.value for role in criterion.roles if role not in signed)
    last = latest(*(sign_off.signed_at for sign_off in signed.values()))
    seen = Judgement(
        Status.UNMET, Reason.UNSIGNED, unit="sign-offs", observed=float(len(signed)),
        required=float(len(criterion.roles)), observed_at=last, detail=unsigned,
    )  # fmt: skip
    if not unsigned:
        seen.satisfied_at = last
        seen.be(Status.MET, Reason.SIGNED)
    return seen
