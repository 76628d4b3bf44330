"""Who must agree that a gate opens, and when nobody need: data of a gate. Used by schemas/gate.py and schemas/decision.py.

The rule is judged by workflows/policy/approval/approvals.py and workflows/policy/approval/automatic.py.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.model import Strict, Tolerant
from schemas.readiness import Origin
from schemas.school import Role, SchoolLevel


class ApprovalGroup(Strict):
    """So many of these roles, each by a person of its own; as many as there are roles: all of them."""

    roles: tuple[Role, ...] = Field(min_length=1, max_length=9)
    needed: int = Field(ge=1, le=9)
    """Roles that must approve. A role counts once, and a person once."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(set(self.roles)) < len(self.roles):
            raise ValueError("roles: expected each role once")
        if self.needed > len(self.roles):
            raise ValueError(f"needed: expected at most {len(self.roles)}, the roles there are; seen {self.needed}")
        return self


class Automatic(Strict):
    """When a gate may approve itself. Attested evidence never opens a gate by itself, so it cannot be named here."""

    origins: tuple[Literal[Origin.MEASURED, Origin.IMPORTED], ...] = Field(min_length=1, max_length=2)
    """Evidence of these origins needs no person."""
    levels: tuple[SchoolLevel, ...] = Field(default=(), max_length=4)
    """Empty: schools of every level."""
    students_at_least: int | None = Field(default=None, ge=0)
    """None: no lower end."""
    students_below: int | None = Field(default=None, ge=1)
    """None: no upper end. Where there is an end, a school of unknown size never opens by itself."""


class Awaited(Tolerant):
    """What one group still lacks."""

    roles: tuple[Role, ...]
    """Those of the group that have not approved."""
    needed: int
    """How many of them must."""
