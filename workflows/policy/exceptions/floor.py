"""Which criteria may be excepted at all, and by whom: the floor under every waiver and override.

Called by the acts of waiving, overriding and opening by hand. It names the rule it refuses by; it grants nothing.
"""

from dataclasses import dataclass

from schemas.gate import Criterion, DefectCount, Gate, Severity
from schemas.rules import WaiverFloor
from schemas.school import Role
from workflows.policy.people import of_state


@dataclass(frozen=True, slots=True)
class Barred:
    """Why a criterion may not be excepted."""

    rule: str
    """Its name for machines."""
    expected: str
    seen: str
    next_step: str


def named(gate: Gate, criterion_ids: tuple[str, ...]) -> tuple[Criterion, ...] | Barred:
    """The hard criteria of a gate by their exact ids, in policy order; all of them, or why not."""
    known = {criterion.id: criterion for criterion in gate.criteria}
    for criterion_id in criterion_ids:
        found = known.get(criterion_id)
        if found is None:
            return Barred(
                "no-such-criterion", f"one of {', '.join(known)}", criterion_id, "name a criterion of the gate"
            )
        if found.severity is not Severity.HARD:
            return Barred(
                "criterion-gates-nothing", "a hard criterion", f"{criterion_id}, which is {found.severity.value}",
                "nothing: it never keeps the gate shut",
            )  # fmt: skip
    return tuple(known[each] for each in known if each in criterion_ids)


def never(criterion: Criterion, floor: WaiverFloor) -> Barred | None:
    """The floor under everybody: an accountable leader and privacy are nobody's to give away."""
    by_owner = criterion.owner in floor.never_owners
    if not by_owner and criterion.lesson not in floor.never_lessons:
        return None
    because = f"owner {criterion.owner.value}" if by_owner else f"lesson {criterion.lesson}"
    return Barred(
        "floor-never-excepted", "a criterion above the policy's floor",
        f"{criterion.id}, on the floor by {because}", f"meet it: {criterion.next_step}",
    )  # fmt: skip


def waivable(criterion: Criterion, floor: WaiverFloor, granter: Role | None = None) -> Barred | None:
    """Whether a waiver may name this criterion; with a granter, whether this role may grant it."""
    found = never(criterion, floor)
    if found is not None:
        return found
    if not criterion.waivable:
        return Barred(
            "criterion-not-waivable", "a criterion that the policy lets be waived", f"{criterion.id}: waivable: false",
            f"meet it: {criterion.next_step}",
        )  # fmt: skip
    state_only = isinstance(criterion, DefectCount) or criterion.lesson in floor.state_lessons
    if granter is not None and state_only and not of_state(granter):
        return Barred(
            "floor-state-role-only", "a role of the state, for critical defects",
            f"{granter.value} about {criterion.id}", "ask the state's rollout director",
        )  # fmt: skip
    return None
