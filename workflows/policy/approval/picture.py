"""What facts about asks and approvals do to the picture. Called by `policy/picture.py` alone."""

from typing import assert_never

from schemas.approval import ApprovalWithdrawn, AskMoved, AskOverdue, DeputyCalled
from schemas.fact import ApprovalAnswered, ApprovalAsked, ApprovalLapsed, AskWithdrawn, Fact, Picture

Change = dict[str, object]
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
_FRESH: Change = {"deputy": None, "overdue": False}
NO_ASK: Change = {
    "asked": None, "asked_for": (), "asked_at": None, "answer_by": None, "awaits": (), "deputy_at": None, **_FRESH,
}  # fmt: skip
"""Nobody is asked."""


def fold_ask(picture: Picture, fact: Fact, body: AskBody) -> Change:
    """The fields that change; an ask that is asked anew has neither called its deputy nor passed its deadline."""
    match body:
        case ApprovalAsked():
            return {
                "asked": body.role, "asked_for": body.criterion_ids, "asked_at": fact.occurred_at,
                "answer_by": body.answer_by, "awaits": body.awaits, "deputy_at": body.deputy_at, **_FRESH,
            }  # fmt: skip
        case AskWithdrawn():
            return NO_ASK
        case AskMoved():
            return {"answer_by": body.answer_by, "deputy_at": body.deputy_at}
        case AskOverdue():
            return {"overdue": True}
        case DeputyCalled():
            return {"deputy": body.role}
        case ApprovalAnswered():
            return {"approvals": {**picture.approvals, body.approval.act_id: body.approval}, **_answered(body)}
        case ApprovalWithdrawn() | ApprovalLapsed():
            return {"approvals": {key: each for key, each in picture.approvals.items() if key != body.act_id}}
        case _:
            assert_never(body)


def _answered(body: ApprovalAnswered) -> Change:
    """The ask is over, or goes on standing for those who have not answered."""
    roles = [role for each in body.awaits for role in each.roles]
    return {"asked": roles[0], "awaits": body.awaits} if roles else NO_ASK
