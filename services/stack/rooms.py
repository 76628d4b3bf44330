"""The rooms above the servers: topics, tables, preparation, one process each under the supervisor.

Called by `stack up` and `firstbell serve`. Knows rooms only as the entry-point group lists them.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence

from schemas.topics import TOPICS
from services.kit.migrations import migrate
from services.kit.room import Room, rooms
from services.kit.settings import Settings, load_settings
from services.stack import topics
from services.stack.home import Home, Say, StackError
from services.stack.identity import alive
from services.stack.state import Wanted

READY_SECONDS = 60.0
"""Without another room's metrics port: one takes 2-4 s, twelve on two cores take turns. Our judgement, 2026-11-25."""
RESTARTS_TOLERATED_COUNT = 3
"""Restarts of a room before `up` gives it up. Our judgement, 2026-11-23."""
ROOM_RANK = 10
"""The greatest rank ends first: rooms before every server."""


async def prepare(settings: Settings, found: Sequence[Room], say: Say) -> None:
    """Topics, tables and default documents stand once this returns. May be repeated; raises what a room raises."""
    applied = await asyncio.to_thread(topics.apply, settings)
    created = sum(difference.act is topics.Act.CREATE for difference in applied)
    say(f"topics: {len(TOPICS)} in the catalogue, {created} created")
    await migrate(settings, found)
    kept = [room.name for room in found if room.migrations]
    say(f"tables: {', '.join(kept) if kept else 'no room keeps any'}")
    for room in found:
        if room.prepare:
            await room.prepare(settings)
            say(f"{room.name}: prepared")


def _overrides(settings: Settings) -> dict[str, str]:
    """Settings given by flag or environment, so that each process sees them: a change restarts it."""
    plain = load_settings({"home": settings.home}, {}).model_dump(mode="json")
    given = settings.model_dump(mode="json")
    return {
        f"FIRSTBELL_{name.upper()}": str(value)
        for name, value in given.items()
        if value is not None and (value != plain[name] or name == "home")
    }


def wanted(settings: Settings, found: Sequence[Room]) -> list[Wanted]:
    """One process for each room that has one."""
    environment = _overrides(settings)
    return [
        Wanted(
            name=room.name,
            kind="room",
            argv=(sys.executable, "-m", "services.cli", "serve", room.name),
            folder=str(settings.home),
            environment=environment,
            stop_seconds=20.0,
            stop_rank=ROOM_RANK,
            addresses={},
        )
        for room in found
        if room.run
    ]


def start(settings: Settings, say: Say) -> None:
    """Every room's process lives and has told its metrics port once this returns. Blocks."""
    home = Home.of(settings)
    found = rooms()
    asyncio.run(prepare(settings, found, say))
    wishes = wanted(settings, found)
    gone = {name for name, wish in home.wanted().items() if wish.kind == "room"} - {wish.name for wish in wishes}
    home.unwant(*gone)
    home.want(*wishes)
    deadline = time.monotonic() + READY_SECONDS
    waiting = {wish.name: wish for wish in wishes}
    while waiting:
        for wish in list(waiting.values()):
            if _ready(home, wish):
                del waiting[wish.name]
                deadline = time.monotonic() + READY_SECONDS
        if waiting and time.monotonic() > deadline:
            name = min(waiting)
            raise StackError(f"{name}: expected its metrics port in {READY_SECONDS:g} s; read {home.logs}/{name}.log")
        time.sleep(0.1)
    if wishes:
        say(f"rooms: {', '.join(wish.name for wish in wishes)} run")


def _ready(home: Home, wish: Wanted) -> bool:
    state = home.state()
    process = state.named(wish.name) if state else None
    if process is None or process.digest != wish.digest:
        return False
    if process.restarts_count > RESTARTS_TOLERATED_COUNT:
        log = home.logs / f"{wish.name}.log"
        raise StackError(f"{wish.name}: {process.last_exit}, {process.restarts_count} times; read {log}")
    if process.pid is None or not alive(process.identity):
        return False
    return metrics_port(home, wish.name, process.pid) is not None


def metrics_port(home: Home, name: str, pid: int) -> int | None:
    """The port that this very process told; None before it did."""
    try:
        told = json.loads((home.folder / "ports" / f"{name}.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return int(told["metrics"]) if told.get("pid") == pid else None


async def serve(settings: Settings, names: Sequence[str]) -> None:
    """Runs the named rooms in this process until each has stopped; one that fails ends the others."""
    known = {room.name: room for room in rooms()}
    for name in names:
        if name not in known:
            raise StackError(f"serve: no room is called {name}; expected one of {', '.join(sorted(known)) or 'none'}")
        if known[name].run is None:
            raise StackError(f"serve: {name} has no process; it is a command-line room")
    async with asyncio.TaskGroup() as group:
        for name in names:
            run = known[name].run
            assert run is not None
            group.create_task(_as_coroutine(run, settings), name=name)


async def _as_coroutine(run: object, settings: Settings) -> None:
    assert callable(run)
    await run(settings)
