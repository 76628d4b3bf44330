"""A program in waves on a real Temporal: two waves, a stopped line, an abort and its lifting, a page of 500, and the end."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.worker import Worker

from schemas.model import digest_of
from schemas.program import (
    Abort,
    LiftLine,
    ProgramCommand,
    SchoolsGone,
    SchoolsJoined,
    SchoolsMoved,
    Seat,
    StartProgram,
    StopLine,
    StopProgram,
    WaveCount,
)
from schemas.program_fact import ProgramFact
from services.bridge.worker import build_id, sandboxed
from tests.harness.until import until
from tests.harness.waved import candidate, director, policy_of
from workflows.activities import ProgramFactBatch
from workflows.policy.program.waves import plan_waves, seat_of
from workflows.program import messages
from workflows.program.rollout import ProgramRollout

NAME = "program"
SCHOOLS, FIRST = 520, 510
"""More than one page in the first wave, so that a run continues as new."""


@dataclass
class Program:
    """One program, its worker's activity, and what it has published."""

    client: Client
    queue: str
    id: str
    facts: list[ProgramFact] = field(default_factory=list)

    @property
    def handle(self) -> "WorkflowHandle[ProgramRollout, None]":
        return self.client.get_workflow_handle_for(ProgramRollout.run, self.id)

    @activity.defn(name="publish_program_facts")
    async def publish(self, batch: ProgramFactBatch) -> None:
        known = {fact.fact_sequence for fact in self.facts}
        self.facts += [fact for fact in batch.facts if fact.fact_sequence not in known]

    async def until_kinds(self, kind: str, times: int) -> None:
        async def there() -> bool:
            return sum(fact.body.kind == kind for fact in self.facts) >= times

        await until(there, what=f"{times} facts {kind}", within=30)

    async def moves(self, **count: int) -> None:
        """The bridge's counts of the first wave."""
        message = SchoolsMoved(known_sequence=self.facts[-1].fact_sequence, waves={1: WaveCount(**count)})
        await self.handle.signal(ProgramRollout.schools_moved, message)

    async def acts(self, command: ProgramCommand) -> None:
        await self.handle.execute_update(ProgramRollout.act, messages.ProgramAct(command=command), id=command.act_id)


async def play_program(client: Client) -> list[WorkflowHistory]:
    """Plays the scene and returns its histories, a chain of runs."""
    policy = policy_of(
        first_count=FIRST, resources=(), abort=Abort(scope="wave", failed_at_least=0.5, sample_min=2, silence_days=3)
    )
    waves = tuple(wave.seats for wave in plan_waves(policy, [candidate(n, n % 5) for n in range(SCHOOLS)]).waves)
    start = StartProgram(
        program_id="replay-program", rehearsal=True, waves_digest=digest_of(policy), policy=policy, waves=waves,
        started_at=datetime.now(UTC),
    )  # fmt: skip
    name = f"{messages.workflow_id('replay-program')}-{uuid.uuid4().hex[:6]}"
    made = Program(client, f"replay-program-{uuid.uuid4().hex[:6]}", name)
    async with Worker(
        client, task_queue=made.queue, workflows=[ProgramRollout], activities=[made.publish], build_id=build_id(),
        workflow_runner=sandboxed(),
    ):  # fmt: skip
        await client.start_workflow(
            ProgramRollout.run, messages.ProgramInput.of(start), id=made.id, task_queue=made.queue
        )
        await _told(made)
        await made.handle.result()

        async def listed() -> list[WorkflowHistory]:
            found = await _runs(made)
            ended = found and found[-1].events[-1].HasField("workflow_execution_completed_event_attributes")
            return found if ended else []

        return await until(listed, what="the program's runs in Temporal's list")


async def _told(program: Program) -> None:
    await program.until_kinds("schools-admitted", 1)
    await program.moves(admitted=500)
    await program.until_kinds("schools-admitted", 2)
    await program.moves(admitted=FIRST)
    await program.until_kinds("admission-waits", 1)
    who = director()
    await program.acts(StopLine(act_id="stop-0001", actor=who, reason="devices-recalled"))
    await program.acts(LiftLine(act_id="lift-0001", actor=who, reason="devices-replaced"))
    late = seat_of(policy_of(resources=()), candidate(900))
    assert isinstance(late, Seat)
    await program.until_kinds("line-lifted", 1)
    await program.handle.signal(
        ProgramRollout.schools_joined,
        SchoolsJoined(known_sequence=program.facts[-1].fact_sequence, seats=(late,)),
    )
    await program.until_kinds("schools-joined-late", 1)
    await program.handle.signal(ProgramRollout.schools_gone, SchoolsGone(school_ids=(late.school_id,)))
    await program.until_kinds("schools-left-waiting", 1)
    await program.moves(admitted=FIRST, failed=400)
    await program.until_kinds("admission-aborted", 1)
    await program.moves(admitted=FIRST)
    await program.acts(LiftLine(act_id="lift-0002", actor=who, reason="schools-repaired", wave=1))
    await program.until_kinds("line-lifted", 2)
    await program.moves(admitted=FIRST, progressed=FIRST)
    await program.until_kinds("wave-progressed", 1)
    await program.handle.signal(ProgramRollout.stop_program, StopProgram(reason="program-over"))


async def _runs(program: Program) -> list[WorkflowHistory]:
    runs = [
        (run.start_time, run.run_id)
        async for run in program.client.list_workflows(f"WorkflowId = '{program.id}'")
        if run.status is not WorkflowExecutionStatus.TERMINATED
    ]
    return [await program.client.get_workflow_handle(program.id, run_id=run).fetch_history() for _, run in sorted(runs)]
