"""What a school's workflow is told: Temporal signals from machines, updates from people, its start.

Tolerant: the Python worker drops a signal that it cannot decode, so these only grow.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.advisory import AdvisoriesArrived, Advisory
from schemas.approval import WithdrawApproval
from schemas.calendar import Calendar
from schemas.decision import ActId, Hold
from schemas.document import ApproveDocument, FileDocument
from schemas.escalation import EscalationAction, EscalationId, IncidentId, WorkItemId
from schemas.gate import CriterionId, SchoolPolicy
from schemas.ladder import LadderName
from schemas.migration import MigratePolicy
from schemas.model import Code, Digest, Instant, Kinded, Tolerant
from schemas.readiness import CoalescedReading, SignalName
from schemas.regress import RecordFix, RecordRootCause
from schemas.school import Actor, GateId, ProgramId, Role, SchoolContext, SchoolId
from schemas.trust import AdvanceByHand
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
    advisories: tuple[Advisory, ...] = ()
    """All that may concern the school: one that joins late is held from its first instant."""
    advisories_version: int = Field(default=0, ge=0)
    wave: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")
    """None: in none, or it is not known."""


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


class AcknowledgeEscalation(Kinded, Tolerant):
    """Update: somebody takes an escalation; its ladder is silent for the hours that the policy gives."""

    kind: Literal["acknowledge-escalation"] = "acknowledge-escalation"
    act_id: ActId
    actor: Actor
    escalation_id: EscalationId


class ActOnEscalation(Kinded, Tolerant):
    """Update: what somebody did about an escalation."""

    kind: Literal["act-on-escalation"] = "act-on-escalation"
    act_id: ActId
    actor: Actor
    escalation_id: EscalationId
    action: EscalationAction


class OpenWorkItem(Kinded, Tolerant):
    """Update: a person finds work to do at the current gate."""

    kind: Literal["open-work-item"] = "open-work-item"
    act_id: ActId
    actor: Actor
    title: Code
    assignee: Role
    due_days: int = Field(ge=1, le=120)
    ladder: LadderName | None = None
    """None: nobody is told when it is overdue."""


class CloseWorkItem(Kinded, Tolerant):
    """Update: a person closes work, with a reason."""

    kind: Literal["close-work-item"] = "close-work-item"
    act_id: ActId
    actor: Actor
    work_item_id: WorkItemId
    reason: Code


class IncidentChanged(Kinded, Tolerant):
    """Signal: an incident that explains the school's silence began or ended. Absolute; an older revision is dropped."""

    kind: Literal["incident-changed"] = "incident-changed"
    incident_id: IncidentId
    revision: int = Field(ge=1)
    open: bool


class TimePassed(Kinded, Tolerant):
    """The timer fired."""

    kind: Literal["time-passed"] = "time-passed"


Command = Annotated[
    GiveSignOff
    | AnswerAsk
    | AddHold
    | ReleaseHold
    | MigratePolicy
    | ProposeWaiver
    | GrantWaiver
    | RevokeWaiver
    | OverrideGate
    | ConfirmOverride
    | RecordRootCause
    | RecordFix
    | AcknowledgeEscalation
    | ActOnEscalation
    | OpenWorkItem
    | CloseWorkItem
    | WithdrawApproval
    | AdvanceByHand
    | FileDocument
    | ApproveDocument,
    Field(discriminator="kind"),
]
Message = (
    ReadingsArrived
    | AdvisoriesArrived
    | ContextArrived
    | StopRollout
    | GiveSignOff
    | AnswerAsk
    | AddHold
    | ReleaseHold
    | ProposeWaiver
    | GrantWaiver
    | RevokeWaiver
    | OverrideGate
    | ConfirmOverride
    | RecordRootCause
    | RecordFix
    | AcknowledgeEscalation
    | ActOnEscalation
    | OpenWorkItem
    | CloseWorkItem
    | IncidentChanged
    | AdvanceByHand
    | FileDocument
    | ApproveDocument
    | TimePassed
    | WithdrawApproval
    | MigratePolicy
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
