"""Schools and districts in PostgreSQL, and their records on the way to Kafka, in the caller's transaction.

Called by the import and by the commands that look schools up. Hand-written SQL by `unnest`; nothing is deleted.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import TypeVar

from asyncpg import Record

from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus
from schemas.topics import SCHOOLS
from services.directory.nces import Parsed
from services.directory.reconcile import AliasChange, Known, KnownDistrict, KnownSchool, Outcome
from services.kit import outbox
from services.kit.database import Connection

T = TypeVar("T")
SOURCE = "firstbell/directory"
CHUNK_ROWS = 5_000
"""Rows of one statement: bounds memory, keeps the rate. Our judgement, 2026-11-23."""
LOCK = 0x0D1


async def lock(connection: Connection) -> None:
    """One writer of the directory at a time, until the transaction ends. Blocks while another writes."""
    await connection.execute("select pg_advisory_xact_lock($1)", LOCK)


async def load_known(connection: Connection, states: Sequence[str]) -> Known:
    """All that is stored about these states."""
    known = Known()
    wanted = sorted(set(states))
    for row in await connection.fetch("select * from district where state = any($1)", wanted):
        district = district_of(row)
        known.districts[district.district_id] = district
    for row in await connection.fetch("select * from school where state = any($1)", wanted):
        school = school_of(row)
        known.schools[school.school_id] = school
    rows = await connection.fetch(
        """select distinct on (a.identifier) a.identifier, a.entity_id from alias a
        join school s on s.school_id = a.entity_id and s.state = any($1)
        where a.kind = 'school' and a.id_system = 'nces'
        order by a.identifier, a.valid_until desc nulls first, a.id desc""",
        wanted,
    )
    known.ids = {row["identifier"]: str(row["entity_id"]) for row in rows}
    return known


def school_of(row: Record) -> KnownSchool:
    """A row of the table as the room speaks of it."""
    return KnownSchool(
        school_id=str(row["school_id"]),
        nces_id=row["nces_id"],
        district_id=str(row["district_id"]),
        state=row["state"],
        name=row["display_name"],
        status=SchoolStatus(row["status"]),
        level=SchoolLevel(row["level"]),
        students=row["students"],
        teachers=row["teachers"],
        state_school_id=row["state_school_id"],
        version=row["version"],
        plan=tuple(sorted(json.loads(row["plan"]).items())),
    )


def district_of(row: Record) -> KnownDistrict:
    """A row of the table as the room speaks of it."""
    return KnownDistrict(
        district_id=str(row["district_id"]),
        nces_id=row["nces_id"],
        state=row["state"],
        name=row["display_name"],
        status=SchoolStatus(row["status"]),
        listed=row["listed"],
        state_district_id=row["state_district_id"],
        version=row["version"],
    )


async def write(connection: Connection, outcome: Outcome, known: Known, now: datetime) -> int:
    """Writes an outcome and queues every changed school's record; returns how many. Inside the transaction."""
    await _write_districts(connection, list(outcome.districts.values()), now)
    schools = list(outcome.schools.values())
    await _write_schools(connection, schools, now)
    await _write_aliases(connection, outcome.aliases, now.date())
    names = {district.district_id: district.name for district in (known.districts | outcome.districts).values()}
    for chunk in _chunks(schools):
        rows = [published(school, names[school.district_id], now) for school in chunk]
        await outbox.publish_rows(connection, rows)
    return len(schools)


def published(school: KnownSchool, district_name: str, now: datetime) -> outbox.Row:
    """A school's record on its way."""
    record = SchoolRecord(
        school_id=school.school_id,
        district_id=school.district_id,
        state=school.state,
        version=school.version,
        recorded_at=now,
        status=school.status,
        level=school.level,
        students=school.students,
        teachers=school.teachers,
        display_name=school.name,
        district_display_name=district_name,
        plan=dict(school.plan),
    )
    return outbox.row(SCHOOLS.name, school.school_id, SchoolRecord.ce_type, record, source=SOURCE, time=now)


async def _write_districts(connection: Connection, districts: Sequence[KnownDistrict], now: datetime) -> None:
    for chunk in _chunks(districts):
        await connection.execute(
            """insert into district (district_id, nces_id, state, display_name, status, listed, state_district_id, version,
                recorded_at)
            select *, $9 from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::text[],
                $8::int[])
            on conflict (district_id) do update set nces_id = excluded.nces_id, display_name = excluded.display_name,
                status = excluded.status, listed = excluded.listed, state_district_id = excluded.state_district_id,
                version = excluded.version, recorded_at = excluded.recorded_at""",
            *_columns(chunk, lambda d: (d.district_id, d.nces_id, d.state, d.name, d.status.value, d.listed,
                                        d.state_district_id, d.version)),
            now,
        )  # fmt: skip


async def _write_schools(connection: Connection, schools: Sequence[KnownSchool], now: datetime) -> None:
    for chunk in _chunks(schools):
        await connection.execute(
            """insert into school (school_id, nces_id, district_id, state, display_name, status, level, students, teachers,
                state_school_id, version, recorded_at)
            select *, $12 from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::int[], $9::float8[], $10::text[], $11::int[])
            on conflict (school_id) do update set nces_id = excluded.nces_id, district_id = excluded.district_id,
                display_name = excluded.display_name, status = excluded.status, level = excluded.level,
                students = excluded.students, teachers = excluded.teachers, state_school_id = excluded.state_school_id,
                version = excluded.version, recorded_at = excluded.recorded_at""",
            *_columns(chunk, lambda s: (s.school_id, s.nces_id, s.district_id, s.state, s.name, s.status.value,
                                        s.level.value, s.students, s.teachers, s.state_school_id, s.version)),
            now,
        )  # fmt: skip


async def _write_aliases(connection: Connection, changes: Sequence[AliasChange], today: date) -> None:
    # Ends before beginnings: a school may take up an id again that it, or another, lays down here.
    for chunk in _chunks([change for change in changes if not change.begins]):
        await connection.execute(
            """update alias set valid_until = $5 from unnest($1::text[], $2::uuid[], $3::text[], $4::text[])
                as ended (kind, entity_id, id_system, identifier)
            where alias.kind = ended.kind and alias.entity_id = ended.entity_id and alias.valid_until is null
                and alias.id_system = ended.id_system and alias.identifier = ended.identifier""",
            *_columns(chunk, lambda c: (c.kind, c.entity_id, c.id_system, c.identifier)),
            today,
        )
    for chunk in _chunks([change for change in changes if change.begins]):
        await connection.execute(
            """insert into alias (kind, entity_id, id_system, identifier, valid_from)
            select *, $5 from unnest($1::text[], $2::uuid[], $3::text[], $4::text[])""",
            *_columns(chunk, lambda c: (c.kind, c.entity_id, c.id_system, c.identifier)),
            today,
        )


async def write_log(
    connection: Connection, parsed: Parsed, faults_count: int, changed_count: int, now: datetime
) -> None:
    """Notes that a file was imported, and what came of it."""
    await connection.execute(
        """insert into import_log (source, file_hash, kind, rows_count, faults_count, changed_count, imported_at)
        values ($1, $2, $3, $4, $5, $6, $7)""",
        parsed.source.path.name, parsed.source.digest, parsed.kind, parsed.rows_count, faults_count, changed_count, now,
    )  # fmt: skip


async def last_import(connection: Connection, digest: str) -> datetime | None:
    """When this very file was last imported; None: never."""
    found: datetime | None = await connection.fetchval(
        "select max(imported_at) from import_log where file_hash = $1", digest
    )
    return found


async def schools_counts(connection: Connection) -> dict[str, int]:
    """How many open schools each district has, by DistrictId."""
    rows = await connection.fetch(
        "select district_id, count(*) as found from school where status = 'open' group by district_id"
    )
    return {str(row["district_id"]): int(row["found"]) for row in rows}


async def waiting_count(connection: Connection) -> int:
    """Events that wait for the relay of the `directory` process."""
    return int(await connection.fetchval("select count(*) from outbox"))


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), CHUNK_ROWS):
        yield items[start : start + CHUNK_ROWS]


def _columns(items: Sequence[T], row: Callable[[T], tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*(row(item) for item in items), strict=True)]
