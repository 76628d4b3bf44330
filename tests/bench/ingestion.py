"""Ingestion with exactly one effect: the real provisioning room, a plain handler, the raw drain and COPY, in turns.

Every contender reads what was published before, on servers of this run; the room starts with empty tables and no fence,
and must end with the very state the load says. A run whose counts or digest differ is void: it raises.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import psutil
from confluent_kafka import Consumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from schemas.topics import PROVISIONING
from services.kit.kafka import client_config, python_config
from services.kit.settings import Settings
from tests.bench import load
from tests.bench.load import Fleet
from tests.bench.processes import cpu_seconds, running
from tests.harness.until import until

PLAIN_TOPIC = "bench.plain"
HEAD_RATIO = 0.1
"""Share of a run that is warm-up: connections, assignment, first plans. Not measured."""
WITHIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """One contender's one run."""

    events_count: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.events_count / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.events_count * 1e6


class VoidError(Exception):
    """Counts or state are not what the load demands: nothing that was measured counts."""


class Ingestion:
    """The contenders on one stack."""

    def __init__(self, settings: Settings, events_count: int, plain_count: int) -> None:
        self.settings = settings
        began = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.fleet, self.plain_fleet = Fleet(events_count, began), Fleet(plain_count, began)
        self.value_bytes = 0
        self._states: dict[int, str] = {}

    async def prepare(self) -> None:
        """Publishes the loads, teaches the room its schools, makes the plain handler's tables."""
        load.publish_directory(self.settings, load.school_ids())
        admin = KafkaAdminClient(**python_config(self.settings))
        admin.create_topics([NewTopic(PLAIN_TOPIC, PROVISIONING.partitions, 1)])
        admin.close()
        async with running(self.settings, "services.provisioning"), self._database() as database:
            await until(lambda: self._taught(database), what="the room to know its schools", within=60)
        self.value_bytes = await asyncio.to_thread(self.fleet.send, self.settings, PROVISIONING.name)
        await asyncio.to_thread(self.plain_fleet.send, self.settings, PLAIN_TOPIC)
        for fleet in (self.fleet, self.plain_fleet):
            self._states[fleet.events_count] = fleet.state()
        async with self._database() as database:
            await database.execute(
                """create schema bench_plain
                create table device (like provisioning.device including all)
                create table scope (like provisioning.scope including all)
                create sequence scope_version"""
            )

    async def _taught(self, database: asyncpg.Connection) -> bool:
        known = await database.fetchval("select count(*) from known_school")
        return known == load.SCHOOLS_COUNT and bool(await database.fetchval("select count(*) from calendar_pointer"))

    # -- the contenders

    async def room(self) -> Run:
        """The provisioning room as `firstbell stack up` runs it: kit, fence, device table, readings, relay."""
        async with self._database() as database:
            await database.execute("truncate device, scope, reading_state, entity, outbox, dead_letter, parked")
            await database.execute("delete from fence where topic = $1", PROVISIONING.name)
            await database.execute("vacuum analyze device")
            async with running(self.settings, "services.provisioning") as process:
                run = await self._measure(self.fleet, process, lambda: self._fenced(database))
            await self._prove(database, "device", self.fleet)
            counts = await database.fetchrow(
                """select sum(applied)::bigint as applied, sum(superseded)::bigint as superseded,
                    sum(duplicate)::bigint as duplicate, sum(dead + parked + ignored)::bigint as others
                from fence where topic = $1""",
                PROVISIONING.name,
            )
        assert counts is not None
        if counts["others"] or sum(counts.values()) != self.fleet.events_count:
            raise VoidError(f"room: expected {self.fleet.events_count} applied, superseded or duplicate, seen {counts}")
        return run

    async def plain(self) -> Run:
        """A FastStream handler of one message: same SQL, a transaction and a commit for each."""
        async with self._database() as database:
            await database.execute("truncate bench_plain.device, bench_plain.scope")
            async with running(
                self.settings, "tests.bench.plain", str(self.settings.home), f"plain-{uuid.uuid4()}"
            ) as process:
                told = self.settings.home / "plain-count"
                told.write_text("0", "utf-8")

                async def handled() -> int:
                    return int(told.read_text("utf-8") or 0)

                run = await self._measure(self.plain_fleet, process, handled)
            await self._prove(database, "bench_plain.device", self.plain_fleet)
        return run

    async def drain(self) -> Run:
        """confluent-kafka alone, decoding nothing: what any Python consumer starts from."""
        return await asyncio.to_thread(self._drain)

    def _drain(self) -> Run:
        consumer = Consumer(
            client_config(self.settings)
            | {"group.id": f"drain-{uuid.uuid4()}", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        )
        me, count = psutil.Process(), self.fleet.events_count
        try:
            consumer.assign([TopicPartition(PROVISIONING.name, part, 0) for part in range(PROVISIONING.partitions)])
            seen = len(consumer.consume(1, timeout=10))
            started, cpu = time.perf_counter(), cpu_seconds(me)
            while seen < count:
                seen += len(consumer.consume(1000, timeout=1))
            return Run(count, time.perf_counter() - started, cpu_seconds(me) - cpu)
        finally:
            consumer.close()

    async def copy(self) -> Run:
        """COPY of the same bytes into a table of one column: what PostgreSQL itself asks."""
        values = [(report.__pydantic_serializer__.to_json(report),) for report in self.fleet.reports()]
        me = psutil.Process()
        async with self._database() as database:
            await database.execute("create table bench_plain.bytes (value bytea not null)")
            started, cpu = time.perf_counter(), cpu_seconds(me)
            for at in range(0, len(values), 1000):
                await database.copy_records_to_table(
                    "bytes", schema_name="bench_plain", columns=["value"], records=values[at : at + 1000]
                )
            run = Run(len(values), time.perf_counter() - started, cpu_seconds(me) - cpu)
            await database.execute("drop table bench_plain.bytes")
        return run

    # -- how they are measured

    async def _measure(self, fleet: Fleet, process: psutil.Process, progress: Callable[[], Awaitable[int]]) -> Run:
        """From a tenth of the events to the last one."""

        async def begun() -> int | None:
            done = await progress()
            return done if done >= fleet.events_count * HEAD_RATIO else None

        first = await until(begun, what="a tenth of the events", within=WITHIN_SECONDS, every=0.01)
        started, cpu = time.perf_counter(), cpu_seconds(process)
        assert first is not None
        if first >= fleet.events_count:
            raise VoidError("all events were taken before a tenth of them was seen: take more events")

        async def ended() -> bool:
            return await progress() >= fleet.events_count

        await until(ended, what="the last event", within=WITHIN_SECONDS, every=0.01)
        return Run(fleet.events_count - first, time.perf_counter() - started, cpu_seconds(process) - cpu)

    async def _fenced(self, database: asyncpg.Connection) -> int:
        moved = await database.fetchval(
            "select sum(next_offset - first_offset)::bigint from fence where topic = $1", PROVISIONING.name
        )
        return int(moved or 0)

    async def _prove(self, database: asyncpg.Connection, table: str, fleet: Fleet) -> None:
        rows = await database.fetch(
            f"select school_no, entity_ref, revision, enrolled, last_seen_on from {table}"  # noqa: S608  ours
        )
        seen = load.digest([tuple(row) for row in rows])
        if seen != self._states[fleet.events_count]:
            raise VoidError(f"{table}: expected the state {self._states[fleet.events_count][:12]}, seen {seen[:12]}")

    @asynccontextmanager
    async def _database(self) -> AsyncIterator[asyncpg.Connection]:
        database = await asyncpg.connect(self.settings.postgres_dsn, server_settings={"search_path": "provisioning"})
        try:
            yield database
        finally:
            await database.close()
