"""Keeps the wanted processes alive: `python -m services.stack.supervisor HOME [--owner PID:MARK]`.

Started by `stack up`, which it outlives. Reads `wanted.json`, starts what is missing, ends what is not wanted,
restarts what changed or died, and writes `stack.json`. On Linux its children are told to end should it be
killed, each by the signal that lets it keep its data. Refuses to run twice for one home. Decides nothing about
health: a process that lives but does not answer is `stack status`'s to tell.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from services.stack.identity import Identity, alive, identify
from services.stack.state import Running, StackState, Wanted, read_wanted, write_state
from services.stack.targets import REFRESH_SECONDS, write_targets

TICK_SECONDS = 0.1
"""How soon a death or a wish is noticed. Range 0.05-1 s; our judgement, 2026-11-23."""
BACKOFF_FIRST_SECONDS = 0.5
"""First pause before a restart; doubles. Our judgement, 2026-11-23."""
BACKOFF_MAX_SECONDS = 30.0
"""Longest pause before a restart. Our judgement, 2026-11-23."""
STEADY_SECONDS = 60.0
"""A process that lived this long starts its back-off anew. Our judgement, 2026-11-23."""
LOG_BYTES_MAX = 20_000_000
"""A longer log is set aside as `.1` when its process starts. Our judgement, 2026-11-23."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def backoff_seconds(failures_count: int) -> float:
    """Pause before the restart that follows this many failures in a row: 0.5 s, 1 s, 2 s … 30 s."""
    return min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** max(0, min(failures_count, 16) - 1))


def _end_with(parent: int, death_signal: int) -> Callable[[], None]:
    """What the child runs before its program: be signalled when the supervisor dies, however it dies."""

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return prepare


def _with_environment(wanted: Wanted) -> list[str]:
    """The command, its own variables laid over ours by `env`, which becomes the program and keeps the pid."""
    if not wanted.environment:
        return list(wanted.argv)
    return ["env", *(f"{name}={value}" for name, value in sorted(wanted.environment.items())), *wanted.argv]


@dataclass(slots=True)
class _Child:
    wanted: Wanted
    process: subprocess.Popen[bytes] | None = None
    identity: Identity | None = None
    begun_at: float = 0.0
    failures_count: int = 0
    restarts_count: int = 0
    last_exit: str = ""
    resume_at: float = 0.0
    kill_at: float | None = None
    """Monotonic time of the kill; None: not asked to end."""

    @property
    def state(self) -> str:
        if self.process is None:
            return "backing-off"
        return "running" if self.kill_at is None else "ending"


class Supervisor:
    """One home's children and the loop over them."""

    def __init__(self, home: Path, owner: Identity | None) -> None:
        self._home = home
        self._owner = owner
        self._children: dict[str, _Child] = {}
        self._wanted: dict[str, Wanted] = {}
        self._wanted_version: tuple[int, int] | None = None
        self._written: StackState | None = None
        self._targets_at = 0.0
        self._wake = threading.Event()
        own = identify(os.getpid())
        assert own is not None
        self._identity = own

    def run(self) -> None:
        """Loops until SIGTERM, SIGINT, or the owner's death; then ends every child. Blocks."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.say("supervisor started")
        while not self._wake.is_set():
            self._read_wishes()
            self._step()
            if time.monotonic() - self._targets_at > REFRESH_SECONDS:
                self._targets_at = time.monotonic()
                write_targets(self._home)
            if self._owner is not None and not alive(self._owner):
                self.say("the owner is gone: ending everything")
                break
            self._wake.wait(TICK_SECONDS)
        self._stop_all()
        self.say("supervisor ended")

    def say(self, text: str) -> None:
        """One line in `logs/supervisor.log`, where standard error goes."""
        sys.stderr.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}\n")
        sys.stderr.flush()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._wake.set()

    def _read_wishes(self) -> None:
        path = self._home / "wanted.json"
        try:
            seen = path.stat()
        except FileNotFoundError:
            return
        version = (seen.st_mtime_ns, seen.st_ino)
        if version != self._wanted_version:
            self._wanted_version = version
            self._wanted = {wanted.name: wanted for wanted in read_wanted(path)}

    def _step(self) -> None:
        for child in list(self._children.values()):
            self._reap(child)
            wish = self._wanted.get(child.wanted.name)
            if wish is None or wish.digest != child.wanted.digest:
                self._dismiss(child)
        for name, wish in self._wanted.items():
            child = self._children.setdefault(name, _Child(wish))
            if child.process is None and time.monotonic() >= child.resume_at:
                self._start(child)
        self._publish()

    def _start(self, child: _Child) -> None:
        wanted = child.wanted
        path = self._home / "logs" / f"{wanted.name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.1"))
        account = pwd.getpwnam(wanted.user) if wanted.user else None
        try:
            with path.open("ab") as log:
                child.process = subprocess.Popen(  # single-threaded, so preexec_fn is safe
                    _with_environment(wanted),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=wanted.folder,
                    start_new_session=True,
                    user=account.pw_uid if account else None,
                    group=account.pw_gid if account else None,
                    extra_groups=[] if account else None,
                    preexec_fn=_end_with(os.getpid(), wanted.stop_signal),
                )
        except OSError as error:
            self._failed(child, f"could not start: {error}")
            return
        child.identity = identify(child.process.pid)
        child.begun_at = time.monotonic()
        child.kill_at = None
        self.say(f"{wanted.name}: started, pid {child.process.pid}")

    def _failed(self, child: _Child, how: str) -> None:
        if child.begun_at and time.monotonic() - child.begun_at >= STEADY_SECONDS:
            child.failures_count = 0
        child.failures_count += 1
        child.restarts_count += 1
        child.last_exit = how
        pause = backoff_seconds(child.failures_count)
        child.resume_at = time.monotonic() + pause
        self.say(f"{child.wanted.name}: {how}; starting it again in {pause:g} s (restart {child.restarts_count})")

    def _reap(self, child: _Child) -> None:
        if child.process is None:
            return
        code = child.process.poll()
        if code is None:
            if child.kill_at is not None and time.monotonic() > child.kill_at:
                self.say(f"{child.wanted.name}: did not end in {child.wanted.stop_seconds:g} s: killed")
                self._kill_group(child)
            return
        self._kill_group(child)  # what it left behind in its own group
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        asked = child.kill_at is not None
        child.process = child.identity = child.kill_at = None
        if asked:
            self.say(f"{child.wanted.name}: ended as asked ({how})")
            del self._children[child.wanted.name]
        else:
            self._failed(child, how)

    def _kill_group(self, child: _Child) -> None:
        assert child.process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)

    def _dismiss(self, child: _Child) -> None:
        if child.process is None:
            self._children.pop(child.wanted.name, None)
        elif child.kill_at is None:
            child.kill_at = time.monotonic() + child.wanted.stop_seconds
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(child.wanted.stop_signal)

    def _stop_all(self) -> None:
        """Rooms first, then the servers they use; each rank ends before the next is asked."""
        self._wanted = {}
        while self._children:
            rank = max(child.wanted.stop_rank for child in self._children.values())
            for child in list(self._children.values()):
                if child.wanted.stop_rank == rank:
                    self._dismiss(child)
            for child in list(self._children.values()):
                self._reap(child)
            for child in [c for c in self._children.values() if c.process is None]:
                self._children.pop(child.wanted.name)
            self._publish()
            time.sleep(TICK_SECONDS / 2)

    def _publish(self) -> None:
        processes = tuple(self._record(child) for _, child in sorted(self._children.items()))
        state = StackState(str(self._home), self._identity, processes)
        if state != self._written:
            write_state(self._home / "stack.json", state)
            self._written = state

    def _record(self, child: _Child) -> Running:
        wanted, identity = child.wanted, child.identity
        return Running(
            name=wanted.name,
            kind=wanted.kind,
            state=child.state,
            pid=identity.pid if identity else None,
            started=identity.started if identity else "",
            log=str(self._home / "logs" / f"{wanted.name}.log"),
            addresses=wanted.addresses,
            version=wanted.version,
            digest=wanted.digest,
            restarts_count=child.restarts_count,
            last_exit=child.last_exit,
            stop_signal=wanted.stop_signal,
            stop_seconds=wanted.stop_seconds,
            stop_rank=wanted.stop_rank,
        )


def main() -> None:
    """Detaches from its starter, takes the home's lock, and runs. Exits 0 at once in the starter's eyes."""
    parser = argparse.ArgumentParser(description="keeps the processes of one home alive")
    parser.add_argument("home", type=Path)
    parser.add_argument("--owner", default="", help="PID:MARK of a process with which everything ends")
    arguments = parser.parse_args()
    pid, _, mark = arguments.owner.partition(":")
    owner = Identity(int(pid), mark) if mark else None
    if os.fork():
        os._exit(0)
    os.setsid()
    with (arguments.home / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"{arguments.home}: another supervisor runs here")
        Supervisor(arguments.home, owner).run()


if __name__ == "__main__":
    main()
