"""Kafka's topics made equal to `schemas/topics.py`: plan, apply, drift.

Called by `firstbell topics` and by `stack up`. Never deletes a topic and never changes a count of partitions:
both would lose events or their order, so they are told and left to a person.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import TOPICS, Topic
from services.kit.kafka import answering, python_config
from services.kit.settings import Settings

PREFIX = "firstbell."
ANSWER_SECONDS = 20.0
"""Patience with the broker for one request. Our judgement, 2026-11-23."""


class Act(StrEnum):
    """What a difference calls for."""

    CREATE = "create"
    CONFIGURE = "configure"
    TELL = "tell"
    """Only a person can decide: partitions differ, or a topic that no catalogue names."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the broker is not as the catalogue says."""

    topic: str
    act: Act
    what: str
    """partitions, the name of a configuration, or `topic`."""
    expected: str
    seen: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One topic as the broker has it."""

    partitions_count: int
    configuration: dict[str, str]
    """What was set away from the broker's defaults."""


def configuration_of(topic: Topic) -> dict[str, str]:
    """The catalogue's retention in Kafka's words."""
    if topic.retention is None:
        return {"cleanup.policy": "compact"}
    return {"cleanup.policy": "delete", "retention.ms": str(int(topic.retention.total_seconds() * 1000))}


def differences(catalogue: Sequence[Topic], seen: dict[str, Seen]) -> list[Difference]:
    """Every difference, ordered by topic; pure."""
    found: list[Difference] = []
    for topic in catalogue:
        have = seen.get(topic.name)
        if have is None:
            found.append(Difference(topic.name, Act.CREATE, "topic", f"{topic.partitions} partitions", "none"))
            continue
        if have.partitions_count != topic.partitions:
            found.append(
                Difference(topic.name, Act.TELL, "partitions", str(topic.partitions), str(have.partitions_count))
            )
        for name, value in configuration_of(topic).items():
            # Kafka lists what differs from its defaults; the default policy is delete.
            current = have.configuration.get(name, "delete" if name == "cleanup.policy" else "default")
            if current != value:
                found.append(Difference(topic.name, Act.CONFIGURE, name, value, current))
    known = {topic.name for topic in catalogue}
    for name, have in seen.items():
        if name.startswith(PREFIX) and name not in known:
            found.append(Difference(name, Act.TELL, "topic", "none", f"{have.partitions_count} partitions"))
    return sorted(found, key=lambda difference: (difference.topic, difference.what))


@contextmanager
def _admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    with answering(settings):
        admin = KafkaAdminClient(**python_config(settings), request_timeout_ms=int(ANSWER_SECONDS * 1000))
        try:
            yield admin
        finally:
            admin.close()


def _look(admin: KafkaAdminClient) -> dict[str, Seen]:
    listed = {entry["name"]: len(entry["partitions"]) for entry in admin.describe_topics()}
    names = [name for name in listed if name.startswith(PREFIX)]
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, None) for name in names]
    # Any: the library's own nested dictionaries
    configurations: dict[str, dict[str, dict[str, Any]]] = admin.describe_configs(asked).get("topic", {})
    return {
        name: Seen(listed[name], {key: str(value["value"]) for key, value in configurations.get(name, {}).items()})
        for name in names
    }


def plan(settings: Settings, catalogue: Sequence[Topic] = TOPICS) -> list[Difference]:
    """What `apply` would do, and what only a person can. Blocks; raises TemporaryError without a broker."""
    with _admin(settings) as admin:
        return differences(catalogue, _look(admin))


def apply(settings: Settings, catalogue: Sequence[Topic] = TOPICS) -> list[Difference]:
    """Creates and configures; returns what it found before. Blocks until the new topics have leaders."""
    with _admin(settings) as admin:
        found = differences(catalogue, _look(admin))
        missing = {difference.topic for difference in found if difference.act is Act.CREATE}
        if missing:
            wanted = {
                topic.name: {"num_partitions": topic.partitions, "configs": configuration_of(topic)}
                for topic in catalogue
                if topic.name in missing
            }
            admin.create_topics(wanted, wait_for_metadata=True)
        changes = [difference for difference in found if difference.act is Act.CONFIGURE]
        for name in sorted({difference.topic for difference in changes}):
            values = {change.what: change.expected for change in changes if change.topic == name}
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, values)])
        return found
