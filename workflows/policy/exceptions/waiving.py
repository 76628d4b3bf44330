"""What time does to waivers and overrides: reminders, ends, and what an end means for a gate that opened on it.

Called by settle, acts, and a migration that ends a waiver. An end is never silent: the criterion holds again at once, and an
opened gate whose criterion then fails is questioned and held, or handed to the guards, as the policy says.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from schemas.calendar import Calendar
from schemas.decision import CriterionResult, Hold, HoldKind, Status, Verdict, Waiver
from schemas.fact import DecisionQuestioned, HoldAdded, HoldReleased
from schemas.gate import Dwell
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from schemas.waiver import OverrideLapsed, WaiverEnded, WaiverReminded
from workflows.policy.calendar import days_before
from workflows.policy.evaluate import assess, usable_calendar
from workflows.policy.exceptions.overrides import confirm_by
from workflows.policy.guard.guards import CONTRADICTABLE
from workflows.policy.judgement import earliest
from workflows.policy.ledger import Ledger
from workflows.policy.state import RolloutState, inputs_for

Consequence = Literal["none", "hold", "regress"]
ENDED = "waiver-ended"
"""The reason of the hold that follows a waiver's end."""
_PASSING = (Status.MET, Status.WAIVED, Status.OVERRIDDEN, Status.NOT_APPLICABLE, Status.OBSERVED_ONLY)


def counting(state: RolloutState) -> Calendar | None:
    """The calendar that may count days for this school; None: none may."""
    return usable_calendar(state.calendar, inputs_for(state, state.picture.phase.gate))


def end(ledger: Ledger) -> None:
    """Waivers past their end are ended, overrides past their limit are void, holds that waited for a criterion lift."""
    for waiver_id, waiver in sorted(ledger.state.picture.waivers.items()):
        if waiver.expires_at <= ledger.now:
            end_one(ledger, waiver_id, waiver)
    _lapse_overrides(ledger)
    _lift_resolved(ledger)


def remind(ledger: Ledger, _verdict: Verdict) -> datetime | None:
    """Each waiver is reminded of once, before its end. The next reminder, end or limit that time brings."""
    state, looks = ledger.state, list[datetime | None]()
    calendar = counting(state) if state.picture.waivers or state.picture.overrides else None
    for waiver_id, waiver in sorted(state.picture.waivers.items()):
        looks.append(waiver.expires_at)
        if waiver_id in state.picture.waivers_reminded:
            continue
        at = remind_at(waiver, state.policy.exceptions.waivers.remind_days_before, calendar)
        if at > ledger.now:
            looks.append(at)
            continue
        ledger.write(
            WaiverReminded(
                waiver_id=waiver_id, gate=waiver.gate, criterion_ids=waiver.criterion_ids,
                expires_at=waiver.expires_at, tells=_reminded(state, waiver),
            )
        )  # fmt: skip
    days = state.policy.exceptions.overrides.confirm_days
    waiting = [each for each in state.picture.overrides.values() if each.confirmed_at is None]
    looks += [confirm_by(each, days, calendar) for each in waiting]
    looks += [result.next_look_at for _, result in _awaited(state, ledger.now)]
    return earliest(*(look for look in looks if look is not None and look > ledger.now))


def _reminded(state: RolloutState, waiver: Waiver) -> tuple[Role, ...]:
    """Whoever granted it, and the owners of what it lets pass; nobody where a ladder tells of it: once is enough."""
    if state.policy.waiver_ladder is not None:
        return ()
    gates = [gate for key, gate in state.policy.gates.items() if waiver.gate in (None, key)]
    owners = [each.owner for gate in gates for each in gate.criteria if each.id in waiver.criterion_ids]
    return tuple(dict.fromkeys((waiver.granted_by.role, *owners)))


def remind_at(waiver: Waiver, days: float, calendar: Calendar | None) -> datetime:
    """So many instructional days before the end, and never before the grant; days of 24 hours without a calendar."""
    counted = None if calendar is None else days_before(calendar, waiver.expires_at, days)
    return max(waiver.granted_at, counted or waiver.expires_at - timedelta(days=days))


def failing_without(
    state: RolloutState, waiver_id: str, waiver: Waiver, now: datetime
) -> dict[GateId, tuple[str, ...]]:
    """For each opened gate that the waiver speaks of, its criteria that do not pass once the waiver is gone.

    A dwell is left out: the stay in a phase that is over says nothing any more.
    """
    left = {key: each for key, each in state.picture.waivers.items() if key != waiver_id}
    without = state.model_copy(update={"picture": state.picture.model_copy(update={"waivers": left})})
    found: dict[GateId, tuple[str, ...]] = {}
    for gate_id in state.picture.opened:
        if waiver.gate not in (None, gate_id):
            continue
        results = _results(without, gate_id, waiver.criterion_ids, now)
        failing = tuple(result.criterion_id for result in results if result.status not in _PASSING)
        if failing:
            found[gate_id] = failing
    return found


def consequence_of(state: RolloutState, failing: dict[GateId, tuple[str, ...]]) -> Consequence:
    """What the policy wants of an end at an opened gate: nothing while its criteria pass."""
    return state.policy.exceptions.waivers.at_expiry if failing else "none"


def follow(
    ledger: Ledger, waiver: Waiver, failing: dict[GateId, tuple[str, ...]], phase: Phase | None = None
) -> None:  # fmt: skip
    """Questions the opened gates whose criteria fail, and holds the school where the policy says hold."""
    for gate_id, criterion_ids in failing.items():
        _question(ledger, gate_id, criterion_ids, phase)
    if consequence_of(ledger.state, failing) != "hold" or waiver.waiver_id in ledger.state.picture.holds:
        return
    gate_id, criterion_ids = next(iter(failing.items()))
    ledger.write(
        HoldAdded(
            hold=Hold(
                hold_id=waiver.waiver_id, kind=HoldKind.POLICY,
                scope=Scope(kind=ScopeKind.SCHOOL, id=ledger.state.school_id), reason=ENDED, placed_at=ledger.now,
                lifted_by=waiver.granted_by.role, gate=gate_id, criterion_ids=criterion_ids,
            )
        ),
        phase=phase,
    )  # fmt: skip


def end_one(ledger: Ledger, waiver_id: str, waiver: Waiver, phase: Phase | None = None) -> None:
    """Ends a waiver, and does what the policy wants of it at gates that opened on it. `phase`: of the facts; None: now's."""
    failing = failing_without(ledger.state, waiver_id, waiver, ledger.now)
    ledger.write(
        WaiverEnded(
            waiver_id=waiver_id,
            gate=waiver.gate,
            criterion_ids=waiver.criterion_ids,
            failing=tuple(each for ids in failing.values() for each in ids),
            consequence=consequence_of(ledger.state, failing),
        ),
        phase=phase,
    )
    follow(ledger, waiver, failing, phase)


def _question(ledger: Ledger, gate_id: GateId, criterion_ids: tuple[str, ...], phase: Phase | None) -> None:
    """The criterion is named where a contradiction of an opened gate is always named."""
    gate, asked_before = ledger.state.policy.gates[gate_id], ledger.state.picture.questioned.get(gate_id, ())
    lines = [each.id for each in gate.criteria if isinstance(each, CONTRADICTABLE)]
    named = tuple(each for each in lines if each in criterion_ids or each in asked_before)
    if named != asked_before:
        ledger.write(DecisionQuestioned(gate=gate_id, criterion_ids=named), phase=phase)


def _lapse_overrides(ledger: Ledger) -> None:
    days = ledger.state.policy.exceptions.overrides.confirm_days
    for override_id, override in sorted(ledger.state.picture.overrides.items()):
        if override.confirmed_at is not None:
            continue
        if ledger.now >= confirm_by(override, days, counting(ledger.state)):
            ledger.write(OverrideLapsed(override_id=override_id, cause="not-confirmed"))


def _lift_resolved(ledger: Ledger) -> None:
    awaited: dict[str, bool] = {}
    for hold_id, result in _awaited(ledger.state, ledger.now):
        awaited[hold_id] = awaited.get(hold_id, True) and result.status in _PASSING
    for hold_id, resolved in sorted(awaited.items()):
        if resolved:
            ledger.write(HoldReleased(hold_id=hold_id, cause="resolved"))


def _awaited(state: RolloutState, now: datetime) -> Iterable[tuple[str, CriterionResult]]:
    """Every hold that waits for criteria, with each of them as it stands."""
    for hold_id, hold in sorted(state.picture.holds.items()):
        if hold.gate is not None and hold.criterion_ids:
            for result in _results(state, hold.gate, hold.criterion_ids, now):
                yield hold_id, result


def _results(
    state: RolloutState, gate_id: GateId, criterion_ids: tuple[str, ...], now: datetime
) -> list[CriterionResult]:
    gate = state.policy.gates[gate_id]
    timed = {each.id for each in gate.criteria if isinstance(each, Dwell)}
    return [
        result
        for result in assess(state.policy, gate, state.calendar, inputs_for(state, gate_id), now)
        if result.criterion_id in criterion_ids and result.criterion_id not in timed
    ]
