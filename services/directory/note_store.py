"""Notes in their restricted table. Called by the note commands and the room's preparation.

Text goes in and out here and nowhere else: acts, facts and logs carry a note's id, and the audit a salted digest.
"""

from datetime import datetime
from secrets import token_hex
from uuid import uuid4

from schemas.note import NoteKept, note_digest
from schemas.topics import NOTES
from services.directory.notes import Spot, spots
from services.directory.store import SOURCE
from services.kit import outbox
from services.kit.database import Connection

SALT_BYTES = 16


async def add(connection: Connection, text: str, now: datetime) -> str | list[Spot]:
    """Keeps a note and returns its new id; or, keeping nothing, every place where it says too much."""
    rows = await connection.fetch("select given_name, family_name from person")
    found = spots(text, ((row["given_name"], row["family_name"]) for row in rows))
    if found:
        return found
    note_id = f"note-{uuid4().hex[:16]}"
    await connection.execute("insert into note (note_id, body, written_at) values ($1, $2, $3)", note_id, text, now)
    await tell(connection)
    return note_id


async def tell(connection: Connection) -> int:
    """Gives every note that was never told its salt, and tells id and digest: the new one, and those of before."""
    rows = await connection.fetch("select * from note where salt is null order by note_id for update")
    for row in rows:
        salt = token_hex(SALT_BYTES)
        await connection.execute("update note set salt = $2 where note_id = $1", row["note_id"], salt)
        kept = NoteKept(note_id=row["note_id"], digest=note_digest(salt, row["body"]), written_at=row["written_at"])
        event = outbox.row(
            NOTES.name, kept.note_id, NoteKept.ce_type, kept, source=SOURCE, time=kept.written_at, ce_id=kept.note_id
        )
        await outbox.publish_rows(connection, [event])
    return len(rows)


async def text_of(connection: Connection, note_id: str) -> tuple[str, datetime] | None:
    """A note and when it was written; None: there is none of that id."""
    row = await connection.fetchrow("select body, written_at from note where note_id = $1", note_id)
    return None if row is None else (row["body"], row["written_at"])
