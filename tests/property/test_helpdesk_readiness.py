"""The help desk's laws, over any tickets a school could have."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events.helpdesk import DefectChanged, FrictionChanged, TicketChanged
from schemas.readiness import CATALOGUE, on_grid
from services.helpdesk.readiness import BACKLOG_AGE, OPEN_CRITICAL, SERVICE_LEVEL, compute
from services.readings.subject import SignalValue
from tests.harness.school_life import (
    CALENDAR,
    RELEASE,
    SCHOOL,
    at,
    defect,
    friction,
    subject,
    ticket,
    value_of,
    watermark,
)

NOW = at(40)
moments = st.floats(min_value=0, max_value=39.9, allow_nan=False).map(lambda moment: round(moment, 3))
priorities = st.sampled_from(["urgent", "high", "medium", "low"])
causes = st.sampled_from(["login", "wifi"])


@st.composite
def tickets(draw: st.DrawFn) -> TicketChanged:
    opened = draw(moments)
    resolved = draw(st.none() | st.floats(min_value=opened, max_value=39.95, allow_nan=False))
    reopened = resolved is not None and draw(st.booleans())
    changes: dict[str, Any] = {"change": "reopened", "reopened_count": 1} if reopened else {}
    if draw(st.integers(0, 9)) == 0:
        changes["merged_into"] = "ticket-9999"
    return ticket(opened, resolved, priority=draw(priorities), cause=draw(causes), **changes)


@st.composite
def items(draw: st.DrawFn) -> FrictionChanged:
    opened = draw(moments)
    return friction(opened, draw(st.none() | st.just(opened) | st.just(39.0)), cause=draw(causes))


@st.composite
def defects(draw: st.DrawFn) -> DefectChanged:
    severity = draw(st.sampled_from(["critical", "major", "minor"]))
    return defect(severity, 1, draw(st.none() | st.just(2)), workaround=draw(st.booleans()))


lives = st.lists(tickets(), max_size=14)


def values(*events: Any, mark: float = 40.0) -> tuple[SignalValue, ...]:
    return compute(subject(*events, watermark(at(mark)), now=NOW))


@given(lives, st.lists(items(), max_size=4), st.lists(defects(), max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_readings_do_not_depend_on_the_order_of_events(
    life: list[TicketChanged], logged: list[FrictionChanged], broken: list[DefectChanged], dice: Any
) -> None:
    for told, scope in ((*life, *logged), SCHOOL), (broken, RELEASE):
        tidy = subject(*told, watermark(NOW, scope=scope), now=NOW, scope=scope)
        shuffled = list(tidy.events)
        dice.shuffle(shuffled)
        assert compute(replace(tidy, events=tuple(shuffled))) == compute(tidy)


@given(lives, st.lists(items(), max_size=4), moments, st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_signal_is_answered_once_and_on_its_grid(
    life: list[TicketChanged], logged: list[FrictionChanged], mark: float, scheduled: bool
) -> None:
    calendar = CALENDAR if scheduled else None
    answers = compute(subject(*life, *logged, watermark(at(mark)), now=NOW, calendar=calendar))
    assert len({answer.signal for answer in answers}) == len(answers) == 6
    for answer in answers:
        assert answer.value is None or on_grid(CATALOGUE[answer.signal], answer.value)
        assert (answer.value is None) == (answer.missing is not None or not answer.applicable)


@given(lives, moments, priorities)
@settings(max_examples=60, deadline=None)
def test_a_ticket_resolved_in_time_never_worsens_the_service_level(
    life: list[TicketChanged], opened: float, priority: str
) -> None:
    before = value_of(values(*life), SERVICE_LEVEL)
    after = value_of(values(*life, ticket(opened, opened, priority=priority)), SERVICE_LEVEL)
    assert before.value is None or (after.value is not None and after.value >= before.value)


@given(lives, moments)
@settings(max_examples=60, deadline=None)
def test_an_open_ticket_that_is_due_never_betters_the_service_level(life: list[TicketChanged], opened: float) -> None:
    before = value_of(values(*life), SERVICE_LEVEL)
    after = value_of(values(*life, ticket(min(opened, 34.0), priority="low")), SERVICE_LEVEL)
    assert after.value is not None
    assert before.value is None or after.value <= before.value


@given(st.lists(moments, min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_resolving_the_oldest_ticket_never_ages_the_backlog(opened: list[float]) -> None:
    ordered = sorted(opened)
    before = value_of(values(*[ticket(moment) for moment in ordered]), BACKLOG_AGE).value
    resolved = ticket(ordered[0], 39.9)
    after = value_of(values(resolved, *[ticket(moment) for moment in ordered[1:]]), BACKLOG_AGE).value
    assert before is not None
    assert after is not None
    assert after <= before


@given(lives, moments, moments)
@settings(max_examples=60, deadline=None)
def test_a_later_watermark_never_lowers_the_backlogs_age(life: list[TicketChanged], one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    before = value_of(values(*life, mark=earlier), BACKLOG_AGE).value
    after = value_of(values(*life, mark=later), BACKLOG_AGE).value
    assert before is not None
    assert after is not None
    assert before <= after


@given(st.lists(defects(), max_size=10))
@settings(max_examples=60, deadline=None)
def test_the_open_critical_defects_are_counted_one_by_one(broken: list[DefectChanged]) -> None:
    answers = compute(subject(*broken, watermark(NOW, scope=RELEASE), now=NOW, scope=RELEASE))
    expected = sum(each.severity == "critical" and each.open for each in broken)
    assert value_of(answers, OPEN_CRITICAL).value == expected
