"""Each room's migrations are one line: every revision its own, each after the one before."""

import warnings

import pytest
from alembic.script import ScriptDirectory

from services.kit.room import Room, rooms

KEEPING = [room for room in rooms() if room.migrations is not None]


@pytest.mark.parametrize("room", KEEPING, ids=lambda room: room.name)
def test_a_rooms_migrations_are_one_line(room: Room) -> None:
    assert room.migrations is not None
    versions = room.migrations / "versions"
    folder = versions if versions.is_dir() else room.migrations
    script = ScriptDirectory(str(room.migrations), version_locations=[str(folder)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Alembic only warns of a revision that two files claim
        line = list(script.walk_revisions())
    assert len(script.get_heads()) == 1, "two revisions follow the same one: let one follow the other"
    assert len(line) == len([file for file in folder.glob("*.py") if file.name != "__init__.py"])
