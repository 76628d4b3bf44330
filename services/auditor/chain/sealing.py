"""Signs the newest entry of every chain that has grown, from time to time and on demand.

Called by the room's sweep and by `firstbell audit head`. A chain that disagrees with its last head is left unsigned,
said aloud, and counted: the others are signed all the same.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from schemas.audit import AuditHead, ChainId, genesis
from services.auditor.chain import heads, journal
from services.auditor.chain.heads import BrokenChainError, Tip
from services.auditor.chain.keys import Signer
from services.kit.database import Connection


@dataclass(slots=True)
class Sealed:
    """What one round of signing did."""

    heads: list[AuditHead] = field(default_factory=list)
    """New ones."""
    refused: dict[ChainId, str] = field(default_factory=dict)
    """Chains that were not signed, and why."""


async def seal(connection: Connection, folder: Path, signer: Signer, now: datetime) -> Sealed:
    """Signs every chain's newest entry that has no head yet. Heads are durable once this returns."""
    sealed = Sealed()
    ends = {tip.chain: tip for tip in await journal.tips(connection)}
    for chain in sorted({*ends, *heads.chains_of(folder)}):
        tip = ends.get(chain) or Tip(chain, 0, genesis(chain))
        try:
            head = await _seal_one(connection, folder, signer, tip, now)
        except BrokenChainError as error:
            sealed.refused[chain] = str(error)
            continue
        if head is not None:
            sealed.heads.append(head)
    return sealed


async def _seal_one(connection: Connection, folder: Path, signer: Signer, tip: Tip, now: datetime) -> AuditHead | None:
    last = heads.last_head(folder, tip.chain)
    there = None if last is None else await journal.hash_at(connection, tip.chain, last.number)
    if last is not None and last.number:
        heads.agree(last, tip, there)
    if last is not None and last.number == tip.number:
        return None
    head = heads.make_head(signer, tip, heads.following(folder, tip.chain), now)
    return head if heads.append(folder, head) else None


async def accept(
    connection: Connection, folder: Path, signer: Signer, chain: ChainId, reason: str, now: datetime
) -> AuditHead:
    """Signs the chain as it stands and sets its earlier heads aside; they stay in the file.

    Raises BrokenChainError when another process signed at the same moment.
    """
    found = await journal.tips(connection, [chain])
    tip = found[0] if found else Tip(chain, 0, genesis(chain))
    head = heads.make_head(signer, tip, heads.following(folder, chain), now, accepted_for=reason)
    if not heads.append(folder, head):
        raise BrokenChainError(f"district {chain}: another process signed it meanwhile; look again")
    return head
