"""The chain of what belongs to no one district: facts of programs, variances, and that notes were kept.

Called by the room's process for each batch, inside its transaction; the keys also by `firstbell verify`.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from schemas.audit import STATEWIDE, AuditEntry, genesis
from schemas.note import NoteKept
from schemas.program_fact import ProgramFact
from schemas.variance import Variance
from services.auditor.chain.journal import content_digest, enter, lock
from services.kit.batch import Batch
from services.kit.envelope import Record
from services.kit.outcome import Dead, Disposition


def describe(value: BaseModel) -> tuple[str, str, datetime]:
    """Key, kind and time of what is entered here. Raises TypeError for anything else: no decoder makes it."""
    match value:
        case ProgramFact():
            return f"program-fact:{value.program_id}/{value.fact_sequence}", value.body.kind, value.occurred_at
        case Variance():
            said = "variance-asked" if value.answer is None else f"variance-{value.answer}"
            return f"variance:{value.variance_id}/{value.revision}", said, value.answered_at or value.requested_at
        case NoteKept():
            return f"note:{value.note_id}", "note-kept", value.written_at
        case _:
            raise TypeError(f"expected a program's fact, a variance or a note, seen {type(value).__name__}")


async def enter_statewide(batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition | Dead]:
    """Enters every new record into the statewide chain, in the batch's transaction."""
    await lock(batch)
    drafts = []
    for record in records:
        key, kind, at = describe(record.value)
        drafts.append(
            AuditEntry(
                chain=STATEWIDE, number=1, kind=kind, key=key, previous=genesis(STATEWIDE), occurred_at=at,
                digest=content_digest(record.raw_value or b""),
            )
        )  # fmt: skip
    return await enter(batch, drafts)
