"""Which of several statements about one thing stands: the greatest rank, in any order of arrival.

A rank is (revision, content). Two different contents under one revision are a source's mistake; the greater
content stands, so that every order of arrival ends alike. Called by everything that keeps the newest of a thing.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from services.kit.outcome import Disposition

K = TypeVar("K", bound=Hashable)
Rank = tuple[Any, ...]
"""(revision, then whatever orders contradicting contents). Any: contents of one kind compare with one another."""


class Settled(NamedTuple):
    """What became of each statement, and how many contradicted what stands under the same revision."""

    dispositions: list[Disposition]
    contradicted_count: int


def greatest(keys: Sequence[K], ranks: Sequence[Rank]) -> dict[K, int]:
    """Of each thing, the place of its first statement of greatest rank."""
    best: dict[K, int] = {}
    for place, key in enumerate(keys):
        held = best.setdefault(key, place)
        if held != place and ranks[place] > ranks[held]:
            best[key] = place
    return best


def settle(
    keys: Sequence[K], ranks: Sequence[Rank], best: Mapping[K, int], won: Collection[K], stored: Mapping[K, Rank]
) -> Settled:
    """One disposition for each statement, aligned.

    `best` is `greatest`; `won` are the things whose best was written; `stored` holds the ranks the others met.
    """
    found: list[Disposition] = []
    contradicted = 0
    for place, key in enumerate(keys):
        rank, holder = ranks[place], best[key]
        if key in won and holder == place:
            found.append(Disposition.APPLIED)
            continue
        standing = ranks[holder] if key in won else stored[key]
        found.append(Disposition.DUPLICATE if rank == standing else Disposition.SUPERSEDED)
        contradicted += rank != standing and rank[0] == standing[0]
    return Settled(found, contradicted)
