"""The quick look at a value never lets pass what the slow look would stop at."""

from hypothesis import given
from hypothesis import strategies as st

from services.kit import envelope

PIECES = (
    "0",
    "9",
    ".",
    "e",
    "E",
    "+",
    "-",
    ":",
    ",",
    "[",
    " ",
    '"',
    "N",
    "NaN",
    "Infinity",
    "\\",
    "\\u0000",
    "123456789",
)


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_whatever_the_slow_look_suspects_shows_in_the_outline(pieces: list[str]) -> None:
    value = "".join(pieces).encode()
    outline = value.translate(envelope._OUTLINE)
    shown = b"\\" in outline or envelope._LONG in outline or envelope._EXPONENT in outline
    assert shown or not envelope._suspect(value)
