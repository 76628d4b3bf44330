"""Laws of the topics' plan: it says every difference, and never loses an event or an order by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.topics import FACTS, SCHOOLS, TOPICS, Topic
from services.stack.topics import Act, Difference, Seen, configuration_of, differences


def as_wished(topic: Topic) -> Seen:
    wished = configuration_of(topic)
    # the broker lists only what differs from its defaults
    return Seen(topic.partitions, {name: value for name, value in wished.items() if value != "delete"})


def test_a_broker_that_agrees_has_no_difference() -> None:
    assert differences(TOPICS, {topic.name: as_wished(topic) for topic in TOPICS}) == []


def test_every_missing_topic_is_created() -> None:
    found = differences(TOPICS, {})
    assert {difference.topic for difference in found} == {topic.name for topic in TOPICS}
    assert {difference.act for difference in found} == {Act.CREATE}


def test_partitions_are_told_and_never_changed() -> None:
    found = differences([FACTS], {FACTS.name: replace(as_wished(FACTS), partitions_count=3)})
    assert found == [Difference(FACTS.name, Act.TELL, "partitions", "12", "3")]


def test_a_topic_that_no_catalogue_names_is_told_and_never_deleted() -> None:
    found = differences([], {"firstbell.old.v1": Seen(4, {}), "somebody.elses": Seen(1, {})})
    assert found == [Difference("firstbell.old.v1", Act.TELL, "topic", "none", "4 partitions")]


def test_a_compacted_topic_that_deletes_is_configured() -> None:
    found = differences([SCHOOLS], {SCHOOLS.name: Seen(SCHOOLS.partitions, {})})
    assert found == [Difference(SCHOOLS.name, Act.CONFIGURE, "cleanup.policy", "compact", "delete")]


@pytest.mark.parametrize("seen", [{}, {"retention.ms": "1"}])
def test_another_retention_is_configured(seen: dict[str, str]) -> None:
    topic = replace(FACTS, retention=timedelta(days=2))
    (found,) = differences([topic], {topic.name: Seen(topic.partitions, seen)})
    assert (found.act, found.what, found.expected) == (Act.CONFIGURE, "retention.ms", "172800000")
