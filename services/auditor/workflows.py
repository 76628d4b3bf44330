"""What Temporal itself says of the schools' workflows: which run, and which repeat a task or a publication that fails.

Called by `firstbell verify` for I5. It lists and describes, page by page; of schools whose facts do not show that they
go on, it asks at most a hundred when they wake.
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from services.auditor.standing import Rollout, Running
from services.kit.outcome import TemporaryError
from services.kit.settings import Settings
from workflows.school.messages import WORKFLOW, View, look_at, workflow_id

LISTED_MAX = 50_000
"""Workflows looked at in one verification: twenty states' schools. Our judgement, 2026-11-25."""
PAGE = 500
"""Workflows a page. Our judgement, 2026-11-25."""
AT_ONCE = 16
"""Descriptions asked for at a time: more make the local server answer signals late. Our judgement, 2026-11-25."""
ASKED_MAX = 100
"""Schools asked when they wake; more at once are one fault, which the first hundred show. Our judgement, 2026-11-25."""
PATIENCE = timedelta(seconds=20)
"""For one answer of a workflow, which may be replayed first. Our judgement, 2026-11-25."""


async def look_at_workflows(
    settings: Settings, wanted: Collection[Rollout], ask: Collection[Rollout], now: datetime
) -> dict[Rollout, Running]:
    """Every school's workflow that runs, and each wanted one besides; some are asked. Raises TemporaryError while away."""
    try:
        client = await Client.connect(
            settings.temporal_address, namespace=settings.temporal_namespace, data_converter=pydantic_data_converter
        )
        ids = {workflow_id(*rollout): rollout for rollout in wanted}
        query = f"WorkflowType = '{WORKFLOW}' and ExecutionStatus = 'Running'"
        async for each in client.list_workflows(query, page_size=PAGE, limit=LISTED_MAX):
            program, _, school = each.id.partition("/")
            ids.setdefault(each.id, (program, school))
        gate = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(_describe(client, gate, name) for name in sorted(ids)))
        looked = {ids[name]: running for name, running in zip(sorted(ids), found, strict=True)}
        asked = [rollout for rollout in sorted(ask) if looked[rollout].running][:ASKED_MAX]
        answers = await asyncio.gather(*(_ask(client, gate, looked[rollout], rollout, now) for rollout in asked))
    except (RPCError, RuntimeError) as error:
        raise TemporaryError(
            f"Temporal: expected an answer from {settings.temporal_address}, seen {error}; run `firstbell doctor`"
        ) from error
    return looked | dict(zip(asked, answers, strict=True))


async def _ask(client: Client, gate: asyncio.Semaphore, known: Running, rollout: Rollout, now: datetime) -> Running:
    """When a school wakes, by its own word; no answer is no wake-up."""
    async with gate:
        try:
            handle = client.get_workflow_handle(workflow_id(*rollout))
            view = await handle.query("look", look_at(now), result_type=View, rpc_timeout=PATIENCE)
        except WorkflowQueryFailedError:
            return replace(known, asked=True)
        except RPCError as error:
            if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.FAILED_PRECONDITION):
                return replace(known, asked=True)
            raise
    return replace(known, asked=True, wakes_at=view.wakes_at)


async def _describe(client: Client, gate: asyncio.Semaphore, name: str) -> Running:
    async with gate:
        try:
            told = await client.get_workflow_handle(name).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Running(running=False)
            raise
    return _running(told)


def _running(told: WorkflowExecutionDescription) -> Running:
    raw = told.raw_description
    worst = max(raw.pending_activities, key=lambda each: each.attempt, default=None)
    failure = worst.last_failure.application_failure_info.type if worst is not None else ""
    task = raw.pending_workflow_task.attempt if raw.HasField("pending_workflow_task") else 0
    return Running(
        running=told.status is WorkflowExecutionStatus.RUNNING, task_attempts=task,
        activity_attempts=worst.attempt if worst is not None else 0, last_failure=failure or "no failure told",
        closed_at=told.close_time,
    )  # fmt: skip
