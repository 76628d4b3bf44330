"""What the commands of every room share: how they end, one JSON document, and the way to the room's tables.

Called by the rooms' Typer apps; the door (`services.cli`) ends with the same codes. It never tries again: whoever
typed the command does. `docs/how-to/command-line.md` is the table of codes for people.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import asyncpg
import typer

from services.kit.database import Connection, connect, is_transient
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import Settings, load_settings

T = TypeVar("T")

DONE = 0
NO = 1
"""The command did its work, and the answer is no: a gate is not open, a check failed, rows did not land."""
MEND = 2
"""Used wrongly, or something a person must mend before it can work."""
AWAY = 3
"""A server did not answer, so nobody knows: never to be read as a no."""
REFUSED = 4
"""A person's act was heard and refused."""
INTERRUPTED = 130

# What the database says before `firstbell stack up` has made the room's tables.
NOT_MADE = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InvalidCatalogNameError)


def codes(no: str | None, *more: str) -> str:
    """The exit codes as a command's help tells them; `no` says what its 1 means. None: it never says no."""
    told = ["0 done", *([f"1 {no}"] if no else []), "2 used wrongly or something to mend", "3 a server is away", *more]
    return f"Exit codes: {', '.join(told)}."


def emit(tree: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(tree, indent=1, default=str, ensure_ascii=False))


def agreed(question: str, *, yes: bool, as_json: bool = False) -> bool:
    """Whether a previewed act may be done: --yes says so, else a person is asked. With --json nobody is: it only shows.

    Exits with 2 where nobody can be asked.
    """
    if yes or as_json:
        return yes
    if not sys.stdin.isatty():
        fail(MEND, "expected --yes where nobody can be asked")
    return typer.confirm(question, err=True)


def fail(code: int, message: str) -> NoReturn:
    """Ends the command with one line on standard error."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)


def run(room: str, work: Callable[[Settings], Awaitable[T]], home: Path | None = None) -> T:
    """One command's work, to its end. Exits with 3 while a server is away.

    Raises PermanentError when the room has no tables yet, or the database lets nobody in. Blocks.
    """
    settings = load_settings({"home": home})

    async def inside() -> T:
        return await work(settings)

    try:
        return asyncio.run(inside())
    except NOT_MADE as error:
        raise PermanentError(f"{room}: expected its tables, seen {error}; run `firstbell stack up`") from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise PermanentError(f"postgres_dsn: expected to be let in, seen {error}; correct the setting") from error
    except TemporaryError as error:
        fail(AWAY, str(error))
    except Exception as error:
        if not is_transient(error):
            raise
        fail(AWAY, f"PostgreSQL: expected an answer, seen {error}; run `firstbell stack up`")


def in_transaction(room: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """As `run`, with one connection to the room's tables and one transaction."""

    async def inside(settings: Settings) -> T:
        connection = await connect(settings, room)
        try:
            async with connection.transaction():
                return await work(connection)
        finally:
            await connection.close()

    return run(room, inside)
