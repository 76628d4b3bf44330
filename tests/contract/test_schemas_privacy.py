"""No name, e-mail or remark about a person can travel: every text on Kafka is closed or constrained."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.asyncapi import json_schemas
from schemas.topics import RAW_TOPICS

PUBLIC_WORDS = {
    # what is public by nature and about no person: names of institutions, sentences of a policy's author
    "display_name",
    "district_display_name",
    "title",
    "next_step",
    "source",
    "silence",
}
PEOPLE = re.compile(r"(^|_)(student|pupil|name|email|e_mail|phone|birth|gender|race|address)s?($|_)")
STRUCTURAL = {"students", "mbps_per_student", "devices_per_student", "first_session", "display_name",
              "district_display_name", "policy_name", "name"}  # fmt: skip


def _texts(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if node.get("type") == "string":
            yield path, node
        for key, value in node.items():
            yield from _texts(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, f"{path}/{index}")


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_every_text_is_closed_or_constrained(name: str) -> None:
    for path, node in _texts(json_schemas()[name]):
        field = [part for part in path.split("/") if part][-1]
        closed = {"enum", "const", "pattern", "format"} & node.keys()
        named_key = "propertyNames" in path
        public = any(word in path.split("/") for word in PUBLIC_WORDS)
        bounded_build = field == "build" and "maxLength" in node
        assert closed or named_key or public or bounded_build or _internal(path), f"{name}{path}: free text"


def _internal(path: str) -> bool:
    """Identifiers that this program writes itself, never a source."""
    return bool(re.search(r"/(criterion_id|criterion_ids|district_id|unit|signals|statuses)(/|$)", path))


@pytest.mark.parametrize("topic", RAW_TOPICS, ids=lambda topic: topic.name)
def test_no_raw_field_is_about_a_person(topic: Any) -> None:
    for model in topic.payloads:
        for field in model.model_fields:
            assert field in STRUCTURAL or not PEOPLE.search(field), f"{model.__name__}.{field}"


@pytest.mark.parametrize("topic", RAW_TOPICS, ids=lambda topic: topic.name)
def test_no_constrained_text_of_a_raw_event_fits_a_name_or_an_email(topic: Any) -> None:
    for model in topic.payloads:
        schema = json_schemas()[model.ce_type]
        for path, node in _texts(schema):
            pattern = node.get("pattern")
            if pattern:
                for person in ("Jane Doe", "jane.doe@example.org", "O'Brien", "Doe, J."):
                    assert not re.search(pattern, person), f"{model.__name__}{path} would accept {person!r}"
