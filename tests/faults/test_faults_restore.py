"""A database restored from before catches up from logs and histories; a topic made anew stops its reader, until told."""

import asyncio
import json
import random
import shutil
import subprocess
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.events.raw import FeedWatermark
from schemas.fact import Fact
from schemas.school import Scope, ScopeKind
from schemas.signal import Origin
from schemas.topics import TRAINING
from services.auditor.breach import Invariant
from services.kit.envelope import encode
from services.kit.kafka import client_config
from tests.faults.test_faults_poison import projection
from tests.harness.faults import FaultLab, Walkers
from tests.harness.faults_feed import NOW, feed

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(300)]
EVENTS = 4_000
WRITERS = ("bridge", "worker", "console", "provisioning", "auditor")


async def test_a_database_restored_from_before_catches_up_and_says_the_same(lab: FaultLab) -> None:
    schools = await lab.learn(5)
    events = feed(random.Random(3), schools, EVENTS)
    data = Path((lab.stack.home.folder / "postgres.location").read_text("utf-8").strip())
    backup = data.with_name(data.name + "-before")
    before = await lab.counts()
    async with lab.walkers(3) as walkers:
        await walkers.walk("infrastructure-check")
        lab.send(events[: EVENTS // 2])
        await lab.level()
        lab.stack.stop("postgres")
        copy(data, backup)
        await lab.resume("postgres")

        lab.send(events[EVENTS // 2 :])
        await walkers.walk("beta")
        await walkers.histories()  # a hold placed and lifted: facts that the copy cannot have, however far it was
        await lab.level()
        things = await projection(lab, schools)
        assert lab.command("audit", "head").returncode == 0

        lab.stack.stop("bridge")
        left = await walkers.all_facts()
        await walkers.histories()  # a hold placed and lifted: facts that no topic has either
        facts = await lab.patiently(partial(grown, walkers, left), what="facts of every school in the outbox")
        for room in WRITERS[1:]:
            lab.stack.stop(room)
        lab.stack.stop("postgres")
        shutil.rmtree(data)
        backup.rename(data)
        await lab.resume("postgres")
        restored = await lab.counts()
        assert restored["moved"] - before["moved"] == EVENTS // 2, "the copy is not from before; nothing is proved"
        assert len(await walkers.all_facts()) == 3
        assert await walkers.all_facts() != facts
        audited = lab.command("audit", "verify", "--district", walkers.district)
        assert (audited.returncode, "truncated" in audited.stdout) == (1, True), audited.stdout
        for room in WRITERS:
            await lab.resume(room)

        await lab.level()
        assert (await lab.counts())["moved"] - before["moved"] == EVENTS
        assert await projection(lab, schools) == things
        recalled = lab.command("bridge", "recall", "--json")
        assert recalled.returncode == 0, recalled.stdout + recalled.stderr
        found = json.loads(recalled.stdout)["found"]
        assert {f"{walkers.program}/{school}" for school in facts} <= found.keys()
        after = await walkers.all_facts()
        assert {school: after[school][: len(facts[school])] for school in facts} == facts
        await walkers.walk("training")  # and they go on from where Temporal knows them to be
        await lab.level()
        for fault in json.loads(lab.command("audit", "verify", "--json").stdout)["faults"]:
            reason = ("--reason", "restored-from-backup", "--yes")
            assert lab.command("audit", "accept", "--district", fault["district"], *reason).returncode == 0
        await lab.sound()


async def test_a_topic_made_anew_stops_its_reader_until_a_person_sets_the_fence_aside(lab: FaultLab) -> None:
    (school,) = await lab.learn(1, room="training")
    watermark = FeedWatermark(
        entity_ref="feed-training-1", revision=1, observed_at=NOW - timedelta(minutes=5), observed_on=NOW.date(),
        origin=Origin.IMPORTED, scope=Scope(kind=ScopeKind.SCHOOL, id=school), complete_until=NOW - timedelta(hours=1),
    )  # fmt: skip
    told = encode(watermark.ce_type, watermark, school, source="faults")
    before = (await lab.counts("training", TRAINING.name))["moved"]
    lab.send_raw(TRAINING.name, [(told.key, told.value, told.headers)])

    async def read() -> bool:
        return (await lab.counts("training", TRAINING.name))["moved"] > before

    await lab.patiently(read, what="training to read its topic")
    await recreate(lab)

    async def given_up() -> bool:
        process = lab.stack.process("training")
        return process.restarts_count > 0 and "exited with code" in process.last_exit

    await lab.patiently(given_up, what="training to stop", within=90)
    log = (lab.stack.home.logs / "training.log").read_text("utf-8", errors="replace")
    assert "the topic was deleted and created again" in log
    assert f"firstbell dlq retire-fence --room ROOM --topic {TRAINING.name}" in log
    answer = await lab.verify(Invariant.CONSERVATION)
    assert any("training" in breach.subject for breach in answer.breaches), (
        "verify passes over a fence of another topic"
    )

    lab.stack.stop("training")
    retired = lab.command("dlq", "retire-fence", "--room", "training", "--topic", TRAINING.name, "--yes")
    assert retired.returncode == 0, retired.stdout + retired.stderr
    lab.send_raw(TRAINING.name, [(told.key, told.value, told.headers)])  # the source tells its story again
    await lab.resume("training")

    async def counted() -> bool:
        return (await lab.counts("training", TRAINING.name))["duplicate"] == 1

    await lab.patiently(counted, what="the story to be told again, and known")
    await lab.sound(Invariant.CONSERVATION, Invariant.REBUILD)


async def grown(walkers: Walkers, before: dict[str, list[Fact]]) -> dict[str, list[Fact]] | None:
    """Every school's facts, once each has more than before."""
    facts = await walkers.all_facts()
    return facts if all(len(facts[school]) > len(before[school]) for school in facts) else None


def copy(data: Path, to: Path) -> None:
    """A copy with its owners, of a cluster that is stopped."""
    subprocess.run(["cp", "-a", str(data), str(to)], check=True)


async def recreate(lab: FaultLab) -> None:
    admin = AdminClient(client_config(lab.stack.settings))
    await asyncio.to_thread(admin.delete_topics([TRAINING.name])[TRAINING.name].result, 20)

    async def made() -> bool:
        (answer,) = admin.create_topics([NewTopic(TRAINING.name, TRAINING.partitions, 1)]).values()
        return await asyncio.to_thread(answer.exception, 20) is None  # refused while the old one is being deleted

    await lab.patiently(made, what="the topic to be made anew", every=0.3)
