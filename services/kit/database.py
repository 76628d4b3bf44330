"""PostgreSQL for one room: a pool whose search path is the room's own schema.

Every process opens one pool at its start. Hot paths write SQL by hand on asyncpg; SQLAlchemy is
only what Alembic brings along (`services.kit.migrations`). A room never names another room's schema.
"""

from typing import TypeAlias

import asyncpg

from services.kit.outcome import PermanentError
from services.kit.settings import Settings

# Strings: only the type stubs are generic, the classes are not.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECTIONS_MAX = 6
"""Connections a process, 2-20: one for each subscription, the relay, a sweep, and a spare. Our judgement."""
COMMAND_SECONDS_MAX = 60.0
"""Seconds a statement may take before the batch is tried again. Our judgement, 2026-11-23."""

# What passes by itself: the server is away, is restarting, is short of something, or two transactions met.
TRANSIENT: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection cut between two of its states: seen under load, the next one works
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    OSError,
    TimeoutError,
)


def is_transient(error: BaseException) -> bool:
    """True for trouble of the database or the network that a later try may not meet. Not for a wrong statement."""
    if isinstance(error, asyncpg.DataError):  # a value the driver can't encode is InterfaceError as well
        return False
    return isinstance(error, TRANSIENT)


def password(settings: Settings) -> str | None:
    """The database password from its file; None when none is set. Raises PermanentError for an unreadable file."""
    file = settings.postgres_password_file
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise PermanentError(
            f"postgres_password_file: expected a readable file, seen {error}; correct the setting"
        ) from error


async def open_pool(settings: Settings, room: str, *, connections_max: int = CONNECTIONS_MAX) -> Pool:
    """A pool whose unqualified names are the room's tables. Raises OSError while the server is away."""
    return await asyncpg.create_pool(
        settings.postgres_dsn,
        password=password(settings),
        min_size=1,
        max_size=connections_max,
        command_timeout=COMMAND_SECONDS_MAX,
        server_settings={"search_path": room, "application_name": f"firstbell-{room}"},
        reset=_leave_as_it_is,
    )


async def _leave_as_it_is(_connection: Connection) -> None:
    """Nothing is undone: no room leaves a setting, cursor or lock behind, and the undoing costs as much as a look.

    What a transaction left open, the driver rolls back itself.
    """


async def connect(settings: Settings, room: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection for a command of the command line; the caller closes it."""
    return await asyncpg.connect(
        settings.postgres_dsn,
        password=password(settings),
        command_timeout=COMMAND_SECONDS_MAX,
        server_settings={"search_path": room, "application_name": f"firstbell-{room}-cli"},
    )
