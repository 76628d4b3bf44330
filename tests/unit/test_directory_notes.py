"""A note names nobody: names and addresses are found wherever they stand, and never said again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.directory.notes import spots

PEOPLE = [("Wilhelmina", "Okonkwo"), ("Li", "Wu"), ("José María", "O'Brien-Smith"), ("Bo", "Andersson"), ("", "Vance")]


def columns(note: str) -> list[tuple[int, int]]:
    return [(spot.line, spot.column) for spot in spots(note, PEOPLE)]


@pytest.mark.parametrize(
    ("note", "places"),
    [
        ("We spoke with Wilhelmina today.", [(1, 15)]),
        ("The cabling is late.\nOKONKWO agrees.", [(2, 1)]),
        ("okonkwo's room", [(1, 1)]),
        ("asked Jose about it", [(1, 7)]),
        ("asked MARÍA about it", [(1, 7)]),
        ("asked Mari\u0301a about it", [(1, 7)]),
        ("saw O\u2019Brien there", [(1, 7)]),
        ("saw Brien there", [(1, 5)]),
        ("saw Smith there", [(1, 5)]),
        ("Li Wu said", [(1, 1)]),
        ("Wu, Li said", [(1, 1)]),
        ("a li in Wu", []),
        ("Bo Andersson", [(1, 1), (1, 4)]),
        ("Wil\u200bhelmina", [(1, 1)]),
        ("Advance notice was given to Vancelike schools", []),
        ("Mr Vance", [(1, 4)]),
        ("write to a.b@district.org now", [(1, 10)]),
        ("write to a.b\uff20district.org now", [(1, 10)]),
        ("five schools @ noon", []),
        ("The principal agreed; actor-7f3a signed.", []),
        ("", []),
    ],
)
def test_where_a_note_says_too_much(note: str, places: list[tuple[int, int]]) -> None:
    assert columns(note) == places


def test_a_refusal_repeats_nothing_of_the_note() -> None:
    said = " ".join(spot.words() for spot in spots("Ask Wilhelmina Okonkwo, w@x.org", PEOPLE)).casefold()
    assert "line 1, column 5" in said
    assert not any(word in said for word in ("wilhelmina", "okonkwo", "w@x"))


WORDS = st.text(st.characters(categories=["L"]), min_size=3, max_size=9)


@given(WORDS, WORDS, st.lists(st.sampled_from(["the", "late,", "cable\n", "7"]), max_size=6), st.integers(0, 6))
def test_a_name_is_found_wherever_it_stands(given_: str, family: str, around: list[str], place: int) -> None:
    for name in (given_, family.upper(), f"{family.lower()}, {given_}"):
        words = [*around[:place], name, *around[place:]]
        assert spots(" ".join(words), [(given_, family)])
