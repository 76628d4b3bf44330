"""Programs start, resume and stop; what would mix a rehearsal with a real program is refused."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from services.bridge import programs
from services.bridge.documents import Documents
from services.bridge.forecasts import ground_of
from services.kit.outcome import PermanentError
from services.kit.settings import Settings
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from workflows.policy.planner import Backward, earliest_go_live, latest_starts

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        await running.teach(3)
        yield running


def wish(lab: BridgeLab, **changes: object) -> programs.Wish:
    base: dict[str, object] = {
        "program_id": lab.program, "policy": "harness", "districts": (lab.district,), "schools": (),
        "everything": False, "rehearsal": True, "release_id": None,
    }  # fmt: skip
    return programs.Wish(**(base | changes))  # type: ignore[arg-type]


async def plan(lab: BridgeLab, **changes: object) -> programs.Plan:
    async with lab.pool.acquire() as connection:
        return await programs.make_plan(connection, Documents(), wish(lab, **changes))


async def test_a_start_may_be_repeated_and_starts_nobody_twice(lab: BridgeLab) -> None:
    assert await lab.start() == 3
    assert await lab.start() == 0
    for school in lab.schools:
        assert (await lab.look(school)).picture.phase.value == "charter"


async def test_a_start_that_died_halfway_is_resumed(lab: BridgeLab) -> None:
    await lab.start()
    await lab.pool.execute("update rollout set status = 'starting' where program_id = $1", lab.program)
    assert await lab.start() == 3, "the workflows are there already: each start is taken as done"
    statuses = await lab.pool.fetch("select distinct status from rollout where program_id = $1", lab.program)
    assert [row["status"] for row in statuses] == ["running"]


async def test_a_real_program_refuses_rehearsal_calendars_by_name(lab: BridgeLab) -> None:
    with pytest.raises(PermanentError, match="expected real calendars, seen rehearsal ones") as refused:
        await plan(lab, rehearsal=False)
    assert lab.district[:8] in str(refused.value)


async def test_a_program_keeps_the_policy_and_the_kind_it_was_started_with(lab: BridgeLab) -> None:
    await lab.start()
    with pytest.raises(PermanentError, match="expected what it was started with"):
        await plan(lab, release_id="another")


async def test_an_unknown_policy_is_refused_with_those_there_are(lab: BridgeLab) -> None:
    with pytest.raises(PermanentError, match="harness"):
        await plan(lab, policy="no-such-policy")


async def test_a_name_that_fits_many_schools_is_refused_with_candidates(lab: BridgeLab) -> None:
    with pytest.raises(PermanentError, match="expected an id or a name that fits one, seen School"):
        await plan(lab, districts=(), schools=("School",))


async def test_a_stopped_program_is_not_started_again(lab: BridgeLab) -> None:
    await lab.start()
    await lab.stop()
    with pytest.raises(PermanentError, match="choose another name"):
        await plan(lab, policy="harness", release_id=lab.release)


async def test_the_planner_finds_a_districts_calendar_and_a_policy_among_the_bridges_copies(lab: BridgeLab) -> None:
    async with lab.pool.acquire() as connection:
        ground = await ground_of(connection, lab.district, "harness", None)
        with pytest.raises(PermanentError, match="policy nobody"):
            await ground_of(connection, lab.district, "nobody", None)
        with pytest.raises(PermanentError, match="profile"):
            await ground_of(connection, lab.district, "harness", "nobody")
    first = datetime.fromtimestamp(ground.calendar.days[0][1] / 1000, UTC)
    plan = earliest_go_live(ground.policy, ground.calendar, first)
    assert plan is not None
    back = latest_starts(ground.policy, ground.calendar, plan.go_live, ground.calendar.days[0][0])
    assert isinstance(back, Backward)
    assert back.starts[0].day == ground.calendar.days[0][0]
