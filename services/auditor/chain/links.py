"""Walks a chain and names the first place where it is not what it was: edit, removal, reorder, insertion. Pure.

Called by `firstbell audit verify` and `firstbell verify`. It stops at the first fault of a chain, since every link
after it rests on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.audit import AuditEntry, ChainId, genesis
from schemas.model import Digest, digest_of


class FaultKind(StrEnum):
    """What was done to a chain, or to its heads."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    """Consistent in itself, and not the chain whose head was signed."""
    HEAD = "head-forged"
    """A line of the heads' file is no head of ours."""
    UNSEALED = "unsealed"
    ABSENT = "absent"
    """What was told behind the auditor's fence has no entry, or what is kept was never told."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One place of one chain."""

    kind: FaultKind
    chain: ChainId
    number: int
    """The entry, or of a head's fault the line of its file."""
    expected: str
    seen: str

    def __str__(self) -> str:
        where = "line" if self.kind is FaultKind.HEAD else "entry"
        return f"{self.kind.value}: district {self.chain} {where} {self.number}: expected {self.expected}, seen {self.seen}"


@dataclass(frozen=True, slots=True)
class Link:
    """One row: the entry, and the hash that was stored with it."""

    entry: AuditEntry
    hash: Digest


def follow(chain: ChainId, number: int, previous: Digest, draft: AuditEntry) -> Link:
    """The draft as the next link: after entry `number`, whose hash is `previous`."""
    entry = draft.model_copy(update={"chain": chain, "number": number + 1, "previous": previous})
    return Link(entry, digest_of(entry))


def first_fault(chain: ChainId, links: Sequence[Link]) -> Fault | None:
    """The first fault of a chain, its links in the order of their numbers. None: it is whole in itself."""
    previous = genesis(chain)
    for number, link in enumerate(links, start=1):
        entry = link.entry
        if entry.number != number:
            gone = f"entries {number} to {entry.number - 1}" if entry.number > number + 1 else f"entry {number}"
            return Fault(FaultKind.REMOVED, chain, number, gone, f"entry {entry.number} next")
        if entry.previous != previous:
            return _misplaced(chain, links, number, previous)
        if digest_of(entry) != link.hash:
            return Fault(FaultKind.EDITED, chain, number, f"content of hash {link.hash}", f"{digest_of(entry)}")
        previous = link.hash
    return None


def _misplaced(chain: ChainId, links: Sequence[Link], number: int, previous: Digest) -> Fault:
    """Entry `number` does not follow its predecessor: why not."""
    link = links[number - 1]
    expected = f"an entry that follows {previous}"
    if number > 1 and link.entry.previous == links[number - 2].entry.previous:
        return Fault(
            FaultKind.INSERTED, chain, number - 1, "one entry after the one before", f"two, {number - 1} and {number}"
        )
    heir = next((each.entry.number for each in links[number:] if each.entry.previous == previous), None)
    home = _home(link, len(links) + 1)
    if heir is not None:
        if home is None:
            return Fault(FaultKind.INSERTED, chain, number, expected, f"a stranger; that one is entry {heir}")
        return Fault(FaultKind.REORDERED, chain, number, expected, f"what was entry {home}; that one is entry {heir}")
    if home is not None and home > number:
        return Fault(FaultKind.REMOVED, chain, number, expected, f"what was entry {home}")
    before = max(number - 1, 1)
    return Fault(
        FaultKind.EDITED, chain, before, f"the hash {link.entry.previous} that entry {number} follows", previous
    )


def _home(link: Link, last: int) -> int | None:
    """The number a link was made with. None: with none of the chain's."""
    entry = link.entry
    return next(
        (each for each in range(1, last + 1) if digest_of(entry.model_copy(update={"number": each})) == link.hash), None
    )
