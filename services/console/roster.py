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

_HELD = """
select a.*, a.acting_for = '' or exists (
    select from actor g where g.actor_id = a.acting_for and g.acting_for = '' and g.active
        and (g.role, g.scope_kind, g.scope_id) = (a.role, a.scope_kind, a.scope_id)
) as giver_active
from actor a where a.actor_id = $1 order by a.role, a.scope_id"""
"""An actor's roles, with whether the giver of a delegated one holds it still."""


async def actor_for(
    connection: Connection,
    actor_id: str,
    record: SchoolRecord | None,
    line: SchoolLine,
    wanted: Sequence[Role],
    act_id: str,
    acting_for: str | None = None,
) -> Actor | CommandReply:
    """The person in the role they act in here: a wanted one if they hold it, else their highest over the school.

    `acting_for`: the giver under whose delegation they act; None: in their own right, since a delegation is never
    used unless it is named. A refusal when the roster knows no such person or delegation, the role has ended, or none
    of the scopes holds the school.
    """
    rows = await connection.fetch(_HELD, actor_id)
    if acting_for is not None:
        rows = [row for row in rows if row["acting_for"] == acting_for]
        if not rows:
            return _refused(
                act_id, "delegation-unknown", f"a delegation of {acting_for} to {actor_id}", "none in the roster",
                f"let {acting_for} give one with `firstbell roster delegate`",
            )  # fmt: skip
    else:
        rows = [row for row in rows if not row["acting_for"]]
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
    if not any(row["giver_active"] for row in current):
        return _refused(
            act_id, "giver-without-role", f"a role that {acting_for} holds still", "it has ended",
            "ask somebody whose role is current",
        )  # fmt: skip
    actors = [actor_of(actor_id, row) for row in current if row["giver_active"]]
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
        """select * from actor where stand_in and active and acting_for = ''
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
        acting_for=row["acting_for"] or None,
        delegated_from=row["begins_at"],
        delegated_until=row["ends_at"],
    )


def _place(wanted: Sequence[Role], role: Role) -> int:
    return list(wanted).index(role) if role in wanted else len(wanted)


def context_of(record: SchoolRecord) -> SchoolContext:
    """The directory's record as a workflow would be told it; the release is not the roster's business."""
    return SchoolContext(
        version=record.version, school_id=record.school_id, district_id=record.district_id, state=record.state,
        status=record.status, level=record.level, students=record.students, teachers=record.teachers,
        plan=record.plan,
    )  # fmt: skip


def _refused(act_id: str, code: str, expected: str, seen: str, next_step: str) -> CommandReply:
    return CommandReply(act_id=act_id, accepted=False, refusal=code, expected=expected, seen=seen, next_step=next_step)
