"""Facts are durable once, in order, and come back after a restore."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from schemas.metrics import BRIDGE
from services.bridge.activities import Activities
from services.bridge.ledger import FactConflictError
from services.kit.metrics import Metrics
from services.kit.settings import Settings
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from workflows.activities import FactBatch

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        await running.teach(day_seconds=3600)  # no school decides by time alone while its facts are compared
        await running.start()
        await running.sign_charter(running.schools[0])
        await running.until_phase(running.schools[0], "infrastructure-check")
        yield running


def publisher(lab: BridgeLab) -> Activities:
    return Activities(lab.pool, Metrics(BRIDGE))


async def test_the_same_facts_twice_are_one_fact(lab: BridgeLab) -> None:
    facts = await lab.facts(lab.schools[0])

    async def waiting() -> int:
        return int(await lab.pool.fetchval("select count(*) from outbox where ce_id like $1 || '/%'", lab.program))

    async def left() -> bool:
        return await waiting() == 0

    await until(left, what="the facts to have left")
    lab.bridge.stop()  # and nothing leaves any more
    await lab.stopped()
    await ActivityEnvironment().run(publisher(lab).publish_facts, FactBatch.of(facts))
    assert await lab.facts(lab.schools[0]) == facts
    assert await waiting() == 0, "nothing is sent again"


async def test_another_fact_under_the_same_key_is_an_alarm_and_publishes_nothing(lab: BridgeLab) -> None:
    facts = await lab.facts(lab.schools[0])
    changed = facts[0].model_copy(update={"simulated": True})
    more = facts[-1].model_copy(update={"fact_sequence": len(facts) + 1})
    with pytest.raises(FactConflictError, match="expected digest"):
        await ActivityEnvironment().run(publisher(lab).publish_facts, FactBatch.of([changed, more]))
    assert await lab.facts(lab.schools[0]) == facts


async def test_facts_lost_with_the_database_come_back_from_the_topic(lab: BridgeLab) -> None:
    school = lab.schools[0]

    async def read_back() -> bool:
        return bool(
            await lab.pool.fetchval("select sum(duplicate) from fence where consumer_group = 'bridge-facts'")
            and await lab.pool.fetchval("select count(*) = 0 from outbox")
        )

    await until(read_back, what="the bridge to have read its own facts")
    before = await lab.facts(school)
    lab.bridge.stop()
    await lab.stopped()
    async with lab.pool.acquire() as connection, connection.transaction():
        await connection.execute("delete from fact where school_id = $1", school)
        await connection.execute("delete from fence where consumer_group = 'bridge-facts'")
    async with lab.again():

        async def back() -> bool:
            return await lab.facts(school) == before

        await until(back, what="the facts to come back")


async def test_a_phase_that_opens_is_told_all_its_evidence_at_once(lab: BridgeLab) -> None:
    school = lab.schools[0]
    lab.publish_calendar(0.5, version=2)
    await lab.until_phase(school, "beta", refresh=True)

    async def complete() -> bool:
        found = (await lab.look(school)).inputs.evidence
        return set(found) >= {"defect.open-critical-count", "first-session.success-ratio"}

    await until(complete, what="the beta's evidence")
