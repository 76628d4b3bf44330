"""The act of answering an ask: a person in an asked role, or the deputy who was called, approves or rejects."""

from schemas.decision import Approval, Status
from schemas.fact import ApprovalAnswered, Picture
from schemas.message import AnswerAsk, CommandReply
from schemas.school import Actor, GateId, Role
from workflows.policy import trust
from workflows.policy.acts.refusal import not_current, refuse
from workflows.policy.approval.approvals import bindable, counts_as
from workflows.policy.documents import versions
from workflows.policy.evaluate import assess, evaluate
from workflows.policy.exceptions import waivers
from workflows.policy.ledger import Ledger
from workflows.policy.people import persons
from workflows.policy.state import RolloutState, inputs_for


def asked_roles(picture: Picture) -> tuple[Role, ...]:
    """Every role whose answer the standing ask awaits; empty: nobody is asked."""
    if picture.awaits:
        return tuple(role for each in picture.awaits for role in each.roles)
    return () if picture.asked is None else (picture.asked,)


def answers_as(picture: Picture, role: Role) -> Role | None:
    """The asked role that an answer in this role counts for: itself, or for a called deputy the first asked."""
    asked = asked_roles(picture)
    if role in asked:
        return role
    return asked[0] if asked and picture.deputy is role else None


def check(state: RolloutState, command: AnswerAsk) -> CommandReply | None:
    """Whether this person may answer the ask that stands."""
    refusal = not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    picture, actor = state.picture, command.actor
    if picture.asked is None or state.context is None:
        return refuse(
            command, "no-ask-stands", "an ask awaiting its answer", "nobody is asked now",
            "see why the gate is closed; it asks once nothing but approval and time is missing",
        )  # fmt: skip
    level = trust.level(state.policy, command.gate, state.context)
    if level in trust.BY_HAND and command.answer == "approved":
        return refuse(
            command, "by-hand-only", "an opening by hand: this gate only advises", "an approval, which opens nothing here",
            "open it with `firstbell gate advance`, or reject what is advised",
        )  # fmt: skip
    names = " or ".join(role.value for role in asked_roles(picture))
    role = answers_as(picture, actor.role)
    if role is None:
        return refuse(command, "role-not-asked", names, actor.role.value, _whose_turn(state, names))
    if any(persons(actor) & persons(proposer) for proposer in proposers(state, command.gate)):
        return refuse(
            command, "proposer-may-not-approve", "a person who has signed, filed and proposed nothing at this gate",
            actor.actor_id, f"let another {role.value} answer",
        )  # fmt: skip
    if any(persons(actor) & persons(each.actor) for each in _given(state, command, role)):
        return refuse(
            command, "one-person-one-role", "a person who has not approved in another role", actor.actor_id,
            f"ask another person who is {role.value}",
        )  # fmt: skip
    return None


def proposers(state: RolloutState, gate: GateId) -> list[Actor]:
    """Those who brought before the gate what is to be approved: who signed, filed, or proposed a waiver or override."""
    inputs = inputs_for(state, gate)
    waivers_by = [each.proposed_by for each in inputs.waivers if each.proposed_by is not None]
    authors = [each.author for each in inputs.documents]
    waivers_by += [each.proposed_by for each in state.picture.waiver_proposals.values() if each.gate is gate]
    overrides_by = [each.proposed_by for each in state.picture.overrides.values() if each.gate is gate]
    return [*(each.actor for each in inputs.sign_offs), *authors, *waivers_by, *overrides_by]


def _whose_turn(state: RolloutState, names: str) -> str:
    """The next step of somebody who is not asked; for a deputy before their time, when that comes."""
    picture, gate = state.picture, state.policy.gates[state.picture.phase.gate]
    if gate.deputy is None or picture.deputy_at is None or picture.deputy is not None:
        return f"let the {names} answer"
    return f"let the {names} answer; the {gate.deputy.value} may from {picture.deputy_at.isoformat()}"


def _given(state: RolloutState, command: AnswerAsk, role: Role) -> list[Approval]:
    """Approvals of this gate that count for another role than the one now asked."""
    gate = state.policy.gates[command.gate]
    return [
        each
        for each in state.picture.approvals.values()
        if each.answer == "approved" and each.gate is command.gate and counts_as(each, gate) is not role
    ]


def do(ledger: Ledger, command: AnswerAsk) -> None:
    """Records the answer, and what is lacking after it."""
    state = ledger.state
    approval = _approval(ledger, command)
    if approval.answer == "rejected" or not state.policy.gates[command.gate].approvals:
        ledger.write(ApprovalAnswered(approval=approval))
        return
    inputs = inputs_for(state, command.gate)
    inputs = inputs.model_copy(update={"approvals": (*inputs.approvals, approval)})
    after = evaluate(state.policy, state.calendar, inputs, ledger.now, calendar_digest=state.calendar_digest)
    ledger.write(ApprovalAnswered(approval=approval, awaits=after.awaits))


def _approval(ledger: Ledger, command: AnswerAsk) -> Approval:
    """The answer, bound to each hard criterion's status as it stands now, not as it stood when the ask was shown."""
    state = ledger.state
    assert state.context is not None  # checked
    gate = state.policy.gates[command.gate]
    inputs = inputs_for(state, command.gate)
    results = assess(state.policy, gate, state.calendar, inputs, ledger.now)
    role = answers_as(state.picture, command.actor.role)
    waived = [result.criterion_id for result in results if result.status is Status.WAIVED]
    reliances = {
        criterion.id: waiver.waiver_id
        for criterion in gate.criteria
        if criterion.id in waived
        and (waiver := waivers.applying(criterion, inputs.waivers, state.context, ledger.now)) is not None
    }
    return Approval(
        act_id=command.act_id,
        gate=command.gate,
        attempt=state.picture.attempt,
        answer=command.answer,
        actor=command.actor,
        answered_at=ledger.now,
        reason=command.reason,
        note_id=command.note_id,
        policy_digest=state.policy.digest,
        district_id=state.context.district_id,
        bound=bindable(results),
        waived=reliances,
        documents=versions(gate, inputs.documents),
        counts_as=None if role is command.actor.role else role,
    )
