"""One home folder: where its files are, its lock, its ports, and the per-user cache beside it.

Called by every file of this room. Refuses a home that cannot be written.
"""

import contextlib
import fcntl
import json
import random
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.kit.outcome import PermanentError
from services.kit.settings import Settings
from services.stack.state import StackState, Wanted, read_state, read_wanted, write_wanted, write_whole

Say = Callable[[str], None]
"""Tells the person at the terminal one line of progress."""

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
"""Manifests and locks: beside the packages, in a checkout and in an installed wheel alike."""

PORTS_FROM, PORTS_TO = 15_000, 30_000
"""Where a free port is sought when the usual one is taken: below the ports systems lend to outgoing calls."""

USUAL_PORTS: Mapping[str, int] = {
    "postgres": 5432,
    "kafka": 9092,
    "kafka_controller": 9093,
    "temporal": 7233,
    "temporal_page": 8233,
    "temporal_metrics": 7239,
    "prometheus": 9090,
    "alertmanager": 9094,
}


class StackError(PermanentError):
    """Something a person must mend; the message is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one installation."""

    folder: Path
    cache: Path
    """Downloads and builds, shared by all homes of a user."""

    @classmethod
    def of(cls, settings: Settings) -> "Home":
        """Makes the folders. Raises StackError when they cannot be written."""
        home = cls(settings.home, settings.cache or settings.home / "cache")
        try:
            home.logs.mkdir(parents=True, exist_ok=True)
            (home.folder / "ports").mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(f"{home.folder}: expected a folder we may write, seen: {error}; set --home") from error
        try:
            (home.cache / "bin").mkdir(parents=True, exist_ok=True)
        except OSError:
            home = cls(settings.home, settings.home / "cache")
            (home.cache / "bin").mkdir(parents=True, exist_ok=True)
        return home

    @property
    def logs(self) -> Path:
        """One file for each process, `<name>.log`."""
        return self.folder / "logs"

    @property
    def stack_toml(self) -> Path:
        """The settings that every process of this home reads."""
        return self.folder / "stack.toml"

    def state(self) -> StackState | None:
        """What the supervisor last wrote, or None when the stack never ran here."""
        return read_state(self.folder / "stack.json")

    def wanted(self) -> dict[str, Wanted]:
        """What the supervisor is told to keep alive, by name."""
        return {wanted.name: wanted for wanted in read_wanted(self.folder / "wanted.json")}

    def want(self, *wishes: Wanted) -> None:
        """Adds or replaces wishes; the supervisor acts within a tick."""
        with locked(self.folder / "wanted.lock"):
            merged = self.wanted() | {wish.name: wish for wish in wishes}
            write_wanted(self.folder / "wanted.json", merged.values())

    def unwant(self, *names: str) -> None:
        """Removes wishes; the supervisor ends those processes."""
        with locked(self.folder / "wanted.lock"):
            left = {name: wish for name, wish in self.wanted().items() if name not in names}
            write_wanted(self.folder / "wanted.json", left.values())

    def ports(self, *, usual: bool) -> dict[str, int]:
        """A port for each server: as last time, else the usual one, else a free one. Recorded in the home.

        A port that our own running server holds counts as free. `usual` False skips the usual ones.
        """
        path = self.folder / "ports.json"
        recorded: dict[str, int] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        ours = {int(a.rpartition(":")[2]) for a in self._own_addresses()}
        chosen: dict[str, int] = {}
        for name, ordinary in USUAL_PORTS.items():
            before = recorded.get(name)
            candidates = [before] if before else []
            candidates += [ordinary] if usual else []
            taken = set(chosen.values())
            chosen[name] = next(
                (p for p in candidates if p not in taken and (p in ours or port_free(p))),
                None,
            ) or free_port(taken)
        write_whole(path, json.dumps(chosen, indent=1))
        return chosen

    def _own_addresses(self) -> list[str]:
        from services.stack.identity import alive

        state = self.state()
        running = [p for p in state.processes if alive(p.identity)] if state else []
        return [address for process in running for address in process.addresses.values() if ":" in address]


def port_free(port: int) -> bool:
    """True when nothing listens on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: set[int]) -> int:
    """A free port between 15,000 and 30,000. Raises StackError when a thousand tries find none."""
    for _ in range(1000):
        port = random.randrange(PORTS_FROM, PORTS_TO)
        if port not in taken and port_free(port):
            return port
    raise StackError(f"ports {PORTS_FROM}-{PORTS_TO}: expected a free one on 127.0.0.1, seen none; stop something")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock across processes and threads. Blocks until it is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
