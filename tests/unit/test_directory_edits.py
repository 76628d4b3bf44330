"""What people change in a calendar that stands: closures, make-up days, windows; and how each is undone."""

from datetime import UTC, date, datetime

import pytest

from schemas.calendar import Calendar, WindowKind
from services.directory.calendar_edits import EditError, carried, close, declare, reopen, withdraw
from services.directory.calendars import rehearsal
from services.directory.windows import WindowEntry
from tests.harness.scenario import DISTRICT
from tests.harness.washington import washington
from workflows.policy.calendar import add_days

SNOW = date(2026, 12, 3)
MAKE_UP = date(2027, 6, 17)
YEAR = washington("")
SBA = WindowEntry(name="sba", kind=WindowKind.TESTING, first=date(2027, 3, 1), last=date(2027, 6, 4))


def snowed(calendar: Calendar = YEAR, make_up: date | None = None) -> Calendar:
    return close(calendar, SNOW, SNOW, "snow-2026-12-03", WindowKind.CLOSURE, make_up)


def dates(calendar: Calendar) -> list[date]:
    return [day[0] for day in calendar.days]


def test_a_closure_takes_its_day_and_what_is_due_shifts() -> None:
    start = datetime(2026, 12, 1, 18, tzinfo=UTC)
    assert SNOW not in dates(snowed())
    assert add_days(YEAR, start, 2) == datetime(2026, 12, 3, 18, tzinfo=UTC)
    assert add_days(snowed(), start, 2) == datetime(2026, 12, 4, 18, tzinfo=UTC)


def test_a_closure_is_a_window_from_midnight_to_midnight_and_closing_again_changes_nothing() -> None:
    (window,) = [each for each in snowed().windows if each.kind is WindowKind.CLOSURE]
    assert (window.begins, window.ends) == (
        int(datetime(2026, 12, 3, 8, tzinfo=UTC).timestamp() * 1000),
        int(datetime(2026, 12, 4, 8, tzinfo=UTC).timestamp() * 1000),
    )
    assert snowed(snowed()) == snowed()


def test_a_make_up_day_has_the_closed_days_hours_on_the_summer_clock() -> None:
    made = snowed(make_up=MAKE_UP)
    assert len(made.days) == len(YEAR.days)
    opens, closes = (datetime.fromtimestamp(ms / 1000, UTC) for ms in made.days[-1][1:])
    assert (opens, closes) == (datetime(2027, 6, 17, 15, 30, tzinfo=UTC), datetime(2027, 6, 17, 22, tzinfo=UTC))


def test_reopening_gives_the_day_its_hours_back_and_takes_the_make_up_day_away() -> None:
    assert reopen(snowed(make_up=MAKE_UP), SNOW, [snowed(), YEAR]) == YEAR
    assert reopen(YEAR, SNOW, [YEAR]) == YEAR


def test_reopening_what_was_never_closed_or_what_no_version_knows_is_refused() -> None:
    with pytest.raises(EditError, match="expected a day that"):
        reopen(YEAR, date(2026, 12, 5), [YEAR])
    with pytest.raises(EditError, match="knows its hours"):
        reopen(snowed(), SNOW, [snowed()])


@pytest.mark.parametrize(
    ("day", "make_up", "word"),
    [(date(2026, 12, 5), None, "to close"), (SNOW, date(2026, 12, 4), "without school")],
)
def test_a_closure_that_cannot_be_is_refused(day: date, make_up: date | None, word: str) -> None:
    with pytest.raises(EditError, match=word):
        close(YEAR, day, day, "snow", WindowKind.CLOSURE, make_up)


def test_the_last_day_there_is_cannot_be_closed() -> None:
    one = YEAR.model_copy(update={"days": YEAR.days[:1], "windows": ()})
    with pytest.raises(EditError, match="is left"):
        close(one, dates(one)[0], dates(one)[0], "snow", WindowKind.CLOSURE, None)


def test_a_declared_window_replaces_one_of_its_name_and_can_be_taken_back() -> None:
    declared = declare(YEAR, [SBA])
    assert declare(declared, [SBA]) == declared
    moved = declare(declared, [SBA.model_copy(update={"first": date(2027, 4, 1)})])
    assert [each.first for each in moved.windows if each.name == "sba"] == [date(2027, 4, 1)]
    assert withdraw(moved, "sba") == YEAR
    assert withdraw(YEAR, "break-2026-11-11") == YEAR, "what a file says, its file takes back"


def test_a_closure_is_reopened_and_not_withdrawn() -> None:
    with pytest.raises(EditError, match="calendar reopen"):
        withdraw(snowed(), "snow-2026-12-03")


def test_a_file_imported_again_keeps_closures_and_declared_windows() -> None:
    before = declare(snowed(make_up=MAKE_UP), [SBA])
    again = carried(YEAR, before)
    assert again == before
    assert carried(YEAR, None) == YEAR


def test_on_a_rehearsals_calendar_a_window_takes_the_instants_of_its_imagined_days() -> None:
    start = datetime(2026, 11, 25, 9, tzinfo=UTC)
    short = rehearsal(
        DISTRICT, 1, start=start, day_seconds=1, days_count=30, first_date=date(2026, 9, 2), time_zone="UTC"
    )
    entry = WindowEntry(name="sba", kind=WindowKind.TESTING, first=date(2026, 9, 5), last=date(2026, 9, 8))
    (window,) = declare(short, [entry]).windows
    assert (window.begins, window.ends) == (short.days[3][1], short.days[4][2])
    weekend = entry.model_copy(update={"last": date(2026, 9, 6)})
    assert declare(short, [weekend]).windows == ()
