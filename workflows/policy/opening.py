"""A gate opens and the next phase begins: by the machine on a good verdict, or by a person's hand where trust ends.

Called by settle.py and acts/advancing.py. It decides nothing: it names the decision of the same step.
"""

from typing import Literal

from schemas.decision import DecisionRecord, Reason, Status, Verdict
from schemas.fact import GateDecided, GateOpened
from schemas.gate import Severity
from schemas.model import digest_of
from schemas.trust import Hand
from workflows.policy.ledger import Ledger
from workflows.policy.migration import open_phase
from workflows.policy.state import inputs_for

By = Literal["evidence", "approval", "waiver", "override", "person"]


def open_gate(ledger: Ledger, verdict: Verdict, hand: Hand | None = None) -> None:
    """The gate opens on the decision just written, and the next phase begins. `hand` None: the machine opened it."""
    sequence, record = _decision(ledger, verdict)
    ledger.write(
        GateOpened(
            gate=verdict.gate,
            attempt=ledger.state.picture.attempt,
            decision_sequence=sequence,
            decision_digest=digest_of(record),
            by="person" if hand else _opened_by(verdict),
            hand=hand,
        )
    )
    following = verdict.gate.phase.following
    if following is not None:
        open_phase(ledger, following, attempt=ledger.state.picture.attempt)


def _decision(ledger: Ledger, verdict: Verdict) -> tuple[int, DecisionRecord]:
    """This step's decision of the gate and its number; written now if none changed anything: an opening names one."""
    for fact in reversed(ledger.facts):
        if isinstance(fact.body, GateDecided) and fact.body.decision.verdict == verdict:
            return fact.fact_sequence, fact.body.decision
    record = ledger.record(inputs_for(ledger.state, verdict.gate), verdict)
    return ledger.write(GateDecided(decision=record)).fact_sequence, record


def _opened_by(verdict: Verdict) -> By:
    """The strongest thing it took beside evidence."""
    hard = [result for result in verdict.results if result.severity is Severity.HARD]
    if any(result.reason is Reason.OVERRIDDEN for result in hard):
        return "override"
    if any(result.status is Status.OVERRIDDEN for result in hard):
        return "approval"
    return "waiver" if any(result.status is Status.WAIVED for result in hard) else "evidence"
