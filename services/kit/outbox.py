"""The outbox: events leave a room if, and only if, the transaction that caused them committed.

Rows are written by batches, sweeps and bulk commands; one relay a room sends them (`services.kit.relay`).
A crash between Kafka's acknowledgement and the delete sends a row twice, with the same `ce_id`: readers drop it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

from pydantic import BaseModel

from services.kit.database import Connection


class Row(NamedTuple):
    """One event waiting to leave."""

    topic: str
    key: bytes | None
    value: bytes
    ce_id: str
    ce_type: str
    ce_source: str
    ce_time: datetime


def row(
    topic: str,
    key: str | None,
    ce_type: str,
    payload: BaseModel | bytes,
    *,
    source: str,
    time: datetime | None = None,
    ce_id: str | None = None,
) -> Row:
    """One outbox row. `time` None means now, `ce_id` None a new UUID. Raises ValueError for a time without a zone.

    The id is no database sequence: one restored from before would give old ids to new events.
    """
    at = datetime.now(UTC) if time is None else time
    if at.tzinfo is None:
        raise ValueError(f"event {ce_type} to {topic}: time must carry a zone, seen {at.isoformat()}")
    value = payload if isinstance(payload, bytes) else payload.__pydantic_serializer__.to_json(payload)
    return Row(topic, None if key is None else key.encode(), value, ce_id or str(uuid4()), ce_type, source, at)


async def publish_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Writes rows inside the caller's transaction, in one statement, in their order."""
    if not rows:
        return
    await connection.execute(
        """insert into outbox (topic, key, value, ce_id, ce_type, ce_source, ce_time)
        select * from unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[],
            $7::timestamptz[])""",
        *(list(column) for column in zip(*rows, strict=True)),
    )
