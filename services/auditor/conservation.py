"""I3: every record behind a fence has exactly one count, and what waits is really there.

Reads the fences of every room, then the logs they speak of. The subtraction is done here again, whatever the
database's own constraint promises; and a fence that its topic does not reach counted records that never were.
"""

import asyncio
from collections.abc import Iterable

import asyncpg
from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # exported, not typed
from pydantic import BaseModel, ConfigDict

from services.auditor.breach import Breach, Invariant
from services.kit import fence, kafka
from services.kit.outcome import PermanentError
from services.kit.settings import Settings

BROKER_SECONDS_MAX = 15.0
"""Seconds to wait for one answer of Kafka. Our judgement, 2026-11-23."""
COUNTS = ("applied", "superseded", "duplicate", "dead", "parked", "ignored")


class RoomCounts(BaseModel):
    """One room's records behind its fences, by what became of them."""

    model_config = ConfigDict(frozen=True)

    records: int
    applied: int
    superseded: int
    duplicate: int
    dead: int
    parked: int
    ignored: int


async def rooms_with_fences(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Schemas that keep a fence, by name."""
    rows = await connection.fetch(
        "select table_schema from information_schema.tables where table_name = 'fence' order by table_schema"
    )
    return [row["table_schema"] for row in rows]


async def check_conservation(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> tuple[dict[str, RoomCounts], list[Breach]]:
    """Counts by room, and every partition or queue that does not add up. One read-only snapshot."""
    found: dict[str, RoomCounts] = {}
    breaches: list[Breach] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for room in await rooms_with_fences(connection):
            fences = await connection.fetch(f'select * from "{room}".fence order by topic, partition')  # noqa: S608  a schema's name from the catalogue
            for fence in fences:
                breaches += _partition(room, fence)
            total = {name: sum(int(fence[name]) for fence in fences) for name in COUNTS}
            records = sum(int(fence["next_offset"]) - int(fence["first_offset"]) for fence in fences)
            found[room] = RoomCounts(records=records, **total)
            breaches += await _queues(connection, room, fences)
    return found, breaches


def _partition(room: str, fence: asyncpg.Record) -> list[Breach]:
    counted = sum(int(fence[name]) for name in COUNTS)
    passed = int(fence["next_offset"]) - int(fence["first_offset"])
    if counted == passed and min(int(fence[name]) for name in COUNTS) >= 0:
        return []
    parts = " + ".join(f"{fence[name]} {name}" for name in COUNTS)
    return [
        Breach(
            invariant=Invariant.CONSERVATION,
            subject=f"{room}: {fence['topic']} partition {fence['partition']}",
            expected=f"{passed} records between first and fence",
            seen=f"{parts} = {counted}",
            next_step=f"stop `firstbell serve {room}` and rebuild its projection from the topic",
        )
    ]


async def _queues(
    connection: "asyncpg.Connection[asyncpg.Record]", room: str, fences: Iterable[asyncpg.Record]
) -> list[Breach]:
    """Parked and dead records are rows that a person can see: as many as each partition counted."""
    breaches = []
    for table, name in (("parked", "parked"), ("dead_letter", "dead")):
        rows = await connection.fetch(
            f"""select consumer_group, topic, topic_id, partition, count(*) as rows from "{room}".{table}
            group by 1, 2, 3, 4"""  # noqa: S608  names from the catalogue
        )
        seen = {_place(row): int(row["rows"]) for row in rows}
        counted = {_place(row): int(row[name]) for row in fences}
        for place in sorted(seen.keys() | counted.keys()):
            if seen.get(place, 0) != counted.get(place, 0):
                breaches.append(
                    Breach(
                        invariant=Invariant.CONSERVATION,
                        subject=f"{room}: {table} of {place[1]} partition {place[3]} ({place[0]})",
                        expected=f"{counted.get(place, 0)} rows, as counted {name}",
                        seen=f"{seen.get(place, 0)} rows",
                        next_step="`firstbell dlq list` shows what is there; a missing row is a lost record",
                    )
                )
    return breaches


def _place(row: asyncpg.Record) -> tuple[str, str, str, int]:
    return row["consumer_group"], row["topic"], row["topic_id"], row["partition"]


async def check_reach(settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]") -> list[Breach]:
    """Every fence that its log no longer reaches, or never did. Raises PermanentError when Kafka does not answer."""
    rows: dict[str, list[asyncpg.Record]] = {}
    for room in await rooms_with_fences(connection):
        found = await connection.fetch(f'select * from "{room}".fence where not retired')  # noqa: S608  from the catalogue
        rows[room] = list(found)
    places = sorted({(row["topic"], row["partition"]) for found in rows.values() for row in found})
    logs = await asyncio.to_thread(_logs, settings, places)
    breaches = []
    for room, found in rows.items():
        for row in sorted(found, key=_place):
            problem = _unreached(row, logs.get((row["topic"], row["partition"])))
            if problem:
                breaches.append(
                    Breach(
                        invariant=Invariant.CONSERVATION,
                        subject=f"{room}: {row['topic']} partition {row['partition']}",
                        expected=f"a log that holds or reaches offset {row['next_offset']}",
                        seen=problem,
                        next_step=f"restart `firstbell serve {room}`, which says what to do before it goes on",
                    )
                )
    return breaches


def _unreached(row: asyncpg.Record, log: fence.Log | None) -> str | None:
    if log is None:
        return "no such topic"
    try:
        fence.check(row["consumer_group"], log, row["topic_id"], row["next_offset"])
    except fence.FenceBrokenError as error:
        return str(error)
    return None


def _logs(settings: Settings, places: list[tuple[str, int]]) -> dict[tuple[str, int], fence.Log]:
    """What Kafka holds of each partition; those it does not know are absent."""
    admin = AdminClient(kafka.client_config(settings), logger=kafka.LOGGER)
    try:
        known = admin.list_topics(timeout=BROKER_SECONDS_MAX).topics
        asked = [place for place in places if place[0] in known and place[1] in known[place[0]].partitions]
        if not asked:
            return {}
        answers = admin.describe_topics(
            TopicCollection(sorted({topic for topic, _ in asked})), request_timeout=BROKER_SECONDS_MAX
        )
        ids = {topic: str(answer.result(BROKER_SECONDS_MAX).topic_id) for topic, answer in answers.items()}
        starts = _offsets(admin, asked, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # the library's own
        ends = _offsets(admin, asked, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # the library's own
    except KafkaException as error:
        raise PermanentError(
            f"Kafka at {settings.kafka_bootstrap}: expected an answer, seen {error}; run `firstbell doctor`"
        ) from error
    return {place: fence.Log(place[0], ids[place[0]], place[1], starts[place], ends[place]) for place in asked}


def _offsets(admin: AdminClient, places: list[tuple[str, int]], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    wanted = {TopicPartition(topic, partition): spec for topic, partition in places}
    answers = admin.list_offsets(wanted, request_timeout=BROKER_SECONDS_MAX)
    return {
        (place.topic, place.partition): int(answer.result(BROKER_SECONDS_MAX).offset)
        for place, answer in answers.items()
    }
