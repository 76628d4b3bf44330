"""What a process knows of its own progress: lag and its age, outbox, dead letters, parked records.

Refreshed by `services.kit.process` every few seconds, so that a scrape costs the database nothing. Health is
judged here: a process is well while nothing it should move stands still.
"""

import time
from collections.abc import Sequence

from services.kit.consume import Consuming
from services.kit.database import Pool
from services.kit.metrics import Metrics
from services.kit.relay import Relay

STALLED_SECONDS = 60.0
"""Seconds of work waiting and nothing moving, after which a process is unwell. Our judgement, 2026-11-23."""


class Gauges:
    """One process's own view of itself."""

    def __init__(self, room: str, pool: Pool, metrics: Metrics, relay: Relay, consuming: Sequence[Consuming]) -> None:
        self._room, self._pool, self._metrics = room, pool, metrics
        self._relay, self._consuming = relay, consuming
        self._level_at: dict[str, float] = {}
        self._lag: dict[str, int] = {}
        self._outbox_age = 0.0
        self._published = 0
        self._refreshed = self._moved_at = time.monotonic()

    async def refresh(self) -> None:
        """Looks once. Raises what the database raises."""
        row = await self._pool.fetchrow(
            """select (select count(*) from outbox) as waiting,
                (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox) as age,
                (select count(*) from dead_letter where replayed_at is null) as dead,
                (select count(*) from parked) as parked"""
        )
        assert row is not None
        gauge = self._metrics.gauge
        gauge("firstbell_outbox_rows").labels(self._room).set(row["waiting"])
        gauge("firstbell_dead_letters").labels(self._room).set(row["dead"])
        gauge("firstbell_parked_records").labels(self._room).set(row["parked"])
        published = self._relay.published_count
        self._metrics.counter("firstbell_outbox_published_total").labels(self._room).inc(published - self._published)
        self._published, self._outbox_age = published, row["age"]
        self._refresh_lag()
        self._refreshed = time.monotonic()
        gauge("firstbell_process_up").labels(self._room).set(1 if self.health()[0] else 0)

    def _refresh_lag(self) -> None:
        now = time.monotonic()
        self._lag = {}
        for consuming in self._consuming:
            for topic, records in consuming.lag().items():
                self._lag[topic] = self._lag.get(topic, 0) + records
        for topic, records in self._lag.items():
            if records == 0 or topic not in self._level_at:
                self._level_at[topic] = now
            age = now - self._level_at[topic] if records else 0.0
            self._metrics.gauge("firstbell_lag_records").labels(self._room, topic).set(records)
            self._metrics.gauge("firstbell_lag_age_seconds").labels(self._room, topic).set(age)

    def moved(self) -> None:
        """A batch was committed: whatever lag there is, it is being worked off."""
        self._moved_at = time.monotonic()

    def health(self) -> tuple[bool, str]:
        """Whether everything that waits moves, and if not, what stands still."""
        now = time.monotonic()
        if now - self._refreshed > STALLED_SECONDS:
            return False, f"no look at the database for {now - self._refreshed:.0f} s"
        if self._outbox_age > STALLED_SECONDS:
            return False, f"the oldest outbox row waits for {self._outbox_age:.0f} s"
        for consuming in self._consuming:
            if now - consuming.heard_at > STALLED_SECONDS:
                return (
                    False,
                    f"Kafka has not answered {consuming.subscription.group} for {now - consuming.heard_at:.0f} s",
                )
        for topic, records in self._lag.items():
            since = max(self._level_at.get(topic, now), self._moved_at)
            if records and now - since > STALLED_SECONDS:
                return False, f"{records} records of {topic} wait, and none was taken for {now - since:.0f} s"
        return True, "in progress"
