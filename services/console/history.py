"""A fact as a sentence, for `school history` and the report. Nothing is stored of what is said here."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from schemas.approval import ApprovalWithdrawn, AskMoved, AskOverdue, DeputyCalled
from schemas.decision import Outcome, Status
from schemas.document import DocumentApproved, DocumentFiled
from schemas.escalation import (
    EscalationAcknowledged,
    EscalationActed,
    EscalationClosed,
    EscalationFact,
    EscalationPaused,
    EscalationRaised,
    EscalationRescheduled,
    EscalationResumed,
    RungFired,
    WorkItemClosed,
    WorkItemFact,
    WorkItemOpened,
    WorkItemOverdue,
)
from schemas.fact import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalLapsed,
    AskWithdrawn,
    ContextChanged,
    DecisionQuestioned,
    Fact,
    GateDecided,
    GateOpened,
    HoldAdded,
    HoldReleased,
    PhaseOpened,
    RolloutStarted,
    RolloutStopped,
    SignOffRecorded,
)
from schemas.migration import PolicyMigrated, PolicyMigrationAccepted
from schemas.regress import FixRecorded, GuardChanged, GuardFact, PhaseRegressed, RootCauseRecorded
from schemas.school import Phase
from schemas.waiver import (
    OverrideConfirmed,
    OverrideLapsed,
    OverrideProposed,
    WaiverEnded,
    WaiverGranted,
    WaiverProposed,
    WaiverReminded,
    WaiverRevoked,
)
from services.console.exceptions import tell_exception
from services.console.guards import tell_guard
from services.console.history_asks import tell_ask, who
from services.console.history_escalation import tell_escalation, tell_work_item
from services.console.views import SIMULATED, Answer
from workflows.policy.exceptions.picture import Excepting
from workflows.policy.explain import without_evidence

Consequence = EscalationFact | WorkItemFact | Excepting | PolicyMigrationAccepted | PolicyMigrated | GuardFact
"""What follows from people and time, rather than from a gate itself."""


class Sentence(Answer):
    """One fact, told."""

    fact_sequence: int
    occurred_at: datetime
    phase: Phase
    kind: str
    notice: str | None
    """SIMULATED when imagined evidence had reached the school, else None."""
    text: str


def tell(fact: Fact) -> Sentence:
    """The sentence of a fact."""
    return Sentence(
        fact_sequence=fact.fact_sequence,
        occurred_at=fact.occurred_at,
        phase=fact.phase,
        kind=fact.body.kind,
        notice=SIMULATED if fact.simulated else None,
        text=_text(fact),
    )


def _text(fact: Fact) -> str:
    match fact.body:
        case RolloutStarted() as body:
            kind = "a rehearsal" if fact.rehearsal else "the program"
            return f"entered {kind} under policy {body.policy_name} v{body.policy_version}, profile {body.profile}"
        case ContextChanged() as body:
            calendar = "no calendar" if body.calendar_version is None else f"calendar v{body.calendar_version}"
            return f"the directory's record became v{body.context.version}, with {calendar}"
        case PhaseOpened() as body:
            return f"{fact.phase.value} began" + (f", attempt {body.attempt}" if body.attempt > 1 else "")
        case GateDecided() as body:
            return _decided(body)
        case GateOpened() as body:
            return _opened(body)
        case (
            ApprovalAsked()
            | AskWithdrawn()
            | AskMoved()
            | AskOverdue()
            | DeputyCalled()
            | ApprovalAnswered()
            | ApprovalWithdrawn()
            | ApprovalLapsed()
        ) as body:
            return tell_ask(body)
        case SignOffRecorded() as body:
            return f"{who(body.sign_off.actor)} signed {body.sign_off.criterion_id} of {body.sign_off.gate.value}"
        case DocumentFiled() | DocumentApproved() as body:
            return _document(body)
        case HoldAdded() | HoldReleased() as body:
            return _hold(body)
        case DecisionQuestioned() as body:
            return _questioned(body)
        case RolloutStopped() as body:
            return f"left the program, reason {body.reason}" + (f", by {who(body.actor)}" if body.actor else "")
        case other:
            return _consequence(other)


def _consequence(body: Consequence) -> str:
    match body:
        case (
            EscalationRaised()
            | RungFired()
            | EscalationRescheduled()
            | EscalationAcknowledged()
            | EscalationActed()
            | EscalationPaused()
            | EscalationResumed()
            | EscalationClosed()
        ) as body:
            return tell_escalation(body)
        case WorkItemOpened() | WorkItemOverdue() | WorkItemClosed() as body:
            return tell_work_item(body)
        case (
            WaiverProposed() | WaiverGranted() | WaiverRevoked() | WaiverReminded() | WaiverEnded()
            | OverrideProposed() | OverrideConfirmed() | OverrideLapsed()
        ) as body:  # fmt: skip
            return tell_exception(body)
        case PolicyMigrationAccepted() | PolicyMigrated() as body:
            return _migration(body)
        case GuardChanged() | PhaseRegressed() | RootCauseRecorded() | FixRecorded() as body:
            return tell_guard(body)
        case _:
            assert_never(body)


def _opened(body: GateOpened) -> str:
    if body.hand is None:
        return f"{body.gate.value} opened, by {body.by}, on decision {body.decision_sequence}"
    return (
        f"{who(body.hand.actor)} opened {body.gate.value} by hand, reason {body.hand.reason}; "
        f"what the machine said is decision {body.decision_sequence}"
    )


def _hold(body: HoldAdded | HoldReleased) -> str:
    if isinstance(body, HoldReleased):
        return f"hold {body.hold_id} {body.cause}" + (f" by {who(body.actor)}" if body.actor else "")
    placed = who(body.hold.placed_by) if body.hold.placed_by else body.hold.kind.value
    return f"{placed} placed hold {body.hold.hold_id}, reason {body.hold.reason}"


def _questioned(body: DecisionQuestioned) -> str:
    if body.criterion_ids:
        return f"fresh evidence contradicts the opening of {body.gate.value}: {_names(body.criterion_ids)}"
    return f"fresh evidence no longer contradicts the opening of {body.gate.value}"


def _document(body: DocumentFiled | DocumentApproved) -> str:
    if isinstance(body, DocumentApproved):
        return f"{who(body.approval.actor)} approved {body.document}, {body.digest[:19]}"
    filed = body.document
    return f"{who(filed.author)} filed a version of {filed.document}, {filed.digest[:19]}"


def _decided(body: GateDecided) -> str:
    verdict = body.decision.verdict
    if verdict.outcome is Outcome.OPEN:
        beside = without_evidence(verdict)
        return f"{verdict.gate.value} was decided: open" + (f" ({beside})" if beside else "")
    groups = {
        "no": (Status.UNMET,),
        "no evidence": (Status.UNKNOWN, Status.STALE),
        "waiting": (Status.WAITING,),
        "a person is needed": (Status.NEEDS_APPROVAL,),
    }
    parts = []
    for word, statuses in groups.items():
        names = [each.criterion_id for each in verdict.results if each.status in statuses and each.severity == "hard"]
        if names:
            parts.append(f"{word}: {_names(names)}")
    return f"{verdict.gate.value} was decided: {verdict.outcome.value}" + (f" ({'; '.join(parts)})" if parts else "")


def _migration(body: PolicyMigrationAccepted | PolicyMigrated) -> str:
    policy = f"policy {body.policy_name} v{body.policy_version}, profile {body.profile}"
    if isinstance(body, PolicyMigrated):
        return f"{policy} decides from here"
    if not body.pending:
        return f"{who(body.actor)} took the pending policy back, reason {body.reason}"
    return f"{who(body.actor)} gave it {policy} from the next phase on, reason {body.reason}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)
