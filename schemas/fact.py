"""Facts: what happened in a rollout, in the past tense, numbered without gaps within (program, school).

Decided by `advance`, published by the one activity `publish_facts`, read by console, exporter, notifier and auditor.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.approval import ApprovalWithdrawn, AskMoved, AskOverdue, DeputyCalled
from schemas.consent import Awaited
from schemas.decision import (
    ActId,
    Approval,
    DecisionRecord,
    Hold,
    Outcome,
    Override,
    SignOff,
    Waiver,
)
from schemas.document import DocumentApproved, DocumentFiled, FiledDocument
from schemas.escalation import (
    Escalation,
    EscalationAcknowledged,
    EscalationActed,
    EscalationClosed,
    EscalationId,
    EscalationPaused,
    EscalationRaised,
    EscalationRescheduled,
    EscalationResumed,
    RungFired,
    WorkItem,
    WorkItemClosed,
    WorkItemId,
    WorkItemOpened,
    WorkItemOverdue,
)
from schemas.gate import CriterionId
from schemas.guard import GuardWatch, Relapse
from schemas.migration import PendingPolicy, PolicyMigrated, PolicyMigrationAccepted
from schemas.model import Code, Digest, Instant, Kinded, Tolerant
from schemas.regress import GuardFact
from schemas.school import Actor, GateId, Phase, ProgramId, Role, SchoolContext, SchoolId
from schemas.trust import Hand
from schemas.waiver import (
    OverrideConfirmed,
    OverrideLapsed,
    OverrideProposed,
    WaiverEnded,
    WaiverGranted,
    WaiverProposal,
    WaiverProposed,
    WaiverReminded,
    WaiverRevoked,
)


class RolloutStarted(Kinded, Tolerant):
    """A school entered a program and pinned its policy."""

    kind: Literal["rollout-started"] = "rollout-started"
    policy_name: Code
    policy_version: int
    policy_digest: Digest
    profile: Code
    semantics: int
    signals: tuple[str, ...] = ()
    """The signals its policy names: all that the bridge need send."""


class ContextChanged(Kinded, Tolerant):
    """The directory's facts about the school, or its calendar, were replaced."""

    kind: Literal["context-changed"] = "context-changed"
    context: SchoolContext
    calendar_digest: Digest | None
    calendar_version: int | None


class PhaseOpened(Kinded, Tolerant):
    """A phase began: its gate is watched from now."""

    kind: Literal["phase-opened"] = "phase-opened"
    attempt: int = Field(ge=1)


class GateDecided(Kinded, Tolerant):
    """A gate's outcome or a criterion's status changed."""

    kind: Literal["gate-decided"] = "gate-decided"
    decision: DecisionRecord


class GateOpened(Kinded, Tolerant):
    """The school passed: the decision named here said OPEN, unless it was opened by hand."""

    kind: Literal["gate-opened"] = "gate-opened"
    gate: GateId
    attempt: int
    decision_sequence: int
    """The fact_sequence of its gate-decided."""
    decision_digest: Digest
    by: Literal["evidence", "approval", "waiver", "override", "person"]
    """What it took beside evidence; the strongest of them, an override above an approval above a waiver. `person`: the
    policy left it to people, and one opened it by hand, whatever the decision says."""
    hand: Hand | None = None
    """None: the machine opened it."""


class ApprovalAsked(Kinded, Tolerant):
    """Nothing but approval and time is missing: a role is asked."""

    kind: Literal["approval-asked"] = "approval-asked"
    gate: GateId
    attempt: int
    role: Role
    criterion_ids: tuple[CriterionId, ...]
    answer_by: Instant | None
    """None: the calendar ends before the deadline."""
    awaits: tuple[Awaited, ...] = ()
    """What each group lacks. Empty: `role` alone is asked."""
    deputy_at: Instant | None = None
    """When a deputy may answer too. None: never, or the calendar ends before."""


class AskWithdrawn(Kinded, Tolerant):
    """The ask no longer stands: something besides approval and time is missing again."""

    kind: Literal["ask-withdrawn"] = "ask-withdrawn"
    gate: GateId
    attempt: int
    criterion_ids: tuple[str, ...]
    """What is missing; empty: nothing is, no approval is needed any more."""


class ApprovalAnswered(Kinded, Tolerant):
    """A person approved or rejected."""

    kind: Literal["approval-answered"] = "approval-answered"
    approval: Approval
    awaits: tuple[Awaited, ...] = ()
    """What is lacking still, so that the ask goes on standing. Empty: it is answered."""


class ApprovalLapsed(Kinded, Tolerant):
    """An approval no longer counts, and why."""

    kind: Literal["approval-lapsed"] = "approval-lapsed"
    act_id: ActId
    gate: GateId
    cause: Literal[
        "status-worsened", "policy-changed", "district-changed", "phase-left", "waiver-ended", "document-changed"
    ]
    criterion_ids: tuple[str, ...] = ()


class SignOffRecorded(Kinded, Tolerant):
    """A role signed."""

    kind: Literal["sign-off-recorded"] = "sign-off-recorded"
    sign_off: SignOff


class HoldAdded(Kinded, Tolerant):
    """A hold was placed on the school."""

    kind: Literal["hold-added"] = "hold-added"
    hold: Hold


class HoldReleased(Kinded, Tolerant):
    """A hold was lifted, or its time ended."""

    kind: Literal["hold-released"] = "hold-released"
    hold_id: ActId
    cause: Literal["lifted", "expired", "resolved", "withdrawn", "unmatched", "bypassed"]
    """`resolved`: what it waited for has come about. The last three: its advisory was withdrawn, no longer matches the
    school, or lets it pass by name."""
    actor: Actor | None = None
    """None: nobody lifted it."""


class DecisionQuestioned(Kinded, Tolerant):
    """Fresh evidence contradicts a gate that has opened. Nothing moves yet."""

    kind: Literal["decision-questioned"] = "decision-questioned"
    gate: GateId
    criterion_ids: tuple[CriterionId, ...]
    """All that contradict now; empty: the question is answered."""


class RolloutStopped(Kinded, Tolerant):
    """The school left the program."""

    kind: Literal["rollout-stopped"] = "rollout-stopped"
    reason: Code
    actor: Actor | None = None
    """None: the program ended."""


FactBody = Annotated[
    RolloutStarted
    | ContextChanged
    | PhaseOpened
    | GateDecided
    | GateOpened
    | ApprovalAsked
    | AskWithdrawn
    | ApprovalAnswered
    | ApprovalLapsed
    | SignOffRecorded
    | DocumentFiled
    | DocumentApproved
    | HoldAdded
    | HoldReleased
    | DecisionQuestioned
    | DeputyCalled
    | AskMoved
    | AskOverdue
    | ApprovalWithdrawn
    | GuardFact
    | RolloutStopped
    | EscalationRaised
    | RungFired
    | EscalationRescheduled
    | EscalationAcknowledged
    | EscalationActed
    | EscalationPaused
    | EscalationResumed
    | EscalationClosed
    | WorkItemOpened
    | WorkItemOverdue
    | WorkItemClosed
    | WaiverProposed
    | WaiverGranted
    | WaiverRevoked
    | WaiverReminded
    | WaiverEnded
    | OverrideProposed
    | OverrideConfirmed
    | OverrideLapsed
    | PolicyMigrationAccepted
    | PolicyMigrated,
    Field(discriminator="kind"),
]


class Fact(Tolerant):
    """One numbered fact. Readers apply in sequence, wait at gaps, drop repeats."""

    ce_type: ClassVar[str] = "firstbell.rollout.fact.v1"

    program_id: ProgramId
    school_id: SchoolId
    fact_sequence: int = Field(ge=1)
    occurred_at: Instant
    phase: Phase
    rehearsal: bool
    simulated: bool
    """True: imagined evidence has reached this school; every screen that names it says so."""
    body: FactBody
    picture_digest: Digest
    """Of the picture after this fact: folding the facts must give the same."""


class Picture(Tolerant):
    """What the facts of one school add up to; `workflows/policy/picture.py` folds it. Advisory outside the workflow."""

    fact_sequence: int = 0
    phase: Phase = Phase.CHARTER
    attempt: int = 1
    phase_opened_at: Instant | None = None
    policy_digest: Digest | None = None
    pending_policy: PendingPolicy | None = None
    """Taken when the next phase opens. None: none waits."""
    outcome: Outcome | None = None
    """Of the current gate, as last decided. None: not decided yet."""
    statuses: dict[str, str] = Field(default_factory=dict)
    """Criterion to status, of the current gate."""
    opened: tuple[GateId, ...] = ()
    asked: Role | None = None
    asked_for: tuple[CriterionId, ...] = ()
    """What the standing ask is about; a criterion that joins them is asked for anew."""
    asked_at: Instant | None = None
    answer_by: Instant | None = None
    awaits: tuple[Awaited, ...] = ()
    """What each group of the standing ask lacks. Empty: none stands, or `asked` alone is asked."""
    deputy_at: Instant | None = None
    """When a deputy may answer the standing ask too. None: never."""
    deputy: Role | None = None
    """The deputy who was called to the standing ask. None: not yet."""
    overdue: bool = False
    """True: the standing ask's deadline has passed, and a fact has said so."""
    holds: dict[ActId, Hold] = Field(default_factory=dict)
    approvals: dict[ActId, Approval] = Field(default_factory=dict)
    sign_offs: dict[ActId, SignOff] = Field(default_factory=dict)
    documents: dict[Code, FiledDocument] = Field(default_factory=dict)
    """On file, by kind."""
    replaced_documents: dict[Code, tuple[Digest, ...]] = Field(default_factory=dict)
    """By kind, the versions that were on file before, oldest first: none of them is filed again."""
    questioned: dict[GateId, tuple[CriterionId, ...]] = Field(default_factory=dict)
    guards: dict[GateId, GuardWatch] = Field(default_factory=dict)
    """Opened gates that evidence contradicts, or did until lately."""
    relapse: Relapse | None = None
    """None: never taken back, or passed since."""
    calendar_digest: Digest | None = None
    context_version: int | None = None
    stopped: Code | None = None
    """The reason. None: under way."""
    escalations: dict[EscalationId, Escalation] = Field(default_factory=dict)
    """Those that are not closed."""
    work_items: dict[WorkItemId, WorkItem] = Field(default_factory=dict)
    """Those that are not closed."""
    waiver_proposals: dict[ActId, WaiverProposal] = Field(default_factory=dict)
    """Of the current gate, and of opened ones whose waiver shall be renewed."""
    waivers: dict[ActId, Waiver] = Field(default_factory=dict)
    """Granted and not ended, of the current gate and of opened ones."""
    waivers_reminded: tuple[ActId, ...] = ()
    """Of those, the ones people were reminded of."""
    overrides: dict[ActId, Override] = Field(default_factory=dict)
    """Of the current attempt's gate, confirmed or waiting for a second person, and of opened gates."""
