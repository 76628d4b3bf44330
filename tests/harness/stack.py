"""A private stack for tests: real servers on free ports in a home of its own, ended with the test process.

The integration suite's `stack` fixture and the fault tests both stand on `PrivateStack`. Binaries come from the
user's cache, so that a start takes about ten seconds.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from services.kit.room import Room, rooms
from services.kit.settings import Settings, load_settings
from services.stack import health
from services.stack import rooms as stack_rooms
from services.stack.home import Home
from services.stack.identity import alive, wait_until_gone
from services.stack.lifecycle import Wishes, down, erase, me, up
from services.stack.state import Running, StackState, Wanted

DEADLINE_SECONDS = 180.0
"""Kafka was measured to take 64 s to answer again at a load of 20 on two cores."""


def _lives(process: Running | None) -> bool:
    return process is not None and process.pid is not None and alive(process.identity)


def say(text: str) -> None:
    """Progress of the servers, shown by pytest when the test fails."""
    os.write(2, f"stack: {text}\n".encode())


@dataclass(slots=True)
class PrivateStack:
    """Servers, and rooms if asked, that only this test uses. A context manager: leaving ends and deletes all."""

    home: Home
    settings: Settings
    stopped: dict[str, Wanted]

    @classmethod
    def start(
        cls,
        *,
        with_rooms: bool = False,
        with_observability: bool = False,
        folder: Path | None = None,
        **flags: object,
    ) -> "PrivateStack":
        """Starts the servers; `with_rooms` also topics, tables and every room's process. `flags` are settings.

        Schools hear of everything soon, unless a flag says otherwise: a test awaits what they hear.
        """
        flags = {"bridge_company_seconds": 0.5} | flags
        folder = folder or Path(tempfile.mkdtemp(prefix="firstbell-test-"))
        folder.chmod(0o755)  # PostgreSQL runs as another user when we are root
        settings = load_settings({"home": folder} | flags)
        wishes = Wishes(observability=with_observability, usual_ports=False, owner=me())
        stack = cls(Home.of(settings), settings, {})
        try:
            up(settings, wishes, say)
            stack.settings = load_settings({"home": folder} | flags)
            if with_rooms:
                stack_rooms.start(stack.settings, say)
        except BaseException:
            stack.end()  # half a stack would live as long as the test run
            raise
        return stack

    async def prepare(self, found: tuple[Room, ...] | None = None) -> None:
        """Topics, tables and default documents, without processes."""
        await stack_rooms.prepare(self.settings, rooms() if found is None else found, say)

    def process(self, name: str) -> Running:
        """What the supervisor last recorded of this process."""
        state = self.home.state()
        process = state.named(name) if state else None
        assert process is not None, f"no process is called {name}; seen {state}"
        return process

    def kill(self, name: str, number: int = signal.SIGKILL) -> Running:
        """Kills the process and returns once it is gone; the supervisor starts it again by itself."""
        self.wait(lambda state: _lives(state.named(name)), f"{name} to be there, to be killed")
        process = self.process(name)
        assert process.pid is not None
        assert process.identity is not None
        os.kill(process.pid, number)
        assert wait_until_gone(process.identity, DEADLINE_SECONDS), f"{name} survived signal {number}"
        return process

    def stop(self, name: str) -> None:
        """Ends the process gracefully, or kills it later by `kill`; it stays away until `resume`."""
        self.stopped[name] = self.home.wanted()[name]
        self.home.unwant(name)
        self.wait(lambda state: state.named(name) is None, f"{name} to end")

    def kill_and_keep_away(self, name: str) -> None:
        """As a machine that dies: killed, and not back until `resume`."""
        self.stopped[name] = self.home.wanted()[name]
        self.kill(name)
        self.home.unwant(name)
        self.wait(lambda state: state.named(name) is None, f"{name} to stay away")

    def resume(self, name: str) -> None:
        """Starts what `stop` ended, and returns once it answers."""
        self.home.want(self.stopped.pop(name))
        self.wait_ready(name, None)

    def restart(self, name: str, number: int = signal.SIGKILL) -> None:
        """Kills the process and returns once its successor answers."""
        self.wait_ready(name, self.kill(name, number).pid)

    def wait_ready(self, name: str, other_than: int | None = None) -> Running:
        """Returns once a process with another pid than the given answers: a server its port, a room its metrics."""

        def ready(state: StackState) -> bool:
            process = state.named(name)
            if process is None or process.pid in (None, other_than) or not alive(process.identity):
                return False
            if process.kind == "server":
                return health.trouble(process) is None
            assert process.pid is not None
            return stack_rooms.metrics_port(self.home, name, process.pid) is not None

        self.wait(ready, f"{name} to answer")
        return self.process(name)

    def wait(self, condition: Callable[[StackState], bool], what: str) -> None:
        """Returns as soon as the recorded state fulfils the condition; fails by name after three minutes."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            state = self.home.state()
            if state is not None and condition(state):
                return
            time.sleep(0.05)
        raise AssertionError(f"waited {DEADLINE_SECONDS:g} s for {what}; seen {self.home.state()}")

    def end(self) -> None:
        """Ends every process and deletes the data."""
        down(self.home, say)
        erase(self.home, say)
        shutil.rmtree(self.home.folder, ignore_errors=True)

    def __enter__(self) -> "PrivateStack":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
