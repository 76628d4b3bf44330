"""What help-desk sources say: tickets, defects of a release, friction items."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from schemas.events.raw import FeedWatermark, RawEvent, SchoolEvent
from schemas.model import Code, Instant, Reference
from schemas.school import ReleaseId


class Priority(StrEnum):
    """A ticket's priority, most urgent first."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class TicketChanged(SchoolEvent):
    """A ticket as it stands after one step of its life. Every revision is whole; no text of people travels."""

    ce_type: ClassVar[str] = "firstbell.helpdesk.ticket-changed.v1"

    change: Literal["opened", "assigned", "resolved", "reopened", "merged", "corrected"]
    cause: Code
    """From the help desk's closed list: `login`, `wifi`, `screen`."""
    priority: Priority
    opened_at: Instant
    assigned_at: Instant | None = None
    """None: nobody has it yet."""
    resolved_at: Instant | None = None
    """None: open, or open again."""
    reopened_count: int = Field(default=0, ge=0, le=1000)
    merged_into: Reference | None = None
    """None: stands for itself. Otherwise it counts no more; the other ticket does."""
    people_affected_count: int = Field(default=1, ge=0, le=100_000)
    in_lesson: bool = False
    workaround: bool = True


class DefectChanged(RawEvent):
    """A defect of a release; its key is the release, since it concerns every school on it."""

    ce_type: ClassVar[str] = "firstbell.helpdesk.defect-changed.v1"

    release_id: ReleaseId
    severity: Literal["critical", "major", "minor"]
    open: bool
    workaround: bool = False
    opened_at: Instant
    closed_at: Instant | None = None
    """None: open, or open again."""

    @property
    def scope_id(self) -> str:
        """The Kafka key."""
        return self.release_id


class FrictionChanged(SchoolEvent):
    """A friction item logged or mitigated by people; three tickets of one cause within five days open one by themselves."""

    ce_type: ClassVar[str] = "firstbell.helpdesk.friction-changed.v1"

    cause: Code
    opened_at: Instant
    mitigated_at: Instant | None = None
    """None: open."""


EVENTS = (TicketChanged, DefectChanged, FrictionChanged, FeedWatermark)
