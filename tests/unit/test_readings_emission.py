"""When a value becomes a reading: news always, a refresh once a day, and sequences that only rise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from schemas.readiness import Missing, Origin
from services.readings.emission import Emitted, content_of, is_due, next_sequence
from services.readings.subject import SignalValue

NOON = datetime(2026, 10, 15, 19, tzinfo=UTC)
HOUR = timedelta(hours=1)
VALUE = SignalValue("device.enrolled-ratio", 0.9, True, None, 9, 10, NOON, Origin.IMPORTED, False)
LAST = Emitted(7, NOON, NOON, content_of(VALUE))


def test_the_first_word_is_news() -> None:
    assert is_due(None, content_of(VALUE), None, NOON)


@pytest.mark.parametrize(
    "change",
    [
        {"value": 0.8}, {"numerator": 8}, {"population": 11}, {"applicable": False},
        {"value": None, "missing": Missing.RETRACTED}, {"origin": Origin.ATTESTED}, {"simulated": True},
        {"detail": ("failed-loads",)},
    ],
    ids=str,
)  # fmt: skip
def test_every_change_of_what_is_said_is_news_even_of_an_older_observation(change: dict[str, object]) -> None:
    changed = replace(VALUE, **change)  # type: ignore[arg-type]
    assert is_due(LAST, content_of(changed), NOON - HOUR, NOON - HOUR)


def test_a_newer_observation_alone_is_no_news_on_the_same_day() -> None:
    assert not is_due(LAST, LAST.content, NOON + HOUR, day_began_at=NOON - HOUR)


def test_a_newer_observation_refreshes_once_the_next_day_begins() -> None:
    assert is_due(LAST, LAST.content, NOON + HOUR, day_began_at=NOON + HOUR)
    refreshed = LAST._replace(emitted_at=NOON + 2 * HOUR, observed_at=NOON + HOUR)
    assert not is_due(refreshed, LAST.content, NOON + 2 * HOUR, day_began_at=NOON + HOUR)


@pytest.mark.parametrize("observed_at", [None, NOON - HOUR, NOON])
def test_a_new_day_without_a_newer_observation_refreshes_nothing(observed_at: datetime | None) -> None:
    assert not is_due(LAST, LAST.content, observed_at, day_began_at=NOON + HOUR)


def test_a_rebuilt_room_is_not_silenced() -> None:
    microseconds = int(NOON.timestamp()) * 1_000_000
    assert next_sequence(None, NOON) == microseconds
    assert next_sequence(LAST, NOON) == microseconds


def test_a_clock_set_back_does_not_lower_a_sequence() -> None:
    ahead = LAST._replace(sequence=10**18)
    assert next_sequence(ahead, NOON) == 10**18 + 1
