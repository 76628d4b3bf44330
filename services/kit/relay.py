"""The relay: carries a room's outbox rows to Kafka, each at least once, with an id that makes twice harmless.

Run by `services.kit.process`. One relay a room works at a time (an advisory lock); rows are deleted in the
transaction that locked them, after Kafka has acknowledged every one. It keeps no cursor: identities commit out
of order, and a cursor would pass some by.
"""

import asyncio
from datetime import UTC
from typing import Any

import structlog
from asyncpg import Record as Row
from confluent_kafka import KafkaException, Producer

from services.kit import kafka
from services.kit.database import Pool, is_transient
from services.kit.envelope import encode
from services.kit.outcome import TemporaryError
from services.kit.settings import Settings

ROWS_MAX = 5_000
"""Rows a transaction carries, 1 to 10,000. Measured: the rate is flat past 2,000."""
IDLE_SECONDS, QUIET_SECONDS = 0.1, 0.4
"""Between looks at an empty outbox, into which another process may write; and after QUIET_LOOKS in vain. A batch of this
process wakes the relay at once. Our judgement, 2026-11-25."""
QUIET_LOOKS = 20
FLUSH_SECONDS_MAX = 30.0
"""Seconds to wait for Kafka's acknowledgement of one batch. Our judgement, 2026-11-23."""
LOCK_CLASS = 0x0B0C
"""First half of the advisory lock's key; the second is the room's hash."""


class Relay:
    """One room's relay in one process."""

    def __init__(self, settings: Settings, pool: Pool, room: str) -> None:
        self.published_count = 0
        self._pool, self._room = pool, room
        self._settings = settings
        self._producer = self._make()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._log = structlog.get_logger().bind(room=room)

    def _make(self) -> Producer:
        return Producer(kafka.producer_config(self._settings), logger=kafka.LOGGER)

    def wake(self) -> None:
        """Says that rows were committed. Cheap; may be called for each batch."""
        self._wake.set()

    def stop(self) -> None:
        """Ends `run` after the transaction at hand."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Relays until stopped; waits and tries again while Kafka or the database is away."""
        tries, empty = 0, 0
        while not self._stopping.is_set():
            try:
                sent = await self.once()
                tries = 0
                empty = 0 if sent else empty + 1
            except Exception as error:
                if not isinstance(error, TemporaryError | KafkaException | BufferError) and not is_transient(error):
                    raise
                tries += 1
                sent = 0
                self._log.warning("relay-waits", attempt=tries, because=repr(error)[:300])
            if sent < ROWS_MAX:
                pause = IDLE_SECONDS if empty < QUIET_LOOKS else QUIET_SECONDS
                await self._idle(IDLE_SECONDS * 2 ** min(tries, 6) if tries else pause)

    async def _idle(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()

    async def once(self) -> int:
        """Carries one batch; returns how many rows left. 0 also while another relay of the room works."""
        if not await self._pool.fetchval("select exists (select from outbox)"):
            return 0  # one statement instead of five: most looks find nothing
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(
                "select pg_try_advisory_xact_lock($1, hashtext($2))", LOCK_CLASS, self._room
            ):
                return 0
            rows = await connection.fetch(
                """select id, topic, key, value, ce_id, ce_type, ce_source, ce_time from outbox
                order by id limit $1 for update skip locked""",
                ROWS_MAX,
            )
            if not rows:
                return 0
            await self._send(rows)
            await connection.execute("delete from outbox where id = any($1::bigint[])", [row["id"] for row in rows])
        self.published_count += len(rows)
        return len(rows)

    async def _send(self, rows: list[Row]) -> None:
        """Returns once Kafka has acknowledged every row. Raises TemporaryError when it did not."""
        errors: list[object] = []

        def delivered(error: object, _message: object) -> None:
            if error is not None:
                errors.append(error)

        for row in rows:
            encoded = encode(
                row["ce_type"], row["value"], None,
                source=row["ce_source"], ce_id=row["ce_id"], time=row["ce_time"].astimezone(UTC),
            )  # fmt: skip
            key = row["key"]
            headers: Any = encoded.headers if key is None else [*encoded.headers, ("ce_partitionkey", key)]
            self._producer.produce(row["topic"], encoded.value, key, headers=headers, on_delivery=delivered)
        left = await asyncio.to_thread(self._producer.flush, FLUSH_SECONDS_MAX)
        if left or errors:
            # what is in flight may still arrive, under the same ids; a producer once fatal never recovers
            self._producer.purge()
            self._producer = self._make()
            raise TemporaryError(
                f"outbox of {self._room}: expected {len(rows)} acknowledgements of Kafka, seen {left} missing and "
                f"{len(errors)} refused, first {errors[:1]}; the rows stay and are sent again"
            )
