"""Ladders, alarms and work, as a policy says them: who is told when a school stays where it is, and in what order.

Imported by gate.py, evaluated only by workflows/policy. A ladder tells, holds or reassigns; it never opens a gate.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.model import Code, Strict
from schemas.school import Role
from schemas.signal import SignalName

LadderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]


class EscalationCause(StrEnum):
    """Why somebody must be told, in closed words."""

    GATE_BLOCKED = "gate-blocked"
    ASK_UNANSWERED = "ask-unanswered"
    LEADER_VACANT = "leader-vacant"
    WAIVER_ENDING = "waiver-ending"
    INSTRUCTION_STOPPED = "instruction-stopped"
    WORK_ITEM_OVERDUE = "work-item-overdue"


class RungKind(StrEnum):
    """What a rung does when its time has come."""

    WAIT = "wait"
    """Nothing but to say that the time has passed."""
    NOTIFY = "notify"
    """Tells the rung's roles."""
    REASSIGN = "reassign"
    """Tells the rung's roles, and makes the first of them answerable for what follows."""
    WIDEN = "widen"
    """Tells the rung's roles and everybody told before."""
    DECIDE = "decide"
    """Carries out the outcome that the policy names."""


class Rung(Strict):
    """One step of a ladder, due so many school days and school hours after the raise."""

    kind: RungKind = RungKind.NOTIFY
    roles: tuple[Role, ...] = Field(default=(), max_length=9)
    """Who is told. Empty: nobody, as for `wait`."""
    after_days: float = Field(default=0, ge=0, le=60)
    """School days of the district since the raise."""
    after_hours: float = Field(default=0, ge=0, le=100)
    """School hours of the district since the raise, besides the days."""
    outcome: Literal["hold"] | None = None
    """What `decide` decides; never an opening. None: the rung decides nothing."""

    @model_validator(mode="after")
    def _does_what_its_kind_says(self) -> Self:
        told = self.kind in (RungKind.NOTIFY, RungKind.REASSIGN, RungKind.WIDEN)
        if told and not self.roles:
            raise ValueError(f"rung {self.kind.value}: expected a role to tell, seen none")
        if (self.kind is RungKind.DECIDE) is not (self.outcome is not None):
            raise ValueError(f"rung {self.kind.value}: expected an outcome for `decide` and for no other kind")
        return self


class Ladder(Strict):
    """Who is told, in order, until somebody acts."""

    rungs: tuple[Rung, ...] = Field(min_length=1, max_length=12)
    """In the order in which they fall due."""
    repeats: int = Field(default=0, ge=0, le=5)
    """How often the last rung is fired again. 0: never."""
    repeat_after_days: float = Field(default=5, gt=0, le=60)
    """School days between repeats. Default, not a standard."""
    act_within_hours: float = Field(default=8, gt=0, le=100)
    """School hours from an acknowledgement until the next rung is due if nobody acted. Lesson A12's line."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Days and hours are compared apart, so that the order holds whatever a district's hours in a day."""
        spans = [(rung.after_days, rung.after_hours) for rung in self.rungs]
        for earlier, later in pairwise(spans):
            if later == earlier or later[0] < earlier[0] or later[1] < earlier[1]:
                raise ValueError(f"rungs: expected each later than the one before, seen {later} after {earlier}")
        return self


class Alarm(Strict):
    """A signal that raises a ladder by itself while its value is worse than a line. Silence raises nothing."""

    cause: Literal[EscalationCause.LEADER_VACANT, EscalationCause.INSTRUCTION_STOPPED]
    signal: SignalName
    quiet_at: float
    """In the signal's direction: this or better is quiet."""
    ladder: LadderName
    first_rung: int = Field(default=1, ge=1, le=12)
    """Where the ladder begins, counted from 1; it fires at once, and later rungs keep their distance from it."""


class WorkLine(Strict):
    """The work that a criterion's failure opens; evidence for the criterion's own signal closes it."""

    title: Code
    """What is to be done, as a code: `fix-cabling`."""
    assignee: Role
    due_days: int = Field(ge=1, le=120)
    """School days from the opening."""
    ladder: LadderName | None = None
    """Raised when the work is overdue. None: none is."""
