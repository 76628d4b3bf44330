"""Takes from Temporal's histories the facts that a restored database lost before they had left for Kafka.

Behind `firstbell bridge recall`. A fact is the input of the activity that made it durable, so the history of its run
tells it until Temporal's retention ends. What is held already is compared, never replaced: recall again at will.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
BATCHES = {publish_facts.__name__: FactBatch, publish_program_facts.__name__: ProgramFactBatch}
"""What the activities that make facts durable are given, by their names."""


@dataclass(slots=True)
class Recalled:
    """What was found, and what is lost. Workflows by their ids, facts by their sequences."""

    read_count: int = 0
    """Workflows whose histories were read."""
    absent_count: int = 0
    """Workflows that Temporal does not know: never begun, or ended longer ago than it keeps histories."""
    found: dict[str, list[int]] = field(default_factory=dict)
    """Facts that were missing, and are on their way to readers now."""
    lost: dict[str, list[int]] = field(default_factory=dict)
    """Facts below a known one that no history tells any more."""
    conflicts: list[str] = field(default_factory=list)
    """A sentence for each workflow that contradicts what is held, or can't be read; nothing of it was taken."""


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

    rows = await pool.fetch("select document from fact where program_id = $1 and school_id = $2", program_id, school_id)
    held = [Fact.model_validate_json(row["document"]) for row in rows]
    await _one(pool, client, workflow_id(program_id, school_id), held, publish, recalled)


async def _program(pool: Pool, client: Client, program_id: str, recalled: Recalled) -> None:
    rows = await pool.fetch("select document from program_fact where program_id = $1", program_id)
    held = [ProgramFact.model_validate_json(row["document"]) for row in rows]
    await _one(pool, client, program_workflow_id(program_id), held, program_ledger.publish, recalled)


async def _one(
    pool: Pool,
    client: Client,
    name: str,
    facts: Sequence[F],
    publish: Callable[[Connection, Sequence[F]], Awaitable[Sequence[F]]],
    recalled: Recalled,
) -> None:
    held: dict[int, F] = {fact.fact_sequence: fact for fact in facts}
    try:
        told: dict[int, F] | None = await _told(client, name, held)
    except ValueError as error:
        recalled.conflicts.append(f"{name}: expected a history of facts, seen {error}")
        return
    if told is None:
        recalled.absent_count += 1
        told = {}
    else:
        recalled.read_count += 1
    # Compared as they are understood, not byte by byte: an older version wrote less of the same fact.
    differ = sorted(sequence for sequence in told.keys() & held.keys() if told[sequence] != held[sequence])
    if differ:
        recalled.conflicts.append(
            f"{name}: expected facts {', '.join(map(str, differ))} as held, seen others in its history; nothing of it "
            "was taken; two workflows may have run under one name"
        )
        return
    missing = [told[sequence] for sequence in sorted(told.keys() - held.keys())]
    if missing:
        async with pool.acquire() as connection, connection.transaction():
            fresh = await publish(connection, missing)
        recalled.found[name] = [fact.fact_sequence for fact in fresh]
    known = held.keys() | told.keys()
    if lost := sorted(set(range(1, max(known, default=0))) - known):
        recalled.lost[name] = lost


async def _told(client: Client, name: str, held: Mapping[int, F]) -> dict[int, F] | None:
    """Facts of the workflow's runs by sequence, from the newest run back until nothing below is missing.

    None: Temporal knows no such workflow. Raises ValueError for a history that can't be read.
    """
    told: dict[int, F] = {}
    run: str | None = None
    while True:
        before: str | None = None
        try:
            async for event in client.get_workflow_handle(name, run_id=run).fetch_history_events(rpc_timeout=RPC):
                if event.HasField("workflow_execution_started_event_attributes"):
                    before = event.workflow_execution_started_event_attributes.continued_execution_run_id or None
                asked = event.activity_task_scheduled_event_attributes
                if (kind := BATCHES.get(asked.activity_type.name)) is not None:
                    (batch,) = await client.data_converter.decode(asked.input.payloads, [kind])
                    told |= {fact.fact_sequence: fact for fact in batch.facts}
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return told if run else None  # an earlier run is past Temporal's retention
        if before is None or (told and held.keys() >= set(range(1, min(told)))):
            return told
        run = before
