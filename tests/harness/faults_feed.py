"""Raw events of a seed, as a source would send them on a bad day: corrected, repeated, in no order."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from schemas.events.provisioning import DeviceReported, NetworkProbeCompleted
from schemas.events.raw import RawEvent
from schemas.readiness import Origin

NOW = datetime.now(UTC)


def device(school: str, number: int, revision: int = 1, *, enrolled: bool = True) -> DeviceReported:
    """One device of a school as its management reports it."""
    return DeviceReported(
        entity_ref=f"device-{number}", revision=revision, observed_at=NOW - timedelta(minutes=5),
        observed_on=NOW.date(), origin=Origin.IMPORTED, school_id=school, device_hash=f"{number:016x}",
        enrolled=enrolled, last_seen_on=date(2026, 9, 1) + timedelta(days=revision),
    )  # fmt: skip


def probe(school: str, number: int, revision: int = 1) -> NetworkProbeCompleted:
    """One measurement of a school's capacity."""
    return NetworkProbeCompleted(
        entity_ref=f"probe-{number}", revision=revision, observed_at=NOW - timedelta(minutes=5),
        observed_on=NOW.date(), origin=Origin.MEASURED, school_id=school, capacity_mbps=100.0 + revision,
    )  # fmt: skip


def feed(dice: random.Random, schools: Sequence[str], count: int) -> list[RawEvent]:
    """So many events of a seed: devices and probes, corrections, one in twenty a repeat, none in its order."""
    events: list[RawEvent] = []
    while len(events) < count:
        number, school = dice.randrange(count), dice.choice(schools)
        revision = dice.choice((1, 1, 1, 2, 3))
        make = device if dice.random() < 0.9 else probe
        events.append(make(school, number, revision))
        if dice.random() < 0.05:
            events.append(dice.choice(events[-50:]))
    return events[:count]
