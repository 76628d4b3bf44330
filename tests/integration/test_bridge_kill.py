"""Workers die without warning; no school is told two stories, and none stands still."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from temporalio.service import RPCError

from schemas.fact import Picture
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from workflows.policy.picture import fold_fact

# A worker killed at its activity leaves a school silent until PUBLISH_TIMEOUT, 30 s: each round may wait for that.
pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(600)]

SEED = 20261123
KILLS = 4


@contextmanager
def worker_process(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a process of its own, ended by the test or here."""
    environment = os.environ | {"FIRSTBELL_HOME": str(settings.home)}
    process = subprocess.Popen([sys.executable, "-m", "services.bridge.worker_room"], env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def decided(lab: BridgeLab) -> int:
    found: int = await lab.pool.fetchval("select count(*) from fact where program_id = $1", lab.program)
    return found


async def test_workers_killed_while_they_decide_leave_one_history_of_each_school(stack: Settings) -> None:
    """Each kill lands at a seeded count of facts, among changes that keep every school deciding."""
    dice = random.Random(SEED)
    async with bridge_lab(stack, with_worker=False) as lab:
        await lab.teach(6, day_seconds=60)
        await lab.start()
        for round_number in range(KILLS):
            with worker_process(stack) as worker:
                before = await decided(lab)
                goal = before + dice.randint(5, 25)
                flips = 0

                async def reached(goal: int = goal) -> bool:
                    nonlocal flips
                    flips += 1
                    for school in lab.schools:
                        lab.observe(school, CLEAN | {"network.mbps-per-student": 2.0 if flips % 2 else 0.3})
                    return await decided(lab) >= goal

                if round_number == 0:
                    await asyncio.gather(*(lab.sign_charter(school) for school in lab.schools))
                await until(reached, what=f"{goal} facts before the kill", within=120, every=0.05)
                worker.kill()
                worker.wait(10)
        with worker_process(stack):
            for school in lab.schools:
                lab.observe(school, CLEAN | {"network.mbps-per-student": 0.31})

            async def at_rest() -> bool:
                for school in lab.schools:
                    try:
                        view = await lab.look(school)
                    except RPCError:
                        return False  # the worker has not begun
                    facts = await lab.facts(school)
                    if view.inputs.evidence["network.mbps-per-student"].value != 0.31:
                        return False
                    if view.picture.fact_sequence != len(facts):
                        return False
                return True

            await until(at_rest, what="every school to have heard the last reading and published all", within=120)
            for school in lab.schools:
                await one_history(lab, school)


async def one_history(lab: BridgeLab, school: str) -> None:
    """I9: folding the durable facts gives the workflow's own picture, to the digest of each step."""
    facts = await lab.facts(school)
    assert [fact.fact_sequence for fact in facts] == list(range(1, len(facts) + 1))
    picture = Picture()
    for fact in facts:
        picture = fold_fact(picture, fact)
    assert picture == (await lab.look(school)).picture
