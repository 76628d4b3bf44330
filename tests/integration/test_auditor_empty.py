"""`verify` vouches for nothing it did not see."""

import asyncpg
import pytest

from services.auditor.breach import Invariant
from services.auditor.cli import verify_all
from services.kit.outcome import PermanentError
from services.kit.settings import Settings

pytestmark = pytest.mark.stack


async def test_a_database_without_rooms_is_not_called_sound(stack: Settings) -> None:
    connection = await asyncpg.connect(stack.postgres_dsn)
    try:
        await connection.execute("create database auditor_empty")
    finally:
        await connection.close()
    empty = stack.model_copy(update={"postgres_dsn": stack.postgres_dsn.rsplit("/", 1)[0] + "/auditor_empty"})
    with pytest.raises(PermanentError, match="expected the rooms' tables, seen none"):
        await verify_all(empty, tuple(Invariant))
