"""What may become of one record, and the two broken promises a handler may report.

Handlers of every room return dispositions; the kit counts them into the fence so that conservation can be
checked by subtraction. Anything raised that is neither exception here is a bug, and is treated as one.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class PermanentError(Exception):
    """No retry can help: the process stops, says why, and waits for a person."""


class TemporaryError(Exception):
    """The world is briefly unable: the same work is tried again after `retry_after`, nothing is dropped."""

    def __init__(self, message: str, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Disposition(StrEnum):
    """The one thing that became of one record. Every record gets exactly one."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    """Older than what we hold: a smaller revision."""
    DUPLICATE = "duplicate"
    """Already applied: the same revision or the same event id."""
    DEAD = "dead"
    """Kept as a dead letter for a person."""
    PARKED = "parked"
    """Kept until a reference it names arrives."""
    IGNORED = "ignored"
    """Means nothing to this room; also offsets that hold no record (compaction)."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A handler's refusal of one record: it becomes a dead letter and is counted as dead."""

    error_type: str
    """Short and stable, for filters: `unknown-phase`, `future-observation`."""
    message: str
    """Names the thing, what was expected, what was seen. Cut at 512 bytes."""
    reason: str = "business"
    """business | exhausted; the kit itself uses decode | schema."""
