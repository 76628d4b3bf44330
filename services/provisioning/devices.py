"""Devices in a table of narrow rows: what counts of each, kept at tens of thousands of events a second.

Called by the shell's intake and its computing sweep. A device's own reference stays in this table; what leaves it
are counts.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import cast

from schemas.events.provisioning import DeviceReported
from schemas.events.raw import RawEvent
from schemas.readiness import Origin
from services.kit.database import Connection
from services.kit.outcome import Disposition
from services.readings.ranking import greatest, settle
from services.readings.store import Thing, report_contradictions
from services.readings.subject import Tally

NEVER_SEEN = date.min
"""PostgreSQL's `-infinity`: older than every date, and comparable, as null is not."""
_ORIGINS = list(Origin)
_NUMBERS = {origin: number for number, origin in enumerate(_ORIGINS)}

# Answered as two arrays: a row object for each device would cost as much as its upsert.
_UPSERT = """
with won as (
insert into device as held (school_no, entity_ref, revision, retracted, enrolled, last_seen_on, observed_at, origin,
    simulated)
select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bool[], $5::bool[], $6::date[], $7::timestamptz[],
    $8::smallint[], $9::bool[])
on conflict (school_no, entity_ref) do update set revision = excluded.revision, retracted = excluded.retracted,
    enrolled = excluded.enrolled, last_seen_on = excluded.last_seen_on, observed_at = excluded.observed_at,
    origin = excluded.origin, simulated = excluded.simulated
where (excluded.revision, excluded.retracted, excluded.enrolled, excluded.last_seen_on, excluded.observed_at,
        excluded.origin, excluded.simulated)
    > (held.revision, held.retracted, held.enrolled, held.last_seen_on, held.observed_at, held.origin, held.simulated)
returning school_no, entity_ref)
select coalesce(array_agg(school_no), '{}') as numbers, coalesce(array_agg(entity_ref), '{}') as refs from won"""

Key = tuple[int, str]
Row = tuple[int, bool, bool, date, datetime, int, bool]
"""All that counts of a device, revision first; its own rank, since equal rows mean the same."""


class DeviceColumns:
    """The device table, as the shell's `Columns`."""

    kinds: Collection[type[RawEvent]] = (DeviceReported,)

    async def apply(self, connection: Connection, things: Sequence[Thing]) -> list[Disposition]:
        """Keeps the greatest revision of each device, in the open transaction; answers aligned."""
        keys: list[Key] = [(thing.school_no, thing.event.entity_ref) for thing in things]
        ranks = [_row(cast(DeviceReported, thing.event)) for thing in things]
        best = greatest(keys, ranks)
        order = sorted(best)
        columns = zip(*((*key, *ranks[best[key]]) for key in order), strict=True)
        answer = await connection.fetchrow(_UPSERT, *(list(column) for column in columns))
        assert answer is not None
        if len(answer["refs"]) == len(things):
            return [Disposition.APPLIED] * len(things)
        won: set[Key] = set(zip(answer["numbers"], answer["refs"], strict=True))
        stored = await _stored(connection, [key for key in order if key not in won])
        settled = settle(keys, ranks, best, won, stored)
        report_contradictions(settled.contradicted_count, "device")
        return settled.dispositions

    async def tallies(self, connection: Connection, school_nos: Collection[int]) -> Mapping[int, tuple[Tally, ...]]:
        """Of each school, its devices counted by enrolment, last day seen and origin."""
        rows = await connection.fetch(
            """select school_no, enrolled, last_seen_on, origin, simulated, count(*) as devices,
                max(observed_at) as newest_at
            from device where school_no = any($1::bigint[]) and not retracted group by 1, 2, 3, 4, 5
            order by 1, 2, 3, 4, 5""",
            sorted(school_nos),
        )
        found: dict[int, list[Tally]] = {}
        for row in rows:
            seen = row["last_seen_on"]
            event = DeviceReported.model_construct(
                entity_ref="device-0", revision=1, observed_at=row["newest_at"], observed_on=row["newest_at"].date(),
                origin=_ORIGINS[row["origin"]], simulated=row["simulated"], retracted=False, school_id="",
                device_hash="0" * 16, enrolled=row["enrolled"], last_seen_on=None if seen == NEVER_SEEN else seen,
            )  # fmt: skip
            found.setdefault(row["school_no"], []).append(Tally(event, row["devices"]))
        return {number: tuple(tallies) for number, tallies in found.items()}


def _row(event: DeviceReported) -> Row:
    return (
        event.revision, event.retracted, event.enrolled, event.last_seen_on or NEVER_SEEN, event.observed_at,
        _NUMBERS[event.origin], event.simulated,
    )  # fmt: skip


async def _stored(connection: Connection, keys: Sequence[Key]) -> dict[Key, Row]:
    if not keys:
        return {}
    rows = await connection.fetch(
        """select school_no, entity_ref, revision, retracted, enrolled, last_seen_on, observed_at, origin, simulated
        from device join unnest($1::bigint[], $2::text[]) as t(school_no, entity_ref) using (school_no, entity_ref)""",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return {(row[0], row[1]): (row[2], row[3], row[4], row[5], row[6], row[7], row[8]) for row in rows}
