"""Signed heads in append-only files outside the database, one a chain: what a restored or cut database cannot take back.

Written by the room's sweep and by `firstbell audit head|accept`; read by every verification. A head is only signed
over a chain that still agrees with the head before it: a break is never covered up.
"""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from schemas.audit import AuditHead, ChainId, genesis
from schemas.model import Code, Digest, canonical_bytes, digest_of
from services.auditor.chain.keys import Signer, Verifier
from services.auditor.chain.links import Fault, FaultKind, Link

SUFFIX = ".heads.jsonl"


class BrokenChainError(Exception):
    """The chain no longer agrees with its last head: nothing may be signed before a person has looked."""


@dataclass(frozen=True, slots=True)
class Tip:
    """What a chain looks like to somebody who signs."""

    chain: ChainId
    number: int
    hash: Digest


def signed_part(head: AuditHead) -> bytes:
    """The bytes that the signature speaks of."""
    return canonical_bytes(head.model_copy(update={"signature": ""}))


def make_head(
    signer: Signer, tip: Tip, previous: Digest, now: datetime, *, accepted_for: Code | None = None
) -> AuditHead:
    """A signed head. `accepted_for` None: an ordinary seal."""
    head = AuditHead(
        chain=tip.chain, number=tip.number, hash=tip.hash, signed_at=now, previous=previous,
        act="sealed" if accepted_for is None else "accepted", reason=accepted_for, key_id=signer.public.key_id,
    )  # fmt: skip
    return head.model_copy(update={"signature": signer.sign(signed_part(head))})


def chains_of(folder: Path) -> list[ChainId]:
    """Chains that have a file of heads, in their order."""
    return sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))


@dataclass(frozen=True, slots=True)
class HeadFiles:
    """Every file of heads of a folder, as it was at one moment."""

    folder: Path
    lines: dict[ChainId, list[AuditHead | str]]


def read_files(folder: Path) -> HeadFiles:
    """All lines of all chains. To compare them with entries of a chain that grows, read them before the entries."""
    return HeadFiles(folder, {chain: read_lines(folder, chain) for chain in chains_of(folder)})


def read_lines(folder: Path, chain: ChainId) -> list[AuditHead | str]:
    """Each line of a chain's file: the head, or why it is none."""
    file = folder / f"{chain}{SUFFIX}"
    lines: list[AuditHead | str] = []
    for text in file.read_text("utf-8", errors="replace").splitlines() if file.exists() else []:
        try:
            lines.append(AuditHead.model_validate_json(text))
        except ValidationError as error:
            lines.append(f"{error.error_count()} faults, first: {error.errors(include_url=False)[0]['msg']}")
    return lines


def last_head(folder: Path, chain: ChainId) -> AuditHead | None:
    """The newest head. None: never signed. Raises BrokenChainError when the last line is none."""
    lines = read_lines(folder, chain)
    if not lines:
        return None
    head = lines[-1]
    if isinstance(head, str):
        raise BrokenChainError(f"district {chain}: expected a head in the last line of its file, seen {head}")
    return head


def agree(head: AuditHead | None, tip: Tip, hash_there: Digest | None) -> None:
    """Raises BrokenChainError unless the chain still holds what its last head says. `hash_there`: at the head's number."""
    if head is None:
        return
    if head.number > tip.number:
        raise BrokenChainError(
            f"district {tip.chain}: expected the {head.number} entries whose head was signed, seen {tip.number}; see "
            "`firstbell audit verify`, and `firstbell audit accept` once it is explained"
        )
    if hash_there != head.hash:
        raise BrokenChainError(
            f"district {tip.chain}: expected {head.hash} at entry {head.number}, as signed, seen {hash_there}; see "
            "`firstbell audit verify`"
        )


def append(folder: Path, head: AuditHead) -> bool:
    """Adds a head to its file and makes it durable. False: another process was first, and nothing was written."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{head.chain}{SUFFIX}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if head.previous != following(folder, head.chain):
            return False
        os.write(descriptor, canonical_bytes(head) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def following(folder: Path, chain: ChainId) -> Digest:
    """What the next head of a file must name as its predecessor."""
    last = last_head(folder, chain)
    return genesis(chain) if last is None else digest_of(last)


def check_heads(
    chain: ChainId, links: Sequence[Link], lines: Sequence[AuditHead | str], verifier: Verifier | None
) -> list[Fault]:
    """Every fault of a chain's heads, and the first place at which the chain is not what was signed."""
    faults: list[Fault] = []
    current: list[AuditHead] = []
    previous = genesis(chain)
    for number, head in enumerate(lines, start=1):
        problem = _problem(head, chain, previous, verifier)
        if problem or isinstance(head, str):
            faults.append(Fault(FaultKind.HEAD, chain, number, "a head that our key signed", problem or str(head)))
            continue
        previous = digest_of(head)
        current = [head] if head.act == "accepted" else [*current, head]
    found = _differs(chain, links, current)
    return faults if found is None else [*faults, found]


def _problem(head: AuditHead | str, chain: ChainId, previous: Digest, verifier: Verifier | None) -> str | None:
    if isinstance(head, str):
        return head
    if verifier is None:
        return "a head, and no public key to check it with"
    if head.chain != chain:
        return f"a head of district {head.chain}"
    if not verifier.stands(signed_part(head), head.signature):
        return f"a signature that the key {verifier.key_id} did not make"
    if head.previous != previous:
        return "a head that does not follow the line before: a line was taken out, or put in"
    return None


def _differs(chain: ChainId, links: Sequence[Link], heads: Sequence[AuditHead]) -> Fault | None:
    agreed = 0
    for head in heads:
        if head.number > len(links):
            gone = f"{head.number} entries, as signed at {head.signed_at.isoformat()}"
            return Fault(FaultKind.TRUNCATED, chain, len(links) + 1, gone, f"{len(links)}")
        if head.number and links[head.number - 1].hash != head.hash:
            where = f"entries {agreed + 1} to {head.number} as signed at {head.signed_at.isoformat()}: {head.hash}"
            return Fault(FaultKind.REWRITTEN, chain, agreed + 1, where, links[head.number - 1].hash)
        agreed = head.number
    return None
