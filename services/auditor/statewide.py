"""I7 beside the statewide chain: what its topics told, and what the rooms that own variances and notes still keep.

Called by `firstbell verify`. Of a note it reads the digest, which the database calculates; never the text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import asyncpg
from pydantic import BaseModel, ValidationError

from schemas.audit import STATEWIDE
from schemas.model import digest_of
from schemas.note import NoteKept
from schemas.topics import NOTES, PROGRAM_FACTS, VARIANCES, Topic
from schemas.variance import Variance
from services.auditor.breach import Breach, Invariant
from services.auditor.chain.journal import Chains
from services.auditor.chain.links import Fault, FaultKind
from services.auditor.chain.statewide import describe
from services.kit.envelope import Bad, Ok
from services.kit.settings import Settings
from services.kit.snapshot import whole_topic

TOPICS: tuple[Topic, ...] = (PROGRAM_FACTS, VARIANCES, NOTES)
NO_CHAIN = "none"

# The digest of schemas/note.py, said in SQL so that no text leaves the database; a test compares the two.
_NOTES = """select note_id, written_at,
    'sha256:' || encode(sha256(convert_to(coalesce(salt, '') || body, 'UTF8')), 'hex') as digest from directory.note"""


@dataclass(frozen=True, slots=True)
class Told:
    """One record of a topic whose records the chains enter."""

    key: str
    """Of its entry."""
    document: bytes
    topic: str
    partition: int
    offset: int
    claim: str = ""
    """What the row behind it must say. Empty: no row is compared."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Variances and notes at rest, in one snapshot taken before the topics are read."""

    claims: Mapping[str, str]
    """Entry's key to what its row says."""
    leaving: frozenset[str]
    """Keys whose record is still in an outbox."""


def claim_of(value: BaseModel) -> str:
    """What the row behind a record must say. Empty: it has none."""
    if isinstance(value, NoteKept):
        return f"{value.digest} of {value.written_at.isoformat()}"
    return digest_of(value) if isinstance(value, Variance) else ""


async def read_kept(connection: "asyncpg.Connection[asyncpg.Record]") -> Kept:
    """The rows of directory and policies; those of a room that keeps no tables here are none."""
    claims: dict[str, str] = {}
    leaving: set[str] = set()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if await connection.fetchval("select to_regclass('directory.note')"):
            for row in await connection.fetch(_NOTES):
                claims[f"note:{row['note_id']}"] = f"{row['digest']} of {row['written_at'].isoformat()}"
            rows = await connection.fetch("select ce_id from directory.outbox where topic = $1", NOTES.name)
            leaving |= {f"note:{row['ce_id']}" for row in rows}
        if await connection.fetchval("select to_regclass('policies.variance')"):
            for row in await connection.fetch("select variance_id, content from policies.variance"):
                try:
                    variance = Variance.model_validate_json(row["content"])
                except ValidationError:  # somebody's edit: named as a row that no record told
                    claims[f"variance:{row['variance_id']}/unreadable"] = "no variance"
                    continue
                claims[describe(variance)[0]] = claim_of(variance)
            rows = await connection.fetch("select ce_id from policies.outbox where topic = $1", VARIANCES.name)
            leaving |= {f"variance:{row['ce_id']}" for row in rows}
    return Kept(claims, frozenset(leaving))


def read_told(settings: Settings) -> tuple[list[Told], list[Breach]]:
    """Every record of the three topics, and those nobody can read. Blocks on Kafka; raises as `whole_topic`."""
    told: list[Told] = []
    breaches: list[Breach] = []
    for topic in TOPICS:
        for decoded in whole_topic(settings, topic.name, topic.decoder):
            record = decoded.record
            if isinstance(decoded, Ok) and isinstance(record.value, BaseModel):
                key = describe(record.value)[0]
                place = (topic.name, record.partition, record.offset)
                told.append(Told(key, record.raw_value or b"", *place, claim_of(record.value)))
                continue
            breaches.append(
                Breach(
                    invariant=Invariant.AUDIT,
                    subject=f"audit: {topic.name} partition {record.partition} offset {record.offset}",
                    expected=f"a record of {topic.name}",
                    seen=decoded.error if isinstance(decoded, Bad) else "a tombstone",
                    next_step="find out who else writes to this topic, and take the right away",
                )
            )
    return told, breaches


def superseded(key: str, told: Iterable[str]) -> bool:
    """Whether a later revision of a variance is on the topic, which may then have dropped this one: it is compacted."""
    name, _, revision = key.rpartition("/")
    if not name.startswith("variance:") or not revision.isdecimal():
        return False
    later = (each.rpartition("/") for each in told)
    return any(other == name and int(number) > int(revision) for other, _, number in later if number.isdecimal())


def compare_kept(kept: Kept, told: Iterable[Told], chains: Chains) -> list[Fault]:
    """Rows that say something else than was told, or were never told. A row that is gone is its owner's to explain."""
    on_topic = {each.key: each for each in told}
    numbers = {link.entry.key: link.entry.number for link in chains.links.get(STATEWIDE, [])}
    faults = []
    for key, claim in sorted(kept.claims.items()):
        seen = on_topic.get(key)
        if seen is None:
            if key not in kept.leaving and not superseded(key, on_topic):
                faults.append(Fault(FaultKind.ABSENT, NO_CHAIN, 0, f"{key} on its topic, as its row stands", "none"))
        elif seen.claim != claim:
            number = numbers.get(key, 0)
            faults.append(
                Fault(FaultKind.EDITED, STATEWIDE, number, f"{key} as told: {seen.claim}", f"a row of {claim}")
            )
    return faults
