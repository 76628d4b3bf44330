"""Finds schools and districts by what people have at hand: an id of any kind, or a part of the name.

Called by the commands of the room. An unclear word is an error that lists the candidates, never a guess.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from asyncpg import Record

from services.directory.reconcile import KnownDistrict, KnownSchool
from services.directory.store import district_of, school_of
from services.kit.database import Connection
from services.kit.outcome import PermanentError

CANDIDATES_MAX = 8
"""Names told where several fit. Our judgement, 2026-11-23."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NotFoundError(PermanentError):
    """Nothing, or more than one thing, fits; the message says which."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One id of a school, and from when to when it held."""

    id_system: str
    identifier: str
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class SchoolCard:
    """A school with all that `directory show` tells."""

    school: KnownSchool
    district: KnownDistrict
    recorded_at: datetime
    aliases: tuple[Alias, ...]


async def find_school(connection: Connection, text: str) -> KnownSchool:
    """The one school of this SchoolId, NCES or state id (former ones too), name, or part of a name.

    Raises NotFoundError naming the candidates.
    """
    rows: Sequence[Record] = []
    if _UUID.fullmatch(text.casefold()):
        rows = await connection.fetch("select * from school where school_id = $1", text.casefold())
    if not rows:
        rows = await connection.fetch(
            """select distinct s.* from school s join alias a on a.entity_id = s.school_id
            where a.kind = 'school' and a.identifier = $1""",
            text,
        )
    if not rows:
        rows = await connection.fetch(
            "select * from school where lower(display_name) = lower($1) order by nces_id limit 20", text
        )
    if not rows:
        rows = await connection.fetch(
            """select * from school where position(lower($1) in lower(display_name)) > 0
            order by display_name, nces_id limit 20""",
            text,
        )
    return school_of(_only(rows, "school", text))


async def find_district(connection: Connection, text: str) -> KnownDistrict:
    """The one district of this DistrictId, NCES or state id, name, or part of a name. Raises NotFoundError."""
    rows: Sequence[Record] = []
    if _UUID.fullmatch(text.casefold()):
        rows = await connection.fetch("select * from district where district_id = $1", text.casefold())
    if not rows:
        rows = await connection.fetch(
            "select * from district where nces_id = $1 or state_district_id = $1 order by nces_id", text
        )
    if not rows:
        rows = await connection.fetch("select * from district where lower(display_name) = lower($1)", text)
    if not rows:
        rows = await connection.fetch(
            """select * from district where position(lower($1) in lower(display_name)) > 0
            order by display_name, nces_id limit 20""",
            text,
        )
    return district_of(_only(rows, "district", text))


def _only(rows: Sequence[Record], kind: str, text: str) -> Record:
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise NotFoundError(
            f"{kind} {text!r}: expected one of the directory, seen none; try `firstbell directory list` or import its file"
        )
    names = "; ".join(f"{row['display_name']} ({row['nces_id']})" for row in rows[:CANDIDATES_MAX])
    more = " and more" if len(rows) > CANDIDATES_MAX else ""
    raise NotFoundError(f"{kind} {text!r}: expected one, fits {names}{more}; give its id")


async def find_districts(connection: Connection, texts: Sequence[str], state: str | None) -> list[KnownDistrict]:
    """These districts, or with none named, every district (of a state). Raises NotFoundError."""
    if texts:
        found = {}
        for text in texts:
            district = await find_district(connection, text)
            found[district.district_id] = district
        return list(found.values())
    rows = await connection.fetch(
        "select * from district where $1::text is null or state = $1 order by nces_id", state and state.upper()
    )
    if not rows:
        raise NotFoundError(
            f"districts of {state or 'any state'}: expected some, seen none; run `firstbell directory import` first"
        )
    return [district_of(row) for row in rows]


async def schools_of(connection: Connection, district_ids: Sequence[str]) -> list[KnownSchool]:
    """Every school of these districts, by name."""
    rows = await connection.fetch(
        "select * from school where district_id = any($1::uuid[]) order by display_name, nces_id", list(district_ids)
    )
    return [school_of(row) for row in rows]


async def card(connection: Connection, school: KnownSchool) -> SchoolCard:
    """All there is about a school."""
    district = await connection.fetchrow("select * from district where district_id = $1", school.district_id)
    assert district is not None, "a foreign key holds it"
    recorded_at = await connection.fetchval("select recorded_at from school where school_id = $1", school.school_id)
    rows = await connection.fetch(
        """select id_system, identifier, valid_from, valid_until from alias
        where kind = 'school' and entity_id = $1 order by id_system, id""",
        school.school_id,
    )
    aliases = tuple(Alias(row["id_system"], row["identifier"], row["valid_from"], row["valid_until"]) for row in rows)
    return SchoolCard(school, district_of(district), recorded_at, aliases)
