"""Health is progress, not a ping: what waits must move."""

from types import SimpleNamespace
from typing import cast

import pytest

from services.kit import gauges as module
from services.kit.consume import Consuming
from services.kit.database import Pool
from services.kit.gauges import STALLED_SECONDS, Gauges
from services.kit.metrics import Metrics
from services.kit.relay import Relay


class Clock:
    """A clock the test moves."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class FakePool:
    """Answers the gauges' one question."""

    age = 0.0

    async def fetchrow(self, _sql: str) -> dict[str, float]:
        return {"waiting": 3, "age": self.age, "dead": 2, "parked": 1}


class FakeConsuming:
    """A consumer that says what the test wants."""

    subscription = SimpleNamespace(group="g")

    def __init__(self, clock: Clock) -> None:
        self.records = 0
        self.heard_at = clock.now

    def lag(self) -> dict[str, int]:
        return {"t": self.records}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def made(clock: Clock) -> tuple[Gauges, FakePool, FakeConsuming, Metrics]:
    pool, consuming, metrics = FakePool(), FakeConsuming(clock), Metrics()
    relay = cast("Relay", SimpleNamespace(published_count=5))
    gauges = Gauges("room", cast("Pool", pool), metrics, relay, [cast("Consuming", consuming)])
    return gauges, pool, consuming, metrics


async def test_a_consumer_that_is_behind_and_moves_is_well(clock: Clock) -> None:
    gauges, _, consuming, _ = made(clock)
    consuming.records = 10_000
    for _ in range(10):
        await gauges.refresh()
        gauges.moved()
        consuming.heard_at = clock.now
        clock.now += STALLED_SECONDS / 2
    assert gauges.health() == (True, "in progress")


async def test_a_consumer_that_is_behind_and_stands_still_is_unwell(clock: Clock) -> None:
    gauges, _, consuming, metrics = made(clock)
    await gauges.refresh()
    consuming.records = 7
    clock.now += STALLED_SECONDS + 1
    consuming.heard_at = clock.now
    await gauges.refresh()
    well, why = gauges.health()
    assert (well, "7 records of t" in why) == (False, True)
    assert 'firstbell_lag_records{room="room",topic="t"} 7.0' in metrics.render().decode()
    assert f'firstbell_lag_age_seconds{{room="room",topic="t"}} {STALLED_SECONDS + 1}' in metrics.render().decode()


async def test_an_outbox_that_stands_still_is_unwell(clock: Clock) -> None:
    gauges, pool, _, _ = made(clock)
    pool.age = STALLED_SECONDS + 1
    await gauges.refresh()
    assert gauges.health()[0] is False


async def test_a_database_nobody_can_ask_is_unwell(clock: Clock) -> None:
    gauges, _, consuming, _ = made(clock)
    await gauges.refresh()
    clock.now += STALLED_SECONDS + 1
    consuming.heard_at = clock.now
    assert gauges.health() == (False, f"no look at the database for {STALLED_SECONDS + 1:.0f} s")


async def test_a_kafka_that_does_not_answer_is_unwell(clock: Clock) -> None:
    gauges, _, _, _ = made(clock)
    clock.now += STALLED_SECONDS + 1
    await gauges.refresh()
    assert gauges.health() == (False, f"Kafka has not answered g for {STALLED_SECONDS + 1:.0f} s")
