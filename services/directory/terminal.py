"""What the three commands of the room share: reaching the database, and how a school looks in JSON.

Errors a person can mend become one line and an exit code; the door prints those of PermanentError.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from services.directory.reconcile import KnownDistrict, KnownSchool
from services.kit.database import Connection, connect, is_transient
from services.kit.outcome import PermanentError
from services.kit.settings import Settings, load_settings

T = TypeVar("T")
EXIT_FAULTS = 1
EXIT_UNAVAILABLE = 3
CODES = (
    """Exit codes: 0 done, 1 some rows did not land (the others did), 2 usage or something to mend, 3 no database."""
)


def on_screen() -> Console:
    """Where progress and tables for people go: standard error keeps standard output clean for pipes."""
    return Console(stderr=True)


def emit(tree: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(tree, indent=1, default=str, ensure_ascii=False))


def run(work: Callable[[Settings], Awaitable[T]]) -> T:
    """Runs one command's work with the settings at hand. Exits with 3 while the database is away."""
    settings = load_settings()

    async def guarded() -> T:
        return await work(settings)

    try:
        return asyncio.run(guarded())
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InvalidCatalogNameError) as error:
        raise PermanentError(f"directory: expected its tables, seen {error}; run `firstbell stack up`") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if not is_transient(error):
            raise
        typer.echo(f"error: PostgreSQL: expected an answer, seen {error}; run `firstbell stack up`", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from error


def in_transaction(work: Callable[[Connection], Awaitable[T]]) -> T:
    """As `run`, with one connection and one transaction."""

    async def inside(settings: Settings) -> T:
        connection = await connect(settings, "directory")
        try:
            async with connection.transaction():
                return await work(connection)
        finally:
            await connection.close()

    return run(inside)


def school_tree(school: KnownSchool, district: KnownDistrict) -> dict[str, object]:
    """A school for `--json`. Unknown counts are null."""
    return asdict(school) | {"district_name": district.name, "district_nces_id": district.nces_id}


def table(*columns: str, whole: tuple[str, ...] = ()) -> Table:
    """A table whose columns in `whole` are never cut: ids that people copy."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=column in whole)
    return made


def number(value: float | None) -> str:
    """A count on the screen: a dash is "not listed", never nought."""
    return "–" if value is None else f"{value:g}"


def waiting(count: int) -> str:
    """How much still has to leave, in words."""
    if count == 0:
        return "all of it is published"
    return f"{count} events wait for the relay of the process `directory`"
