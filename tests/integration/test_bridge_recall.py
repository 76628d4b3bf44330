"""Facts that a restored database lost come back from Temporal's histories, or are named; pictures wait at gaps."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from schemas.program_fact import ProgramFact, WaveOpened
from schemas.topics import PROGRAM_FACTS
from services.auditor.breach import Invariant
from services.auditor.cli import verify_all
from services.bridge import ledger, program_ledger, recalling
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN
from tests.integration import test_bridge_waves as waves
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from tests.integration.test_bridge_commands import firstbell
from workflows.program import messages as program_messages
from workflows.school import messages

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        yield running


async def rest(lab: BridgeLab) -> None:
    """The program is over and its bridge gone: nothing moves any more, and no topic is read back."""
    started = await lab.pool.fetch(
        "select school_id from rollout where program_id = $1 and status = 'running'", lab.program
    )
    await lab.stop()
    for row in started:
        await lab.handle(row["school_id"]).result()
    lab.bridge.stop()
    await lab.stopped()


async def test_lost_facts_come_back_from_every_run_of_a_history_and_leave_for_their_readers(lab: BridgeLab) -> None:
    await lab.teach(1)
    await lab.start()
    (school,) = lab.schools
    await lab.sign_charter(school)
    lab.observe(school, CLEAN)
    await lab.until_phase(school, "beta", refresh=True)
    await rest(lab)
    facts = await lab.facts(school)
    name = messages.workflow_id(lab.program, school)
    last = len(facts)
    lost = [2, 3, last - 1, last]
    await lab.pool.execute("delete from outbox where ce_id like $1 || '/%'", lab.program)
    row = await standing(lab)
    await lab.pool.execute(
        "delete from fact where program_id = $1 and fact_sequence = any($2::bigint[])", lab.program, lost
    )
    await lab.pool.execute("update rollout set asked = 'principal', outcome = null where program_id = $1", lab.program)
    # As an older version wrote it: the same fact in fewer words.
    await lab.pool.execute(
        "update fact set document = $2 where program_id = $1 and fact_sequence = 1",
        lab.program, facts[0].model_dump_json(exclude_defaults=True).encode(),
    )  # fmt: skip

    recalled = await firstbell(lab, "bridge", "recall", "--program", lab.program, "--json")
    assert recalled.returncode == 0, recalled.stdout + recalled.stderr
    assert json.loads(recalled.stdout) == {
        "read_count": 1,
        "absent_count": 0,
        "found": {name: lost},
        "lost": {},
        "conflicts": [],
    }
    assert await lab.facts(school) == facts
    assert await standing(lab) == row, "facts that come late make the row anew"
    rows = await lab.pool.fetch("select ce_id from outbox where ce_id like $1 || '/%' order by id", lab.program)
    assert [row["ce_id"] for row in rows] == [f"{lab.program}/{school}/{sequence}" for sequence in lost]

    again = await firstbell(lab, "bridge", "recall", "--program", lab.program)
    assert again.returncode == 0
    assert again.stdout.strip() == "1 histories read: 0 facts of 0 were missing"


async def test_what_no_history_tells_and_what_contradicts_one_is_named_and_nothing_of_it_taken(lab: BridgeLab) -> None:
    await lab.teach(2)
    await lab.start()
    await rest(lab)
    known, gone = lab.schools
    stranger = "00000000-0000-4000-8000-0000000000bb"
    [begun, *_] = await lab.facts(known)
    later = begun.model_copy(update={"school_id": stranger, "fact_sequence": 3})
    async with lab.pool.acquire() as connection:
        await ledger.record(connection, [later], [later.model_dump_json().encode()])
    [first, *_] = await lab.facts(gone)
    other = first.model_copy(update={"simulated": not first.simulated})
    await lab.pool.execute(
        "update fact set document = $3 where program_id = $1 and school_id = $2 and fact_sequence = 1",
        lab.program, gone, other.model_dump_json().encode(),
    )  # fmt: skip
    await lab.pool.execute(
        "delete from fact where program_id = $1 and school_id = $2 and fact_sequence > 1", lab.program, gone
    )
    try:
        told = await firstbell(lab, "bridge", "recall", "--program", lab.program, "--json")
        assert told.returncode == 1
        answer = json.loads(told.stdout)
        assert answer["lost"] == {messages.workflow_id(lab.program, stranger): [1, 2]}
        (conflict,) = answer["conflicts"]
        assert conflict.startswith(f"{messages.workflow_id(lab.program, gone)}: expected facts 1 as held")
        assert (answer["read_count"], answer["absent_count"], answer["found"]) == (2, 1, {})
        assert len(await lab.facts(gone)) == 1
    finally:
        await lab.pool.execute("delete from fact where program_id = $1 and school_id = $2", lab.program, stranger)


async def test_a_programs_picture_waits_at_a_gap_and_its_lost_facts_are_recalled(lab: BridgeLab) -> None:
    await lab.teach(6)
    await waves.start(lab)
    admitted = await waves.until_running(lab, 1, 2)
    await rest(lab)
    await lab.client.get_workflow_handle(program_messages.workflow_id(lab.program)).result()
    facts = await waves.facts(lab)
    whole = await picture(lab)
    (gap,) = [fact.fact_sequence for fact in facts if fact.body.kind == "schools-admitted"]
    assert gap < facts[-1].fact_sequence

    async def restored(*lost: int) -> None:
        await lab.pool.execute("delete from program_fact where program_id = $1", lab.program)
        await lab.pool.execute(
            "update program set picture = null, picture_sequence = 0 where program_id = $1", lab.program
        )
        await lab.pool.execute(
            "update rollout set status = 'waiting', wave_number = null where program_id = $1", lab.program
        )
        await publish(lab, [fact for fact in facts if fact.fact_sequence not in lost])

    await restored(gap)
    assert (await picture(lab))[0] == gap - 1, "counts beside a gap would admit too many"
    await publish(lab, [facts[gap - 1]])
    assert await picture(lab) == whole
    assert await starting(lab) == admitted

    await restored(gap)
    recalled = await recalling.recall(lab.pool, lab.client, lab.program, 100, lambda *_: None)
    assert recalled.found == {program_messages.workflow_id(lab.program): [gap]}
    assert await picture(lab) == whole
    assert await starting(lab) == admitted


async def test_verify_names_a_gap_in_a_programs_facts(lab: BridgeLab) -> None:
    body = WaveOpened(wave=1, schools_count=2)
    lab.publish(PROGRAM_FACTS.name, [
        (lab.program, ProgramFact(
            program_id=lab.program, fact_sequence=number, occurred_at=datetime.now(UTC), rehearsal=True, body=body
        ))
        for number in (1, 3)
    ])  # fmt: skip
    answer = await verify_all(lab.settings, (Invariant.ONE_EFFECT,))
    (breach,) = [each for each in answer.breaches if lab.program in each.subject]
    assert (breach.expected, breach.seen.split(":")[0]) == ("fact 2", "fact 3")


async def standing(lab: BridgeLab) -> tuple[object, ...]:
    row = await lab.pool.fetchrow(
        "select fact_sequence, phase, outcome, asked, unmet_since, status, policy_digest from rollout where program_id = $1",
        lab.program,
    )
    assert row is not None
    return tuple(row)


async def picture(lab: BridgeLab) -> tuple[int, str]:
    row = await lab.pool.fetchrow("select picture_sequence, picture from program where program_id = $1", lab.program)
    assert row is not None
    return row["picture_sequence"], row["picture"]


async def starting(lab: BridgeLab) -> list[str]:
    rows = await lab.pool.fetch(
        "select school_id from rollout where program_id = $1 and status = 'starting' order by 1", lab.program
    )
    return [row["school_id"] for row in rows]


async def publish(lab: BridgeLab, facts: list[ProgramFact]) -> None:
    async with lab.pool.acquire() as connection, connection.transaction():
        await program_ledger.publish(connection, facts)
