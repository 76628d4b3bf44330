"""Calendars that change, by the command line on real servers: closures, a state's windows, an iCalendar file, undo."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.school import mint_id
from services.directory import calendar_cli
from services.directory.calendar_store import current_calendars
from services.directory.importing import import_files
from services.kit.database import connect
from services.kit.settings import Settings
from tests.harness.washington import FILE

pytestmark = pytest.mark.stack
TEXT = FILE.read_text("utf-8")
STATE = "GU"
ROWS = """NCESSCH,SCH_NAME,LEAID,LEA_NAME
660000100001,First School,6600001,First District
660000200001,Second School,6600002,Second District
660000300001,Third School,6600003,Third District
"""
FIRST, SECOND, THIRD = "6600001", "6600002", "6600003"
SBA = ("window", "add", "--name", "sba", "--kind", "testing", "--from", "2027-03-01", "--to", "2027-06-04")
Tell = Callable[..., Awaitable[Any]]


@pytest.fixture
def tell(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Runs `firstbell calendar ... --json`; the parsed answer. `code`: the exit code it must end with."""
    monkeypatch.setenv("FIRSTBELL_HOME", str(stack.home))

    async def run(*words: str, code: int = 0) -> Any:
        result = await asyncio.to_thread(CliRunner().invoke, calendar_cli.app, [*words, "--json"])
        assert result.exit_code == code, result.output + repr(result.exception)
        return json.loads(result.stdout) if result.stdout.startswith(("{", "[")) else None

    return run


@pytest.fixture
async def districts(stack: Settings, tmp_path: Path, tell: Tell) -> Path:
    """Three districts of a state of their own; the first two have a calendar. The file that gave it."""
    schools = tmp_path / "schools.csv"
    schools.write_text(ROWS, "utf-8")
    await import_files(stack, [schools], False, lambda _: None)
    await tell("window", "remove", "--name", "sba", "--state", STATE, "--yes")
    file = tmp_path / "calendar.yaml"
    file.write_text(TEXT.replace('["5300060"]', f'["{FIRST}", "{SECOND}"]'), "utf-8")
    await tell("import", str(file))
    return file


async def windows(tell: Tell, district: str) -> list[str]:
    return [each["name"] for each in await tell("window", "list", district) if each["declared"]]


async def test_a_day_is_closed_and_reopened_and_neither_twice(districts: Path, tell: Tell, stack: Settings) -> None:
    connection = await connect(stack, "directory")
    try:
        district_id = mint_id("nces", FIRST)
        before = (await current_calendars(connection, [district_id]))[district_id]
        closed = await tell("close", FIRST, "2026-12-03", "--reason", "snow", "--make-up", "2027-06-17")
        assert closed["calendars"][0]["changed"]
        assert not (await tell("close", FIRST, "2026-12-03", "--reason", "snow", "--make-up", "2027-06-17"))[
            "calendars"
        ][0]["changed"]
        assert "snow-2026-12-03" in await windows(tell, FIRST)
        await tell("import", str(districts))
        assert "snow-2026-12-03" in await windows(tell, FIRST), "the file again, and the closure stays"
        assert (await tell("reopen", FIRST, "2026-12-03"))["calendars"][0]["changed"]
        assert not (await tell("reopen", FIRST, "2026-12-03"))["calendars"][0]["changed"]
        after = (await current_calendars(connection, [district_id]))[district_id]
        assert (after.days, after.windows) == (before.days, before.windows)
        assert after.version > before.version
    finally:
        await connection.close()


async def test_a_states_window_previews_lands_once_reaches_later_calendars_and_goes(
    districts: Path, tell: Tell, tmp_path: Path
) -> None:
    del districts
    preview = await tell(*SBA, "--state", STATE, "--dry-run")
    assert preview["districts_count"] == 3
    assert sorted(preview["changing"]) == sorted(mint_id("nces", each) for each in (FIRST, SECOND))
    assert preview["without_calendar"] == [mint_id("nces", THIRD)]
    assert await windows(tell, FIRST) == []
    landed = await tell(*SBA, "--state", STATE, "--yes")
    assert [each["changed"] for each in landed["calendars"]] == [True, True]
    assert "window remove" in landed["undo"]
    again = await tell(*SBA, "--state", STATE, "--yes")
    assert [each["changed"] for each in again["calendars"]] == [False, False]
    late = tmp_path / "late.yaml"
    late.write_text(TEXT.replace('["5300060"]', f'["{THIRD}"]'), "utf-8")
    await tell("import", str(late))
    assert await windows(tell, THIRD) == ["sba"], "a calendar that comes later has the state's window"
    await tell("window", "remove", "--name", "sba", "--state", STATE, "--yes")
    assert [await windows(tell, each) for each in (FIRST, SECOND, THIRD)] == [[], [], []]


async def test_an_icalendar_file_lands_but_for_its_faults(districts: Path, tell: Tell, tmp_path: Path) -> None:
    del districts
    file = tmp_path / "district.ics"
    file.write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\n"
        "BEGIN:VEVENT\nUID:snow\nSUMMARY:No school\nDTSTART;VALUE=DATE:20261204\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:odd\nSUMMARY:No school\nDTSTART;VALUE=DATE:2026\nEND:VEVENT\n"
        "END:VCALENDAR\n",
        "utf-8",
    )
    told = await tell("import", "--ical", str(file), "--district", SECOND, code=1)
    assert told["calendars"][0]["changed"]
    assert [(each["line"], each["uid"]) for each in told["faults"]] == [(8, "odd")]
    assert await windows(tell, SECOND) == ["closure-2026-12-04"]
    again = await tell("import", "--ical", str(file), "--district", SECOND, code=1)
    assert not again["calendars"][0]["changed"]
    await tell("reopen", SECOND, "2026-12-04")
    assert await windows(tell, SECOND) == []


async def test_a_district_without_a_calendar_says_so(districts: Path, tell: Tell) -> None:
    del districts
    await tell("close", "6600009", "2026-12-03", "--reason", "snow", code=1)
