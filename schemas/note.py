"""Notes as others may know them: that one was kept, and a digest that gives nothing of its text away.

Published by the directory, whose one restricted table holds the text; entered into the audit by services/auditor.
"""

from hashlib import sha256
from typing import ClassVar

from schemas.model import ActId, Digest, Instant, Strict


class NoteKept(Strict):
    """A note was kept; it is never changed."""

    ce_type: ClassVar[str] = "firstbell.directory.note-kept.v1"

    note_id: ActId
    digest: Digest
    """Of its salt and its text."""
    written_at: Instant


def note_digest(salt: str, text: str) -> Digest:
    """`sha256:` and the hash of salt and text. The salt stays beside the text: nobody can find a short note by trying."""
    return "sha256:" + sha256((salt + text).encode()).hexdigest()
