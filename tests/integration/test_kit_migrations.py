"""Alembic by rendered SQL: each room its own history, whole or not at all, and twice changes nothing."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from services.kit.migrations import migrate
from services.kit.room import Room
from tests.integration.test_kit_lab import Lab, lab

__all__ = ["lab"]
pytestmark = pytest.mark.stack

SECOND = """
from alembic import op
revision = "0002"
down_revision = "0001"


def upgrade():
    op.execute("create table share (name text, ratio text default '50%', at timestamptz default '2026-01-01'::timestamptz)")
    op.execute("insert into share (name) values ('a%b; c')")
    {}
"""


def add_second(folder: Path, then: str = "") -> None:
    (folder / "0002_second.py").write_text(SECOND.format(then))


async def test_a_second_start_changes_nothing_and_a_second_revision_is_added(lab: Lab) -> None:
    room = Room(lab.room, migrations=lab.folder)
    assert await migrate(lab.settings, [room]) == {lab.room: "0001"}
    add_second(lab.folder)
    assert await migrate(lab.settings, [room]) == {lab.room: "0002"}
    assert await migrate(lab.settings, [room]) == {lab.room: "0002"}
    assert [tuple(row) for row in await lab.query("select name, ratio from share")] == [("a%b; c", "50%")]


async def test_a_revision_that_fails_leaves_nothing(lab: Lab) -> None:
    room = Room(lab.room, migrations=lab.folder)
    add_second(lab.folder, 'op.execute("select no_such_column from fence")')
    with pytest.raises(asyncpg.UndefinedColumnError):
        await migrate(lab.settings, [room])
    assert (await lab.query("select version_num from alembic_version"))[0][0] == "0001"
    assert (await lab.query("select to_regclass('share')"))[0][0] is None


async def test_two_starts_at_once_migrate_one_after_the_other(lab: Lab) -> None:
    add_second(lab.folder)
    room = Room(lab.room, migrations=lab.folder)
    done = await asyncio.gather(*(migrate(lab.settings, [room]) for _ in range(4)))
    assert done == [{lab.room: "0002"}] * 4


async def test_a_room_without_tables_is_passed_over(lab: Lab) -> None:
    assert await migrate(lab.settings, [Room("nothing")]) == {}
