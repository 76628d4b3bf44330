"""One transaction of the kit, on real PostgreSQL: what is below the fence is dropped, what fails leaves no trace."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from services.kit import fence
from services.kit.batch import Batch
from services.kit.database import Pool, open_pool
from services.kit.envelope import Decoded, Ok, Record, encode
from services.kit.fence import Log, Place
from services.kit.ingest import BadShareGuard, Handler, Ingest, RewindError, Subscription
from services.kit.outcome import Disposition
from tests.integration.test_kit_lab import DECODER, Arrival, Lab, Tick, apply_ticks, lab

__all__ = ["lab"]
pytestmark = pytest.mark.stack


@pytest.fixture
async def pool(lab: Lab) -> AsyncIterator[Pool]:
    pool = await open_pool(lab.settings, lab.room)
    yield pool
    await pool.close()


def no_look(_place: Place, _offset: int) -> None:
    """The log is as the fence says."""


async def ingest_of(pool: Pool, handler: Handler = apply_ticks) -> Ingest:
    subscription = Subscription(("t",), "g", DECODER, handler)
    ingest = Ingest(pool, subscription, "lab", BadShareGuard(0.5, 200), no_look)
    async with pool.acquire() as connection:
        ingest.expected.update(await fence.position(connection, "g", [Log("t", "id", 0, 0, 10_000)]))
    ingest.topic_ids["t"] = "id"
    return ingest


def ticks(first: int, last: int, value: BaseModel | None = None) -> list[Decoded]:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    found: list[Decoded] = []
    for n in range(first, last):
        payload = value or Tick(id=f"t{n}")
        sent = encode("lab.tick.v1", payload, "k", source="lab", time=at)
        event = (f"e{n}", "lab.tick.v1", "lab", at, payload)
        found.append(Ok(Record("t", 0, n, 1_000 + n, "k", *event, sent.key, sent.value, tuple(sent.headers))))
    return found


async def effects(lab: Lab) -> tuple[int, int]:
    (row,) = await lab.query("select count(*), coalesce(sum(times), 0)::bigint from effect")
    return row[0], row[1]


async def test_the_same_batch_twice_has_its_effect_once(lab: Lab, pool: Pool) -> None:
    ingest = await ingest_of(pool)
    await ingest.apply(ticks(0, 100))
    again = await ingest.apply(ticks(50, 150))
    assert again.replayed_count == 50
    assert await effects(lab) == (150, 150)
    assert (await lab.counts())["applied"] == 150


async def test_two_processes_with_the_same_records_apply_them_once(lab: Lab, pool: Pool) -> None:
    ours, theirs = await ingest_of(pool), await ingest_of(pool)
    await ours.apply(ticks(0, 100))
    zombie = await theirs.apply(ticks(0, 100))
    assert zombie.replayed_count == 100
    assert await effects(lab) == (100, 100)


async def test_a_gap_read_without_a_break_is_compaction_and_counts_as_ignored(lab: Lab, pool: Pool) -> None:
    ingest = await ingest_of(pool)
    await ingest.apply(ticks(0, 10))
    await ingest.apply([*ticks(15, 20), *ticks(30, 31)])
    counts = await lab.counts()
    assert (counts["applied"], counts["ignored"], counts["moved"]) == (16, 15, 31)


async def test_a_gap_after_a_break_is_never_passed_over(lab: Lab, pool: Pool) -> None:
    ingest = await ingest_of(pool)
    await ingest.apply(ticks(0, 10))
    ingest.expected.clear()
    with pytest.raises(RewindError) as caught:
        await ingest.apply(ticks(15, 20))
    assert caught.value.offsets == {("t", 0): 10}
    assert (await lab.counts())["moved"] == 10


async def test_a_handler_that_fails_leaves_no_trace(lab: Lab, pool: Pool) -> None:
    async def failing(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        batch.publish("out", "k", "lab.tick.v1", Tick(id="x"))
        batch.park(records[0], "somewhere")
        await apply_ticks(batch, records)
        raise RuntimeError("after all its work")

    ingest = await ingest_of(pool, failing)
    with pytest.raises(RuntimeError, match="after all"):
        await ingest.apply(ticks(0, 5))
    assert (await lab.counts())["moved"] == 0
    for table in ("effect", "outbox", "parked", "dead_letter"):
        assert await lab.query(f"select 1 from {table}") == []  # noqa: S608  a constant


async def test_one_disposition_for_each_record_is_demanded(lab: Lab, pool: Pool) -> None:
    async def short(_batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        return [Disposition.APPLIED for _ in records[1:]]

    with pytest.raises(ValueError, match="5 records, 4 dispositions"):
        await (await ingest_of(pool, short)).apply(ticks(0, 5))
    assert (await lab.counts())["moved"] == 0


async def test_parked_is_only_said_of_what_was_parked(lab: Lab, pool: Pool) -> None:
    async def forgetful(_batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        return [Disposition.PARKED for _ in records]

    with pytest.raises(ValueError, match="must name the same records"):
        await (await ingest_of(pool, forgetful)).apply(ticks(0, 5))


async def test_what_was_taken_up_must_be_settled(lab: Lab, pool: Pool) -> None:
    async def forgetful(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        await batch.take_parked(["here"])
        return [Disposition.APPLIED for _ in records]

    await (await ingest_of(pool)).apply(ticks(0, 3, Tick(id="t", mood="unknown:here")))
    later = await ingest_of(pool, forgetful)
    with pytest.raises(ValueError, match="not settled"):
        await later.apply(ticks(3, 4, Arrival(reference="here")))
    assert (await lab.counts())["parked"] == 3


async def test_what_was_taken_up_may_be_parked_again_for_something_else(lab: Lab, pool: Pool) -> None:
    async def wait_on(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        for taken in await batch.take_parked(["here"]):
            batch.settle(taken, batch.park(taken, "there"))
        return [Disposition.APPLIED for _ in records]

    await (await ingest_of(pool)).apply(ticks(0, 3, Tick(id="t", mood="unknown:here")))
    await (await ingest_of(pool, wait_on)).apply(ticks(3, 4))
    counts = await lab.counts()
    assert (counts["applied"], counts["parked"], counts["moved"]) == (1, 3, 4)
    waiting = await lab.query(
        "select missing, consumer_group, topic_id, record_offset from parked order by record_offset"
    )
    assert [tuple(row) for row in waiting] == [("there", "g", "id", n) for n in range(3)]


async def test_a_parked_record_nobody_can_read_any_more_becomes_a_dead_letter(lab: Lab, pool: Pool) -> None:
    await (await ingest_of(pool)).apply(ticks(0, 3, Tick(id="t", mood="unknown:here")))
    await lab.query("update parked set value = 'no JSON' where record_offset = 1")
    await (await ingest_of(pool)).apply(ticks(3, 4, Arrival(reference="here")))
    counts = await lab.counts()
    assert (counts["applied"], counts["superseded"], counts["dead"], counts["parked"]) == (2, 1, 1, 0)


async def test_the_database_itself_refuses_a_fence_that_does_not_conserve(lab: Lab, pool: Pool) -> None:
    await (await ingest_of(pool)).apply(ticks(0, 10))
    with pytest.raises(Exception, match="fence_conserves"):
        await lab.query("update fence set applied = applied - 1")
