"""Copies of what other rooms publish, each on its shelf: schools, actors, calendars, policies, readings.

Called by the console's process for each batch. A shelf keeps the greatest version of a key, in whatever order
versions arrive; it refuses a policy whose content is not what its digest says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from schemas.advisory import Advisory
from schemas.calendar import Calendar, CalendarPointer
from schemas.gate import PolicyStored
from schemas.model import canonical_bytes, digest_of
from schemas.readiness import Reading
from schemas.school import ActorRecord, SchoolRecord
from services.kit.batch import Batch
from services.kit.envelope import Record
from services.kit.outcome import Dead, Disposition

Row = tuple[Any, ...]
"""Values of one row, in the shelf's column order. Any: each column has its own type."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """One table of copies: its key columns come first, then `version`, then the rest."""

    table: str
    key: tuple[tuple[str, str], ...]
    """(column, SQL type)."""
    rest: tuple[tuple[str, str], ...]

    @property
    def fetch(self) -> str:
        """Versions that the shelf holds for some keys."""
        names = ", ".join(name for name, _ in self.key)
        arrays = ", ".join(f"${place}::{kind}[]" for place, (_, kind) in enumerate(self.key, 1))
        return f"select {names}, version from {self.table} where ({names}) in (select * from unnest({arrays}))"  # noqa: S608

    @property
    def write(self) -> str:
        """Puts rows that are newer than what is there."""
        columns = (*self.key, ("version", "bigint"), *self.rest)
        names = ", ".join(name for name, _ in columns)
        arrays = ", ".join(f"${place}::{kind}[]" for place, (_, kind) in enumerate(columns, 1))
        keys = ", ".join(name for name, _ in self.key)
        updates = ", ".join(f"{name} = excluded.{name}" for name, _ in columns[len(self.key) :])
        return (
            f"insert into {self.table} ({names}) select * from unnest({arrays}) on conflict ({keys}) "  # noqa: S608
            f"do update set {updates} where {self.table}.version < excluded.version"
        )


SCHOOL = Shelf(
    "school",
    (("school_id", "text"),),
    (("district_id", "text"), ("name", "text"), ("district_name", "text"), ("status", "text"), ("body", "bytea")),
)
ACTOR = Shelf(
    "actor",
    (("actor_id", "text"), ("role", "text"), ("scope_kind", "text"), ("scope_id", "text"), ("acting_for", "text")),
    (("active", "boolean"), ("stand_in", "boolean"), ("begins_at", "timestamptz"), ("ends_at", "timestamptz")),
)
DOCUMENT = Shelf("document", (("digest", "text"),), (("kind", "text"), ("body", "bytea")))
POINTER = Shelf("calendar_pointer", (("district_id", "text"),), (("calendar_digest", "text"),))
ADVISORY = Shelf("advisory", (("advisory_id", "text"),), (("withdrawn", "boolean"), ("body", "bytea")))
READING = Shelf(
    "reading",
    (("scope_kind", "text"), ("scope_id", "text"), ("signal", "text")),
    (("observed_at", "timestamptz"), ("body", "bytea")),
)


def _school(value: BaseModel, raw: bytes) -> Row:
    assert isinstance(value, SchoolRecord)
    names = (value.display_name, value.district_display_name)
    return (value.school_id, value.version, value.district_id, *names, value.status.value, raw)


def _actor(value: BaseModel, _raw: bytes) -> Row:
    assert isinstance(value, ActorRecord)
    scope = (value.scope.kind.value, value.scope.id)
    key = (value.actor_id, value.role.value, *scope, value.acting_for or "")
    return (*key, value.roster_version, value.active, value.stand_in, value.begins_at, value.ends_at)


def _calendar(value: BaseModel, _raw: bytes) -> Row:
    assert isinstance(value, Calendar)
    return (digest_of(value), value.version, "calendar", canonical_bytes(value))


def _policy(value: BaseModel, _raw: bytes) -> Row:
    assert isinstance(value, PolicyStored)
    return (value.digest, value.document.version, "policy", canonical_bytes(value.document))


def _pointer(value: BaseModel, _raw: bytes) -> Row:
    assert isinstance(value, CalendarPointer)
    return (value.district_id, value.version, value.calendar_digest)


def _advisory(value: BaseModel, raw: bytes) -> Row:
    assert isinstance(value, Advisory)
    return (value.advisory_id, value.version, value.withdrawn, raw)


def _reading(value: BaseModel, raw: bytes) -> Row:
    assert isinstance(value, Reading)
    return (value.scope.kind.value, value.scope.id, value.signal, value.sequence, value.observed_at, raw)


PLACES: dict[type[BaseModel], tuple[Shelf, Callable[[BaseModel, bytes], Row]]] = {
    SchoolRecord: (SCHOOL, _school),
    ActorRecord: (ACTOR, _actor),
    Calendar: (DOCUMENT, _calendar),
    PolicyStored: (DOCUMENT, _policy),
    CalendarPointer: (POINTER, _pointer),
    Reading: (READING, _reading),
    Advisory: (ADVISORY, _advisory),
}
"""Which model goes to which shelf. A new copy is one line here, one function, one table."""


async def keep(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
    """Every record on its shelf if it is the newest of its key; the rest are superseded or duplicates."""
    results: list[Disposition | Dead] = [Disposition.IGNORED] * len(records)
    by_shelf: dict[str, tuple[Shelf, list[tuple[int, Row]]]] = {}
    for index, record in enumerate(records):
        fault = _fault(record.value)
        if fault is not None:
            results[index] = fault
            continue
        shelf, row_of = PLACES[type(record.value)]
        row = row_of(record.value, record.raw_value or b"")
        by_shelf.setdefault(shelf.table, (shelf, []))[1].append((index, row))
    for table in sorted(by_shelf):
        await _put(batch, *by_shelf[table], results)
    return results


def _fault(value: BaseModel) -> Dead | None:
    """A document under another's digest would explain decisions by the wrong policy."""
    if isinstance(value, PolicyStored) and (seen := digest_of(value.document)) != value.digest:
        return Dead("digest-differs", f"policy {value.document.name}: expected content {value.digest}, seen {seen}")
    return None


async def _put(batch: Batch, shelf: Shelf, rows: list[tuple[int, Row]], results: list[Disposition | Dead]) -> None:
    width = len(shelf.key)
    keys = sorted({row[:width] for _, row in rows})
    held = await batch.connection.fetch(shelf.fetch, *(list(column) for column in zip(*keys, strict=True)))
    versions: dict[Row, int] = {tuple(row)[:width]: row["version"] for row in held}
    newest: dict[Row, Row] = {}
    for index, row in rows:
        key, version = row[:width], row[width]
        known = versions.get(key)
        if known is None or version > known:
            versions[key], newest[key] = version, row
            results[index] = Disposition.APPLIED
        else:
            results[index] = Disposition.DUPLICATE if version == known else Disposition.SUPERSEDED
    if newest:
        ordered = [newest[key] for key in sorted(newest)]
        await batch.connection.execute(shelf.write, *(list(column) for column in zip(*ordered, strict=True)))
