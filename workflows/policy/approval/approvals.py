"""What approvals cover, whose count, what is lacking still, and when one lapses. Pure.

An approval is bound to the policy, the district, each hard criterion's status, the waivers it relied on and the version
of each document. It never covers what was not awaiting approval when it was given. A role counts once, and a person once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from schemas.consent import ApprovalGroup, Awaited
from schemas.decision import Approval, CriterionResult, GateInputs, Status
from schemas.gate import Gate, SchoolPolicy, Severity
from schemas.school import Role
from workflows.policy import freezes, holds
from workflows.policy.documents import changed
from workflows.policy.people import persons

Cause = Literal[
    "status-worsened", "policy-changed", "district-changed", "phase-left", "waiver-ended", "document-changed"
]
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


def worsened(approval: Approval, statuses: Statuses, semantics: int) -> tuple[str, ...]:
    """The criteria whose status is worse than when the answer was given; one that is gone counts.

    A criterion that was met and is waived since is worse: the answer knew no waiver. Not so under the first semantics.
    """

    def rank(criterion_id: str, status: Status) -> int:
        unknown_waiver = status is Status.WAIVED and criterion_id not in approval.waived and semantics >= 2
        return RANK[Status.OVERRIDDEN] if unknown_waiver else RANK[status]

    return tuple(
        criterion_id
        for criterion_id, bound in sorted(approval.bound.items())
        if criterion_id not in statuses or rank(criterion_id, statuses[criterion_id]) > RANK[bound]
    )


def lapse(
    approval: Approval,
    policy: SchoolPolicy,
    district_id: str | None,
    statuses: Statuses,
    in_force: Collection[str],
    documents_changed: tuple[str, ...] = (),
) -> tuple[Cause, tuple[str, ...]] | None:
    """Why an answer no longer counts, and the criteria it is about; None while it stands.

    `in_force`: the ids of the waivers that hold now. `documents_changed`: the gate's criteria whose document has
    another version than when the answer was given.
    """
    if approval.policy_digest != policy.digest:
        return "policy-changed", ()
    if approval.district_id != district_id:
        return "district-changed", ()
    if approval.answer != "approved":
        return None
    ended = tuple(name for name, waiver_id in sorted(approval.waived.items()) if waiver_id not in in_force)
    if ended:
        return "waiver-ended", ended
    if documents_changed:
        return "document-changed", documents_changed
    worse = worsened(approval, statuses, policy.semantics)
    return ("status-worsened", worse) if worse else None


def groups_of(gate: Gate) -> tuple[ApprovalGroup, ...]:
    """The groups that must be satisfied: those of the gate, or its one approver."""
    return gate.approvals or (ApprovalGroup.model_construct(roles=(gate.approver,), needed=1),)


def counts_as(approval: Approval, gate: Gate) -> Role | None:
    """The role an approval stands for; None when a gate without that deputy was answered by one."""
    if approval.counts_as is None:
        return approval.actor.role
    return approval.counts_as if approval.actor.role is gate.deputy else None


def standing(
    inputs: GateInputs, gate: Gate, policy: SchoolPolicy, statuses: Statuses, in_force: Collection[str]
) -> list[Approval]:
    """The approvals that have not lapsed, in the order they were given."""
    district = inputs.context.district_id if inputs.context else None
    return [
        approval
        for approval in sorted(inputs.approvals, key=lambda each: (each.answered_at, each.act_id))
        if approval.answer == "approved"
        and (approval.gate, approval.attempt) == (inputs.gate, inputs.attempt)
        and counts_as(approval, gate) is not None
        and lapse(approval, policy, district, statuses, in_force, changed(gate, approval.documents, inputs.documents))
        is None
    ]


def counted(approvals: Iterable[Approval], gate: Gate) -> dict[Role, Approval]:
    """The approval that counts for each role: the first given, and one role a person, also through a delegate."""
    wanted = [role for group in groups_of(gate) for role in group.roles]
    found: dict[Role, Approval] = {}
    used: set[str] = set()
    for approval in approvals:
        role = counts_as(approval, gate)
        if role is None or role not in wanted or role in found or used & persons(approval.actor):
            continue
        found[role] = approval
        used |= persons(approval.actor)
    return found


def lacking(approvals: Iterable[Approval], gate: Gate) -> tuple[Awaited, ...]:
    """What each group of the gate lacks still, in its order; empty: every one is satisfied.

    A role that two groups name counts for the first alone.
    """
    have = counted(approvals, gate)
    missing: list[Awaited] = []
    for group in groups_of(gate):
        given = [role for role in group.roles if have.pop(role, None) is not None]
        if len(given) < group.needed:
            left = tuple(role for role in group.roles if role not in given)
            missing.append(Awaited(roles=left, needed=group.needed - len(given)))
    return tuple(missing)


def about(approvals: Iterable[Approval], criterion_ids: Collection[str]) -> list[Approval]:
    """Those that were given about every one of these criteria."""
    bound = (Status.NEEDS_APPROVAL, Status.OVERRIDDEN)
    return [each for each in approvals if all(each.bound.get(name) in bound for name in criterion_ids)]


def covering(approvals: Sequence[Approval], gate: Gate, statuses: Statuses) -> dict[str, Approval]:
    """For each criterion that is overridden now, the approval that completed what the gate asks for."""
    covered: dict[str, Approval] = {}
    for criterion_id, status in statuses.items():
        if status is not Status.NEEDS_APPROVAL:
            continue
        given = about(approvals, (criterion_id,))
        complete = next((n for n in range(1, len(given) + 1) if not lacking(given[:n], gate)), None)
        if complete is not None:
            covered[criterion_id] = given[complete - 1]
    return covered
