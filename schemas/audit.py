"""The audit's words: an entry of a district's chain, and the signed head that is kept outside the database.

Made by services/auditor. An entry says that something existed, with its digest; what it was stays where it is kept.
The format is open: whatever has a kind, a key and bytes may be entered, facts first of all.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.model import Code, Digest, Instant, Strict, digest_of

ChainId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A district's id; `unplaced` for what happened before its district was told; `statewide` for what belongs to none."""

EntryKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,30}:[A-Za-z0-9][A-Za-z0-9./-]{0,199}$")]
"""Where the source keeps it: `fact:PROGRAM/SCHOOL/SEQUENCE`, `program-fact:PROGRAM/SEQUENCE`, `variance:ID/REVISION`,
`note:ID`. Entered once for ever."""

UNPLACED: ChainId = "unplaced"
STATEWIDE: ChainId = "statewide"
"""Facts of programs, variances, and ids and digests of notes: no district owns them."""


class AuditEntry(Strict):
    """One entry. Its hash is the digest of all its fields, so that its number and its predecessor are part of it."""

    chain: ChainId
    number: int = Field(ge=1)
    """Without gap from 1."""
    kind: Code
    """What it is about: a fact's kind, say."""
    key: EntryKey
    digest: Digest
    """Of the bytes as they travelled."""
    occurred_at: Instant
    previous: Digest
    """The hash of the entry before; of the first, `genesis`."""


class AuditHead(Strict):
    """A chain's newest entry, signed: the chain may grow beyond it, and never again differ below it."""

    chain: ChainId
    number: int = Field(ge=0)
    """0 only where an empty chain was accepted."""
    hash: Digest
    signed_at: Instant
    previous: Digest
    """The digest of the head before in its file; of the first, `genesis`."""
    act: Literal["sealed", "accepted"] = "sealed"
    """`accepted`: a person set the heads before this one aside, after a restore, say."""
    reason: Code | None = None
    """Why it was accepted. None: it was sealed."""
    key_id: Digest
    """Of the public key's bytes."""
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 over the canonical bytes of the rest. Empty only while it is being made."""


def genesis(chain: ChainId) -> Digest:
    """What the first entry and the first head of a chain follow: no chain's beginning fits another's."""
    return digest_of(["firstbell.audit.v1", chain])
