"""Why a command may not be done now: role, scope, separation of duties, the moment. Called by progress and the shell.

A refusal names what was expected, what was seen, and the next step. It changes nothing.
"""

from datetime import datetime
from typing import assert_never

from schemas.decision import HoldKind
from schemas.gate import SignOffs
from schemas.message import AddHold, AnswerAsk, Command, CommandReply, GiveSignOff, ReleaseHold
from schemas.school import GateId
from workflows.policy.people import covers, may_lift, persons, signatures
from workflows.policy.state import RolloutState, accepted_before, is_repeat, mark_of


def check(state: RolloutState, command: Command, now: datetime) -> CommandReply | None:
    """The refusal of a command as things stand; None: it is in order, or was accepted before. Never blocks."""
    if accepted_before(state, command.act_id) is not None:
        if is_repeat(state, command):
            return None
        return _refuse(
            command, "act-id-taken", f"an id of its own for {mark_of(command)}",
            f"{command.act_id}, which was {state.act_marks[command.act_id]}", "act again under a new id",
        )  # fmt: skip
    if state.picture.stopped is not None:
        return _refuse(
            command, "rollout-stopped", "a rollout under way", f"stopped: {state.picture.stopped}",
            "start the school in a program first",
        )  # fmt: skip
    scope = command.actor.scope
    if not covers(scope, state.context, state.school_id, state.program_id):
        return _refuse(
            command, "scope-does-not-cover-school", f"a scope that holds school {state.school_id}",
            f"{scope.kind.value} {scope.id}", "act as somebody whose role covers this school",
        )  # fmt: skip
    match command:
        case GiveSignOff():
            return _sign_off(state, command)
        case AnswerAsk():
            return _answer(state, command)
        case AddHold():
            return _add_hold(state, command, now)
        case ReleaseHold():
            return _release_hold(state, command)
        case _:
            assert_never(command)


def sign_off_criterion(state: RolloutState, command: GiveSignOff) -> SignOffs | None:
    """The criterion a signature is for; None when there is no such one, or more than one and none is named."""
    found = [
        criterion
        for criterion in state.policy.gates[command.gate].criteria
        if isinstance(criterion, SignOffs) and command.criterion_id in (None, criterion.id)
    ]
    return found[0] if len(found) == 1 else None


def _refuse(command: Command, code: str, expected: str, seen: str, next_step: str) -> CommandReply:
    return CommandReply(
        act_id=command.act_id, accepted=False, refusal=code, expected=expected, seen=seen, next_step=next_step
    )


def _not_current(state: RolloutState, command: Command, gate: GateId) -> CommandReply | None:
    current = state.picture.phase.gate
    if gate is current:
        return None
    return _refuse(
        command, "gate-not-current", f"gate {current.value}, which the school stands at", f"gate {gate.value}",
        f"act on gate {current.value}",
    )  # fmt: skip


def _sign_off(state: RolloutState, command: GiveSignOff) -> CommandReply | None:
    refusal = _not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    actor, criterion = command.actor, sign_off_criterion(state, command)
    if criterion is None:
        return _refuse(
            command, "no-such-sign-off", f"one sign-off criterion of gate {command.gate.value}",
            command.criterion_id or "none named", "name a sign-off criterion of the gate",
        )  # fmt: skip
    if actor.role not in criterion.roles:
        asked = ", ".join(role.value for role in criterion.roles)
        return _refuse(command, "role-not-asked", f"one of {asked}", actor.role.value, "ask one of these roles to sign")
    signed = signatures(criterion, command.gate, state.picture.sign_offs.values(), state.context)
    if actor.role in signed:
        return _refuse(
            command, "already-signed", "a role that has not signed", f"{actor.role.value} has signed",
            "nothing: the signature counts",
        )  # fmt: skip
    if any(persons(actor) & persons(each.actor) for each in signed.values()):
        return _refuse(
            command, "one-person-one-role", "a person who has not signed for another role", actor.actor_id,
            f"ask another person who is {actor.role.value}",
        )  # fmt: skip
    if not covers(actor.scope, state.context):  # the signature would not count: say so now
        return _refuse(
            command, "scope-does-not-cover-school", "a role at the school, its district or its state",
            f"{actor.scope.kind.value} {actor.scope.id}", "act in a scope that holds the school",
        )  # fmt: skip
    return None


def _answer(state: RolloutState, command: AnswerAsk) -> CommandReply | None:
    refusal = _not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    asked = state.picture.asked
    if asked is None or state.context is None:
        return _refuse(
            command, "no-ask-stands", "an ask awaiting its answer", "nobody is asked now",
            "see why the gate is closed; it asks once nothing but approval and time is missing",
        )  # fmt: skip
    if command.actor.role is not asked:
        return _refuse(
            command, "role-not-asked", asked.value, command.actor.role.value, f"let the {asked.value} answer"
        )
    signers = [each.actor for each in state.picture.sign_offs.values() if each.gate is command.gate]
    if any(persons(command.actor) & persons(signer) for signer in signers):
        return _refuse(
            command, "proposer-may-not-approve", "a person who has signed nothing at this gate",
            command.actor.actor_id, f"let another {asked.value} answer",
        )  # fmt: skip
    return None


def _add_hold(state: RolloutState, command: AddHold, now: datetime) -> CommandReply | None:
    hold = command.hold
    if hold.hold_id in state.picture.holds:
        return _refuse(command, "hold-exists", "a new hold id", hold.hold_id, "choose another id")
    if hold.kind is not HoldKind.PERSON:
        return _refuse(command, "not-a-persons-hold", "person", hold.kind.value, "place it as a person's hold")
    if not covers(hold.scope, state.context, state.school_id, state.program_id):
        return _refuse(
            command, "hold-misses-school", f"a scope that holds school {state.school_id}",
            f"{hold.scope.kind.value} {hold.scope.id}", "give the hold a scope that holds the school",
        )  # fmt: skip
    if hold.expires_at is not None and hold.expires_at <= now:
        return _refuse(
            command, "hold-already-over", f"an end after {now.isoformat()}", hold.expires_at.isoformat(),
            "give the hold a later end, or none",
        )  # fmt: skip
    return None


def _release_hold(state: RolloutState, command: ReleaseHold) -> CommandReply | None:
    hold = state.picture.holds.get(command.hold_id)
    if hold is None:
        known = ", ".join(sorted(state.picture.holds)) or "no hold"
        return _refuse(command, "unknown-hold", known, command.hold_id, "name a hold that stands")
    if not may_lift(command.actor.role, hold.lifted_by):
        return _refuse(
            command, "role-may-not-lift", f"{hold.lifted_by.value}, or a role above it", command.actor.role.value,
            f"ask the {hold.lifted_by.value} to lift it",
        )  # fmt: skip
    return None
