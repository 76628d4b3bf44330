"""Drives a school's workflow through virtual time without a server, in Temporal's real sandbox.

It speaks the protocol between Temporal's core and the Python worker: activations in, commands out. It confesses
what it leaves out: no history, so no replay (tests/replay does that), no retries of workflow tasks, one worker.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import temporalio.api.common.v1
import temporalio.bridge.proto.activity_result as results
import temporalio.bridge.proto.workflow_activation as activations
import temporalio.bridge.proto.workflow_commands as commands
from pydantic import BaseModel
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter as converter
from temporalio.converter import DefaultFailureConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails
from temporalio.workflow import Info, _Definition

from schemas.message import Command, CommandReply
from services.bridge.worker import sandboxed
from workflows.activities import FactBatch
from workflows.school import messages
from workflows.school.rollout import SchoolRollout
from workflows.shell import refusal_of

Payload = temporalio.api.common.v1.Payload


def encode(value: BaseModel) -> Payload:
    return converter.payload_converter.to_payloads([value])[0]


@dataclass
class Driver:
    """One school; `now` moves only when told. A subclass drives another workflow by naming its four types."""

    definition: ClassVar[type] = SchoolRollout
    workflow_type: ClassVar[str] = messages.WORKFLOW
    input_type: ClassVar[type[BaseModel]] = messages.RolloutInput
    batch_type: ClassVar[type[BaseModel]] = FactBatch

    now: datetime
    in_sandbox: bool = True
    publishes: bool = True
    """False: publications hang, as while the database is away."""
    facts: list[Any] = field(default_factory=list)
    """Of the workflow's own kind: a school's Fact, or a subclass's."""
    runs: int = 0
    inputs: list[Any] = field(default_factory=list)
    """What each run was given."""
    details: list[str] = field(default_factory=list)
    ended: bool = False
    timers_started: int = 0
    timers: dict[int, datetime] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    upserts: int = 0
    build: str = "test"
    history_length: int = 3
    _waiting: list[tuple[int, Any]] = field(default_factory=list)
    _instance: WorkflowInstance | None = None
    _replies: dict[str, CommandReply | ApplicationError] = field(default_factory=dict)
    _query: Any = None

    # -- what a test says

    def start(self, given: BaseModel) -> None:
        """Begins a run."""
        self.runs += 1
        self.inputs.append(given)
        self.timers.clear()
        self.history_length = 3
        self.run_started = self.now
        runner = sandboxed() if self.in_sandbox else UnsandboxedWorkflowRunner()
        loop = asyncio.new_event_loop()
        asyncio._set_running_loop(loop)  # as in a worker: an instance is made on the main loop, and runs on its own
        try:
            self._instance = runner.create_instance(self._details())
        finally:
            asyncio._set_running_loop(None)
            loop.close()
        job = activations.InitializeWorkflow(workflow_type=self.workflow_type, workflow_id="p/s", randomness_seed=7)
        job.arguments.append(encode(given))
        self._activate(activations.WorkflowActivationJob(initialize_workflow=job))

    def signal(self, name: str, message: BaseModel) -> None:
        job = activations.SignalWorkflow(signal_name=name)
        job.input.append(encode(message))
        self._activate(activations.WorkflowActivationJob(signal_workflow=job))

    def act(self, command: Command) -> CommandReply:
        """Sends an update; returns its reply, or the refusal its validator raised."""
        job = activations.DoUpdate(
            id=command.act_id, protocol_instance_id=command.act_id, name="act", run_validator=True
        )
        job.input.append(encode(messages.Act(command=command)))
        self._activate(activations.WorkflowActivationJob(do_update=job))
        found = self._replies.pop(command.act_id)
        if isinstance(found, CommandReply):
            return found
        refusal = refusal_of(found)
        assert refusal is not None, f"expected a refusal, seen {found!r}"
        return refusal

    def look(self) -> messages.View:
        job = activations.QueryWorkflow(query_id="q", query_type="look")
        job.arguments.append(encode(messages.look_at(self.now)))
        self._activate(activations.WorkflowActivationJob(query_workflow=job))
        view: messages.View = converter.payload_converter.from_payloads([self._query], [messages.View])[0]
        return view

    def pass_until(self, later: datetime) -> None:
        """Lets time pass, firing each timer at its own instant."""
        while not self.ended:
            due = min(((at, seq) for seq, at in self.timers.items() if at <= later), default=None)
            if due is None:
                break
            self.now = max(self.now, due[0])
            del self.timers[due[1]]
            self.history_length += 4
            self._activate(activations.WorkflowActivationJob(fire_timer=activations.FireTimer(seq=due[1])))
        self.now = max(self.now, later)

    def pass_time(self, span: timedelta) -> None:
        self.pass_until(self.now + span)

    def recover(self) -> None:
        """The database is back: what waited is published."""
        self.publishes = True
        waiting, self._waiting = self._waiting, []
        for sequence, batch in waiting:
            self._published(sequence, batch)

    # -- the protocol

    def _activate(self, *jobs: activations.WorkflowActivationJob) -> None:
        assert self._instance is not None
        self.history_length += 4
        activation = activations.WorkflowActivation(
            run_id=f"run-{self.runs}", history_length=self.history_length, jobs=jobs
        )
        activation.timestamp.FromDatetime(self.now.astimezone(UTC).replace(tzinfo=None))
        activation.deployment_version_for_current_task.build_id = self.build
        completion = self._instance.activate(activation)
        if completion.HasField("failed"):
            raise AssertionError(f"workflow task failed: {completion.failed.failure.message}")
        follow: list[Callable[[], None]] = []
        for command in completion.successful.commands:
            self._obey(command, follow)
        for step in follow:
            step()

    def _obey(self, command: commands.WorkflowCommand, follow: list[Callable[[], None]]) -> None:
        kind = command.WhichOneof("variant")
        if kind == "start_timer":
            self.timers_started += 1
            self.timers[command.start_timer.seq] = self.now + command.start_timer.start_to_fire_timeout.ToTimedelta()
        elif kind == "cancel_timer":
            self.timers.pop(command.cancel_timer.seq, None)
        elif kind == "schedule_activity":
            asked = command.schedule_activity
            batch = converter.payload_converter.from_payloads(list(asked.arguments), [self.batch_type])[0]
            if self.publishes:
                follow.append(lambda: self._published(asked.seq, batch))
            else:
                self._waiting.append((asked.seq, batch))
        elif kind == "update_response":
            self._answered(command.update_response)
        elif kind == "respond_to_query":
            assert command.respond_to_query.HasField("succeeded"), command.respond_to_query.failed.message
            self._query = command.respond_to_query.succeeded.response
        elif kind == "upsert_workflow_search_attributes":
            self.upserts += 1
            found = command.upsert_workflow_search_attributes.search_attributes.indexed_fields
            self.attributes |= {key: payload.data.decode().strip('"') for key, payload in found.items()}
        elif kind == "continue_as_new_workflow_execution":
            payloads = list(command.continue_as_new_workflow_execution.arguments)
            given = converter.payload_converter.from_payloads(payloads, [self.input_type])[0]
            follow.append(lambda: self.start(given))
        elif kind == "complete_workflow_execution":
            self.ended = True
        else:
            raise AssertionError(f"the driver does not speak {kind}: {command}")

    def _published(self, sequence: int, batch: Any) -> None:
        self.facts += batch.facts
        done = activations.ResolveActivity(seq=sequence)
        done.result.completed.CopyFrom(results.Success())
        self._activate(activations.WorkflowActivationJob(resolve_activity=done))

    def _answered(self, response: commands.UpdateResponse) -> None:
        kind = response.WhichOneof("response")
        if kind == "completed":
            self._replies[response.protocol_instance_id] = converter.payload_converter.from_payloads(
                [response.completed], [CommandReply]
            )[0]
        elif kind == "rejected":
            error = DefaultFailureConverter().from_failure(response.rejected, converter.payload_converter)
            assert isinstance(error, ApplicationError), error
            self._replies[response.protocol_instance_id] = error

    def _details(self) -> WorkflowInstanceDetails:
        return WorkflowInstanceDetails(
            payload_converter_factory=converter._new_payload_converter,
            failure_converter_class=converter.failure_converter_class,
            interceptor_classes=[],
            defn=_Definition.must_from_class(self.definition),
            info=replace(
                _INFO,
                run_id=f"run-{self.runs}",
                start_time=self.now,
                workflow_start_time=self.now,
                workflow_type=self.workflow_type,
                typed_search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(key, self.attributes[key.name])
                        for key in messages.SEARCH_ATTRIBUTES
                        if key.name in self.attributes
                    ]
                ),
            ),
            randomness_seed=7,
            extern_functions={"__temporal_assert_local_activity_valid": lambda _name: None},
            disable_eager_activity_execution=False,
            worker_level_failure_exception_types=[],
            patch_activation_callback=None,
            last_completion_result=temporalio.api.common.v1.Payloads(),
            last_failure=None,
        )


_INFO = Info(
    attempt=1, continued_run_id=None, cron_schedule=None, execution_timeout=None, first_execution_run_id="run-1",
    headers={}, namespace="default", original_execution_run_id="run-1", parent=None, root=None,
    priority=Priority.default, raw_memo={}, retry_policy=None, run_id="run-1", run_timeout=None, search_attributes={},
    start_time=datetime(2026, 1, 1, tzinfo=UTC), task_queue="q", task_timeout=timedelta(seconds=10),
    typed_search_attributes=TypedSearchAttributes.empty, workflow_id="p/s",
    workflow_start_time=datetime(2026, 1, 1, tzinfo=UTC), workflow_type=messages.WORKFLOW,
)  # fmt: skip
