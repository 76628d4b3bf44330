"""Whom a fact concerns, and how much it hurries: fact -> calls. Pure; asked by intake.py for every fact.

A fact that concerns nobody gives no call. It knows roles, never people.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.escalation import EscalationAcknowledged, EscalationActed, EscalationClosed, RungFired, WorkItemOpened
from schemas.fact import ApprovalAsked, Fact
from schemas.school import Role
from schemas.waiver import WaiverReminded

Action = Literal["tell", "acknowledge", "resolve"]


@dataclass(frozen=True, slots=True)
class Call:
    """One thing to be said to the holders of some roles."""

    action: Action
    """`tell` says something new; the others end a page that an earlier `tell` of the same subject began."""
    subject: str
    """What it is about: an escalation, a work item, or an ask of a gate. Pages are grouped by it."""
    roles: tuple[Role, ...] = ()
    """Empty, for what ends a page: whoever was told of the subject."""
    gate: str = ""
    criterion_ids: tuple[str, ...] = ()
    urgent: bool = False
    """True: quiet hours and digests do not apply."""


def call_of(fact: Fact) -> Call | None:
    """What a fact asks to be said. None: nothing. Never blocks."""
    body = fact.body
    match body:
        case RungFired():
            if not body.roles:
                return None
            return Call("tell", body.escalation_id, body.roles, body.gate.value, (body.cause.value,), body.urgent)
        case EscalationAcknowledged():
            return Call("acknowledge", body.escalation_id)
        case EscalationActed() | EscalationClosed():
            return Call("resolve", body.escalation_id)
        case ApprovalAsked():
            subject = f"ask-{fact.program_id}-{fact.school_id}-{body.gate.value}-{body.attempt}"
            return Call("tell", subject, (body.role,), body.gate.value, body.criterion_ids)
        case WorkItemOpened():
            about = (body.criterion_id,) if body.criterion_id else (body.title,)
            return Call("tell", body.work_item_id, (body.assignee,), body.gate.value, about)
        case WaiverReminded():
            if not body.tells:
                return None
            gate = body.gate.value if body.gate else fact.phase.gate.value
            return Call("tell", f"waiver-{body.waiver_id}", body.tells, gate, body.criterion_ids)
        case _:
            return None
