"""Changed workflow code among open schools: a patched change goes on with them, an incompatible one is caught before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker
from temporalio.workflow import NondeterminismError

from schemas.metrics import BRIDGE
from services.bridge.activities import Activities
from services.bridge.worker import build_id
from services.kit.metrics import Metrics
from tests.harness.faults import FaultLab, Walkers
from workflows.school import messages
from workflows.school.rollout import SchoolRollout

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(240)]
PATCH = "careful-start"
SCHOOLS = 6


@workflow.defn(name=messages.WORKFLOW, sandboxed=False)
class Careful(SchoolRollout):
    """Asks one more thing of Temporal, but only of runs that began with this code."""

    @workflow.init
    def __init__(self, entry: messages.RolloutInput) -> None:
        super().__init__(entry)

    @workflow.run
    async def run(self, _entry: messages.RolloutInput) -> None:
        if workflow.patched(PATCH):
            await workflow.sleep(0.01)
        await super().run(_entry)


@workflow.defn(name=messages.WORKFLOW, sandboxed=False)
class Hasty(SchoolRollout):
    """The same change without its patch: every open school would stop."""

    @workflow.init
    def __init__(self, entry: messages.RolloutInput) -> None:
        super().__init__(entry)

    @workflow.run
    async def run(self, _entry: messages.RolloutInput) -> None:
        await workflow.sleep(0.01)
        await super().run(_entry)


async def failures(candidate: type, histories: list[WorkflowHistory]) -> dict[str, Exception]:
    """What the replay gate says of a candidate: run -> why it could not go on."""
    gate = Replayer(
        workflows=[candidate], data_converter=pydantic_data_converter, workflow_runner=UnsandboxedWorkflowRunner()
    )

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    return dict((await gate.replay_workflows(each(), raise_on_replay_failure=False)).replay_failures)


@asynccontextmanager
async def deployed(walkers: Walkers, candidate: type) -> AsyncIterator[None]:
    """The worker as it would be after the deploy, on the real queue."""
    activities = Activities(walkers.pool, Metrics(BRIDGE))
    async with Worker(
        walkers.client, task_queue=messages.TASK_QUEUE, workflows=[candidate], activities=[activities.publish_facts],
        workflow_runner=UnsandboxedWorkflowRunner(), build_id=f"{build_id()}-candidate",
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=5),
    ):  # fmt: skip
        yield


async def test_a_patched_change_goes_on_with_open_schools_and_an_unpatched_one_is_caught_before(lab: FaultLab) -> None:
    # Days long enough that no school reaches training by itself while the old code's histories are replayed.
    async with lab.walkers(SCHOOLS, day_seconds=5) as walkers:
        await walkers.walk("infrastructure-check")
        histories = await walkers.histories()
        assert await failures(SchoolRollout, histories) == {}
        assert await failures(Careful, histories) == {}
        caught = await failures(Hasty, histories)
        assert len(caught) == SCHOOLS
        assert all(isinstance(failure, NondeterminismError) for failure in caught.values())

        lab.stack.stop("worker")
        try:
            async with deployed(walkers, Careful):
                await walkers.walk("training")
                for school in walkers.schools:  # a phase begins a run anew, a moment after its fact
                    await lab.patiently(partial(has_patch, walkers, school), what=f"{school} to run the new code")
                await walkers.no_task_failed()
                later = await walkers.histories()
                assert await failures(Careful, later) == {}
                assert len(await failures(SchoolRollout, later)) == SCHOOLS, "going back would have to be caught too"
                await walkers.stop()  # runs that hold the patch must not meet the old code again
                for school in walkers.schools:
                    await walkers.handle(school).result()
        finally:
            await lab.resume("worker")
        await lab.sound()


async def has_patch(walkers: Walkers, school: str) -> bool:
    async for event in walkers.handle(school).fetch_history_events():
        if event.HasField("marker_recorded_event_attributes"):
            return True
    return False
