"""The shell's small laws: whose signals a room answers for, how schools are numbered, when the day sweep wakes."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from schemas.calendar import Calendar
from schemas.school import ScopeKind, mint_id
from schemas.topics import TRAINING
from services.readings.day import PAUSE_SECONDS_MAX, Days, began_at
from services.readings.desk import DomainRoom
from services.readings.register import Register, number_of

DAY = timedelta(days=1)
FIRST = datetime(2026, 9, 1, 15, tzinfo=UTC)


def calendar(days: int) -> Calendar:
    opens = int(FIRST.timestamp() * 1000)
    return Calendar(
        district_id=mint_id("test", "district"), version=1, time_zone="America/Los_Angeles", hours_per_day=6.5,
        days=tuple(
            (date(2026, 9, 1 + n), opens + n * 86_400_000, opens + n * 86_400_000 + 21_600_000) for n in range(days)
        ),
    )  # fmt: skip


def room(name: str) -> DomainRoom:
    return DomainRoom(name, TRAINING, lambda _: (), Path())


def test_a_room_answers_for_its_owners_signals_alone() -> None:
    assert {kind: len(names) for kind, names in room("helpdesk").signals.items()} == {
        ScopeKind.SCHOOL: 6, ScopeKind.RELEASE: 2,
    }  # fmt: skip
    assert set(room("training").signals) == {ScopeKind.SCHOOL}


def test_a_room_that_owns_no_signal_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="room weather: expected an owner of signals"):
        _ = room("weather").signals


def test_a_schools_number_is_its_own_and_fits_the_database() -> None:
    ids = [mint_id("nces", str(n)) for n in range(2553)]
    numbers = [number_of(school_id) for school_id in ids]
    assert len(set(numbers)) == len(ids)
    assert all(0 < number < 2**63 for number in numbers)


def test_a_day_begins_when_it_opens_and_lasts_until_the_next_opens() -> None:
    days = calendar(3)
    assert began_at(days, FIRST - timedelta(seconds=1)) is None
    assert began_at(days, FIRST) == FIRST
    assert began_at(days, FIRST + DAY - timedelta(seconds=1)) == FIRST
    assert began_at(days, FIRST + DAY) == FIRST + DAY


def test_the_day_sweep_looks_again_within_a_bound_though_no_calendar_is_known() -> None:
    assert Days(Register()).pause_seconds() == PAUSE_SECONDS_MAX
