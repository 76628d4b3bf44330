"""Reads a compacted topic to its present end, once: the newest value of every key.

For processes that keep no database of their own. Everybody else subscribes.
"""

import time
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from pydantic import BaseModel

from services.kit.envelope import Decoder, Ok, Tombstone, decode_message
from services.kit.kafka import client_config
from services.kit.outcome import PermanentError
from services.kit.settings import Settings

M = TypeVar("M", bound=BaseModel)


def newest_of(settings: Settings, topic: str, decoder: Decoder, kind: type[M], within: float = 30.0) -> dict[str, M]:
    """Key to newest value. Blocks until the end as it was at the call, `within` seconds at most.

    Raises PermanentError when the topic is absent, holds what cannot be read, or the broker does not answer in time.
    """
    config = client_config(settings) | {
        "group.id": "firstbell-snapshot",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": False,
    }
    consumer = Consumer(config)
    try:
        return _read(consumer, topic, decoder, kind, within)
    except KafkaException as error:
        raise PermanentError(
            f"topic {topic}: expected an answer from {settings.kafka_bootstrap}, seen {error}; run `firstbell doctor`"
        ) from error
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str, decoder: Decoder, kind: type[M], within: float) -> dict[str, M]:
    metadata = consumer.list_topics(topic, timeout=within).topics[topic]
    if metadata.error is not None or not metadata.partitions:
        raise PermanentError(f"topic {topic}: expected it to exist; run `firstbell topics apply`")
    ends = {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=within)
        for partition in metadata.partitions
    }
    waiting = {partition for partition, (low, high) in ends.items() if high > low}
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in sorted(waiting)])
    found: dict[str, M] = {}
    deadline = time.monotonic() + within
    while waiting:
        messages = consumer.consume(1000, timeout=0.2)
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            decoded = decode_message(message, decoder)
            key = (message.key() or b"").decode("utf-8", "replace")
            if isinstance(decoded, Ok) and isinstance(decoded.record.value, kind):
                found[key] = decoded.record.value
            elif isinstance(decoded, Tombstone):
                found.pop(key, None)
            else:
                raise PermanentError(f"topic {topic}: a record at offset {message.offset()} cannot be read")
        for place in consumer.position([TopicPartition(topic, partition) for partition in waiting]):
            if place.offset >= ends[place.partition][1]:
                waiting.discard(place.partition)
        if waiting and time.monotonic() > deadline:
            raise PermanentError(f"topic {topic}: expected to reach its end within {within:.0f} s")
    return found
