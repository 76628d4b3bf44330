"""How a room presents itself to the house: its process, its migrations, what it prepares.

The stack and the command line gather rooms by the entry-point group `firstbell.rooms`, so that a new room is
one line of `pyproject.toml` and no import anywhere.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from services.kit.settings import Settings

ROOMS_GROUP = "firstbell.rooms"


@dataclass(frozen=True, slots=True)
class Room:
    """One room of floor 3."""

    name: str
    """Also the name of its PostgreSQL schema and of `firstbell serve NAME`."""
    migrations: Path | None = None
    """Folder of Alembic revisions, run into the room's own PostgreSQL schema. None: it keeps nothing."""
    run: Callable[[Settings], Awaitable[None]] | None = None
    """The process: returns after a graceful stop on SIGTERM or SIGINT. None: the room has no process."""
    prepare: Callable[[Settings], Awaitable[None]] | None = None
    """Idempotent start-up work once servers, topics and tables stand (store the default policy, say)."""


def rooms() -> tuple[Room, ...]:
    """Every room that is installed, ordered by name. Loads their modules."""
    found = [entry.load() for entry in entry_points(group=ROOMS_GROUP)]
    return tuple(sorted(found, key=lambda room: room.name))
