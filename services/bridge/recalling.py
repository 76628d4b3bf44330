"""Takes from Temporal's histories the facts that a restored database lost before they had left for Kafka.

Behind `firstbell bridge recall`. A fact is the input of the activity that made it durable, so the history of its run
tells it until Temporal's retention ends. What is held already is compared, never replaced: recall again at will.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from schemas.fact import Fact
from schemas.program_fact import ProgramFact
from services.bridge import ledger, program_ledger
from services.bridge.starting import Told, paced
from services.kit.database import Connection, Pool
from workflows.activities import FactBatch, ProgramFactBatch, publish_facts, publish_program_facts
from workflows.program.messages import workflow_id as program_workflow_id
from workflows.school.messages import workflow_id

F = TypeVar("F", Fact, ProgramFact)
RPC = timedelta(seconds=60)
"""For one page of a history. Our judgement, 2026-11-25."""


@dataclass(slots=True)
class Recalled:
    """What was found, and what is lost. Workflows by their ids, facts by their sequences."""

    looked_count: int = 0
    """Workflows whose histories were read."""
    found: dict[str, list[int]] = field(default_factory=dict)
    """Facts that were missing, and are on their way to readers now."""
    lost: dict[str, list[int]] = field(default_factory=dict)
    """Facts below a known one that no history tells any more."""
    conflicts: list[str] = field(default_factory=list)
    """A sentence for each workflow that contradicts what is held; nothing of it was taken."""


async def recall(pool: Pool, client: Client, program_id: str | None, rate: float, told: Told) -> Recalled:
    """Asks every school's and program's workflow for the facts that are not held. Raises RPCError: run it again.

    `program_id` None: of every program. `rate`: workflows a second.
    """
    programs = await pool.fetch(
        "select program_id from program where waves is not null and ($1::text is null or program_id = $1)", program_id
    )
    schools = await pool.fetch(
        """select program_id, school_id from rollout where $1::text is null or program_id = $1
        union select program_id, school_id from fact where $1::text is null or program_id = $1
        order by program_id, school_id""",
        program_id,
    )
    recalled = Recalled()

    async def one(index: int) -> None:
        if index < len(programs):
            await _program(pool, client, programs[index]["program_id"], recalled)
        else:
            row = schools[index - len(programs)]
            await _school(pool, client, row["program_id"], row["school_id"], recalled)

    await paced(len(programs) + len(schools), one, rate, told)
    return recalled


async def _school(pool: Pool, client: Client, program_id: str, school_id: str, recalled: Recalled) -> None:
    async def publish(connection: Connection, facts: Sequence[Fact]) -> Sequence[Fact]:
        return await ledger.publish(connection, facts, datetime.now(UTC))

    rows = await pool.fetch(
        "select fact_sequence from fact where program_id = $1 and school_id = $2", program_id, school_id
    )
    name, held = workflow_id(program_id, school_id), {row["fact_sequence"] for row in rows}
    facts = await _told(client, name, publish_facts.__name__, FactBatch, lambda batch: batch.facts, held)
    await _take(pool, name, held, facts, publish, recalled)


async def _program(pool: Pool, client: Client, program_id: str, recalled: Recalled) -> None:
    rows = await pool.fetch("select fact_sequence from program_fact where program_id = $1", program_id)
    name, held = program_workflow_id(program_id), {row["fact_sequence"] for row in rows}
    activity = publish_program_facts.__name__
    facts = await _told(client, name, activity, ProgramFactBatch, lambda batch: batch.facts, held)
    await _take(pool, name, held, facts, program_ledger.publish, recalled)


B = TypeVar("B", FactBatch, ProgramFactBatch)


async def _told(
    client: Client, name: str, activity: str, kind: type[B], facts_of: Callable[[B], Sequence[F]], held: set[int]
) -> dict[int, F]:
    """Facts of the workflow's runs by sequence, from the newest run back until nothing below is missing."""
    told: dict[int, F] = {}
    run: str | None = None
    while True:
        before: str | None = None
        try:
            async for event in client.get_workflow_handle(name, run_id=run).fetch_history_events(rpc_timeout=RPC):
                if event.HasField("workflow_execution_started_event_attributes"):
                    before = event.workflow_execution_started_event_attributes.continued_execution_run_id or None
                asked = event.activity_task_scheduled_event_attributes
                if event.HasField("activity_task_scheduled_event_attributes") and asked.activity_type.name == activity:
                    (batch,) = await client.data_converter.decode(asked.input.payloads, [kind])
                    told |= {fact.fact_sequence: fact for fact in facts_of(batch)}
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return told  # never started, or past Temporal's retention
        if before is None or (told and held.issuperset(range(1, min(told)))):
            return told
        run = before


async def _take(
    pool: Pool,
    name: str,
    held: set[int],
    facts: dict[int, F],
    publish: Callable[[Connection, Sequence[F]], Awaitable[Sequence[F]]],
    recalled: Recalled,
) -> None:
    recalled.looked_count += 1
    try:
        async with pool.acquire() as connection, connection.transaction():
            fresh = await publish(connection, [facts[sequence] for sequence in sorted(facts)])
    except ledger.FactConflictError as conflict:
        recalled.conflicts.append(str(conflict))
        return
    known = held | facts.keys()
    if fresh:
        recalled.found[name] = [fact.fact_sequence for fact in fresh]
    if lost := sorted(set(range(1, max(known, default=0))) - known):
        recalled.lost[name] = lost
