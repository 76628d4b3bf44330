"""Kinds of school life, and which school gets which: a function of the seed alone."""

from collections.abc import Sequence
from enum import StrEnum
from random import Random


class Personality(StrEnum):
    """What befalls a school. Each but the first is held somewhere, for the reason its name says."""

    CLEAN = "clean"
    SLOW_NETWORK = "slow-network"
    UNTRAINED = "untrained"
    BROKEN_BETA = "broken-beta"
    SILENT = "silent"
    """Device management goes quiet."""
    UNANSWERED = "unanswered"
    """Training is attested by a coach, so a principal is asked, and does not answer."""


CLEAN_SHARE = 0.5
"""Share of schools that nothing befalls; the others divide evenly. Our judgement, 2026-11-23."""


def assign(school_ids: Sequence[str], seed: int, clean_share: float = CLEAN_SHARE) -> dict[str, Personality]:
    """A personality for each school; every kind at least once when there are six schools or more, unless all are clean."""
    order = sorted(school_ids)
    Random(f"personalities:{seed}").shuffle(order)
    troubled = [kind for kind in Personality if kind is not Personality.CLEAN]
    troubled_count = max(int(len(order) * (1 - clean_share)), len(troubled)) if clean_share < 1 else 0
    clean_count = max(len(order) - troubled_count, 0)
    return {
        school: Personality.CLEAN if index < clean_count else troubled[(index - clean_count) % len(troubled)]
        for index, school in enumerate(order)
    }
