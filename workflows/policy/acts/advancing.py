"""The act of opening a gate by hand, where the policy trusts its verdict too little to open by itself.

The person may go against the verdict, which is decided anew and recorded beside their name. They pass nothing that
others hold: a hold, a freeze, a school that is not open, and what may not be waived keep the gate shut all the same.
"""

from datetime import datetime

from schemas.decision import CriterionResult, Outcome, Verdict
from schemas.fact import GateDecided
from schemas.message import CommandReply
from schemas.school import GateId
from schemas.trust import AdvanceByHand, Hand
from workflows.policy import freezes, holds, trust
from workflows.policy.acts.answering import proposers
from workflows.policy.acts.refusal import not_current, refuse
from workflows.policy.evaluate import evaluate
from workflows.policy.exceptions import floor
from workflows.policy.ledger import Ledger
from workflows.policy.opening import open_gate
from workflows.policy.people import persons
from workflows.policy.state import RolloutState, inputs_for

_KEPT_BY_OTHERS = (holds.PREFIX, freezes.PREFIX, "gate:")
_LEFT_TO_THE_HAND = (trust.TRUST_ID, "gate:criteria")
"""Of the gate's own results, those a person may go against: the level itself, and that nothing hard is left to judge."""


def check(state: RolloutState, command: AdvanceByHand, now: datetime) -> CommandReply | None:
    """Whether this person may open this gate by hand, on the verdict as it is now."""
    refusal = not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    gate, actor = state.policy.gates[command.gate], command.actor
    verdict = decided(state, command.gate, now)
    if not trust.is_by_hand(verdict.results) or gate.approvals:
        return refuse(
            command, "not-by-hand", "a gate that the policy leaves to people, at trust observe or advise",
            f"gate {command.gate.value} at trust {verdict.trust.value}",
            "see why the gate is closed; at this trust its verdict and its approvals open it",
        )  # fmt: skip
    if actor.role is not gate.approver:
        return refuse(
            command, "role-not-asked", gate.approver.value, actor.role.value, f"let the {gate.approver.value} open it"
        )
    if any(persons(actor) & persons(proposer) for proposer in proposers(state, command.gate)):
        return refuse(
            command, "proposer-may-not-approve", "a person who has signed, filed and proposed nothing at this gate",
            actor.actor_id, f"let another {gate.approver.value} open it",
        )  # fmt: skip
    kept = [each.criterion_id for each in verdict.results if _keeps(each, _floor(state, command))]
    if kept:
        return refuse(
            command, "kept-shut", "a gate that no hold, no freeze and nothing unwaivable keeps shut", ", ".join(kept),
            "see to these first; what may not be waived takes an override by two",
        )  # fmt: skip
    return None


def _floor(state: RolloutState, command: AdvanceByHand) -> tuple[str, ...]:
    """What this person could not waive, they can't pass by hand either."""
    limits = state.policy.exceptions.waivers.floor
    return tuple(
        criterion.id
        for criterion in state.policy.gates[command.gate].criteria
        if floor.waivable(criterion, limits, command.actor.role) is not None
    )


def _keeps(result: CriterionResult, unwaivable: tuple[str, ...]) -> bool:
    if result.criterion_id in _LEFT_TO_THE_HAND:
        return False
    if result.criterion_id.startswith(_KEPT_BY_OTHERS):
        return result.outcome is not Outcome.OPEN
    short = (Outcome.UNMET, Outcome.UNKNOWN, Outcome.WAITING)  # a soak or a dwell that is not over is not met either
    return result.criterion_id in unwaivable and result.outcome in short


def decided(state: RolloutState, gate: GateId, now: datetime) -> Verdict:
    """The verdict as it is now, on which the person acts."""
    return evaluate(
        state.policy, state.calendar, inputs_for(state, gate), now, calendar_digest=state.calendar_digest
    )  # fmt: skip


def do(ledger: Ledger, command: AdvanceByHand) -> None:
    """Decides once more, records that, and opens the gate on it in the person's name."""
    state = ledger.state
    inputs, verdict = inputs_for(state, command.gate), decided(state, command.gate, ledger.now)
    ledger.write(GateDecided(decision=ledger.record(inputs, verdict)))
    hand = Hand(act_id=command.act_id, actor=command.actor, reason=command.reason, note_id=command.note_id)
    open_gate(ledger, verdict, hand)
