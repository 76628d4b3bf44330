"""A worker whose code would contradict schools under way is refused before it polls, and says which and what to do."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.api.enums.v1 import EventType

from schemas.metrics import BRIDGE
from schemas.model import canonical_bytes
from services.bridge.compatibility import Candidate, contradictable, objection
from services.bridge.worker import build_id, this_build
from services.bridge.worker_room import WorkerProcess
from services.kit.metrics import Metrics
from services.kit.settings import Settings
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from workflows.program.rollout import ProgramRollout
from workflows.school import messages
from workflows.school.rollout import SchoolRollout

pytestmark = pytest.mark.stack
OTHER = f"{build_id()}-other"


@workflow.defn(name=messages.WORKFLOW, sandboxed=False)
class Hasty(SchoolRollout):
    """Asks one more thing of Temporal, of every school there is."""

    @workflow.init
    def __init__(self, entry: messages.RolloutInput) -> None:
        super().__init__(entry)

    @workflow.run
    async def run(self, _entry: messages.RolloutInput) -> None:
        await workflow.sleep(0.01)
        await super().run(_entry)


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        await running.teach(3)
        await running.start()
        for school in running.schools:
            await _published(running, school)
        yield running
        await running.stop()


async def _published(lab: BridgeLab, school: str) -> None:
    async def there() -> bool:
        return bool(await lab.facts(school))

    await until(there, what=f"{school} to have published")


async def test_this_builds_own_schools_speak_against_nothing(lab: BridgeLab) -> None:
    assert await objection(lab.pool, lab.client, lab.settings, this_build()) is None
    same = Candidate((SchoolRollout, ProgramRollout), OTHER)
    assert await objection(lab.pool, lab.client, lab.settings, same) is None, "other build, same commands"


async def test_what_this_very_build_decided_last_is_not_replayed(lab: BridgeLab) -> None:
    histories = [await lab.handle(school).fetch_history() for school in lab.schools]
    assert not any(contradictable(history, build_id()) for history in histories)
    assert all(contradictable(history, OTHER) for history in histories)


async def test_an_incompatible_build_is_told_the_schools_and_the_recipe(lab: BridgeLab) -> None:
    said = await objection(lab.pool, lab.client, lab.settings, Candidate((Hasty, ProgramRollout), OTHER))
    assert said is not None
    rows = await lab.pool.fetch("select program_id, school_id from rollout where status = 'running'")
    assert any(messages.workflow_id(row["program_id"], row["school_id"]) in said for row in rows), "it names some"
    assert "CONTRIBUTING.md" in said
    none = lab.settings.model_copy(update={"worker_replay_schools": 0})
    assert await objection(lab.pool, lab.client, none, Candidate((Hasty, ProgramRollout), OTHER)) is None, (
        "the sample is bounded"
    )


async def test_an_incompatible_worker_never_polls_and_no_school_fails_a_task(lab: BridgeLab) -> None:
    lab.worker.stop()
    await lab.running[1]
    refused = WorkerProcess("worker", lab.settings, metrics=Metrics(BRIDGE))
    refused.candidate = Candidate((Hasty, ProgramRollout), OTHER)
    task = asyncio.create_task(refused.run())

    async def told() -> bool:
        return refused.health()[1].startswith("refused: ")

    await until(told, what="the worker to say why it does not poll")
    school = lab.schools[0]
    await lab.handle(school).signal("readings-arrived", {"kind": "readings-arrived", "readings": {}})
    refused.stop()
    await asyncio.wait_for(task, 10)
    failed = [
        event
        async for event in lab.handle(school).fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    assert failed == []


async def test_pinned_semantics_that_this_build_does_not_decide_are_named(lab: BridgeLab) -> None:
    tree = json.loads(canonical_bytes(lab.document)) | {"semantics": 99}
    digest = "sha256:" + "9" * 64
    await lab.pool.execute(
        "insert into policy (digest, name, version, document) values ($1, 'tomorrow', 1, $2)", digest, json.dumps(tree)
    )
    try:
        await lab.pool.execute("update rollout set policy_digest = $2 where program_id = $1", lab.program, digest)
        said = await objection(lab.pool, lab.client, lab.settings, this_build())
    finally:
        await lab.pool.execute("update rollout set policy_digest = null where program_id = $1", lab.program)
        await lab.pool.execute("delete from policy where digest = $1", digest)
    assert said is not None
    assert f"{lab.program} (semantics 99)" in said
