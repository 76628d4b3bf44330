"""I3: every record behind a fence has exactly one count, and what waits is really there.

Reads the fences of every room and the ends of their topics. The subtraction is done here again, whatever the
database's own constraint promises.
"""

import asyncpg
from pydantic import BaseModel, ConfigDict

from services.auditor.breach import Breach, Invariant

COUNTS = ("applied", "superseded", "duplicate", "dead", "parked", "ignored")


class RoomCounts(BaseModel):
    """One room's records behind its fences, by what became of them."""

    model_config = ConfigDict(frozen=True)

    records: int
    applied: int
    superseded: int
    duplicate: int
    dead: int
    parked: int
    ignored: int


async def rooms_with_fences(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Schemas that keep a fence, by name."""
    rows = await connection.fetch(
        "select table_schema from information_schema.tables where table_name = 'fence' order by table_schema"
    )
    return [row["table_schema"] for row in rows]


async def check_conservation(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> tuple[dict[str, RoomCounts], list[Breach]]:
    """Counts by room, and every partition or queue that does not add up. One read-only snapshot."""
    found: dict[str, RoomCounts] = {}
    breaches: list[Breach] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for room in await rooms_with_fences(connection):
            fences = await connection.fetch(f'select * from "{room}".fence order by topic, partition')  # noqa: S608  a schema's name from the catalogue
            for fence in fences:
                breaches += _partition(room, fence)
            total = {name: sum(int(fence[name]) for fence in fences) for name in COUNTS}
            records = sum(int(fence["next_offset"]) - int(fence["first_offset"]) for fence in fences)
            found[room] = RoomCounts(records=records, **total)
            breaches += await _queues(connection, room, total)
    return found, breaches


def _partition(room: str, fence: asyncpg.Record) -> list[Breach]:
    counted = sum(int(fence[name]) for name in COUNTS)
    passed = int(fence["next_offset"]) - int(fence["first_offset"])
    if counted == passed and min(int(fence[name]) for name in COUNTS) >= 0:
        return []
    parts = " + ".join(f"{fence[name]} {name}" for name in COUNTS)
    return [
        Breach(
            invariant=Invariant.CONSERVATION,
            subject=f"{room}: {fence['topic']} partition {fence['partition']}",
            expected=f"{passed} records between first and fence",
            seen=f"{parts} = {counted}",
            next_step=f"stop `firstbell serve {room}` and rebuild its projection from the topic",
        )
    ]


async def _queues(connection: "asyncpg.Connection[asyncpg.Record]", room: str, total: dict[str, int]) -> list[Breach]:
    """Parked and dead records are rows that a person can see: as many as were counted."""
    breaches = []
    for table, name in (("parked", "parked"), ("dead_letter", "dead")):
        rows = await connection.fetchval(f'select count(*) from "{room}".{table}')  # noqa: S608  names from the catalogue
        if int(rows or 0) != total[name]:
            breaches.append(
                Breach(
                    invariant=Invariant.CONSERVATION,
                    subject=f"{room}: {table}",
                    expected=f"{total[name]} rows, as counted {name}",
                    seen=f"{rows} rows",
                    next_step="`firstbell dlq list` shows what is there; a missing row is a lost record",
                )
            )
    return breaches
