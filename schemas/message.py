"""What a school's workflow is told: Temporal signals from machines, updates from people, its start.

Tolerant: the Python worker drops a signal that it cannot decode, so these only grow.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.calendar import Calendar
from schemas.decision import ActId, Hold
from schemas.gate import CriterionId, SchoolPolicy
from schemas.model import Code, Digest, Instant, Kinded, Tolerant
from schemas.readiness import CoalescedReading, SignalName
from schemas.school import Actor, GateId, ProgramId, SchoolContext, SchoolId
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver, RevokeWaiver


class StartRollout(Tolerant):
    """The workflow's first input."""

    program_id: ProgramId
    school_id: SchoolId
    rehearsal: bool
    policy: SchoolPolicy
    context: SchoolContext | None = None
    """None: not known yet; every gate is UNKNOWN until it comes."""
    calendar: Calendar | None = None
    """None: not known yet; nothing that counts days can pass."""
    started_at: Instant


class ReadingsArrived(Kinded, Tolerant):
    """Signal: the latest readings that may move a verdict. Absolute values; older sequences are dropped."""

    kind: Literal["readings-arrived"] = "readings-arrived"
    readings: dict[SignalName, CoalescedReading]


class ContextArrived(Kinded, Tolerant):
    """Signal: the directory's facts and calendar, absolute; an older version is dropped."""

    kind: Literal["context-arrived"] = "context-arrived"
    context: SchoolContext
    calendar: Calendar | None = None
    """None: the calendar is unchanged."""
    calendar_digest: Digest | None = None


class StopRollout(Kinded, Tolerant):
    """Signal: the school leaves the program."""

    kind: Literal["stop-rollout"] = "stop-rollout"
    act_id: ActId
    reason: Code
    actor: Actor | None = None


class GiveSignOff(Kinded, Tolerant):
    """Update: a role signs a sign-off criterion of the current gate."""

    kind: Literal["give-sign-off"] = "give-sign-off"
    act_id: ActId
    actor: Actor
    gate: GateId
    criterion_id: CriterionId | None = None
    """None: the gate's only sign-off criterion."""


class AnswerAsk(Kinded, Tolerant):
    """Update: the asked role approves or rejects."""

    kind: Literal["answer-ask"] = "answer-ask"
    act_id: ActId
    actor: Actor
    gate: GateId
    answer: Literal["approved", "rejected"]
    reason: Code
    note_id: ActId | None = None


class AddHold(Kinded, Tolerant):
    """Update: a person holds the school."""

    kind: Literal["add-hold"] = "add-hold"
    act_id: ActId
    actor: Actor
    hold: Hold


class ReleaseHold(Kinded, Tolerant):
    """Update: a person lifts a hold."""

    kind: Literal["release-hold"] = "release-hold"
    act_id: ActId
    actor: Actor
    hold_id: ActId


class TimePassed(Kinded, Tolerant):
    """The timer fired."""

    kind: Literal["time-passed"] = "time-passed"


Command = Annotated[
    GiveSignOff
    | AnswerAsk
    | AddHold
    | ReleaseHold
    | ProposeWaiver
    | GrantWaiver
    | RevokeWaiver
    | OverrideGate
    | ConfirmOverride,
    Field(discriminator="kind"),
]
Message = (
    ReadingsArrived
    | ContextArrived
    | StopRollout
    | GiveSignOff
    | AnswerAsk
    | AddHold
    | ReleaseHold
    | TimePassed
    | ProposeWaiver
    | GrantWaiver
    | RevokeWaiver
    | OverrideGate
    | ConfirmOverride
)


class CommandReply(Tolerant):
    """What a person is told at once."""

    act_id: ActId
    accepted: bool
    refusal: Code | None = None
    """None: accepted."""
    expected: str = ""
    seen: str = ""
    next_step: str = ""
    fact_sequence: int = 0
    """Of the last fact the command caused; 0: none."""
    repeated: bool = False
    """True: this act id was accepted before; nothing happened twice."""
