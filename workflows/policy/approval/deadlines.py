"""What time does to an ask that stands: it becomes overdue, a deputy is called, a new calendar moves both.

Called by settle.py, after the gate is decided. Nothing fires before its instant, and each once for an ask.
"""

from dataclasses import dataclass
from datetime import datetime

from schemas.approval import AskMoved, AskOverdue, DeputyCalled
from schemas.decision import Verdict
from schemas.school import GateId
from workflows.policy.calendar import add_days
from workflows.policy.evaluate import usable_calendar
from workflows.policy.judgement import earliest
from workflows.policy.ledger import Ledger
from workflows.policy.state import RolloutState, inputs_for


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Of one ask; None: there is none, or the calendar ends before it."""

    answer_by: datetime | None
    deputy_at: datetime | None


def of(state: RolloutState, gate_id: GateId, asked_at: datetime) -> Deadlines:
    """The deadlines of an ask that has stood since an instant, by the calendar as it is now."""
    gate = state.policy.gates[gate_id]
    calendar = usable_calendar(state.calendar, inputs_for(state, gate_id))
    if calendar is None:
        return Deadlines(None, None)
    deputy_at = add_days(calendar, asked_at, gate.deputy_after_days) if gate.deputy is not None else None
    return Deadlines(add_days(calendar, asked_at, gate.approval_days), deputy_at)


def keep(ledger: Ledger, verdict: Verdict) -> datetime | None:
    """Moves, calls and reminds as the ask's deadlines say; when it must be looked at again, or None.

    Semantics 1 shows a deadline and does nothing by it, unless the gate names a deputy.
    """
    state, picture = ledger.state, ledger.state.picture
    gate = state.policy.gates[verdict.gate]
    if picture.asked is None or picture.asked_at is None or (state.policy.semantics < 2 and gate.deputy is None):
        return None
    until = of(state, verdict.gate, picture.asked_at)
    gate_id, attempt = verdict.gate, picture.attempt
    if (until.answer_by, until.deputy_at) != (picture.answer_by, picture.deputy_at):
        version = state.calendar.version if state.calendar else None
        ledger.write(
            AskMoved(
                gate=gate_id,
                attempt=attempt,
                answer_by=until.answer_by,
                deputy_at=until.deputy_at,
                calendar_version=version,
            )
        )
    pending: list[datetime] = []
    if gate.deputy is not None and picture.deputy is None and until.deputy_at is not None:
        if until.deputy_at <= ledger.now:
            ledger.write(DeputyCalled(gate=gate_id, attempt=attempt, role=gate.deputy))
        else:
            pending.append(until.deputy_at)
    if not picture.overdue and until.answer_by is not None:
        if until.answer_by <= ledger.now:
            ledger.write(AskOverdue(gate=gate_id, attempt=attempt, role=picture.asked, answer_by=until.answer_by))
        else:
            pending.append(until.answer_by)
    return earliest(*pending)
