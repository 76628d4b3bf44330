"""Laws of the envelope for any input at all, and of the judge of bad shares."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from services.kit.batch import pack_headers, unpack_headers
from services.kit.envelope import Bad, Ok, Tombstone, decode_record, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(categories=["L"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
HEADERS = st.lists(st.tuples(st.text(), st.none() | st.binary())).map(tuple)


class Anything(BaseModel):
    """Lets every JSON value in."""

    value: object = None


DECODER: dict[str, type[BaseModel]] = {"any.v1": Anything}
GOOD = tuple(encode("any.v1", b"", None, source="s", time=datetime(2026, 1, 1, tzinfo=UTC)).headers)


@given(st.none() | st.binary(), st.none() | st.binary(), HEADERS, st.booleans(), st.integers(-1, 2**41))
def test_any_bytes_get_an_answer(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...], good: bool, at: int
) -> None:
    outcome = decode_record("t", 0, 5, at, key, value, GOOD + headers if good else headers, DECODER)
    assert isinstance(outcome, Ok | Tombstone | Bad)
    assert outcome.record.raw_value == value
    assert outcome.record.raw_key == key
    assert outcome.record.offset == 5


@given(JSON, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_what_is_encoded_is_decoded(value: object, key: str) -> None:
    sent = encode("any.v1", Anything(value=value), key, source="s")
    outcome = decode_record("t", 0, 5, 0, sent.key, sent.value, tuple(sent.headers), DECODER)
    assert isinstance(outcome, Ok), outcome
    assert outcome.record.value == Anything(value=value)
    assert outcome.record.key == key


@given(HEADERS)
def test_packed_headers_are_the_same_headers(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    assert unpack_headers(pack_headers(headers)) == headers
