"""An advisory on Kafka reaches every school of its scope, those that join later too, and lets them go again."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from schemas.advisory import Advisory
from schemas.school import Scope, ScopeKind
from schemas.topics import ADVISORIES, SCHOOLS
from services.kit.settings import Settings
from tests.harness.advisories import advisory_of, exemption, fact_is
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, act_id, bridge_lab

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        await running.teach(2)
        yield running


def over_district(lab: BridgeLab, advisory_id: str, where: Any = None, **changes: Any) -> Advisory:
    scope = Scope(kind=ScopeKind.DISTRICT, id=lab.district)
    return advisory_of(where, scope, advisory_id=advisory_id, **changes)


def published(lab: BridgeLab, *advisories: Advisory) -> None:
    lab.publish(ADVISORIES.name, [(each.advisory_id, each) for each in advisories])


async def until_held(lab: BridgeLab, schools: tuple[str, ...], advisory_id: str, held: bool = True) -> None:
    async def so() -> bool:
        views = [await lab.look(school) for school in schools]
        return all((advisory_id in view.picture.holds) is held for view in views)

    await until(so, what=f"{advisory_id} held {held}", every=0.2)


async def test_a_district_is_held_let_go_and_a_late_joiner_is_held_from_its_start(lab: BridgeLab) -> None:
    held = over_district(lab, act_id())
    await lab.start()
    published(lab, held)
    await until_held(lab, lab.schools, held.advisory_id)

    early, lab.schools = lab.schools, (*lab.schools, (late := str(uuid4())))
    lab.publish(SCHOOLS.name, [(late, lab.record(late))])
    await until(lambda: known(lab, late), what="the bridge to know the late school")
    await lab.start()
    await until_held(lab, (late,), held.advisory_id)
    await until(lambda: told(lab, late, "gate-decided"), what="the late school's first decision")
    kinds = await lab.kinds(late)
    assert kinds.index("hold-added") < kinds.index("gate-decided"), "held before its first decision"

    let_pass = held.model_copy(update={"version": 2, "exempt": (exemption(early[0]),)})
    published(lab, let_pass)
    await until_held(lab, early[:1], held.advisory_id, held=False)
    await until_held(lab, (early[1], late), held.advisory_id)

    published(lab, let_pass.model_copy(update={"version": 3, "withdrawn": True}))
    await until_held(lab, lab.schools, held.advisory_id, held=False)
    for school in lab.schools:
        await until(lambda school=school: told(lab, school, "hold-released"), what="the release")  # type: ignore[misc]
        added = [kind for kind in await lab.kinds(school) if kind in ("hold-added", "hold-released")]
        assert added == ["hold-added", "hold-released"], "once in, once out, however often it was told"


async def test_only_the_schools_that_match_are_held_and_an_older_version_changes_nothing(lab: BridgeLab) -> None:
    await lab.start()
    one, other = lab.schools
    word = over_district(lab, act_id(), fact_is("school", one), version=5)
    published(lab, word, word.model_copy(update={"version": 4, "withdrawn": True}), word)
    await until_held(lab, (one,), word.advisory_id)
    assert word.advisory_id not in (await lab.look(other)).picture.holds


async def told(lab: BridgeLab, school: str, kind: str) -> bool:
    return kind in await lab.kinds(school)


async def known(lab: BridgeLab, school: str) -> bool:
    return bool(await lab.pool.fetchval("select 1 from school where school_id = $1", school))


async def test_a_wave_is_held_by_its_programs_name_and_number(lab: BridgeLab) -> None:
    await lab.start()
    one, other = lab.schools
    await lab.pool.execute(
        "update rollout set wave = program_id || '.wave-2' where program_id = $1 and school_id = $2", lab.program, one
    )
    wave = advisory_of(None, Scope(kind=ScopeKind.WAVE, id=f"{lab.program}.wave-2"), advisory_id=act_id())
    published(lab, wave)
    await until_held(lab, (one,), wave.advisory_id)
    assert wave.advisory_id not in (await lab.look(other)).picture.holds
