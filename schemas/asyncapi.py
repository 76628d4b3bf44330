"""JSON Schema of every payload and one AsyncAPI 3 document of every topic, made from the models.

Called by `python -m schemas` and by the drift test; writes nothing itself.
"""

from typing import Any

from pydantic import BaseModel

from schemas.message import StartRollout
from schemas.topics import TOPICS, Topic


def payload_models() -> dict[str, type[BaseModel]]:
    """Every model that travels on Kafka, by its CloudEvents type, in a fixed order."""
    found = {ce_type: model for topic in TOPICS for ce_type, model in topic.decoder.items()}
    return dict(sorted(found.items()))


def json_schemas() -> dict[str, dict[str, Any]]:
    """File stem to JSON Schema, of every payload and of the workflow's start."""
    models = payload_models() | {"firstbell.rollout.start.v1": StartRollout}
    return {name: {"$id": name, **model.model_json_schema(mode="validation")} for name, model in models.items()}


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Owner: {topic.owner}. Key: {topic.key}. "
        + ("Compacted." if topic.retention is None else f"Kept {topic.retention.days} days.")
        + (" Restricted: holds keyed hashes." if topic.restricted else ""),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in topic.decoder},
        "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions, "bindingVersion": "0.5.0"}},
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: channels are topics, messages are CloudEvents in Kafka binary mode."""
    messages = {
        name: {
            "name": name,
            "summary": (model.__doc__ or "").strip().splitlines()[0],
            "contentType": "application/json",
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": f"{name}.json"},
            },
        }
        for name, model in payload_models().items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Firstbell", "version": "1", "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "components": {"messages": messages},
    }
