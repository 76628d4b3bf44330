"""Roles in PostgreSQL and on their way to Kafka, in one transaction. Called by the roster commands and the sweep."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from asyncpg import Record

from schemas.school import ActorRecord, Role, Scope, ScopeKind
from schemas.topics import ACTORS
from services.directory import leaders
from services.directory.lookup import NotFoundError, find_district, find_school
from services.directory.rosters import RosterEntry
from services.directory.store import SOURCE, lock
from services.directory.tabular import Fault
from services.kit import outbox
from services.kit.batch import Batch
from services.kit.database import Connection

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """A role as stored."""

    actor_id: str
    role: Role
    scope_kind: ScopeKind
    scope_id: str
    roster_version: int
    granted: bool
    active: bool
    stand_in: bool
    valid_from: date | None
    valid_until: date | None
    acting_for: str | None = None
    """None: held in their own right; otherwise a delegation of this giver."""

    @property
    def key(self) -> Key:
        """One actor may hold many roles, each role in many scopes, and act for many others."""
        return (self.actor_id, self.role.value, self.scope_kind.value, self.scope_id, self.acting_for or "")


@dataclass(frozen=True, slots=True)
class RosterOutcome:
    """What became of a roster's rows."""

    created_count: int
    changed_count: int
    unchanged_count: int


async def resolve(connection: Connection, entries: Sequence[RosterEntry]) -> tuple[list[RosterEntry], list[Fault]]:
    """The entries with the directory's own ids as scopes, and the faults of those that name nothing."""
    good: list[RosterEntry] = []
    faults: list[Fault] = []
    ids: dict[tuple[ScopeKind, str], str] = {}
    for entry in entries:
        place = (entry.scope_kind, entry.scope)
        try:
            if place not in ids:
                ids[place] = await _scope_id(connection, entry)
        except NotFoundError as error:
            faults.append(Fault(entry.line, "scope", str(error)))
            continue
        good.append(replace(entry, scope=ids[place]))
    return good, faults


async def _scope_id(connection: Connection, entry: RosterEntry) -> str:
    if entry.scope_kind is ScopeKind.SCHOOL:
        return (await find_school(connection, entry.scope)).school_id
    if entry.scope_kind is ScopeKind.DISTRICT:
        return (await find_district(connection, entry.scope)).district_id
    if entry.scope_kind is ScopeKind.STATE:
        known = await connection.fetchval("select 1 from district where state = $1 limit 1", entry.scope.upper())
        if known is None:
            raise NotFoundError(f"state {entry.scope!r}: expected one with districts in the directory, seen none")
        return entry.scope.upper()
    return entry.scope


async def write_roster(connection: Connection, entries: Sequence[RosterEntry], now: datetime) -> RosterOutcome:
    """Stores resolved entries and queues what changed. Inside the caller's transaction; a repeat changes nothing."""
    await lock(connection)
    today = now.date()
    wanted = {
        (entry.actor_id, entry.role.value, entry.scope_kind.value, entry.scope, entry.acting_for or ""): Held(
            entry.actor_id, entry.role, entry.scope_kind, entry.scope, 0, entry.granted, entry.active_on(today),
            entry.stand_in, entry.valid_from, entry.valid_until, entry.acting_for,
        )
        for entry in entries
    }  # fmt: skip
    actors = sorted({held.actor_id for held in wanted.values()})
    rows = await connection.fetch("select * from roster_actor where actor_id = any($1)", actors)
    stored = {held.key: held for held in map(held_of, rows)}
    created = [held for key, held in wanted.items() if key not in stored]
    changed = [
        replace(held, roster_version=stored[key].roster_version)
        for key, held in wanted.items()
        if key in stored and replace(held, roster_version=stored[key].roster_version) != stored[key]
    ]
    await _write(connection, [*created, *changed], now)
    return RosterOutcome(len(created), len(changed), len(wanted) - len(created) - len(changed))


async def _write(connection: Connection, holds: Sequence[Held], now: datetime) -> None:
    following = [replace(held, roster_version=held.roster_version + 1) for held in holds]
    if not following:
        return
    rows = [
        (held.actor_id, held.role.value, held.scope_kind.value, held.scope_id, held.roster_version, held.granted,
         held.active, held.stand_in, held.valid_from, held.valid_until, held.acting_for or "")
        for held in following
    ]  # fmt: skip
    await connection.execute(
        """insert into roster_actor (actor_id, role, scope_kind, scope_id, roster_version, granted, active, stand_in,
            valid_from, valid_until, acting_for, recorded_at)
        select *, $12 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bool[], $7::bool[],
            $8::bool[], $9::date[], $10::date[], $11::text[])
        on conflict (actor_id, role, scope_kind, scope_id, acting_for) do update
            set roster_version = excluded.roster_version, granted = excluded.granted, active = excluded.active,
            stand_in = excluded.stand_in,
            valid_from = excluded.valid_from, valid_until = excluded.valid_until, recorded_at = excluded.recorded_at""",
        *(list(column) for column in zip(*rows, strict=True)),
        now,
    )
    await outbox.publish_rows(connection, [_published(held, now) for held in following])
    led = {held.scope_id for held in following if held.role is leaders.ROLE and held.scope_kind is ScopeKind.SCHOOL}
    if led:
        await leaders.tell(connection, led, now)


def _published(held: Held, now: datetime) -> outbox.Row:
    record = ActorRecord(
        actor_id=held.actor_id,
        role=held.role,
        scope=Scope(kind=held.scope_kind, id=held.scope_id),
        roster_version=held.roster_version,
        recorded_at=now,
        active=held.active,
        stand_in=held.stand_in,
        acting_for=held.acting_for,
        begins_at=_midnight(held.valid_from) if held.acting_for and held.valid_from else None,
        ends_at=_midnight(held.valid_until + timedelta(days=1)) if held.acting_for and held.valid_until else None,
    )
    key = ":".join(part for part in held.key if part)  # a role in one's own right keeps the key it always had
    return outbox.row(ACTORS.name, key, ActorRecord.ce_type, record, source=SOURCE, time=now)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


async def end_and_begin_by_date(batch: Batch) -> None:
    """A role is held from its first day to its last; published when a date passes. Days change at midnight UTC."""
    rows = await batch.connection.fetch(
        """select * from roster_actor where (valid_from is not null or valid_until is not null)
        and active <> (granted and coalesce(valid_from <= $1, true) and coalesce(valid_until >= $1, true))""",
        batch.now.astimezone(UTC).date(),
    )
    await _write(batch.connection, [replace(held, active=not held.active) for held in map(held_of, rows)], batch.now)


async def held_in(connection: Connection, scope_ids: Sequence[str], actor_id: str | None) -> list[Held]:
    """Roles in these scopes (all when none is given), of one actor if named."""
    rows = await connection.fetch(
        """select * from roster_actor where ($1::text[] = '{}' or scope_id = any($1)) and ($2::text is null or actor_id = $2)
        order by scope_kind, scope_id, role, actor_id""",
        list(scope_ids),
        actor_id,
    )
    return [held_of(row) for row in rows]


def held_of(row: Record) -> Held:
    """A row of the table as the room speaks of it."""
    return Held(
        row["actor_id"], Role(row["role"]), ScopeKind(row["scope_kind"]), row["scope_id"], row["roster_version"],
        row["granted"], row["active"], row["stand_in"], row["valid_from"], row["valid_until"], row["acting_for"] or None,
    )  # fmt: skip
