"""Guards: opened gates are watched; a lasting contradiction warns, then holds, then takes the school back one phase.

Called by settle.py before the current gate is decided. Silence alone never takes a school back: a contradiction that
turned unreadable keeps its clock, and only evidence that says no makes the last step.
"""

from collections.abc import Iterator
from datetime import datetime

from schemas.calendar import Calendar
from schemas.decision import CriterionResult, Hold, HoldKind, Status, Verdict
from schemas.escalation import WorkItemOpened
from schemas.fact import HoldAdded, HoldReleased
from schemas.guard import Guard, GuardStage, GuardWatch
from schemas.regress import GuardChanged, PhaseRegressed
from schemas.school import GateId, Phase, Scope, ScopeKind
from workflows.policy.calendar import add_days
from workflows.policy.escalation.work import due_at, work_item_id
from workflows.policy.evaluate import assess, evaluate, usable_calendar
from workflows.policy.guard.guards import UNREADABLE, watched_criteria
from workflows.policy.judgement import earliest
from workflows.policy.ledger import Ledger
from workflows.policy.migration import open_phase
from workflows.policy.state import RolloutState, inputs_for


def watch(ledger: Ledger) -> None:
    """Move every guard on at the ledger's instant; at most one takes the school back. Never blocks."""
    if _move(ledger, regress=True):
        _move(ledger, regress=False)  # what is still open is watched from its new beginning, at this instant


def _move(ledger: Ledger, *, regress: bool) -> bool:
    """Each guard in turn, until one takes the school back; whether one did."""
    _forget_unguarded(ledger)
    for gate_id, guard in _guarded(ledger.state):
        seen = _contradicting(ledger, gate_id, guard)
        before = ledger.state.picture.guards.get(gate_id)
        after = _moved(guard, before, seen, _calendar(ledger, gate_id), ledger.now)
        if after != before:
            _write(ledger, gate_id, before, after)
        held = after is not None and after.stage is GuardStage.HELD
        _hold(ledger, gate_id, held=held, newly=_newly_held(before, after))
        says_no = tuple(each.criterion_id for each in seen if each.status is Status.UNMET)
        if regress and after is not None and says_no and _due(guard.regress_after_days, after.since, ledger, gate_id):
            _regress(ledger, gate_id, guard, after)
            return True
    return False


def _forget_unguarded(ledger: Ledger) -> None:
    """A gate whose guard another policy took away is no longer watched, nor held by it."""
    guarded = {gate_id for gate_id, _ in _guarded(ledger.state)}
    for gate_id, watched in sorted(ledger.state.picture.guards.items()):
        if gate_id not in guarded:
            _write(ledger, gate_id, watched, None)
            _hold(ledger, gate_id, held=False, newly=False)


def next_look(ledger: Ledger, _verdict: Verdict) -> datetime | None:
    """The next instant at which time alone moves a guard; None when it moves none."""
    looks: list[datetime | None] = []
    for gate_id, guard in _guarded(ledger.state):
        watched = ledger.state.picture.guards.get(gate_id)
        calendar = _calendar(ledger, gate_id)
        if watched is None or calendar is None:
            continue
        if watched.clear_since is not None:
            looks.append(add_days(calendar, watched.clear_since, guard.recover_after_days))
        for days in (guard.warn_after_days, guard.hold_after_days, guard.regress_after_days):
            looks.append(None if days is None else add_days(calendar, watched.since, days))
    return earliest(*(look for look in looks if look is not None and look > ledger.now))


def hold_id(gate_id: GateId, attempt: int) -> str:
    """The id of the hold that a guard places."""
    return f"guard-{gate_id.value.lower()}-attempt-{attempt}"


def _guarded(state: RolloutState) -> Iterator[tuple[GateId, Guard]]:
    """Opened gates with a guard, and scale's own guard while the school is there."""
    gates = list(state.picture.opened)
    if state.picture.phase is Phase.SCALE:
        gates.append(GateId.SCALE_GUARD)
    for gate_id in gates:
        guard = state.policy.gates[gate_id].guard
        if guard is not None:
            yield gate_id, guard


def _calendar(ledger: Ledger, gate_id: GateId) -> Calendar | None:
    return usable_calendar(ledger.state.calendar, inputs_for(ledger.state, gate_id))


def _contradicting(ledger: Ledger, gate_id: GateId, guard: Guard) -> list[CriterionResult]:
    """Watched hard criteria that say no, or that said no and can't be read any more."""
    state = ledger.state
    gate = state.policy.gates[gate_id]
    watched, before = watched_criteria(gate, guard), state.picture.guards.get(gate_id)
    still = before.criterion_ids if before is not None and before.clear_since is None else ()
    return [
        result
        for result in assess(state.policy, gate, state.calendar, inputs_for(state, gate_id), ledger.now)
        if result.criterion_id in watched
        and (
            (result.status is Status.UNMET and (result.population or guard.minimum_population) >= guard.minimum_population)
            or (result.status in UNREADABLE and result.criterion_id in still)
        )
    ]  # fmt: skip


def _moved(
    guard: Guard, before: GuardWatch | None, seen: list[CriterionResult], calendar: Calendar | None, now: datetime
) -> GuardWatch | None:
    """The watch now; None: at peace."""
    if not seen:
        return _at_peace(guard, before, calendar, now)
    since = before.since if before is not None else now
    stage = before.stage if before is not None else None
    if _passed(calendar, since, guard.warn_after_days, now):
        stage = stage or GuardStage.WARNED
    if guard.hold_after_days is not None and _passed(calendar, since, guard.hold_after_days, now):
        stage = GuardStage.HELD
    return GuardWatch(stage=stage, since=since, criterion_ids=tuple(each.criterion_id for each in seen))


def _at_peace(guard: Guard, before: GuardWatch | None, calendar: Calendar | None, now: datetime) -> GuardWatch | None:
    if before is None:
        return None
    clear_since = before.clear_since or now
    if _passed(calendar, clear_since, guard.recover_after_days, now):
        return None
    return before.model_copy(update={"clear_since": clear_since})


def _passed(calendar: Calendar | None, since: datetime, days: float, now: datetime) -> bool:
    """Whether so many instructional days have passed. Without a calendar nothing that counts days has."""
    if days == 0:
        return True
    due = add_days(calendar, since, days) if calendar is not None else None
    return due is not None and now >= due


def _due(days: float | None, since: datetime, ledger: Ledger, gate_id: GateId) -> bool:
    return days is not None and _passed(_calendar(ledger, gate_id), since, days, ledger.now)


def _write(ledger: Ledger, gate_id: GateId, before: GuardWatch | None, after: GuardWatch | None) -> None:
    told = after or before
    assert told is not None  # one of them differs from the other
    ledger.write(
        GuardChanged(
            gate=gate_id, stage=after.stage if after else None, since=told.since, clear_since=told.clear_since,
            criterion_ids=told.criterion_ids, over=after is None,
        )
    )  # fmt: skip


def _hold(ledger: Ledger, gate_id: GateId, *, held: bool, newly: bool) -> None:
    """A guard that holds keeps one hold of its own; one that does not lifts it."""
    picture = ledger.state.picture
    name = hold_id(gate_id, picture.attempt)
    stands = name in picture.holds
    if newly and not stands:
        ledger.write(
            HoldAdded(
                hold=Hold(
                    hold_id=name, kind=HoldKind.POLICY, scope=Scope(kind=ScopeKind.SCHOOL, id=ledger.state.school_id),
                    reason=f"guard-of-{gate_id.value.lower()}", placed_at=ledger.now,
                    lifted_by=ledger.state.policy.gates[gate_id].approver,
                )
            )
        )  # fmt: skip
    elif stands and not held:
        ledger.write(HoldReleased(hold_id=name, cause="resolved"))


def _newly_held(before: GuardWatch | None, after: GuardWatch | None) -> bool:
    """Whether this look is the one that holds: after a person lifted it, only new criteria or peace between do."""
    if after is None or after.stage is not GuardStage.HELD or after.clear_since is not None:
        return False
    if before is None or before.stage is not GuardStage.HELD:
        return True
    return not set(after.criterion_ids) <= set(before.criterion_ids)


def _regress(ledger: Ledger, gate_id: GateId, guard: Guard, watched: GuardWatch) -> None:
    """One phase back, by a decision with its evidence; compensations follow."""
    state = ledger.state
    back_to = list(Phase)[list(Phase).index(state.picture.phase) - 1]
    inputs = inputs_for(state, gate_id)
    verdict = evaluate(state.policy, state.calendar, inputs, ledger.now, calendar_digest=state.calendar_digest)
    attempt = state.picture.attempt
    _release_all(ledger, attempt)
    ledger.write(
        PhaseRegressed(
            gate=gate_id, back_to=back_to, criterion_ids=watched.criterion_ids, since=watched.since,
            decision=ledger.record(inputs, verdict), stops_handouts=guard.stops_handouts,
            second_chance=guard.second_chance,
        )
    )  # fmt: skip
    open_phase(ledger, back_to, attempt=attempt + 1)
    calendar = _calendar(ledger, gate_id)
    for line in guard.compensations:
        ledger.write(
            WorkItemOpened(
                work_item_id=work_item_id(ledger.state), title=line.title, assignee=line.assignee, gate=gate_id,
                due_days=line.due_days, due_at=due_at(calendar, ledger.now, line.due_days), ladder=line.ladder,
            )
        )  # fmt: skip


def _release_all(ledger: Ledger, attempt: int) -> None:
    """Guards' holds of this attempt end with it: being taken back is more than being held."""
    for gate_id in GateId:
        if hold_id(gate_id, attempt) in ledger.state.picture.holds:
            ledger.write(HoldReleased(hold_id=hold_id(gate_id, attempt), cause="resolved"))
