"""Stopping a program's line and lifting it: who acts by the roster's copy, the update, its answer.

Behind `firstbell program halt|resume`. An act is recorded as asserted, not authenticated. It refuses an actor whom no
roster names in a state role; the workflow alone decides about the rest.
"""

from datetime import timedelta

from temporalio.client import Client, WorkflowUpdateFailedError

from schemas.message import CommandReply
from schemas.model import digest_of
from schemas.program import ProgramCommand
from schemas.school import STATE_ROLES, Actor, Role, Scope, ScopeKind
from services.kit.database import Connection
from services.kit.outcome import PermanentError
from workflows.program.messages import ProgramAct, workflow_id
from workflows.shell import refusal_of

PATIENCE = timedelta(seconds=20)
"""For one answer of a program's workflow, which may be replayed first. Our judgement, 2026-11-25."""


async def state_actor(connection: Connection, program_id: str, actor_id: str | None) -> Actor:
    """The actor in a state role; None: a rehearsal's stand-in. Raises PermanentError naming who was expected."""
    program = await connection.fetchrow("select rehearsal, waves from program where program_id = $1", program_id)
    if program is None or program["waves"] is None:
        raise PermanentError(
            f"program {program_id}: expected one in waves, seen "
            f"{'none' if program is None else 'one whose schools started at once'}; see `firstbell program plan`"
        )
    if actor_id is None and not program["rehearsal"]:
        raise PermanentError(f"--stand-in: expected a rehearsal, seen program {program_id}, which is real; use --as")
    row = await connection.fetchrow(
        """select * from actor where active and role = any($1) and scope_kind in ('state', 'program')
            and ($2::text is null and stand_in or actor_id = $2)
        order by array_position($1, role), actor_id limit 1""",
        [role.value for role in STATE_ROLES], actor_id,
    )  # fmt: skip
    if row is None:
        roles = " or ".join(role.value for role in STATE_ROLES)
        raise PermanentError(
            f"{actor_id or '--stand-in'}: expected {roles} in the roster, seen nobody; see `firstbell roster --help`"
        )
    return Actor(
        actor_id=row["actor_id"], role=Role(row["role"]), roster_version=row["roster_version"],
        scope=Scope(kind=ScopeKind(row["scope_kind"]), id=row["scope_id"]),
    )  # fmt: skip


async def act(client: Client, program_id: str, command: ProgramCommand) -> CommandReply:
    """The workflow's answer. Raises RPCError while Temporal is away."""
    handle = client.get_workflow_handle(workflow_id(program_id))
    try:
        reply: CommandReply = await handle.execute_update(
            "act",
            ProgramAct(command=command),
            id=f"{command.act_id} {digest_of(command)[7:23]}",  # by id alone, Temporal would answer for another act
            result_type=CommandReply,
            rpc_timeout=PATIENCE,
        )
    except WorkflowUpdateFailedError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        return refusal
    return reply
