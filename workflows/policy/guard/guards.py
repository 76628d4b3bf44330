"""What evidence may contradict after a gate has opened: what is questioned, and what a guard watches. One list.

Called by settle.py, waiving.py and guarding.py, and by document.py for what a policy may name.
"""

from schemas.decision import Status
from schemas.gate import Consecutive, DefectCount, Gate, Match, Severity, Share, Threshold, Trend
from schemas.guard import Guard

CONTRADICTABLE = Threshold | Share | DefectCount | Trend | Consecutive | Match
"""Kinds of criteria of which fresh evidence may say no after the gate has opened."""
UNREADABLE = (Status.UNKNOWN, Status.STALE)


def watched_criteria(gate: Gate, guard: Guard) -> tuple[str, ...]:
    """The criteria a guard watches: hard, of a kind that evidence can contradict, and named if it names any."""
    return tuple(
        criterion.id
        for criterion in gate.criteria
        if isinstance(criterion, CONTRADICTABLE)
        and criterion.severity is Severity.HARD
        and (not guard.criterion_ids or criterion.id in guard.criterion_ids)
    )
