"""A tighter document never opens where the looser one says no; a document does not differ from itself."""

from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.decision import EvidenceItem, GateInputs, Outcome, Verdict
from schemas.gate import Criterion, DefectCount, Dwell, Gate, SchoolPolicy, Severity, Share, SignOffs, Soak, Threshold
from schemas.readiness import CATALOGUE, CoalescedReading
from schemas.school import GateId, Role
from tests.harness.scenario import LIFE, OPENING, gate_of, gates, inputs_of, policy_of, reading
from tests.property.strategies import CALENDAR, GATES, NOW, values
from workflows.policy.authoring.tightness import Turn, criterion_changes, gate_changes
from workflows.policy.evaluate import evaluate, signals_of
from workflows.policy.evidence import fold

UP, DOWN, RATIO = "network.mbps-per-student", "network.page-load-p95-seconds", "device.enrolled-ratio"
ROLES = (Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY, Role.DISTRICT_CURRICULUM)


def maybe(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), some)


@st.composite
def criteria(draw: st.DrawFn, name: str, kind: str | None = None) -> Criterion:
    kind = kind or draw(st.sampled_from(["threshold", "threshold-down", "share", "soak", "dwell", "defects", "signed"]))
    base: dict[str, Any] = {
        "id": name, "severity": draw(st.sampled_from([Severity.HARD, Severity.HARD, Severity.SOFT])),
        "waivable": draw(st.booleans()), **LIFE,
    }  # fmt: skip
    absent = draw(st.booleans())
    match kind:
        case "threshold" | "threshold-down":
            signal = UP if kind == "threshold" else DOWN
            return Threshold(signal=signal, pass_at=draw(values(signal)), fail_at=draw(maybe(values(signal))),
                             not_applicable_passes=absent, **base)  # fmt: skip
        case "share":
            return Share(signal=RATIO, pass_at=draw(values(RATIO)), fail_at=draw(maybe(values(RATIO))),
                         minimum_population=draw(st.integers(1, 30)), not_applicable_passes=absent,
                         confidence_ratio=draw(maybe(st.sampled_from([0.51, 0.8, 0.95]))), **base)  # fmt: skip
        case "soak":
            return Soak(signal=DOWN, healthy_at=draw(values(DOWN)), minimum_days=draw(st.integers(1, 9)),
                        evidence_age_days_max=draw(st.integers(1, 9)), not_applicable_passes=absent, **base)  # fmt: skip
        case "dwell":
            return Dwell(minimum_days=draw(st.integers(1, 20)), **base)
        case "defects":
            return DefectCount(critical_at_most=draw(st.integers(0, 2)), major_at_most=draw(st.integers(0, 3)), **base)
        case _:
            return SignOffs(roles=tuple(draw(st.lists(st.sampled_from(ROLES), min_size=1, unique=True))), **base)


@dataclass(frozen=True)
class Pair:
    looser: Gate
    tighter: Gate


@st.composite
def tightened(draw: st.DrawFn, criterion: Criterion) -> Criterion:
    """The criterion with lines of another of its kind, wherever that is no loosening."""
    kind: str = criterion.kind
    if isinstance(criterion, Threshold):
        kind = "threshold" if criterion.signal == UP else "threshold-down"
    other = draw(criteria(criterion.id, {"defect-count": "defects", "sign-offs": "signed"}.get(kind, kind)))
    wanted = draw(st.lists(st.sampled_from(sorted(type(criterion).model_fields)), min_size=1, unique=True))
    for field in wanted:
        changed = criterion.model_copy(update={field: getattr(other, field)})
        if all(each.turn is not Turn.LOOSER for each in criterion_changes(GateId.BETA, criterion, changed)):
            criterion = changed
    return criterion


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Two gates, the second nowhere looser: lines tightened one by one, perhaps criteria added."""
    before = [draw(criteria(f"x-{number}")) for number in range(draw(st.integers(1, 2)))]
    after = [draw(tightened(each)) for each in before]
    after += [draw(criteria(f"y-{number}")) for number in range(draw(st.integers(0, 1)))]
    pair = Pair(gate_of(*before), gate_of(*after))
    assert all(each.turn is not Turn.LOOSER for each in gate_changes(GateId.BETA, pair.looser, pair.tighter))
    return pair


def lines(criterion: Criterion) -> list[float]:
    """The values at which a criterion turns, and their neighbours on the grid."""
    signal = CATALOGUE.get(getattr(criterion, "signal", ""))
    step = float(signal.resolution) if signal else 1.0
    named = ("pass_at", "fail_at", "healthy_at", "critical_at_most", "major_at_most")
    found = [getattr(criterion, name, None) for name in named]
    return [round(max(0.0, line + n * step), 3) for line in found if line is not None for n in (-1, 0, 1)]


@st.composite
def heard_of(draw: st.DrawFn, *both: Criterion) -> list[tuple[str, CoalescedReading]]:
    """A few readings of what the criteria read, near their lines and near the ends of their times."""
    found: list[tuple[str, CoalescedReading]] = []
    names = sorted({name for each in both for name in signals_of(gate_of(each))})
    near = sorted({line for each in both for line in lines(each)}) or [0.0]
    days = sorted(draw(st.lists(st.integers(0, 12), min_size=1, max_size=3)), reverse=True)
    for sequence, day in enumerate(days, 1):
        for name in names:
            value: float | None = draw(st.sampled_from(near))
            changes: dict[str, Any] = {}
            if CATALOGUE[name].share:
                population = draw(st.sampled_from([4, 12, 40, 1000]))
                numerator = min(population, round(min(value or 0.0, 1.0) * population) + draw(st.integers(0, 1)))
                value = floor(numerator * 1000 / population) / 1000
                changes = {"population": population, "numerator": numerator}
            if draw(st.integers(0, 7)) == 0:
                value, changes = None, {"applicable": False}
            one = reading(name, value, NOW - timedelta(days=day), sequence, **changes)
            found.append((name, one.model_copy(update=changes)))
    return found


def policy(gate: Gate) -> SchoolPolicy:
    return policy_of(gates() | {GateId.BETA: gate})


def decide(gate: Gate, heard: list[tuple[str, CoalescedReading]], opened_at: Any) -> Verdict:
    pinned = policy(gate)
    evidence: dict[str, EvidenceItem] = {}
    for name, each in heard:
        evidence = fold(evidence, name, each, pinned, CALENDAR)
    of: GateInputs = inputs_of(GateId.BETA, evidence, opened_at=opened_at)
    return evaluate(pinned, CALENDAR, of, NOW)


@given(st.data(), st.integers(0, 24 * 15))
@settings(max_examples=400, deadline=None)
def test_a_tighter_criterion_never_passes_where_the_looser_does_not(data: st.DataObject, hours: int) -> None:
    looser = data.draw(criteria("x-0"))
    tighter = data.draw(tightened(looser))
    heard, opened_at = data.draw(heard_of(looser, tighter)), max(OPENING, NOW - timedelta(hours=hours))
    before = decide(gate_of(looser), heard, opened_at).results[0]
    after = decide(gate_of(tighter), heard, opened_at).results[0]
    if before.outcome is not Outcome.OPEN:
        assert after.outcome is not Outcome.OPEN, (looser, tighter, heard)


@settings(deadline=None)
@given(pairs(), st.data(), st.integers(0, 24 * 15))
def test_a_tighter_gate_never_opens_where_the_looser_says_no(pair: Pair, data: st.DataObject, hours: int) -> None:
    heard = data.draw(heard_of(*pair.looser.criteria, *pair.tighter.criteria))
    opened_at = max(OPENING, NOW - timedelta(hours=hours))
    looser, tighter = decide(pair.looser, heard, opened_at), decide(pair.tighter, heard, opened_at)
    shut_by = [each.criterion_id for each in looser.results if each.outcome is not Outcome.OPEN]
    # a gate with nothing hard left to judge is UNKNOWN; a harder line gives it something to judge
    assume(shut_by != ["gate:criteria"])
    if looser.outcome is not Outcome.OPEN:
        assert tighter.outcome is not Outcome.OPEN, (shut_by, pair)


@settings(deadline=None)
@given(GATES, st.data())
def test_a_gate_does_not_differ_from_itself(gate: GateId, data: st.DataObject) -> None:
    one = gate_of(*(data.draw(criteria(f"x-{number}")) for number in range(3)))
    assert gate_changes(gate, one, Gate.model_validate_json(one.model_dump_json())) == ()


@settings(deadline=None)
@given(pairs())
def test_what_is_tighter_one_way_is_not_tighter_the_other(pair: Pair) -> None:
    there = [each for each in gate_changes(GateId.BETA, pair.looser, pair.tighter) if each.turn is Turn.TIGHTER]
    back = {(each.criterion_id, each.field): each.turn for each in gate_changes(GateId.BETA, pair.tighter, pair.looser)}
    assert all(back[each.criterion_id, each.field] is Turn.LOOSER for each in there)
