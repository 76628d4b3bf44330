"""The room as the house sees it: its tables, and a process that relays what imports leave in the outbox."""

from datetime import UTC, datetime
from pathlib import Path

from services.directory import leaders
from services.directory.note_store import tell
from services.directory.roster_store import end_and_begin_by_date
from services.kit.database import connect
from services.kit.process import Process, Sweep
from services.kit.room import Room
from services.kit.settings import Settings

ROSTER_SWEEP_SECONDS = 60.0
"""Seconds between two looks for roles that begin or end by date. Our judgement, 2026-11-23."""


async def prepare(settings: Settings) -> None:
    """Tells what was kept before it was told at all: notes, by id and digest, and each school's accountable leaders."""
    connection = await connect(settings, "directory")
    try:
        async with connection.transaction():
            await tell(connection)
            await leaders.tell(connection, None, datetime.now(UTC))
    finally:
        await connection.close()


async def run(settings: Settings) -> None:
    """Relays schools, calendars and roles to Kafka; begins and ends roles on their dates."""
    await Process(
        "directory", settings, sweeps=(Sweep("roster-dates", ROSTER_SWEEP_SECONDS, end_and_begin_by_date),)
    ).run()


ROOM = Room("directory", migrations=Path(__file__).parent / "migrations", run=run, prepare=prepare)
