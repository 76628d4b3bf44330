"""What an approval covers, and when it lapses. Called by evaluate.py, and by settle.py to say so.

An approval is bound to the policy, the district and each hard criterion's status. It never covers what was not
awaiting approval when it was given.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from schemas.decision import Approval, CriterionResult, Status
from schemas.gate import Gate, Severity
from schemas.school import GateId
from workflows.policy import freezes, holds

Cause = Literal["status-worsened", "policy-changed", "district-changed", "phase-left"]
Statuses = Mapping[str, Status]

RANK: Mapping[Status, int] = {
    Status.MET: 0,
    Status.WAIVED: 0,
    Status.NOT_APPLICABLE: 0,
    Status.OBSERVED_ONLY: 0,
    Status.OVERRIDDEN: 1,
    Status.NEEDS_APPROVAL: 1,
    Status.WAITING: 2,
    Status.UNMET: 3,
    Status.UNKNOWN: 4,
    Status.STALE: 4,
}
"""Which status is worse, for an approval bound to one."""
_SYNTHETIC = (holds.PREFIX, freezes.PREFIX, "gate:")


def bindable(results: Iterable[CriterionResult]) -> dict[str, Status]:
    """Each hard criterion's status: what an answer is bound to. Holds and freezes have their own life."""
    return {
        result.criterion_id: result.status
        for result in results
        if result.severity is Severity.HARD and not result.criterion_id.startswith(_SYNTHETIC)
    }


def worsened(approval: Approval, statuses: Statuses) -> tuple[str, ...]:
    """The criteria whose status is worse than when the answer was given; one that is gone counts."""
    return tuple(
        criterion_id
        for criterion_id, bound in sorted(approval.bound.items())
        if criterion_id not in statuses or RANK[statuses[criterion_id]] > RANK[bound]
    )


def lapse(
    approval: Approval, policy_digest: str, district_id: str | None, statuses: Statuses
) -> tuple[Cause, tuple[str, ...]] | None:
    """Why an answer no longer counts, and the criteria it is about; None while it stands."""
    if approval.policy_digest != policy_digest:
        return "policy-changed", ()
    if approval.district_id != district_id:
        return "district-changed", ()
    worse = worsened(approval, statuses) if approval.answer == "approved" else ()
    return ("status-worsened", worse) if worse else None


def covering(
    approvals: Iterable[Approval], gate_id: GateId, attempt: int, gate: Gate, digest: str, district: str | None,
    statuses: Statuses,
) -> dict[str, Approval]:  # fmt: skip
    """For each criterion that awaits approval, the approval that overrides it now."""
    standing = [
        approval
        for approval in sorted(approvals, key=lambda each: (each.answered_at, each.act_id))
        if approval.answer == "approved"
        and (approval.gate, approval.attempt, approval.actor.role) == (gate_id, attempt, gate.approver)
        and lapse(approval, digest, district, statuses) is None
    ]
    return {
        criterion_id: approval
        for criterion_id, status in statuses.items()
        if status is Status.NEEDS_APPROVAL
        for approval in standing
        if approval.bound.get(criterion_id) in (Status.NEEDS_APPROVAL, Status.OVERRIDDEN)
    }
