"""Copies of schools and of who holds which role, and whom a role of a school means. Called by intake.py.

The directory publishes roles without people; addresses are known to this room's restricted table alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from pydantic import BaseModel

from schemas.school import ActorRecord, SchoolRecord
from services.kit.batch import Batch
from services.kit.database import Connection
from services.kit.envelope import Record
from services.kit.outcome import Disposition

OWNER = "owner"
"""As what an incident's owner is told: a team that bears a word of its own, and no role of the roster."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One holder of a role, on one channel; without a channel when nobody said how to reach them."""

    actor_id: str
    channel: str | None
    kind: str | None
    """Of the channel: apprise or pagerduty."""
    time_zone: str | None
    quiet_from: time | None
    quiet_until: time | None


async def keep(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
    """The newest record of every school and role."""
    return [await _put(batch.connection, record.value) for record in records]


async def _put(connection: Connection, value: BaseModel) -> Disposition:
    if isinstance(value, SchoolRecord):
        written = await connection.execute(
            """insert into school values ($1, $2, $3, $4, $5, $6) on conflict (school_id) do update set
            version = excluded.version, district_id = excluded.district_id, state = excluded.state,
            name = excluded.name, district_name = excluded.district_name where school.version < excluded.version""",
            value.school_id, value.version, value.district_id, value.state, value.display_name,
            value.district_display_name,
        )  # fmt: skip
    elif isinstance(value, ActorRecord) and value.acting_for is None:  # a delegate is told nothing, the giver is
        written = await connection.execute(
            """insert into holder values ($1, $2, $3, $4, $5, $6) on conflict (actor_id, role, scope_kind, scope_id)
            do update set version = excluded.version, active = excluded.active
            where holder.version < excluded.version""",
            value.actor_id, value.role.value, value.scope.kind.value, value.scope.id, value.roster_version, value.active,
        )  # fmt: skip
    else:
        return Disposition.IGNORED
    return Disposition.APPLIED if written.endswith(" 1") else Disposition.SUPERSEDED


async def reached(
    connection: Connection, program_id: str, school_id: str, role: str, owner: str = ""
) -> list[Reach]:  # fmt: skip
    """Everybody who holds the role over this school now, each on each of their channels. Empty: nobody holds it.

    As OWNER: that owner on each of its channels, or once without one.
    """
    if role == OWNER:
        rows = await connection.fetch(
            """select $1::text as actor_id, c.channel, c.kind, c.time_zone, c.quiet_from, c.quiet_until
            from (values (1)) one left join contact c on c.actor_id = $1 order by c.channel""",
            owner,
        )
        return [Reach(**dict(row)) for row in rows]
    rows = await connection.fetch(
        """with place as (select district_id, state from school where school_id = $2)
        select distinct h.actor_id, c.channel, c.kind, c.time_zone, c.quiet_from, c.quiet_until
        from holder h left join contact c using (actor_id)
        where h.role = $3 and h.active and (
            (h.scope_kind = 'school' and h.scope_id = $2) or (h.scope_kind = 'program' and h.scope_id = $1)
            or (h.scope_kind = 'district' and h.scope_id = (select district_id from place))
            or (h.scope_kind = 'state' and h.scope_id = (select state from place)))
        order by h.actor_id, c.channel""",
        program_id, school_id, role,
    )  # fmt: skip
    return [Reach(**dict(row)) for row in rows]
