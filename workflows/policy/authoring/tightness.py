"""What makes a policy tighter or looser, line by line. Called by `policy diff`, inheritance and migration plans.

It fails closed: what it cannot compare, another kind, another signal, a field it has no rule for, counts as looser,
which an inheriting document may not be. A tighter gate never opens where the looser one is kept shut by a criterion;
the one thing more it may do is to decide where the looser had nothing hard left to judge.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from schemas.gate import Criterion, Gate, PolicyDocument, Severity, Share, Threshold, Trend
from schemas.readiness import CATALOGUE
from schemas.rules import WaiverFloor
from schemas.school import GateId
from schemas.signal import Direction
from schemas.trust import Trust
from workflows.policy.authoring.document import profile_for
from workflows.policy.people import RANK


class Turn(StrEnum):
    """Which way a change goes."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    EVEN = "even"
    """Changes words, or nothing that decides."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of one gate that differs."""

    gate: GateId
    criterion_id: str | None
    """None: a line of the gate itself."""
    field: str | None
    """None: the whole criterion came or went."""
    before: Any
    """As JSON has it. None: not there, or no line. Any: lines are numbers, words and lists of them."""
    after: Any
    turn: Turn


Value = Any
"""A field's value. Any: this module compares what it has rules for, and refuses the rest."""
Rule = Callable[[Value, Value], Turn]
_Grey = Threshold | Share | Trend
"""The kinds that may have a grey zone."""
_TRUST = (Trust.OBSERVE, Trust.ADVISE, Trust.ADVANCE, Trust.HOLD)
"""Loosest first: by how little can open a gate, not by how far the machine is trusted."""
_SEVERITY = (Severity.OBSERVE, Severity.SOFT, Severity.HARD)


def _by_order(before: float, after: float) -> Turn:
    return Turn.EVEN if before == after else Turn.TIGHTER if after > before else Turn.LOOSER


def _more(before: Value, after: Value) -> Turn:
    """More is tighter; no number is the least."""
    low = float("-inf")
    return _by_order(low if before is None else before, low if after is None else after)


def _less(before: Value, after: Value) -> Turn:
    """Less is tighter; no number is the most."""
    high = float("inf")
    return _by_order(-(high if before is None else before), -(high if after is None else after))


def _no(before: Value, after: Value) -> Turn:
    return _by_order(not before, not after)


def _later(before: Value, after: Value) -> Turn:
    """A window that opens later is tighter; none is open from the beginning."""
    return _by_order((before or date.min).toordinal(), (after or date.min).toordinal())


def _earlier(before: Value, after: Value) -> Turn:
    """A window that closes earlier is tighter; none never closes."""
    return _by_order(-(before or date.max).toordinal(), -(after or date.max).toordinal())


def _severity(before: Value, after: Value) -> Turn:
    return _by_order(_SEVERITY.index(before), _SEVERITY.index(after))


def _superset(before: Value, after: Value) -> Turn:
    """More roles are tighter; another role in place of one is not."""
    old, new = frozenset(before), frozenset(after)
    if old == new:
        return Turn.EVEN
    return Turn.TIGHTER if old < new else Turn.LOOSER


def _subset(before: Value, after: Value) -> Turn:
    """Fewer roles of which one is enough are tighter."""
    return _superset(after, before)


def _approver(before: Value, after: Value) -> Turn:
    """A role above is tighter; another role of the same rank is another, and so looser."""
    return Turn.TIGHTER if RANK[after] > RANK[before] else Turn.LOOSER


def _trust(before: Value, after: Value) -> Turn:
    """A yes beside a good verdict is tightest; a verdict alone is next; a hand that may go against it is loosest."""
    return _by_order(_TRUST.index(before), _TRUST.index(after))


def _even(before: Value, after: Value) -> Turn:
    del before, after
    return Turn.EVEN


def _bring(before: Value, after: Value) -> Turn:
    """To bring what was absent is tighter; to take it away, or put another in its place, is looser."""
    del after
    return Turn.LOOSER if before else Turn.TIGHTER


def _variance(before: Value, after: Value) -> Turn:
    """Narrower ranges are tighter: they let less be loosened later. A range on a line that had none is looser."""
    widened = any(
        line not in before or low < before[line][0] or high > before[line][1] for line, (low, high) in after.items()
    )
    return Turn.LOOSER if widened else Turn.TIGHTER


_EVERY: Mapping[str, Rule] = {
    "severity": _severity,
    "waivable": _no,
    "not_applicable_passes": _no,
    "owner": _even,
    "next_step": _even,
    "source": _even,
    "lesson": _even,
    "variance": _variance,
    "work_item": _bring,
}
_OF_KIND: Mapping[str, Mapping[str, Rule]] = {
    "share": {"minimum_population": _more, "confidence_ratio": _more},
    "defect-count": {"critical_at_most": _less, "major_at_most": _less},
    "soak": {"minimum_days": _more, "evidence_age_days_max": _less},
    "dwell": {"minimum_days": _more},
    "sign-offs": {"roles": _superset},
    "trend": {"minimum_points": _more},
    "document": {"approvers": _subset, "age_days_max": _less},
    "date-window": {"opens_on": _later, "closes_on": _earlier},
}
_GATE: Mapping[str, Rule] = {
    "trust": _trust,
    "approver": _approver,
    "approval_days": _less,
    "silence": _even,
    "guard": _bring,
}
_FLOOR = WaiverFloor()
_LINES = ("pass_at", "fail_at", "warn_at", "healthy_at", "periods")
"""Lines of a signal: the signal's direction says which way is tighter."""


def _freed(before: Criterion, after: Criterion, floor: WaiverFloor) -> bool:
    """Whether a change of owner or lesson takes a criterion off the floor, which knows it by these alone."""
    lessons = (*floor.never_lessons, *floor.state_lessons)
    by_owner = before.owner in floor.never_owners and after.owner is not before.owner
    return by_owner or (before.lesson in lessons and after.lesson != before.lesson)


def field_turn(before: Criterion, after: Criterion, field: str) -> Turn:
    """Which way one field's change goes; LOOSER for whatever has no rule."""
    old, new = getattr(before, field, None), getattr(after, field, None)
    if field in _LINES:
        return _line(before, after, field)
    rule = _OF_KIND.get(after.kind, {}).get(field) or _EVERY.get(field)
    return Turn.LOOSER if rule is None else rule(old, new)


def _line(before: Criterion, after: Criterion, field: str) -> Turn:
    signal = CATALOGUE.get(getattr(after, "signal", ""))
    if signal is None or getattr(before, "signal", None) != signal.name:
        return Turn.LOOSER
    old, new = getattr(before, field), getattr(after, field)
    if field == "fail_at" and isinstance(before, _Grey) and isinstance(after, _Grey):
        old = before.pass_at if old is None else old  # no grey zone: everything worse than the pass line fails
        new = after.pass_at if new is None else new
    return _more(old, new) if signal.direction is Direction.HIGHER_IS_BETTER else _less(old, new)


def _plain(value: Value) -> Value:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def criterion_changes(
    gate: GateId, before: Criterion, after: Criterion, floor: WaiverFloor = _FLOOR
) -> Iterator[Change]:  # fmt: skip
    """Every field in which two criteria of one id differ. Another kind is one change, and looser.

    Owner and lesson are words, until a change of them takes the criterion off the floor under waivers.
    """
    if before.kind != after.kind:
        yield Change(gate, after.id, "kind", before.kind, after.kind, Turn.LOOSER)
        return
    for field in sorted(type(after).model_fields):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            freed = field in ("owner", "lesson") and _freed(before, after, floor)
            turn = Turn.LOOSER if freed else field_turn(before, after, field)
            yield Change(gate, after.id, field, _plain(old), _plain(new), turn)


def gate_changes(gate: GateId, before: Gate, after: Gate, floor: WaiverFloor = _FLOOR) -> tuple[Change, ...]:
    """Every line in which two gates differ: the gate's own first, then criteria in the newer one's order."""
    found: list[Change] = []
    for field in sorted(type(after).model_fields):
        old, new = getattr(before, field), getattr(after, field)
        if field != "criteria" and old != new:
            rule = _GATE.get(field)
            found.append(Change(gate, None, field, _plain(old), _plain(new), rule(old, new) if rule else Turn.LOOSER))
    held = {criterion.id: criterion for criterion in before.criteria}
    for criterion in after.criteria:
        old_one = held.pop(criterion.id, None)
        if old_one is None:
            found.append(Change(gate, criterion.id, None, None, _whole(criterion), Turn.TIGHTER))
        else:
            found += criterion_changes(gate, old_one, criterion, floor)
    found += [Change(gate, gone.id, None, _whole(gone), None, Turn.LOOSER) for gone in held.values()]
    return tuple(found)


def _whole(criterion: Criterion) -> Value:
    return criterion.model_dump(mode="json", exclude_defaults=True)


def profile_changes(
    before: Mapping[GateId, Gate], after: Mapping[GateId, Gate], floor: WaiverFloor
) -> tuple[Change, ...]:  # fmt: skip
    """Every line in which two profiles' gates differ, gate by gate. `floor`: that of the older document."""
    return tuple(change for gate in GateId for change in gate_changes(gate, before[gate], after[gate], floor))


def counterparts(before: PolicyDocument, after: PolicyDocument) -> tuple[tuple[str, str], ...]:
    """(profile before, profile after) for schools of every size, each pair once.

    A profile's ends move schools from one set of gates to another, so documents are compared by what a school of
    each size gets. Raises LookupError when one of them leaves a size out, which lint forbids.
    """
    ends = sorted(
        end
        for document in (before, after)
        for profile in document.profiles.values()
        for end in (profile.teachers_at_least, profile.teachers_below)
        if end is not None
    )
    sizes = (None, 0.0, *ends)
    return tuple(dict.fromkeys((profile_for(before, size), profile_for(after, size)) for size in sizes))
