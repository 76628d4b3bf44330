"""Policy, school, evidence, people, calendar and now -> verdict. The same function everywhere a gate is decided.

Called by progress (the workflow, what-if, simulation) and by verify (anybody, offline). It never raises on account of
evidence and never fails open: what cannot be judged is UNKNOWN, an empty gate too.
"""

from collections.abc import Iterable
from datetime import datetime

from schemas.calendar import Calendar
from schemas.consent import Awaited
from schemas.decision import Approval, CriterionResult, EvidenceItem, GateInputs, Outcome, Reason, Status, Verdict
from schemas.gate import SEMANTICS, SEMANTICS_OLDEST, Criterion, Gate, SchoolPolicy, Severity
from schemas.model import digest_of
from schemas.school import GateId, Role, SchoolStatus
from schemas.trust import Trust
from workflows.policy import freezes, holds, trust
from workflows.policy.approval import approvals
from workflows.policy.approval.automatic import needs_person
from workflows.policy.criteria import judge
from workflows.policy.criteria.reading import signals_read
from workflows.policy.exceptions import overrides, waivers
from workflows.policy.judgement import OUTCOME_OF, SEVERITY, Ground, Judgement, earliest, latest

_NOT_LEFT = (Status.WAIVED, Status.NOT_APPLICABLE)


def merge(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of the outcomes; OPEN of none, which is why an empty gate gets an UNKNOWN result of its own."""
    return max(outcomes, key=SEVERITY.__getitem__, default=Outcome.OPEN)


def signals_of(gate: Gate) -> tuple[str, ...]:
    """The signals a gate reads, each once, in policy order."""
    return tuple(dict.fromkeys(name for criterion in gate.criteria for name in signals_read(criterion)))


def evidence_digest(evidence: dict[str, EvidenceItem]) -> str:
    """The digest of what was seen, sequences left out: a rebuilt service numbers anew."""
    excluded = {"sequence", "broken_sequence"}
    return digest_of(
        {name: item.model_dump(mode="json", exclude=excluded, exclude_defaults=True) for name, item in evidence.items()}
    )


def usable_calendar(calendar: Calendar | None, inputs: GateInputs) -> Calendar | None:
    """The calendar if it is this school's and, in a real program, real; otherwise None, so nothing counts days."""
    if calendar is None or inputs.context is None or calendar.district_id != inputs.context.district_id:
        return None
    return calendar if inputs.rehearsal or not calendar.rehearsal else None


def evaluate(
    policy: SchoolPolicy,
    calendar: Calendar | None,
    inputs: GateInputs,
    now: datetime,
    *,
    calendar_digest: str | None = None,
) -> Verdict:
    """A gate is the worst of its criteria, every one of which is evaluated. Never blocks, never raises by evidence.

    `calendar_digest` saves computing it where the caller holds it; None: computed here.
    """
    gate = policy.gates.get(inputs.gate)
    results = [] if gate is None else assess(policy, gate, calendar, inputs, now)
    awaits: tuple[Awaited, ...] = ()
    level, kept = trust.level(policy, inputs.gate, inputs.context), None
    if gate is not None:
        standing = _standing(results, policy, gate, inputs, now)
        results = _override(results, gate, standing)
        kept = trust.result(level, gate, standing)
        awaits = _awaits(results, gate, standing, kept)
    results += holds.results(inputs.holds, now)
    results += _synthetic(policy, results, inputs)
    frozen = freezes.look(policy.freezes, usable_calendar(calendar, inputs), inputs, now)
    results += frozen.results
    advice = merge(result.outcome for result in results)
    results += [] if kept is None else [kept]
    outcome = merge(result.outcome for result in results)
    hard = [result for result in results if result.severity is Severity.HARD]
    asks = None if level is Trust.OBSERVE else _asks(gate, inputs.gate, hard, awaits)
    if calendar is not None and calendar_digest is None:
        calendar_digest = digest_of(calendar)
    return Verdict.model_construct(
        gate=inputs.gate,
        outcome=outcome,
        results=tuple(results),
        asks=asks,
        awaits=awaits if asks is not None else (),
        next_evaluation_at=earliest(frozen.look_at, *(result.next_look_at for result in results)),
        satisfied_at=latest(*(each.satisfied_at for each in hard)) if outcome is Outcome.OPEN else None,
        policy_digest=policy.digest,
        calendar_digest=calendar_digest if calendar is not None else None,
        semantics=policy.semantics,
        evidence_digest=evidence_digest(inputs.evidence),
        frozen_from=None if outcome is Outcome.OPEN else frozen.frozen_from,
        next_opening_at=None if outcome is Outcome.OPEN else frozen.next_opening_at,
        trust=level,
        advice=None if kept is None else advice,
    )


def assess(
    policy: SchoolPolicy, gate: Gate, calendar: Calendar | None, inputs: GateInputs, now: datetime
) -> list[CriterionResult]:
    """Every criterion's result before approvals, in policy order."""
    ground = Ground(inputs, usable_calendar(calendar, inputs), now, policy.semantics)
    return [
        _result(criterion, ground, needs_person(gate, criterion, ground, _judged(criterion, ground)))
        for criterion in gate.criteria
    ]


def _judged(criterion: Criterion, ground: Ground) -> Judgement:
    if not SEMANTICS_OLDEST <= ground.semantics <= SEMANTICS:
        return Judgement(Status.UNKNOWN, Reason.UNDECIDABLE)
    try:
        return judge(criterion, ground)
    except Exception:  # noqa: BLE001 - whatever breaks while judging one criterion, that criterion is UNKNOWN
        return Judgement(Status.UNKNOWN, Reason.UNDECIDABLE)


def _result(criterion: Criterion, ground: Ground, judgement: Judgement) -> CriterionResult:
    status, reason, satisfied_at = judgement.status, judgement.reason, judgement.satisfied_at
    look_at = judgement.next_look_at
    if ground.inputs.waivers:
        waiver = waivers.applying(criterion, ground.inputs.waivers, ground.inputs.context, ground.now)
        if waiver is not None:
            status, reason, satisfied_at = Status.WAIVED, Reason.WAIVED, waiver.granted_at
        look_at = earliest(look_at, waivers.next_change_at(criterion, ground.inputs.waivers, ground.now))
    detail = judgement.detail
    if ground.inputs.overrides:
        override = overrides.applying(criterion.id, ground.inputs.overrides)
        if override is not None:
            status, reason, satisfied_at = Status.OVERRIDDEN, Reason.OVERRIDDEN, override.confirmed_at
            detail = (override.reason, f"sponsor-{override.sponsor.value}")
    if criterion.severity is Severity.OBSERVE:
        status = Status.OBSERVED_ONLY
    outcome = OUTCOME_OF[status] if criterion.severity is Severity.HARD else Outcome.OPEN
    return CriterionResult.model_construct(
        criterion_id=criterion.id, severity=criterion.severity, status=status, outcome=outcome, reason=reason,
        signal=judgement.signal, observed=judgement.observed, judged=judgement.judged,
        required=judgement.required, missing=judgement.missing, unit=judgement.unit,
        numerator=judgement.numerator, population=judgement.population, observed_at=judgement.observed_at,
        stale_at=judgement.stale_at, origin=judgement.origin, simulated=judgement.simulated,
        warning=judgement.warning, detail=detail, expected=judgement.expected, satisfied_at=satisfied_at,
        next_look_at=look_at,
    )  # fmt: skip


def _standing(
    results: list[CriterionResult], policy: SchoolPolicy, gate: Gate, inputs: GateInputs, now: datetime
) -> list[Approval]:
    """The approvals that count as things are."""
    if not inputs.approvals:
        return []
    in_force = waivers.in_force(inputs.waivers, inputs.context, now)
    return approvals.standing(inputs, gate, policy, approvals.bindable(results), in_force)


def _awaits(
    results: list[CriterionResult], gate: Gate, standing: list[Approval], kept: CriterionResult | None
) -> tuple[Awaited, ...]:
    """What the groups lack about all that still awaits approval. Empty for a gate that has one approver."""
    open_ids = [each.criterion_id for each in results if each.outcome is Outcome.NEEDS_APPROVAL]
    wanted = bool(open_ids) or (kept is not None and kept.outcome is Outcome.NEEDS_APPROVAL)
    return approvals.lacking(approvals.about(standing, open_ids), gate) if gate.approvals and wanted else ()


def _override(results: list[CriterionResult], gate: Gate, standing: list[Approval]) -> list[CriterionResult]:
    """What awaits approval and has it is overridden: a status of its own, never written as met."""
    if not standing:
        return results
    covered = approvals.covering(standing, gate, approvals.bindable(results))
    return [
        result
        if (approval := covered.get(result.criterion_id)) is None
        else result.model_copy(
            update={
                "status": Status.OVERRIDDEN,
                "outcome": Outcome.OPEN,
                "reason": Reason.APPROVED,
                "satisfied_at": latest(result.observed_at, approval.answered_at),
            }
        )
        for result in results
    ]


def _synthetic(policy: SchoolPolicy, results: list[CriterionResult], inputs: GateInputs) -> list[CriterionResult]:
    """What no criterion says: nothing hard is left to pass, the school is unknown, or it is not open."""
    added: list[CriterionResult] = []
    left = any(
        result.severity is Severity.HARD
        and result.status not in _NOT_LEFT
        and not result.criterion_id.startswith(holds.PREFIX)
        for result in results
    )
    if not left:
        added.append(_of_the_gate("gate:criteria", Status.UNKNOWN, Reason.NO_HARD_CRITERION))
    if inputs.context is None:
        added.append(_of_the_gate("gate:context", Status.UNKNOWN, Reason.NO_CONTEXT))
    elif inputs.context.status is not SchoolStatus.OPEN:
        added.append(_of_the_gate("gate:school", Status.UNMET, Reason.SCHOOL_NOT_OPEN))
    owed = inputs.relapse.owed if inputs.relapse is not None else ()
    if owed and inputs.gate is not GateId.SCALE_GUARD:
        missing = _of_the_gate("gate:second-chance", Status.UNMET, Reason.SECOND_CHANCE)
        added.append(missing.model_copy(update={"detail": owed, "observed_at": inputs.opened_at}))
    if inputs.gate not in policy.gates:
        added.append(_of_the_gate("gate:policy", Status.UNKNOWN, Reason.UNDECIDABLE))
    return added


def _of_the_gate(name: str, status: Status, reason: Reason) -> CriterionResult:
    return CriterionResult.model_construct(
        criterion_id=name, severity=Severity.HARD, status=status, outcome=OUTCOME_OF[status], reason=reason
    )


def _asks(gate: Gate | None, gate_id: GateId, hard: list[CriterionResult], awaits: tuple[Awaited, ...]) -> Role | None:
    """Who is asked first, once nothing but approval and time is missing; a guard that never passes asks nobody."""
    outcomes = {result.outcome for result in hard}
    if gate is None or gate_id is GateId.SCALE_GUARD or Outcome.NEEDS_APPROVAL not in outcomes:
        return None
    if outcomes & {Outcome.UNMET, Outcome.UNKNOWN}:
        return None
    return next((role for each in awaits for role in each.roles), gate.approver)
