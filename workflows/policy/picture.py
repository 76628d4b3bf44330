"""What facts add up to. Called by progress for its own facts, and by every reader of the fact topic.

The law: folding the facts that `advance` published gives the picture of its state, to the digest.
"""

from typing import assert_never

from schemas.approval import ApprovalWithdrawn, AskMoved, AskOverdue, DeputyCalled
from schemas.decision import Approval, CriterionResult, Reason, Status
from schemas.document import DocumentApproved, DocumentFiled
from schemas.escalation import (
    EscalationAcknowledged,
    EscalationActed,
    EscalationClosed,
    EscalationPaused,
    EscalationRaised,
    EscalationRescheduled,
    EscalationResumed,
    RungFired,
    WorkItemClosed,
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
    FactBody,
    GateDecided,
    GateOpened,
    HoldAdded,
    HoldReleased,
    PhaseOpened,
    Picture,
    RolloutStarted,
    RolloutStopped,
    SignOffRecorded,
)
from schemas.gate import Severity
from schemas.migration import PendingPolicy, PolicyMigrated, PolicyMigrationAccepted
from schemas.regress import FixRecorded, GuardChanged, PhaseRegressed, RootCauseRecorded
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
from workflows.policy.approval.approvals import bindable
from workflows.policy.approval.picture import NO_ASK, fold_ask
from workflows.policy.documents import fold_document
from workflows.policy.escalation.picture import fold_escalation, fold_work_item
from workflows.policy.exceptions.picture import fold_exception, left_behind
from workflows.policy.guard.picture import fold_guard
from workflows.policy.holds import PREFIX

Change = dict[str, object]


def fold_fact(picture: Picture, fact: Fact) -> Picture:
    """The picture after one more fact. Facts come in sequence: the caller waits at gaps and drops repeats."""
    return picture.model_copy(update={"fact_sequence": fact.fact_sequence, **_change(picture, fact, fact.body)})


def _change(picture: Picture, fact: Fact, body: FactBody) -> Change:
    match body:
        case RolloutStarted():
            return {"policy_digest": body.policy_digest}
        case ContextChanged():
            return {"context_version": body.context.version, "calendar_digest": body.calendar_digest}
        case PhaseOpened():
            return {
                "phase": fact.phase, "attempt": body.attempt, "phase_opened_at": fact.occurred_at,
                "outcome": None, "statuses": {}, "approvals": {}, **NO_ASK,
                **left_behind(picture, fact.phase),
            }  # fmt: skip
        case GateDecided():
            return _decided(picture, body)
        case GateOpened():
            passed = picture.relapse is not None and picture.relapse.phase is body.gate.phase
            return {"opened": (*picture.opened, body.gate), **({"relapse": None} if passed else {})}
        case (
            ApprovalAsked() | AskWithdrawn() | AskMoved() | AskOverdue() | DeputyCalled()
            | ApprovalAnswered() | ApprovalWithdrawn() | ApprovalLapsed()
        ):  # fmt: skip
            return fold_ask(picture, fact, body)
        case SignOffRecorded():
            return {"sign_offs": {**picture.sign_offs, body.sign_off.act_id: body.sign_off}}
        case DocumentFiled() | DocumentApproved():
            return fold_document(picture, body)
        case HoldAdded():
            return {"holds": {**picture.holds, body.hold.hold_id: body.hold}}
        case HoldReleased():
            return {"holds": {key: each for key, each in picture.holds.items() if key != body.hold_id}}
        case DecisionQuestioned():
            others = {gate: ids for gate, ids in picture.questioned.items() if gate is not body.gate}
            return {"questioned": {**others, body.gate: body.criterion_ids} if body.criterion_ids else others}
        case GuardChanged() | PhaseRegressed() | RootCauseRecorded() | FixRecorded():
            return fold_guard(picture, fact, body)
        case RolloutStopped():
            return {"stopped": body.reason, **NO_ASK}
        case (
            EscalationRaised()
            | RungFired()
            | EscalationRescheduled()
            | EscalationAcknowledged()
            | EscalationActed()
            | EscalationPaused()
            | EscalationResumed()
            | EscalationClosed()
        ):
            return fold_escalation(picture, fact, body)
        case WorkItemOpened() | WorkItemOverdue() | WorkItemClosed():
            return fold_work_item(picture, fact, body)
        case (
            WaiverProposed() | WaiverGranted() | WaiverRevoked() | WaiverReminded() | WaiverEnded()
            | OverrideProposed() | OverrideConfirmed() | OverrideLapsed()
        ):  # fmt: skip
            return fold_exception(picture, body)
        case PolicyMigrationAccepted() | PolicyMigrated():
            return _policy(body)
        case _:
            assert_never(body)


def _policy(body: PolicyMigrationAccepted | PolicyMigrated) -> Change:
    if isinstance(body, PolicyMigrated):
        return {"policy_digest": body.policy_digest, "pending_policy": None}
    waiting = PendingPolicy.model_validate(body.model_dump()) if body.pending else None
    return {"pending_policy": waiting}


def _decided(picture: Picture, body: GateDecided) -> Change:
    verdict = body.decision.verdict
    return {
        "outcome": verdict.outcome,
        "statuses": {
            result.criterion_id: result.status.value
            for result in verdict.results
            if not result.criterion_id.startswith(PREFIX)
        },
        "approvals": {
            key: each
            for key, each in picture.approvals.items()
            if not _outlived(each, verdict.results, verdict.semantics)
        },
    }


def _outlived(approval: Approval, results: tuple[CriterionResult, ...], semantics: int) -> bool:
    """A rejection stands until a hard criterion's status changes; then people may be asked again.

    That somebody approved is no change of what evidence says; the first semantics took it for one.
    """
    if approval.answer == "approved":
        return False
    hard = tuple(result for result in results if result.severity is Severity.HARD)
    now = bindable(hard)
    if semantics >= 2:
        now |= {each.criterion_id: Status.NEEDS_APPROVAL for each in hard if each.reason is Reason.APPROVED}
    return approval.bound != now
