"""Dead letters: what no handler could use, kept whole, listed for people, sent again when they say so.

Used by `firstbell dlq`. A replay publishes the original bytes and headers to the original topic, with `dlq.`
headers beside them; being a new record it is judged anew, and its entity_ref and revision keep it from acting
twice. It never deletes: a replayed letter keeps the moment it was sent.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from kafka import KafkaProducer

from services.kit import kafka
from services.kit.batch import unpack_headers
from services.kit.database import connect
from services.kit.envelope import Headers
from services.kit.outcome import TemporaryError
from services.kit.settings import Settings

RATE_DEFAULT = 100.0
"""Records a second that a replay sends, above 0. Our judgement, 2026-11-23: a person can still stop it."""
ACKNOWLEDGED_SECONDS_MAX = 30.0
"""Seconds to wait for Kafka's acknowledgement of one record. Our judgement, 2026-11-23."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record somebody must look at."""

    id: int
    room: str
    group: str
    topic: str
    partition: int
    offset: int
    record_at: datetime
    reason: str
    error_type: str
    error_message: str
    attempt: int
    app_version: str
    created_at: datetime
    replayed_at: datetime | None
    """None: nobody has sent it again."""
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant. None leaves a field open."""

    topic: str | None = None
    reason: str | None = None
    error_type: str | None = None
    id: int | None = None
    replayed: bool = False
    """True: those sent again as well."""
    limit: int = 100


async def find(settings: Settings, room: str, wanted: Filter) -> list[DeadLetter]:
    """A room's dead letters, oldest first. Raises what the database raises."""
    connection = await connect(settings, room)
    try:
        rows = await connection.fetch(
            """select id, consumer_group, topic, partition, record_offset, record_at, reason, error_type,
                error_message, attempt, app_version, created_at, replayed_at, key, value, headers
            from dead_letter
            where ($1::text is null or topic = $1) and ($2::text is null or reason = $2)
                and ($3::text is null or error_type = $3) and ($4::bigint is null or id = $4)
                and ($5 or replayed_at is null)
            order by id limit $6""",
            wanted.topic, wanted.reason, wanted.error_type, wanted.id,
            wanted.replayed or wanted.id is not None, wanted.limit,
        )  # fmt: skip
    finally:
        await connection.close()
    return [_letter(room, row) for row in rows]


def _letter(room: str, row: asyncpg.Record) -> DeadLetter:
    fields = dict(row)
    group, offset, headers = fields.pop("consumer_group"), fields.pop("record_offset"), fields.pop("headers")
    return DeadLetter(room=room, group=group, offset=offset, headers=unpack_headers(headers), **fields)


def replay_headers(letter: DeadLetter) -> list[tuple[str, bytes | None]]:
    """The original headers untouched, older `dlq.` ones aside, then where the record comes from and why."""
    told = {
        "original.topic": letter.topic,
        "original.partition": letter.partition,
        "original.offset": letter.offset,
        "original.timestamp": int(letter.record_at.timestamp() * 1000),
        "group": letter.group,
        "reason": letter.reason,
        "error.type": letter.error_type,
        "error.message": letter.error_message,
        "attempt": letter.attempt,
        "app-version": letter.app_version,
    }
    kept = [(name, value) for name, value in letter.headers if not name.startswith("dlq.")]
    return [*kept, *((f"dlq.{name}", str(value).encode()) for name, value in told.items())]


async def replay(
    settings: Settings,
    letters: Sequence[DeadLetter],
    *,
    rate: float = RATE_DEFAULT,
    sent: Callable[[DeadLetter], None] = lambda _letter: None,
) -> int:
    """Sends letters to their topics again and marks each once Kafka has it; returns how many.

    Raises TemporaryError when Kafka does not acknowledge; what was sent before stays marked.
    """
    if not letters:
        return 0
    producer = await asyncio.to_thread(_producer, settings)
    connections = {room: await connect(settings, room) for room in sorted({letter.room for letter in letters})}
    started = time.monotonic()
    try:
        for count, letter in enumerate(letters):
            await asyncio.sleep(max(0.0, started + count / rate - time.monotonic()))
            await asyncio.to_thread(_send, producer, letter)
            await connections[letter.room].execute(
                "update dead_letter set replayed_at = now(), attempt = attempt + 1 where id = $1", letter.id
            )
            sent(letter)
    finally:
        for connection in connections.values():
            await connection.close()
        await asyncio.to_thread(producer.close)
    return len(letters)


def _producer(settings: Settings) -> KafkaProducer:
    with kafka.answering(settings):
        return KafkaProducer(**kafka.python_config(settings), acks="all", enable_idempotence=True)


def _send(producer: KafkaProducer, letter: DeadLetter) -> None:
    try:
        future = producer.send(letter.topic, value=letter.value, key=letter.key, headers=replay_headers(letter))
        future.get(timeout=ACKNOWLEDGED_SECONDS_MAX)
    except Exception as error:
        raise TemporaryError(
            f"dead letter {letter.id} of {letter.room}: expected Kafka to take it on {letter.topic}, seen {error!r}; "
            "it stays as it was"
        ) from error
