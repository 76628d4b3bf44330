"""A program in waves on real servers: who is admitted when, what binds in words, and the line stopped."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from temporalio import workflow

from schemas.model import digest_of
from schemas.program import Demand, LiftLine, Progress, Resource, StopLine, WavePolicy
from schemas.program_fact import ProgramFact
from schemas.school import ActorRecord, Phase, Role, SchoolStatus, Scope, ScopeKind
from schemas.topics import ACTORS, SCHOOLS
from services.bridge import line, programs, starting, waving
from services.bridge.compatibility import Candidate, objection
from services.bridge.documents import Documents
from services.bridge.wave_status import WaveStatus, wave_status
from services.bridge.worker import build_id
from services.kit.outcome import PermanentError
from services.kit.settings import Settings
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab
from workflows.policy.program.wave_words import words
from workflows.program import messages
from workflows.program.rollout import ProgramRollout
from workflows.school.rollout import SchoolRollout

pytestmark = pytest.mark.stack

POLICY = WavePolicy(
    name="three-waves",
    version=1,
    first_count=2,
    growth_max=1,
    resources=(
        Resource(
            id="trainer-days", unit="days", capacity=9, demand=Demand(per_school=3),
            freed_at=Phase.INFRASTRUCTURE_CHECK,
        ),
    ),
    progress=Progress(phase=Phase.INFRASTRUCTURE_CHECK, at_least=1),
)  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        await running.teach(6)
        yield running


def wish_of(lab: BridgeLab) -> programs.Wish:
    return programs.Wish(lab.program, digest_of(lab.document), (lab.district,), (), False, True, None)


async def make(lab: BridgeLab, policy: WavePolicy = POLICY) -> waving.Waved:
    wish, documents = wish_of(lab), Documents()
    async with lab.pool.acquire() as connection, connection.transaction():
        plan = await programs.make_plan(connection, documents, wish)
        return await waving.make_waves(connection, documents, plan, policy, digest_of(policy), datetime.now(UTC))


async def start(lab: BridgeLab, policy: WavePolicy = POLICY) -> waving.Waved:
    waved = await make(lab, policy)
    async with lab.pool.acquire() as connection, connection.transaction():
        await waving.enter_waves(connection, Documents(), waved)
    await waving.start_workflow(lab.pool, lab.client, lab.program)
    return waved


async def status(lab: BridgeLab) -> WaveStatus:
    async with lab.pool.acquire() as connection:
        found = await wave_status(connection, lab.program)
    assert found is not None
    return found


async def running(lab: BridgeLab) -> dict[int, list[str]]:
    rows = await lab.pool.fetch(
        "select wave_number as wave, school_id from rollout where program_id = $1 and status = 'running' order by 1, 2",
        lab.program,
    )
    return {number: [row["school_id"] for row in rows if row["wave"] == number] for number in {r["wave"] for r in rows}}


async def until_running(lab: BridgeLab, wave: int, count: int) -> list[str]:
    async def there() -> bool:
        return len((await running(lab)).get(wave, [])) == count

    await until(there, what=f"{count} schools of wave {wave} to run", within=30)
    return (await running(lab))[wave]


async def until_binding(lab: BridgeLab, words: str) -> None:
    async def said() -> bool:
        return words in (await status(lab)).binding

    await until(said, what=f"{words!r} to bind", within=20)


async def facts(lab: BridgeLab) -> list[ProgramFact]:
    rows = await lab.pool.fetch(
        "select document from program_fact where program_id = $1 order by fact_sequence", lab.program
    )
    return [ProgramFact.model_validate_json(row["document"]) for row in rows]


async def test_a_wave_is_admitted_only_after_the_one_before_and_a_stopped_line_admits_nobody(lab: BridgeLab) -> None:
    director = ActorRecord(
        actor_id="actor-director1", role=Role.STATE_DIRECTOR, scope=Scope(kind=ScopeKind.STATE, id="WA"),
        roster_version=1, recorded_at=datetime.now(UTC), active=True,
    )  # fmt: skip
    lab.publish(ACTORS.name, [("actor-director1", director)])
    await start(lab)
    first = await until_running(lab, 1, 2)
    assert list(await running(lab)) == [1], "the rest waits"
    named = await lab.pool.fetch("select distinct wave from rollout where program_id = $1", lab.program)
    assert {row["wave"] for row in named} == {f"{lab.program}.wave-{number}" for number in (1, 2, 3)}

    await lab.sign_charter(first[0])
    await until_binding(lab, "progress (")
    assert list(await running(lab)) == [1], "one of two is not all"
    await lab.sign_charter(first[1])
    second = await until_running(lab, 2, 2)

    async with lab.pool.acquire() as connection:
        who = await line.state_actor(connection, lab.program, "actor-director1")
    stop = StopLine(act_id="stop-line-1", actor=who, reason="devices-recalled")
    stopped = await line.act(lab.client, lab.program, stop)
    assert stopped.accepted
    for school in second:
        await lab.sign_charter(school)
    await until_binding(lab, "the line is stopped")
    assert sorted(await running(lab)) == [1, 2]
    again = await line.act(lab.client, lab.program, stop)
    assert (again.accepted, again.fact_sequence) == (True, stopped.fact_sequence), "one act, whoever says it twice"

    lift = LiftLine(act_id="lift-line-1", actor=who, reason="devices-replaced")
    assert (await line.act(lab.client, lab.program, lift)).accepted
    await until_running(lab, 3, 2)
    found = await facts(lab)
    assert [fact.fact_sequence for fact in found] == list(range(1, len(found) + 1))
    assert [fact.body.wave for fact in found if fact.body.kind == "wave-opened"] == [1, 2, 3]

    refused = await line.act(lab.client, lab.program, lift.model_copy(update={"act_id": "lift-line-2"}))
    assert refused.refusal == "line-runs"


@workflow.defn(name=messages.WORKFLOW, sandboxed=False)
class HastyProgram(ProgramRollout):
    """Asks one more thing of Temporal, of every program there is."""

    @workflow.init
    def __init__(self, entry: messages.ProgramInput) -> None:
        super().__init__(entry)

    @workflow.run
    async def run(self, _entry: messages.ProgramInput) -> None:
        await workflow.sleep(0.01)
        await super().run(_entry)


async def test_a_build_that_would_contradict_a_program_is_told_so(lab: BridgeLab) -> None:
    await start(lab)
    await until_running(lab, 1, 2)
    other = f"{build_id()}-other"
    said = await objection(lab.pool, lab.client, lab.settings, Candidate((SchoolRollout, HastyProgram), other))
    assert said is not None
    assert messages.workflow_id(lab.program) in said
    same = Candidate((SchoolRollout, ProgramRollout), other)
    assert await objection(lab.pool, lab.client, lab.settings, same) is None


async def test_the_plan_names_what_binds_before_anything_starts(lab: BridgeLab) -> None:
    waved = await make(lab)
    said = [words(wave.binding) for wave in waved.plan.waves]
    assert said == ["growth (2 of at most 2 schools)", "growth (2 of at most 2 schools)", "the list ends"]
    trainers = POLICY.resources[0].model_copy(update={"capacity": 4.0})
    scarce = await make(lab, POLICY.model_copy(update={"resources": (trainers,)}))
    assert "trainer-days (3 of 4 days used, the next school asks 3)" in words(scarce.plan.waves[0].binding)
    assert scarce.plan.waves[0].if_doubled == {"trainer-days": 2}
    assert not await lab.pool.fetchval("select count(*) from program where program_id = $1", lab.program)


async def test_a_start_that_is_no_longer_what_was_shown_is_refused(lab: BridgeLab) -> None:
    documents = Documents()
    async with lab.pool.acquire() as connection:
        shown = await programs.make_plan(connection, documents, wish_of(lab))
        await programs.refuse_changed(connection, documents, wish_of(lab), shown)
        closed = lab.record(shown.entries[0].school.school_id, version=2, status=SchoolStatus.CLOSED)
        lab.publish(SCHOOLS.name, [(closed.school_id, closed)])

        async def changed() -> bool:
            return await programs.make_plan(connection, documents, wish_of(lab)) != shown

        await until(changed, what="the closed school to leave the plan", within=20)
        with pytest.raises(PermanentError, match="nothing was done: look again"):
            await programs.refuse_changed(connection, documents, wish_of(lab), shown)


async def test_late_joiners_closures_and_the_end(lab: BridgeLab) -> None:
    await start(lab)
    await until_running(lab, 1, 2)
    waiting = [
        row["school_id"]
        for row in await lab.pool.fetch(
            "select school_id from rollout where program_id = $1 and status = 'waiting' order by wave_number, seat",
            lab.program,
        )
    ]
    closed = lab.record(waiting[0], version=2, status=SchoolStatus.CLOSED)
    late = lab.record("00000000-0000-4000-8000-" + lab.district[-12:])
    lab.publish(SCHOOLS.name, [(each.school_id, each) for each in (closed, late)])

    async def left() -> bool:
        known = await lab.pool.fetchval("select count(*) from school where school_id = $1", late.school_id)
        gone = await lab.pool.fetchval(
            "select status from rollout where program_id = $1 and school_id = $2", lab.program, closed.school_id
        )
        return bool(known) and gone == "left"

    await until(left, what="the closed school to leave", within=20)
    again = await start(lab)
    assert again.late
    assert [entry.school.school_id for entry in again.start.entries] == [late.school_id]

    async def seated() -> bool:
        return bool(
            await lab.pool.fetchval(
                "select wave from rollout where program_id = $1 and school_id = $2", lab.program, late.school_id
            )
        )

    await until(seated, what="the late joiner to get a wave", within=20)
    with pytest.raises(PermanentError, match="expected the waves it was started with"):
        await make(lab, POLICY.model_copy(update={"version": 2}))

    await starting.stop_all(lab.pool, lab.client, lab.program, "program-over", 100, lambda *_: None)

    async def over() -> bool:
        ended = (await facts(lab))[-1].body.kind == "program-ended"
        left_over = await lab.pool.fetchval(
            "select count(*) from rollout where program_id = $1 and status not in ('stopped', 'left')", lab.program
        )
        return ended and not left_over

    await until(over, what="program and schools to end", within=20)
