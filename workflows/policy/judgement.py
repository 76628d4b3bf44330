"""What one criterion comes to before people's acts and severity are laid upon it, and the ground it is judged on.

Made by criteria/, turned into a `CriterionResult` by evaluate.py. Private to this room.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.calendar import Calendar
from schemas.decision import GateInputs, Outcome, Reason, Status
from schemas.readiness import Missing, Origin

OUTCOME_OF: Mapping[Status, Outcome] = {
    Status.MET: Outcome.OPEN,
    Status.OVERRIDDEN: Outcome.OPEN,
    Status.WAIVED: Outcome.OPEN,
    Status.NOT_APPLICABLE: Outcome.OPEN,
    Status.OBSERVED_ONLY: Outcome.OPEN,
    Status.NEEDS_APPROVAL: Outcome.NEEDS_APPROVAL,
    Status.WAITING: Outcome.WAITING,
    Status.UNMET: Outcome.UNMET,
    Status.UNKNOWN: Outcome.UNKNOWN,
    Status.STALE: Outcome.UNKNOWN,
}
"""What a hard criterion of each status adds to the merge."""

SEVERITY: Mapping[Outcome, int] = {outcome: rank for rank, outcome in enumerate(Outcome)}
"""Mildest first, as the language lists them."""


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a criterion may look at."""

    inputs: GateInputs
    calendar: Calendar | None
    """None: unknown, another district's, or imagined in a real program."""
    now: datetime
    semantics: int
    """The policy's: which meaning decides."""


@dataclass(slots=True)
class Judgement:
    """A criterion's status by evidence alone; fields as in `CriterionResult`.

    Filled in as it is reached, by the one function that judges, and read-only after: copies cost more than judging.
    """

    status: Status
    reason: Reason
    signal: str | None = None
    observed: float | None = None
    judged: float | None = None
    required: float | None = None
    missing: Missing | None = None
    unit: str | None = None
    numerator: int | None = None
    population: int | None = None
    observed_at: datetime | None = None
    stale_at: datetime | None = None
    origin: Origin | None = None
    simulated: bool = False
    warning: bool = False
    detail: tuple[str, ...] = ()
    expected: str | None = None
    satisfied_at: datetime | None = None
    next_look_at: datetime | None = None

    def be(self, status: Status, reason: Reason) -> "Judgement":
        """Take a status and the reason for it."""
        self.status, self.reason = status, reason
        return self


def earliest(*instants: datetime | None) -> datetime | None:
    """The first of the instants that are; None when none is."""
    return min((instant for instant in instants if instant is not None), default=None)


def latest(*instants: datetime | None) -> datetime | None:
    """The last of the instants that are; None when none is."""
    return max((instant for instant in instants if instant is not None), default=None)
