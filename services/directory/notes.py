"""Whether a note names somebody: a person of the roster, or an e-mail address. Pure; called before a note is kept.

It compares words, whatever their case and accents: a name hidden in a longer word is none. It says where, never whom.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, permutations

NAME_LETTERS_MIN = 3
"""Letters from which a given or family name alone is a name; shorter ones count side by side. Default, not a standard."""
NOTE_CHARACTERS_MAX = 4000
"""Characters of one note. Our judgement, 2026-11-25."""
_INSIDE = 3
"""Characters at most between two words of one name: a comma and a blank, an apostrophe, a hyphen."""

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a note says too much; both from 1."""

    line: int
    column: int
    what: str
    """`a name of the roster` or `an e-mail address`."""

    def words(self) -> str:
        """The refusal in one sentence, which repeats nothing of the note."""
        return (
            f"line {self.line}, column {self.column}: expected no {self.what}; say the role or the actor's id instead"
        )


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int


def spots(note: str, names: Iterable[tuple[str, str]]) -> list[Spot]:
    """Every place where a note holds an address or a name, given and family, of these; in order."""
    words = list(_words(note))
    forbidden = {wanted for given, family in names for wanted in _forms(given, family)}
    longest = max(map(len, forbidden), default=0)
    found = dict.fromkeys(_addresses(note), "an e-mail address")
    for place in range(len(words)):
        for length in range(1, longest + 1):
            run = words[place : place + length]
            near = all(later.start - earlier.end <= _INSIDE for earlier, later in pairwise(run))
            if len(run) == length and near and tuple(word.text for word in run) in forbidden:
                found.setdefault(run[0].start, "a name of the roster")
    return [_spot(note, at, what) for at, what in sorted(found.items())]


def _forms(given: str, family: str) -> Iterator[Words]:
    """What counts as naming a person: each part alone if it is long enough, parts run together, short ones in a row."""
    parts = [tuple(word.text for word in _words(part)) for part in (given, family)]
    for part in parts:
        yield from ((word,) for word in (*part, "".join(part)) if len(word) >= NAME_LETTERS_MIN)
        if len(part) > 1:
            yield part
    for one, other in permutations(parts):
        if one and other:
            yield (*one, *other)


def _words(text: str) -> Iterator[_Word]:
    """Runs of letters, in small letters without accents; what cannot be seen is passed over."""
    letters: list[str] = []
    start = end = 0
    for at, character in enumerate(text):
        if unicodedata.category(character) == "Cf" or unicodedata.combining(character):
            continue  # a joiner or an accent belongs to the letter before it
        plain = [each for each in _small(character) if each.isalpha()]
        if plain:
            start = start if letters else at
            letters += plain
            end = at + 1
        elif letters:
            yield _Word("".join(letters), start, end)
            letters = []
    if letters:
        yield _Word("".join(letters), start, end)


def _small(character: str) -> str:
    """Small letters without accents: by way of capitals, since some small letters (dotless i) share one."""
    capital = unicodedata.normalize("NFKD", character).upper()
    return unicodedata.normalize("NFKD", capital.casefold())


def _addresses(text: str) -> Iterator[int]:
    """Where something stands on both sides of an at sign."""
    for at, character in enumerate(text):
        if unicodedata.normalize("NFKC", character) != "@" or not 0 < at < len(text) - 1:
            continue
        if not text[at - 1].isspace() and not text[at + 1].isspace():
            yield max((n + 1 for n in range(at) if text[n].isspace()), default=0)


def _spot(note: str, at: int, what: str) -> Spot:
    before = note[:at]
    return Spot(before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1, what.removeprefix("a ").removeprefix("an "))
