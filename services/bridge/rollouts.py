"""The rollouts the bridge serves: their rows, and the marks that tell the sender whom to speak to.

Called by the relay's handlers, by `publish_facts` and by the commands, always inside their transaction. Everyone
locks rollout rows before watch rows, in the order of their keys, so that nobody waits for one another in a ring.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from schemas.readiness import scopes_of
from schemas.school import Phase, ScopeKind
from services.kit.database import Connection

Key = tuple[str, str]
"""(program, school)."""
PHASES = [phase.value for phase in Phase]


async def mark(
    connection: Connection, keys: Sequence[Key], at: datetime, *, urgent: bool, due: Sequence[datetime] = ()
) -> None:
    """Gives these rollouts a new dirty version. An urgent one stays urgent until all of it is acknowledged.

    `due`: until when each may wait for company, aligned with `keys`; empty: not at all. An earlier end stands.
    """
    if keys:
        await connection.execute(
            """update rollout set dirty_version = dirty_version + 1, urgent = urgent or $4,
                dirty_at = case when dirty_version > acked_version then coalesce(dirty_at, $3) else $3 end,
                due_at = case when dirty_version > acked_version then least(rollout.due_at, marked.due_at)
                    else marked.due_at end
            from unnest($1::text[], $2::text[], $5::timestamptz[]) as marked (program_id, school_id, due_at)
            where rollout.program_id = marked.program_id and rollout.school_id = marked.school_id""",
            [program for program, _ in keys], [school for _, school in keys], at, urgent, due or [at] * len(keys),
        )  # fmt: skip


def gate_index(phase: str | None) -> int:
    """0-4: of the gate at the phase's exit. None: the school has published nothing yet, and stands in charter."""
    return 0 if phase is None else PHASES.index(phase)


async def mark_listening(
    connection: Connection,
    keys: Sequence[Key],
    at: datetime,
    *,
    urgent: bool,
    due: Mapping[Key, datetime] | None = None,
) -> None:
    """Marks those of these rollouts for which something waits that can move the gate they stand before. `due`: as `mark`."""
    rows = await connection.fetch(
        """select r.program_id, r.school_id from unnest($1::text[], $2::text[]) as asked (program_id, school_id)
        join rollout r using (program_id, school_id)
        where exists (
            select from watch w where w.program_id = r.program_id and w.school_id = r.school_id and w.dirty
                and w.first_gate < coalesce(array_position($3::text[], r.phase), 1))""",
        [program for program, _ in keys], [school for _, school in keys], PHASES,
    )  # fmt: skip
    listening = [(row["program_id"], row["school_id"]) for row in rows]
    await mark(connection, listening, at, urgent=urgent, due=[due[key] for key in listening] if due else ())


async def mark_schools(connection: Connection, schools: Sequence[str], at: datetime) -> None:
    """Marks every rollout of these schools: their context changed."""
    rows = await connection.fetch(
        """select program_id, school_id from rollout where school_id = any($1) and status <> 'stopped'
        order by program_id, school_id for update""",
        list(schools),
    )
    await mark(connection, [(row["program_id"], row["school_id"]) for row in rows], at, urgent=True)


async def mark_districts(connection: Connection, districts: Sequence[str], at: datetime) -> None:
    """Marks every rollout in these districts: their calendar changed."""
    rows = await connection.fetch(
        """select program_id, school_id from rollout where district_id = any($1) and status <> 'stopped'
        order by program_id, school_id for update""",
        list(districts),
    )
    await mark(connection, [(row["program_id"], row["school_id"]) for row in rows], at, urgent=True)


async def follow_districts(connection: Connection, schools: Sequence[str]) -> list[Key]:
    """Rollouts of schools that changed district watch the new one's readings from now; returns them."""
    moved = await connection.fetch(
        """update rollout set district_id = school.district_id from school
        where rollout.school_id = school.school_id and school.school_id = any($1)
            and rollout.district_id <> school.district_id
        returning rollout.program_id, rollout.school_id, rollout.district_id""",
        list(schools),
    )
    names = [signal.name for signal in scopes_of(ScopeKind.DISTRICT)]
    for row in moved:
        await connection.execute(
            """update watch set scope_id = $3, sequence = 0, reading = null, dirty = false, sent = null
            where program_id = $1 and school_id = $2 and signal = any($4)""",
            row["program_id"], row["school_id"], row["district_id"], names,
        )  # fmt: skip
    return [(row["program_id"], row["school_id"]) for row in moved]


async def forget_contexts(connection: Connection, keys: Sequence[Key]) -> None:
    """Context, calendar and advisories are sent again, whatever was sent before."""
    await connection.execute(
        """update rollout set sent_context_version = 0, sent_calendar_digest = null, sent_advisories_version = 0
        from unnest($1::text[], $2::text[]) as marked (program_id, school_id)
        where rollout.program_id = marked.program_id and rollout.school_id = marked.school_id""",
        [program for program, _ in keys], [school for _, school in keys],
    )  # fmt: skip


async def snapshot(connection: Connection, keys: Sequence[Key], at: datetime) -> None:
    """Every reading these rollouts watch is sent again, whatever was sent before."""
    programs, schools = [program for program, _ in keys], [school for _, school in keys]
    await refill(connection, keys)
    await connection.execute(
        """update watch set dirty = true
        from unnest($1::text[], $2::text[]) as marked (program_id, school_id)
        where watch.program_id = marked.program_id and watch.school_id = marked.school_id and watch.sequence > 0""",
        programs, schools,
    )  # fmt: skip
    await mark(connection, keys, at, urgent=True)


async def refill(connection: Connection, keys: Sequence[Key]) -> None:
    """Takes up the latest readings of every scope these rollouts watch."""
    await connection.execute(
        """update watch set sequence = reading.sequence, reading = reading.document, dirty = true
        from reading, unnest($1::text[], $2::text[]) as marked (program_id, school_id)
        where watch.program_id = marked.program_id and watch.school_id = marked.school_id
            and reading.scope_kind = watch.scope_kind and reading.scope_id = watch.scope_id
            and reading.signal = watch.signal and reading.sequence > watch.sequence""",
        [program for program, _ in keys],
        [school for _, school in keys],
    )
