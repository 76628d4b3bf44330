"""Every way a school's rollout can go, played on a real Temporal so that its histories can be kept and replayed.

Played by record.py. What people, time and guards do is in people_scenes.py.
"""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import Client, WorkflowHistory

from schemas.readiness import Origin
from schemas.school import GateId, Phase, Role
from tests.harness.until import until
from tests.replay.people_scenes import PEOPLE_SCENES
from tests.replay.stage import Stage, stage


async def open_by_evidence(school: Stage) -> None:
    """Four gates open, a run for each phase; then the guard questions nothing, and the program ends."""
    await school.start()
    await school.signs()
    await school.until_fact("phase-opened", phase=Phase.SCALE, refresh=True)
    await school.hears()
    await school.stops()


async def open_by_approval(school: Stage) -> None:
    """Attested evidence: the district's technology role is asked, lets the dwell pass, approves, and the gate opens."""
    school.day_seconds = 2.0
    await school.start()
    await school.signs()
    await school.hears(origin=Origin.ATTESTED)
    await school.until_fact("approval-asked", phase=Phase.INFRASTRUCTURE_CHECK)
    await school.until_outcome("needs-approval")
    await school.answers("approved", Role.DISTRICT_TECHNOLOGY, GateId.INFRASTRUCTURE)
    await school.until_fact("phase-opened", phase=Phase.BETA, refresh=True)
    await school.stops()


async def rejected(school: Stage) -> None:
    """The asked role says no; the school stays."""
    await school.start()
    await school.signs()
    await school.hears(origin=Origin.ATTESTED)
    await school.until_fact("approval-asked")
    await school.answers("rejected", Role.DISTRICT_TECHNOLOGY, GateId.INFRASTRUCTURE)
    await school.until_fact("approval-answered")
    await school.stops()


async def unmet(school: Stage) -> None:
    """Evidence says no."""
    await school.start()
    await school.signs()
    await school.hears(network__mbps_per_student=0.3)
    await school.until_outcome("unmet")
    await school.hears(network__mbps_per_student=0.4)
    await school.stops()


async def unknown(school: Stage) -> None:
    """Started before anything was known of the school; then context; then evidence that goes stale."""
    await school.start(known=False)
    await school.until_outcome("unknown")
    await school.learns()
    await school.signs()
    await school.hears("device.enrolled-ratio")
    await school.until_fact("gate-decided", phase=Phase.INFRASTRUCTURE_CHECK)
    await school.stops()


async def held(school: Stage) -> None:
    """A person's hold keeps a clean school waiting past its dwell; lifted by the stop alone."""
    await school.start()
    await school.signs()
    await school.holds()
    await school.hears()
    await school.until_outcome("waiting")
    await school.stops()


async def questioned(school: Stage) -> None:
    """An opened gate is contradicted by fresh evidence; nothing moves."""
    await school.start()
    await school.signs()
    await school.until_fact("phase-opened", phase=Phase.BETA, refresh=True)
    await school.hears(network__mbps_per_student=0.3)
    await school.until_fact("decision-questioned")
    await school.stops()


async def database_away(school: Stage) -> None:
    """Publication fails, is tried again, and facts keep their order."""
    school.failures = 2
    await school.start()
    await school.signs()
    await school.until_fact("phase-opened", phase=Phase.INFRASTRUCTURE_CHECK)
    await school.stops()


Scene = Callable[[Stage], Awaitable[None]]
SCENES: dict[str, Scene] = {
    scene.__name__.replace("_", "-"): scene
    for scene in (
        open_by_evidence, open_by_approval, rejected, unmet, unknown, held, questioned, database_away, *PEOPLE_SCENES,
    )
}  # fmt: skip


async def play(client: Client, name: str) -> list[WorkflowHistory]:
    """Plays one scene and returns its histories, a chain of runs."""
    async with stage(client, name) as school:
        await SCENES[name](school)

        async def listed() -> list[WorkflowHistory]:
            found = await school.histories()
            return found if found and _ended(found[-1]) else []

        return await until(listed, what=f"{name}: its runs in Temporal's list")


def _ended(history: WorkflowHistory) -> bool:
    return history.events[-1].HasField("workflow_execution_completed_event_attributes")


async def play_all(client: Client, told: Callable[[str, int], None]) -> dict[str, list[WorkflowHistory]]:
    """Every scene, side by side."""

    async def one(name: str) -> tuple[str, list[WorkflowHistory]]:
        histories = await play(client, name)
        told(name, len(histories))
        return name, histories

    return dict(await asyncio.gather(*(one(name) for name in SCENES)))
