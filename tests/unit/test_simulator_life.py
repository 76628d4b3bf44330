"""Imagined life is a function of its seed, carries the mark, and covers every personality."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.calendar import Calendar
from schemas.events.assessment import FirstSessionsReported
from schemas.events.provisioning import DeviceReported, NetworkProbeCompleted
from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus, mint_id
from services.simulator.clock import Clock
from services.simulator.life import QUIET_DAY, School, day_of, mending
from services.simulator.personality import Personality, assign

DISTRICT = mint_id("test", "d")
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def calendar(start: datetime, days: int = 70, seconds: float = 1.0) -> Calendar:
    first = int(start.timestamp() * 1000)
    step = int(seconds * 1000)
    return Calendar(
        district_id=DISTRICT, version=1, time_zone="America/Los_Angeles", hours_per_day=6.5, rehearsal=True,
        days=tuple((date(2026, 9, 1) + timedelta(days=n), first + n * step, first + (n + 1) * step) for n in range(days)),
    )  # fmt: skip


def school(kind: Personality, start: datetime = START, seed: int = 7) -> School:
    record = SchoolRecord(
        school_id=mint_id("test", "s"), district_id=DISTRICT, state="WA", version=1, recorded_at=START,
        status=SchoolStatus.OPEN, level=SchoolLevel.MIDDLE, students=300, teachers=20.0,
        display_name="Sample Middle", district_display_name="Sample District",
    )  # fmt: skip
    return School(record, Clock(calendar(start)), kind, seed)


def life(subject: School) -> list[tuple[float, str, str]]:
    """Events with times as offsets from the calendar's first moment."""
    begin = subject.clock.instant(0)
    rows = []
    for day in range(60):
        for happening in day_of(subject, day):
            body = happening.event.model_dump(mode="json", exclude={"observed_at", "complete_until"})
            for name in ("opened_at", "assigned_at", "resolved_at"):
                body.pop(name, None)
            offset = (happening.event.observed_at - begin).total_seconds()
            rows.append((round(offset, 3), happening.publisher, str(body)))
    return rows


@pytest.mark.parametrize("kind", Personality)
def test_same_seed_same_events_whenever_it_starts(kind: Personality) -> None:
    assert life(school(kind)) == life(school(kind, START + timedelta(days=3, hours=1)))


def test_another_seed_is_another_life() -> None:
    assert life(school(Personality.CLEAN)) != life(school(Personality.CLEAN, seed=8))


@pytest.mark.parametrize("kind", Personality)
def test_everything_carries_the_mark(kind: Personality) -> None:
    events = [happening.event for day in range(60) for happening in day_of(school(kind), day)]
    assert events
    assert all(event.simulated for event in events)
    assert all(happening.event.simulated for happening in mending(school(kind), 30.5))


def test_a_silent_school_goes_quiet() -> None:
    after = [h.event for day in range(QUIET_DAY, 60) for h in day_of(school(Personality.SILENT), day)]
    assert not [event for event in after if isinstance(event, DeviceReported)]


def test_a_mended_network_reports_a_fast_probe_at_once() -> None:
    (probe,) = [h.event for h in mending(school(Personality.SLOW_NETWORK), 12.4)
                if isinstance(h.event, NetworkProbeCompleted)]  # fmt: skip
    assert probe.capacity_mbps > 300
    assert probe.observed_at == school(Personality.SLOW_NETWORK).clock.instant(12.4)


def test_a_broken_beta_fails_its_first_sessions() -> None:
    def share(kind: Personality) -> float:
        reports = [h.event for day in range(60) for h in day_of(school(kind), day)
                   if isinstance(h.event, FirstSessionsReported)]  # fmt: skip
        return sum(r.non_volunteers_succeeded_count for r in reports) / sum(r.non_volunteers_count for r in reports)

    assert share(Personality.BROKEN_BETA) < 0.7 < 0.9 < share(Personality.CLEAN)


def test_every_personality_is_cast_and_half_are_clean() -> None:
    ids = [mint_id("test", str(n)) for n in range(30)]
    cast = assign(ids, 7)
    assert cast == assign(list(reversed(ids)), 7)
    assert set(cast.values()) == set(Personality)
    assert sum(kind is Personality.CLEAN for kind in cast.values()) == 15


def test_day_numbers_and_instants_are_inverse() -> None:
    clock = school(Personality.CLEAN).clock
    for day in (0.0, 0.25, 7.5, 69.75):
        assert clock.day_number(clock.instant(day)) == pytest.approx(day, abs=0.01)
