"""What the facts of escalations and work items add up to. Called by `policy/picture.py` alone. Pure."""

from typing import assert_never

from schemas.escalation import (
    Escalation,
    EscalationAcknowledged,
    EscalationActed,
    EscalationClosed,
    EscalationFact,
    EscalationPaused,
    EscalationRaised,
    EscalationRescheduled,
    EscalationResumed,
    RungFired,
    WorkItem,
    WorkItemClosed,
    WorkItemFact,
    WorkItemOpened,
    WorkItemOverdue,
)
from schemas.fact import Fact, Picture
from schemas.ladder import RungKind

Change = dict[str, object]


def fold_escalation(picture: Picture, fact: Fact, body: EscalationFact) -> Change:
    """The open escalations after one more fact about one of them. A fact about none that is open changes nothing."""
    known = picture.escalations
    if isinstance(body, EscalationRaised):
        return {"escalations": {**known, body.escalation_id: _raised(fact, body)}}
    before = known.get(body.escalation_id)
    if before is None:
        return {}
    if isinstance(body, EscalationClosed):
        return {"escalations": {key: each for key, each in known.items() if key != body.escalation_id}}
    after = before.model_copy(update=_changed(before, fact, body))
    return {"escalations": {**known, body.escalation_id: after}}


def _raised(fact: Fact, body: EscalationRaised) -> Escalation:
    return Escalation(
        cause=body.cause, gate=body.gate, attempt=body.attempt, ladder=body.ladder, rungs_count=body.rungs_count,
        criterion_ids=body.criterion_ids, subject=body.subject, first_rung=body.first_rung, urgent=body.urgent,
        raised_at=fact.occurred_at, next_at=body.next_at,
    )  # fmt: skip


def _changed(
    before: Escalation,
    fact: Fact,
    body: RungFired
    | EscalationRescheduled
    | EscalationAcknowledged
    | EscalationActed
    | EscalationPaused
    | EscalationResumed,
) -> Change:
    match body:
        case RungFired():
            told = (*before.told, *(role for role in body.roles if role not in before.told))
            named = body.roles[0] if body.rung_kind is RungKind.REASSIGN else before.answerable
            return {
                "rung": body.rung, "repeat": body.repeat, "fired_at": fact.occurred_at, "told": told,
                "answerable": named, "next_at": body.next_at, "acknowledged_at": None, "acknowledged_by": None,
            }  # fmt: skip
        case EscalationRescheduled():
            return {"next_at": body.next_at}
        case EscalationAcknowledged():
            return {
                "acknowledged_at": fact.occurred_at, "acknowledged_by": body.actor.role, "next_at": body.act_by,
                "spaced": True,
            }  # fmt: skip
        case EscalationActed():
            return {"acted": body.action, "acted_at": fact.occurred_at, "next_at": None}
        case EscalationPaused():
            return {"paused_by": body.incident_id, "next_at": None}
        case EscalationResumed():
            return {"paused_by": None, "resumed_at": fact.occurred_at, "spaced": True}
        case _:
            assert_never(body)


def fold_work_item(picture: Picture, fact: Fact, body: WorkItemFact) -> Change:
    """The open work items after one more fact about one of them."""
    known = picture.work_items
    match body:
        case WorkItemOpened():
            opened = WorkItem(
                title=body.title, assignee=body.assignee, gate=body.gate, criterion_id=body.criterion_id,
                evidence=body.evidence, opened_at=fact.occurred_at,
                due_days=body.due_days, due_at=body.due_at, ladder=body.ladder,
            )  # fmt: skip
            return {"work_items": {**known, body.work_item_id: opened}}
        case WorkItemOverdue():
            before = known.get(body.work_item_id)
            overdue = before and before.model_copy(update={"overdue": True})
            return {"work_items": {**known, body.work_item_id: overdue}} if overdue else {}
        case WorkItemClosed():
            return {"work_items": {key: each for key, each in known.items() if key != body.work_item_id}}
        case _:
            assert_never(body)
