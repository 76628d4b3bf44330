"""Laws of running rooms: as settings say, in one process together, and one's failure is told."""

import asyncio
from pathlib import Path

import pytest

from services.kit.outcome import PermanentError
from services.kit.room import Room
from services.kit.settings import Settings, load_settings
from services.stack import rooms as running
from services.stack.home import Home, StackError
from services.stack.targets import write_targets

SETTINGS = Settings()


def install(monkeypatch: pytest.MonkeyPatch, *found: Room) -> None:
    monkeypatch.setattr(running, "rooms", lambda: found)


async def test_named_rooms_run_together_until_each_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    met = asyncio.Barrier(2)
    done: list[str] = []

    def room(name: str) -> Room:
        async def run(_: Settings) -> None:
            await asyncio.wait_for(met.wait(), 5)
            done.append(name)

        return Room(name, run=run)

    install(monkeypatch, room("a"), room("b"))
    await running.serve(SETTINGS, ["a", "b"])
    assert sorted(done) == ["a", "b"]


async def test_a_room_that_fails_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def fail(_: Settings) -> None:
        raise PermanentError("a log starts past the fence")

    async def wait(_: Settings) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    install(monkeypatch, Room("bad", run=fail), Room("good", run=wait))
    with pytest.raises(ExceptionGroup) as seen:
        await asyncio.wait_for(running.serve(SETTINGS, ["bad", "good"]), 5)
    assert seen.group_contains(PermanentError, match="past the fence")
    assert ended.is_set()


async def test_an_unknown_room_and_one_without_process_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Room("still"))
    with pytest.raises(StackError, match="no room is called other; expected one of still"):
        await running.serve(SETTINGS, ["other"])
    with pytest.raises(StackError, match="still has no process"):
        await running.serve(SETTINGS, ["still"])


def test_settings_given_to_the_stack_reach_every_process(tmp_path: Path) -> None:
    async def run(_: Settings) -> None:
        """Never called."""

    plain = load_settings({"home": tmp_path}, {})
    given = load_settings({"home": tmp_path}, {"FIRSTBELL_BATCH_RECORDS_MAX": "7"})
    found = [Room("a", run=run), Room("no-process")]
    (before,) = running.wanted(plain, found)
    (after,) = running.wanted(given, found)
    assert after.environment["FIRSTBELL_BATCH_RECORDS_MAX"] == "7"
    assert after.environment["FIRSTBELL_HOME"] == str(tmp_path)
    assert before.digest != after.digest
    assert load_settings({}, {**after.environment, "XDG_CACHE_HOME": str(plain.cache)}).batch_records_max == 7


def test_prometheus_hears_of_every_port_and_survives_a_torn_file(tmp_path: Path) -> None:
    home = Home.of(Settings(home=tmp_path, cache=tmp_path / "cache"))
    write_targets(home.folder)
    assert not (tmp_path / "prometheus").exists()  # nobody asked for it
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "ports" / "a.json").write_text('{"metrics": 1234, "pid": 1}')
    (tmp_path / "ports" / "torn.json").write_text('{"metr')
    write_targets(home.folder)
    text = (tmp_path / "prometheus" / "targets.json").read_text()
    assert '"127.0.0.1:1234"' in text
    assert "torn" not in text
