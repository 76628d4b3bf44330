"""The outbox on real servers: what committed leaves, what did not stays unborn, and twice carries the same id."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import asyncpg
import pytest
from confluent_kafka import Consumer, Message
from pydantic import BaseModel

from services.kit import outbox
from services.kit.batch import Batch
from services.kit.consume import Disposition, Record
from services.kit.database import open_pool
from services.kit.kafka import client_config
from services.kit.process import Sweep
from services.kit.relay import Relay
from tests.harness.until import until
from tests.integration.test_kit_lab import Lab, Tick, lab

__all__ = ["lab"]
pytestmark = pytest.mark.stack


async def read_all(lab: Lab, at_least: int) -> list[Message]:
    """Every record of the topic, once so many are there."""

    def work() -> list[Message]:
        consumer = Consumer(
            client_config(lab.settings)
            | {"group.id": f"{lab.room}-reader", "auto.offset.reset": "earliest", "enable.partition.eof": True}
        )
        consumer.subscribe([lab.topic])
        found: list[Message] = []
        ended: set[int | None] = set()
        try:
            while len(ended) < 3 or len(found) < at_least:
                message = consumer.poll(20)
                assert message is not None, f"expected {at_least} records, seen {len(found)}"
                if message.error():
                    ended.add(message.partition())
                else:
                    found.append(message)
        finally:
            consumer.close()
        return found

    return await asyncio.wait_for(asyncio.to_thread(work), 60)


def ids(messages: Sequence[Message]) -> Counter[object]:
    return Counter(dict(message.headers() or [])["ce_id"] for message in messages)


async def write(lab: Lab, count: int) -> None:
    rows = [outbox.row(lab.topic, f"k{n}", "lab.tick.v1", Tick(id=f"t{n}"), source="lab") for n in range(count)]
    connection = await asyncpg.connect(lab.settings.postgres_dsn, server_settings={"search_path": lab.room})
    try:
        await outbox.publish_rows(connection, rows)
    finally:
        await connection.close()


class LostAnswer(Relay):
    """A relay that dies after Kafka has acknowledged and before its rows are deleted."""

    async def _send(self, rows: list[asyncpg.Record]) -> None:
        await super()._send(rows)
        raise ConnectionError("killed between flush and delete")


async def test_a_relay_killed_before_its_delete_sends_again_under_the_same_id(lab: Lab) -> None:
    await write(lab, 100)
    pool = await open_pool(lab.settings, lab.room)
    with pytest.raises(ConnectionError):
        await LostAnswer(lab.settings, pool, lab.room).once()
    assert await Relay(lab.settings, pool, lab.room).once() == 100
    assert await Relay(lab.settings, pool, lab.room).once() == 0
    await pool.close()
    seen = ids(await read_all(lab, 200))
    assert len(seen) == 100
    assert set(seen.values()) == {2}


async def test_two_relays_of_a_room_send_each_row_once(lab: Lab) -> None:
    await write(lab, 2000)
    pool = await open_pool(lab.settings, lab.room)
    relays = [Relay(lab.settings, pool, lab.room) for _ in range(2)]
    running = [asyncio.create_task(relay.run()) for relay in relays]

    async def empty() -> bool:
        return await lab.query("select 1 from outbox limit 1") == []

    await until(empty, what="an empty outbox")
    for relay in relays:
        relay.stop()
    await asyncio.gather(*running)
    await pool.close()
    seen = ids(await read_all(lab, 2000))
    assert len(seen) == 2000
    assert set(seen.values()) == {1}


async def test_a_batch_and_a_sweep_publish_with_their_transaction(lab: Lab) -> None:
    out = lab.topic + "out"
    await lab.create_topic(out, 3)

    async def echo(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        for record in records:
            batch.publish(out, record.key, record.ce_type, record.value)
        return [Disposition.APPLIED for _ in records]

    async def once(batch: Batch) -> None:
        if not await batch.connection.fetchval("select 1 from effect where id = 'swept'"):
            await batch.connection.execute("insert into effect values ('swept', 1)")
            batch.publish(out, "swept", "lab.tick.v1", Tick(id="swept"))

    await lab.send([Tick(id=f"t{n}") for n in range(50)])
    lab.start([lab.subscription(handler=echo)], [Sweep("once", 0.05, once)])
    await lab.moved(50)

    async def empty() -> bool:
        return await lab.query("select 1 from outbox limit 1") == []

    await until(empty, what="an empty outbox")
    await lab.stop()
    inward, lab.topic = lab.topic, out
    messages = await read_all(lab, 51)
    lab.topic = inward
    assert len(messages) == 51
    sources = {dict(message.headers() or [])["ce_source"] for message in messages}
    assert sources == {f"firstbell/{lab.room}".encode()}


async def test_rows_of_a_key_leave_in_order_and_to_the_partition_every_client_chooses(lab: Lab) -> None:
    rows = [
        outbox.row(lab.topic, f"k{n % 7}", "lab.tick.v1", Tick(id=f"t{n}", revision=n + 1), source="lab")
        for n in range(700)
    ]
    connection = await asyncpg.connect(lab.settings.postgres_dsn, server_settings={"search_path": lab.room})
    await outbox.publish_rows(connection, rows)
    await connection.close()
    pool = await open_pool(lab.settings, lab.room)
    await Relay(lab.settings, pool, lab.room).once()
    await pool.close()
    by_key: dict[bytes, list[tuple[int, int]]] = {}
    for message in await read_all(lab, 700):
        revision = Tick.model_validate_json(message.value() or b"").revision
        by_key.setdefault(bytes(message.key() or b""), []).append((message.partition() or 0, revision))
    for key, seen in by_key.items():
        assert len({partition for partition, _ in seen}) == 1, key
        assert [revision for _, revision in seen] == sorted(revision for _, revision in seen), key
