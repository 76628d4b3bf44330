"""Advisories: kept by id, and told to every rollout in their scope, those that start later too.

Called by the copies' handler, by program start and by the sender. What is told is absolute and versioned by the
rollout, so that a repeat, a late word or a restored database changes nothing. Whether a school matches is the school's
own workflow's to say.
"""

from collections.abc import Sequence

from schemas.advisory import AdvisoriesArrived, Advisory
from services.bridge import rollouts
from services.bridge.rollouts import Key
from services.kit.batch import Batch
from services.kit.consume import Result
from services.kit.database import Connection
from services.kit.outcome import Disposition

# A rollout and an advisory whose scope holds it. A school the directory has not told of yet is in no state.
_CONCERNED = """
from rollout r join program g using (program_id) left join school s on s.school_id = r.school_id
join advisory a on a.scope_id = case a.scope_kind when 'school' then r.school_id when 'district' then r.district_id
    when 'wave' then r.wave when 'program' then r.program_id when 'release' then g.release_id
    when 'state' then s.document::jsonb->>'state' end"""
_STANDING = "not a.withdrawn and (a.expires_at is null or a.expires_at > now())"


async def take(batch: Batch, advisories: Sequence[Advisory]) -> list[Result]:
    """The greatest version of each stands; every rollout in its scope, as it was and as it is, is marked."""
    results: list[Result] = []
    for advisory in advisories:
        held = await batch.connection.fetchrow(
            "select version from advisory where advisory_id = $1", advisory.advisory_id
        )
        if held is not None and held["version"] >= advisory.version:
            same = held["version"] == advisory.version
            results.append(Disposition.DUPLICATE if same else Disposition.SUPERSEDED)
            continue
        before = await _concerned(batch.connection, advisory.advisory_id)
        await batch.connection.execute(
            """insert into advisory (advisory_id, version, scope_kind, scope_id, withdrawn, expires_at, document)
            values ($1, $2, $3, $4, $5, $6, $7) on conflict (advisory_id) do update set version = excluded.version,
                scope_kind = excluded.scope_kind, scope_id = excluded.scope_id, withdrawn = excluded.withdrawn,
                expires_at = excluded.expires_at, document = excluded.document""",
            advisory.advisory_id, advisory.version, advisory.scope.kind.value, advisory.scope.id, advisory.withdrawn,
            advisory.expires_at, advisory.model_dump_json(),
        )  # fmt: skip
        keys = sorted({*before, *await _concerned(batch.connection, advisory.advisory_id)})
        await move(batch.connection, keys)
        await rollouts.mark(batch.connection, keys, batch.now, urgent=True)
        results.append(Disposition.APPLIED)
    return results


async def _concerned(connection: Connection, advisory_id: str) -> list[Key]:
    """Rollouts under way in an advisory's scope, locked in the order of their keys."""
    rows = await connection.fetch(
        f"""select r.program_id, r.school_id {_CONCERNED}
        where a.advisory_id = $1 and r.status <> 'stopped' order by 1, 2 for update of r""",
        advisory_id,
    )
    return [(row["program_id"], row["school_id"]) for row in rows]


async def move(connection: Connection, keys: Sequence[Key]) -> None:
    """Gives rollouts a new version of what they must hear; microseconds, so that a restored database goes on higher."""
    await connection.execute(
        """update rollout set advisories_version = greatest(
            advisories_version + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
        from unnest($1::text[], $2::text[]) as moved (program_id, school_id)
        where rollout.program_id = moved.program_id and rollout.school_id = moved.school_id""",
        [program for program, _ in keys], [school for _, school in keys],
    )  # fmt: skip


async def move_concerned(connection: Connection, keys: Sequence[Key]) -> None:
    """As `move`, for those of these rollouts that an advisory concerns, or that were told of one before."""
    rows = await connection.fetch(
        f"""select distinct r.program_id, r.school_id {_CONCERNED} where {_STANDING}
            and (r.program_id, r.school_id) in (select * from unnest($1::text[], $2::text[]))
        union select r.program_id, r.school_id from rollout r where r.advisories_version > 0
            and (r.program_id, r.school_id) in (select * from unnest($1::text[], $2::text[])) order by 1, 2""",  # noqa: S608
        [program for program, _ in keys], [school for _, school in keys],
    )  # fmt: skip
    await move(connection, [(row["program_id"], row["school_id"]) for row in rows])


async def word_for(connection: Connection, program_id: str, school_id: str) -> AdvisoriesArrived | None:
    """Everything a rollout must hear now, absolute. None: it was never concerned."""
    row = await connection.fetchrow(
        "select advisories_version, wave from rollout where program_id = $1 and school_id = $2", program_id, school_id
    )
    if row is None or row["advisories_version"] == 0:
        return None
    rows = await connection.fetch(
        f"""select a.document {_CONCERNED} where {_STANDING} and r.program_id = $1 and r.school_id = $2
        order by a.advisory_id""",
        program_id, school_id,
    )  # fmt: skip
    told = tuple(Advisory.model_validate_json(each["document"]) for each in rows)
    return AdvisoriesArrived(version=row["advisories_version"], advisories=told, wave=row["wave"])
