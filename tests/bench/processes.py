"""The measured processes: real ones, started and ended by the bench, each with its log in the stack's folder."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from services.kit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 30.0


@asynccontextmanager
async def running(settings: Settings, module: str, *words: str) -> AsyncIterator[psutil.Process]:
    """`python -m module words` on these servers until left; then ended, gracefully first."""
    log = settings.home / "logs" / f"bench-{'-'.join((module, *words)).replace('/', '_')[:60]}.log"
    with log.open("ab") as out:
        started = subprocess.Popen(  # noqa: ASYNC220  a moment
            [sys.executable, "-m", module, *words], cwd=ROOT, stdout=out, stderr=out,
            env=os.environ | {"FIRSTBELL_HOME": str(settings.home)},
        )  # fmt: skip
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        try:
            await asyncio.to_thread(started.wait, END_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of the process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)
