"""How many accountable leaders each school has, as a reading: the roster's own answer to lesson A08.

Called where roles are written, in that transaction, and once by the room's preparation for rosters that were there
before. The accountable leader is the school's principal, whoever acts for them meanwhile. A school that no roster has
ever given a principal has no reading: nobody knows.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from schemas.readiness import Origin, Reading
from schemas.school import Role, Scope, ScopeKind
from schemas.topics import READINGS
from services.directory.store import SOURCE
from services.kit import outbox
from services.kit.database import Connection

SIGNAL = "leader.accountable-count"
ROLE = Role.PRINCIPAL
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def tell(connection: Connection, school_ids: Collection[str] | None, now: datetime) -> int:
    """Queues a reading for each of these schools; None: for those never told. Returns how many."""
    rows = await connection.fetch(
        """select a.scope_id, count(*) filter (where a.active) as leaders,
            coalesce(bool_or(a.stand_in) filter (where a.active), bool_or(a.stand_in)) as stand_in,
            coalesce(min(t.sequence), 0) as sequence
        from roster_actor a left join leader_told t on t.school_id = a.scope_id
        where a.role = $1 and a.scope_kind = $2 and a.acting_for = ''
            and case when $3::text[] is null then t.school_id is null else a.scope_id = any($3) end
        group by a.scope_id order by a.scope_id""",
        ROLE.value, ScopeKind.SCHOOL.value, None if school_ids is None else sorted(school_ids),
    )  # fmt: skip
    since_epoch = (now - _EPOCH).days * 86_400_000_000 + (now - _EPOCH).seconds * 1_000_000 + now.microsecond
    sequences = [max(row["sequence"] + 1, since_epoch) for row in rows]
    readings = [
        Reading(
            signal=SIGNAL, scope=Scope(kind=ScopeKind.SCHOOL, id=row["scope_id"]), sequence=sequence,
            value=float(row["leaders"]), observed_at=now, origin=Origin.IMPORTED, simulated=row["stand_in"],
        )
        for row, sequence in zip(rows, sequences, strict=True)
    ]  # fmt: skip
    await connection.execute(
        """insert into leader_told (school_id, sequence) select * from unnest($1::text[], $2::bigint[])
        on conflict (school_id) do update set sequence = excluded.sequence""",
        [row["scope_id"] for row in rows], sequences,
    )  # fmt: skip
    await outbox.publish_rows(
        connection,
        [outbox.row(READINGS.name, each.scope.id, Reading.ce_type, each, source=SOURCE, time=now) for each in readings],
    )
    return len(readings)
