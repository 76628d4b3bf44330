"""What should run and what does: `wanted.json` and `stack.json` of one home.

The command line writes what is wanted, the supervisor alone writes what runs; so each file has one author.
Refuses a file of another layout: it is then as if nothing were recorded, and `stack up` writes it anew.
"""

import hashlib
import json
import os
import signal
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from services.stack.identity import Identity

LAYOUT = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """One process that the supervisor keeps alive."""

    name: str
    kind: str
    """`server` or `room`."""
    argv: tuple[str, ...]
    folder: str
    """Working folder."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Laid over the supervisor's own environment."""
    user: str | None = None
    """Unprivileged user to become; None: stay as we are."""
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0
    """Patience before the process group is killed. Range 1-60 s; our judgement, 2026-11-23."""
    stop_rank: int = 0
    """Greater ranks are stopped first: rooms before the servers they use."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    fingerprint: str = ""
    """Digest of configuration that argv does not show; a change restarts the process."""

    @property
    def digest(self) -> str:
        """Changes exactly when the process must be restarted."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Running:
    """What the supervisor last knew of one process."""

    name: str
    kind: str
    state: str
    """running · ending · backing-off."""
    pid: int | None
    started: str
    """Start mark of `pid`, see Identity; empty when there is no pid."""
    log: str
    addresses: Mapping[str, str]
    version: str
    digest: str
    restarts_count: int
    last_exit: str
    """How it last ended, in words; empty when it never did."""
    stop_signal: int
    stop_seconds: float
    stop_rank: int

    @property
    def identity(self) -> Identity | None:
        """None when nothing runs under this name."""
        return None if self.pid is None else Identity(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class StackState:
    """The contents of `stack.json`."""

    home: str
    supervisor: Identity
    processes: tuple[Running, ...] = ()

    def named(self, name: str) -> Running | None:
        """The process of this name, or None when it is not recorded."""
        return next((process for process in self.processes if process.name == name), None)


def write_whole(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never a part; durable once this returns."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def _load(path: Path) -> dict[str, object] | None:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return None
    return content if isinstance(content, dict) and content.get("layout") == LAYOUT else None


def read_wanted(path: Path) -> tuple[Wanted, ...]:
    """What should run; empty when the file is missing or of another layout."""
    content = _load(path)
    if content is None:
        return ()
    listed = content["processes"]
    assert isinstance(listed, list)
    return tuple(replace(Wanted(**entry), argv=tuple(entry["argv"])) for entry in listed)


def write_wanted(path: Path, wanted: Iterable[Wanted]) -> None:
    """Replaces the whole list, ordered by name."""
    listed = [asdict(entry) for entry in sorted(wanted, key=lambda entry: entry.name)]
    write_whole(path, json.dumps({"layout": LAYOUT, "processes": listed}, indent=1))


def read_state(path: Path) -> StackState | None:
    """What the supervisor last wrote; None when nothing readable is there."""
    content = _load(path)
    if content is None:
        return None
    listed, supervisor = content["processes"], content["supervisor"]
    assert isinstance(listed, list)
    assert isinstance(supervisor, dict)
    return StackState(str(content["home"]), Identity(**supervisor), tuple(Running(**entry) for entry in listed))


def write_state(path: Path, state: StackState) -> None:
    """Called by the supervisor alone."""
    write_whole(path, json.dumps({"layout": LAYOUT} | asdict(state), indent=1))
