"""One function for each criterion kind: ground -> judgement. Called by evaluate.py, for every criterion, always.

Evidence that is missing, stale, imagined or unreadable is UNKNOWN, which is neither a pass nor a "no". People's
waivers, approvals and holds are laid on afterwards.
"""

from dataclasses import replace
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
    return replace(judgement, status=Status.UNKNOWN, reason=reason)


def _passed(judgement: Judgement, criterion: Criterion, *, warning: bool = False) -> Judgement:
    """Met; but a person's word in a hard criterion needs a person's approval."""
    if judgement.origin is Origin.ATTESTED and criterion.severity is Severity.HARD:
        return replace(judgement, status=Status.NEEDS_APPROVAL, reason=Reason.ATTESTED, warning=warning)
    reason = Reason.MEETS_WITH_WARNING if warning else Reason.MEETS_LINE
    since = judgement.satisfied_at or judgement.observed_at
    return replace(judgement, status=Status.MET, reason=reason, warning=warning, satisfied_at=since)


def _by_lines(
    judgement: Judgement, criterion: Threshold | Share, value: float, warn_at: float | None = None
) -> Judgement:
    if _meets(criterion.signal, value, criterion.pass_at):
        warning = warn_at is not None and not _meets(criterion.signal, value, warn_at)
        return _passed(judgement, criterion, warning=warning)
    if criterion.fail_at is not None and _meets(criterion.signal, value, criterion.fail_at):
        if criterion.severity is Severity.HARD:
            return replace(judgement, status=Status.NEEDS_APPROVAL, reason=Reason.GREY_ZONE)
        return replace(judgement, status=Status.MET, reason=Reason.GREY_ZONE, warning=True)
    return replace(judgement, status=Status.UNMET, reason=Reason.BELOW_LINE)


def _read(
    name: str, required: float, ground: Ground, age_days_max: int | None = None, absent_passes: bool = False
) -> tuple[Judgement, float | None]:
    """A signal as it may be used now: a template and its value, or the final judgement and None."""
    signal = CATALOGUE[name]
    item, context = ground.inputs.evidence.get(name), ground.inputs.context
    blank = Judgement(Status.UNKNOWN, Reason.NEVER_SEEN, signal=name, unit=signal.unit, required=required)
    if signal.scope is ScopeKind.RELEASE and (context is None or context.release_id is None):
        return _unknown(blank, Reason.NO_CONTEXT), None
    if item is None:
        return blank, None
    seen = replace(
        blank, numerator=item.numerator, population=item.population, observed_at=item.observed_at,
        origin=item.origin, simulated=item.simulated, detail=item.detail, missing=item.missing,
    )  # fmt: skip
    days = signal.freshness_days if age_days_max is None else min(signal.freshness_days, age_days_max)
    aged = _aged(seen, item, days, ground)
    if aged.reason is not Reason.MEETS_LINE:
        return aged, None
    if not item.applicable:
        status = Status.NOT_APPLICABLE if absent_passes else Status.UNKNOWN
        return replace(aged, status=status, reason=Reason.NOT_APPLICABLE), None
    value = item.value
    if value is None or not isfinite(value) or value < signal.low or value > (signal.high or float("inf")):
        return _unknown(aged, Reason.UNDECIDABLE), None
    return replace(aged, observed=float(value)), float(value)


def _aged(seen: Judgement, item: EvidenceItem, days: int, ground: Ground) -> Judgement:
    """Whether evidence is there, allowed and fresh: reason MEETS_LINE when it is, otherwise why it is unusable."""
    if item.simulated and not ground.inputs.rehearsal:
        return _unknown(seen, Reason.SIMULATED)
    if item.missing is Missing.POPULATION_TOO_SMALL:
        return _unknown(seen, Reason.POPULATION_TOO_SMALL)
    if item.missing is not None or item.observed_at is None or (item.applicable and item.value is None):
        return _unknown(seen, Reason.MISSING)
    believable_at = item.observed_at - FUTURE_LIMIT
    if ground.now < believable_at:
        return replace(_unknown(seen, Reason.OBSERVED_IN_THE_FUTURE), next_look_at=believable_at)
    if ground.calendar is None:
        return _unknown(seen, Reason.NO_CALENDAR)
    stale_at = ages_out_at(ground.calendar, item.observed_at, days)
    look_at = stale_at or ends_at(ground.calendar)
    if ground.now >= look_at:
        if stale_at is None:
            return _unknown(seen, Reason.OUTSIDE_CALENDAR)
        return replace(seen, status=Status.STALE, reason=Reason.STALE, stale_at=stale_at)
    return replace(seen, reason=Reason.MEETS_LINE, stale_at=stale_at, next_look_at=look_at)


def _threshold(criterion: Threshold, ground: Ground) -> Judgement:
    seen, value = _read(criterion.signal, criterion.pass_at, ground, absent_passes=criterion.not_applicable_passes)
    return seen if value is None else _by_lines(seen, criterion, value, criterion.warn_at)


def _share(criterion: Share, ground: Ground) -> Judgement:
    seen, value = _read(criterion.signal, criterion.pass_at, ground, absent_passes=criterion.not_applicable_passes)
    if value is None:
        return seen
    if seen.population is None:
        return replace(_unknown(seen, Reason.MISSING), observed=None)
    if seen.population < criterion.minimum_population:
        return replace(_unknown(seen, Reason.POPULATION_TOO_SMALL), observed=None)
    if criterion.confidence_ratio is None:
        return _by_lines(seen, criterion, value)
    if seen.numerator is None or seen.numerator > seen.population:
        return replace(_unknown(seen, Reason.UNDECIDABLE), observed=None)
    lower = CATALOGUE[criterion.signal].direction is Direction.HIGHER_IS_BETTER
    bound = wilson_bound(seen.numerator, seen.population, criterion.confidence_ratio, lower=lower)
    return _by_lines(replace(seen, judged=bound), criterion, bound)


def _defect_count(criterion: DefectCount, ground: Ground) -> Judgement:
    """The worse of the two severities; the critical one when they are alike."""
    parts: list[Judgement] = []
    for signal, at_most in (
        (criterion.critical_signal, criterion.critical_at_most),
        (criterion.major_signal, criterion.major_at_most),
    ):
        seen, value = _read(signal, float(at_most), ground)
        if value is None:
            parts.append(seen)
        elif value <= at_most:
            parts.append(_passed(seen, criterion))
        else:
            parts.append(replace(seen, status=Status.UNMET, reason=Reason.BELOW_LINE))
    critical, major = parts
    worse = major if SEVERITY[OUTCOME_OF[major.status]] > SEVERITY[OUTCOME_OF[critical.status]] else critical
    both = None if worse.satisfied_at is None else latest(critical.satisfied_at, major.satisfied_at)
    look_at = earliest(critical.next_look_at, major.next_look_at)
    return replace(worse, satisfied_at=both, next_look_at=look_at, simulated=critical.simulated or major.simulated)


def _soak(criterion: Soak, ground: Ground) -> Judgement:
    seen, value = _read(
        criterion.signal, criterion.healthy_at, ground, criterion.evidence_age_days_max,
        criterion.not_applicable_passes,
    )  # fmt: skip
    if value is None or ground.calendar is None:
        return seen
    if not _meets(criterion.signal, value, criterion.healthy_at):
        return replace(seen, status=Status.UNMET, reason=Reason.BELOW_LINE)
    since = ground.inputs.evidence[criterion.signal].healthy_since.get(criterion.id)
    if since is None:  # healthy now, but nobody knows since when
        return _unknown(seen, Reason.UNDECIDABLE)
    due_at = add_days(ground.calendar, since, criterion.minimum_days)
    if due_at is None:
        return _unknown(seen, Reason.OUTSIDE_CALENDAR)
    if ground.now < due_at:
        look_at = earliest(due_at, seen.next_look_at)
        return replace(seen, status=Status.WAITING, reason=Reason.SOAKING, next_look_at=look_at)
    return _passed(replace(seen, satisfied_at=due_at), criterion)


def _dwell(criterion: Dwell, ground: Ground) -> Judgement:
    opened_at = ground.inputs.opened_at
    blank = Judgement(
        Status.UNKNOWN, Reason.NO_CALENDAR, unit="instructional days", required=float(criterion.minimum_days)
    )
    if ground.calendar is None:
        return blank
    due_at = add_days(ground.calendar, opened_at, criterion.minimum_days)
    elapsed = int(elapsed_days(ground.calendar, opened_at, ground.now) * 100) / 100
    seen = replace(blank, observed=elapsed, observed_at=opened_at)
    if due_at is None:
        return _unknown(seen, Reason.OUTSIDE_CALENDAR)
    if ground.now < due_at:
        return replace(seen, status=Status.WAITING, reason=Reason.DWELLING, next_look_at=due_at)
    return replace(seen, status=Status.MET, reason=Reason.MEETS_LINE, satisfied_at=due_at)


def _sign_offs(criterion: SignOffs, ground: Ground) -> Judgement:
    signed = signatures(criterion, ground.inputs.gate, ground.inputs.sign_offs, ground.inputs.context)
    unsigned = tuple(role.value for role in criterion.roles if role not in signed)
    last = latest(*(sign_off.signed_at for sign_off in signed.values()))
    seen = Judgement(
        Status.UNMET, Reason.UNSIGNED, unit="sign-offs", observed=float(len(signed)),
        required=float(len(criterion.roles)), observed_at=last, detail=unsigned,
    )  # fmt: skip
    if unsigned:
        return seen
    return replace(seen, status=Status.MET, reason=Reason.SIGNED, satisfied_at=last)
