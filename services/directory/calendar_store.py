"""Calendars in PostgreSQL and on their way to Kafka, in one transaction. Called by the calendar commands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.calendar import Calendar, CalendarPointer
from schemas.model import canonical_bytes, digest_of
from schemas.topics import CALENDAR_POINTERS, CALENDARS
from services.directory.store import SOURCE, lock
from services.directory.windows import WindowEntry
from services.kit import outbox
from services.kit.database import Connection

Make = Callable[[str, int], Calendar]
"""A district's calendar, given its DistrictId and version."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The calendar a district goes by after a command."""

    district_id: str
    version: int
    digest: str
    days_count: int
    changed: bool
    """False: the same days stood there already."""


async def choose(connection: Connection, district_ids: Sequence[str], make: Make, now: datetime) -> list[Chosen]:
    """Stores each district's calendar as its next version and points to it; the same content again changes nothing.

    Inside the caller's transaction. Raises what `make` raises.
    """
    await lock(connection)
    current = {
        str(row["district_id"]): (int(row["version"]), str(row["calendar_digest"]), int(row["newest"]))
        for row in await connection.fetch(
            """select p.*, (select max(c.version) from calendar c where c.district_id = p.district_id) as newest
            from calendar_pointer p where p.district_id = any($1::uuid[])""",
            list(district_ids),
        )
    }
    chosen: list[Chosen] = []
    documents: list[tuple[str, str, int, bytes]] = []
    events: list[outbox.Row] = []
    for district_id in district_ids:
        version, digest, newest = current.get(district_id, (0, "", 0))
        if version:
            same = make(district_id, version)
            if digest_of(same) == digest:
                chosen.append(Chosen(district_id, version, digest, len(same.days), changed=False))
                continue
        calendar = make(district_id, newest + 1)
        digest = digest_of(calendar)
        documents.append((digest, district_id, calendar.version, canonical_bytes(calendar)))
        events += _events(calendar, digest, now)
        chosen.append(Chosen(district_id, calendar.version, digest, len(calendar.days), changed=True))
    await _write(connection, documents, now)
    await outbox.publish_rows(connection, events)
    return chosen


async def _write(connection: Connection, documents: Sequence[tuple[str, str, int, bytes]], now: datetime) -> None:
    if not documents:
        return
    digests, districts, versions, contents = (list(column) for column in zip(*documents, strict=True))
    await connection.execute(
        """insert into calendar (digest, district_id, version, document, recorded_at)
        select *, $5 from unnest($1::text[], $2::uuid[], $3::int[], $4::bytea[])""",
        digests, districts, versions, contents, now,
    )  # fmt: skip
    await connection.execute(
        """insert into calendar_pointer (district_id, version, calendar_digest, chosen_at)
        select *, $4 from unnest($1::uuid[], $2::int[], $3::text[])
        on conflict (district_id) do update set version = excluded.version,
            calendar_digest = excluded.calendar_digest, chosen_at = excluded.chosen_at""",
        districts, versions, digests, now,
    )  # fmt: skip


def _events(calendar: Calendar, digest: str, now: datetime) -> list[outbox.Row]:
    pointer = CalendarPointer(
        district_id=calendar.district_id, version=calendar.version, calendar_digest=digest, chosen_at=now
    )
    return [
        outbox.row(CALENDARS.name, digest, Calendar.ce_type, canonical_bytes(calendar), source=SOURCE, time=now),
        outbox.row(
            CALENDAR_POINTERS.name, calendar.district_id, CalendarPointer.ce_type, pointer, source=SOURCE, time=now
        ),
    ]  # the document first: who follows the pointer finds it


async def current_calendars(connection: Connection, district_ids: Sequence[str]) -> dict[str, Calendar]:
    """The calendars these districts go by; a district without one is left out."""
    rows = await connection.fetch(
        """select p.district_id, c.document from calendar_pointer p join calendar c on c.digest = p.calendar_digest
        where p.district_id = any($1::uuid[])""",
        list(district_ids),
    )
    return {str(row["district_id"]): Calendar.model_validate_json(row["document"]) for row in rows}


async def versions(connection: Connection, district_id: str) -> list[Calendar]:
    """Every calendar a district ever had, newest first."""
    rows = await connection.fetch(
        "select document from calendar where district_id = $1 order by version desc", district_id
    )
    return [Calendar.model_validate_json(row["document"]) for row in rows]


async def edit(
    connection: Connection, district_ids: Sequence[str], change: Callable[[Calendar], Calendar], now: datetime
) -> list[Chosen]:
    """Each of these districts' calendar, changed, as its next version; one that comes out as it was changes nothing.

    Districts without a calendar are left out. Inside the caller's transaction. Raises what `change` raises.
    """
    await lock(connection)
    current = await current_calendars(connection, district_ids)

    def make(district_id: str, version: int) -> Calendar:
        changed = change(current[district_id])
        same = changed is current[district_id] or digest_of(changed) == digest_of(current[district_id])
        return current[district_id] if same else changed.model_copy(update={"version": version})

    return await choose(connection, [each for each in district_ids if each in current], make, now)


async def statewide(connection: Connection, states: Sequence[str]) -> dict[str, list[WindowEntry]]:
    """The windows declared for whole states, by state."""
    found: dict[str, list[WindowEntry]] = {}
    for row in await connection.fetch(
        "select state, entry from statewide_window where state = any($1) order by state, name", list(states)
    ):
        found.setdefault(row["state"], []).append(WindowEntry.model_validate_json(row["entry"]))
    return found


async def remember_statewide(connection: Connection, state: str, entry: WindowEntry, now: datetime) -> None:
    """Keeps a state's window for calendars to come, in the place of one of its name."""
    await connection.execute(
        """insert into statewide_window (state, name, entry, recorded_at) values ($1, $2, $3, $4)
        on conflict (state, name) do update set entry = excluded.entry, recorded_at = excluded.recorded_at""",
        state, entry.name, entry.model_dump_json(by_alias=True), now,
    )  # fmt: skip


async def forget_statewide(connection: Connection, state: str, name: str) -> bool:
    """Drops a state's window for calendars to come. False: there was none."""
    status = await connection.execute("delete from statewide_window where state = $1 and name = $2", state, name)
    return status != "DELETE 0"


async def current_calendar(connection: Connection, district_id: str) -> tuple[Calendar, str, datetime] | None:
    """The calendar a district goes by, its digest, and since when. None: it has none, and its schools can't advance."""
    row = await connection.fetchrow(
        """select c.document, c.digest, p.chosen_at from calendar_pointer p join calendar c on c.digest = p.calendar_digest
        where p.district_id = $1""",
        district_id,
    )
    if row is None:
        return None
    return Calendar.model_validate_json(row["document"]), row["digest"], row["chosen_at"]
