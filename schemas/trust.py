"""The road of trust: how far a machine's verdict moves a school, by gate and by district; and the act it leaves to people.

Judged by workflows/policy/trust.py. A level never changes what a verdict says of its criteria, only who opens.
"""

from enum import StrEnum
from typing import Literal

from schemas.model import ActId, Code, Kinded, Strict, Tolerant
from schemas.school import Actor, DistrictId, GateId


class Trust(StrEnum):
    """Who opens a gate, least trust in the machine first."""

    OBSERVE = "observe"
    """The gate is decided and recorded; nobody is asked, and people open it by hand."""
    ADVISE = "advise"
    """As observe, and the approver is asked once the machine would have said yes."""
    HOLD = "hold"
    """A bad verdict holds; a good one still needs the approver's yes."""
    ADVANCE = "advance"
    """A good verdict opens."""


class TrustLine(Strict):
    """One district's level at one gate, in place of the gate's own."""

    gate: GateId
    district: DistrictId
    level: Trust


class Hand(Tolerant):
    """Whose hand opened a gate. What the machine said stands in the decision that the fact names."""

    act_id: ActId
    actor: Actor
    reason: Code
    note_id: ActId | None = None
    """None: no note."""


class AdvanceByHand(Kinded, Tolerant):
    """Update: the gate's approver opens it, where the policy leaves that to people; with the verdict or against it."""

    kind: Literal["advance-by-hand"] = "advance-by-hand"
    act_id: ActId
    actor: Actor
    gate: GateId
    reason: Code
    note_id: ActId | None = None
    """None: no note."""
