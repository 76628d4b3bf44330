"""Reads raw events from a file: CloudEvents in structured JSON, one object, an array, or one object a line.

Called by `firstbell event send`. A line that cannot be accepted is a fault with its place; good ones land beside it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from schemas.events.raw import FeedWatermark, RawEvent
from schemas.topics import RAW_TOPICS, Topic

LINE_BYTES_MAX = 512 * 1024
"""Bytes of one event; the consumers' own limit."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one event of a file was refused."""

    line: int
    place: str
    expected: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """One event, and the topic it belongs on."""

    line: int
    topic: Topic
    event: RawEvent
    ce_id: str | None
    """None: the file names none, so sending it twice makes two records (of one revision: one effect)."""


def read_events(text: str) -> Iterator[Accepted | Fault]:
    """Every event of a file, in order, accepted or at fault. Never raises for what the file holds."""
    for line, entry in _entries(text):
        yield entry if isinstance(entry, Fault) else _accept(line, entry)


def _entries(text: str) -> Iterator[tuple[int, object]]:
    stripped = text.lstrip("\ufeff \t\r\n")
    try:
        whole = json.loads(stripped)
    except (ValueError, RecursionError):
        yield from _lines(text.lstrip("\ufeff"))
        return
    yield from enumerate(whole if isinstance(whole, list) else [whole], start=1)


def _lines(text: str) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if len(line.encode("utf-8", "replace")) > LINE_BYTES_MAX:
            yield number, Fault(number, "line", f"at most {LINE_BYTES_MAX} bytes")
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, Fault(number, "line", f"one JSON object: {error}")


def _accept(line: int, entry: object) -> Accepted | Fault:
    if not isinstance(entry, dict) or not isinstance(entry.get("data"), dict):
        return Fault(line, "data", "a CloudEvents object with `type` and `data`; see `firstbell event sample`")
    ce_type = str(entry.get("type"))
    topics = [topic for topic in RAW_TOPICS if ce_type in topic.decoder]
    if ce_type == FeedWatermark.ce_type:
        topics = [topic for topic in topics if topic.owner == entry.get("publisher")]
        if not topics:
            owners = ", ".join(topic.owner for topic in RAW_TOPICS)
            return Fault(line, "publisher", f"whose feed this watermark is: one of {owners}")
    if not topics:
        known = ", ".join(sorted({name for topic in RAW_TOPICS for name in topic.decoder}))
        return Fault(line, "type", f"one of {known}")
    try:
        event = topics[0].decoder[ce_type].model_validate_json(json.dumps(entry["data"]))
    except (ValueError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            return Fault(line, "data", f"JSON that can be written again: {error}")
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return Fault(line, "data." + ".".join(str(part) for part in first["loc"]), first["msg"])
    if not isinstance(event, RawEvent):
        return Fault(line, "type", "a raw event")
    ce_id = entry.get("id")
    return Accepted(line, topics[0], event, ce_id if isinstance(ce_id, str) and 0 < len(ce_id) <= 128 else None)


def structured(event: RawEvent, publisher: str) -> dict[str, Any]:
    """The same event as a CloudEvents object, as `event send` reads it. Any: JSON."""
    return {
        "specversion": "1.0",
        "type": event.ce_type,
        "source": f"firstbell/{publisher}",
        "id": f"{event.entity_ref}-{event.revision}",
        "time": event.observed_at.isoformat().replace("+00:00", "Z"),
        "publisher": publisher,
        "data": json.loads(event.model_dump_json()),
    }
