"""Freezes: when a policy lets no school advance, by kind of calendar window. Part of a policy document (`schemas.gate`).

The calendar says when a window is; the policy says which kinds freeze, for how long before, and at which gates.
"""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.calendar import WindowKind
from schemas.model import Strict
from schemas.school import GateId

BY_COUNT = (WindowKind.FIRST_DAYS, WindowKind.LAST_DAYS)
"""Kinds that a calendar's own days make: so many from its beginning, so many to its end."""


class Freeze(Strict):
    """One kind of window in which gates do not open. Evidence, signatures and approvals go on."""

    window: WindowKind
    days: int | None = Field(default=None, ge=1, le=60)
    """Instructional days from the calendar's first, or up to its last. None: only windows that the calendar names."""
    lead_days: int = Field(default=0, ge=0, le=60)
    """Instructional days before a window's first date from which it freezes already."""
    gates: tuple[GateId, ...] = ()
    """Empty: every gate that opens."""
    rehearsals: bool
    """Whether compressed, imagined calendars are frozen too: ten of a rehearsal's days may be all it has."""
    source: Annotated[str, StringConstraints(min_length=3, max_length=300)]
    """Where the days come from, or "default, not a standard"."""

    @model_validator(mode="after")
    def _decidable(self) -> Self:
        if (self.days is not None) is not (self.window in BY_COUNT):
            wanted = "days" if self.window in BY_COUNT else "no days: the calendar says when it is"
            raise ValueError(f"freeze {self.window.value}: expected {wanted}")
        if GateId.SCALE_GUARD in self.gates:
            raise ValueError(f"freeze {self.window.value}: expected gates that open, seen {GateId.SCALE_GUARD.value}")
        return self
