"""How far a gate's verdict moves a school: the level in force, and the result that keeps a gate for people.

Called by evaluate.py, acts and lint. Below `advance` a gate gets a result of its own that awaits a person, so nothing
that opens on an OPEN verdict can open it; what the machine would have said stands beside it as advice.
"""

from collections.abc import Iterator

from schemas.decision import Approval, CriterionResult, Outcome, Reason, Status
from schemas.gate import Gate, PolicyDocument, SchoolPolicy, Severity
from schemas.school import GateId, SchoolContext
from schemas.trust import Trust
from workflows.policy.approval import approvals
from workflows.policy.authoring.fault import Fault, Path
from workflows.policy.judgement import OUTCOME_OF

TRUST_ID = "gate:trust"
BY_HAND = (Trust.OBSERVE, Trust.ADVISE)
"""The levels at which only a person's own act opens."""


def level(policy: SchoolPolicy, gate_id: GateId, context: SchoolContext | None) -> Trust:
    """The level in force: the district's where the policy names it, else the gate's. The guard opens nothing."""
    gate = policy.gates.get(gate_id)
    if gate is None or gate_id is GateId.SCALE_GUARD:
        return Trust.ADVANCE
    for line in policy.trust:
        if line.gate is gate_id and context is not None and line.district == context.district_id:
            return line.level
    return gate.trust


def result(trust: Trust, gate: Gate, standing: list[Approval]) -> CriterionResult | None:
    """What awaits a person because of the level; at `hold` the approvals that stand satisfy it. None: nothing does."""
    if trust is Trust.ADVANCE:
        return None
    given = trust is Trust.HOLD and not approvals.lacking(standing, gate)
    status = Status.OVERRIDDEN if given else Status.NEEDS_APPROVAL
    waiting = Reason.LEFT_TO_A_PERSON if trust is Trust.HOLD else Reason.BY_HAND_ONLY
    return CriterionResult.model_construct(
        criterion_id=TRUST_ID, severity=Severity.HARD, status=status, outcome=OUTCOME_OF[status],
        reason=Reason.APPROVED if given else waiting, detail=(trust.value,),
        satisfied_at=max(each.answered_at for each in standing) if given else None,
    )  # fmt: skip


def is_by_hand(results: tuple[CriterionResult, ...]) -> bool:
    """Whether a verdict leaves the opening to a person's own act."""
    return any(each.criterion_id == TRUST_ID and each.reason is Reason.BY_HAND_ONLY for each in results)


def against(results: tuple[CriterionResult, ...]) -> tuple[str, ...]:
    """What stood against a gate that a person opened by hand, sorted."""
    return tuple(
        sorted(
            each.criterion_id for each in results if each.outcome is not Outcome.OPEN and each.criterion_id != TRUST_ID
        )
    )


def faults(document: PolicyDocument) -> Iterator[Fault]:
    """A level that means nothing, one said twice, and one that would let one person pass what takes several."""
    seen: set[tuple[GateId, str]] = set()
    for index, line in enumerate(document.trust):
        at: Path = ("trust", index)
        if (line.gate, line.district) in seen:
            yield Fault(
                (*at, "district"), f"expected each district once at {line.gate.value}, seen {line.district} twice"
            )
        seen.add((line.gate, line.district))
        if line.gate is GateId.SCALE_GUARD:
            yield Fault((*at, "gate"), f"expected a gate that opens, seen {line.gate.value}, the guard")
    for name, profile in document.profiles.items():
        for gate_id, gate in profile.gates.items():
            path: Path = ("profiles", name, "gates", gate_id.value)
            if gate_id is GateId.SCALE_GUARD and gate.trust is not Trust.ADVANCE:
                yield Fault(
                    (*path, "trust"), f"expected {Trust.ADVANCE.value}: the guard opens nothing, so nobody opens it"
                )
            levels = {gate.trust, *(line.level for line in document.trust if line.gate is gate_id)}
            if gate.approvals and levels & set(BY_HAND):
                yield Fault((*path, "approvals"), "expected one approver where the trust is observe or advise: by hand "
                                                  "is one person's act")  # fmt: skip
