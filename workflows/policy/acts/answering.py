"""The act of answering an ask: the asked role approves or rejects."""

from schemas.decision import Approval
from schemas.fact import ApprovalAnswered
from schemas.message import AnswerAsk, CommandReply
from workflows.policy.acts.refusal import not_current, refuse
from workflows.policy.approvals import bindable
from workflows.policy.evaluate import assess
from workflows.policy.ledger import Ledger
from workflows.policy.people import persons
from workflows.policy.state import RolloutState, inputs_for


def check(state: RolloutState, command: AnswerAsk) -> CommandReply | None:
    """Whether this person may answer the ask that stands."""
    refusal = not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    asked = state.picture.asked
    if asked is None or state.context is None:
        return refuse(
            command, "no-ask-stands", "an ask awaiting its answer", "nobody is asked now",
            "see why the gate is closed; it asks once nothing but approval and time is missing",
        )  # fmt: skip
    if command.actor.role is not asked:
        return refuse(command, "role-not-asked", asked.value, command.actor.role.value, f"let the {asked.value} answer")
    signers = [each.actor for each in state.picture.sign_offs.values() if each.gate is command.gate]
    if any(persons(command.actor) & persons(signer) for signer in signers):
        return refuse(
            command, "proposer-may-not-approve", "a person who has signed nothing at this gate",
            command.actor.actor_id, f"let another {asked.value} answer",
        )  # fmt: skip
    return None


def do(ledger: Ledger, command: AnswerAsk) -> None:
    """Records the answer."""
    ledger.write(ApprovalAnswered(approval=_approval(ledger, command)))


def _approval(ledger: Ledger, command: AnswerAsk) -> Approval:
    """The answer, bound to each hard criterion's status as it stands now, not as it stood when the ask was shown."""
    state = ledger.state
    assert state.context is not None  # checked
    gate = state.policy.gates[command.gate]
    results = assess(state.policy, gate, state.calendar, inputs_for(state, command.gate), ledger.now)
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
    )
