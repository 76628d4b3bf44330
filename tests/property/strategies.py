"""Random but lawful evidence, people and calendars for the laws of deciding."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from schemas.calendar import Calendar
from schemas.decision import EvidenceItem, GateInputs, Hold, Waiver
from schemas.gate import Gate, SchoolPolicy
from schemas.readiness import CATALOGUE, Missing, Origin
from schemas.school import GateId, Role, Scope, ScopeKind
from tests.harness.scenario import (
    DISTRICT,
    OPENING,
    SCHOOL,
    actor,
    calendar_of,
    compressed_days,
    inputs_of,
    item,
    policy_of,
    school_days,
)
from workflows.policy.evaluate import signals_of

POLICY: SchoolPolicy = policy_of()
CALENDAR = calendar_of()
NOW = OPENING + timedelta(days=20, hours=2)
SPAN: dict[str, float] = {"ratio": 1.0, "yes-or-no": 1.0}
GATES = st.sampled_from([GateId.INFRASTRUCTURE, GateId.BETA, GateId.TRAINING, GateId.SCALE_GUARD])


def values(name: str) -> st.SearchStrategy[float]:
    """Values on the signal's grid, near every line of the policy."""
    signal = CATALOGUE[name]
    step = Decimal(signal.resolution)
    steps = int(Decimal(str(SPAN.get(signal.unit, 25.0))) / step)
    return st.integers(0, steps).map(lambda count: float(count * step))


@st.composite
def items(draw: st.DrawFn, name: str, *, origins: tuple[Origin, ...] = tuple(Origin)) -> EvidenceItem:
    observed_at = NOW - timedelta(minutes=draw(st.integers(-30, 60 * 24 * 25)))
    changes: dict[str, Any] = {
        "origin": draw(st.sampled_from(origins)),
        "simulated": draw(st.sampled_from([False, False, False, True])),
        "population": draw(st.sampled_from([4, 12, 40, 1000])),
    }
    since = observed_at - timedelta(days=draw(st.integers(0, 12)))
    shape = draw(st.sampled_from(["value"] * 6 + ["missing", "inapplicable"]))
    if shape == "value":
        return item(name, draw(values(name)), observed_at, healthy_since={"sign-in-steady": since}, **changes)
    if shape == "missing":
        return item(name, None, observed_at, missing=draw(st.sampled_from(Missing)), **changes)
    return item(name, None, observed_at, applicable=False, **changes)


@st.composite
def holds(draw: st.DrawFn, number: int = 0) -> Hold:
    ends = draw(st.one_of(st.none(), st.integers(-60, 60 * 48)))
    return Hold(
        hold_id=f"hold-{number:04d}", scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), reason="flood",
        placed_at=OPENING, lifted_by=Role.PRINCIPAL,
        expires_at=None if ends is None else NOW + timedelta(minutes=ends),
    )  # fmt: skip


@st.composite
def waivers(draw: st.DrawFn, gate: Gate, number: int = 0) -> Waiver:
    named = draw(st.lists(st.sampled_from([each.id for each in gate.criteria]), min_size=1, max_size=2, unique=True))
    begins = NOW + timedelta(minutes=draw(st.integers(-60 * 48, 60 * 24)))
    return Waiver(
        waiver_id=f"waiver-{number:04d}", criterion_ids=tuple(named), category="waived",
        scope=Scope(kind=ScopeKind.DISTRICT, id=DISTRICT), compensating_control="paper", reason="cabling",
        granted_by=actor(Role.STATE_DIRECTOR), granted_at=begins,
        expires_at=begins + timedelta(minutes=draw(st.integers(1, 60 * 72))),
    )  # fmt: skip


@st.composite
def inputs(draw: st.DrawFn, gate: GateId | None = None) -> GateInputs:
    """A gate with evidence for some of its signals, perhaps held, perhaps waived."""
    chosen = gate or draw(GATES)
    names = signals_of(POLICY.gates[chosen])
    evidence = {name: draw(items(name)) for name in names if draw(st.sampled_from([True, True, True, True, False]))}
    return inputs_of(
        chosen, evidence,
        opened_at=NOW - timedelta(hours=draw(st.integers(0, 24 * 10))),
        rehearsal=draw(st.booleans()),
        holds=(draw(holds()),) if draw(st.sampled_from([False, False, True])) else (),
        waivers=(draw(waivers(POLICY.gates[chosen])),) if draw(st.sampled_from([False, True])) else (),
    )  # fmt: skip


@st.composite
def clean_inputs(draw: st.DrawFn, gate: GateId) -> GateInputs:
    """Nothing wrong: fresh, measured, far inside every line. Laws about opening begin here."""
    names = signals_of(POLICY.gates[gate])
    good = {name: CATALOGUE[name].high or 100.0 for name in names}
    good |= {name: 0.0 for name in names if CATALOGUE[name].direction.value.startswith("lower")}
    age = timedelta(minutes=draw(st.integers(0, 60)))
    since = {"sign-in-steady": OPENING}
    evidence = {name: item(name, good[name], NOW - age, healthy_since=since) for name in names}
    return inputs_of(gate, evidence)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """A school year, or a rehearsal's seconds."""
    if draw(st.booleans()):
        return calendar_of(school_days(draw(st.integers(2, 60))))
    return calendar_of(
        compressed_days(draw(st.integers(2, 60)), seconds=draw(st.sampled_from([0.05, 1.0, 2.5]))), rehearsal=True
    )


@st.composite
def instants(draw: st.DrawFn, calendar: Calendar, *, before: bool = True) -> datetime:
    """Any microsecond of a calendar, or shortly around it."""
    first, last = calendar.days[0][1], calendar.days[-1][2]
    margin = (last - first) // 10
    low = (first - margin if before else first) * 1000
    return datetime.fromtimestamp(0, tz=OPENING.tzinfo) + timedelta(
        microseconds=draw(st.integers(low, (last + margin) * 1000))
    )
