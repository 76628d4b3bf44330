"""Servers killed under load: the process waits, comes back by itself, and every count agrees to the unit."""

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from services.kit.batch import Batch
from services.kit.consume import Dead, Disposition, Record
from services.kit.settings import Settings
from tests.harness.stack import PrivateStack
from tests.harness.until import until
from tests.integration.test_kit_lab import COUNTS, Lab, Tick, apply_ticks, lab
from tests.integration.test_kit_relay import ids, read_all

__all__ = ["lab"]
pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(600)]
RECORDS = 40_000


@pytest.mark.parametrize("server", ["kafka", "postgres"])
async def test_a_server_killed_under_load_costs_nothing_but_time(
    stack: Settings, private_stack: PrivateStack, lab: Lab, server: str
) -> None:
    out = lab.topic + "out"
    await lab.create_topic(out, 3)

    async def echo(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
        for record in records:
            batch.publish(out, record.key, record.ce_type, record.value)
        return await apply_ticks(batch, records)

    await lab.send([Tick(id=f"t{n}") for n in range(RECORDS)])
    lab.start([lab.subscription(handler=echo)])
    await lab.moved(2_000)
    await asyncio.to_thread(private_stack.restart, server)

    async def done() -> bool:
        try:
            counts = await lab.counts()
            waiting = await lab.query("select 1 from outbox limit 1")
        except OSError:
            return False
        return counts["moved"] == RECORDS and not waiting

    await until(done, what=f"{RECORDS} records behind the fence and an empty outbox", within=90)
    counts = await lab.counts()
    assert counts["applied"] == counts["moved"] == sum(counts[name] for name in COUNTS) == RECORDS
    assert [tuple(row) for row in await lab.query("select count(*), max(times) from effect")] == [(RECORDS, 1)]
    await lab.stop()
    lab.topic = out
    assert len(ids(await read_all(lab, RECORDS))) == RECORDS
