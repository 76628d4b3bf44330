"""The act of signing: a role puts its name under the current phase's plan."""

from schemas.decision import SignOff
from schemas.fact import SignOffRecorded
from schemas.gate import SignOffs
from schemas.message import CommandReply, GiveSignOff
from workflows.policy.acts.refusal import not_current, refuse
from workflows.policy.ledger import Ledger
from workflows.policy.people import covers, persons, signatures, signed
from workflows.policy.state import RolloutState


def criterion_of(state: RolloutState, command: GiveSignOff) -> SignOffs | None:
    """The criterion a signature is for; None when there is no such one, or more than one and none is named."""
    found = [
        criterion
        for criterion in state.policy.gates[command.gate].criteria
        if isinstance(criterion, SignOffs) and command.criterion_id in (None, criterion.id)
    ]
    return found[0] if len(found) == 1 else None


def check(state: RolloutState, command: GiveSignOff) -> CommandReply | None:
    """Whether this role may sign this criterion now."""
    refusal = not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    actor, criterion = command.actor, criterion_of(state, command)
    if criterion is None:
        return refuse(
            command, "no-such-sign-off", f"one sign-off criterion of gate {command.gate.value}",
            command.criterion_id or "none named", "name a sign-off criterion of the gate",
        )  # fmt: skip
    if actor.role not in criterion.roles:
        asked = ", ".join(role.value for role in criterion.roles)
        return refuse(command, "role-not-asked", f"one of {asked}", actor.role.value, "ask one of these roles to sign")
    standing = signed(state.picture, command.gate, state.policy.semantics)
    counted = signatures(criterion, command.gate, standing, state.context)
    if actor.role in counted:
        return refuse(
            command, "already-signed", "a role that has not signed", f"{actor.role.value} has signed",
            "nothing: the signature counts",
        )  # fmt: skip
    if any(persons(actor) & persons(each.actor) for each in counted.values()):
        return refuse(
            command, "one-person-one-role", "a person who has not signed for another role", actor.actor_id,
            f"ask another person who is {actor.role.value}",
        )  # fmt: skip
    approvers = [each.actor for each in state.picture.approvals.values() if each.gate is command.gate]
    if any(persons(actor) & persons(each) for each in approvers):
        return refuse(
            command, "approver-may-not-sign", "a person who has not answered this gate's ask", actor.actor_id,
            f"ask another person who is {actor.role.value}",
        )  # fmt: skip
    if not covers(actor.scope, state.context):  # the signature would not count: say so now
        return refuse(
            command, "scope-does-not-cover-school", "a role at the school, its district or its state",
            f"{actor.scope.kind.value} {actor.scope.id}", "act in a scope that holds the school",
        )  # fmt: skip
    return None


def do(ledger: Ledger, command: GiveSignOff) -> None:
    """Records the signature."""
    criterion = criterion_of(ledger.state, command)
    assert criterion is not None  # checked
    ledger.write(
        SignOffRecorded(
            sign_off=SignOff(
                act_id=command.act_id, gate=command.gate, criterion_id=criterion.id, actor=command.actor,
                signed_at=ledger.now,
            )
        )
    )  # fmt: skip
