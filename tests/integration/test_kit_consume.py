"""The promise of the kit, on real Kafka and PostgreSQL: every record has exactly one effect, to the unit."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition
from pydantic import BaseModel

from services.kit.batch import Batch
from services.kit.consume import Dead, Disposition, FenceBrokenError, Record
from services.kit.deadletters import Filter, find, replay
from services.kit.envelope import encode
from services.kit.ingest import BadShareError
from services.kit.kafka import client_config
from services.kit.lag import lag
from services.kit.outcome import PermanentError, TemporaryError
from tests.harness.until import until
from tests.integration.test_kit_lab import COUNTS, Arrival, Lab, Raw, Tick, apply_ticks, lab

__all__ = ["lab"]
pytestmark = pytest.mark.stack


def conserved(counts: dict[str, int]) -> bool:
    return counts["moved"] == sum(counts[name] for name in COUNTS)


def raw(value: bytes | None, **headers: object) -> Raw:
    """A record with a good envelope, then spoilt as the arguments say; None removes a header."""
    good = encode("lab.tick.v1", value or b"", "k", source="lab")
    given = dict(good.headers) | headers
    return b"k", value, [(name, each) for name, each in given.items() if each is not None]


async def test_every_record_has_one_effect(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(5000)])
    lab.start()
    counts = await lab.moved(5000)
    assert counts["applied"] == 5000
    assert conserved(counts)
    assert [tuple(row) for row in await lab.query("select count(*), max(times) from effect")] == [(5000, 1)]


POISON = {
    "not JSON": raw(b"{"),
    "not UTF-8": raw(b'{"id":"\xff"}'),
    "header not UTF-8": raw(b'{"id":"a"}', ce_type=b"\xff\xfe"),
    "no ce_id": raw(b'{"id":"a"}', ce_id=None),
    "unknown version": raw(b'{"id":"a"}', ce_type=b"lab.tick.v9"),
    "unknown CloudEvents": raw(b'{"id":"a"}', ce_specversion=b"2.0"),
    "NUL byte": raw(b'{"id":"a\\u0000b"}'),
    "lone surrogate": raw(b'{"id":"\\ud800"}'),
    "2^63": raw(b'{"id":"a","revision":9223372036854775808}'),
    "NaN": raw(b'{"id":"a","revision":NaN}'),
    "infinite": raw(b'{"id":"a","revision":1e999}'),
    "unknown field": raw(b'{"id":"a","name":"Ada"}'),
    "1 MB": raw(b'{"id":"' + b"x" * 1_000_000 + b'"}'),
    "deep": raw(b'{"id":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "naive time": raw(b'{"id":"a"}', ce_time=b"2026-11-23T08:00:00"),
}


async def test_poison_becomes_dead_letters_and_good_neighbours_apply(lab: Lab) -> None:
    await lab.delete_topic()
    lab.topic += "big"
    await lab.create_topic(lab.topic, 3, {"max.message.bytes": "2000000"})
    await lab.send([Tick(id=f"before{n}") for n in range(50)])
    await lab.send_raw([*POISON.values(), raw(None)])
    await lab.send([Tick(id=f"after{n}") for n in range(50)])
    lab.start()
    counts = await lab.moved(100 + len(POISON) + 1)
    assert (counts["applied"], counts["dead"], counts["ignored"]) == (100, len(POISON), 1)
    assert conserved(counts)
    letters = await find(lab.settings, lab.room, Filter(topic=lab.topic))
    assert sorted(letter.value or b"" for letter in letters) == sorted(value or b"" for _, value, _ in POISON.values())
    assert {letter.reason for letter in letters} == {"decode", "schema"}
    assert not [letter for letter in letters if len(letter.error_message.encode()) > 512]


async def test_a_record_the_handler_cannot_stand_becomes_a_dead_letter_alone(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}", mood="raise" if n == 40 else "well") for n in range(100)])
    lab.start()
    counts = await lab.moved(100)
    assert (counts["applied"], counts["dead"]) == (99, 1)
    (letter,) = await find(lab.settings, lab.room, Filter(reason="exhausted"))
    assert json.loads(letter.value or b"")["id"] == "t40"


async def test_a_handler_that_fails_for_everything_stops_the_process(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}", mood="raise") for n in range(100)])
    lab.start()
    assert isinstance(await lab.failure(), PermanentError)
    assert (await lab.counts())["dead"] <= 3 * 5


async def test_too_large_a_share_of_bad_records_stops_the_process(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}", mood="dead") for n in range(500)])
    lab.start()
    assert isinstance(await lab.failure(), BadShareError)
    assert (await lab.counts())["dead"] <= lab.settings.bad_share_stop_minimum


async def test_temporary_trouble_is_waited_out_and_nothing_is_dropped(lab: Lab) -> None:
    failures = 3

    async def troubled(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
        nonlocal failures
        if failures:
            failures -= 1
            raise TemporaryError("away")
        return await apply_ticks(batch, records)

    await lab.send([Tick(id=f"t{n}") for n in range(300)])
    lab.start([lab.subscription(handler=troubled)])
    counts = await lab.moved(300)
    assert (counts["applied"], counts["dead"], failures) == (300, 0, 0)


async def test_a_restart_goes_on_at_the_fence_and_not_at_kafkas_offset(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(1000)])
    lab.start()
    await lab.moved(1000)
    await lab.stop()
    # A database restored from before: Kafka's own offset says 1000, the fence and the effects say less.
    await lab.query("update fence set next_offset = first_offset, applied = 0")
    await lab.query("truncate effect")
    await lab.send([Tick(id="new")])
    lab.start()
    counts = await lab.moved(1001)
    assert counts["applied"] == 1001
    assert (await lab.query("select count(*) from effect"))[0][0] == 1001


async def test_a_fence_set_back_under_a_running_consumer_is_followed(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(1000)])
    lab.start()
    await lab.moved(1000)
    await lab.query("truncate effect")
    await lab.query("update fence set next_offset = first_offset, applied = 0")
    await lab.send([Tick(id=f"new{n}") for n in range(100)])
    counts = await lab.moved(1100)
    assert counts["applied"] == 1100
    assert (await lab.query("select count(*), max(times) from effect"))[0]["count"] == 1100


async def test_a_fence_set_back_at_the_end_of_a_quiet_log_is_followed_though_no_record_comes(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(1000)])
    lab.start()
    await lab.moved(1000)
    await lab.query("truncate effect")
    await lab.query("update fence set next_offset = first_offset, applied = 0")
    counts = await lab.moved(1000)
    assert counts["applied"] == 1000
    assert (await lab.query("select count(*), max(times) from effect"))[0]["count"] == 1000


async def test_a_batch_in_hand_while_the_fence_is_set_back_takes_nothing_for_holes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.kit.process.GAUGE_SECONDS", 0.2)
    in_hand = asyncio.Event()
    troubled = False

    async def reluctant(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
        nonlocal troubled
        if troubled:
            troubled = False
            in_hand.set()
            raise TemporaryError("the database is away", timedelta(seconds=4))
        return await apply_ticks(batch, records)

    await lab.send([Tick(id=f"t{n}") for n in range(1000)])
    lab.start([lab.subscription(handler=reluctant)])
    await lab.moved(1000)
    troubled = True
    await lab.send([Tick(id=f"new{n}") for n in range(100)])
    await asyncio.wait_for(in_hand.wait(), 30)
    await lab.query("truncate effect")
    await lab.query("update fence set next_offset = first_offset, applied = 0")
    counts = await lab.moved(1100)
    assert (counts["applied"], counts["ignored"]) == (1100, 0)
    assert (await lab.query("select count(*), max(times) from effect"))[0]["count"] == 1100


async def test_a_consumer_at_rest_awaits_the_first_record_and_gathers_those_that_come_with_it(lab: Lab) -> None:
    sizes: list[int] = []

    async def measured(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
        sizes.append(len(records))
        return await apply_ticks(batch, records)

    process = lab.start([lab.subscription(handler=measured)])
    await lab.send([Tick(id="early")])
    await lab.moved(1)
    (consuming,) = process._consuming

    async def resting() -> bool:
        return consuming.at_rest

    await until(resting, what="the consumer to rest")
    sizes.clear()
    await lab.send([Tick(id=f"t{n}") for n in range(500)])
    counts = await lab.moved(501)
    assert counts["applied"] == 501
    assert sizes[0] > 1


async def test_a_recreated_topic_stops_the_process(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(100)])
    lab.start()
    await lab.moved(100)
    await lab.stop()
    await lab.delete_topic()
    await lab.create_topic(lab.topic, 3)
    await lab.send([Tick(id=f"t{n}") for n in range(100)])
    lab.start()
    error = await lab.failure()
    assert isinstance(error, FenceBrokenError)
    assert "created again" in str(error)
    assert (await lab.counts())["moved"] == 100


async def test_a_topic_recreated_behind_a_running_consumer_stops_it(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(100)])
    lab.start()
    await lab.moved(100)
    await lab.delete_topic()
    await lab.create_topic(lab.topic, 3)
    await lab.send([Tick(id=f"t{n}") for n in range(100)])
    assert isinstance(await lab.failure(), FenceBrokenError)
    assert (await lab.counts())["moved"] == 100


async def test_a_log_that_starts_past_the_fence_stops_the_process(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(100)])
    lab.start()
    await lab.moved(100)
    await lab.stop()
    await lab.send([Tick(id=f"more{n}") for n in range(300)])
    admin = AdminClient(client_config(lab.settings))
    for future in admin.delete_records([TopicPartition(lab.topic, p, 60) for p in range(3)]).values():
        future.result(20)
    lab.start()
    error = await lab.failure()
    assert isinstance(error, FenceBrokenError)
    assert "gone by retention" in str(error)


async def test_a_log_that_ends_below_the_fence_stops_the_process(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(100)])
    lab.start()
    await lab.moved(100)
    await lab.stop()
    await lab.query("update fence set next_offset = next_offset + 1000, applied = applied + 1000")
    lab.start()
    error = await lab.failure()
    assert isinstance(error, FenceBrokenError)
    assert "seen its end" in str(error)


async def test_a_topic_nobody_made_is_named(lab: Lab) -> None:
    lab.start([lab.subscription(topics=(lab.topic, "firstbell.test.nobody-made-this"))])
    error = await lab.failure()
    assert isinstance(error, PermanentError)
    assert "firstbell topics apply" in str(error)


async def test_parked_records_are_taken_up_and_counts_move_with_them(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}", mood="unknown:here" if n % 10 == 0 else "well") for n in range(200)])
    await lab.send([Tick(id="late", mood="unknown:never")])
    lab.start()
    counts = await lab.moved(201)
    assert (counts["applied"], counts["parked"]) == (180, 21)
    await lab.send([Arrival(reference="here")])
    counts = await lab.moved(202)
    assert (counts["applied"], counts["parked"]) == (201, 1)
    assert conserved(counts)
    assert (await lab.query("select count(*) from effect"))[0][0] == 200
    assert [row["missing"] for row in await lab.query("select missing from parked")] == ["never"]


async def test_a_record_parked_while_its_reference_arrives_is_never_left_behind(lab: Lab) -> None:
    """Two transactions at once: one saw no reference and will park; the other brings it and looks for parked ones."""
    other = lab.topic + "refs"
    await lab.create_topic(other, 1)
    await lab.query("create table known (reference text primary key)")
    looked, arrived = asyncio.Event(), asyncio.Event()

    async def ticks(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        known = await batch.connection.fetch("select reference from known")
        looked.set()
        # Stays between its look and its park as long as the other could need to pass it by.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(arrived.wait(), 2)
        return [Disposition.APPLIED if known else batch.park(record, "r") for record in records]

    async def arrivals(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        await batch.connection.execute("insert into known values ('r')")
        for record in await batch.take_parked(["r"]):
            batch.settle(record, Disposition.APPLIED)
        asyncio.get_running_loop().call_later(0.2, arrived.set)
        return [Disposition.APPLIED for _ in records]

    refs = lab.subscription(topics=(other,), group=f"{lab.room}-refs", handler=arrivals)
    lab.start([lab.subscription(handler=ticks), refs])
    await lab.send([Tick(id="t")])
    await asyncio.wait_for(looked.wait(), 20)
    await lab.send([Arrival(reference="r")], topic=other)
    counts = await lab.moved(2)
    assert (counts["applied"], counts["parked"]) == (2, 0)
    assert await lab.query("select 1 from parked") == []


async def test_two_processes_share_a_room_and_one_leaves_at_work(lab: Lab) -> None:
    lab.start()
    first, task = lab.running[0]
    lab.start()
    await lab.send([Tick(id=f"t{n}") for n in range(20_000)])
    await lab.moved(1_000)
    first.stop()
    await asyncio.wait_for(task, 30)
    await lab.send([Tick(id=f"u{n}") for n in range(1_000)])
    counts = await lab.moved(21_000)
    assert counts["applied"] == 21_000
    assert [tuple(row) for row in await lab.query("select count(*), max(times) from effect")] == [(21_000, 1)]


async def test_dead_letters_are_replayed_with_their_bytes_and_where_they_came_from(lab: Lab) -> None:
    await lab.send_raw([raw(b'{"id":"a","name":"Ada"}')])
    lab.start()
    await lab.moved(1)
    letters = await find(lab.settings, lab.room, Filter())
    assert await replay(lab.settings, letters, rate=1000) == 1
    await lab.moved(2)
    assert (await lab.counts())["dead"] == 2
    (again,) = await find(lab.settings, lab.room, Filter())
    headers = dict(again.headers)
    assert again.value == letters[0].value
    assert headers["ce_id"] == dict(letters[0].headers)["ce_id"]
    assert headers["dlq.original.offset"] == str(letters[0].offset).encode()
    assert headers["dlq.reason"] == b"schema"


async def test_lag_is_the_end_minus_the_fence(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(90)])
    lab.start()
    await lab.moved(90)
    await lab.stop()
    await lab.send([Tick(id=f"x{n}") for n in range(10)])
    rows = await lag(lab.settings, [lab.room])
    assert sum(row.lag or 0 for row in rows) == 10
    assert all(row.conserved for row in rows)


async def test_the_process_writes_its_port_and_answers_health_and_metrics(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(10)])
    lab.start()
    await lab.moved(10)
    file: Path = lab.settings.home / "ports" / f"{lab.room}.json"
    port = json.loads(await asyncio.to_thread(file.read_text))["metrics"]
    assert json.loads(await get(port, "/health"))["healthy"] is True
    wanted = f'firstbell_consumed_records_total{{disposition="applied",room="{lab.room}",topic="{lab.topic}"}} 10.0'

    async def counted() -> bool:
        return wanted in await get(port, "/metrics")

    await until(counted, what=wanted)
    await lab.stop()
    assert not await asyncio.to_thread(file.exists)


async def get(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    body = (await reader.read()).decode()
    writer.close()
    return body.split("\r\n\r\n", 1)[1]
