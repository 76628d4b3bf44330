"""The Temporal worker: where schools' workflows run, as measured in the design.

Built by worker_room.py, by tests and by the bench. Unsandboxed by default: purity is held by the import law, by
banned calls and by the replay gate; a setting turns the sandbox on.
"""

import hashlib
from datetime import timedelta
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import schemas
import workflows
from services.bridge.activities import Activities
from services.bridge.compatibility import Candidate
from services.kit.settings import Settings
from workflows.program.rollout import ProgramRollout
from workflows.school.messages import TASK_QUEUE
from workflows.school.rollout import SchoolRollout

POLLS_SPARE = 2
"""Polls of Temporal under way at once, beyond the task slots. Our judgement, 2026-11-25."""
STRANGERS_SHARE = 0.5
"""Share of the polls for schools that the worker does not hold in memory. Measured 2026-11-25: at the library's fifth, a
worker behind with 2,448 schools served them five a second, for those it was late with came back as strangers."""
ACTIVITIES_MAX = 100
"""Publications at once. Beyond the pool's connections they wait here, begun with the answer that asked for them: that costs
less than to wait in Temporal, where with 16 a thousand did, for 43 s. Measured 2026-11-30."""
GRACE = timedelta(seconds=5)
PASSED_THROUGH = ("schemas", "workflows", "pydantic", "pydantic_core", "annotated_types", "zlib")
"""Modules the sandbox does not import anew at every continue-as-new."""


@lru_cache(maxsize=1)
def build_id() -> str:
    """Version and digest of the code that decides, words and all: another comment is another build."""
    digest = hashlib.sha256()
    for package in (schemas, workflows):
        root = Path(next(iter(package.__path__)))
        for file in sorted(root.rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{version('firstbell')}+{digest.hexdigest()[:12]}"


def this_build() -> Candidate:
    """The code that this process would decide by."""
    return Candidate((SchoolRollout, ProgramRollout), build_id())


def sandboxed() -> WorkflowRunner:
    """Temporal's sandbox, with our own pure modules passed through."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def runtime(host: str, port: int) -> Runtime:
    """A runtime whose metrics Prometheus may scrape at host and port."""
    metrics = PrometheusConfig(
        bind_address=f"{host}:{port}", counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


def worker(
    client: Client,
    settings: Settings,
    activities: Activities,
    task_queue: str = TASK_QUEUE,
    candidate: Candidate | None = None,
) -> Worker:
    """A worker for schools, not yet running. `candidate`: other code than this build's, as a test deploys it."""
    chosen = candidate or this_build()
    return Worker(
        client,
        task_queue=task_queue,
        workflows=chosen.workflows,
        activities=[activities.publish_facts, activities.publish_program_facts],
        workflow_runner=sandboxed() if settings.worker_sandboxed else UnsandboxedWorkflowRunner(),
        build_id=chosen.build,
        max_cached_workflows=settings.worker_cached_schools,
        max_concurrent_workflow_tasks=settings.worker_task_slots,
        max_concurrent_workflow_task_polls=settings.worker_task_slots + POLLS_SPARE,
        nonsticky_to_sticky_poll_ratio=STRANGERS_SHARE,
        max_concurrent_activities=ACTIVITIES_MAX,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.worker_sticky_seconds),
        graceful_shutdown_timeout=GRACE,
    )
