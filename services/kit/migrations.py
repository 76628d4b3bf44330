"""Alembic for every room: its own history, in a version table of its own schema.

Run by `firstbell stack up`, by tests, and by an operator before a new version starts. A room's revisions are
plain Alembic files in `room.migrations`; the first calls `services.kit.tables.create_kit_tables(op)`. Alembic
renders the SQL and asyncpg runs it, so revisions say what to do in SQL and never ask the database (`get_bind`).
It never touches another room's schema.
"""

import asyncio
import io
from collections.abc import Iterable
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory

from services.kit.database import connect
from services.kit.room import Room
from services.kit.settings import Settings
from services.kit.tables import create_kit_tables

__all__ = ["create_kit_tables", "migrate"]

LOCK_CLASS = 0x0B0D
"""First half of the advisory lock's key, so that two starts at once migrate one after the other."""


async def migrate(settings: Settings, rooms: Iterable[Room], revision: str = "heads") -> dict[str, str]:
    """Brings each room's tables to `revision`; returns room -> revision. Running it again changes nothing.

    Raises what Alembic or the database raised; a room is migrated whole or not at all.
    """
    done: dict[str, str] = {}
    for room in rooms:
        if room.migrations is not None:
            done[room.name] = await _migrate_room(settings, room.name, room.migrations, revision)
    return done


async def _migrate_room(settings: Settings, name: str, folder: Path, revision: str) -> str:
    connection = await connect(settings, name)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1, hashtext($2))", LOCK_CLASS, name)
            await connection.execute(f'create schema if not exists "{name}"')
            current = await _current(connection, name)
            script = await asyncio.to_thread(_render, folder, name, current, revision)
            if script.strip():
                await connection.execute(script)
            return await _current(connection, name) or "base"
    finally:
        await connection.close()


async def _current(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> str | None:
    if await connection.fetchval("select to_regclass($1)", f'"{name}".alembic_version') is None:
        return None
    found: str | None = await connection.fetchval(f'select version_num from "{name}".alembic_version')  # noqa: S608
    return found


def _render(folder: Path, name: str, current: str | None, revision: str) -> str:
    """The SQL from one revision to another, the version table's own rows included. Empty: nothing to do."""
    versions = folder / "versions"
    script = ScriptDirectory(str(folder), version_locations=[str(versions if versions.is_dir() else folder)])
    if current is not None and revision in ("head", "heads") and (current,) == tuple(script.get_heads()):
        return ""

    def steps(_seen: tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs(revision, current)  # type: ignore[arg-type]  # as Alembic's own command

    rendered = io.StringIO()
    with EnvironmentContext(Config(), script, fn=steps, as_sql=True, starting_rev=current) as environment:
        environment.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},  # else every % is doubled
            output_buffer=rendered,
            version_table="alembic_version",
            version_table_schema=name,
            starting_rev=current,
        )
        environment.run_migrations()
    return rendered.getvalue()
