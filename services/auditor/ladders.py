"""I6: a ladder is one record, each of its rungs fires once, never early, never while it is paused or over.

Called by facts.py with a school's facts in their sequence. Pure; deadlines are the facts' own: a rung is due when the
fact before it in its ladder said so. A new calendar voids what was said: deadlines are counted anew from their starts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.escalation import (
    ESCALATION_FACTS,
    EscalationAcknowledged,
    EscalationActed,
    EscalationClosed,
    EscalationFact,
    EscalationId,
    EscalationPaused,
    EscalationRaised,
    EscalationRescheduled,
    EscalationResumed,
    RungFired,
)
from schemas.fact import ContextChanged, Fact
from schemas.model import Digest
from services.auditor.breach import Breach, Invariant, named

NEXT = "compare the school's Temporal history with its facts; people may have been told twice, or too soon"


@dataclass(slots=True)
class Ladder:
    """One escalation while its facts are read."""

    next_at: datetime | None
    """As last said. None: nothing is due, or a new calendar has voided it."""
    last: tuple[int, int]
    """(rung, repeat) of the one that fired last; rungs count from 1."""
    paused: bool = False
    closed: bool = False


def check_ladders(facts: Sequence[Fact]) -> Iterator[Breach]:
    """Every breach of I6 in one school's facts."""
    ladders: dict[EscalationId, Ladder] = {}
    calendar: Digest | None = None
    for fact in facts:
        body = fact.body
        if isinstance(body, ContextChanged):
            if body.calendar_digest != calendar:
                for each in ladders.values():
                    each.next_at = None
            calendar = body.calendar_digest
        if not isinstance(body, ESCALATION_FACTS):
            continue
        ladder = ladders.get(body.escalation_id)
        if isinstance(body, EscalationRaised):
            if ladder is not None:
                yield named(Invariant.ESCALATIONS, fact, "a ladder raised once", f"{body.escalation_id} twice", NEXT)
            else:
                ladders[body.escalation_id] = Ladder(body.next_at, (body.first_rung - 1, 0))
        elif ladder is None:
            yield named(Invariant.ESCALATIONS, fact, "a ladder that was raised", f"{body.escalation_id}, never", NEXT)
        else:
            if isinstance(body, RungFired):
                yield from _fired(fact, body, ladder)
            _turn(ladder, body)


def _fired(fact: Fact, body: RungFired, ladder: Ladder) -> Iterator[Breach]:
    rung = (body.rung, body.repeat)
    name = f"rung {body.rung}" + (f", repeat {body.repeat}" if body.repeat else "")
    if rung <= ladder.last:
        yield named(Invariant.ESCALATIONS, fact, f"each rung once, the next after {ladder.last}", f"{name} again", NEXT)
    if fact.occurred_at < body.due_at:
        yield named(
            Invariant.ESCALATIONS, fact, f"{name} not before {body.due_at.isoformat()}",
            fact.occurred_at.isoformat(), NEXT,
        )  # fmt: skip
    if ladder.next_at is not None and body.due_at < ladder.next_at:
        yield named(
            Invariant.ESCALATIONS, fact, f"{name} due at {ladder.next_at.isoformat()}, as was said",
            body.due_at.isoformat(), NEXT,
        )  # fmt: skip
    if ladder.paused or ladder.closed:
        state = "closed" if ladder.closed else "paused"
        yield named(Invariant.ESCALATIONS, fact, f"no rung of a ladder that is {state}", f"{name} fired", NEXT)


def _turn(ladder: Ladder, body: EscalationFact) -> None:
    match body:
        case RungFired():
            ladder.last, ladder.next_at = (body.rung, body.repeat), body.next_at
        case EscalationRescheduled():
            ladder.next_at = body.next_at
        case EscalationAcknowledged():
            ladder.next_at = body.act_by
        case EscalationActed():
            ladder.next_at = None
        case EscalationPaused():
            ladder.paused, ladder.next_at = True, None
        case EscalationResumed():
            ladder.paused = False
        case EscalationClosed():
            ladder.closed = True
        case EscalationRaised():
            pass
