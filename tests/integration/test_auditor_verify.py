"""The room at work beside bridge and worker, and `verify` over what they did: sound, until somebody cuts the chain."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

pytest.importorskip("cryptography")

from services.auditor.breach import Breach, Invariant
from services.auditor.cli import verify_all
from services.auditor.room import process
from services.kit.database import connect
from services.kit.settings import Settings
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from tests.integration.test_auditor_chain import emptied

pytestmark = pytest.mark.stack
ASKED = (Invariant.ONE_EFFECT, Invariant.NOT_STUCK, Invariant.ESCALATIONS, Invariant.AUDIT, Invariant.PHASES)


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings, tmp_path: Path) -> AsyncIterator[BridgeLab]:
    """Two schools with a history, every fact of it entered and signed."""
    settings = stack.model_copy(update={"home": tmp_path, "audit_seal_seconds": 0.2})
    connection = await connect(settings, "auditor")
    await emptied(connection)
    auditor = process(settings)
    task = asyncio.create_task(auditor.run())
    try:
        async with bridge_lab(settings) as made:
            await made.teach(2, day_seconds=3600)
            await made.start()
            for school in made.schools:
                await made.sign_charter(school)
                await made.until_phase(school, "infrastructure-check")
            head = tmp_path / "audit" / "heads" / f"{made.district}.heads.jsonl"

            async def signed() -> bool:
                facts = sum([len(await made.facts(school)) for school in made.schools])
                entered = await connection.fetchval("select count(*) from entry where chain = $1", made.district)
                return entered == facts and head.exists() and f'"number":{facts},' in head.read_text()

            await until(signed, what="every fact to be entered and signed", within=40)
            yield made
            await made.stop()
    finally:
        auditor.stop()
        await task
        await emptied(connection)
        await connection.close()


async def about(lab: BridgeLab) -> list[Breach]:
    """Breaches that name this lab: other tests leave theirs on the same servers."""
    answer = await verify_all(lab.settings, ASKED)
    return [each for each in answer.breaches if lab.district in each.subject or lab.program in each.subject]


async def test_what_people_and_time_did_is_sound_and_a_cut_chain_is_not(lab: BridgeLab) -> None:
    assert await about(lab) == []
    connection = await connect(lab.settings, "auditor")
    try:
        await connection.execute("alter table entry disable trigger only_added")
        await connection.execute("delete from entry where chain = $1 and number > 3", lab.district)
        await connection.execute("alter table entry enable trigger only_added")
    finally:
        await connection.close()
    (breach,) = await about(lab)
    assert breach.invariant is Invariant.AUDIT
    assert breach.subject == f"audit: truncated, district {lab.district} entry 4"
    lost = (await verify_all(lab.settings, (Invariant.AUDIT,))).breaches
    assert any(each.subject.startswith("audit: absent") for each in lost), "the topic has what the chain lost"
