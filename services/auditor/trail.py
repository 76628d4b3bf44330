"""I7: the audit's chains verify, their heads stand, and they hold exactly what their topics told.

Called by `firstbell verify`. Walking alone cannot show an entry that was added at the end, or one that never was: the
topic can. Reads the auditor's own tables in one snapshot, before the topic is read, so that nothing is missed.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from schemas.fact import Fact
from schemas.topics import FACTS, NOTES, PROGRAM_FACTS, VARIANCES
from services.auditor.breach import Breach, Invariant
from services.auditor.chain.heads import HeadFiles, read_files
from services.auditor.chain.journal import Chains, content_digest, fact_key, read_chains
from services.auditor.chain.keys import heads_folder, load_verifier
from services.auditor.chain.links import Fault, FaultKind
from services.auditor.chain.walk import walk
from services.auditor.statewide import NO_CHAIN, Kept, Told, compare_kept, read_kept, superseded
from services.kit.settings import Settings

SHOWN_MAX = 20
"""Faults named one by one; the rest are counted in the last. Our judgement, 2026-11-25: a page."""
SOURCES = {"fact": FACTS.name, "program-fact": PROGRAM_FACTS.name, "variance": VARIANCES.name, "note": NOTES.name}
"""What stands before the colon of an entry's key, to the topic that told it."""
NEXT = {
    FaultKind.HEAD: "keep the heads' files as they are; compare them with their copy on another machine",
    FaultKind.UNSEALED: "see that the room auditor runs and may write the heads' folder",
    FaultKind.ABSENT: "see `firstbell dlq list --room auditor`; what has no entry can be changed unseen",
}
"""What to do next, where it is not to look at the database."""


@dataclass(frozen=True, slots=True)
class Published:
    """One fact on the topic."""

    fact: Fact
    document: bytes
    partition: int
    offset: int

    @property
    def told(self) -> Told:
        """As any record that the chains enter."""
        key = fact_key(self.fact.program_id, self.fact.school_id, self.fact.fact_sequence)
        return Told(key, self.document, FACTS.name, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Journal:
    """The auditor's tables in one snapshot."""

    chains: Chains
    fences: dict[tuple[str, int], int]
    """By topic and partition."""
    heads: HeadFiles
    """As they were before the entries were read."""
    kept: Kept
    """Rows of variances and notes."""


async def read_journal(settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]") -> Journal | None:
    """What the auditor keeps. None: it keeps no tables here."""
    if not await connection.fetchval("select to_regclass('auditor.entry')"):
        return None
    files = await asyncio.to_thread(read_files, heads_folder(settings))
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("set local search_path to auditor")
        chains = await read_chains(connection)
        rows = await connection.fetch("select topic, partition, next_offset from fence where not retired")
    fences = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    return Journal(chains, fences, files, await read_kept(connection))


async def check_trail(settings: Settings, journal: Journal | None, told: Sequence[Told]) -> list[Breach]:
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
        return [*walked.faults, *compare(journal, told), *compare_kept(journal.kept, told, journal.chains)]

    return _breaches(await asyncio.to_thread(look))


def compare(journal: Journal, told: Iterable[Told]) -> list[Fault]:
    """Where the entries and the records of their topics differ, in either direction."""
    on_topic: dict[str, Told] = {}
    for each in told:
        on_topic.setdefault(each.key, each)
    faults = []
    entered: set[str] = set()
    for chain, links in sorted(journal.chains.links.items()):
        for link in links:
            entry = link.entry
            topic = SOURCES.get(entry.key.partition(":")[0])
            if topic is None:
                continue
            entered.add(entry.key)
            seen = on_topic.get(entry.key)
            if seen is None:
                if not superseded(entry.key, on_topic):
                    faults.append(Fault(FaultKind.INSERTED, chain, entry.number, f"{entry.key} on {topic}", "none"))
            elif (digest := content_digest(seen.document)) != entry.digest:
                faults.append(Fault(FaultKind.EDITED, chain, entry.number, f"{digest} of {entry.key}", entry.digest))
    for key in sorted(on_topic.keys() - entered):
        each = on_topic[key]
        if each.offset < journal.fences.get((each.topic, each.partition), 0):
            faults.append(Fault(FaultKind.ABSENT, NO_CHAIN, 0, f"an entry of {key}", "none in any chain"))
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
