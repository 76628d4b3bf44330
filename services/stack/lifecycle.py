"""Brings one home up and down.

Called by the command line and by the tests' harness. `up` may be repeated: what runs and is unchanged is left
alone, what changed is restarted alone. `down` ends only what was recorded here, by identity.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from services.kit.settings import Settings, load_settings
from services.stack import health, kafka, observability, postgres, temporal
from services.stack.home import Home, Say, StackError, locked
from services.stack.identity import Identity, alive, end, identify, wait_until_gone
from services.stack.state import Running, Wanted

READY_SECONDS = 90.0
"""A server's start, also on a slow machine and after a crash. Measured 1-8 s; our judgement, 2026-11-23."""
RESTARTS_TOLERATED_COUNT = 5
"""Starts that may fail while a server comes up (a backend of a killed one still ends, say). Our judgement."""
SUPERVISOR_SECONDS = 15.0
"""From the supervisor's start to its first state on disk. Our judgement, 2026-11-23."""
DOWN_SECONDS = 90.0
"""For all rooms and servers to end, each gracefully, before the supervisor is killed. Our judgement, 2026-11-23."""

OWN_FOLDERS = ("kafka", "temporal", "postgres", "prometheus", "alertmanager", "logs", "ports", "audit")
OWN_FILES = ("stack.json", "stack.toml", "wanted.json", "ports.json", "postgres.location")
"""What `erase` deletes of a home: its cache, and whatever else lies there, stays."""

Prepare = Callable[[Home, dict[str, int], Say], Wanted]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `up` is asked for."""

    temporal_address: str | None = None
    """A Temporal of somebody else's; None: start our own."""
    observability: bool = False
    usual_ports: bool = True
    owner: Identity | None = None
    """A process with which everything ends; None: the stack outlives its starter."""


def up(settings: Settings, wishes: Wishes, say: Say) -> Settings:
    """Servers answer once this returns. Blocks; raises StackError naming what to mend."""
    home = Home.of(settings)
    with locked(home.folder / "up.lock"):
        _supervise(home, wishes.owner)
        ports = home.ports(usual=wishes.usual_ports)
        servers: list[Prepare] = [temporal.prepare, kafka.prepare, postgres.prepare]  # the longest first
        if wishes.temporal_address:
            servers.remove(temporal.prepare)
            home.unwant("temporal")
        if wishes.observability:
            servers += [observability.prepare_prometheus, observability.prepare_alertmanager]
        wanted = _start_all(home, servers, ports, say)
        if wishes.temporal_address:
            seen = health.trouble_at("temporal", wishes.temporal_address)
            if seen:
                raise StackError(f"temporal at {wishes.temporal_address}: expected an answer, seen {seen}; start it")
        _write_settings(home, wanted, wishes.temporal_address)
    return load_settings({"home": settings.home})


def _start_all(home: Home, servers: list[Prepare], ports: dict[str, int], say: Say) -> dict[str, Wanted]:
    interrupted = threading.Event()

    def heard(text: str) -> None:
        if interrupted.is_set():
            raise StackError("interrupted")
        say(text)

    with ThreadPoolExecutor(len(servers)) as pool:
        futures = [pool.submit(_start_one, home, prepare, ports, heard, interrupted) for prepare in servers]
        try:
            failures = [failure for future in futures if (failure := future.exception())]
        except KeyboardInterrupt:
            interrupted.set()  # a build hears of it within its next line of progress
            raise
        if failures:
            raise failures[0]
        return {future.result().name: future.result() for future in futures}


def _start_one(home: Home, prepare: Prepare, ports: dict[str, int], say: Say, interrupted: threading.Event) -> Wanted:
    wish = prepare(home, ports, say)
    before = home.wanted().get(wish.name)
    state = home.state()
    process = state.named(wish.name) if state else None
    if process and process.state == "backing-off":  # what a person mended is tried at once, its count anew
        home.unwant(wish.name)
        _wait_recorded(home, wish.name, lambda found: found is None)
    if before is None or before.digest != wish.digest or wish.name not in home.wanted():
        home.want(wish)
        # so that an answer cannot come from the process that this one replaces
        _wait_recorded(home, wish.name, lambda p: p is not None and p.digest == wish.digest and p.state != "ending")
    begun = time.monotonic()

    def dead() -> str | None:
        return "an interrupt" if interrupted.is_set() else _gave_up(home, wish.name)

    seen = health.wait_healthy(wish, READY_SECONDS, dead)
    if seen:
        raise StackError(f"{wish.name}: expected an answer, seen {seen}; read {home.logs / f'{wish.name}.log'}")
    say(f"{wish.name} {wish.version}: answers at {wish.addresses[wish.name]}" + _took(begun))
    return wish


def _took(begun: float) -> str:
    seconds = time.monotonic() - begun
    return f", after {seconds:.1f} s" if seconds > 0.3 else ""


def _gave_up(home: Home, name: str) -> str | None:
    state = home.state()
    if state is None or not alive(state.supervisor):
        return f"its supervisor is gone; read {home.logs / 'supervisor.log'}"
    process = state.named(name)
    if process and process.restarts_count > RESTARTS_TOLERATED_COUNT:
        return f"it {process.last_exit}, {process.restarts_count} times"
    return None


def _wait_recorded(home: Home, name: str, condition: Callable[[Running | None], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        state = home.state()
        if state and condition(state.named(name)):
            return
        if state is None or not alive(state.supervisor):
            raise StackError(f"{name}: its supervisor is gone; read {home.logs / 'supervisor.log'}")
        time.sleep(0.05)
    raise StackError(f"{name}: was not started in {READY_SECONDS:g} s; read {home.logs / 'supervisor.log'}")


def _supervise(home: Home, owner: Identity | None) -> None:
    """A supervisor runs for this home once this returns."""
    state = home.state()
    if state and alive(state.supervisor):
        return
    _sweep(home)
    home.unwant(*home.wanted())
    argv = [sys.executable, "-m", "services.stack.supervisor", str(home.folder)]
    if owner:
        argv += ["--owner", f"{owner.pid}:{owner.started}"]
    with (home.logs / "supervisor.log").open("ab") as log:
        subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home.folder, start_new_session=True, check=True
        )
    deadline = time.monotonic() + SUPERVISOR_SECONDS
    while time.monotonic() < deadline:
        state = home.state()
        if state and alive(state.supervisor):
            return
        time.sleep(0.05)
    raise StackError(f"the supervisor did not start; read {home.logs / 'supervisor.log'}")


def _write_settings(home: Home, wanted: dict[str, Wanted], temporal_address: str | None) -> None:
    content = {
        "postgres_dsn": health.dsn(wanted["postgres"].addresses["postgres"]),
        "kafka_bootstrap": wanted["kafka"].addresses["kafka"],
        "temporal_address": temporal_address or wanted["temporal"].addresses["temporal"],
    }
    text = "# Written by `firstbell stack up`.\n"
    text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in content.items())
    if not home.stack_toml.exists() or home.stack_toml.read_text("utf-8") != text:
        home.stack_toml.write_text(text, "utf-8")


def down(home: Home, say: Say) -> int:
    """Nothing that this home started is left once this returns; how many processes that ended. Blocks."""
    state = home.state()
    living = [p for p in state.processes if alive(p.identity)] if state else []
    if state and alive(state.supervisor):
        end(state.supervisor, patience_seconds=DOWN_SECONDS)
        wait_until_gone(state.supervisor, 5.0)
    living += _sweep(home)
    home.unwant(*home.wanted())
    names = sorted({process.name for process in living})
    say(f"{home.folder}: " + (f"ended {', '.join(names)}" if names else "nothing was running"))
    return len(names)


def erase(home: Home, say: Say) -> None:
    """No data of this home is left once this returns. Only after `down`; not undone by anything."""
    note = home.folder / "postgres.location"
    elsewhere = [Path(note.read_text("utf-8").strip())] if note.exists() else []
    for folder in [*elsewhere, *(home.folder / name for name in OWN_FOLDERS)]:
        shutil.rmtree(folder, ignore_errors=True)
    for name in OWN_FILES:
        (home.folder / name).unlink(missing_ok=True)
    say(f"{home.folder}: its data is deleted")


def _sweep(home: Home) -> list[Running]:
    """Ends what a killed supervisor left behind, by recorded identity."""
    state = home.state()
    left = [p for p in state.processes if alive(p.identity)] if state else []
    for process in sorted(left, key=lambda process: -process.stop_rank):
        assert process.identity is not None
        if not end(process.identity, stop_signal=process.stop_signal, patience_seconds=process.stop_seconds):
            raise StackError(f"{process.name}: pid {process.identity.pid} could not be ended; end it by hand")
    return left


def me() -> Identity:
    """The identity of this process."""
    own = identify(os.getpid())
    assert own is not None
    return own


def homes_below(folder: Path) -> list[Path]:
    """The home itself and each direct subfolder that holds a stack."""
    found = [path.parent for path in sorted(folder.glob("*/stack.json"))]
    return [folder, *found] if (folder / "stack.json").exists() else found
