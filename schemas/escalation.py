"""Escalations, incidents and work items: what is raised, who is told, and how it ends. Facts, and what they add up to.

Written by workflows/policy, folded into `Picture`, delivered by the notifier. Roles alone stand here; who holds a
role is known to the directory. Nothing here opens a gate.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.decision import ActId
from schemas.gate import CriterionId
from schemas.ladder import EscalationCause, LadderName, RungKind
from schemas.model import Code, Instant, Kinded, Tolerant
from schemas.school import Actor, GateId, ProgramId, Role
from schemas.signal import Owner, SignalName

EscalationId = Annotated[str, StringConstraints(pattern=r"^escalation-[0-9a-f]{16}$")]
"""Made of program, school, cause, gate, attempt and the number of the raising fact: the same in every replay."""
WorkItemId = Annotated[str, StringConstraints(pattern=r"^work-[0-9a-f]{16}$")]
"""Made of program, school and the number of the opening fact."""
IncidentId = Annotated[str, StringConstraints(pattern=r"^incident-[a-z0-9][a-z0-9-]{2,80}$")]
"""Made of an owner and a scope, `incident-provisioning-wa-2026`; or chosen by whoever declares an outage."""


Subject = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,80}$")]
"""The id of a work item or waiver, or the name of a signal with a hyphen for its point."""


class EscalationAction(StrEnum):
    """What a leader does about it: lesson A12's four."""

    SUPPORT = "support"
    WORKAROUND = "workaround"
    CONVERSATION = "conversation"
    RE_PLAN = "re-plan"


class EscalationEnd(StrEnum):
    """Why a ladder ended."""

    MENDED = "mended"
    ACTED = "acknowledged-and-acted"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"


class EscalationRaised(Kinded, Tolerant):
    """A ladder began."""

    kind: Literal["escalation-raised"] = "escalation-raised"
    escalation_id: EscalationId
    cause: EscalationCause
    gate: GateId
    attempt: int = Field(ge=1)
    ladder: LadderName
    rungs_count: int = Field(ge=1)
    """Of the ladder, repeats left out."""
    criterion_ids: tuple[str, ...] = ()
    """What blocks or was asked about; empty: the cause says it all."""
    subject: Subject | None = None
    """The work item, waiver or signal it is about. None: the gate itself."""
    first_rung: int = Field(default=1, ge=1)
    """Where the ladder begins, counted from 1."""
    urgent: bool = False
    """True: instruction has stopped; quiet hours do not apply."""
    next_at: Instant | None
    """When the next rung is due. None: the calendar ends before, or there is none."""
    calendar_version: int | None
    """The calendar that `next_at` was counted on. None: none is known."""


class RungFired(Kinded, Tolerant):
    """A rung's time came: these roles are to be told. Each rung fires once."""

    kind: Literal["rung-fired"] = "rung-fired"
    escalation_id: EscalationId
    cause: EscalationCause
    gate: GateId
    rung: int = Field(ge=1)
    """Counted from 1."""
    repeat: int = Field(default=0, ge=0)
    """How often the last rung was fired before this time."""
    rung_kind: RungKind
    roles: tuple[Role, ...]
    """Who is to be told. Empty: nobody."""
    outcome: Literal["hold"] | None = None
    """What was decided. None: nothing."""
    due_at: Instant
    """Never later than the fact itself."""
    urgent: bool = False
    next_at: Instant | None
    """When the next rung is due. None: this was the last, or the calendar ends before."""
    calendar_version: int | None


class EscalationRescheduled(Kinded, Tolerant):
    """The next rung is due at another instant: a calendar changed, or a pause ended."""

    kind: Literal["escalation-rescheduled"] = "escalation-rescheduled"
    escalation_id: EscalationId
    next_at: Instant | None
    """None: nothing more is due, or the calendar ends before."""
    calendar_version: int | None


class EscalationAcknowledged(Kinded, Tolerant):
    """Somebody has taken it: the ladder is silent until `act_by`."""

    kind: Literal["escalation-acknowledged"] = "escalation-acknowledged"
    escalation_id: EscalationId
    act_id: ActId
    actor: Actor
    act_by: Instant | None
    """When the next rung is due if nobody has acted. None: the calendar ends before, or no rung is left."""


class EscalationActed(Kinded, Tolerant):
    """Somebody acted: the ladder is silent."""

    kind: Literal["escalation-acted"] = "escalation-acted"
    escalation_id: EscalationId
    act_id: ActId
    action: EscalationAction
    actor: Actor


class EscalationPaused(Kinded, Tolerant):
    """An incident of a source or of ours explains it: nobody at the school can act, so no rung fires."""

    kind: Literal["escalation-paused"] = "escalation-paused"
    escalation_id: EscalationId
    incident_id: IncidentId


class EscalationResumed(Kinded, Tolerant):
    """The incident is over; of the rungs that fell due meanwhile at most one fires."""

    kind: Literal["escalation-resumed"] = "escalation-resumed"
    escalation_id: EscalationId
    incident_id: IncidentId


class EscalationClosed(Kinded, Tolerant):
    """The ladder ended; nothing of it fires any more."""

    kind: Literal["escalation-closed"] = "escalation-closed"
    escalation_id: EscalationId
    cause: EscalationEnd


class WorkItemOpened(Kinded, Tolerant):
    """Work was found to do. It approves nothing."""

    kind: Literal["work-item-opened"] = "work-item-opened"
    work_item_id: WorkItemId
    title: Code
    assignee: Role
    gate: GateId
    criterion_id: CriterionId | None = None
    """Whose failure opened it, and whose being met closes it. None: a person opened it, and a person closes it."""
    evidence: tuple[SignalName, ...] = ()
    """The signals that will show it done. Empty: a person says so."""
    due_days: int = Field(ge=1)
    """School days from the opening; a new calendar counts them anew."""
    due_at: Instant | None
    """By the calendar of that moment. None: the calendar ends before."""
    ladder: LadderName | None = None
    actor: Actor | None = None
    """None: the policy opened it."""


class WorkItemOverdue(Kinded, Tolerant):
    """Its day has passed and it is not done."""

    kind: Literal["work-item-overdue"] = "work-item-overdue"
    work_item_id: WorkItemId
    due_at: Instant


class WorkItemClosed(Kinded, Tolerant):
    """It is done, or no longer wanted."""

    kind: Literal["work-item-closed"] = "work-item-closed"
    work_item_id: WorkItemId
    cause: Literal["evidence", "person", "phase-left", "stopped"]
    reason: Code | None = None
    """A person's. None: no person closed it."""
    actor: Actor | None = None


ESCALATION_FACTS = (
    EscalationRaised, RungFired, EscalationRescheduled, EscalationAcknowledged, EscalationActed, EscalationPaused,
    EscalationResumed, EscalationClosed,
)  # fmt: skip
EscalationFact = (
    EscalationRaised
    | RungFired
    | EscalationRescheduled
    | EscalationAcknowledged
    | EscalationActed
    | EscalationPaused
    | EscalationResumed
    | EscalationClosed
)
WorkItemFact = WorkItemOpened | WorkItemOverdue | WorkItemClosed


class Escalation(Tolerant):
    """A ladder that is not closed, as the facts have it."""

    cause: EscalationCause
    gate: GateId
    attempt: int
    ladder: LadderName
    rungs_count: int
    criterion_ids: tuple[str, ...] = ()
    subject: Subject | None = None
    first_rung: int = 1
    urgent: bool = False
    raised_at: Instant
    rung: int = 0
    """The last that fired, counted from 1. 0: none has."""
    repeat: int = 0
    fired_at: Instant | None = None
    told: tuple[Role, ...] = ()
    """Everybody told so far, in order."""
    answerable: Role | None = None
    """Whom a `reassign` named. None: none did."""
    next_at: Instant | None = None
    acknowledged_at: Instant | None = None
    acknowledged_by: Role | None = None
    acted: EscalationAction | None = None
    acted_at: Instant | None = None
    paused_by: IncidentId | None = None
    """None: it runs."""
    resumed_at: Instant | None = None
    """The end of the last pause. None: it was never paused."""
    spaced: bool = False
    """True: it was paused or acknowledged once, so a rung keeps its distance from the one that fired before it."""


class WorkItem(Tolerant):
    """Work that is not done, as the facts have it."""

    title: Code
    assignee: Role
    gate: GateId
    criterion_id: CriterionId | None = None
    evidence: tuple[SignalName, ...] = ()
    opened_at: Instant
    due_days: int
    due_at: Instant | None = None
    ladder: LadderName | None = None
    overdue: bool = False


class Incident(Tolerant):
    """One silent source, or one outage of ours, for its one owner. Absolute: a later revision replaces it."""

    ce_type: ClassVar[str] = "firstbell.escalation.incident.v1"

    incident_id: IncidentId
    revision: int = Field(ge=1)
    program_id: ProgramId
    owner: Owner | Literal["operations"]
    """Whose source is silent; `operations` for an outage of ours."""
    reason: Code
    signals: tuple[SignalName, ...] = ()
    schools_count: int = Field(ge=0)
    opened_at: Instant
    changed_at: Instant
    closed_at: Instant | None = None
    """None: it stands."""
