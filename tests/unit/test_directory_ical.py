"""iCalendar files: good events land, the others are told by line and uid, and nothing of their words is kept."""

from datetime import UTC, date, datetime

import pytest

from schemas.calendar import Calendar, WindowKind
from services.directory.ical import (
    EVENTS_MAX,
    WORDS,
    IcalError,
    Reading,
    applied,
    mapping,
    read_ical,
)
from tests.harness.washington import washington

YEAR = washington("")


def event(*lines: str, uid: str = "e1") -> str:
    return "\n".join(("BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"))


def file(*events: str) -> bytes:
    return "\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", "")).encode()


def read(*events: str) -> Reading:
    return read_ical(file(*events), YEAR)


def declared(calendar: Calendar) -> list[tuple[str, str, str]]:
    at = [(each, datetime.fromtimestamp(each.begins / 1000, UTC)) for each in calendar.windows if each.declared]
    return [(each.name, each.kind.value, f"{begins:%m-%d %H:%M}") for each, begins in at]


SNOW = event("SUMMARY:No School - snow", "DTSTART;VALUE=DATE:20261204")
BREAK = event("SUMMARY:No school: mid-year break", "DTSTART;VALUE=DATE:20261207", "DTEND;VALUE=DATE:20261210")
TESTING = event(
    "CATEGORIES:Testing", "SUMMARY:Grade 5", "DTSTART;TZID=America/Los_Angeles:20261027T083000",
    "DTEND;TZID=America/Los_Angeles:20261027T113000", "RRULE:FREQ=WEEKLY;COUNT=3",
    "EXDATE;TZID=America/Los_Angeles:20261103T083000",
)  # fmt: skip


def test_closures_and_breaks_take_their_days_and_testing_keeps_its_hour_across_the_clock_change() -> None:
    reading = read(SNOW, BREAK, TESTING)
    changed = applied(YEAR, reading)
    assert len(changed.days) == len(YEAR.days) - 4
    assert declared(changed) == [
        ("testing-2026-10-27", "testing", "10-27 15:30"),
        ("testing-2026-10-27", "testing", "11-10 16:30"),
        ("closure-2026-12-04", "closure", "12-04 08:00"),
        ("break-2026-12-07", "break", "12-07 08:00"),
    ]
    assert applied(changed, reading) == changed


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (("SUMMARY:Closed", "DTSTART;TZID=Mars/Base:20261027T083000"), "Mars/Base"),
        (("SUMMARY:Closed at noon", "DTSTART:20261027T193000Z", "DTEND:20261027T223000Z"), "whole days"),
        (("SUMMARY:No school", "DTSTART;VALUE=DATE:2026"), "DTSTART"),
        (("SUMMARY:No school",), "DTSTART"),
        (("SUMMARY:No school", "DTSTART;VALUE=DATE:20261204", "DTEND;VALUE=DATE:20261201"), "DTEND"),
        (("SUMMARY:No school", "DTSTART;VALUE=DATE:20261204", "RRULE:FREQ=SECONDLY"), "FREQ"),
        (("SUMMARY:No school", "DTSTART;VALUE=DATE:20261204", "RDATE;VALUE=DATE:20261207"), "RDATE"),
    ],
)
def test_an_event_at_fault_is_told_by_line_and_uid_and_the_others_land(lines: tuple[str, ...], word: str) -> None:
    reading = read(SNOW, event(*lines, uid="odd"))
    assert [(each.line, each.uid) for each in reading.faults] == [(8, "odd")]
    assert word in reading.faults[0].message
    assert [each.name for each in reading.found] == ["closure-2026-12-04"]


def test_what_is_no_school_matter_and_what_is_cancelled_is_left_alone() -> None:
    game = event("SUMMARY:Football at Aberdeen", "DTSTART:20261027T233000Z")
    cancelled = event("SUMMARY:No school", "STATUS:CANCELLED", "DTSTART;VALUE=DATE:20261204")
    assert read(game, cancelled) == Reading((), (), 2)


def test_an_occurrence_that_was_moved_counts_where_it_was_moved_to() -> None:
    weekly = event("SUMMARY:SBA", "DTSTART;VALUE=DATE:20270301", "RRULE:FREQ=WEEKLY;COUNT=3", uid="sba")
    moved = event("SUMMARY:SBA", "RECURRENCE-ID;VALUE=DATE:20270308", "DTSTART;VALUE=DATE:20270310", uid="sba")
    days = sorted(each.begins.date() for each in read(weekly, moved).found)
    assert days == [date(2027, 3, 1), date(2027, 3, 10), date(2027, 3, 15)]


def test_a_rule_without_end_stops_with_the_calendar_and_one_that_yields_nothing_finds_nothing() -> None:
    weekly = event("SUMMARY:Testing", "DTSTART;VALUE=DATE:20260907", "RRULE:FREQ=WEEKLY")
    assert len(read(weekly).found) == 41
    never = event("SUMMARY:Testing", "DTSTART;VALUE=DATE:20260907", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    assert read(never) == Reading((), (), 0)


def test_words_of_ones_own_come_first() -> None:
    benchmark = event("SUMMARY:Benchmark Week", "DTSTART;VALUE=DATE:20261204")
    assert read(benchmark).ignored == 1
    told = read_ical(file(benchmark), YEAR, mapping(["benchmark week=testing"]))
    assert [each.kind for each in told.found] == [WindowKind.TESTING]
    with pytest.raises(IcalError, match="WORDS=KIND"):
        mapping(["benchmark week"])
    assert mapping([]) == WORDS


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"hello", "BEGIN:VCALENDAR"),
        (b"\xff\xfe", "UTF-8"),
        (file(SNOW)[:-30], "END:VEVENT"),
        (file(*[SNOW] * (EVENTS_MAX + 1)), "at most 5000"),
        (b"x" * 5_000_001, "bytes"),
    ],
)
def test_what_is_no_icalendar_or_too_large_is_refused_whole(content: bytes, word: str) -> None:
    with pytest.raises(IcalError, match=word):
        read_ical(content, YEAR)


def test_nothing_of_an_events_words_is_kept() -> None:
    changed = applied(YEAR, read(event("SUMMARY:No school, Ms Rivera retires", "DTSTART;VALUE=DATE:20261204")))
    assert "rivera" not in changed.model_dump_json().casefold()
