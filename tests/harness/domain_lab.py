"""One domain room at work on real servers: teach it a school, publish raw events, see its readings on Kafka.

Every lab has schools of its own, so that tests share topics and tables without meeting.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg
from confluent_kafka import Consumer, TopicPartition

from schemas.calendar import Calendar, CalendarPointer
from schemas.events.raw import RawEvent
from schemas.model import digest_of
from schemas.readiness import Reading
from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus
from schemas.topics import CALENDAR_POINTERS, CALENDARS, READINGS, SCHOOLS
from services.kit.envelope import encode
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from services.readings.desk import DomainRoom
from services.readings.subject import SignalValue
from tests.harness.until import until

COUNTS = ("applied", "superseded", "duplicate", "dead", "parked", "ignored")
Payload = RawEvent | SchoolRecord | Calendar | CalendarPointer
_versions = count(1)


def calendar_around(now: datetime, district_id: str, day_length: timedelta = timedelta(days=1)) -> Calendar:
    """Contiguous days, the 31st of them under way: imagined, so that any machine's clock lies inside.

    The day under way bears the clock's own date, whatever the length of a day.
    """
    start = now.replace(minute=0, second=0, microsecond=0) if day_length >= timedelta(days=1) else now
    opens = [start + day_length * (step - 30) for step in range(301)]
    milliseconds = [int(instant.timestamp() * 1000) for instant in opens]
    return Calendar(
        district_id=district_id, version=1, time_zone="UTC", hours_per_day=7.0, rehearsal=True,
        days=tuple(
            (now.date() + timedelta(days=step - 30), milliseconds[step], milliseconds[step + 1]) for step in range(300)
        ),
    )  # fmt: skip


@dataclass
class DomainLab:
    """A running room, a school of this lab's own, and what came out."""

    settings: Settings
    domain: DomainRoom
    school_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    district_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    day_length: timedelta = timedelta(days=1)
    """Of the district's calendar, until `teach` has published it."""
    readings: dict[tuple[str, str], Reading] = field(default_factory=dict)
    """The newest of each (scope, signal)."""

    @property
    def calendar(self) -> Calendar:
        return calendar_around(self.now, self.district_id, self.day_length)

    def at(self, days_ago: float) -> datetime:
        """The instant so many days before the lab began; a day of its calendar has 24 hours."""
        return self.now - timedelta(days=days_ago)

    def publish(self, topic: str, payloads: Iterable[tuple[str, Payload]]) -> None:
        """Sends (key, payload) in this order and waits for the acknowledgements."""
        with Publisher(self.settings) as publisher:
            for key, payload in payloads:
                publisher.send(topic, encode(payload.ce_type, payload, key, source="tests"))

    def send(self, *events: RawEvent) -> None:
        self.publish(self.domain.topic.name, [(event.scope_id, event) for event in events])

    def teach(self, teachers: float | None = 20.0) -> None:
        """The directory's word about this lab's school and its district's calendar."""
        school = SchoolRecord(
            school_id=self.school_id, district_id=self.district_id, state="WA", version=next(_versions),
            recorded_at=self.now, status=SchoolStatus.OPEN, level=SchoolLevel.MIDDLE, students=400, teachers=teachers,
            display_name="Imagined Middle School", district_display_name="Imagined District",
        )  # fmt: skip
        digest = digest_of(self.calendar)
        pointer = CalendarPointer(
            district_id=self.district_id, version=1, calendar_digest=digest, chosen_at=self.now
        )  # fmt: skip
        self.publish(CALENDARS.name, [(digest, self.calendar)])
        self.publish(CALENDAR_POINTERS.name, [(self.district_id, pointer)])
        self.publish(SCHOOLS.name, [(self.school_id, school)])

    async def settled(self, expected: Iterable[SignalValue], scope_id: str | None = None) -> None:
        """Returns once the newest readings of the scope say exactly this. Raises AssertionError that shows both."""
        wanted = {value.signal: _said(value) for value in expected}

        async def look() -> bool:
            return self.seen(scope_id) == wanted

        try:
            await until(look, what="readings as computed", within=60)
        except AssertionError as error:
            raise AssertionError(f"{error}: expected {wanted}, seen {self.seen(scope_id)}") from error

    def seen(self, scope_id: str | None = None) -> dict[str, tuple[object, ...]]:
        of = scope_id or self.school_id
        return {signal: _said(reading) for (scope, signal), reading in self.readings.items() if scope == of}

    async def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(
            self.settings.postgres_dsn, server_settings={"search_path": self.domain.name}
        )
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()

    async def counts(self) -> dict[str, int]:
        """The room's fence on its raw topic: `moved` and what became of the records."""
        sums = ", ".join(f"sum({name})::bigint as {name}" for name in COUNTS)
        sql = f"select sum(next_offset - first_offset)::bigint as moved, {sums} from fence where topic = $1"  # noqa: S608
        (row,) = await self.query(sql, self.domain.topic.name)
        return {name: row[name] or 0 for name in ("moved", *COUNTS)}

    async def moved_by(self, before: dict[str, int], records: int) -> dict[str, int]:
        """What became of the records since, once the fence has moved past so many."""

        async def look() -> dict[str, int] | None:
            found = await self.counts()
            return found if found["moved"] - before["moved"] >= records else None

        found = await until(look, what=f"the fence {records} further")
        assert found is not None
        return {name: found[name] - before[name] for name in found}

    async def _listen(self) -> None:
        """Follows the readings from the beginning until it is cancelled."""
        consumer = Consumer({"bootstrap.servers": self.settings.kafka_bootstrap, "group.id": f"lab-{uuid.uuid4()}"})
        try:
            partitions = consumer.list_topics(READINGS.name, timeout=30).topics[READINGS.name].partitions
            consumer.assign([TopicPartition(READINGS.name, number, 0) for number in partitions])
            while True:
                for message in await asyncio.to_thread(consumer.consume, 500, 0.1):
                    if message.error() is None:
                        self._heard(Reading.model_validate_json(message.value() or b""))
        finally:
            consumer.close()

    def _heard(self, reading: Reading) -> None:
        key = (reading.scope.id, reading.signal)
        held = self.readings.get(key)
        if held is None or held.sequence < reading.sequence:
            self.readings[key] = reading


def _said(said: SignalValue | Reading) -> tuple[object, ...]:
    """Everything that is news."""
    return (
        said.value, said.applicable, said.missing, said.numerator, said.population, said.origin, said.simulated,
        tuple(said.detail),
    )  # fmt: skip


@asynccontextmanager
async def domain_lab(settings: Settings, domain: DomainRoom) -> AsyncIterator[DomainLab]:
    """A lab whose room runs inside; ended, with its tasks, on leaving."""
    lab = DomainLab(settings, domain)
    process = domain.process(settings)
    running = asyncio.create_task(process.run())
    listening = asyncio.create_task(lab._listen())
    try:
        yield lab
    finally:
        process.stop()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await running
