"""Facts of escalations and work items as sentences. Called by history.py alone; roles are named, never people's names."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

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
from schemas.ladder import RungKind
from schemas.school import Role


def tell_escalation(body: EscalationFact) -> str:
    """The sentence of a fact about an escalation."""
    match body:
        case EscalationRaised():
            about = f" about {', '.join(body.criterion_ids)}" if body.criterion_ids else ""
            urgent = "urgent: " if body.urgent else ""
            return (
                f"{urgent}{body.cause.value} at {body.gate.value} was escalated{about} by ladder {body.ladder}; "
                f"next {_until(body.next_at)}"
            )
        case RungFired():
            return f"rung {body.rung} of {body.cause.value} at {body.gate.value}: {_does(body)}"
        case EscalationRescheduled():
            return f"the next rung of {body.escalation_id} is now due {_until(body.next_at)}"
        case EscalationAcknowledged():
            return (
                f"{body.actor.role.value} {body.actor.actor_id} took {body.escalation_id}, to act {_until(body.act_by)}"
            )
        case EscalationActed():
            return f"{body.actor.role.value} {body.actor.actor_id} acted on {body.escalation_id}: {body.action.value}"
        case EscalationPaused():
            return f"{body.escalation_id} pauses: {body.incident_id} explains it"
        case EscalationResumed():
            return f"{body.escalation_id} goes on: {body.incident_id} is over"
        case EscalationClosed():
            return f"{body.escalation_id} ended: {body.cause.value}"
        case _:
            assert_never(body)


def tell_work_item(body: WorkItemFact) -> str:
    """The sentence of a fact about a work item."""
    match body:
        case WorkItemOpened():
            because = f" because of {body.criterion_id}" if body.criterion_id else ""
            return f"work {body.title} was given to {body.assignee.value}{because}, due {_until(body.due_at)}"
        case WorkItemOverdue():
            return f"{body.work_item_id} is overdue since {_until(body.due_at)}"
        case WorkItemClosed():
            who = f" by {body.actor.role.value} {body.actor.actor_id}" if body.actor else ""
            why = f", reason {body.reason}" if body.reason else ""
            return f"{body.work_item_id} was closed by {body.cause}{who}{why}"
        case _:
            assert_never(body)


def _does(body: RungFired) -> str:
    again = f", repeat {body.repeat}" if body.repeat else ""
    if body.rung_kind is RungKind.WAIT:
        return f"its time has passed{again}"
    if body.rung_kind is RungKind.DECIDE:
        return f"the policy decided: {body.outcome}{again}"
    return f"{_names(body.roles)} told{again}"


def _names(roles: Sequence[Role]) -> str:
    return ", ".join(role.value for role in roles)


def _until(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "never by this calendar"
