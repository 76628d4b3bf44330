"""Facts about asks and approvals as sentences, and how an actor is named in any. Called by history.py alone."""

from datetime import datetime
from typing import assert_never

from schemas.approval import ApprovalWithdrawn, AskMoved, AskOverdue, DeputyCalled
from schemas.fact import ApprovalAnswered, ApprovalAsked, ApprovalLapsed, AskWithdrawn
from schemas.school import Actor
from workflows.policy.explain import lacking

AskBody = (
    ApprovalAsked
    | AskWithdrawn
    | AskMoved
    | AskOverdue
    | DeputyCalled
    | ApprovalAnswered
    | ApprovalWithdrawn
    | ApprovalLapsed
)


def tell_ask(body: AskBody) -> str:
    """What became of an ask or of an approval, in one sentence."""
    match body:
        case ApprovalAsked():
            whom = lacking(body.awaits) if body.awaits else body.role.value
            about = ", ".join(body.criterion_ids) or f"{body.gate.value} itself"
            return f"{whom} was asked about {about}, until {_until(body.answer_by)}"
        case AskWithdrawn():
            missing = ", ".join(body.criterion_ids)
            return f"the ask at {body.gate.value} was withdrawn: " + (
                f"missing is {missing}" if missing else "no approval is needed"
            )
        case AskMoved():
            return f"another calendar moved the ask at {body.gate.value}: answer until {_until(body.answer_by)}"
        case AskOverdue():
            return f"the ask at {body.gate.value} is overdue: {body.role.value} did not answer in time"
        case DeputyCalled():
            return f"the ask at {body.gate.value} stood in silence: {body.role.value} may answer too"
        case ApprovalAnswered():
            given = body.approval
            place = f" as deputy for {given.counts_as.value}" if given.counts_as else ""
            rest = f"; lacking: {lacking(body.awaits)}" if body.awaits else ""
            return f"{who(given.actor)} {given.answer} {given.gate.value}{place}, reason {given.reason}{rest}"
        case ApprovalWithdrawn():
            return f"{who(body.actor)} took back an approval of {body.gate.value}"
        case ApprovalLapsed():
            return f"an approval of {body.gate.value} lapsed: {body.cause} {', '.join(body.criterion_ids)}".rstrip()
        case _:
            assert_never(body)


def _until(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "the calendar's end"


def who(actor: Actor) -> str:
    """An actor by role and opaque id, with whom they act for."""
    delegate = f" for {actor.acting_for}" if actor.acting_for else ""
    asserted = ", asserted" if actor.asserted else ""
    return f"{actor.role.value} {actor.actor_id}{delegate}{asserted}"
