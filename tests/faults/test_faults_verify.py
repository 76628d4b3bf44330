"""`firstbell verify` holds on a sound system, and each breach planted in it makes it fail, by name."""
# ruff: noqa: S608  every statement is a constant of this file

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from schemas.fact import Fact, GateOpened
from schemas.topics import FACTS, PROVISIONING
from services.auditor.breach import Invariant
from services.kit.envelope import encode
from tests.harness.faults import FaultLab, Walkers
from tests.harness.faults_feed import device, probe

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(240)]
STRANGER = "00000000-0000-4000-8000-00000000ffff"


@dataclass(frozen=True)
class Plant:
    """One breach in the database: what is done to which table, and what verify must then say."""

    name: str
    table: str
    breaks: str
    invariant: Invariant
    names: str
    """What the breach's subject or finding must name."""


ONE = "(select ctid from {table} limit 1)"
FENCE = "(select ctid from provisioning.fence where topic = '" + PROVISIONING.name + "' limit 1)"
PLANTS = (
    Plant("a-count-changed", "provisioning.fence",
        f"alter table provisioning.fence drop constraint fence_conserves; "
        f"update provisioning.fence set applied = applied + 1 where ctid = {FENCE}", Invariant.CONSERVATION, "partition"),
    Plant("a-fence-moved-with-its-count", "provisioning.fence",
        f"update provisioning.fence set applied = applied + 1000000, next_offset = next_offset + 1000000 "
        f"where ctid = {FENCE}", Invariant.CONSERVATION, "seen its end"),
    Plant("a-parked-record-deleted", "provisioning.parked",
        f"delete from provisioning.parked where ctid = {ONE.format(table='provisioning.parked')}",
        Invariant.CONSERVATION, "parked"),
    Plant("a-dead-letter-deleted", "provisioning.dead_letter",
        f"delete from provisioning.dead_letter where ctid = {ONE.format(table='provisioning.dead_letter')}",
        Invariant.CONSERVATION, "dead_letter"),
    Plant("a-thing-edited", "provisioning.entity",
        "update provisioning.entity set payload = replace(convert_from(payload, 'UTF8'), '101.0', '999.0')::bytea "
        "where ctid = (select ctid from provisioning.entity where convert_from(payload, 'UTF8') like '%101.0%' limit 1)",
        Invariant.REBUILD, "things"),
    Plant("a-thing-deleted", "provisioning.entity",
        f"delete from provisioning.entity where ctid = {ONE.format(table='provisioning.entity')}",
        Invariant.REBUILD, "things"),
    Plant("a-device-last-seen-later", "provisioning.device",
        "update provisioning.device set last_seen_on = last_seen_on + 30 "
        f"where ctid = {ONE.format(table='provisioning.device')}", Invariant.REBUILD, "devices"),
    Plant("a-picture-edited", "console.picture",
        """update console.picture set body = jsonb_set(body, '{phase}', '"scale"')""", Invariant.REBUILD, "picture"),
    Plant("a-picture-shown-otherwise", "console.picture",
        "update console.picture set outcome = 'open', phase = 'scale'", Invariant.REBUILD, "phase"),
    Plant("a-picture-deleted", "console.picture", "delete from console.picture", Invariant.REBUILD, "picture"),
    Plant("a-fact-of-the-bridge-edited", "bridge.fact",
        "update bridge.fact set document = replace(convert_from(document, 'UTF8'), 'gate-opened', 'gate-opeNed')::bytea "
        "where kind = 'gate-opened'", Invariant.ONE_EFFECT, "fact"),
    Plant("a-fact-that-never-left", "bridge.fact",
        "insert into bridge.fact select program_id, school_id, fact_sequence + 100000, kind, occurred_at, digest, document "
        f"from bridge.fact where ctid = {ONE.format(table='bridge.fact')}", Invariant.ONE_EFFECT, "fact 1000"),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walkers(lab: FaultLab) -> AsyncIterator[Walkers]:
    """One school that passed two gates, and a room that holds of everything one: thing, device, parked, dead."""
    (school,) = await lab.learn(1)
    before = (await lab.counts())["moved"]
    lab.send([probe(school, 1), device(school, 1), device(STRANGER, 2)])
    lab.send_raw(PROVISIONING.name, [(school.encode(), b"{", [])])
    await lab.moved_past(before + 4, what="one of everything")
    async with lab.walkers(1) as walkers:
        await walkers.walk("beta")
        await walkers.stop()
        await walkers.handle(walkers.schools[0]).result()
        await lab.level()
        yield walkers


@asynccontextmanager
async def planted(lab: FaultLab, plant: Plant) -> AsyncIterator[None]:
    """The breach, until left: then the table is as it was."""
    connection = await asyncpg.connect(lab.stack.settings.postgres_dsn)
    try:
        await connection.execute(f"drop table if exists public.kept; create table public.kept as table {plant.table}")
        try:
            done = await connection.execute(plant.breaks)
            assert not done.endswith(" 0"), f"{plant.name}: nothing was broken, {done}"
            yield
        finally:
            async with connection.transaction():
                await connection.execute(f"delete from {plant.table}")
                await connection.execute(f"insert into {plant.table} overriding system value select * from public.kept")
                await connection.execute("drop table public.kept")
            if "drop constraint" in plant.breaks:
                await connection.execute(
                    "alter table provisioning.fence add constraint fence_conserves check (next_offset - first_offset = "
                    "applied + superseded + duplicate + dead + parked + ignored)"
                )
    finally:
        await connection.close()


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
async def test_each_planted_breach_of_the_tables_is_found(lab: FaultLab, walkers: Walkers, plant: Plant) -> None:
    async with planted(lab, plant):
        answer = await lab.verify(plant.invariant)
    assert not answer.ok
    assert any(
        breach.invariant is plant.invariant and plant.names in f"{breach.subject} {breach.seen}"
        for breach in answer.breaches
    ), answer.breaches


def test_with_every_plant_taken_out_the_command_finds_no_breach(lab: FaultLab, walkers: Walkers) -> None:
    typed = lab.command("verify", "--json")
    assert typed.returncode == 0, typed.stdout + typed.stderr
    answer = json.loads(typed.stdout)
    assert answer["ok"]
    assert answer["gates"]["checked"] >= 2
    assert answer["gates"]["unsound"] == 0
    assert answer["conservation"]["provisioning"]["dead"] >= 1
    told = lab.command("verify")
    assert "every invariant holds" in told.stdout
    assert "gates opened without evidence: 0 of" in told.stdout


def test_a_server_that_is_away_is_not_an_answer(lab: FaultLab, walkers: Walkers) -> None:
    """Nobody listens on port 1."""
    for name, address in (("kafka_bootstrap", "127.0.0.1:1"), ("postgres_dsn", "postgresql://firstbell@127.0.0.1:1/x")):
        away = lab.command("verify", "--only", "I3", **{name: address})
        assert away.returncode == 2, away.stdout + away.stderr
        assert "expected an answer" in away.stderr
        assert "every invariant holds" not in away.stdout


async def test_facts_planted_on_the_topic_are_found_by_command(lab: FaultLab, walkers: Walkers) -> None:
    """The last of all, since nothing is ever taken off a log: another school's history, and a second truth of this one."""
    school = walkers.schools[0]
    facts = (await walkers.all_facts())[school]
    opened = next(fact for fact in facts if isinstance(fact.body, GateOpened))
    forged = opened.model_copy(
        update={"body": opened.body.model_copy(update={"decision_digest": "sha256:" + "0" * 64})}
    )
    other = "00000000-0000-4000-8000-0000000000aa"
    invented = facts[1].model_copy(update={"school_id": other, "fact_sequence": 2})
    tell(lab, [(school, forged), (other, invented)])

    async def noticed() -> bool:
        sql = "select count(*) from console.dead_letter where error_type = 'conflicting-fact'"
        return bool((await lab.query(sql))[0][0])

    await lab.patiently(noticed, what="the console to refuse the second truth")
    typed = lab.command("verify", "--json")
    assert typed.returncode == 1, typed.stderr
    breaches = [breach for breach in json.loads(typed.stdout)["breaches"] if breach["invariant"] == "I2"]
    assert any(school in breach["subject"] and "two that differ" in breach["seen"] for breach in breaches)
    assert any(other in breach["subject"] and "a gap" in breach["seen"] for breach in breaches)
    told = lab.command("verify", "--only", "I2")
    assert told.returncode == 1
    assert "I2" in told.stdout
    kept = (await walkers.all_facts())[school]
    assert kept == facts, "a forged fact displaced a true one"


def tell(lab: FaultLab, facts: list[tuple[str, Fact]]) -> None:
    records = [encode(Fact.ce_type, fact, key, source="forger") for key, fact in facts]
    lab.send_raw(FACTS.name, [(record.key, record.value, record.headers) for record in records])
