"""After every message: let time and evidence have their effect, and say so in facts. Called by progress only.

Holds end, approvals lapse, the current gate is decided, people are asked, an open gate opens the next phase, and
opened gates are questioned. It refuses nothing: refusals are acts/.
"""

from collections.abc import Callable
from datetime import datetime

from schemas.decision import CriterionResult, Outcome, Status, Verdict
from schemas.fact import (
    ApprovalAsked,
    ApprovalLapsed,
    AskWithdrawn,
    DecisionQuestioned,
    GateDecided,
    HoldReleased,
)
from schemas.gate import Severity
from schemas.school import GateId
from workflows.policy import advising
from workflows.policy.approval import deadlines
from workflows.policy.approval.approvals import bindable, lapse
from workflows.policy.documents import changed
from workflows.policy.escalation.escalating import escalate
from workflows.policy.escalation.work import follow_work
from workflows.policy.evaluate import assess, evaluate
from workflows.policy.exceptions import waivers, waiving
from workflows.policy.guard import guarding
from workflows.policy.guard.guards import CONTRADICTABLE, UNREADABLE
from workflows.policy.holds import PREFIX, expired
from workflows.policy.judgement import earliest
from workflows.policy.ledger import Ledger
from workflows.policy.opening import open_gate
from workflows.policy.state import inputs_for
from workflows.policy.trust import TRUST_ID


def settle(ledger: Ledger, *, question: bool) -> None:
    """Bring the school to rest at the ledger's instant. `question`: fresh evidence may contradict opened gates."""
    for before in BEFORE:
        before(ledger)
    policy = ledger.state.policy
    verdict = _open(ledger)
    if ledger.state.policy is not policy:
        guarding.watch(ledger)  # another policy may ask more of a gate that is open
        verdict = _open(ledger)
    if question:
        for gate in ledger.state.picture.opened:
            _question(ledger, gate)
    held = ledger.state.picture.holds
    looks = [after(ledger, verdict) for after in AFTERWARDS]
    if ledger.state.picture.holds != held:
        verdict = _decide(ledger)  # what followed placed a hold: the gate is decided with it
    ledger.change(wake_at=earliest(verdict.next_evaluation_at, *looks))


def _open(ledger: Ledger) -> Verdict:
    """Decide, and open as many gates as the evidence has already passed; the last verdict."""
    verdict = _decide(ledger)
    for _ in GateId:
        if verdict.outcome is not Outcome.OPEN or verdict.gate is GateId.SCALE_GUARD:
            break
        open_gate(ledger, verdict)
        verdict = _decide(ledger)
    return verdict


def _end_holds(ledger: Ledger) -> None:
    for hold_id, hold in sorted(ledger.state.picture.holds.items()):
        if expired(hold, ledger.now):
            ledger.write(HoldReleased(hold_id=hold_id, cause="expired"))


def _next_end_of_hold(ledger: Ledger, _verdict: Verdict) -> datetime | None:
    return earliest(*(hold.expires_at for hold in ledger.state.picture.holds.values()))


BEFORE: tuple[Callable[[Ledger], None], ...] = (_end_holds, waiving.end, advising.advise, guarding.watch)
"""What time does before the gate is decided, in this order."""
AFTERWARDS: tuple[Callable[[Ledger, Verdict], datetime | None], ...] = (
    _next_end_of_hold,
    waiving.remind,
    deadlines.keep,
    follow_work,
    escalate,
    guarding.next_look,
)
"""What follows from the verdict, in this order; each says when it must be looked at again by time alone, or None."""


def _decide(ledger: Ledger) -> Verdict:
    """Decide the current gate; write what changed; ask or stop asking."""
    gate = ledger.state.picture.phase.gate
    _lapse(ledger, gate)
    state = ledger.state
    inputs = inputs_for(state, gate)
    verdict = evaluate(state.policy, state.calendar, inputs, ledger.now, calendar_digest=state.calendar_digest)
    statuses = {
        result.criterion_id: result.status.value
        for result in verdict.results
        if not result.criterion_id.startswith(PREFIX)
    }
    if (verdict.outcome, statuses) != (state.picture.outcome, state.picture.statuses):
        ledger.write(GateDecided(decision=ledger.record(inputs, verdict)))
    _ask(ledger, verdict)
    return verdict


def _lapse(ledger: Ledger, gate_id: GateId) -> None:
    state = ledger.state
    if not state.picture.approvals:
        return
    inputs, gate = inputs_for(state, gate_id), state.policy.gates[gate_id]
    statuses = bindable(assess(state.policy, gate, state.calendar, inputs, ledger.now))
    in_force = waivers.in_force(inputs.waivers, inputs.context, ledger.now)
    district = state.context.district_id if state.context else None
    for act_id, approval in sorted(state.picture.approvals.items()):
        versions_gone = changed(gate, approval.documents, inputs.documents)
        ended = lapse(approval, state.policy, district, statuses, in_force, versions_gone)
        if ended is not None:
            cause, criterion_ids = ended
            ledger.write(ApprovalLapsed(act_id=act_id, gate=approval.gate, cause=cause, criterion_ids=criterion_ids))


def _ask(ledger: Ledger, verdict: Verdict) -> None:
    """Ask once; anew when a criterion joins; stop asking when something else is missing. A rejection silences."""
    picture = ledger.state.picture
    if verdict.asks is None:
        if picture.asked is not None:
            missing = tuple(each.criterion_id for each in verdict.results if _is_missing(each))
            ledger.write(AskWithdrawn(gate=verdict.gate, attempt=picture.attempt, criterion_ids=missing))
        return
    about = tuple(
        each.criterion_id
        for each in verdict.results
        if each.outcome is Outcome.NEEDS_APPROVAL and each.criterion_id != TRUST_ID
    )
    rejected = any(each.answer == "rejected" for each in picture.approvals.values())
    same = picture.asked is verdict.asks and picture.awaits == verdict.awaits
    standing = same and all(each in picture.asked_for for each in about)
    if rejected or standing:
        return
    until = deadlines.of(ledger.state, verdict.gate, ledger.now)
    ledger.write(
        ApprovalAsked(
            gate=verdict.gate,
            attempt=picture.attempt,
            role=verdict.asks,
            criterion_ids=about,
            answer_by=until.answer_by,
            awaits=verdict.awaits,
            deputy_at=until.deputy_at,
        )
    )


def _is_missing(result: CriterionResult) -> bool:
    return result.outcome in (Outcome.UNMET, Outcome.UNKNOWN)


def _question(ledger: Ledger, gate_id: GateId) -> None:
    """Hard lines of an opened gate that fresh evidence says no to. A question stays until evidence answers it."""
    state = ledger.state
    gate = state.policy.gates[gate_id]
    asked_before = state.picture.questioned.get(gate_id, ())
    kinds = {each.id for each in gate.criteria if isinstance(each, CONTRADICTABLE)}
    contradicting = tuple(
        result.criterion_id
        for result in assess(state.policy, gate, state.calendar, inputs_for(state, gate_id), ledger.now)
        if result.criterion_id in kinds
        and result.severity is Severity.HARD
        and (result.status is Status.UNMET or (result.status in UNREADABLE and result.criterion_id in asked_before))
    )
    if contradicting != asked_before:
        ledger.write(DecisionQuestioned(gate=gate_id, criterion_ids=contradicting))
