"""One school on a real Temporal, for the scenes. Its facts go nowhere: what counts is what it asked of Temporal."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from schemas.decision import Hold
from schemas.fact import Fact
from schemas.message import (
    AddHold,
    AnswerAsk,
    Command,
    ContextArrived,
    GiveSignOff,
    ReadingsArrived,
    StartRollout,
    StopRollout,
)
from schemas.readiness import Origin
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from services.bridge.worker import build_id, sandboxed
from tests.harness.scenario import CLEAN, SCHOOL, actor, calendar_of, compressed_days, context_of, policy_of, reading
from tests.harness.until import until
from workflows.activities import FactBatch
from workflows.school import messages
from workflows.school.rollout import SchoolRollout

_numbers = count(1)


@dataclass
class Stage:
    """One school on a real server, with a worker of its own."""

    client: Client
    queue: str
    name: str
    failures: int = 0
    """Publications that shall fail before one succeeds."""
    facts: list[Fact] = field(default_factory=list)
    day_seconds: float = 0.5

    def __post_init__(self) -> None:
        self.id = messages.workflow_id(f"replay-{self.name}", SCHOOL) + f"-{uuid.uuid4().hex[:6]}"

    @property
    def handle(self) -> "WorkflowHandle[SchoolRollout, None]":
        return self.client.get_workflow_handle_for(SchoolRollout.run, self.id)

    @activity.defn(name="publish_facts")
    async def publish_facts(self, batch: FactBatch) -> None:
        if self.failures:
            self.failures -= 1
            raise ApplicationError("the database is away", next_retry_delay=None)
        known = {fact.fact_sequence for fact in self.facts}
        self.facts += [fact for fact in batch.facts if fact.fact_sequence not in known]

    async def start(self, *, known: bool = True, **changes: Any) -> None:
        now = datetime.now(UTC)
        calendar = calendar_of(compressed_days(400, now, self.day_seconds), rehearsal=True)
        start = StartRollout(
            program_id=f"replay-{self.name}", school_id=SCHOOL, rehearsal=True, policy=policy_of(),
            context=context_of() if known else None, calendar=calendar if known else None, started_at=now,
        ).model_copy(update=changes)  # fmt: skip
        await self.client.start_workflow(
            SchoolRollout.run, messages.RolloutInput.of(start), id=self.id, task_queue=self.queue
        )

    async def learns(self, version: int = 1) -> None:
        calendar = calendar_of(compressed_days(400, datetime.now(UTC), self.day_seconds), rehearsal=True)
        await self.handle.signal(
            SchoolRollout.context_arrived, ContextArrived(context=context_of(version), calendar=calendar)
        )

    async def hears(self, *without: str, origin: Origin | None = None, **values: float | None) -> None:
        """A clean school's readings of this instant, changed or left out as told (`.` written as `__`)."""
        now = datetime.now(UTC)
        told: dict[str, float | None] = {name: value for name, value in CLEAN.items() if name not in without}
        told |= {name.replace("__", ".").replace("_", "-"): value for name, value in values.items()}
        changes: dict[str, Any] = {} if origin is None else {"origin": origin}
        sequence = int(now.timestamp() * 1e6)
        message = ReadingsArrived(
            readings={name: reading(name, value, now, sequence, **changes) for name, value in told.items()}
        )
        await self.handle.signal(SchoolRollout.readings_arrived, message)

    async def act(self, command: Command) -> None:
        await self.handle.execute_update(SchoolRollout.act, messages.Act(command=command), id=command.act_id)

    async def signs(self) -> None:
        for role in (Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY):
            await self.act(GiveSignOff(act_id=act_id(), actor=actor(role), gate=GateId.CHARTER))

    async def answers(self, answer: Any, role: Role, gate: GateId) -> None:
        await self.act(AnswerAsk(act_id=act_id(), actor=actor(role), gate=gate, answer=answer, reason="reviewed"))

    async def holds(self) -> None:
        hold = Hold(
            hold_id="hold-0001", scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), reason="water-damage",
            lifted_by=Role.PRINCIPAL, placed_at=datetime.now(UTC),
        )  # fmt: skip
        await self.act(AddHold(act_id=act_id(), actor=actor(Role.PRINCIPAL), hold=hold))

    async def stops(self) -> None:
        await self.handle.signal(SchoolRollout.stop_rollout, StopRollout(act_id=act_id(), reason="program-over"))
        await self.handle.result()

    async def until_fact(self, kind: str, *, phase: Phase | None = None, refresh: bool = False) -> None:
        async def there() -> bool:
            if refresh:
                await self.hears()
            return any(f.body.kind == kind and phase in (None, f.phase) for f in self.facts)

        await until(there, what=f"{self.name}: {kind} {phase or ''}", within=60, every=0.3)

    async def until_facts(self, kind: str, count: int, *, refresh: bool = False) -> None:
        """Waits for so many facts of a kind."""

        async def there() -> bool:
            if refresh:
                await self.hears()
            return sum(fact.body.kind == kind for fact in self.facts) >= count

        await until(there, what=f"{self.name}: {count} facts {kind}", within=60, every=0.3)

    async def until_outcome(self, outcome: str) -> None:
        async def there() -> bool:
            decided = [f.body.decision.verdict.outcome.value for f in self.facts if f.body.kind == "gate-decided"]
            return bool(decided) and decided[-1] == outcome

        await until(there, what=f"{self.name}: outcome {outcome}", within=60)

    async def histories(self) -> list[WorkflowHistory]:
        """Every run of the chain, oldest first."""
        runs = [
            (run.start_time, run.run_id)
            async for run in self.client.list_workflows(f"WorkflowId = '{self.id}'")
            if run.status is not WorkflowExecutionStatus.TERMINATED
        ]
        return [await self.client.get_workflow_handle(self.id, run_id=run).fetch_history() for _, run in sorted(runs)]


def act_id() -> str:
    return f"act-{next(_numbers):06d}"


@asynccontextmanager
async def stage(client: Client, name: str) -> AsyncIterator[Stage]:
    """A stage whose worker runs, sandboxed, until left."""
    queue = f"replay-{name}-{uuid.uuid4().hex[:6]}"
    made = Stage(client, queue, name)
    async with Worker(
        client, task_queue=queue, workflows=[SchoolRollout], activities=[made.publish_facts],
        build_id=build_id(), workflow_runner=sandboxed(),
    ):  # fmt: skip
        yield made
