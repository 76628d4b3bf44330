"""What a room knows of the directory: schools, calendars, and which calendar a district goes by.

Each room keeps its own copy, fed by the directory's topics, so that it works while the directory does not. The
cache holds only what can never change: a school's number, and calendars, which are named by their digest; so it
stays true even when the database is restored from before under a running room.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel

from schemas.calendar import Calendar, CalendarPointer
from schemas.model import digest_of
from schemas.school import SchoolId, SchoolRecord
from services.kit.consume import Record
from services.kit.database import Connection
from services.kit.outcome import Disposition
from services.readings import scopes
from services.readings.ranking import Rank, greatest, settle
from services.readings.store import report_contradictions

KINDS: frozenset[type[BaseModel]] = frozenset({SchoolRecord, Calendar, CalendarPointer})
"""The directory's payloads a room reads."""
CALENDARS_CACHED_MAX = 1000
"""Calendars kept in memory, about 40 KB each; beyond it the oldest leave. Our judgement, 2026-11-23."""


def number_of(school_id: SchoolId) -> int:
    """The short number of a school: the first 60 bits of its id, so that a restored or rebuilt room gives the same.

    56 of them vary: two of 100,000 schools share a number once in 14 million states; the table refuses the second.
    """
    return int(school_id.replace("-", "")[:15], 16)


class KnownSchool(NamedTuple):
    """A school as the directory last recorded it, under the calendar its district goes by."""

    number: int
    record: SchoolRecord
    calendar: Calendar | None
    """None: the district has chosen none, or its calendar has not arrived."""


class DistrictCalendar(NamedTuple):
    """A district's calendar, and the instructional day it was last swept for."""

    district_id: str
    calendar: Calendar
    swept_at: datetime | None
    """When that day began. None: never swept."""


class Learned(NamedTuple):
    """What became of the directory's records, aligned, and the schools that are new or changed."""

    dispositions: list[Disposition]
    schools: frozenset[str]


class Register:
    """One room's copy of the directory."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._calendars: dict[str, Calendar] = {}

    async def learn(self, connection: Connection, records: Sequence[Record[BaseModel]]) -> Learned:
        """Keeps the newest of each record, in the open transaction, and marks the scopes it concerns."""
        answers: dict[int, Disposition] = {}
        changed: dict[type[BaseModel], set[str]] = {}
        for kind, keep in (
            (SchoolRecord, _keep_schools),
            (Calendar, _keep_calendars),
            (CalendarPointer, _keep_pointers),
        ):
            places = [place for place, record in enumerate(records) if isinstance(record.value, kind)]
            if places:
                found, changed[kind] = await keep(connection, [records[place] for place in places])
                answers.update(zip(places, found, strict=True))
        schools = changed.get(SchoolRecord, set())
        districts = changed.get(CalendarPointer, set())
        if changed.get(Calendar):
            districts |= await _going_by(connection, changed[Calendar])
        if schools or districts:
            await scopes.mark_known(connection, schools, districts)
        return Learned([answers[place] for place in range(len(records))], frozenset(schools))

    async def numbers(
        self, connection: Connection, school_ids: Collection[str], *, settled: bool = True
    ) -> Mapping[str, int]:
        """The short numbers of those schools that are known; the others are absent.

        `settled` False: this transaction itself taught the register, so nothing is remembered in case it fails.
        """
        known = self._numbers
        unknown = [school_id for school_id in school_ids if school_id not in known]
        if not unknown:
            return known
        rows = await connection.fetch(
            "select school_id, school_no from known_school where school_id = any($1::text[])", unknown
        )
        found = {row["school_id"]: int(row["school_no"]) for row in rows}
        if settled:
            known.update(found)
            return known
        return known | found

    async def schools(self, connection: Connection, school_ids: Collection[str]) -> dict[str, KnownSchool]:
        """Schools with their records and calendars, by id. Never called where calendars are being learned."""
        rows = await connection.fetch(
            """select s.school_id, s.school_no, s.payload, p.digest
            from known_school s left join calendar_pointer p using (district_id) where s.school_id = any($1::text[])""",
            sorted(school_ids),
        )
        calendars = await self._by_digest(connection, {row["digest"] for row in rows if row["digest"]})
        return {
            row["school_id"]: KnownSchool(
                row["school_no"], SchoolRecord.model_validate_json(row["payload"]), calendars.get(row["digest"])
            )
            for row in rows
        }

    async def districts(self, connection: Connection) -> list[DistrictCalendar]:
        """Every district whose chosen calendar has arrived, ordered by id."""
        rows = await connection.fetch(
            """select p.district_id, p.digest, d.began_at
            from calendar_pointer p left join district_day d using (district_id) order by p.district_id"""
        )
        calendars = await self._by_digest(connection, {row["digest"] for row in rows})
        return [
            DistrictCalendar(row["district_id"], calendars[row["digest"]], row["began_at"])
            for row in rows
            if row["digest"] in calendars
        ]

    async def _by_digest(self, connection: Connection, digests: Collection[str]) -> dict[str, Calendar]:
        absent = [digest for digest in digests if digest not in self._calendars]
        if absent:
            rows = await connection.fetch(
                "select digest, payload from known_calendar where digest = any($1::text[])", absent
            )
            for row in rows:
                self._calendars[row["digest"]] = Calendar.model_validate_json(row["payload"])
        found = {digest: self._calendars[digest] for digest in digests if digest in self._calendars}
        while len(self._calendars) > CALENDARS_CACHED_MAX:
            del self._calendars[next(iter(self._calendars))]
        return found


Kept = tuple[list[Disposition], set[str]]
"""Dispositions, aligned, and the keys of what is new."""


async def _keep_schools(connection: Connection, records: Sequence[Record[BaseModel]]) -> Kept:
    schools = [record.value for record in records if isinstance(record.value, SchoolRecord)]
    keys = [school.school_id for school in schools]
    ranks: list[Rank] = [(school.version, record.raw_value) for school, record in zip(schools, records, strict=True)]
    best = greatest(keys, ranks)
    order = sorted(best)
    rows = await connection.fetch(
        """insert into known_school as held (school_id, school_no, district_id, version, payload)
        select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[])
        on conflict (school_id) do update set district_id = excluded.district_id, version = excluded.version,
            payload = excluded.payload
        where (excluded.version, excluded.payload) > (held.version, held.payload) returning school_id as key""",
        order,
        [number_of(key) for key in order],
        [schools[best[key]].district_id for key in order],
        [schools[best[key]].version for key in order],
        [records[best[key]].raw_value for key in order],
    )
    won = {row["key"] for row in rows}
    held = await connection.fetch(
        "select school_id as key, version, payload from known_school where school_id = any($1::text[])",
        [key for key in order if key not in won],
    )
    settled = settle(keys, ranks, best, won, {row["key"]: (row["version"], bytes(row["payload"])) for row in held})
    report_contradictions(settled.contradicted_count, "school")
    return settled.dispositions, won


async def _keep_pointers(connection: Connection, records: Sequence[Record[BaseModel]]) -> Kept:
    pointers = [record.value for record in records if isinstance(record.value, CalendarPointer)]
    keys = [pointer.district_id for pointer in pointers]
    ranks: list[Rank] = [(pointer.version, record.raw_value) for pointer, record in zip(pointers, records, strict=True)]
    best = greatest(keys, ranks)
    order = sorted(best)
    rows = await connection.fetch(
        """insert into calendar_pointer as held (district_id, version, digest, payload)
        select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[])
        on conflict (district_id) do update set version = excluded.version, digest = excluded.digest,
            payload = excluded.payload
        where (excluded.version, excluded.payload) > (held.version, held.payload) returning district_id as key""",
        order,
        [pointers[best[key]].version for key in order],
        [pointers[best[key]].calendar_digest for key in order],
        [records[best[key]].raw_value for key in order],
    )
    won = {row["key"] for row in rows}
    held = await connection.fetch(
        "select district_id as key, version, payload from calendar_pointer where district_id = any($1::text[])",
        [key for key in order if key not in won],
    )
    settled = settle(keys, ranks, best, won, {row["key"]: (row["version"], bytes(row["payload"])) for row in held})
    report_contradictions(settled.contradicted_count, "calendar pointer")
    return settled.dispositions, won


async def _keep_calendars(connection: Connection, records: Sequence[Record[BaseModel]]) -> Kept:
    """Content-addressed: the same digest is the same calendar, so the first stands."""
    keys = [digest_of(record.value) for record in records]
    ranks: list[Rank] = [(1,)] * len(keys)
    best = greatest(keys, ranks)
    order = sorted(best)
    rows = await connection.fetch(
        """insert into known_calendar (digest, payload) select * from unnest($1::text[], $2::bytea[])
        on conflict do nothing returning digest as key""",
        order,
        [records[best[key]].raw_value for key in order],
    )
    won = {row["key"] for row in rows}
    return settle(keys, ranks, best, won, {key: (1,) for key in order if key not in won}).dispositions, won


async def _going_by(connection: Connection, digests: Collection[str]) -> set[str]:
    rows = await connection.fetch(
        "select district_id from calendar_pointer where digest = any($1::text[])", sorted(digests)
    )
    return {row["district_id"] for row in rows}
