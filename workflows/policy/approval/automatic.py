"""When a gate may approve itself. Called by evaluate.py, on each criterion that evidence alone has passed.

It only ever adds a person: what it knows too little of (a school of unknown size) asks one.
"""

from schemas.consent import Automatic
from schemas.decision import Reason, Status
from schemas.gate import Criterion, Gate, Severity
from schemas.readiness import Origin
from schemas.school import SchoolContext
from workflows.policy.judgement import Ground, Judgement


def applies(automatic: Automatic, context: SchoolContext | None) -> bool:
    """Whether a school is one of those whose gate may open by itself; an unknown school or size is not."""
    if context is None:
        return False
    if automatic.levels and context.level not in automatic.levels:
        return False
    if automatic.students_at_least is None and automatic.students_below is None:
        return True
    students = context.students
    if students is None or (automatic.students_at_least is not None and students < automatic.students_at_least):
        return False
    return automatic.students_below is None or students < automatic.students_below


def needs_person(gate: Gate, criterion: Criterion, ground: Ground, judgement: Judgement) -> Judgement:
    """The judgement, or, where the gate may not approve itself on this evidence, the need of a person's approval.

    That a question does not arise is an answer too: who says so counts as much.
    """
    automatic, answers = gate.automatic, (Status.MET, *((Status.NOT_APPLICABLE,) if ground.semantics >= 2 else ()))
    if criterion.severity is not Severity.HARD or judgement.status not in answers:
        return judgement
    if judgement.status is Status.NOT_APPLICABLE and judgement.origin is Origin.ATTESTED:
        return judgement.be(Status.NEEDS_APPROVAL, Reason.ATTESTED)
    if automatic is None:
        return judgement
    if judgement.origin is None:  # no evidence but people's signatures and time
        return judgement
    if judgement.origin in automatic.origins and applies(automatic, ground.inputs.context):
        return judgement
    judgement.satisfied_at = None
    return judgement.be(Status.NEEDS_APPROVAL, Reason.NOT_AUTOMATIC)
