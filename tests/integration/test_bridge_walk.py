"""One school walks four gates over real Kafka, PostgreSQL and Temporal."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.kit.settings import Settings
from tests.harness.scenario import CLEAN
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        yield running


async def test_a_clean_school_walks_four_gates_unattended_after_its_charter(lab: BridgeLab) -> None:
    await lab.teach()
    school = lab.schools[0]
    assert await lab.start() == 1
    await lab.sign_charter(school)
    lab.observe(school, CLEAN)
    await lab.until_phase(school, "scale", refresh=True)
    facts = await lab.facts(school)
    assert [fact.fact_sequence for fact in facts] == list(range(1, len(facts) + 1))
    opened = [fact.body.gate.value for fact in facts if fact.body.kind == "gate-opened"]
    assert opened == ["G0", "G1", "G2", "G3"]

    async def followed() -> bool:
        row = await lab.pool.fetchrow("select * from rollout where program_id = $1", lab.program)
        assert row is not None
        return bool(row["phase"] == "scale" and row["acked_version"] == row["dirty_version"])

    await until(followed, what="the rollout row to follow")


async def test_a_silent_school_is_unknown_and_does_not_advance(lab: BridgeLab) -> None:
    await lab.teach()
    school = lab.schools[0]
    await lab.start()
    await lab.sign_charter(school)
    await lab.until_phase(school, "infrastructure-check")
    view = await lab.look(school)
    assert view.verdict.outcome.value == "unknown"
    assert view.picture.phase.value == "infrastructure-check"
