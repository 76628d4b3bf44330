"""Decoding answers Ok, Tombstone or Bad to any bytes; what was encoded is what is decoded."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import BaseModel

from services.kit.batch import pack_headers, unpack_headers
from services.kit.envelope import (
    VALUE_BYTES_MAX,
    Bad,
    Decoded,
    Headers,
    Ok,
    Tombstone,
    cut,
    decode_record,
    encode,
)


class Loose(BaseModel):
    """A model that would let anything in, so that only the kit's own refusal stands."""

    text: str = ""
    number: float = 0
    whole: int = 0
    nested: object = None


DECODER = {"x.v1": Loose}
AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def decoded(value: bytes | None, key: bytes | None = b"k", **headers: bytes | None) -> Decoded:
    given: dict[str, bytes | None] = dict(encode("x.v1", b"", "k", source="s", ce_id="1", time=AT).headers)
    given |= headers
    kept: Headers = tuple((name, each) for name, each in given.items() if each != b"absent")
    return decode_record("t", 3, 7, 1_000, key, value, kept, DECODER)


def test_what_was_encoded_is_decoded() -> None:
    local = AT.astimezone(timezone(timedelta(hours=-8)))
    sent = encode("x.v1", Loose(text="grüße", whole=3), "school-1", source="s", time=local)
    outcome = decode_record("t", 3, 7, 1_000, sent.key, sent.value, tuple(sent.headers), DECODER)
    assert isinstance(outcome, Ok)
    record = outcome.record
    assert (record.topic, record.partition, record.offset, record.key) == ("t", 3, 7, "school-1")
    assert record.value == Loose(text="grüße", whole=3)
    assert (record.ce_time, record.ce_time.tzinfo, record.ce_source) == (AT, UTC, "s")
    assert dict(sent.headers)["ce_partitionkey"] == b"school-1"


def test_a_time_without_a_zone_is_never_sent() -> None:
    with pytest.raises(ValueError, match="zone"):
        encode("x.v1", b"{}", None, source="s", time=datetime(2026, 1, 1))  # noqa: DTZ001


def test_no_value_is_a_tombstone_even_without_headers() -> None:
    outcome = decode_record("t", 0, 0, -1, b"k", None, (), DECODER)
    assert isinstance(outcome, Tombstone)
    assert outcome.record.key == "k"


BAD = {
    "not JSON": (decoded(b"{"), "decode"),
    "empty": (decoded(b""), "decode"),
    "key not UTF-8": (decoded(b"{}", b"\xff"), "decode"),
    "key with NUL": (decoded(b"{}", b"a\0"), "decode"),
    "value not UTF-8": (decoded(b'{"text":"\xff"}'), "decode"),
    "header not UTF-8": (decoded(b"{}", ce_source=b"\xff"), "decode"),
    "header with NUL": (decoded(b"{}", ce_id=b"a\0"), "decode"),
    "header null": (decoded(b"{}", ce_id=None), "decode"),
    "header absent": (decoded(b"{}", ce_time=b"absent"), "decode"),
    "time unreadable": (decoded(b"{}", ce_time=b"noon"), "decode"),
    "time naive": (decoded(b"{}", ce_time=b"2026-11-23T08:00:00"), "decode"),
    "time out of range": (decoded(b"{}", ce_time=b"0001-01-01T00:00:00+14:00"), "decode"),
    "unknown type": (decoded(b"{}", ce_type=b"x.v2"), "schema"),
    "unknown CloudEvents": (decoded(b"{}", ce_specversion=b"0.3"), "schema"),
    "NUL escaped": (decoded(b'{"text":"a\\u0000b"}'), "schema"),
    "NUL in a key": (decoded(b'{"a\\u0000b":1}'), "schema"),
    "lone surrogate": (decoded(b'{"text":"\\ud800"}'), "decode"),
    "NaN": (decoded(b'{"number":NaN}'), "schema"),
    "minus infinity": (decoded(b'{"number":-Infinity}'), "schema"),
    "infinite by exponent": (decoded(b'{"number":1e999}'), "schema"),
    "2^63": (decoded(b'{"whole": 9223372036854775808}'), "schema"),
    "below -2^63": (decoded(b'{"nested":[-99999999999999999999]}'), "schema"),
    "too deep": (decoded(b'{"nested":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "decode"),
    "too deep and suspect": (decoded(b'{"nested":' + b"[" * 100_000 + b"NaN" + b"]" * 100_000 + b"}"), "decode"),
    "too large": (decoded(b'{"text":"' + b"x" * VALUE_BYTES_MAX + b'"}'), "decode"),
    "not an object": (decoded(b"[]"), "schema"),
    "wrong type": (decoded(b'{"whole":"many"}'), "schema"),
}


@pytest.mark.parametrize("name", BAD)
def test_poison_is_bad_with_its_reason_and_its_bytes(name: str) -> None:
    outcome, reason = BAD[name]
    assert isinstance(outcome, Bad), outcome
    assert outcome.reason == reason, outcome.error
    assert outcome.error
    assert len(outcome.error.encode()) <= 512
    assert outcome.record.offset == 7


HARMLESS = {
    "an escaped backslash before u0000": b'{"text":"a\\\\u0000"}',
    "the words NaN and Infinity": b'{"text":"NaN, Infinity"}',
    "the largest integer": b'{"whole":9223372036854775807}',
    "a long number in a text": b'{"text":"18446744073709551616 1e999"}',
    "a uuid that looks like an exponent": b'{"text":"a1e123b4-1e99-4e99-8e99-1e9991e99912"}',
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_like_poison_is_read(name: str) -> None:
    assert isinstance(decoded(HARMLESS[name]), Ok)


def test_an_error_never_repeats_the_value() -> None:
    outcome = decoded(b'{"whole":"Ada Lovelace"}')
    assert isinstance(outcome, Bad)
    assert "Ada" not in outcome.error


def test_a_message_is_cut_at_512_bytes_between_characters() -> None:
    assert len(cut("ü" * 400).encode()) == 512
    assert cut("a\0b\ud800") == "a\\0b?"


def test_headers_survive_packing_whatever_their_bytes() -> None:
    headers: Headers = (("a", b"\xff\0"), ("a", None), ("", b""))
    assert unpack_headers(pack_headers(headers)) == headers
