"""CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_` headers, the payload alone as the value.

The consumer decodes with it, the outbox and the command line encode with it. Decoding never raises: whatever
a record holds, the answer is Ok, Tombstone or Bad. It refuses what PostgreSQL or JSON readers elsewhere would
choke on (NUL, lone surrogates, NaN, infinities, integers past 63 bits), whatever the model would allow.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import uuid4

from confluent_kafka import Message
from pydantic import BaseModel, ValidationError

T_co = TypeVar("T_co", covariant=True)

Headers = tuple[tuple[str, bytes | None], ...]
Decoder = Mapping[str, type[BaseModel]]
"""ce_type -> the payload's model. A type that is not listed is Bad: an unknown version is never guessed at."""

VALUE_BYTES_MAX = 512 * 1024
"""Bytes, 1 to 1 MiB. Our judgement, 2026-11-23: ten times the largest payload we define."""
ERROR_BYTES_MAX = 512
"""Bytes of an error message kept with a dead letter; the design's figure."""
INTEGER_MAX = 2**63 - 1
"""PostgreSQL's bigint."""
REQUIRED = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")

# Literal numbers that may leave 63 bits or overflow to infinity; only such records pay for the slow look.
_SUSPECT_NUMBER = re.compile(rb"[:,\[\s]-?(?:[0-9]{19}|[0-9.]+[eE]\+?[0-9]{3})")
# A value's outline: digits (and what stands in numbers) as 0, what begins an escape, NaN or Infinity as a backslash. Nothing
# suspect lacks one of these shapes, and to look for them costs a third of looking for the suspects themselves.
_OUTLINE = bytes.maketrans(b"123456789.+ENI", b"00000000000e\\\\")
_LONG, _EXPONENT = b"0" * 19, b"0e000"


class Record(NamedTuple, Generic[T_co]):
    """One record of the log. A named tuple: immutable, and built at a tenth of a frozen dataclass's price."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """Kafka's timestamp, milliseconds since the epoch."""
    key: str | None
    """None: produced without a key."""
    ce_id: str
    ce_type: str
    ce_source: str
    ce_time: datetime
    """When it happened, by its source. Aware, UTC."""
    value: T_co
    """The payload; None only for a tombstone, to subscriptions that ask for them."""
    raw_key: bytes | None
    raw_value: bytes | None
    raw_headers: Headers


class Ok(NamedTuple):
    """A record whose payload is what its type says."""

    record: Record[BaseModel]


class Tombstone(NamedTuple):
    """A record without a value: its key was removed."""

    record: Record[None]


class Bad(NamedTuple):
    """A record nobody can read; its bytes go to the dead letters untouched."""

    record: Record[object]
    reason: str
    """decode (not an event at all) | schema (an event, but not of a form we accept)."""
    error_type: str
    error: str


Decoded = Ok | Tombstone | Bad


class _UnreadableError(Exception):
    def __init__(self, reason: str, error_type: str, error: str) -> None:
        super().__init__(error)
        self.reason, self.error_type = reason, error_type


@dataclass(frozen=True, slots=True)
class Encoded:
    """What is handed to a producer."""

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def encode(
    ce_type: str,
    payload: BaseModel | bytes,
    key: str | None,
    *,
    source: str,
    ce_id: str | None = None,
    time: datetime | None = None,
    traceparent: str | None = None,
) -> Encoded:
    """Encodes one event; `ce_id` defaults to a new UUID and `time` to now.

    Raises ValueError for a time without a zone. Never blocks.
    """
    at = datetime.now(UTC) if time is None else time
    if at.tzinfo is None:
        raise ValueError(f"event {ce_type}: time must carry a zone, seen {at.isoformat()}")
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", (ce_id or str(uuid4())).encode()),
        ("ce_type", ce_type.encode()),
        ("ce_source", source.encode()),
        ("ce_time", at.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
        ("content-type", b"application/json"),
    ]
    if key is not None:
        headers.append(("ce_partitionkey", key.encode()))
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    value = payload if isinstance(payload, bytes) else payload.__pydantic_serializer__.to_json(payload)
    return Encoded(None if key is None else key.encode(), value, headers)


def decode_message(message: Message, decoder: Decoder, topic: str | None = None) -> Decoded:
    """Decodes what the broker client hands over. Never raises."""
    try:
        headers: Headers = tuple(message.headers() or ())  # type: ignore[arg-type]  # pairs, whatever the stub says
    except Exception:  # noqa: BLE001  a header name that is not UTF-8 makes the client itself raise
        headers = (("ce_unreadable", None),)
    return decode_record(
        topic or message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        message.key(),
        message.value(),
        headers,
        decoder,
    )


def decode_record(
    topic: str,
    partition: int,
    offset: int,
    timestamp_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    decoder: Decoder,
) -> Decoded:
    """Ok, Tombstone or Bad: whatever the bytes are, an answer and never an exception."""
    try:
        text_key = None if key is None else key.decode()
        if text_key and "\0" in text_key:
            raise _UnreadableError("decode", "NulByte", "key: expected text without NUL")
        if value is None:
            at = datetime.fromtimestamp(max(timestamp_ms, 0) / 1000, UTC)
            place = (topic, partition, offset, timestamp_ms, text_key)
            return Tombstone(Record(*place, "", "", "", at, None, key, None, headers))
        ce_id, ce_type, ce_source, ce_time = _attributes(headers)
        model = decoder.get(ce_type)
        if model is None:
            known = ", ".join(sorted(decoder)) or "none"
            raise _UnreadableError("schema", "UnknownType", f"ce_type: expected one of {known}; seen {ce_type!r}")
        _refuse_unstorable(value)
        payload = model.__pydantic_validator__.validate_json(value)
        record = Record(
            topic,
            partition,
            offset,
            timestamp_ms,
            text_key,
            ce_id,
            ce_type,
            ce_source,
            ce_time,
            payload,
            key,
            value,
            headers,
        )  # positional: twice as fast
        return Ok(record)
    except _UnreadableError as error:
        bad = (error.reason, error.error_type, str(error))
    except ValidationError as error:
        bad = _explain(error)
    except (ValueError, RecursionError, OverflowError) as error:
        bad = ("decode", type(error).__name__, str(error))
    place = (topic, partition, offset, timestamp_ms, None)
    unread = Record(*place, "", "", "", datetime.fromtimestamp(0, UTC), None, key, value, headers)
    return Bad(unread, bad[0], bad[1], cut(bad[2]))


def cut(text: str) -> str:
    """The first 512 bytes of a message, without NUL and without half a character."""
    return text.replace("\0", "\\0").encode(errors="replace")[:ERROR_BYTES_MAX].decode(errors="ignore")


def _attributes(headers: Headers) -> tuple[str, str, str, datetime]:
    """Id, type, source and time. The usual case is read at one stroke; any other is looked at word by word."""
    found = dict(headers)
    try:
        if found["ce_specversion"] != b"1.0":
            return _look_at_attributes(found)
        joined = b"\0".join((found["ce_id"], found["ce_type"], found["ce_source"], found["ce_time"]))  # type: ignore[arg-type]
        ce_id, ce_type, ce_source, time = joined.decode().split("\0")
    except (KeyError, TypeError, ValueError):
        return _look_at_attributes(found)
    return ce_id, ce_type, ce_source, _instant(time)


def _look_at_attributes(found: dict[str, bytes | None]) -> tuple[str, str, str, datetime]:
    """As `_attributes`, naming what is wrong."""
    texts: list[str] = []
    for name in REQUIRED:
        raw = found.get(name)
        if raw is None:
            raise _UnreadableError("decode", "MissingHeader", f"header {name}: expected a value, seen none")
        text = raw.decode()
        if "\0" in text:
            raise _UnreadableError("decode", "NulByte", f"header {name}: expected text without NUL")
        texts.append(text)
    version, ce_id, ce_type, ce_source, time = texts
    if version != "1.0":
        raise _UnreadableError("schema", "UnknownVersion", f"ce_specversion: expected 1.0, seen {version!r}")
    return ce_id, ce_type, ce_source, _instant(time)


def _instant(time: str) -> datetime:
    at = datetime.fromisoformat(time)
    if at.tzinfo is None:
        raise _UnreadableError("decode", "NaiveTime", f"ce_time: expected a time with its zone, seen {time!r}")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def _refuse_unstorable(value: bytes) -> None:
    """Models may allow what storage can't hold; most records show no sign of it and pass at the cost of a scan."""
    if len(value) > VALUE_BYTES_MAX:
        raise _UnreadableError("decode", "TooLarge", f"value: at most {VALUE_BYTES_MAX} bytes, seen {len(value)}")
    outline = value.translate(_OUTLINE)
    if (b"\\" in outline or _LONG in outline or _EXPONENT in outline) and _suspect(value):
        _refuse_within(json.loads(value))


def _suspect(value: bytes) -> bool:
    return b"\\u0000" in value or b"NaN" in value or b"Infinity" in value or _SUSPECT_NUMBER.search(value) is not None


def _refuse_within(found: object) -> None:
    pending = [found]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending.extend(part)
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
        elif isinstance(part, str):
            if "\0" in part:
                raise _UnreadableError("schema", "NulByte", "value: expected text without NUL")
        elif isinstance(part, float):
            if not math.isfinite(part):
                raise _UnreadableError("schema", "NotFinite", f"value: expected a finite number, seen {part}")
        elif isinstance(part, int) and abs(part) > INTEGER_MAX:
            raise _UnreadableError("schema", "TooBig", "value: expected an integer within 63 bits")


def _explain(error: ValidationError) -> tuple[str, str, str]:
    """Names place and fault, never the value: a payload may hold what must not be copied about."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    first = faults[0]
    place = ".".join(str(part) for part in first["loc"]) or "value"
    reason = "decode" if first["type"] == "json_invalid" else "schema"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return reason, first["type"], f"{place}: {first['msg']}{more}"
