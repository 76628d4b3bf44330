"""Whether this build may decide for the schools that are under way: asked by the worker before it polls.

Replay recomputes what a school asked of Temporal; code that would ask otherwise stops every school it meets. So the
worker first compares the semantics that are pinned, and replays a bounded sample of real histories. It mends nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from schemas.gate import SEMANTICS, SEMANTICS_OLDEST
from services.kit.database import Pool
from services.kit.settings import Settings
from workflows.program.messages import workflow_id as program_workflow_id
from workflows.school.messages import workflow_id

SHOWN_MAX = 5
"""Schools named in a refusal. Our judgement, 2026-11-25."""
RECIPE = (
    'see "Change what a running criterion means" in CONTRIBUTING.md: keep the old meaning beside the new, or guard the '
    "change with workflow.patched; meanwhile run the build that decided before"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """The code that wants to decide."""

    workflows: tuple[type, ...]
    """A school's, and a program's."""
    build: str


async def objection(pool: Pool, client: Client, settings: Settings, candidate: Candidate) -> str | None:
    """Why this build may not poll, in one line for people; None: nothing speaks against it.

    Takes at most `worker_replay_seconds` for the histories. Raises RPCError while Temporal is away.
    """
    return await _pinned(pool) or await _replayed(pool, client, settings, candidate)


async def _pinned(pool: Pool) -> str | None:
    """Semantics that schools pin, or will at their next phase, and that this build does not decide."""
    rows = await pool.fetch(
        """with named as (
            select program_id, policy_digest from program where stopped_at is null
            union select program_id, policy_digest from rollout where status <> 'stopped'
        )
        select distinct program_id, (document::jsonb ->> 'semantics')::int as semantics
        from named join policy on policy.digest = named.policy_digest
        where not (document::jsonb ->> 'semantics')::int between $1 and $2 order by 1, 2""",
        SEMANTICS_OLDEST, SEMANTICS,
    )  # fmt: skip
    if not rows:
        return None
    programs = ", ".join(f"{row['program_id']} (semantics {row['semantics']})" for row in rows[:SHOWN_MAX])
    return (
        f"policies: expected semantics {SEMANTICS_OLDEST} to {SEMANTICS}, seen programs under way that pin others: "
        f"{programs}; {RECIPE}"
    )


async def _replayed(pool: Pool, client: Client, settings: Settings, candidate: Candidate) -> str | None:
    """Schools and programs whose recorded histories this build would contradict."""
    loop = asyncio.get_running_loop()
    end = loop.time() + settings.worker_replay_seconds
    replayer = Replayer(
        workflows=candidate.workflows, data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )  # fmt: skip
    failed: list[tuple[str, Exception]] = []
    tried = 0
    sample = await _sample(pool, settings.worker_replay_schools)
    for name in sample:
        left = end - loop.time()
        if left <= 0:
            break
        history = await _history(client, name)
        if history is None or not contradictable(history, candidate.build):
            continue
        tried += 1
        try:
            async with asyncio.timeout(left):
                result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        except TimeoutError:
            break
        if result.replay_failure is not None:
            failed.append((name, result.replay_failure))
    structlog.get_logger().info(
        "worker-checked",
        build=candidate.build,
        sampled_count=len(sample),
        replayed_count=tried,
        failed_count=len(failed),
    )
    if not failed:
        return None
    names = ", ".join(name for name, _ in failed[:SHOWN_MAX])
    more = f" and {len(failed) - SHOWN_MAX} more" if len(failed) > SHOWN_MAX else ""
    because = " ".join(str(failed[0][1]).split())[:200]
    return (
        f"build {candidate.build}: expected the histories of schools under way to replay, seen {len(failed)} of "
        f"{tried} that do not: {names}{more} ({because}); {RECIPE}"
    )


async def _sample(pool: Pool, most: int) -> Sequence[str]:
    """Workflows under way: programs, and schools of each program, phase and outcome in turn."""
    rows = await pool.fetch(
        """select program_id, school_id from (
            select program_id, school_id, row_number() over (
                partition by program_id, phase, outcome order by fact_sequence desc, school_id) as turn
            from rollout where status = 'running') as spread
        order by turn, program_id, school_id limit $1""",
        most,
    )
    programs = await pool.fetch(
        """select program_id from program where waves is not null and stopped_at is null
        order by picture_sequence desc, program_id limit $1""",
        most,
    )
    found = [program_workflow_id(row["program_id"]) for row in programs]
    return [*found, *(workflow_id(row["program_id"], row["school_id"]) for row in rows)][:most]


async def _history(client: Client, name: str) -> WorkflowHistory | None:
    """The current run's history. None: Temporal knows none."""
    try:
        return await client.get_workflow_handle(name).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def contradictable(history: WorkflowHistory, build: str) -> bool:
    """Whether other code has asked for something that this build could fail to ask for.

    A run without a timer or an activity holds no answer yet, and the replayer waits for its first without end. What
    this very build decided last, it decides again.
    """
    asked, last = False, ""
    for event in history.events:
        if event.HasField("workflow_task_completed_event_attributes"):
            last = event.workflow_task_completed_event_attributes.worker_version.build_id
        elif event.HasField("timer_started_event_attributes") or event.HasField(
            "activity_task_scheduled_event_attributes"
        ):
            asked = True
    return asked and last != build
