"""Starts and stops the workflows of a program, at a pace Temporal keeps up with. Behind `firstbell program`.

Each step may be repeated: a workflow that runs already is taken as started, one that is gone as stopped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from schemas.message import StartRollout, StopRollout
from schemas.program import StopProgram
from schemas.school import Phase, SchoolRecord
from services.bridge import advisories
from services.bridge.contexts import context_of
from services.bridge.documents import Documents
from services.bridge.pace import Pace
from services.bridge.programs import calendar_for
from services.kit.database import Connection, Pool
from services.kit.outcome import PermanentError
from workflows.program.messages import workflow_id as program_workflow_id
from workflows.school.messages import DISTRICT, PHASE, TASK_QUEUE, WORKFLOW, RolloutInput, workflow_id

AT_ONCE = 16
"""Calls to Temporal under way, 1 to 100. Our judgement: enough to keep the pace at 300 ms a call."""
RPC = timedelta(seconds=20)
GONE = ("stopped", "left")
"""A rollout's statuses out of its program."""

Told = Callable[[int, int], None]
"""Told after each school: how many are done, of how many."""


async def start_all(
    pool: Pool,
    client: Client,
    documents: Documents,
    program_id: str,
    rate: float,
    told: Told,
    *,
    limit: int | None = None,
) -> int:
    """Starts every school of the program that is not running yet; returns how many. Raises RPCError: run it again.

    `limit` None: all of them. A program stopped meanwhile starts nobody more.
    """
    program = await pool.fetchrow("select * from program where program_id = $1", program_id)
    assert program is not None  # entered before
    rows = await pool.fetch(
        """select r.school_id, r.profile, r.policy_digest, s.document, r.sent_calendar_digest from rollout r
        join school s using (school_id) where r.program_id = $1 and r.status = 'starting' order by r.school_id
        limit $2""",
        program_id, limit,
    )  # fmt: skip

    async def start(index: int) -> None:
        row = rows[index]
        school = SchoolRecord.model_validate_json(row["document"])
        async with pool.acquire() as connection:
            if limit is not None and await _stopped(connection, program_id):
                return
            digest = row["policy_digest"] or program["policy_digest"]
            policy = await documents.school_policy(connection, digest, row["profile"])
            calendar = await documents.calendar(connection, row["sent_calendar_digest"])
            told = await advisories.word_for(connection, program_id, school.school_id)
        if policy is None:
            raise PermanentError(f"policy {digest}: expected it stored, seen none; store it again")
        first = StartRollout(
            program_id=program_id,
            school_id=school.school_id,
            rehearsal=program["rehearsal"],
            policy=policy,
            context=context_of(school, program["release_id"]),
            calendar=calendar_for(calendar, program["rehearsal"]),
            started_at=datetime.now(UTC),
            advisories=told.advisories if told else (),
            advisories_version=told.version if told else 0,
            wave=told.wave if told else None,
        )
        begun = await _start(client, first)
        await pool.execute(
            """update rollout set status = 'running', sent_advisories_version = greatest(sent_advisories_version, $3)
            where program_id = $1 and school_id = $2 and status = 'starting'""",
            program_id, school.school_id, first.advisories_version if begun else 0,
        )  # fmt: skip

    await paced(len(rows), start, rate, told)
    return len(rows)


async def _stopped(connection: Connection, program_id: str) -> bool:
    return bool(
        await connection.fetchval("select stopped_at is not null from program where program_id = $1", program_id)
    )


async def _start(client: Client, first: StartRollout) -> bool:
    """False: it runs already, by an earlier try, perhaps with older advisories."""
    attributes = [SearchAttributePair(PHASE, Phase.CHARTER.value)]
    if first.context is not None:
        attributes.append(SearchAttributePair(DISTRICT, first.context.district_id))
    try:
        await client.start_workflow(
            WORKFLOW,
            RolloutInput.of(first),
            id=workflow_id(first.program_id, first.school_id),
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=TypedSearchAttributes(attributes),
            static_summary=f"{first.policy.name} v{first.policy.version}, {first.policy.profile}",
            rpc_timeout=RPC,
        )
    except WorkflowAlreadyStartedError:
        return False  # an earlier try got this far
    return True


async def stop_all(pool: Pool, client: Client, program_id: str, reason: str, rate: float, told: Told) -> int:
    """Stops every school of the program; returns how many were told. What never started is only written off."""
    waved = await pool.fetchval(
        "update program set stopped_at = now() where program_id = $1 and waves is not null returning program_id",
        program_id,
    )
    if waved is not None:
        await _stop_admission(pool, client, program_id, reason)
    rows = await pool.fetch(
        "select school_id from rollout where program_id = $1 and status not in ('stopped', 'left') order by school_id",
        program_id,
    )

    async def stop(index: int) -> None:
        school_id: str = rows[index]["school_id"]
        message = StopRollout(act_id=f"stop-{school_id}", reason=reason)
        try:
            handle = client.get_workflow_handle(workflow_id(program_id, school_id))
            await handle.signal(message.kind, message, rpc_timeout=RPC)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await pool.execute(
                "update rollout set status = 'stopped' where program_id = $1 and school_id = $2", program_id, school_id
            )

    await paced(len(rows), stop, rate, told)
    await pool.execute("update program set stopped_at = now() where program_id = $1", program_id)
    return len(rows)


async def _stop_admission(pool: Pool, client: Client, program_id: str, reason: str) -> None:
    """Nobody more is admitted; who waits leaves without ever having started."""
    message = StopProgram(reason=reason)
    try:
        handle = client.get_workflow_handle(program_workflow_id(program_id))
        await handle.signal(message.kind, message, rpc_timeout=RPC)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    await pool.execute("update rollout set status = 'left' where program_id = $1 and status = 'waiting'", program_id)


async def paced(count: int, work: Callable[[int], Awaitable[None]], rate: float, told: Told) -> None:
    """Does `work` for each index, a few at once, at the pace. Raises the first error; what was done stays done."""
    pace, done, left = Pace(rate), 0, iter(range(count))

    async def lane() -> None:
        nonlocal done
        for index in left:
            await pace.turn()
            await work(index)
            done += 1
            told(done, count)

    lanes: Sequence[asyncio.Task[None]] = [asyncio.create_task(lane()) for _ in range(min(AT_ONCE, count))]
    try:
        await asyncio.gather(*lanes)
    finally:
        for each in lanes:
            each.cancel()
