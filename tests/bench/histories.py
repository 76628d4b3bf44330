"""What one phase of one school leaves in Temporal: weighed in the histories of a demo, not in made-up ones."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import WorkflowExecutionStatus

from services.bridge import temporal
from services.kit.settings import load_settings
from tests.bench.processes import ROOT

DEMO_SECONDS_MAX = 420.0


@dataclass(frozen=True, slots=True)
class PhaseRun:
    """One run that ended by opening the next phase."""

    events: int
    size_bytes: int


def played(schools_count: int) -> list[PhaseRun]:
    """Plays a demo in a folder of its own and weighs its runs. Blocks for minutes. Raises RuntimeError if it ends badly."""
    folder = Path(tempfile.mkdtemp(prefix="firstbell-bench-"))
    folder.chmod(0o755)
    home = folder / ".firstbell" / "demo"
    cli = [sys.executable, "-m", "services.cli"]
    try:
        done = subprocess.run(
            [*cli, "demo", "--schools", str(schools_count), "--keep"], cwd=folder, timeout=DEMO_SECONDS_MAX, check=False,
            stdout=sys.stderr, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        if done.returncode not in (0, 1):
            raise RuntimeError(f"firstbell demo: expected exit code 0 or 1, seen {done.returncode}")
        return asyncio.run(_weighed(home))
    finally:
        subprocess.run([*cli, "stack", "down", "--home", str(home)], cwd=folder, check=False, stdout=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)


async def _weighed(home: Path) -> list[PhaseRun]:
    client = await temporal.connect(load_settings({"home": home}))
    found = []
    async for run in client.list_workflows("WorkflowType = 'school-rollout'"):
        if run.status is WorkflowExecutionStatus.CONTINUED_AS_NEW:
            described = await client.get_workflow_handle(run.id, run_id=run.run_id).describe()
            info = described.raw_description.workflow_execution_info
            found.append(PhaseRun(info.history_length, info.history_size_bytes))
    return found
