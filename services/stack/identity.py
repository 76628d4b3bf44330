"""Which process is ours: a pid alone is reused by the system, a pid with its start is not.

Called by the supervisor and by `stack down`. Refuses to signal a process whose start differs from the record.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_SECONDS = 0.02
"""Between two looks at a process that is to end. Our judgement, 2026-11-23."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, named so that a later process with the same pid is another."""

    pid: int
    started: str
    """Opaque mark of the start. On Linux boot id and clock ticks, since wall clocks step; else psutil's time."""


def _mark(pid: int) -> str | None:
    """The start mark of a living process; None when there is none, or only its zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
            return f"{boot}:{stat.read_text('utf-8', 'replace').rpartition(')')[2].split()[19]}"
        return f"{process.create_time():.2f}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def identify(pid: int) -> Identity | None:
    """The identity of a living process, or None when no such process lives."""
    mark = _mark(pid)
    return None if mark is None else Identity(pid, mark)


def alive(identity: Identity | None) -> bool:
    """True only while this very process lives; a zombie and a reused pid are not it."""
    return identity is not None and _mark(identity.pid) == identity.started


def end(identity: Identity, *, stop_signal: int = signal.SIGTERM, patience_seconds: float = 10.0) -> bool:
    """Ends this very process: asks, waits, then kills its process group. Blocks up to the patience and 5 s.

    Returns True when nothing of it is left. Does nothing, and returns True, when it is gone already.
    """
    if not alive(identity):
        return True
    with suppress(ProcessLookupError):
        os.kill(identity.pid, stop_signal)
    if wait_until_gone(identity, patience_seconds):
        return True
    with suppress(ProcessLookupError, PermissionError):
        if os.getpgid(identity.pid) == identity.pid:
            os.killpg(identity.pid, signal.SIGKILL)
        else:
            os.kill(identity.pid, signal.SIGKILL)
    return wait_until_gone(identity, 5.0)


def wait_until_gone(identity: Identity, seconds: float) -> bool:
    """True as soon as the process is gone; False when it still lives after `seconds`. Blocks."""
    deadline = time.monotonic() + seconds
    while alive(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
