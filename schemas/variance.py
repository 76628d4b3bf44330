"""Variances: leave to loosen one line of an inherited policy, for one scope, within the range its author declared.

Asked for and answered by `firstbell variance`; read wherever an inheriting policy is stored. Public by role.
"""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.criterion import CriterionId, LineName
from schemas.decision import ActId
from schemas.inheritance import PolicyScope
from schemas.model import Code, Instant, Strict
from schemas.school import Actor, GateId


class Variance(Strict):
    """One variance as it stands; compacted by its id."""

    ce_type: ClassVar[str] = "firstbell.policies.variance-recorded.v1"

    variance_id: ActId
    policy_name: Code
    """The policy whose line it is."""
    profile: Code
    gate: GateId
    criterion_id: CriterionId
    line: LineName
    value: float
    """How far the line may go, in the line's own unit."""
    scope: PolicyScope
    reason: Code
    requested_by: Actor
    requested_at: Instant
    expires_at: Instant | None = None
    """None: it stands until it is answered anew. After it, nothing new may rest on it."""
    answer: Literal["approved", "rejected"] | None = None
    """None: not answered; it allows nothing."""
    answered_by: Actor | None = None
    answered_at: Instant | None = None
    revision: int = Field(default=1, ge=1)
    """Rises with each answer."""
