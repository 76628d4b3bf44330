"""Calendars from files and for rehearsals: civil days become instants, and nothing else does."""

from datetime import UTC, date, datetime

import pytest

from schemas.calendar import WindowKind
from services.directory.calendars import CalendarFileError, read_calendar_file, rehearsal, resolve
from services.directory.windows import WindowError
from workflows.policy.calendar import add_days

DISTRICT = "6f1c2a5e-54a4-5d8b-9a3e-0b1f8c0d7e11"
FILE = """
district: 5300030
time_zone: America/Los_Angeles
hours_per_day: 6.5
opens: 08:30
closes: 15:00
first_day: 2026-10-30
last_day: 2026-11-13
breaks:
  - 2026-11-11
  - {from: 2026-11-05, to: 2026-11-06}
days:
  - {date: 2026-11-07, opens: 10:00}
"""


def test_breaks_and_weekends_are_no_days_and_make_up_days_are() -> None:
    calendar = resolve(read_calendar_file(FILE, "f"), DISTRICT, 1)
    dates = [civil.isoformat()[5:] for civil, _, _ in calendar.days]
    assert dates == ["10-30", "11-02", "11-03", "11-04", "11-07", "11-09", "11-10", "11-12", "11-13"]


def test_the_clock_change_moves_the_instant_and_not_the_hour() -> None:
    calendar = resolve(read_calendar_file(FILE, "f"), DISTRICT, 1)
    before, after = (datetime.fromtimestamp(calendar.days[index][1] / 1000, UTC) for index in (0, 1))
    assert (before.hour, after.hour) == (15, 16)


def test_every_day_may_be_named() -> None:
    named = FILE[: FILE.index("first_day")] + "days: [2026-11-02, 2026-11-03]\n"
    assert len(resolve(read_calendar_file(named, "f"), DISTRICT, 1).days) == 2


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("breaks:", "brakes:"), "brakes"),
        (("Los_Angeles", "Lost_Angels"), "time_zone"),
        (("6.5", "25"), "hours_per_day"),
        (("closes: 15:00", "closes: 08:00"), "close after"),
        (("to: 2026-11-06", "to: 2026-11-01"), "breaks.1"),
        (("first_day: 2026-10-30\n", ""), "first_day"),
        (("last_day: 2026-11-13", "last_day: 2036-11-13"), "last_day"),
        (("opens: 08:30", "opens: 08:30\nopens: 09:00"), "twice"),
        (("- 2026-11-11", "- ]"), "line"),
        (("district: 5300030", "district: []"), "district"),
    ],
)
def test_a_file_that_could_mean_something_else_is_refused_by_key(change: tuple[str, str], word: str) -> None:
    assert change[0] in FILE
    with pytest.raises(CalendarFileError, match=word):
        resolve(read_calendar_file(FILE.replace(*change), "f"), DISTRICT, 1)


def test_an_hour_the_clock_jumps_over_is_refused() -> None:
    text = FILE.replace("08:30", "02:30").replace("2026-10-30", "2027-03-14").replace("2026-11-13", "2027-03-14")
    text = text[: text.index("breaks")] + "weekdays: [sunday]\n"
    with pytest.raises(CalendarFileError, match="does not exist"):
        resolve(read_calendar_file(text, "f"), DISTRICT, 1)


def test_a_rehearsals_days_follow_without_a_gap_and_walk_real_weekdays() -> None:
    start = datetime(2026, 11, 23, 9, tzinfo=UTC)
    calendar = rehearsal(
        DISTRICT,
        1,
        start=start,
        day_seconds=1,
        days_count=120,
        first_date=date(2026, 9, 2),
        time_zone="America/Los_Angeles",
    )
    assert calendar.rehearsal
    assert all(one[2] == two[1] for one, two in zip(calendar.days, calendar.days[1:], strict=False))
    assert all(civil.weekday() < 5 for civil, _, _ in calendar.days)
    assert len({civil.month for civil, _, _ in calendar.days}) >= 5
    due = add_days(calendar, start, 30)
    assert due is not None
    assert (due - start).total_seconds() == pytest.approx(30)


@pytest.mark.parametrize(("seconds", "days"), [(0, 10), (1, 0), (1, 401), (float("nan"), 10)])
def test_a_rehearsal_out_of_range_is_refused(seconds: float, days: int) -> None:
    with pytest.raises(CalendarFileError, match="rehearsal"):
        rehearsal(
            DISTRICT, 1, start=datetime.now(UTC), day_seconds=seconds, days_count=days, first_date=date(2026, 9, 2),
            time_zone="UTC",
        )  # fmt: skip


@pytest.mark.parametrize("hours", [0.0, 2.0])
def test_a_rehearsals_last_day_may_last_on(hours: float) -> None:
    start = datetime(2026, 11, 23, 9, tzinfo=UTC)
    calendar = rehearsal(
        DISTRICT, 1, start=start, day_seconds=1, days_count=3, first_date=date(2026, 9, 2), time_zone="UTC",
        last_day_hours=hours,
    )  # fmt: skip
    assert [closes - opens for _, opens, closes in calendar.days] == [1000, 1000, 1000 + int(hours * 3_600_000)]


@pytest.mark.parametrize("hours", [-1.0, float("nan"), 9000.0])
def test_a_last_day_out_of_range_is_refused(hours: float) -> None:
    with pytest.raises(CalendarFileError, match="last day"):
        rehearsal(
            DISTRICT, 1, start=datetime.now(UTC), day_seconds=1, days_count=3, first_date=date(2026, 9, 2),
            time_zone="UTC", last_day_hours=hours,
        )  # fmt: skip


def windows_of(extra: str) -> list[tuple[str, str, str, str]]:
    calendar = resolve(read_calendar_file(FILE + extra, "f"), DISTRICT, 1)
    return [
        (each.name, each.kind.value, f"{_utc(each.begins):%m-%d %H:%M}", f"{_utc(each.ends):%m-%d %H:%M}")
        for each in calendar.windows
        if each.kind is not WindowKind.BREAK
    ]


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def test_breaks_are_windows_from_midnight_to_midnight_of_the_district() -> None:
    calendar = resolve(read_calendar_file(FILE, "f"), DISTRICT, 1)
    found = [(each.name, _utc(each.begins).isoformat(), _utc(each.ends).isoformat()) for each in calendar.windows]
    assert found == [
        ("break-2026-11-05", "2026-11-05T08:00:00+00:00", "2026-11-07T08:00:00+00:00"),
        ("break-2026-11-11", "2026-11-11T08:00:00+00:00", "2026-11-12T08:00:00+00:00"),
    ]


def test_a_recurring_window_keeps_its_hour_across_the_clock_change() -> None:
    night = "{name: night, kind: district, from: 2026-10-23, starts: '17:00', hours: 4, rule: FREQ=WEEKLY;COUNT=3}"
    assert windows_of(f"windows: [{night}]\n") == [
        ("night", "district", "10-31 00:00", "10-31 04:00"),
        ("night", "district", "11-07 01:00", "11-07 05:00"),
    ]


def test_a_window_across_the_clock_change_lasts_as_many_hours_as_its_days_have() -> None:
    two_days = "windows: [{name: sba, kind: testing, from: 2026-10-31, to: 2026-11-01}]\n"
    assert windows_of(two_days) == [("sba", "testing", "10-31 07:00", "11-02 08:00")], "forty-nine hours"


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("rule: FREQ=MINUTELY", "FREQ"),
        ("rule: FREQ=WEEKLY;FREQ=DAILY", "at most once"),
        ("rule: 'FREQ=DAILY;BYDAY=XX'", "RFC 5545"),
        ("rule: 'FREQ=DAILY;UNTIL=soon'", "UNTIL"),
        ("starts: 08:00", "hours"),
        ("to: 2026-10-01", "to"),
    ],
)
def test_a_window_that_could_mean_something_else_is_refused(entry: str, word: str) -> None:
    with pytest.raises((CalendarFileError, WindowError), match=word):
        windows_of(f"windows: [{{name: odd, kind: testing, from: 2026-11-02, {entry}}}]\n")


def test_a_rule_without_end_stops_at_the_calendars_last_day_and_a_crowd_of_windows_is_refused() -> None:
    daily = "windows: [{name: daily, kind: district, from: 2026-01-01, rule: FREQ=DAILY}]\n"
    assert len(windows_of(daily)) == 15
    long = FILE.replace("last_day: 2026-11-13", "last_day: 2027-06-13") + daily
    with pytest.raises(WindowError, match="at most 120"):
        resolve(read_calendar_file(long, "f"), DISTRICT, 1)


@pytest.mark.parametrize(
    ("until", "count"), [("20261106T090000Z", 1), ("20261030", 1), ("20261031T003000Z", 1), ("20261106T235959", 2)]
)
def test_a_rules_end_is_read_on_the_districts_clock(until: str, count: int) -> None:
    entry = f"{{name: n, kind: district, from: 2026-10-30, starts: '17:00', hours: 1, rule: FREQ=WEEKLY;UNTIL={until}}}"
    found = windows_of(f"windows: [{entry}]\n")
    assert len(found) == count
