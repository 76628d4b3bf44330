"""A server that dies under load costs time and nothing else: every record counted, every school still on its way."""

import random

import pytest

from services.auditor.breach import Invariant
from tests.harness.faults import COUNTS, FaultLab
from tests.harness.faults_feed import feed

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(300)]
EVENTS = 6_000


@pytest.mark.parametrize("server", ["kafka", "temporal", "postgres"])
async def test_a_server_killed_under_load_costs_time_and_nothing_else(lab: FaultLab, server: str) -> None:
    schools = await lab.learn(5)
    before = await lab.counts()
    events = feed(random.Random(server), schools, EVENTS)
    async with lab.walkers(4) as walkers:
        await walkers.walk("infrastructure-check", share=0.5)
        lab.send(events[: EVENTS // 2])
        await lab.restart(server)
        lab.send(events[EVENTS // 2 :])
        await lab.moved_past(before["moved"] + EVENTS, what="every record behind the fence", every=0.1)
        await walkers.walk("beta")
        now = await lab.counts()
        counts = {name: now[name] - before[name] for name in now}
        assert counts["moved"] == EVENTS == sum(counts[name] for name in COUNTS)
        assert (counts["dead"], counts["parked"], counts["ignored"]) == (0, 0, 0)
        for school, facts in (await walkers.all_facts()).items():
            assert [fact.fact_sequence for fact in facts] == list(range(1, len(facts) + 1)), school
        await walkers.no_task_failed()
        assert lab.stack.process(server).last_exit == "killed by SIGKILL"
        await lab.sound(Invariant.GATE_SOUNDNESS, Invariant.ONE_EFFECT, Invariant.CONSERVATION, Invariant.REBUILD)
