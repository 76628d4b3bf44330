"""Provisioning end to end: raw events on Kafka become readings on Kafka, whatever befell them on the way."""

import random
from dataclasses import replace
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
from schemas.readiness import Missing, Origin, Reading
from services.provisioning.readiness import readings_of
from services.readings.register import number_of
from services.readings.subject import SignalValue, Subject
from tests.harness.domain_lab import COUNTS
from tests.harness.room_lab import RoomLab, calendar, lab, pointer, school
from tests.harness.until import until

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


async def test_disorder_ends_in_the_readings_of_the_tidy_history(lab: RoomLab) -> None:
    """Late, duplicate, reordered, corrected and retracted events of one school; its twin reports each thing once."""
    twin = school("twin")
    await begin(lab)
    await lab.send([twin])
    settled = tidy()
    earlier = [
        event(NetworkProbeCompleted, "probe-1", 2, capacity_mbps=5),
        event(PageLoadTested, "page-9", 1, p95_seconds=60, mean_seconds=1, loads_count=1, failed_count=0),
        *[device(number, 1, enrolled=False) for number in range(10)],
        device(77, 1),
    ]  # fmt: skip
    retractions = [
        event(PageLoadTested, "page-9", 2, p95_seconds=60, mean_seconds=1, loads_count=1, failed_count=0, retracted=True),
        device(77, 2, retracted=True),
    ]  # fmt: skip
    noisy = [*settled, *earlier, *retractions] * 2
    random.Random(20261123).shuffle(noisy)
    for start in range(0, len(noisy), 7):
        await lab.send(noisy[start : start + 7])
        if start == 14:
            lab.start()
    await lab.send([each.model_copy(update={"school_id": twin.school_id}) for each in settled])
    counts = await lab.settled()
    assert counts["moved"] == lab.sent_count == sum(counts[name] for name in COUNTS)
    assert counts["duplicate"] + counts["superseded"] >= len(noisy) // 2
    latest = await lab.latest()
    for signal in {signal for _, signal in latest}:
        one, other = latest[HILL.school_id, signal], latest[twin.school_id, signal]
        assert said(one) == said(other), signal


def said(reading: Reading) -> dict[str, Any]:
    return reading.model_dump(exclude={"scope", "sequence"})


async def test_events_of_an_unknown_school_are_parked_and_taken_up(lab: RoomLab) -> None:
    await lab.send(tidy())
    lab.start()
    counts = await lab.settled()
    assert (counts["parked"], counts["applied"]) == (len(tidy()), 0)
    assert await lab.published() == []
    await begin(lab)
    counts = await lab.settled()
    assert counts["parked"] == 0
    assert counts["moved"] == lab.sent_count == sum(counts[name] for name in COUNTS)
    assert len(await lab.latest()) == 6


async def test_what_another_process_parked_meanwhile_is_taken_up(lab: RoomLab) -> None:
    await lab.send(tidy())
    lab.start()
    await lab.settled()
    await lab.query(
        "insert into known_school (school_id, school_no, district_id, version, payload) values ($1, $2, $3, 1, $4)",
        HILL.school_id, number_of(HILL.school_id), HILL.district_id, HILL.model_dump_json().encode(),
    )  # fmt: skip

    async def taken() -> bool:
        return (await lab.counts())["parked"] == 0

    await until(taken, what="parked events taken up")
    await lab.settled()
    assert (await lab.latest())[HILL.school_id, "network.mbps-per-student"].value == 1.2


async def test_time_alone_changes_readings_when_a_day_begins(lab: RoomLab) -> None:
    """Devices last seen on the first day are seen no more on the ninth, although nobody says a word."""
    days = calendar(datetime.now(UTC), 400, timedelta(milliseconds=500))
    await lab.send([HILL, days, pointer(days), *tidy()])
    lab.start()

    async def unseen() -> bool:
        reading = (await lab.latest()).get((HILL.school_id, "device.seen-7-days-ratio"))
        return reading is not None and reading.value == 0.0

    await until(unseen, what="devices no longer seen within seven days")
    said = [reading for reading in await lab.published() if reading.signal == "device.seen-7-days-ratio"]
    values = [reading.value for reading in said if reading.value is not None]  # None: computed before a calendar came
    assert sorted(values, reverse=True) in ([1.0, 0.0], [0.0])


async def test_a_day_that_began_while_the_room_was_away_is_swept(lab: RoomLab) -> None:
    first = datetime.now(UTC) - timedelta(minutes=1)
    days = calendar(first, 30, timedelta(hours=1))
    await lab.send([HILL, days, pointer(days), *tidy()])
    lab.start()
    await lab.settled()
    await lab.stop()
    # The same school days, nine of them gone: what a calendar's second version may say, and what waiting would do.
    later = calendar(first - timedelta(hours=9), 30, timedelta(hours=1))
    await lab.query("update known_calendar set payload = $1", later.model_dump_json().encode())
    before = len(await lab.published())
    lab.start()

    async def swept() -> bool:
        return len(await lab.published()) > before

    await until(swept, what="a reading after the restart")
    assert (await lab.latest())[HILL.school_id, "device.seen-7-days-ratio"].value == 0.0


async def test_news_and_a_daily_refresh_are_all_that_is_said(lab: RoomLab) -> None:
    await begin(lab)
    await lab.send(tidy())
    lab.start()
    await lab.settled()
    before = len(await lab.published())
    again: dict[str, Any] = {"capacity_mbps": 600, "origin": Origin.MEASURED, "observed_at": datetime.now(UTC)}
    await lab.send([event(NetworkProbeCompleted, "probe-2", **again)])
    await lab.settled()
    assert len(await lab.published()) == before
    await lab.query("update reading_state set emitted_at = emitted_at - interval '1 day'")
    await lab.send([event(NetworkProbeCompleted, "probe-3", **(again | {"observed_at": datetime.now(UTC)}))])
    await lab.settled()
    assert len(await lab.published()) == before + 1


async def test_what_comes_from_the_future_is_a_dead_letter(lab: RoomLab) -> None:
    await begin(lab)
    await lab.send([device(1, observed_at=datetime.now(UTC) + timedelta(minutes=11))])
    lab.start()
    assert (await lab.settled())["dead"] == 1
    (row,) = await lab.query("select error_type, error_message from dead_letter")
    assert row["error_type"] == "future-observation"
    assert "expected observed_at up to" in row["error_message"]


async def test_what_comes_from_a_clock_never_set_is_a_dead_letter(lab: RoomLab) -> None:
    await begin(lab)
    await lab.send([device(1, observed_at=datetime(1, 1, 1, tzinfo=UTC))])
    lab.start()
    assert (await lab.settled())["dead"] == 1
    (row,) = await lab.query("select error_type, error_message from dead_letter")
    assert row["error_type"] == "ancient-observation"
    assert "expected observed_at from 2000-01-01" in row["error_message"]


async def test_a_school_whose_evidence_cannot_be_computed_silences_no_other(lab: RoomLab) -> None:
    def broken(subject: Subject) -> tuple[SignalValue, ...]:
        if subject.scope.id == LAKE.school_id:
            raise ZeroDivisionError("a fault of ours")
        return readings_of(subject)

    lab.domain = replace(lab.domain, compute=broken)
    await begin(lab)
    await lab.send([event(NetworkProbeCompleted, "probe-1", of=LAKE, capacity_mbps=1), *tidy()])
    process = lab.start()

    async def answered() -> bool:
        return len(await lab.latest()) == 6

    await until(answered, what="the other school's readings")

    async def aside() -> bool:
        rows = await lab.query("select id, retry_at > now() as later from scope where version > computed_version")
        return [tuple(row) for row in rows] == [(LAKE.school_id, True)]

    await until(aside, what="the broken school, and no other, set aside")
    assert process.health()[0]


async def test_what_the_directory_learns_later_changes_readings_by_itself(lab: RoomLab) -> None:
    """A calendar that follows its pointer, and a corrected count of students, without a word from any source."""
    await lab.send([HILL, *tidy()])
    lab.start()
    await lab.settled()
    before = await lab.latest()
    assert before[HILL.school_id, "device.enrolled-ratio"].missing is Missing.NO_CALENDAR
    days = calendar(datetime.now(UTC) - timedelta(hours=1), 5, timedelta(days=1))
    await lab.send([pointer(days)])
    await lab.settled()
    await lab.send([days, school("hill", students=600, version=2)])
    await lab.send([school("hill", students=1, version=1)])
    await lab.settled()
    after = await lab.latest()
    assert after[HILL.school_id, "device.enrolled-ratio"].value == 0.9
    assert after[HILL.school_id, "network.mbps-per-student"].value == 1.0


async def test_a_room_rebuilt_from_the_log_says_the_same_and_is_heard(lab: RoomLab) -> None:
    await begin(lab)
    await lab.send(tidy())
    lab.start()
    await lab.settled()
    before = await lab.latest()
    await lab.stop()
    tables = "fence, known_school, known_calendar, calendar_pointer, district_day, entity, device, scope, reading_state"
    await lab.query(f"truncate {tables}")
    lab.start()
    await lab.settled()
    after = await lab.latest()
    assert {key: said(reading) for key, reading in after.items()} == {key: said(r) for key, r in before.items()}
    assert all(after[key].sequence > before[key].sequence for key in before)
