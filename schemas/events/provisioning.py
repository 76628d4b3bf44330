"""What provisioning's sources say: network probes, page tests, identity tests, devices."""

from datetime import date
from typing import ClassVar

from pydantic import Field, model_validator

from schemas.events.raw import FeedWatermark, SchoolEvent
from schemas.model import KeyedHash


class NetworkProbeCompleted(SchoolEvent):
    """A probe measured the school's internet capacity."""

    ce_type: ClassVar[str] = "firstbell.provisioning.network-probe-completed.v1"

    capacity_mbps: float = Field(ge=0, le=1_000_000)


class PageLoadTested(SchoolEvent):
    """A synthetic visit loaded the product's pages on a school device in the school's network."""

    ce_type: ClassVar[str] = "firstbell.provisioning.page-load-tested.v1"

    p95_seconds: float = Field(ge=0, le=600)
    mean_seconds: float = Field(ge=0, le=600)
    """Shown, never judged: an average hides the slow tenth."""
    loads_count: int = Field(ge=1, le=1_000_000)
    failed_count: int = Field(ge=0, le=1_000_000)


class IdentityTested(SchoolEvent):
    """Test logins through the school's existing identity."""

    ce_type: ClassVar[str] = "firstbell.provisioning.identity-tested.v1"

    attempts_count: int = Field(ge=0, le=1_000_000)
    succeeded_count: int = Field(ge=0, le=1_000_000)
    single_sign_on: bool
    new_password_required: bool

    @model_validator(mode="after")
    def _succeeded_within_attempts(self) -> "IdentityTested":
        if self.succeeded_count > self.attempts_count:
            raise ValueError(f"succeeded_count: expected at most {self.attempts_count}, seen {self.succeeded_count}")
        return self


class DevicesPlanned(SchoolEvent):
    """How many devices the school's plan counts on."""

    ce_type: ClassVar[str] = "firstbell.provisioning.devices-planned.v1"

    planned_count: int = Field(ge=0, le=100_000)


class DeviceReported(SchoolEvent):
    """One device as device management knows it."""

    ce_type: ClassVar[str] = "firstbell.provisioning.device-reported.v1"

    device_hash: KeyedHash
    enrolled: bool
    last_seen_on: date | None = None
    """None: never seen."""


EVENTS = (
    NetworkProbeCompleted,
    PageLoadTested,
    IdentityTested,
    DevicesPlanned,
    DeviceReported,
    FeedWatermark,
)
