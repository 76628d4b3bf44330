"""Who may act: the console's copy of the roster, asked before an act is carried to a workflow.

Called by the commands that act. It checks that the person is known, the role current and its scope over the
school; what the role may do is the workflow's to say. It names nobody: ids only.
"""

from collections.abc import Sequence

import asyncpg

from schemas.message import CommandReply
from schemas.school import Actor, Role, SchoolContext, SchoolRecord, Scope, ScopeKind
from services.console.views import SchoolLine
from services.kit.database import Connection
from workflows.policy.people import RANK, covers


async def actor_for(
    connection: Connection,
    actor_id: str,
    record: SchoolRecord | None,
    line: SchoolLine,
    wanted: Sequence[Role],
    act_id: str,
) -> Actor | CommandReply:
    """The person in the role they act in here: a wanted one if they hold it, else their highest over the school.

    A refusal when the roster knows no such person, their role has ended, or none of their scopes holds the school.
    """
    rows = await connection.fetch(
        "select role, scope_kind, scope_id, version, active from actor where actor_id = $1 order by role, scope_id",
        actor_id,
    )
    if not rows:
        return _refused(
            act_id, "actor-unknown", "an actor of the roster", actor_id,
            "look them up with `firstbell roster show`, or import the roster again",
        )  # fmt: skip
    current = [row for row in rows if row["active"]]
    if not current:
        return _refused(
            act_id, "role-ended", "a role that is current", f"{actor_id}: {', '.join(row['role'] for row in rows)}, ended",
            "ask somebody whose role is current",
        )  # fmt: skip
    actors = [actor_of(actor_id, row) for row in current]
    context = None if record is None else context_of(record)
    over = [each for each in actors if covers(each.scope, context, line.school_id, line.program_id)]
    if not over:
        scopes = ", ".join(f"{each.role.value} of {each.scope.kind.value} {each.scope.id}" for each in actors)
        return _refused(
            act_id, "scope-does-not-cover-school", f"a scope that holds {line.school} ({line.school_id})", scopes,
            "act as somebody whose role covers this school",
        )  # fmt: skip
    return max(over, key=lambda each: (each.role in wanted, -_place(wanted, each.role), RANK[each.role]))


async def stand_in(
    connection: Connection, record: SchoolRecord | None, line: SchoolLine, wanted: Sequence[Role]
) -> str | None:
    """A rehearsal's stand-in for the first wanted role that has one here; of any role, when none is wanted."""
    rows = await connection.fetch(
        """select actor_id, role, scope_kind, scope_id, version from actor where stand_in and active
            and scope_id = any($1::text[]) order by actor_id""",
        [line.school_id, line.program_id, *([record.district_id, record.state] if record else [])],
    )
    context = None if record is None else context_of(record)
    actors = [actor_of(row["actor_id"], row) for row in rows]
    over = [each for each in actors if covers(each.scope, context, line.school_id, line.program_id)]
    fit = [each for each in over if not wanted or each.role in wanted]
    return min(fit, key=lambda each: (_place(wanted, each.role), -RANK[each.role])).actor_id if fit else None


def actor_of(actor_id: str, row: asyncpg.Record) -> Actor:
    """A person in one of their roles, as the roster's row has it."""
    return Actor(
        actor_id=actor_id,
        role=Role(row["role"]),
        scope=Scope(kind=ScopeKind(row["scope_kind"]), id=row["scope_id"]),
        roster_version=max(row["version"], 1),
    )


def _place(wanted: Sequence[Role], role: Role) -> int:
    return list(wanted).index(role) if role in wanted else len(wanted)


def context_of(record: SchoolRecord) -> SchoolContext:
    """The directory's record as a workflow would be told it; the release is not the roster's business."""
    return SchoolContext(
        version=record.version, school_id=record.school_id, district_id=record.district_id, state=record.state,
        status=record.status, level=record.level, students=record.students, teachers=record.teachers,
    )  # fmt: skip


def _refused(act_id: str, code: str, expected: str, seen: str, next_step: str) -> CommandReply:
    return CommandReply(act_id=act_id, accepted=False, refusal=code, expected=expected, seen=seen, next_step=next_step)
