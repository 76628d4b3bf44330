"""Lag from outside: the end of each log minus the fence, by room.

For the bridge's commands, the console's exporter and tests; a process's own gauges ask its consumer instead
(`services.kit.gauges`). kafka-python blocks, so it runs in a thread.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kafka import KafkaConsumer, TopicPartition

from services.kit import kafka
from services.kit.database import connect
from services.kit.settings import Settings


@dataclass(frozen=True, slots=True)
class FenceRow:
    """One partition's fence as it stands, its counts, and the log's end."""

    room: str
    group: str
    topic: str
    topic_id: str
    partition: int
    first_offset: int
    next_offset: int
    applied: int
    superseded: int
    duplicate: int
    dead: int
    parked: int
    ignored: int
    record_at: datetime | None
    """Kafka's time of the newest record behind the fence; None: none yet."""
    end_offset: int | None = None
    """None: not asked, or Kafka no longer has the topic."""

    @property
    def conserved(self) -> bool:
        """Invariant I3, to the unit."""
        counted = self.applied + self.superseded + self.duplicate + self.dead + self.parked + self.ignored
        return self.next_offset - self.first_offset == counted

    @property
    def lag(self) -> int | None:
        """Records behind; None: not known, which is not zero."""
        return None if self.end_offset is None else max(self.end_offset - self.next_offset, 0)


async def fences(settings: Settings, room: str) -> list[FenceRow]:
    """Every live fence of a room, ends not asked. Raises what the database raises."""
    connection = await connect(settings, room)
    try:
        rows = await connection.fetch(
            """select consumer_group, topic, topic_id, partition, first_offset, next_offset,
                applied, superseded, duplicate, dead, parked, ignored, record_at
            from fence where not retired order by consumer_group, topic, partition"""
        )
    finally:
        await connection.close()
    return [FenceRow(room, *tuple(row)) for row in rows]


async def lag(settings: Settings, rooms: Sequence[str]) -> list[FenceRow]:
    """The fences of these rooms with the logs' ends. Raises as `kafka.answering`, or what the database raises."""
    found = [row for room in rooms for row in await fences(settings, room)]
    ends = await asyncio.to_thread(_ends, settings, sorted({(row.topic, row.partition) for row in found}))
    return [replace(row, end_offset=ends.get((row.topic, row.partition))) for row in found]


def _ends(settings: Settings, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    if not places:
        return {}
    with kafka.answering(settings):
        consumer = KafkaConsumer(
            **kafka.python_config(settings), enable_auto_commit=False, allow_auto_create_topics=False
        )
        try:
            known = consumer.topics()
            asked = [TopicPartition(topic, partition) for topic, partition in places if topic in known]
            ends = consumer.end_offsets(asked) if asked else {}
            return {(place.topic, place.partition): int(end) for place, end in ends.items()}
        finally:
            consumer.close()
