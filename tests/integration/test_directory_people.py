"""People's names, notes and delegations on real servers: names go to one table, and nothing of a note goes anywhere."""

import asyncio
import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from typer import Typer
from typer.testing import CliRunner, Result

from schemas.school import ActorRecord, Role
from schemas.topics import ACTORS
from services.directory import note_cli, roster_cli
from services.directory.delegations import delegate, undelegate
from services.directory.oneroster import read_folder
from services.directory.people import entries_of
from services.directory.roster_store import held_in, write_roster
from services.kit.database import connect
from services.kit.settings import Settings
from tests.harness.oneroster import folder
from tests.integration.test_directory_import import ADNA, FILES, imported, records, relaying

pytestmark = pytest.mark.stack
NAMES = (b"Wilhelmina", b"Okonkwo", b"wo@adna.example", b"Terrell", b"Pupil")


@pytest_asyncio.fixture
async def directory(stack: Settings) -> Settings:
    await imported(stack, *FILES)
    return stack


async def typed(settings: Settings, app: Typer, *words: str) -> Result:
    runner = CliRunner(env={"FIRSTBELL_HOME": str(settings.home)})
    return await asyncio.to_thread(runner.invoke, app, list(words))


async def real_folder(settings: Settings, at: Path) -> Path:
    """The test's OneRoster folder, its district by the id of the directory."""
    connection = await connect(settings, "directory")
    try:
        nces = await connection.fetchval(
            "select d.nces_id from district d join school s using (district_id) where s.nces_id = $1", ADNA
        )
    finally:
        await connection.close()
    orgs = (
        "sourcedId,name,type,identifier\n"
        f"o1,Adna Elementary School,school,{ADNA}\nd1,Adna School District,district,{nces}\nx1,Region 4,local,\n"
    )
    return folder(at, orgs=orgs)


async def test_a_oneroster_folder_lands_its_good_rows_and_again_changes_nothing(
    directory: Settings, tmp_path: Path
) -> None:
    where = await real_folder(directory, tmp_path)
    first = await typed(directory, roster_cli.app, "import", "--oneroster", str(where), "--json")
    assert first.exit_code == 1, first.output
    told = json.loads(first.stdout)
    assert (told["created_count"], len(told["faults"])) == (3, 5)
    again = json.loads((await typed(directory, roster_cli.app, "import", "--oneroster", str(where), "--json")).stdout)
    assert (again["created_count"], again["changed_count"], again["unchanged_count"]) == (0, 0, 3)
    connection = await connect(directory, "directory")
    try:
        people = await connection.fetch("select * from person order by sourced_id")
        assert [row["given_name"] for row in people] == ["Wilhelmina", "Ivo", "Cora"], "no pupil"
        held = await held_in(connection, [], people[0]["actor_id"])
        assert [(each.role, each.valid_until) for each in held] == [(Role.PRINCIPAL, date(2027, 6, 30))]
        assert "u1" not in people[0]["actor_id"]
    finally:
        await connection.close()


async def test_no_name_of_a_roster_leaves_by_the_actor_topic(directory: Settings, tmp_path: Path) -> None:
    where = await real_folder(directory, tmp_path)
    await typed(directory, roster_cli.app, "import", "--oneroster", str(where))
    async with relaying(directory):
        pass
    sent = b"".join(value for _, value in records(directory, ACTORS.name))
    assert b"actor-" in sent
    assert not any(name in sent for name in NAMES)


async def test_a_note_is_kept_shown_and_refused_when_it_names_somebody(
    directory: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    where = await real_folder(directory, tmp_path)
    await typed(directory, roster_cli.app, "import", "--oneroster", str(where))
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("The cabling of room 12 waits for parts; zyzzyva-marker.", "utf-8")
    bad.write_text("Late again.\nOur okonkwo said so, see wo@adna.example.", "utf-8")
    kept = await typed(directory, note_cli.app, "add", "--text-file", str(good))
    assert kept.exit_code == 0, kept.output
    note_id = kept.stdout.strip()
    shown = await typed(directory, note_cli.app, "show", note_id)
    assert "zyzzyva-marker" in shown.stdout
    refused = await typed(directory, note_cli.app, "add", "--text-file", str(bad))
    assert refused.exit_code == 1
    assert "line 2, column 5" in refused.output
    assert "line 2, column 26" in refused.output
    assert "okonkwo" not in (refused.output + capfd.readouterr().err).casefold()
    connection = await connect(directory, "directory")
    try:
        assert await connection.fetchval("select count(*) from note where body like '%okonkwo%'") == 0
        rows = await connection.fetch("select * from outbox")
        waiting = [cell for row in rows for cell in row if isinstance(cell, bytes)]
        assert not [cell for cell in waiting if b"zyzzyva-marker" in cell]
    finally:
        await connection.close()
    assert not [path for path in _logs_and_topics(directory) if b"zyzzyva-marker" in _bytes(path)]


def _bytes(path: Path) -> bytes:
    """What it holds; nothing of a file that was temporary, and is gone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _logs_and_topics(settings: Settings) -> list[Path]:
    """Every file of the home but PostgreSQL's own: Kafka's segments, logs, settings."""
    files = [path for path in settings.home.rglob("*") if path.is_file() and not path.is_symlink()]
    found = [
        path for path in files if "postgres" not in {part.casefold() for part in path.relative_to(settings.home).parts}
    ]
    assert any(path.suffix == ".log" for path in found), "expected logs and segments to look through"
    return found


async def test_a_delegation_is_published_with_its_instants_and_taken_back(directory: Settings, tmp_path: Path) -> None:
    where = await real_folder(directory, tmp_path)
    connection = await connect(directory, "directory")
    now = datetime(2026, 11, 25, tzinfo=UTC)
    try:
        async with connection.transaction():
            entries, _ = await entries_of(connection, read_folder(where), now)
            await write_roster(connection, entries, now)
            ids = {entry.role: entry.actor_id for entry in entries}
            giver, receiver = ids[Role.PRINCIPAL], ids[Role.COACH]
            days = (date(2026, 11, 23), date(2026, 11, 27))
            assert (await delegate(connection, giver, receiver, Role.PRINCIPAL, days, now)).created_count == 1
            assert (await delegate(connection, giver, receiver, Role.PRINCIPAL, days, now)).unchanged_count == 1
            assert (await undelegate(connection, giver, receiver, Role.PRINCIPAL, now)).changed_count == 1
    finally:
        await connection.close()
    async with relaying(directory):
        pass
    sent = [ActorRecord.model_validate_json(value) for _, value in records(directory, ACTORS.name)]
    delegated = [each for each in sent if each.acting_for == giver]
    assert [(each.actor_id, each.role, each.active) for each in delegated] == [
        (receiver, Role.PRINCIPAL, True), (receiver, Role.PRINCIPAL, False),
    ]  # fmt: skip
    assert delegated[0].begins_at == datetime(2026, 11, 23, tzinfo=UTC)
    assert delegated[0].ends_at == datetime(2026, 11, 28, tzinfo=UTC), "the last day is included"


async def test_what_nobody_holds_cannot_be_delegated(directory: Settings, tmp_path: Path) -> None:
    where = await real_folder(directory, tmp_path)
    await typed(directory, roster_cli.app, "import", "--oneroster", str(where))
    rows = [("actor_id", "role", "scope_kind", "scope", "valid_from", "valid_until", "acting_for")]
    rows += [("actor-dd1", "principal", "school", ADNA, "2026-11-23", "2026-11-27", "actor-nobody")]
    rows += [("actor-dd1", "coach", "school", ADNA, "", "", "")]
    path = tmp_path / "own.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    told = await typed(directory, roster_cli.app, "import", str(path), "--json")
    assert told.exit_code == 1, told.output
    answer = json.loads(told.stdout)
    assert [(fault["line"], fault["column"]) for fault in answer["faults"]] == [(2, "acting_for")]
    refused = await typed(
        directory, roster_cli.app, "delegate", "--as", "actor-dd1", "--to", "actor-dd1", "--role", "principal",
        "--from", "2026-11-23", "--until", "2026-11-27",
    )  # fmt: skip
    assert refused.exit_code != 0
