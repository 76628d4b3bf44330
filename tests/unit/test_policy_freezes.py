"""Freezes by example: first days, a testing window with its lead, and a verdict that shows the next opening."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.calendar import Calendar, Window, WindowKind
from schemas.decision import Outcome, Reason, Status, Verdict
from schemas.freeze import Freeze
from schemas.gate import SchoolPolicy
from schemas.school import GateId, Phase, Role
from services.console.why import Standing, criterion_answer
from tests.harness.scenario import (
    CLEAN,
    OPENING,
    Scenario,
    calendar_of,
    compressed_days,
    inputs_of,
    policy_of,
)
from workflows.policy import explain
from workflows.policy.evaluate import evaluate

SOURCE = "default, not a standard"
FIRST_TEN = Freeze(window=WindowKind.FIRST_DAYS, days=10, rehearsals=False, source=SOURCE)
TESTING = Freeze(window=WindowKind.TESTING, lead_days=15, rehearsals=False, source=SOURCE)
LAST_TEN = Freeze(window=WindowKind.LAST_DAYS, days=10, rehearsals=False, source=SOURCE)


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def window(first: date, last: date, kind: WindowKind = WindowKind.TESTING, name: str = "sba") -> Window:
    begins = datetime(first.year, first.month, first.day, 7, tzinfo=UTC)
    ends = datetime(last.year, last.month, last.day + 1, 7, tzinfo=UTC)
    return Window(
        name=name, kind=kind, first=first, last=last, begins=int(begins.timestamp() * 1000),
        ends=int(ends.timestamp() * 1000),
    )  # fmt: skip


OCTOBER = window(date(2026, 10, 12), date(2026, 10, 16))


def policy(*freezes: Freeze) -> SchoolPolicy:
    return policy_of().model_copy(update={"freezes": freezes})


def calendar(*windows: Window, **changes: Any) -> Calendar:
    return calendar_of(**changes).model_copy(update={"windows": windows})


def verdict_at(now: datetime, *freezes: Freeze, of: Calendar | None = None) -> Verdict:
    return evaluate(policy(*freezes), of or calendar(OCTOBER), inputs_of(GateId.BETA, {}), now)


def frozen_ids(verdict: Verdict) -> list[str]:
    return [each.criterion_id for each in verdict.results if each.criterion_id.startswith("freeze:")]


def test_the_first_ten_school_days_are_frozen_and_the_eleventh_is_not() -> None:
    assert frozen_ids(verdict_at(at(9, 1, 15), FIRST_TEN)) == ["freeze:first-days"]
    assert frozen_ids(verdict_at(at(9, 14, 21, 29), FIRST_TEN)) == ["freeze:first-days"]
    assert frozen_ids(verdict_at(at(9, 14, 21, 30), FIRST_TEN)) == []


def test_a_testing_window_freezes_from_fifteen_school_days_before_its_first_day_to_its_end() -> None:
    assert frozen_ids(verdict_at(at(9, 21, 14, 59), TESTING)) == []
    assert frozen_ids(verdict_at(at(9, 21, 15), TESTING)) == ["freeze:sba"]
    assert frozen_ids(verdict_at(at(10, 17, 6, 59), TESTING)) == ["freeze:sba"]
    assert frozen_ids(verdict_at(at(10, 17, 7), TESTING)) == []


def test_the_verdict_shows_the_next_opening_before_anybody_runs_into_the_wall() -> None:
    ahead = verdict_at(at(9, 15, 15), FIRST_TEN, TESTING)
    assert (ahead.frozen_from, ahead.next_opening_at) == (at(9, 21, 15), at(10, 17, 7))
    told = explain.opening(ahead, at(9, 15, 15))
    assert told == "opens for advance until 2026-09-21 15:00 UTC, then frozen until 2026-10-17 07:00 UTC"
    inside = verdict_at(at(9, 22, 15), FIRST_TEN, TESTING)
    told = explain.opening(inside, at(9, 22, 15))
    assert told == "frozen since 2026-09-21 15:00 UTC; opens for advance at 2026-10-17 07:00 UTC"


def test_a_freeze_that_ends_with_the_calendar_promises_no_opening() -> None:
    verdict = verdict_at(datetime(2027, 5, 1, tzinfo=UTC), LAST_TEN)
    assert verdict.frozen_from is not None
    assert verdict.next_opening_at is None
    assert "import the next calendar" in (explain.opening(verdict, datetime(2027, 5, 9, tzinfo=UTC)) or "")


def test_a_window_of_the_calendars_own_takes_the_place_of_counted_days() -> None:
    named = window(date(2026, 9, 3), date(2026, 9, 4), WindowKind.FIRST_DAYS, "opening-week")
    assert frozen_ids(verdict_at(at(9, 1, 15), FIRST_TEN, of=calendar(named))) == []
    assert frozen_ids(verdict_at(at(9, 3, 15), FIRST_TEN, of=calendar(named))) == ["freeze:opening-week"]


def test_where_the_calendar_is_unknown_or_over_nobody_says_unfrozen() -> None:
    unknown = evaluate(policy(TESTING), None, inputs_of(GateId.CHARTER, {}), at(9, 1, 15))
    assert [(each.status, each.reason) for each in unknown.results if each.criterion_id == "freeze:calendar"] == [
        (Status.UNKNOWN, Reason.NO_CALENDAR)
    ]
    over = verdict_at(datetime(2027, 7, 1, tzinfo=UTC), TESTING)
    assert over.results[-1].reason is Reason.OUTSIDE_CALENDAR
    assert over.outcome is Outcome.UNKNOWN


def test_a_compressed_calendar_is_frozen_only_where_the_policy_says_so() -> None:
    of = calendar_of(compressed_days(60), rehearsal=True)
    inputs = inputs_of(GateId.BETA, {}, rehearsal=True)
    assert frozen_ids(evaluate(policy(FIRST_TEN), of, inputs, OPENING)) == []
    also = FIRST_TEN.model_copy(update={"rehearsals": True})
    assert frozen_ids(evaluate(policy(also), of, inputs, OPENING)) == ["freeze:first-days"]


def test_the_guard_of_scale_is_never_frozen() -> None:
    verdict = evaluate(policy(FIRST_TEN), calendar(), inputs_of(GateId.SCALE_GUARD, {}), OPENING)
    assert frozen_ids(verdict) == []
    with pytest.raises(ValidationError, match="gates that open"):
        Freeze(window=WindowKind.BREAK, gates=(GateId.SCALE_GUARD,), rehearsals=False, source=SOURCE)


@pytest.mark.parametrize(("kind", "days"), [(WindowKind.FIRST_DAYS, None), (WindowKind.TESTING, 10)])
def test_a_freeze_that_cannot_be_decided_is_refused(kind: WindowKind, days: int | None) -> None:
    with pytest.raises(ValidationError, match="days"):
        Freeze(window=kind, days=days, rehearsals=False, source=SOURCE)


def test_a_signed_charter_waits_for_the_freeze_and_opens_by_itself_at_its_end() -> None:
    school = Scenario(policy(FIRST_TEN)).signs()
    assert (school.phase, school.outcome) == (Phase.CHARTER, Outcome.WAITING)
    assert school.statuses["freeze:first-days"] == Status.WAITING
    assert school.days_pass(9.5).phase is Phase.CHARTER
    assert school.days_pass(0.5).phase is Phase.INFRASTRUCTURE_CHECK
    assert school.walk.state.picture.phase_opened_at == at(9, 14, 21, 30)


def test_the_freeze_that_begins_is_a_decision_of_its_own_and_evidence_goes_on() -> None:
    school = Scenario(policy(TESTING), calendar=calendar(OCTOBER)).signs()
    assert school.phase is Phase.INFRASTRUCTURE_CHECK
    school.days_pass(13.9)
    before = len(school.facts)
    school.days_pass(0.2)
    assert [fact.body.kind for fact in school.facts[before:]] == ["gate-decided"]
    school.hears(CLEAN)
    assert school.statuses["capacity"] == Status.MET
    assert school.phase is Phase.INFRASTRUCTURE_CHECK


def test_people_are_asked_and_answer_in_a_freeze_and_the_answer_outlives_it() -> None:
    school = Scenario(policy(FIRST_TEN.model_copy(update={"gates": (GateId.INFRASTRUCTURE,)}))).signs()
    school.hears(CLEAN).days_pass(3, refreshed=True)
    school.hears({"network.mbps-per-student": 0.8})
    assert school.walk.state.picture.asked is Role.DISTRICT_TECHNOLOGY
    school.answers()
    assert school.reply.accepted
    for _ in range(7):
        school.days_pass(1)
        school.hears(CLEAN | {"network.mbps-per-student": 0.8})
    assert school.phase is Phase.BETA


def test_the_screen_says_frozen_and_not_waiting() -> None:
    verdict = verdict_at(at(9, 22, 15), TESTING)
    result = next(each for each in verdict.results if each.criterion_id == "freeze:sba")
    answer = criterion_answer(result, None, {}, at(9, 22, 15))
    assert answer.standing is Standing.FROZEN
    assert answer.next_step is None
    expected = "waiting: frozen for testing until 2026-10-17 07:00 UTC; evidence and answers still count"
    assert answer.sentence == expected
