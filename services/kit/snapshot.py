"""Reads a topic once, from its beginning to its present end or to given offsets.

For what keeps no database of its own: the simulator, the auditor. Everybody else subscribes.
"""

import time
from collections.abc import Iterator, Mapping
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from pydantic import BaseModel

from services.kit.envelope import Decoded, Decoder, Ok, Tombstone, decode_message
from services.kit.kafka import client_config
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import Settings

M = TypeVar("M", bound=BaseModel)


def newest_of(settings: Settings, topic: str, decoder: Decoder, kind: type[M], within: float = 30.0) -> dict[str, M]:
    """Key to newest value of a compacted topic. Blocks until the end as it was at the call.

    Raises PermanentError when the topic is absent, holds what cannot be read, or makes no progress for `within` seconds;
    TemporaryError while Kafka is away.
    """
    found: dict[str, M] = {}
    for decoded in whole_topic(settings, topic, decoder, within=within):
        record = decoded.record
        if isinstance(decoded, Ok) and isinstance(record.value, kind):
            found[record.key or ""] = record.value
        elif isinstance(decoded, Tombstone):
            found.pop(record.key or "", None)
        else:
            raise PermanentError(f"topic {topic}: a record at offset {record.offset} cannot be read")
    return found


def whole_topic(
    settings: Settings,
    topic: str,
    decoder: Decoder,
    *,
    until: Mapping[int, int] | None = None,
    within: float = 30.0,
) -> Iterator[Decoded]:
    """Every record, in the order of each partition, decoded. `until` None: to the ends as they are at the call.

    Otherwise partition to the offset before which to stop. Raises as `newest_of`. Blocks between items.
    """
    config = client_config(settings) | {
        "group.id": "firstbell-snapshot",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(config)
    try:
        ends = _ends(consumer, topic, within)
        wanted = {
            partition: (low, min(high, until.get(partition, low)) if until is not None else high)
            for partition, (low, high) in ends.items()
        }
        yield from _read(consumer, topic, decoder, wanted, within)
    except KafkaException as error:
        raise TemporaryError(
            f"topic {topic}: expected an answer from {settings.kafka_bootstrap}, seen {error}; run `firstbell doctor`"
        ) from error
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: str, within: float) -> dict[int, tuple[int, int]]:
    metadata = consumer.list_topics(topic, timeout=within).topics[topic]
    if metadata.error is not None or not metadata.partitions:
        raise PermanentError(f"topic {topic}: expected it to exist; run `firstbell topics apply`")
    return {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=within)
        for partition in metadata.partitions
    }


def _read(
    consumer: Consumer, topic: str, decoder: Decoder, wanted: Mapping[int, tuple[int, int]], within: float
) -> Iterator[Decoded]:
    waiting = {partition for partition, (low, stop) in wanted.items() if stop > low}
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in sorted(waiting)])
    deadline = time.monotonic() + within
    while waiting:
        messages = consumer.consume(1000, timeout=0.2)
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            if (message.offset() or 0) < wanted[message.partition() or 0][1]:
                yield decode_message(message, decoder)
        for place in consumer.position([TopicPartition(topic, partition) for partition in waiting]):
            if place.offset >= wanted[place.partition][1]:
                waiting.discard(place.partition)
        if messages:
            deadline = time.monotonic() + within
        elif waiting and time.monotonic() > deadline:
            raise PermanentError(f"topic {topic}: expected to reach its end, no progress for {within:.0f} s")
