"""I2 from the writer's side: each fact that the bridge made durable is on the fact topic, once and unchanged.

The topic alone cannot show that its newest facts are missing; the bridge's rows alone cannot show that they were
changed afterwards. Called by `firstbell verify`; a fact that still waits in the outbox is not missed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import asyncpg

from schemas.fact import Fact
from schemas.topics import FACTS
from services.auditor.breach import Breach, Invariant

Key = tuple[str, str, int]
"""(program, school, fact_sequence)."""
SHOWN_MAX = 20
"""Breaches named one by one; the rest are counted in the last. Our judgement, 2026-11-23: a page."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The bridge's rows, in one snapshot taken before the topic is read."""

    digests: Mapping[Key, str]
    """Of the bytes that travel, recomputed from the stored document."""
    claimed: Mapping[Key, str]
    """The digest each row claims."""
    leaving: frozenset[str]
    """Ids of facts still in the outbox."""


async def read_ledger(connection: "asyncpg.Connection[asyncpg.Record]") -> Ledger | None:
    """What the bridge keeps. None: no bridge keeps tables here."""
    if not await connection.fetchval("select to_regclass('bridge.fact')"):
        return None
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch("select program_id, school_id, fact_sequence, digest, document from bridge.fact")
        leaving = await connection.fetch("select ce_id from bridge.outbox where topic = $1", FACTS.name)
    return Ledger(
        {_key(row): content_digest(bytes(row["document"])) for row in rows},
        {_key(row): row["digest"] for row in rows},
        frozenset(row["ce_id"] for row in leaving),
    )


def _key(row: asyncpg.Record) -> Key:
    return row["program_id"], row["school_id"], row["fact_sequence"]


def content_digest(document: bytes) -> str:
    """The hash of a fact as it travels."""
    return "sha256:" + sha256(document).hexdigest()


def check_ledger(ledger: Ledger, published: Iterable[tuple[Fact, bytes]]) -> list[Breach]:
    """Compares rows with the facts on the topic, given with their bytes. A fact of the topic alone is the reload's."""
    on_topic: dict[Key, str] = {}
    for fact, document in published:
        on_topic.setdefault((fact.program_id, fact.school_id, fact.fact_sequence), content_digest(document))
    breaches = []
    for key, digest in sorted(ledger.digests.items()):
        name = "/".join(key[:2]) + f" fact {key[2]}"
        if ledger.claimed[key] != digest:
            breaches.append(_breach(name, f"the content {ledger.claimed[key]} that its row names", digest))
        if (seen := on_topic.get(key)) is None:
            if f"{key[0]}/{key[1]}/{key[2]}" not in ledger.leaving:
                breaches.append(_breach(name, f"it on {FACTS.name}, or in the bridge's outbox", "it in neither"))
        elif seen != digest:
            breaches.append(_breach(name, f"the content {digest} that the bridge keeps", f"{seen} on {FACTS.name}"))
    if len(breaches) > SHOWN_MAX:
        more = _breach("bridge: facts", "none to differ", f"{len(breaches) - SHOWN_MAX} more like these")
        return [*breaches[:SHOWN_MAX], more]
    return breaches


def _breach(subject: str, expected: str, seen: str) -> Breach:
    return Breach(
        invariant=Invariant.ONE_EFFECT,
        subject=subject,
        expected=expected,
        seen=seen,
        next_step="compare the school's Temporal history with bridge.fact and the topic; a lost fact is an incident",
    )
