"""A school whose first gates are approved by several, for the tests of approvals."""

from datetime import timedelta
from typing import Any

from schemas.consent import ApprovalGroup
from schemas.gate import Criterion, Gate, Share, SignOffs, Threshold
from schemas.school import Actor, GateId, Role
from tests.harness.scenario import LIFE, OPENING, Scenario, actor, gate_of, gates, policy_of

CAPACITY = "network.mbps-per-student"
ENROLLED = "device.enrolled-ratio"
FULL = {CAPACITY: 2.0, ENROLLED: 0.99}
"""Nothing wrong at the council's gate."""
GREY = FULL | {CAPACITY: 0.8}
"""All passes but capacity, which lies in its grey zone."""
BOARD = (Role.PRINCIPAL, Role.DISTRICT_CURRICULUM, Role.PRIVACY_OFFICER)


def both() -> tuple[ApprovalGroup, ...]:
    """Curriculum and principal, both."""
    return (ApprovalGroup(roles=(Role.DISTRICT_CURRICULUM, Role.PRINCIPAL), needed=2),)


def two_of_board() -> tuple[ApprovalGroup, ...]:
    """Any two of three."""
    return (ApprovalGroup(roles=BOARD, needed=2),)


def council(groups: tuple[ApprovalGroup, ...], *more: Criterion, **changes: Any) -> Gate:
    """A gate of grey capacity and enrolment, approved by these groups."""
    lines: tuple[Criterion, ...] = (
        Threshold(id="capacity", signal=CAPACITY, pass_at=1.0, fail_at=0.7, **LIFE),
        Share(id="enrolled", signal=ENROLLED, pass_at=0.98, fail_at=0.9, minimum_population=5, **LIFE),
        *more,
    )
    return gate_of(*lines, approvals=groups, **changes)


def before(gate: Gate, *, semantics: int = 2, signed: bool = True) -> Scenario:
    """A school at this gate as its second."""
    charter = gate_of(SignOffs(id="charter-signed", roles=(Role.SCHOOL_LEAD, Role.DISTRICT_TECHNOLOGY), **LIFE))
    policy = policy_of(gates() | {GateId.CHARTER: charter, GateId.INFRASTRUCTURE: gate}, semantics=semantics)
    school = Scenario(policy)
    return school.signs(Role.SCHOOL_LEAD, Role.DISTRICT_TECHNOLOGY) if signed else school


def person(role: Role, name: str | None = None, **changes: Any) -> Actor:
    """Somebody in this role, of a name of their own."""
    return actor(role, name, **changes)


def for_another(role: Role, name: str, giver: str, days: float = 90, begins: float = 0) -> Actor:
    """Somebody who acts for the giver, from and until so many days after the first bell."""
    return actor(
        role, name, acting_for=f"actor-{giver}", delegated_from=OPENING + timedelta(days=begins),
        delegated_until=OPENING + timedelta(days=days),
    )  # fmt: skip
