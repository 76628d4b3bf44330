"""The act of taking one's own approval back, while the gate has not opened."""

from schemas.approval import ApprovalWithdrawn, WithdrawApproval
from schemas.decision import Approval
from schemas.message import CommandReply
from workflows.policy.acts.refusal import not_current, refuse
from workflows.policy.ledger import Ledger
from workflows.policy.people import persons
from workflows.policy.state import RolloutState


def check(state: RolloutState, command: WithdrawApproval) -> CommandReply | None:
    """Whether this person has an approval here to take back."""
    if command.gate in state.picture.opened:
        return refuse(
            command, "gate-has-opened", "a gate that has not opened", f"gate {command.gate.value}, which is open",
            "place a hold to keep the school where it is; an opened gate is not closed by taking an approval back",
        )  # fmt: skip
    refusal = not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    if not given_by(state, command):
        return refuse(
            command, "no-approval-stands", f"an approval of {command.actor.actor_id} at gate {command.gate.value}",
            "none that stands", "nothing: there is nothing to take back",
        )  # fmt: skip
    return None


def given_by(state: RolloutState, command: WithdrawApproval) -> list[Approval]:
    """The standing approvals that this person gave, or that were given for them."""
    return [
        each
        for each in state.picture.approvals.values()
        if each.answer == "approved" and each.gate is command.gate and persons(each.actor) & persons(command.actor)
    ]


def do(ledger: Ledger, command: WithdrawApproval) -> None:
    """Takes back every one of them."""
    for approval in sorted(given_by(ledger.state, command), key=lambda each: each.act_id):
        ledger.write(ApprovalWithdrawn(gate=command.gate, act_id=approval.act_id, actor=command.actor))
