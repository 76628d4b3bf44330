"""The bench's imagined fleet: schools, and devices that report again and again. Deterministic, so that state can be proved.

One report in fifty comes twice and one in fifty comes late, as sources do; what must stand in the end is computed here,
by nothing of the code that is measured.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel

from schemas.calendar import Calendar, CalendarPointer
from schemas.events.provisioning import DeviceReported
from schemas.model import digest_of
from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus, mint_id
from schemas.signal import Origin
from schemas.topics import CALENDAR_POINTERS, CALENDARS, SCHOOLS
from services.kit.envelope import encode
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from services.readings.register import number_of
from tests.harness.scenario import compressed_days

SCHOOLS_COUNT = 200
DEVICES_COUNT = 50_000
TWICE_EVERY = 50
LATE_EVERY = 50
DAY_SECONDS = 3600.0
"""A rehearsal day that no run outlives: no school's morning falls into a measurement."""

Row = tuple[int, str, int, bool, date]
"""What must stand of one device: school, reference, revision, enrolled, last seen."""


def district_id() -> str:
    return str(mint_id("bench", "district"))


def school_ids(count: int = SCHOOLS_COUNT) -> list[str]:
    return [str(mint_id("bench", f"school-{number}")) for number in range(count)]


def school_record(school_id: str) -> SchoolRecord:
    return SchoolRecord(
        school_id=school_id, district_id=district_id(), state="WA", version=1, recorded_at=datetime.now(UTC),
        status=SchoolStatus.OPEN, level=SchoolLevel.MIDDLE, students=400, teachers=25.0,
        display_name=f"Imagined {school_id[:8]}", district_display_name="Imagined District",
    )  # fmt: skip


def publish(settings: Settings, topic: str, payloads: list[tuple[str, BaseModel]]) -> None:
    with Publisher(settings) as publisher:
        for key, payload in payloads:
            publisher.send(topic, encode(payload.ce_type, payload, key, source="bench"))  # type: ignore[attr-defined]


def publish_directory(settings: Settings, ids: list[str], day_seconds: float = DAY_SECONDS) -> None:
    """The schools, and a calendar whose first day began an hour ago."""
    start = datetime.now(UTC) - timedelta(hours=1)
    calendar = Calendar(
        district_id=district_id(), version=1, time_zone="UTC", hours_per_day=6.5, rehearsal=True,
        days=compressed_days(100, start, day_seconds),
    )  # fmt: skip
    digest = digest_of(calendar)
    pointer = CalendarPointer(
        district_id=district_id(), version=1, calendar_digest=digest, chosen_at=datetime.now(UTC)
    )  # fmt: skip
    publish(settings, CALENDARS.name, [(digest, calendar)])
    publish(settings, CALENDAR_POINTERS.name, [(district_id(), pointer)])
    publish(settings, SCHOOLS.name, [(school_id, school_record(school_id)) for school_id in ids])


@dataclass(frozen=True)
class Fleet:
    """So many reports of devices of 200 schools, in a fixed order."""

    events_count: int
    began_at: datetime

    def reports(self) -> Iterator[DeviceReported]:
        """Exactly `events_count` reports; a device's revisions mostly rise."""
        ids = school_ids()
        devices = min(DEVICES_COUNT, max(self.events_count // 4, 1))
        for number in range(self.events_count):
            turn = number - 1 if number % TWICE_EVERY == TWICE_EVERY - 1 else number
            device, revision = turn % devices, turn // devices + 1
            if turn % LATE_EVERY == 7 and revision > 1:
                revision -= 1
            yield self.report(ids[device % len(ids)], device, revision)

    def report(self, school_id: str, device: int, revision: int) -> DeviceReported:
        observed_at = self.began_at + timedelta(milliseconds=revision)
        return DeviceReported(
            entity_ref=f"device-{device}", revision=revision, observed_at=observed_at, observed_on=observed_at.date(),
            origin=Origin.MEASURED, simulated=True, school_id=school_id, device_hash=f"{device:016x}",
            enrolled=(device + revision) % 9 != 0, last_seen_on=observed_at.date() - timedelta(days=device % 5),
        )  # fmt: skip

    def state(self) -> str:
        """The digest of what must stand once every report has had exactly one effect."""
        standing: dict[tuple[int, str], Row] = {}
        for report in self.reports():
            key = (number_of(report.school_id), report.entity_ref)
            held = standing.get(key)
            if held is None or held[2] < report.revision:
                assert report.last_seen_on is not None
                standing[key] = (*key, report.revision, report.enrolled, report.last_seen_on)
        return digest(list(standing.values()))

    def send(self, settings: Settings, topic: str) -> int:
        """Publishes every report to the topic; returns the bytes of their values."""
        size = 0
        with Publisher(settings) as publisher:
            for report in self.reports():
                event = encode(report.ce_type, report, report.school_id, source="bench", time=report.observed_at)
                size += len(event.value)
                publisher.send(topic, event)
        return size


def digest(rows: list[Row]) -> str:
    whole = hashlib.sha256()
    for number, reference, revision, enrolled, seen in sorted(rows):
        whole.update(f"{number} {reference} {revision} {enrolled:d} {seen.isoformat()}\n".encode())
    return whole.hexdigest()
