"""How an act is refused: what was expected, what was seen, the next step. Called by every act's check."""

from schemas.message import Command, CommandReply
from schemas.school import GateId
from schemas.waiver import OverrideGate, ProposeWaiver
from workflows.policy.people import persons
from workflows.policy.state import RolloutState


def refuse(command: Command, code: str, expected: str, seen: str, next_step: str) -> CommandReply:
    """The reply to a command that may not be done; `code` is its name for machines."""
    return CommandReply(
        act_id=command.act_id, accepted=False, refusal=code, expected=expected, seen=seen, next_step=next_step
    )


def not_current(state: RolloutState, command: Command, gate: GateId) -> CommandReply | None:
    """The refusal of an act on a gate at which the school does not stand; None: it stands there."""
    current = state.picture.phase.gate
    if gate is current:
        return None
    return refuse(
        command, "gate-not-current", f"gate {current.value}, which the school stands at", f"gate {gate.value}",
        f"act on gate {current.value}",
    )  # fmt: skip


def approver_may_not_propose(state: RolloutState, command: ProposeWaiver | OverrideGate) -> CommandReply | None:
    """The refusal of a proposal by somebody whose approval stands at that gate; None: theirs does not."""
    approved = [each.actor for each in state.picture.approvals.values() if each.gate is command.gate]
    if not any(persons(command.actor) & persons(each) for each in approved):
        return None
    return refuse(
        command, "approver-may-not-propose", "a person who has not answered this gate's ask", command.actor.actor_id,
        "let another person propose it, or withdraw the approval first",
    )  # fmt: skip
