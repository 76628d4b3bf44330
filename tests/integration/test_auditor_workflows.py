"""`verify` on real servers: schools under way are sound; one without a workflow and one that repeats a task are named."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.common import WorkflowIDReusePolicy

from services.auditor.breach import Invariant
from services.auditor.facts import Documents, check_facts
from services.auditor.standing import Running, Standing, check_standing
from services.auditor.workflows import look_at_workflows
from services.kit.outcome import TemporaryError
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from workflows.school import messages

pytestmark = pytest.mark.stack
LONG_AFTER = timedelta(hours=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as made:
        await made.teach(2, day_seconds=3600)
        await made.start()
        for school in made.schools:
            await made.sign_charter(school)
            made.observe(school, CLEAN)
            await made.until_phase(school, "infrastructure-check")
        yield made
        await made.stop()


async def standings(lab: BridgeLab) -> dict[tuple[str, str], Standing]:
    facts = [fact for school in lab.schools for fact in await lab.facts(school)]
    return check_facts(facts, Documents({}, {})).standings


async def test_a_school_under_way_runs_and_says_when_it_wakes(lab: BridgeLab) -> None:
    known = await standings(lab)
    looked = await look_at_workflows(lab.settings, known, known, datetime.now(UTC))
    assert {rollout for rollout, running in looked.items() if running.running} >= known.keys()
    assert all(looked[rollout].asked for rollout in known)
    later = datetime.now(UTC) + LONG_AFTER
    assert [each for each in check_standing(known, looked, later) if each.subject in map("/".join, known)] == []


async def test_a_school_whose_workflow_was_taken_away_is_named(lab: BridgeLab) -> None:
    known = await standings(lab)
    victim, other = known
    await lab.handle(victim[1]).terminate("planted")
    looked = await look_at_workflows(lab.settings, known, (), datetime.now(UTC))
    found = list(check_standing(known, looked, datetime.now(UTC) + LONG_AFTER))
    assert "/".join(victim) in {breach.subject for breach in found}
    assert "/".join(other) not in {breach.subject for breach in found}
    assert {breach.invariant for breach in found} == {Invariant.NOT_STUCK}


async def test_a_workflow_that_repeats_a_task_that_fails_is_named(lab: BridgeLab) -> None:
    """An input that says neither how to start nor where to go on: every task fails."""
    rollout = ("planted", str(uuid.uuid4()))
    handle = await lab.client.start_workflow(
        messages.WORKFLOW, messages.RolloutInput(), id=messages.workflow_id(*rollout), task_queue=messages.TASK_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    )  # fmt: skip

    async def repeated() -> Running | None:
        looked = (await look_at_workflows(lab.settings, [rollout], (), datetime.now(UTC)))[rollout]
        return looked if list(check_standing({}, {rollout: looked}, datetime.now(UTC))) else None

    try:
        looked = await until(repeated, what="the task to be repeated", within=40, every=0.5)
        (breach,) = check_standing({}, {rollout: looked}, datetime.now(UTC))
        assert breach.invariant is Invariant.NOT_STUCK
        assert breach.subject == "/".join(rollout)
    finally:
        await handle.terminate("planted")


async def test_temporal_away_is_not_an_answer(lab: BridgeLab) -> None:
    away = lab.settings.model_copy(update={"temporal_address": "127.0.0.1:1"})
    with pytest.raises(TemporaryError, match="expected an answer"):
        await asyncio.wait_for(look_at_workflows(away, (), (), datetime.now(UTC)), 60)
