"""A laboratory for domain rooms: a real room on topics and a database of its own, real Kafka and PostgreSQL.

For laws about whole topics, kills and rebuilds; `tests.harness.domain_lab` shares the stack's topics and is quicker.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pydantic import BaseModel

from schemas.calendar import Calendar, CalendarPointer
from schemas.model import digest_of
from schemas.readiness import Reading
from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus, mint_id
from schemas.topics import Topic
from services.kit.database import connect
from services.kit.envelope import encode
from services.kit.kafka import client_config, producer_config
from services.kit.migrations import migrate
from services.kit.process import Process
from services.kit.settings import Settings
from services.provisioning.room import DOMAIN
from services.readings.desk import DomainRoom
from tests.harness.domain_lab import COUNTS
from tests.harness.stack import PrivateStack
from tests.harness.until import until

DISTRICT = mint_id("test", "district-1")
PARTITIONS = 3


def school(name: str, students: int | None = 500, version: int = 1, district_id: str = DISTRICT) -> SchoolRecord:
    """A school of the district, as the directory would record it."""
    return SchoolRecord(
        school_id=mint_id("test", name), district_id=district_id, state="WA", version=version,
        recorded_at=datetime(2026, 9, 1, tzinfo=UTC), status=SchoolStatus.OPEN, level=SchoolLevel.MIDDLE,
        students=students, teachers=20.0, display_name=name, district_display_name="District",
    )  # fmt: skip


def calendar(first_opens_at: datetime, days: int, length: timedelta, first_on: date = date(2026, 9, 1)) -> Calendar:
    """A compressed calendar of days that follow one another at once."""
    start, step = int(first_opens_at.timestamp() * 1000), length // timedelta(milliseconds=1)
    return Calendar(
        district_id=DISTRICT, version=1, time_zone="America/Los_Angeles", hours_per_day=6.5, rehearsal=True,
        days=tuple(
            (first_on + timedelta(days=n), start + n * step, start + (n + 1) * step) for n in range(days)
        ),
    )  # fmt: skip


def pointer(to: Calendar, version: int = 1) -> CalendarPointer:
    return CalendarPointer(
        district_id=to.district_id, version=version, calendar_digest=digest_of(to), chosen_at=datetime.now(UTC)
    )


@dataclass
class RoomLab:
    """One domain room; `stop` leaves neither process nor task."""

    settings: Settings
    domain: DomainRoom
    running: list[tuple[Process, asyncio.Task[None]]] = field(default_factory=list)
    sent_count: int = 0

    async def set_up(self) -> None:
        await migrate(self.settings, [self.domain.room()])
        names = [*self.topics, self.domain.readings_topic]
        admin = AdminClient(client_config(self.settings))
        for future in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
            await asyncio.to_thread(future.result, 20)

    @property
    def topics(self) -> list[str]:
        return [topic.name for topic in (*self.domain.directory, self.domain.topic)]

    async def send(self, payloads: Sequence[BaseModel], partition: int | None = None) -> None:
        """Sends each to the topic of its type, keyed by its scope."""
        by_type = {
            model: topic.name for topic in (self.domain.topic, *self.domain.directory) for model in topic.payloads
        }
        producer = Producer(producer_config(self.settings))
        for payload in payloads:
            ce_type = str(payload.ce_type)  # type: ignore[attr-defined]
            key = next(
                str(getattr(payload, name))
                for name in ("scope_id", "school_id", "district_id")
                if hasattr(payload, name)
            )
            event = encode(ce_type, payload, key, source="lab")
            placed: Mapping[str, Any] = {} if partition is None else {"partition": partition}
            producer.produce(by_type[type(payload)], event.value, event.key, headers=list(event.headers), **placed)
        assert await asyncio.to_thread(producer.flush, 60) == 0
        self.sent_count += len(payloads)

    def start(self) -> Process:
        process = self.domain.process(self.settings)
        self.running.append((process, asyncio.create_task(process.run())))
        return process

    async def stop(self) -> None:
        while self.running:
            process, task = self.running.pop()
            process.stop()
            await asyncio.wait_for(task, 40)

    async def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await connect(self.settings, self.domain.name)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    async def counts(self) -> dict[str, int]:
        rows = await self.query("select *, next_offset - first_offset as moved from fence")
        return {name: sum(row[name] for row in rows) for name in (*COUNTS, "moved")}

    async def settled(self) -> dict[str, int]:
        """Awaits that all that was sent is behind the fence, computed and published; returns the counts."""

        async def look() -> dict[str, int] | None:
            counts = await self.counts()
            (row,) = await self.query(
                "select (select count(*) from scope where version > computed_version) + (select count(*) from outbox) as n"
            )
            return counts if counts["moved"] >= self.sent_count and row["n"] == 0 else None

        return await until(look, what=f"{self.sent_count} records settled")

    async def published(self) -> list[Reading]:
        """Every reading on the wire, in no particular order."""
        return await asyncio.to_thread(self._read, self.domain.readings_topic)

    def _read(self, topic: str) -> list[Reading]:
        consumer = Consumer(client_config(self.settings) | {"group.id": f"lab-{uuid.uuid4()}"})
        places = [TopicPartition(topic, number, 0) for number in range(PARTITIONS)]
        expected = sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)
        consumer.assign(places)
        found: list[Reading] = []
        while len(found) < expected:
            found += [Reading.model_validate_json(m.value() or b"") for m in consumer.consume(expected - len(found), 1)]
        consumer.close()
        return found

    async def latest(self) -> dict[tuple[str, str], Reading]:
        """The reading of greatest sequence of each (scope, signal)."""
        ordered = sorted(await self.published(), key=lambda reading: reading.sequence)
        return {(reading.scope.id, reading.signal): reading for reading in ordered}


def on_own_topics(domain: DomainRoom, prefix: str) -> DomainRoom:
    def own(topic: Topic) -> Topic:
        return replace(topic, name=f"{prefix}.{topic.name}")

    return replace(
        domain,
        topic=own(domain.topic),
        directory=tuple(own(topic) for topic in domain.directory),
        readings_topic=f"{prefix}.{domain.readings_topic}",
    )


@contextlib.asynccontextmanager
async def room_lab(settings: Settings, home: Path, domain: DomainRoom) -> AsyncIterator[RoomLab]:
    """A laboratory on a database and topics of its own, both gone afterwards."""
    name = f"lab_{uuid.uuid4().hex[:10]}"
    admin = await asyncpg.connect(settings.postgres_dsn)
    await admin.execute(f"create database {name}")
    dsn = urlunsplit(urlsplit(settings.postgres_dsn)._replace(path=f"/{name}"))
    own = settings.model_copy(update={"home": home, "log_json": True, "postgres_dsn": dsn})
    made = RoomLab(own, on_own_topics(domain, f"test.{name}"))
    try:
        await made.set_up()
        yield made
    finally:
        with contextlib.suppress(Exception):
            await made.stop()
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
        kafka = AdminClient(client_config(settings))
        for future in kafka.delete_topics([*made.topics, made.domain.readings_topic]).values():
            with contextlib.suppress(Exception):
                await asyncio.to_thread(future.result, 20)


@pytest.fixture
async def lab(private_stack: PrivateStack, tmp_path: Path) -> AsyncIterator[RoomLab]:
    """Provisioning, the richest of the domain rooms."""
    async with room_lab(private_stack.settings, tmp_path / "home", DOMAIN) as made:
        yield made
