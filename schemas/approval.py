"""What becomes of asks and approvals besides the answer itself: facts, and the act of taking an approval back.

The facts join `FactBody` in schemas/fact.py, the act joins `Command` in schemas/message.py.
"""

from typing import Literal

from schemas.decision import ActId
from schemas.model import Instant, Kinded, Tolerant
from schemas.school import Actor, GateId, Role


class DeputyCalled(Kinded, Tolerant):
    """An ask stood unanswered so long that a deputy may answer it too."""

    kind: Literal["deputy-called"] = "deputy-called"
    gate: GateId
    attempt: int
    role: Role
    """The deputy's."""


class AskMoved(Kinded, Tolerant):
    """Another calendar moved the deadlines of an ask that stands. What has fired stays fired."""

    kind: Literal["ask-moved"] = "ask-moved"
    gate: GateId
    attempt: int
    answer_by: Instant | None
    """None: the calendar ends before the deadline."""
    deputy_at: Instant | None = None
    """None: nobody stands in, or the calendar ends before."""
    calendar_version: int | None
    """None: there is no calendar now."""


class AskOverdue(Kinded, Tolerant):
    """An ask's deadline passed without its answer; told once for each ask."""

    kind: Literal["ask-overdue"] = "ask-overdue"
    gate: GateId
    attempt: int
    role: Role
    answer_by: Instant


class ApprovalWithdrawn(Kinded, Tolerant):
    """A person took their approval back before the gate opened."""

    kind: Literal["approval-withdrawn"] = "approval-withdrawn"
    gate: GateId
    act_id: ActId
    """Of the approval."""
    actor: Actor


class WithdrawApproval(Kinded, Tolerant):
    """Update: a person takes back their own approval of the current gate."""

    kind: Literal["withdraw-approval"] = "withdraw-approval"
    act_id: ActId
    actor: Actor
    gate: GateId
