"""The laws of provisioning's six signals, one school at a time."""

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
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.readiness import CATALOGUE, Missing, Origin
from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus, Scope, ScopeKind, mint_id
from services.provisioning.readiness import (
    ENROLLED,
    EXISTING_IDENTITY,
    LOGIN_SUCCESS,
    MBPS_PER_STUDENT,
    PAGE_LOAD_P95,
    SEEN_7_DAYS,
    readings_of,
)
from services.readings.subject import SignalValue, Subject, Tally

SCHOOL_ID = mint_id("test", "hill")
TODAY = date(2026, 10, 15)
NOON = datetime(2026, 10, 15, 19, tzinfo=UTC)


def event(kind: type[RawEvent], ref: str = "thing-1", hours_ago: float = 1, **fields: Any) -> Any:
    given: dict[str, Any] = {
        "school_id": SCHOOL_ID, "entity_ref": ref, "revision": 1, "observed_at": NOON - timedelta(hours=hours_ago),
        "observed_on": TODAY, "origin": Origin.MEASURED,
    }  # fmt: skip
    return kind.model_validate(given | fields)


def device(ref: str, *, enrolled: bool = True, days_silent: int | None = 0, **fields: Any) -> Any:
    seen = None if days_silent is None else TODAY - timedelta(days=days_silent)
    given: dict[str, Any] = {
        "device_hash": "0" * 16,
        "enrolled": enrolled,
        "last_seen_on": seen,
        "origin": Origin.IMPORTED,
    }
    return event(DeviceReported, ref, **(given | fields))


def plan(count: int) -> Any:
    return event(DevicesPlanned, "plan-1", hours_ago=500, planned_count=count)


def page(seconds: float, ref: str = "page-1", failed: int = 0, **fields: Any) -> Any:
    given: dict[str, Any] = {"p95_seconds": seconds, "mean_seconds": 2.0, "loads_count": 100, "failed_count": failed}
    return event(PageLoadTested, ref, **(given | fields))


def login(succeeded: int, attempts: int = 100, **fields: Any) -> Any:
    given: dict[str, Any] = {
        "attempts_count": attempts, "succeeded_count": succeeded, "single_sign_on": True,
        "new_password_required": False,
    }  # fmt: skip
    return event(IdentityTested, "identity-1", **(given | fields))


def watermark(complete_until: datetime) -> Any:
    return FeedWatermark(
        entity_ref="feed-devices-1", revision=1, observed_at=complete_until, observed_on=TODAY,
        origin=Origin.IMPORTED, scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL_ID), complete_until=complete_until,
    )  # fmt: skip


def subject(*events: RawEvent, students: int | None = 500, today: date | None = TODAY, **fields: Any) -> Subject:
    school = SchoolRecord(
        school_id=SCHOOL_ID, district_id=mint_id("test", "d"), state="WA", version=1, recorded_at=NOON,
        status=SchoolStatus.OPEN, level=SchoolLevel.MIDDLE, students=students, teachers=20,
        display_name="Hill", district_display_name="District",
    )  # fmt: skip
    return Subject(Scope(kind=ScopeKind.SCHOOL, id=SCHOOL_ID), school, None, NOON, today, tuple(events), **fields)


def answer(signal: str, *events: RawEvent, **fields: Any) -> SignalValue:
    return {value.signal: value for value in readings_of(subject(*events, **fields))}[signal]


def test_every_signal_of_provisioning_is_answered_even_of_silence() -> None:
    values = readings_of(subject())
    assert {value.signal for value in values} == {s.name for s in CATALOGUE.values() if s.owner == "provisioning"}
    assert {value.missing for value in values} == {Missing.NEVER_REPORTED}


def test_capacity_is_shared_among_students_and_rounded_down() -> None:
    assert answer(MBPS_PER_STUDENT, event(NetworkProbeCompleted, capacity_mbps=499.9)).value == 0.99


@pytest.mark.parametrize("students", [0, None])
def test_a_school_without_students_has_no_share_of_capacity(students: int | None) -> None:
    found = answer(MBPS_PER_STUDENT, event(NetworkProbeCompleted, capacity_mbps=500), students=students)
    assert (found.value, found.missing, found.applicable) == (None, Missing.NO_DENOMINATOR, True)


def test_the_newest_probe_decides() -> None:
    old = event(NetworkProbeCompleted, "probe-1", hours_ago=9, capacity_mbps=900)
    new = event(NetworkProbeCompleted, "probe-2", hours_ago=2, capacity_mbps=100)
    assert answer(MBPS_PER_STUDENT, new, old).value == 0.2


def test_the_slow_tenth_is_judged_and_not_the_mean() -> None:
    assert answer(PAGE_LOAD_P95, page(9.0)).value == 9.0


def test_the_slowest_page_of_one_run_decides() -> None:
    assert answer(PAGE_LOAD_P95, page(2.0, "page-1"), page(5.0, "page-2")).value == 5.0


def test_one_failed_load_in_a_hundred_is_borne_and_two_are_not() -> None:
    assert answer(PAGE_LOAD_P95, page(2.0, failed=1)).value == 2.0
    failing = answer(PAGE_LOAD_P95, page(2.0, failed=2))
    assert (failing.value, failing.detail) == (600.0, ("failed-loads",))


def test_logins_that_nobody_tried_are_no_success() -> None:
    found = answer(LOGIN_SUCCESS, login(0, attempts=0))
    assert (found.value, found.missing) == (None, Missing.NO_DENOMINATOR)


def test_login_success_carries_its_population() -> None:
    found = answer(LOGIN_SUCCESS, login(97))
    assert (found.value, found.numerator, found.population) == (0.97, 97, 100)


def test_a_new_password_fails_even_where_every_login_succeeded() -> None:
    found = answer(EXISTING_IDENTITY, login(100, new_password_required=True))
    assert (found.value, found.detail) == (0.0, ("new-password-required",))


def test_existing_identity_needs_single_sign_on() -> None:
    assert answer(EXISTING_IDENTITY, login(100)).value == 1.0
    assert answer(EXISTING_IDENTITY, login(100, single_sign_on=False)).detail == ("no-single-sign-on",)


def test_an_enrolled_device_silent_for_fourteen_days_is_not_counted() -> None:
    devices = [device("device-1", days_silent=13), device("device-2", days_silent=14)]
    found = answer(ENROLLED, plan(2), *devices)
    assert (found.value, found.numerator, found.population) == (0.5, 1, 2)


def test_a_device_that_was_never_seen_is_not_counted() -> None:
    assert answer(ENROLLED, plan(1), device("device-1", days_silent=None)).value == 0.0


def test_a_device_seen_next_month_is_not_seen() -> None:
    assert answer(SEEN_7_DAYS, device("device-1", days_silent=-30)).value == 0.0


def test_more_devices_than_planned_are_no_more_than_all_of_them() -> None:
    found = answer(ENROLLED, plan(1), device("device-1"), device("device-2"))
    assert (found.value, found.numerator, found.population) == (1.0, 1, 1)


def test_no_planned_devices_is_not_applicable() -> None:
    assert not answer(ENROLLED, plan(0)).applicable
    assert not answer(SEEN_7_DAYS, plan(0)).applicable


def test_devices_without_a_plan_have_no_denominator() -> None:
    assert answer(ENROLLED, device("device-1")).missing is Missing.NO_DENOMINATOR


def test_a_plan_without_devices_is_unknown_and_not_zero() -> None:
    assert answer(ENROLLED, plan(5)).missing is Missing.NEVER_REPORTED


def test_without_a_calendar_nobody_knows_what_is_recent() -> None:
    assert answer(ENROLLED, plan(1), device("device-1"), today=None).missing is Missing.NO_CALENDAR
    assert answer(SEEN_7_DAYS, device("device-1"), today=None).missing is Missing.NO_CALENDAR


def test_silent_devices_stay_in_the_population() -> None:
    devices = [device("device-1", days_silent=7), device("device-2", days_silent=8), device("device-3", enrolled=False)]
    found = answer(SEEN_7_DAYS, *devices)
    assert (found.value, found.numerator, found.population) == (0.5, 1, 2)


def test_no_enrolled_device_is_no_share() -> None:
    assert answer(SEEN_7_DAYS, plan(1), device("device-1", enrolled=False)).missing is Missing.NO_DENOMINATOR


def test_the_feeds_watermark_says_that_it_still_looks() -> None:
    recent = NOON - timedelta(minutes=10)
    old = device("device-1", hours_ago=200)
    assert answer(SEEN_7_DAYS, old).observed_at == old.observed_at
    assert answer(SEEN_7_DAYS, old, watermark(recent)).observed_at == recent


def test_a_share_is_as_weak_as_its_weakest_device_and_bears_its_mark() -> None:
    found = answer(SEEN_7_DAYS, device("device-1", origin=Origin.ATTESTED), device("device-2", simulated=True))
    assert (found.origin, found.simulated) == (Origin.ATTESTED, True)


def test_tallied_devices_count_as_listed_ones() -> None:
    listed = [device(f"device-{n}", days_silent=n % 10) for n in range(40)]
    tallied = tuple(Tally(device("device-0", days_silent=silent), 4) for silent in range(10))
    assert readings_of(subject(plan(50), *listed)) == readings_of(subject(plan(50), tallies=tallied))
