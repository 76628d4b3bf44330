"""Provisioning end to end: raw events on Kafka become readings on Kafka, whatever befell them on the way."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from schemas.events.provisioning import (
    DeviceReported,
    DevicesPlanned,
    IdentityTested,
    NetworkProbeCompleted,
    PageLoadTested,
)
from schemas.events.raw import RawEvent
from schemas.readiness import Missing, Origin
from tests.integration.test_readings_lab import COUNTS, RoomLab, calendar, lab, pointer, school

__all__ = ["lab"]
pytestmark = pytest.mark.stack

HILL, LAKE = school("hill"), school("lake", students=None)


def event(kind: type[RawEvent], ref: str, revision: int = 1, *, of: Any = HILL, **fields: Any) -> RawEvent:
    given = {
        "school_id": of.school_id, "entity_ref": ref, "revision": revision,
        "observed_at": datetime.now(UTC) - timedelta(minutes=5), "observed_on": date(2026, 9, 1),
        "origin": Origin.IMPORTED,
    }  # fmt: skip
    return kind.model_validate(given | fields)


def device(number: int, revision: int = 1, **fields: Any) -> RawEvent:
    given: dict[str, Any] = {"device_hash": f"{number:016x}", "enrolled": True, "last_seen_on": date(2026, 9, 1)}
    return event(DeviceReported, f"device-{number}", revision, **(given | fields))


def tidy() -> list[RawEvent]:
    """What a school reported once each thing had settled."""
    return [
        event(NetworkProbeCompleted, "probe-1", 3, capacity_mbps=600, origin=Origin.MEASURED),
        event(PageLoadTested, "page-1", p95_seconds=2.04, mean_seconds=1, loads_count=100, failed_count=0),
        event(
            IdentityTested, "identity-1", attempts_count=50, succeeded_count=49, single_sign_on=True,
            new_password_required=False,
        ),
        event(DevicesPlanned, "plan-1", planned_count=10),
        *[device(number, 2) for number in range(9)],
        device(9, 2, enrolled=False),
    ]  # fmt: skip


async def begin(lab: RoomLab) -> None:
    """The directory's records, and a calendar whose first day is under way and long."""
    days = calendar(datetime.now(UTC) - timedelta(hours=1), 5, timedelta(days=1))
    await lab.send([HILL, LAKE, days, pointer(days)])


async def test_six_signals_are_answered(lab: RoomLab) -> None:
    await begin(lab)
    await lab.send(tidy())
    lab.start()
    counts = await lab.settled()
    assert counts["moved"] == lab.sent_count == sum(counts[name] for name in COUNTS)
    values = {signal: reading.value for (_, signal), reading in (await lab.latest()).items()}
    assert values == {
        "network.mbps-per-student": 1.2,
        "network.page-load-p95-seconds": 2.1,
        "identity.login-success-ratio": 0.98,
        "identity.existing-identity": 1.0,
        "device.enrolled-ratio": 0.9,
        "device.seen-7-days-ratio": 1.0,
    }
    assert {scope for scope, _ in await lab.latest()} == {HILL.school_id}


async def test_a_missing_denominator_is_unknown(lab: RoomLab) -> None:
    await begin(lab)
    await lab.send([event(NetworkProbeCompleted, "probe-1", of=LAKE, capacity_mbps=600)])
    lab.start()
    await lab.settled()
    reading = (await lab.latest())[LAKE.school_id, "network.mbps-per-student"]
    assert (reading.value, reading.missing) == (None, Missing.NO_DENOMINATOR)
