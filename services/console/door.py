"""The console's way to a school's workflow: look at it, and carry a person's act to it.

Called by commands. It waits at most a few seconds: a workflow that does not answer is unavailable, which is never
reported as a refusal nor as success. It starts nothing, and signals
nothing but an outage of ours.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as UpdateTimedOut
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from schemas.message import Command, CommandReply, IncidentChanged
from schemas.model import digest_of
from services.kit.outcome import TemporaryError
from services.kit.settings import Settings
from workflows.policy.program.seat import Place
from workflows.program import messages as program_messages
from workflows.school import messages
from workflows.shell import refusal_of

CONNECT_SECONDS = 5.0
"""Seconds to reach Temporal. Our judgement, 2026-11-23."""
LOOK_SECONDS = 3.0
"""Seconds a query may take before the projection answers instead. Our judgement, 2026-11-23."""
ACT_SECONDS = 20.0
"""Seconds an act may take before it counts as unanswered. Our judgement, 2026-11-23."""


class NotStarted(TemporaryError):  # noqa: N818  it reads as what it is
    """The workflow of this school and program does not exist, or is over."""


async def connect(settings: Settings) -> Client:
    """A client of Temporal. Raises TemporaryError while it is away."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await Client.connect(
                settings.temporal_address, namespace=settings.temporal_namespace, data_converter=pydantic_data_converter
            )
    except (RuntimeError, RPCError, OSError) as error:
        raise TemporaryError(
            f"Temporal at {settings.temporal_address}: expected an answer, seen {error!r}; "
            "start it with `firstbell stack up`"
        ) from error


def _handle(client: Client, program_id: str, school_id: str) -> "WorkflowHandle[object, object]":
    return client.get_workflow_handle(messages.workflow_id(program_id, school_id))


async def look(client: Client, program_id: str, school_id: str, now: datetime) -> messages.View:
    """The school at `now`, decided by its workflow. Raises TemporaryError when it can't be asked."""
    try:
        view: messages.View = await _handle(client, program_id, school_id).query(
            "look", messages.look_at(now), result_type=messages.View, rpc_timeout=timedelta(seconds=LOOK_SECONDS)
        )
        return view
    except (RPCError, WorkflowQueryFailedError) as error:
        raise _unavailable(program_id, school_id, error) from error


async def act(client: Client, program_id: str, school_id: str, command: Command) -> CommandReply:
    """Carries one act; the same act id twice is one act. A refusal is a reply, not an error.

    Raises TemporaryError when the workflow did not answer: the act may or may not have arrived, and asking again
    with the same id finds out.
    """
    try:
        reply: CommandReply = await _handle(client, program_id, school_id).execute_update(
            "act",
            messages.Act(command=command),
            id=f"{command.act_id} {digest_of(command)[7:23]}",  # by id alone, Temporal would answer for another act
            result_type=CommandReply,
            rpc_timeout=timedelta(seconds=ACT_SECONDS),
        )
        return reply
    except WorkflowUpdateFailedError as error:
        refusal = refusal_of(error.cause) or refusal_of(error)
        if refusal is None:
            raise
        return refusal
    except (RPCError, UpdateTimedOut) as error:
        raise _unavailable(program_id, school_id, error) from error


async def tell_incident(client: Client, program_id: str, school_id: str, message: IncidentChanged) -> bool:
    """Tells one school of an outage or its end. False: there is no such rollout under way.

    Raises TemporaryError when Temporal did not answer.
    """
    try:
        await _handle(client, program_id, school_id).signal(
            "incident-changed", message, rpc_timeout=timedelta(seconds=ACT_SECONDS)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise _unavailable(program_id, school_id, error) from error
    return True


async def programs_in_waves(client: Client) -> list[str]:
    """Programs that admit in waves and are under way. Raises TemporaryError when Temporal did not answer."""
    running = f"WorkflowType = '{program_messages.WORKFLOW}' and ExecutionStatus = 'Running'"
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            found = [each.id.partition(":")[2] async for each in client.list_workflows(running)]
    except (RPCError, TimeoutError) as error:
        raise TemporaryError(f"programs in waves: expected Temporal's answer, seen {error!r}; try again") from error
    return sorted(found)


async def seat(client: Client, program_id: str, school_id: str, now: datetime) -> Place | None:
    """Where a school waits in a program. None: it does not wait there, or the program admits in no waves.

    Raises TemporaryError when its workflow did not answer.
    """
    handle = client.get_workflow_handle(program_messages.workflow_id(program_id))
    try:
        place: Place | None = await handle.query(
            "seat", program_messages.SeatAt(school_id=school_id, now=now), result_type=Place | None,  # type: ignore[arg-type]
            rpc_timeout=timedelta(seconds=LOOK_SECONDS),
        )  # fmt: skip
    except (RPCError, WorkflowQueryFailedError) as error:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise _unavailable(program_id, school_id, error) from error
    return place


def _unavailable(program_id: str, school_id: str, error: BaseException) -> TemporaryError:
    where = f"school {school_id} in program {program_id}"
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        return NotStarted(f"{where}: expected a rollout under way, seen none; start it with `firstbell program start`")
    return TemporaryError(f"{where}: expected its workflow's answer, seen {type(error).__name__}: {error}; try again")
