"""What a guard watches. Called by guarding.py, and by document.py for what a policy may name."""

from schemas.gate import DefectCount, Gate, Severity, Share, Threshold
from schemas.guard import Guard

_CONTRADICTABLE = (Threshold, Share, DefectCount)


def watched_criteria(gate: Gate, guard: Guard) -> tuple[str, ...]:
    """The criteria a guard watches: hard, of a kind that evidence can contradict, and named if it names any."""
    return tuple(
        criterion.id
        for criterion in gate.criteria
        if isinstance(criterion, _CONTRADICTABLE)
        and criterion.severity is Severity.HARD
        and (not guard.criterion_ids or criterion.id in guard.criterion_ids)
    )
