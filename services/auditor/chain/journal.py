"""The chains in PostgreSQL: what the room's consumer enters, in the order in which it applied it, once for ever.

Called by the room's process for each batch, inside its transaction. A repeat is dropped; the same key with other
bytes is a dead letter. A chain grows by one writer at a time, whichever process that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from pydantic import BaseModel

from schemas.audit import UNPLACED, AuditEntry, ChainId, genesis
from schemas.fact import ContextChanged, Fact, GateDecided
from services.auditor.chain.heads import Tip
from services.auditor.chain.links import Link, follow
from services.kit.batch import Batch
from services.kit.database import Connection
from services.kit.envelope import Record
from services.kit.outcome import Dead, Disposition

APPEND_LOCK_CLASS = 0x0B1A
"""First half of the advisory lock's key; the second is the room's hash."""
Rollout = tuple[str, str]
"""(program, school)."""


def fact_key(program_id: str, school_id: str, sequence: int) -> str:
    """The key of a fact's entry."""
    return f"fact:{program_id}/{school_id}/{sequence}"


def content_digest(document: bytes) -> str:
    """The hash of bytes as they travelled."""
    return "sha256:" + sha256(document).hexdigest()


def district_told(fact: Fact) -> str | None:
    """The district that a fact itself names. None: it names none."""
    body = fact.body
    if isinstance(body, ContextChanged):
        return body.context.district_id
    if isinstance(body, GateDecided) and body.decision.inputs.context is not None:
        return body.decision.inputs.context.district_id
    return None


async def enter_facts(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
    """Enters every new fact into the chain of its school's district, in the batch's transaction."""
    await lock(batch)
    facts = [record.value for record in records if isinstance(record.value, Fact)]
    assert len(facts) == len(records), "the decoder makes facts alone"
    chains = await _place(batch.connection, facts)
    drafts = [
        AuditEntry(
            chain=chain, number=1, kind=fact.body.kind, previous=genesis(chain), occurred_at=fact.occurred_at,
            key=fact_key(fact.program_id, fact.school_id, fact.fact_sequence),
            digest=content_digest(record.raw_value or b""),
        )
        for fact, chain, record in zip(facts, chains, records, strict=True)
    ]  # fmt: skip
    return await enter(batch, drafts)


async def lock(batch: Batch) -> None:
    """One writer at a time until the transaction ends, whichever process and whichever topic it reads."""
    await batch.connection.execute("select pg_advisory_xact_lock($1, hashtext(current_schema()))", APPEND_LOCK_CLASS)


async def _place(connection: Connection, facts: Sequence[Fact]) -> list[ChainId]:
    """Each fact's chain: the district it names, else the one its school was last told, else the first it will be told."""
    rollouts = sorted({(fact.program_id, fact.school_id) for fact in facts})
    columns = [[program for program, _ in rollouts], [school for _, school in rollouts]]
    rows = await connection.fetch(
        """select program_id, school_id, district_id from rollout
        where (program_id, school_id) in (select * from unnest($1::text[], $2::text[]))""",
        *columns,
    )
    held: dict[Rollout, str] = {(row["program_id"], row["school_id"]): row["district_id"] for row in rows}
    before = dict(held)
    for fact in facts:
        if (told := district_told(fact)) is not None:
            held.setdefault((fact.program_id, fact.school_id), told)
    chains = []
    for fact in facts:
        rollout = (fact.program_id, fact.school_id)
        if (told := district_told(fact)) is not None:
            held[rollout] = told
        chains.append(held.get(rollout, UNPLACED))
    changed = sorted(rollout for rollout in held if held[rollout] != before.get(rollout))
    await connection.execute(
        """insert into rollout (program_id, school_id, district_id)
        select * from unnest($1::text[], $2::text[], $3::text[])
        on conflict (program_id, school_id) do update set district_id = excluded.district_id""",
        [program for program, _ in changed], [school for _, school in changed], [held[each] for each in changed],
    )  # fmt: skip
    return chains


async def enter(batch: Batch, drafts: Sequence[AuditEntry]) -> list[Disposition | Dead]:
    """Appends drafts in their order. Each names its chain; number and predecessor are given here."""
    results: list[Disposition | Dead] = []
    held = await batch.connection.fetch(
        "select key, digest from entry where key = any($1::text[])", [draft.key for draft in drafts]
    )
    known: dict[str, str] = {row["key"]: row["digest"] for row in held}
    ends = {tip.chain: tip for tip in await tips(batch.connection, sorted({draft.chain for draft in drafts}))}
    fresh: list[Link] = []
    for draft in drafts:
        seen = known.setdefault(draft.key, draft.digest) if draft.key in known else None
        if seen is None:
            known[draft.key] = draft.digest
            end = ends.get(draft.chain) or Tip(draft.chain, 0, genesis(draft.chain))
            link = follow(draft.chain, end.number, end.hash, draft)
            ends[draft.chain] = Tip(draft.chain, link.entry.number, link.hash)
            fresh.append(link)
            results.append(Disposition.APPLIED)
        elif seen == draft.digest:
            results.append(Disposition.DUPLICATE)
        else:
            results.append(
                Dead("conflicting-entry", f"{draft.key}: expected content {seen}, as entered, seen {draft.digest}")
            )
    await _insert(batch, fresh)
    return results


async def _insert(batch: Batch, links: Sequence[Link]) -> None:
    rows = [(link.entry, link.hash) for link in links]
    await batch.connection.execute(
        """insert into entry (chain, number, kind, key, digest, occurred_at, previous, hash, recorded_at)
        select *, $9::timestamptz from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[],
            $6::timestamptz[], $7::text[], $8::text[])""",
        [entry.chain for entry, _ in rows], [entry.number for entry, _ in rows], [entry.kind for entry, _ in rows],
        [entry.key for entry, _ in rows], [entry.digest for entry, _ in rows],
        [entry.occurred_at for entry, _ in rows], [entry.previous for entry, _ in rows], [hash_ for _, hash_ in rows],
        batch.now,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chains:
    """Every chain, read in one snapshot."""

    links: dict[ChainId, list[Link]]
    begun_at: dict[ChainId, float]
    """Seconds since the epoch at which the first entry was recorded."""


async def tips(connection: Connection, chains: Sequence[ChainId] | None = None) -> list[Tip]:
    """The newest entry of each chain, by chain; of these, or of all. By one step in the index a chain: it reads no chain."""
    rows = await connection.fetch(
        """with recursive known (chain) as (
            (select chain from entry where $1::text[] is null order by chain limit 1)
            union all
            select (select e.chain from entry e where e.chain > known.chain order by e.chain limit 1)
            from known where known.chain is not null
        ), asked as (select unnest($1::text[]) as chain union select chain from known)
        select asked.chain, newest.number, newest.hash from asked cross join lateral (
            select number, hash from entry e where e.chain = asked.chain order by number desc limit 1
        ) newest order by asked.chain""",
        chains,
    )
    return [Tip(row["chain"], row["number"], row["hash"]) for row in rows]


async def hash_at(connection: Connection, chain: ChainId, number: int) -> str | None:
    """The hash stored with an entry. None: there is no such entry."""
    found: str | None = await connection.fetchval(
        "select hash from entry where chain = $1 and number = $2", chain, number
    )
    return found


async def read_chains(connection: Connection, chain: ChainId | None = None) -> Chains:
    """Every entry as stored, by chain and number. What can no longer be read as an entry is kept as it is."""
    rows = await connection.fetch(
        "select * from entry where $1::text is null or chain = $1 order by chain, number", chain
    )
    found = Chains({}, {})
    for row in rows:
        # Not validated: an edited row must be walked over, and named, rather than stop the look.
        entry = AuditEntry.model_construct(**{name: row[name] for name in AuditEntry.model_fields})
        found.links.setdefault(row["chain"], []).append(Link(entry, row["hash"]))
        found.begun_at.setdefault(row["chain"], row["recorded_at"].timestamp())
    return found
