"""What every raw event carries, and the watermark by which a source says how far it is complete."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from schemas.model import REVISION_MAX, Instant, Reference, Strict
from schemas.school import SchoolId, Scope
from schemas.signal import Origin


class RawEvent(Strict):
    """One revision of one thing in its source. The greatest revision of an `entity_ref` wins, in any order of arrival."""

    ce_type: ClassVar[str]

    entity_ref: Reference
    revision: int = Field(ge=1, le=REVISION_MAX)
    observed_at: Instant
    """When it was so in the source; not when it was sent."""
    observed_on: date
    """The district's civil date of that instant, since rules by month and term need one."""
    origin: Origin
    simulated: bool = False
    retracted: bool = False
    """True: the source takes the thing back; it counts as never reported."""

    @property
    def scope_id(self) -> str:
        """The Kafka key: the id of what the event is about."""
        raise NotImplementedError(f"{type(self).__name__} names no scope")


class SchoolEvent(RawEvent):
    """A raw event about one school, which is its key."""

    school_id: SchoolId

    @property
    def scope_id(self) -> str:
        """The Kafka key."""
        return self.school_id


class FeedWatermark(RawEvent):
    """A source's word that it has sent everything up to `complete_until` about a scope.

    Only below it may absence count as zero. `entity_ref` names the feed and scope, so a later revision replaces it.
    """

    ce_type: ClassVar[str] = "firstbell.feed.watermark-reported.v1"

    scope: Scope
    complete_until: Instant

    @property
    def scope_id(self) -> str:
        """The Kafka key."""
        return self.scope.id
