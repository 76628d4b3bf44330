"""Policy documents in PostgreSQL by digest, and on their way to Kafka, in the caller's transaction.

Called by the policy commands and the room's preparation. A stored version never changes: a school that pinned it
must find just what it pinned.
"""

from dataclasses import dataclass
from datetime import datetime

from schemas.gate import PolicyDocument, PolicyStored
from schemas.model import canonical_bytes, digest_of
from schemas.topics import POLICIES
from services.kit import outbox
from services.kit.database import Connection
from services.kit.outcome import PermanentError

SOURCE = "firstbell/policies"
LOCK = 0x0D2


@dataclass(frozen=True, slots=True)
class Stored:
    """A document at rest."""

    digest: str
    document: PolicyDocument
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A document's name, without its content."""

    digest: str
    name: str
    version: int
    title: str
    stored_at: datetime


async def store(connection: Connection, document: PolicyDocument, now: datetime) -> tuple[str, bool]:
    """Stores and publishes a document; returns its digest, and whether it was new. A repeat changes nothing.

    Raises PermanentError when this name and version are stored with another content.
    """
    await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
    digest = digest_of(document)
    seen: str | None = await connection.fetchval(
        "select digest from document where name = $1 and version = $2", document.name, document.version
    )
    if seen == digest:
        return digest, False
    if seen is not None:
        raise PermanentError(
            f"policy {document.name} version {document.version}: expected {seen}, as stored, seen {digest}; "
            "a stored version never changes: raise `version` in the file"
        )
    await connection.execute(
        "insert into document (digest, name, version, title, content, stored_at) values ($1, $2, $3, $4, $5, $6)",
        digest, document.name, document.version, document.title, canonical_bytes(document), now,
    )  # fmt: skip
    payload = PolicyStored(digest=digest, document=document)
    row = outbox.row(POLICIES.name, digest, PolicyStored.ce_type, payload, source=SOURCE, time=now)
    await outbox.publish_rows(connection, [row])
    return digest, True


async def find(connection: Connection, text: str) -> Stored | None:
    """The document of this digest (or its first characters), of `name@version`, or the newest version of this name.

    None: no such one. Raises PermanentError when the stored content no longer has its digest.
    """
    name, _, version = text.partition("@")
    row = await connection.fetchrow(
        """select * from document where digest = $1 or (name = $3 and ($4::int is null or version = $4))
            or ($2 <> '' and digest like $2 || '%')
        order by digest = $1 desc, version desc limit 1""",
        text,
        text if text.startswith("sha256:") and text.isascii() and "%" not in text and len(text) >= 13 else "",
        name,
        int(version) if version.isascii() and version.isdigit() and len(version) < 9 else (-1 if "@" in text else None),
    )
    if row is None:
        return None
    document = PolicyDocument.model_validate_json(row["content"])
    if digest_of(document) != row["digest"]:
        raise PermanentError(
            f"policy {row['name']} version {row['version']}: expected {row['digest']}, seen {digest_of(document)}; "
            "the stored document was changed: restore it from a backup"
        )
    return Stored(row["digest"], document, row["stored_at"])


async def chain(connection: Connection, document: PolicyDocument) -> list[PolicyDocument]:
    """A document and all it inherits, the root first. Raises PermanentError when one of them is not stored."""
    found = [document]
    while (above := found[0].inherits) is not None:
        parent = await find(connection, above.digest)
        if parent is None:
            raise PermanentError(f"policy {above.name} v{above.version}: expected it stored, seen none; store it again")
        found.insert(0, parent.document)
    return found


async def resting(connection: Connection) -> dict[str, list[str]]:
    """Variance to the stored documents that are looser under it."""
    found: dict[str, list[str]] = {}
    for row in await connection.fetch("select content from document order by name, version"):
        document = PolicyDocument.model_validate_json(row["content"])
        for variance_id in document.variances:
            found.setdefault(variance_id, []).append(f"{document.name} v{document.version}")
    return found


async def listed(connection: Connection) -> list[Listed]:
    """Every document, by name, newest version first."""
    rows = await connection.fetch(
        "select digest, name, version, title, stored_at from document order by name, version desc"
    )
    return [Listed(**dict(row)) for row in rows]
