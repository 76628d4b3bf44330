"""The commands of the directory where no database answers, and the example files that come with the project."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.directory import calendar_cli, cli, roster_cli
from services.directory.calendars import read_calendar_file, resolve
from services.directory.rosters import RosterEntry, read_roster

EXAMPLES = Path(__file__).parents[2] / "deploy" / "rehearsal"
DATA = Path(__file__).parents[2] / "deploy" / "data" / "nces"


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRSTBELL_HOME", str(tmp_path))
    monkeypatch.setenv("FIRSTBELL_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize(
    ("app", "arguments"),
    [
        (cli.app, ["show", "Adna"]),
        (cli.app, ["list", "--json"]),
        (cli.app, ["import", str(DATA / "washington_districts.csv")]),
        (calendar_cli.app, ["show", "Adna"]),
        (calendar_cli.app, ["rehearse", "--all"]),
        (roster_cli.app, ["rehearse", "--all"]),
    ],
)
def test_a_database_that_is_away_is_exit_3_and_one_line(app: object, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)  # type: ignore[arg-type]
    assert result.exit_code == 3, result.output
    assert "PostgreSQL: expected an answer" in result.output


@pytest.mark.parametrize("app", [calendar_cli.app, roster_cli.app])
def test_a_rehearsal_needs_districts_or_all_and_not_both(app: object) -> None:
    assert CliRunner().invoke(app, ["rehearse"]).exit_code == 2  # type: ignore[arg-type]
    assert CliRunner().invoke(app, ["rehearse", "--all", "--district", "Adna"]).exit_code == 2  # type: ignore[arg-type]


def test_a_start_without_an_offset_is_refused() -> None:
    result = CliRunner().invoke(calendar_cli.app, ["rehearse", "--all", "--start", "2026-11-23T09:00:00"])
    assert result.exit_code == 2
    assert "offset" in result.output


def test_the_example_calendar_is_a_school_year() -> None:
    file = read_calendar_file((EXAMPLES / "calendar.yaml").read_text("utf-8"), "calendar.yaml")
    calendar = resolve(file, "6f1c2a5e-54a4-5d8b-9a3e-0b1f8c0d7e11", 1)
    assert 175 <= len(calendar.days) <= 190
    assert not calendar.rehearsal


def test_every_row_of_the_example_roster_is_read() -> None:
    entries = list(read_roster(EXAMPLES / "roster.csv"))
    assert len(entries) == 7
    assert all(isinstance(entry, RosterEntry) and entry.stand_in for entry in entries)
