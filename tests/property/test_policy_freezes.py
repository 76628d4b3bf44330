"""The laws of freezes, over random windows, policies and instants."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.calendar import Calendar, Window, WindowKind
from schemas.decision import GateInputs, Outcome, Status, Verdict
from schemas.freeze import BY_COUNT, Freeze
from schemas.model import canonical_bytes
from schemas.school import GateId
from tests.harness.scenario import calendar_of, school_days
from tests.property.strategies import NOW, POLICY, clean_inputs, inputs
from tests.property.test_policy_laws import standing
from workflows.policy.evaluate import evaluate
from workflows.policy.freezes import first_open, spans
from workflows.policy.judgement import SEVERITY

MICROSECOND = timedelta(microseconds=1)
WALKED = st.sampled_from([GateId.INFRASTRUCTURE, GateId.BETA, GateId.TRAINING])


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """A stretch of whole days somewhere around the first sixty school days."""
    first = NOW.date() + timedelta(days=draw(st.integers(-30, 60)))
    last = first + timedelta(days=draw(st.integers(0, 25)))
    midnight = datetime(first.year, first.month, first.day, 7, tzinfo=UTC)  # of the Pacific coast
    begins = int(midnight.timestamp() * 1000)
    return Window(
        name=draw(st.sampled_from(["sba", "winter", "storm"])), kind=draw(st.sampled_from(WindowKind)), first=first,
        last=last, begins=begins, ends=begins + ((last - first).days + 1) * 86_400_000,
        blocks=draw(st.sampled_from([("advance",), ("advance",), ()])),
    )  # fmt: skip


@st.composite
def freezes(draw: st.DrawFn) -> Freeze:
    kind = draw(st.sampled_from(WindowKind))
    return Freeze(
        window=kind, days=draw(st.integers(1, 20)) if kind in BY_COUNT else None, lead_days=draw(st.integers(0, 15)),
        gates=draw(st.sampled_from([(), (GateId.BETA,), (GateId.INFRASTRUCTURE, GateId.TRAINING)])),
        rehearsals=draw(st.booleans()), source="default, not a standard",
    )  # fmt: skip


@st.composite
def frozen_calendars(draw: st.DrawFn) -> Calendar:
    days = school_days(draw(st.integers(15, 80)))
    return calendar_of(days).model_copy(update={"windows": tuple(draw(st.lists(windows(), max_size=5)))})


LISTS = st.lists(freezes(), min_size=1, max_size=4).map(tuple)


def decide(of: GateInputs, chosen: tuple[Freeze, ...], calendar: Calendar, at: timedelta = timedelta()) -> Verdict:
    return evaluate(POLICY.model_copy(update={"freezes": chosen}), calendar, of, NOW + at)


def seen(verdict: Verdict) -> tuple[object, ...]:
    return (*standing(verdict), verdict.frozen_from, verdict.next_opening_at)


@given(inputs(), LISTS, frozen_calendars(), st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None)
def test_with_windows_nothing_changes_strictly_before_the_next_evaluation(
    of: GateInputs, chosen: tuple[Freeze, ...], calendar: Calendar, share: float
) -> None:
    verdict = decide(of, chosen, calendar)
    until = (verdict.next_evaluation_at or NOW + timedelta(days=400)) - NOW
    assert until > timedelta()
    assert seen(decide(of, chosen, calendar, min(until * share, until - MICROSECOND))) == seen(verdict)
    assert seen(decide(of, chosen, calendar, until - MICROSECOND)) == seen(verdict)


@given(inputs(), LISTS, frozen_calendars())
@settings(max_examples=60, deadline=None)
def test_a_freeze_never_opens(of: GateInputs, chosen: tuple[Freeze, ...], calendar: Calendar) -> None:
    before, after = decide(of, (), calendar), decide(of, chosen, calendar)
    assert SEVERITY[after.outcome] >= SEVERITY[before.outcome]
    assert after.results[: len(before.results)] == before.results


@given(st.data(), LISTS, frozen_calendars())
@settings(max_examples=60, deadline=None)
def test_in_a_freeze_no_gate_opens_and_outside_all_it_opens(
    data: st.DataObject, chosen: tuple[Freeze, ...], calendar: Calendar
) -> None:
    gate = data.draw(WALKED)
    of = data.draw(clean_inputs(gate))
    assume(decide(of, (), calendar).outcome is Outcome.OPEN)
    frozen = [span for span in spans(chosen, calendar, gate) if span.begins_at <= NOW < span.ends_at]
    verdict = decide(of, chosen, calendar)
    if not frozen:
        assert verdict.outcome is Outcome.OPEN
        return
    assert verdict.outcome is Outcome.WAITING
    assert {each.criterion_id for each in verdict.results if each.status is Status.WAITING} == {
        f"freeze:{span.name}" for span in frozen
    }
    assert verdict.frozen_from is not None
    assert verdict.frozen_from <= NOW


@given(inputs(), LISTS, frozen_calendars(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_windows_and_of_freezes_does_not_matter(
    of: GateInputs, chosen: tuple[Freeze, ...], calendar: Calendar, dice: object
) -> None:
    shuffled, mixed = list(calendar.windows), list(chosen)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    policy = POLICY.model_copy(update={"freezes": chosen})
    other = calendar.model_copy(update={"windows": tuple(shuffled)})
    one = evaluate(policy, calendar, of, NOW, calendar_digest="x")
    two = evaluate(policy.model_copy(update={"freezes": tuple(mixed)}), other, of, NOW, calendar_digest="x")
    assert canonical_bytes(one) == canonical_bytes(two)


@given(LISTS, frozen_calendars(), WALKED, st.integers(-30, 90 * 24))
@settings(max_examples=60, deadline=None)
def test_the_next_opening_is_the_first_instant_outside_every_freeze(
    chosen: tuple[Freeze, ...], calendar: Calendar, gate: GateId, hours: int
) -> None:
    frozen = spans(chosen, calendar, gate)
    at = NOW + timedelta(hours=hours)
    opens = first_open(frozen, calendar, at)
    end = datetime.fromtimestamp(calendar.days[-1][2] / 1000, UTC)
    edges = sorted({at, *(span.ends_at for span in frozen if span.ends_at > at)})
    free = [edge for edge in edges if not any(span.holds(edge) for span in frozen)]
    assert opens == (free[0] if free and (free[0] < end or not frozen) else None)
