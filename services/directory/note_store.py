"""Notes in their restricted table, which has no topic. Called by the note commands.

Text goes in and out here and nowhere else: acts, facts and logs carry a note's id.
"""

from datetime import datetime
from uuid import uuid4

from services.directory.notes import Spot, spots
from services.kit.database import Connection


async def add(connection: Connection, text: str, now: datetime) -> str | list[Spot]:
    """Keeps a note and returns its new id; or, keeping nothing, every place where it says too much."""
    rows = await connection.fetch("select given_name, family_name from person")
    found = spots(text, ((row["given_name"], row["family_name"]) for row in rows))
    if found:
        return found
    note_id = f"note-{uuid4().hex[:16]}"
    await connection.execute("insert into note (note_id, body, written_at) values ($1, $2, $3)", note_id, text, now)
    return note_id


async def text_of(connection: Connection, note_id: str) -> tuple[str, datetime] | None:
    """A note and when it was written; None: there is none of that id."""
    row = await connection.fetchrow("select body, written_at from note where note_id = $1", note_id)
    return None if row is None else (row["body"], row["written_at"])
