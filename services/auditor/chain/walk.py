"""Every chain beside its heads: what `firstbell audit verify` and `firstbell verify` both ask."""

from dataclasses import dataclass, field
from datetime import datetime

from schemas.audit import AuditHead, ChainId
from services.auditor.chain import heads
from services.auditor.chain.heads import HeadFiles
from services.auditor.chain.journal import Chains
from services.auditor.chain.keys import Verifier
from services.auditor.chain.links import Fault, FaultKind, Link, first_fault

UNSEALED_SECONDS_MAX = 600.0
"""Seconds a chain may live before its first head. Our judgement, 2026-11-25: forty rounds of signing."""


@dataclass(slots=True)
class Walked:
    """What a walk over all chains found."""

    links: dict[ChainId, list[Link]]
    lines: dict[ChainId, list[AuditHead | str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def heads_count(self, chain: ChainId) -> int:
        """Lines of a chain's file of heads."""
        return len(self.lines.get(chain, []))

    def sealed(self, chain: ChainId) -> int:
        """The number of the entry that the newest head speaks of; 0: none."""
        return max((head.number for head in self.lines.get(chain, [])[-1:] if isinstance(head, AuditHead)), default=0)


def walk(
    chains: Chains, files: HeadFiles, verifier: Verifier | None, now: datetime, *, only: ChainId | None = None
) -> Walked:
    """Walks each chain that has entries or heads; one chain's fault hides no other's. Never blocks.

    `files` were read before `chains`: a head that was signed meanwhile would speak of entries not read.
    """
    walked = Walked(chains.links)
    known = {*chains.links, *files.lines} if only is None else {only}
    for chain in sorted(known):
        links = chains.links.get(chain, [])
        lines = walked.lines[chain] = files.lines.get(chain, [])
        found = first_fault(chain, links)
        if found is not None:
            walked.faults.append(found)
        walked.faults += heads.check_heads(chain, links, lines, verifier)
        begun = chains.begun_at.get(chain)
        if not lines and begun is not None and now.timestamp() - begun > UNSEALED_SECONDS_MAX:
            walked.faults.append(Fault(FaultKind.UNSEALED, chain, 1, "a signed head", f"none in {files.folder}"))
    return walked
