"""Scopes and their marks: which schools and releases have changed since their readings were last computed.

A mark is a version from one sequence, drawn while the row is locked, so that it only rises: whoever computed up to
a version it read can never hide a later one. Rows are locked in the order of (kind, id), so that a sweep and a batch
never wait for one another in a circle. Called by the intake, the register, and the sweeps.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.school import ScopeKind
from services.kit.database import Connection

ScopeKey = tuple[ScopeKind, str]

RETRY_AFTER = timedelta(seconds=60)
"""Before a scope whose readings could not be computed is tried again, unless something new comes. Our judgement."""


class Due(NamedTuple):
    """A scope to compute, and the version its computation will answer for."""

    kind: ScopeKind
    id: str
    version: int


async def mark(connection: Connection, scopes: Collection[ScopeKey]) -> None:
    """Marks scopes as changed, new ones included."""
    if not scopes:
        return
    order = sorted(scopes)
    await connection.execute(
        """insert into scope (kind, id, version)
        select kind, id, nextval('scope_version') from unnest($1::text[], $2::text[]) as t(kind, id)
        on conflict (kind, id) do update set version = nextval('scope_version'), retry_at = '-infinity'""",
        [kind for kind, _ in order],
        [scope_id for _, scope_id in order],
    )


async def mark_known(connection: Connection, schools: Collection[str], districts: Collection[str] = ()) -> None:
    """Marks schools, and all schools of districts, if anything was ever reported of them; others stay unheard of."""
    await connection.execute(
        """with changed as (
            select kind, id from scope where kind = 'school' and id in (
                select school_id from known_school where school_id = any($1::text[]) or district_id = any($2::text[]))
            order by kind, id for update)
        update scope set version = nextval('scope_version'), retry_at = '-infinity'
        from changed where scope.kind = changed.kind and scope.id = changed.id""",
        sorted(schools),
        sorted(districts),
    )


async def mark_but_schools(connection: Connection) -> None:
    """Marks every scope that is no school."""
    await connection.execute(
        """with others as (select kind, id from scope where kind <> 'school' order by kind, id for update)
        update scope set version = nextval('scope_version'), retry_at = '-infinity'
        from others where scope.kind = others.kind and scope.id = others.id"""
    )


async def due(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Marked scopes, those first whose last computation is oldest, so that a busy school starves none."""
    rows = await connection.fetch(
        """select kind, id, version from scope where version > computed_version and retry_at <= $1
        order by computed_at, kind, id limit $2""",
        now,
        limit,
    )
    return [Due(ScopeKind(row["kind"]), row["id"], row["version"]) for row in rows]


async def computed(connection: Connection, done: Iterable[Due], now: datetime) -> None:
    """Takes marks away, up to the versions computed; a later mark stays."""
    order = sorted(done)
    await connection.execute(
        """with done as (
            select kind, id, seen from scope
            join unnest($1::text[], $2::text[], $3::bigint[]) as t(kind, id, seen) using (kind, id)
            order by kind, id for update of scope)
        update scope set computed_version = seen, computed_at = $4
        from done where scope.kind = done.kind and scope.id = done.id and computed_version < seen""",
        [scope.kind for scope in order],
        [scope.id for scope in order],
        [scope.version for scope in order],
        now,
    )


async def postpone(connection: Connection, failed: Iterable[Due], now: datetime) -> None:
    """Keeps the marks of scopes that could not be computed, for a later try."""
    order = sorted(failed)
    await connection.execute(
        """update scope set retry_at = $3, computed_at = $4
        from unnest($1::text[], $2::text[]) as t(of_kind, of_id) where kind = of_kind and id = of_id""",
        [scope.kind for scope in order],
        [scope.id for scope in order],
        now + RETRY_AFTER,
        now,
    )
