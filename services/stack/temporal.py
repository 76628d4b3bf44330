"""Temporal's development server: the ladder to its program, and its start with a file that survives a kill.

Ladder: a server given by address (then nothing is started) · `temporal` on PATH · Temporal's own download ·
a build with Go from deploy/local/temporal.
"""

import hashlib
import os
import platform
import re
import shutil
import ssl
import subprocess
import tarfile
import time
import urllib.request
from pathlib import Path
from typing import IO

from services.stack.home import DEPLOY, Home, Say, StackError, locked
from services.stack.state import Wanted
from services.stack.toolchain import first_output, go

MODULE = DEPLOY / "local" / "temporal"
DOWNLOAD_PATIENCE_SECONDS = 5.0
"""For the first byte of Temporal's download; offline machines go on to the build. Our judgement, 2026-11-23."""
BUILD_DISK_BYTES = 4_000_000_000
"""Go's caches and the program after a first build; measured 3.7 GB, 2026-11-23."""
SERVER_MINIMUM = (1, 30)
"""Oldest server a `temporal` on PATH may hold. Our judgement, 2026-11-23: what the workflows were tried on."""
SEARCH_ATTRIBUTES: tuple[str, ...] = ()
"""`Name=Type` of attributes to register at the start; six or seven at most (temporal design)."""

SERVER_CONFIG = {
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "system.enableActivityEagerExecution": "true",
}
"""Dynamic configuration. One partition of a task queue: with the server's four, tasks of a part that nobody polled just then
were put aside, and some schools waited three minutes while others were served at once. An activity begins with the answer
that asks for it, where the worker has room: one transaction of four less for each batch of facts."""
GARBAGE_PERCENT = "400"
"""Go's GOGC: how far the heap grows before it is collected. At Go's 100 a server with 2,448 schools spent a ninth of its
CPU on it, measured 2026-11-30."""


def cli_version() -> str:
    """The version of Temporal's command line that deploy/local/temporal pins."""
    found = re.search(r"github.com/temporalio/cli v(\S+)", (MODULE / "go.mod").read_text("utf-8"))
    assert found
    return found[1]


def server_version(program: Path) -> tuple[int, ...] | None:
    """Version of the server inside this command line; None when it does not say."""
    found = re.search(r"Server (\d+)\.(\d+)\.(\d+)", first_output([str(program), "--version"]))
    return tuple(int(part) for part in found.groups()) if found else None


def program(home: Home, say: Say) -> Path:
    """A `temporal` that holds the development server. Blocks while it downloads or builds."""
    on_path = shutil.which("temporal")
    if on_path:
        if (server_version(Path(on_path)) or (0,)) >= SERVER_MINIMUM:
            return Path(on_path)
        say(f"temporal: {on_path} holds a server older than {'.'.join(map(str, SERVER_MINIMUM))}: not used")
    digest = hashlib.sha256((MODULE / "go.sum").read_bytes() + (MODULE / "go.mod").read_bytes()).hexdigest()[:8]
    built = home.cache / "bin" / f"temporal-{cli_version()}-{digest}"
    with locked(home.cache / "temporal.lock"):
        if not built.exists() and not _download(built, say):
            _build(home, built, say)
    return built


def _download(target: Path, say: Say) -> bool:
    """Fetches Temporal's published program; False, with one line said, when it cannot be had."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    if system is None or machine is None:
        return False
    address = f"https://temporal.download/cli/archive/v{cli_version()}?platform={system}&arch={machine}"
    archive = target.with_suffix(".tar.gz")
    try:
        with urllib.request.urlopen(
            address, timeout=DOWNLOAD_PATIENCE_SECONDS, context=ssl.create_default_context()
        ) as reply:
            say("temporal: its own download, 60 MB to fetch, 200 MB on disk, under a minute")
            with archive.open("wb") as file:
                _copy(reply, file, int(reply.headers.get("content-length") or 0), say)
        with tarfile.open(archive) as tar:
            member = tar.extractfile("temporal")
            assert member is not None
            part = target.with_suffix(".part")
            with part.open("wb") as file:
                shutil.copyfileobj(member, file)
        part.chmod(0o755)
        if server_version(part) is None:
            raise OSError("the program does not run here")
        part.replace(target)
    except (OSError, KeyError, tarfile.TarError) as error:
        say(f"temporal: its own download is out of reach ({error}); building it")
        return False
    finally:
        archive.unlink(missing_ok=True)
    return True


def _copy(reply: IO[bytes], file: IO[bytes], total: int, say: Say) -> None:
    done, told = 0, time.monotonic()
    while chunk := reply.read(1 << 18):
        file.write(chunk)
        done += len(chunk)
        if time.monotonic() - told > 5:
            told = time.monotonic()
            say(f"temporal: {done >> 20} of {total >> 20} MB")


def _build(home: Home, target: Path, say: Say) -> None:
    free = shutil.disk_usage(home.cache).free
    if free < BUILD_DISK_BYTES:
        raise StackError(
            f"temporal: building it needs {BUILD_DISK_BYTES >> 30} GB of disk, seen {free >> 30} GB free under "
            f"{home.cache}; free some, or put a `temporal` on PATH"
        )
    compiler = go(home, say)
    say("temporal: building it with Go: 300 MB to fetch, 3.7 GB on disk, about 4-6 minutes on 2 cores, once")
    part = target.with_suffix(".part")
    argv = [
        *_go_environment(home),
        str(compiler),
        "build",
        "-mod=readonly",
        "-v",
        "-o",
        str(part),
        "github.com/temporalio/cli/cmd/temporal",
    ]
    log = home.logs / "temporal-build.log"
    begun = told = time.monotonic()
    with log.open("w+", encoding="utf-8") as file:
        process = subprocess.Popen(argv, cwd=MODULE, stdout=file, stderr=file)
        try:
            while process.poll() is None:
                time.sleep(0.5)
                if time.monotonic() - told > 20:
                    told = time.monotonic()
                    lines = log.read_text("utf-8", "replace").splitlines()
                    fetched = sum(line.startswith("go: downloading") for line in lines)
                    say(
                        f"temporal: {int(told - begun)} s, {fetched} modules fetched, "
                        f"{len(lines) - fetched} packages compiled"
                    )
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        raise StackError(f"temporal: the build failed ({_complaint(log)}); read {log}, or put a `temporal` on PATH")
    part.replace(target)


def _complaint(log: Path) -> str:
    """The first line of a build's log that is neither a download nor a package's name."""
    lines = log.read_text("utf-8", "replace").splitlines()
    words = (line for line in lines if " " in line and not line.startswith(("go: downloading", "#")))
    return next(words, "no message")


def _go_environment(home: Home) -> list[str]:
    """No C compiler is needed; Go's caches are ours only where the user's home folder cannot be written."""
    given = ["env", "CGO_ENABLED=0"]
    if not os.access(Path("~").expanduser(), os.W_OK):
        folder = home.cache / "go"
        given += [f"GOPATH={folder}", f"GOCACHE={folder}/build", f"GOMODCACHE={folder}/mod"]
    return given


def prepare(home: Home, ports: dict[str, int], say: Say) -> Wanted:
    """Finds, fetches or builds the program; returns what the supervisor shall run. Blocks."""
    binary = program(home, say)
    folder = home.folder / "temporal"
    folder.mkdir(exist_ok=True)
    port, page, metrics = ports["temporal"], ports["temporal_page"], ports["temporal_metrics"]
    argv = [str(binary), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)]
    argv += ["--ui-port", str(page), "--metrics-port", str(metrics), "--ui-disable-news-fetch"]
    argv += ["--db-filename", str(folder / "temporal.db")]
    argv += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    argv += ["--log-level", "warn", "--log-format", "json"]
    for name, value in SERVER_CONFIG.items():
        argv += ["--dynamic-config-value", f"{name}={value}"]
    for attribute in SEARCH_ATTRIBUTES:
        argv += ["--search-attribute", attribute]
    version = server_version(binary)
    return Wanted(
        name="temporal",
        kind="server",
        argv=tuple(argv),
        folder=str(folder),
        environment={"GOGC": GARBAGE_PERCENT},
        stop_seconds=15.0,
        addresses={
            "temporal": f"127.0.0.1:{port}",
            "page": f"http://127.0.0.1:{page}",
            "metrics": f"127.0.0.1:{metrics}",
        },
        version=".".join(map(str, version)) if version else "unknown",
    )
