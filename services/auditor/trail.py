"""I7: the audit's chains verify, their heads stand, and they hold exactly the facts of the topic.

Called by `firstbell verify`. Walking alone cannot show an entry that was added at the end, or one that never was: the
topic can. Reads the auditor's own tables in one snapshot, before the topic is read, so that nothing is missed.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from schemas.audit import ChainId
from schemas.fact import Fact
from schemas.topics import FACTS
from services.auditor.breach import Breach, Invariant
from services.auditor.chain.heads import HeadFiles, read_files
from services.auditor.chain.journal import Chains, content_digest, fact_key, read_chains
from services.auditor.chain.keys import heads_folder, load_verifier
from services.auditor.chain.links import Fault, FaultKind
from services.auditor.chain.walk import walk
from services.kit.settings import Settings

SHOWN_MAX = 20
"""Faults named one by one; the rest are counted in the last. Our judgement, 2026-11-25: a page."""
UNKNOWN_CHAIN: ChainId = "none"
"""Named where a fact has no entry, so no chain."""
NEXT = {
    FaultKind.HEAD: "keep the heads' files as they are; compare them with their copy on another machine",
    FaultKind.UNSEALED: "see that the room auditor runs and may write the heads' folder",
    FaultKind.ABSENT: "see `firstbell dlq list --room auditor`; a fact without an entry can be changed unseen",
}
"""What to do next, where it is not to look at the database."""


@dataclass(frozen=True, slots=True)
class Published:
    """One fact on the topic."""

    fact: Fact
    document: bytes
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Journal:
    """The auditor's tables in one snapshot."""

    chains: Chains
    fences: dict[int, int]
    """Of the fact topic, by partition."""
    heads: HeadFiles
    """As they were before the entries were read."""


async def read_journal(settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]") -> Journal | None:
    """What the auditor keeps. None: it keeps no tables here."""
    if not await connection.fetchval("select to_regclass('auditor.entry')"):
        return None
    files = await asyncio.to_thread(read_files, heads_folder(settings))
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("set local search_path to auditor")
        chains = await read_chains(connection)
        fences = await connection.fetch(
            "select partition, next_offset from fence where topic = $1 and not retired", FACTS.name
        )
    return Journal(chains, {row["partition"]: row["next_offset"] for row in fences}, files)


async def check_trail(settings: Settings, journal: Journal | None, published: Iterable[Published]) -> list[Breach]:
    """Every fault of chains, heads and entries, as breaches of I7. Blocks on the heads' files."""
    if journal is None:
        return [
            Breach(
                invariant=Invariant.AUDIT, subject="audit", expected="the auditor's tables", seen="none",
                next_step="run `firstbell stack up`, so that the room auditor keeps its chains",
            )
        ]  # fmt: skip

    def look() -> list[Fault]:
        verifier = load_verifier(settings, journal.heads.folder)
        walked = walk(journal.chains, journal.heads, verifier, datetime.now(UTC))
        return [*walked.faults, *compare(journal, published)]

    return _breaches(await asyncio.to_thread(look))


def compare(journal: Journal, published: Iterable[Published]) -> list[Fault]:
    """Where the entries of facts and the facts of the topic differ, in either direction."""
    on_topic: dict[str, Published] = {}
    for each in published:
        fact = each.fact
        on_topic.setdefault(fact_key(fact.program_id, fact.school_id, fact.fact_sequence), each)
    faults = []
    entered: set[str] = set()
    for chain, links in sorted(journal.chains.links.items()):
        for link in links:
            entry = link.entry
            if not entry.key.startswith("fact:"):
                continue
            entered.add(entry.key)
            seen = on_topic.get(entry.key)
            if seen is None:
                faults.append(Fault(FaultKind.INSERTED, chain, entry.number, f"{entry.key} on {FACTS.name}", "none"))
            elif (digest := content_digest(seen.document)) != entry.digest:
                faults.append(Fault(FaultKind.EDITED, chain, entry.number, f"{digest} of {entry.key}", entry.digest))
    for key in sorted(on_topic.keys() - entered):
        each = on_topic[key]
        if each.offset < journal.fences.get(each.partition, 0):
            faults.append(Fault(FaultKind.ABSENT, UNKNOWN_CHAIN, 0, f"an entry of {key}", "none in any chain"))
    return faults


def _breaches(faults: list[Fault]) -> list[Breach]:
    breaches = [
        Breach(
            invariant=Invariant.AUDIT,
            subject=f"audit: {fault.kind.value}, district {fault.chain} "
            f"{'line' if fault.kind is FaultKind.HEAD else 'entry'} {fault.number}",
            expected=fault.expected,
            seen=fault.seen,
            next_step=NEXT.get(
                fault.kind, "deploy/runbooks/audit-broken.md; then `firstbell audit accept`, if explained"
            ),
        )
        for fault in faults[:SHOWN_MAX]
    ]
    if len(faults) > SHOWN_MAX:
        more = f"{len(faults) - SHOWN_MAX} more like these"
        breaches.append(
            breaches[-1].model_copy(update={"subject": "audit", "expected": "none to differ", "seen": more})
        )
    return breaches
