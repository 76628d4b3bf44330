"""The room as the house sees it: its table, the default policy stored at start-up, and a process that relays."""

from datetime import UTC, datetime
from pathlib import Path

from services.kit.database import connect
from services.kit.outcome import PermanentError
from services.kit.process import Process
from services.kit.room import Room
from services.kit.settings import Settings
from services.policies.loader import Refused, load
from services.policies.store import store

DEFAULT = Path(__file__).resolve().parents[2] / "deploy" / "policies" / "default.yaml"
"""Beside the packages, in a checkout as in an installed wheel."""


async def prepare(settings: Settings) -> None:
    """The default policy is stored once this returns. Raises PermanentError when its file is refused."""
    document = load(DEFAULT.read_text("utf-8"))
    if isinstance(document, Refused):
        raise PermanentError(f"the default policy is refused: {document.faults[0].words(str(DEFAULT))}")
    connection = await connect(settings, "policies")
    try:
        async with connection.transaction():
            await store(connection, document, datetime.now(UTC))
    finally:
        await connection.close()


async def run(settings: Settings) -> None:
    """Relays stored documents to Kafka."""
    await Process("policies", settings).run()


ROOM = Room("policies", migrations=Path(__file__).parent / "migrations", run=run, prepare=prepare)
