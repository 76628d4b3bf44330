"""The school clock by example: nights, weekends, closures, and a rehearsal's seconds."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.message import ReadingsArrived
from schemas.school import Phase
from tests.harness.scenario import CLEAN, OPENING, Scenario, calendar_of, compressed_days, reading, school_days
from workflows.policy.calendar import (
    add_days,
    ages_out_at,
    day_at,
    elapsed_days,
    next_opening,
)
from workflows.policy.timeline import walk

CALENDAR = calendar_of()  # Tuesday 1 September 2026 is the first day; open 15:00 to 21:30 UTC


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, minute, tzinfo=UTC)


def test_a_night_and_a_weekend_take_no_school_time() -> None:
    assert elapsed_days(CALENDAR, at(1, 21, 30), at(2, 15)) == 0
    assert elapsed_days(CALENDAR, at(4, 22), at(7, 14)) == 0
    assert elapsed_days(CALENDAR, at(4, 15), at(7, 21, 30)) == 2


def test_a_day_from_the_middle_ends_in_the_middle_of_the_next_school_day() -> None:
    assert add_days(CALENDAR, at(4, 18, 15), 1) == at(7, 18, 15)
    assert add_days(CALENDAR, at(4, 15), 1) == at(4, 21, 30)
    assert add_days(CALENDAR, at(5, 12), 1) == at(7, 21, 30)


def test_a_weather_closure_shifts_what_is_due() -> None:
    closed = calendar_of(tuple(day for day in school_days() if day[0] != date(2026, 9, 3)), version=2)
    assert add_days(CALENDAR, at(1, 18), 3) == at(4, 18)
    assert add_days(closed, at(1, 18), 3) == at(7, 18)


def test_dates_are_the_districts_own() -> None:
    assert day_at(CALENDAR, at(1, 14, 59)) is None
    assert day_at(CALENDAR, at(6, 12)) == date(2026, 9, 4)
    assert next_opening(CALENDAR, at(4, 15, 1)) == at(7, 15)


def test_past_its_end_a_calendar_promises_nothing() -> None:
    two = calendar_of(school_days(2))
    assert add_days(two, at(1, 15), 2) == at(2, 21, 30)
    assert add_days(two, at(1, 15, 1), 2) is None
    assert next_opening(two, at(3, 15)) is None


def test_what_was_seen_before_the_first_day_has_aged_at_the_calendars_pace() -> None:
    assert ages_out_at(CALENDAR, OPENING - timedelta(days=2), 3) == at(1, 21, 30)
    assert ages_out_at(CALENDAR, OPENING - timedelta(days=60), 20) == OPENING - timedelta(days=40)
    rehearsal = calendar_of(compressed_days(30), rehearsal=True)
    assert ages_out_at(rehearsal, OPENING - timedelta(seconds=2), 3) == OPENING + timedelta(seconds=1)


def test_with_a_negative_number_of_days_nothing_is_added() -> None:
    with pytest.raises(ValueError, match="expected zero or more"):
        add_days(CALENDAR, OPENING, -1)


def test_a_timeline_fires_the_timers_between_its_messages_whatever_their_order() -> None:
    school = Scenario(rehearsal=True, calendar=calendar_of(compressed_days(60), rehearsal=True)).signs()
    history = [(fact_at, message) for fact_at, message in _daily(school)]
    led = walk(school.start, history[::-1], OPENING + timedelta(seconds=20), "test")
    assert led.state.picture.phase is Phase.CHARTER, "nobody signed in this history"
    assert set(led.state.evidence) == set(CLEAN)
    assert [fact.fact_sequence for fact in led.facts] == list(range(1, len(led.facts) + 1))
    assert led.facts == walk(school.start, history, OPENING + timedelta(seconds=20), "test").facts


def _daily(school: Scenario) -> list[tuple[datetime, ReadingsArrived]]:
    told = []
    for day in range(15):
        now = OPENING + timedelta(seconds=day)
        readings = {name: reading(name, value, now, day + 1) for name, value in CLEAN.items()}
        told.append((now, ReadingsArrived(readings=readings)))
    return told
