"""kill -9 of the rooms at seeded points: the counts agree to the unit, and no fact is lost, doubled or unsound."""

import random

import pytest

from services.auditor.breach import Invariant
from tests.harness.faults import COUNTS, FaultLab
from tests.harness.faults_feed import device, feed

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(240)]
EVENTS = 30_000
KILLS = 3


@pytest.mark.parametrize("seed", [23])
async def test_a_service_killed_again_and_again_while_it_ingests_keeps_every_count(lab: FaultLab, seed: int) -> None:
    dice = random.Random(seed)
    known, stranger = await lab.learn(20), "00000000-0000-4000-8000-000000000000"
    before = await lab.counts()
    lab.stack.stop("provisioning")
    events = feed(dice, known, EVENTS) + [device(stranger, number) for number in range(100)]
    dice.shuffle(events)
    lab.send(events)
    points = sorted(dice.sample(range(1_000, int(EVENTS * 0.8)), KILLS))
    await lab.resume("provisioning")
    for point in points:
        await lab.moved_past(before["moved"] + point, what=f"seed {seed}: {point} records behind the fence")
        await lab.restart("provisioning")
        killed_at = (await lab.counts())["moved"] - before["moved"]
        assert killed_at < len(events), f"seed {seed}: all was ingested before the kill at {point}; nothing is proved"
    await lab.moved_past(before["moved"] + len(events), what="the rest")
    now = await lab.counts()
    counts = {name: now[name] - before[name] for name in now}
    assert counts["moved"] == len(events) == sum(counts[name] for name in COUNTS)
    assert (counts["parked"], counts["dead"], counts["ignored"]) == (100, 0, 0)
    things = (await lab.query(
        "select (select count(*) from provisioning.device d join provisioning.known_school using (school_no) "
        "where school_id = any($1)) + (select count(*) from provisioning.entity where scope_id = any($1))", list(known)
    ))[0][0]  # fmt: skip
    assert things == len({(e.school_id, e.ce_type, e.entity_ref) for e in events if e.school_id != stranger})  # type: ignore[attr-defined]
    await lab.sound(Invariant.CONSERVATION, Invariant.REBUILD)

    await lab.introduce([stranger])

    async def taken_up() -> bool:
        return (await lab.counts())["parked"] == before["parked"]

    await lab.patiently(taken_up, what="the parked hundred to be taken up")
    assert (await lab.counts())["moved"] == before["moved"] + len(events)
    await lab.sound(Invariant.CONSERVATION, Invariant.REBUILD)


async def test_bridge_and_worker_killed_while_schools_walk_lose_no_fact_and_open_no_gate_twice(lab: FaultLab) -> None:
    async with lab.walkers(8) as walkers:
        for phase, victims in (
            ("infrastructure-check", ("bridge",)),
            ("beta", ("worker",)),
            ("training", ("worker", "bridge")),
        ):
            await walkers.walk(phase, share=0.5)
            for victim in victims:
                lab.stack.kill(victim)
        await walkers.walk("scale")
        for school, facts in (await walkers.all_facts()).items():
            assert [fact.fact_sequence for fact in facts] == list(range(1, len(facts) + 1)), school
            opened = [fact.body.gate.value for fact in facts if fact.body.kind == "gate-opened"]
            assert opened == ["G0", "G1", "G2", "G3"], school
        await walkers.no_task_failed()
        for name in ("bridge", "worker"):
            assert lab.stack.process(name).last_exit == "killed by SIGKILL"
        answer = await lab.sound()
        assert answer.gates.checked >= 4 * 8
