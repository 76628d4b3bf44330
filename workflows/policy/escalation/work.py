"""Work items: opened when a criterion that names work fails, closed when evidence shows it done. Pure.

Called by settle, by guards, by people's acts, and by progress when a rollout stops. Work approves nothing and opens nothing:
a gate never looks at it.
"""

from datetime import datetime

from schemas.calendar import Calendar
from schemas.decision import CriterionResult, Status, Verdict
from schemas.escalation import WorkItem, WorkItemClosed, WorkItemId, WorkItemOpened, WorkItemOverdue
from schemas.gate import Consecutive, Criterion, Gate, Match, Trend
from schemas.model import digest_of
from schemas.school import GateId
from workflows.policy.calendar import add_days
from workflows.policy.criteria.reading import signals_read
from workflows.policy.evaluate import assess, usable_calendar
from workflows.policy.judgement import earliest
from workflows.policy.ledger import Ledger
from workflows.policy.state import RolloutState, inputs_for

_DONE = (Status.MET, Status.NOT_APPLICABLE)
"""Waived or overridden is not done."""


def follow_work(ledger: Ledger, verdict: Verdict) -> datetime | None:
    """Open, close and call overdue what is; when the next item falls due, or None. Never blocks."""
    gate = ledger.state.policy.gates.get(verdict.gate)
    lines = [each for each in gate.criteria if each.work_item is not None] if gate is not None else []
    if not lines and not ledger.state.picture.work_items:
        return None
    calendar = usable_calendar(ledger.state.calendar, inputs_for(ledger.state, verdict.gate))
    results = {each.criterion_id: each for each in verdict.results}
    _close(ledger, verdict.gate, results)
    known = {(each.gate, each.criterion_id) for each in ledger.state.picture.work_items.values()}
    failing = [each for each in lines if each.id in results and results[each.id].status is Status.UNMET]
    _forget(ledger, verdict.gate, {each.id for each in failing})
    for criterion in failing:
        aside = set_aside(verdict.gate, criterion.id) in ledger.state.work_set_aside
        if not aside and (verdict.gate, criterion.id) not in known:
            _open(ledger, verdict.gate, criterion, calendar)
    return earliest(*[_call_overdue(ledger, key, calendar) for key in sorted(ledger.state.picture.work_items)])


def end_work(ledger: Ledger) -> None:
    """The rollout stops: nothing is left to do for it."""
    for work_item_id in sorted(ledger.state.picture.work_items):
        ledger.write(WorkItemClosed(work_item_id=work_item_id, cause="stopped"))


def work_item_id(state: RolloutState) -> WorkItemId:
    """The id of the item that the next fact opens."""
    return f"work-{digest_of([state.program_id, state.school_id, state.picture.fact_sequence + 1])[7:23]}"


def set_aside(gate: GateId, criterion_id: str) -> str:
    """The mark of work that a person closed although its criterion fails."""
    return f"{gate.value}/{criterion_id}"


def _forget(ledger: Ledger, gate: GateId, failing: set[str]) -> None:
    """A criterion that no longer fails is no longer set aside; nor is one of a gate the school has left."""
    before = ledger.state.work_set_aside
    if not before:
        return
    after = tuple(mark for mark in before if mark in {set_aside(gate, each) for each in failing})
    if after != before:
        ledger.change(work_set_aside=after)


def due_at(calendar: Calendar | None, opened_at: datetime, days: int) -> datetime | None:
    """When work opened then is due; None: the calendar ends before, or there is none."""
    return None if calendar is None else add_days(calendar, opened_at, days)


def _close(ledger: Ledger, current: GateId, results: dict[str, CriterionResult]) -> None:
    """By evidence alone. A criterion of a gate the school has left is judged as that gate would."""
    by_gate = {current: results}
    for key, item in sorted(ledger.state.picture.work_items.items()):
        if item.criterion_id is None:
            continue
        if item.gate not in by_gate:
            by_gate[item.gate] = _judged(ledger, item.gate)
        result = by_gate[item.gate].get(item.criterion_id)
        if result is None:
            ledger.write(WorkItemClosed(work_item_id=key, cause="phase-left"))
        elif result.status in _DONE:
            ledger.write(WorkItemClosed(work_item_id=key, cause="evidence"))


def _judged(ledger: Ledger, gate_id: GateId) -> dict[str, CriterionResult]:
    state = ledger.state
    gate: Gate | None = state.policy.gates.get(gate_id)
    if gate is None:
        return {}
    found = assess(state.policy, gate, state.calendar, inputs_for(state, gate_id), ledger.now)
    return {each.criterion_id: each for each in found}


def _open(ledger: Ledger, gate: GateId, criterion: Criterion, calendar: Calendar | None) -> None:
    line = criterion.work_item
    assert line is not None  # the caller chose those that have one
    ledger.write(
        WorkItemOpened(
            work_item_id=work_item_id(ledger.state),
            title=line.title,
            assignee=line.assignee,
            gate=gate,
            criterion_id=criterion.id,
            evidence=_evidence(criterion, ledger.state.policy.semantics),
            due_days=line.due_days,
            due_at=due_at(calendar, ledger.now, line.due_days),
            ladder=line.ladder,
        )
    )


def _evidence(criterion: Criterion, semantics: int) -> tuple[str, ...]:
    """The signals that show it done. The first semantics named none for criteria on what was before, or on names."""
    return () if semantics < 2 and isinstance(criterion, Trend | Consecutive | Match) else signals_read(criterion)


def _call_overdue(ledger: Ledger, key: WorkItemId, calendar: Calendar | None) -> datetime | None:
    item: WorkItem = ledger.state.picture.work_items[key]
    if item.overdue:
        return None
    due = due_at(calendar, item.opened_at, item.due_days)
    if due is None or due > ledger.now:
        return due
    ledger.write(WorkItemOverdue(work_item_id=key, due_at=due))
    return None
