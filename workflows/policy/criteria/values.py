"""Criteria on a value: threshold, share, defect count, trend, consecutive, match. Called by `judge` only."""

from schemas.decision import Reason, Status
from schemas.gate import Consecutive, DefectCount, Match, Share, Threshold, Trend
from schemas.readiness import CATALOGUE, Direction, weakest
from workflows.policy.bound import wilson_bound
from workflows.policy.criteria.reading import by_lines, meets, passed, read, unknown, unseen
from workflows.policy.judgement import OUTCOME_OF, SEVERITY, Ground, Judgement, earliest, latest


def threshold(criterion: Threshold, ground: Ground) -> Judgement:
    """A value against its lines."""
    passes = criterion.not_applicable_passes
    seen, value = read(criterion.signal, criterion.pass_at, ground, absent_passes=passes)
    return seen if value is None else by_lines(seen, criterion, value, criterion.warn_at)


def share(criterion: Share, ground: Ground) -> Judgement:
    """A share, or of a sample its bound, against the lines; UNKNOWN of too few members."""
    passes = criterion.not_applicable_passes
    seen, value = read(criterion.signal, criterion.pass_at, ground, absent_passes=passes)
    if value is None:
        return seen
    if seen.population is None:
        return unseen(seen, Reason.MISSING)
    if seen.population < criterion.minimum_population:
        return unseen(seen, Reason.POPULATION_TOO_SMALL)
    if criterion.confidence_ratio is None:
        return by_lines(seen, criterion, value)
    if seen.numerator is None or seen.numerator > seen.population:
        return unseen(seen, Reason.UNDECIDABLE)
    lower = CATALOGUE[criterion.signal].direction is Direction.HIGHER_IS_BETTER
    seen.judged = wilson_bound(seen.numerator, seen.population, criterion.confidence_ratio, lower=lower)
    return by_lines(seen, criterion, seen.judged)


def defect_count(criterion: DefectCount, ground: Ground) -> Judgement:
    """The worse of the two severities; the critical one when they are alike."""
    critical = _count(criterion, criterion.critical_signal, criterion.critical_at_most, ground)
    major = _count(criterion, criterion.major_signal, criterion.major_at_most, ground)
    worse = major if SEVERITY[OUTCOME_OF[major.status]] > SEVERITY[OUTCOME_OF[critical.status]] else critical
    if worse.satisfied_at is not None:
        worse.satisfied_at = latest(critical.satisfied_at, major.satisfied_at)
    worse.next_look_at = earliest(critical.next_look_at, major.next_look_at)
    worse.simulated = critical.simulated or major.simulated
    if ground.semantics >= 2 and critical.origin is not None and major.origin is not None:
        worse.origin = weakest((critical.origin, major.origin))
    return worse


def _count(criterion: DefectCount, signal: str, at_most: int, ground: Ground) -> Judgement:
    seen, value = read(signal, float(at_most), ground)
    if value is None:
        return seen
    return passed(seen, criterion) if value <= at_most else seen.be(Status.UNMET, Reason.BELOW_LINE)


def trend(criterion: Trend, ground: Ground) -> Judgement:
    """The owner's change against the lines; UNKNOWN when it rests on too few points, or on nobody knows how many."""
    passes = criterion.not_applicable_passes
    seen, value = read(criterion.signal, criterion.pass_at, ground, absent_passes=passes)
    if value is None:
        return seen
    if seen.population is None:
        return unseen(seen, Reason.MISSING)
    if seen.population < criterion.minimum_points:
        return unseen(seen, Reason.TOO_FEW_POINTS)
    return by_lines(seen, criterion, value, criterion.warn_at)


def consecutive(criterion: Consecutive, ground: Ground) -> Judgement:
    """The owner's count of periods in a row against the number asked for."""
    line, passes = float(criterion.periods), criterion.not_applicable_passes
    seen, value = read(criterion.signal, line, ground, absent_passes=passes)
    if value is None:
        return seen
    return passed(seen, criterion) if meets(criterion.signal, value, line) else seen.be(Status.UNMET, Reason.BELOW_LINE)


def match(criterion: Match, ground: Ground) -> Judgement:
    """Every code that was seen is the expected one; UNKNOWN while nothing was seen or nobody knows what to expect."""
    seen, value = read(criterion.signal, None, ground, absent_passes=criterion.not_applicable_passes)
    if value is None:
        return seen
    context = ground.inputs.context
    seen.expected = criterion.expected or (context.plan.get(criterion.field) if context else None)
    if value <= 0 or not seen.detail:
        return unknown(seen, Reason.MISSING)
    if seen.expected is None:
        return unknown(seen, Reason.NO_PLAN)
    if any(code != seen.expected for code in seen.detail):
        return seen.be(Status.UNMET, Reason.MISMATCH)
    answer = passed(seen, criterion)
    return answer.be(answer.status, Reason.MATCHES) if answer.status is Status.MET else answer
