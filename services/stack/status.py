"""What runs in one home, as people and scripts are told: `firstbell stack status`."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import psutil

from services.kit.settings import Settings, load_settings
from services.stack import health
from services.stack.home import Home
from services.stack.identity import alive
from services.stack.rooms import metrics_port
from services.stack.state import Running


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process, looked at now."""

    name: str
    kind: str
    state: str
    """running · ending · backing-off · gone (recorded, but no longer there)."""
    healthy: bool
    trouble: str
    """What was seen instead of an answer; empty when healthy."""
    pid: int | None
    addresses: dict[str, str]
    version: str
    log: str
    memory_bytes: int
    uptime_seconds: float
    restarts_count: int
    last_exit: str


@dataclass(frozen=True, slots=True)
class Status:
    """One home."""

    home: str
    running: bool
    """A supervisor of this home lives."""
    healthy: bool
    """It runs and every process of it is healthy."""
    processes: tuple[ProcessStatus, ...]
    addresses: dict[str, str]
    """Where every process of this home looks for its servers, also for one of somebody else's."""

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


def look(home: Home, settings: Settings | None = None) -> Status:
    """Asks every server. Blocks up to 5 s."""
    settings = settings or load_settings({"home": home.folder})
    addresses = {
        "postgres": settings.postgres_dsn,
        "kafka": settings.kafka_bootstrap,
        "temporal": settings.temporal_address,
    }
    state = home.state()
    if state is None:
        return Status(str(home.folder), running=False, healthy=False, processes=(), addresses=addresses)
    running = alive(state.supervisor)
    with ThreadPoolExecutor(8) as pool:
        seen = tuple(pool.map(lambda process: _one(home, process), state.processes))
    healthy = running and bool(seen) and all(process.healthy for process in seen)
    return Status(str(home.folder), running, healthy, seen, addresses)


def _one(home: Home, process: Running) -> ProcessStatus:
    living = alive(process.identity)
    addresses = dict(process.addresses)
    trouble = "" if living else "no such process"
    if living and process.kind == "server":
        trouble = health.trouble(process) or ""
    elif living and process.pid is not None:
        port = metrics_port(home, process.name, process.pid)
        if port is None:
            trouble = "it has not told its metrics port yet"
        else:
            addresses["metrics"] = f"127.0.0.1:{port}"
    memory, uptime = _measure(process.pid) if living and process.pid else (0, 0.0)
    gone = process.pid is not None and not living
    return ProcessStatus(
        name=process.name,
        kind=process.kind,
        state="gone" if gone else process.state,
        healthy=not trouble,
        trouble=trouble,
        pid=process.pid if living else None,
        addresses=addresses,
        version=process.version,
        log=process.log,
        memory_bytes=memory,
        uptime_seconds=uptime,
        restarts_count=process.restarts_count,
        last_exit=process.last_exit,
    )


def _measure(pid: int) -> tuple[int, float]:
    """Memory of the process and its children, shared pages counted once where the system tells; its age."""
    total, age = 0, 0.0
    try:
        parent = psutil.Process(pid)
        age = time.time() - parent.create_time()
        family = [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return 0, 0.0
    for process in family:
        try:
            full = process.memory_full_info()
            total += int(getattr(full, "pss", full.rss))
        except psutil.Error:
            try:
                total += int(process.memory_info().rss)
            except psutil.Error:
                continue
    return total, round(age, 1)
