"""A laboratory room for the kit's own tests: one topic, one table of effects, real Kafka and PostgreSQL."""

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pydantic import BaseModel, ConfigDict

from services.kit.batch import Batch
from services.kit.consume import Disposition, Record, Subscription
from services.kit.database import connect
from services.kit.envelope import encode
from services.kit.kafka import client_config, producer_config
from services.kit.migrations import migrate
from services.kit.outcome import Dead
from services.kit.process import Process, Sweep
from services.kit.room import Room
from services.kit.settings import Settings, load_settings
from tests.harness.until import until

REVISION = """
from alembic import op
from services.kit.tables import create_kit_tables, drop_kit_tables
revision = "0001"
down_revision = None


def upgrade():
    create_kit_tables(op)
    op.execute("create table effect (id text primary key, revision bigint not null, times bigint not null default 1)")


def downgrade():
    drop_kit_tables(op)
"""


class Tick(BaseModel):
    """One event of the laboratory."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    revision: int = 1
    mood: str = "well"
    """`dead`, `raise` and `unknown:<reference>` provoke the handler."""


class Arrival(BaseModel):
    """The reference a parked tick waits for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    reference: str


DECODER: dict[str, type[BaseModel]] = {"lab.tick.v1": Tick, "lab.arrival.v1": Arrival}
Raw = tuple[bytes | None, bytes | None, Any]
"""Key, value, headers. Any: header values that no honest producer sends."""
COUNTS = ("applied", "superseded", "duplicate", "dead", "parked", "ignored")


async def apply_ticks(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
    """Applies ticks by id, guarded by revision; every application adds one to `times`, so that twice shows."""
    arrived = [record.value.reference for record in records if isinstance(record.value, Arrival)]
    known = set(arrived)
    taken = await batch.take_parked(arrived)
    results: list[Disposition | Dead] = []
    newest: dict[str, int] = {}
    for record in [*records, *taken]:
        tick = record.value
        if isinstance(tick, Arrival):
            results.append(Disposition.APPLIED)
            continue
        assert isinstance(tick, Tick)
        if tick.mood == "raise":
            raise RuntimeError("the handler can't stand this record")
        if tick.mood == "dead":
            results.append(Dead("bad-mood", "expected a mood, seen dead"))
        elif tick.mood.startswith("unknown:") and (missing := tick.mood.removeprefix("unknown:")) not in known:
            results.append(batch.park(record, missing))
        elif tick.revision <= newest.get(tick.id, 0):
            results.append(Disposition.SUPERSEDED)
        else:
            newest[tick.id] = tick.revision
            results.append(Disposition.APPLIED)
    for record, result in zip(taken, results[len(records) :], strict=True):
        batch.settle(record, result)
    await batch.connection.execute(
        """insert into effect as e (id, revision) select * from unnest($1::text[], $2::bigint[])
        on conflict (id) do update set revision = excluded.revision, times = e.times + 1""",
        list(newest),
        list(newest.values()),
    )
    return results[: len(records)]


@dataclass
class Lab:
    """One room and one topic of its own; `stop` leaves neither process nor task."""

    settings: Settings
    room: str
    topic: str
    folder: Path
    running: list[tuple[Process, asyncio.Task[None]]] = field(default_factory=list)

    async def set_up(self, partitions: int = 3) -> None:
        (self.folder / "0001_first.py").write_text(REVISION)
        await migrate(self.settings, [Room(self.room, migrations=self.folder)])
        await self.create_topic(self.topic, partitions)

    async def create_topic(self, topic: str, partitions: int, config: dict[str, str] | None = None) -> None:
        admin = AdminClient(client_config(self.settings))
        (made,) = admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})]).values()
        await asyncio.to_thread(made.result, 20)

    async def delete_topic(self) -> None:
        admin = AdminClient(client_config(self.settings))
        (gone,) = admin.delete_topics([self.topic]).values()
        await asyncio.to_thread(gone.result, 20)

        async def absent() -> bool:
            metadata = await asyncio.to_thread(admin.list_topics, None, 10)
            return self.topic not in metadata.topics

        await until(absent, what=f"{self.topic} deleted")

    async def send(self, payloads: Sequence[BaseModel], *, topic: str | None = None) -> None:
        types = {model: name for name, model in DECODER.items()}
        encoded = [encode(types[type(each)], each, getattr(each, "id", "arrival"), source="lab") for each in payloads]
        await self.send_raw([(each.key, each.value, each.headers) for each in encoded], topic=topic)

    async def send_raw(self, records: Sequence[Raw], *, topic: str | None = None) -> None:
        producer = Producer(producer_config(self.settings) | {"message.max.bytes": 2_000_000})
        for key, value, headers in records:
            while True:
                try:
                    producer.produce(topic or self.topic, value, key, headers=headers)
                    break
                except BufferError:
                    await asyncio.to_thread(producer.poll, 0.1)
        assert await asyncio.to_thread(producer.flush, 60) == 0

    def subscription(self, **changes: Any) -> Subscription:
        given: dict[str, Any] = {
            "topics": (self.topic,), "group": f"{self.room}-group", "decoder": DECODER, "handler": apply_ticks,
        }  # fmt: skip
        return Subscription(**(given | changes))

    def start(self, subscriptions: Sequence[Subscription] | None = None, sweeps: Sequence[Sweep] = ()) -> Process:
        process = Process(
            self.room, self.settings, [self.subscription()] if subscriptions is None else subscriptions, sweeps
        )
        self.running.append((process, asyncio.create_task(process.run())))
        return process

    async def stop(self) -> None:
        while self.running:
            process, task = self.running.pop()
            process.stop()
            await asyncio.wait_for(task, 40)

    async def failure(self) -> BaseException:
        """Awaits the end of the only process, which must fail."""
        ((_, task),) = self.running
        self.running.clear()
        try:
            await asyncio.wait_for(task, 40)
        except TimeoutError:
            raise AssertionError("the process went on and should have failed") from None
        except Exception as error:  # noqa: BLE001  whatever it is, it is what the test asks for
            return error
        raise AssertionError("the process ended without an error")

    async def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await connect(self.settings, self.room)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    async def counts(self) -> dict[str, int]:
        """The fence's counts over all partitions, and how far it stands from its first offset."""
        rows = await self.query("select *, next_offset - first_offset as moved from fence where not retired")
        return {name: sum(row[name] for row in rows) for name in (*COUNTS, "moved")}

    async def moved(self, records: int, within: float = 40.0) -> dict[str, int]:
        """Awaits the fence's having passed so many records, and returns the counts."""

        async def look() -> dict[str, int] | None:
            for _, task in self.running:
                if task.done():
                    task.result()  # raises what ended the process, instead of waiting for what can't come
            counts = await self.counts()
            return counts if counts["moved"] >= records else None

        return await until(look, what=f"{records} records behind the fence", within=within)


@pytest.fixture
async def lab(stack: Settings, tmp_path: Path) -> AsyncIterator[Lab]:
    name = f"kit_{uuid.uuid4().hex[:10]}"
    settings = stack.model_copy(update={"home": tmp_path / "home", "log_json": True})
    made = Lab(settings, name, f"firstbell.test.{name}.v1", tmp_path)
    await made.set_up()
    try:
        yield made
    finally:
        with contextlib.suppress(Exception):
            await made.stop()
        await made.query(f'drop schema "{name}" cascade')
        AdminClient(client_config(settings)).delete_topics([made.topic])


async def main() -> None:
    """Runs a laboratory process that a test kills: settings from the environment, room and topic as arguments."""
    room, topic = sys.argv[1:3]
    victim = Lab(load_settings(), room, topic, Path())
    await Process(room, victim.settings, [victim.subscription()]).run()


if __name__ == "__main__":
    asyncio.run(main())
