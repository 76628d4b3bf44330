"""kill -9 at seeded points, and a database that cuts every connection: the counts still agree, to the unit."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.harness.until import until
from tests.integration.test_kit_lab import COUNTS, Lab, Tick, lab

__all__ = ["lab"]
pytestmark = [pytest.mark.stack, pytest.mark.fault]
RECORDS = 40_000


@asynccontextmanager
async def victim(lab: Lab) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = os.environ | {
        "FIRSTBELL_HOME": str(lab.settings.home),
        "FIRSTBELL_POSTGRES_DSN": lab.settings.postgres_dsn,
        "FIRSTBELL_KAFKA_BOOTSTRAP": lab.settings.kafka_bootstrap,
        "FIRSTBELL_BATCH_RECORDS_MAX": "500",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.test_kit_lab", lab.room, lab.topic, env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("seed", [11, 23])
async def test_kill_minus_nine_at_a_seeded_point_keeps_every_count(lab: Lab, seed: int) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(RECORDS)])
    point = random.Random(seed).randint(1, RECORDS // 2)  # far from the end, however fast it runs

    async def past() -> bool:
        return (await lab.counts())["moved"] >= point

    async with victim(lab) as process:
        await until(past, what=f"{point} records", every=0.005)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    killed_at = (await lab.counts())["moved"]
    assert killed_at < RECORDS, "the victim was done before it was killed; nothing is proved"
    async with victim(lab) as process:
        counts = await lab.moved(RECORDS, within=60)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    assert counts["applied"] == counts["moved"] == sum(counts[name] for name in COUNTS) == RECORDS
    assert [tuple(row) for row in await lab.query("select count(*), max(times) from effect")] == [(RECORDS, 1)]


async def test_connections_cut_under_load_cost_nothing_but_time(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(RECORDS)])
    lab.start()
    for share in (0.1, 0.3, 0.6):
        await lab.moved(int(RECORDS * share))
        await lab.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
            f"firstbell-{lab.room}",
        )
    counts = await lab.moved(RECORDS)
    assert (counts["applied"], counts["dead"]) == (RECORDS, 0)
    assert [tuple(row) for row in await lab.query("select count(*), max(times) from effect")] == [(RECORDS, 1)]
