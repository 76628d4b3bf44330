"""The Temporal shell of one school in one program: it carries messages to `advance` and facts to the world.

Started by the bridge's `program start`, told by signals and updates, looked at by a query. It decides nothing:
every decision is `workflows.policy.progress`. If this file grows, a decision has leaked into it.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from schemas.advisory import AdvisoriesArrived
    from schemas.fact import Fact
    from schemas.message import (
        CommandReply,
        ContextArrived,
        IncidentChanged,
        Message,
        ReadingsArrived,
        StartRollout,
        StopRollout,
        TimePassed,
    )
    from workflows import shell
    from workflows.activities import FactBatch, publish_facts
    from workflows.policy import progress
    from workflows.school import messages, view

LATENESS_SECONDS_MAX = 5.0
"""Wake-ups are spread by at most this, and at most a hundredth of the wait; deadlines are not. Our judgement."""


@workflow.defn(name=messages.WORKFLOW)
class SchoolRollout:
    """One school's way through the gates; ends when it is stopped."""

    @workflow.init
    def __init__(self, entry: messages.RolloutInput) -> None:
        self._unpublished: list[Fact] = []
        self._woken = True
        self._timer: asyncio.Task[None] | None = None
        self._timer_at: datetime | None = None
        self._shell = entry.shell
        given = entry.read()
        if isinstance(given, StartRollout):
            self._follow(progress.begin(given, workflow.now(), _build()))
        else:
            self._state = given
            self._take(TimePassed())
        self._first_phase = self._state.picture.phase

    @workflow.run
    async def run(self, _entry: messages.RolloutInput) -> None:
        """Publishes, waits, and continues as new, until the rollout is stopped and its last fact is out."""
        while True:
            self._set_timer()
            await workflow.wait_condition(lambda: self._woken)
            self._woken = False
            quiet = not self._unpublished
            if self._unpublished:
                await self._publish()
            if self._state.picture.stopped is not None:
                await workflow.wait_condition(workflow.all_handlers_finished)
                return
            if self._ripe(quiet):
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._unpublished:
                    workflow.continue_as_new(messages.RolloutInput.carrying(self._state))

    # -- what it is told

    @workflow.signal(name="readings-arrived")
    def readings_arrived(self, message: ReadingsArrived) -> None:
        """The bridge's coalesced readings."""
        self._take(message)

    @workflow.signal(name="context-arrived")
    def context_arrived(self, message: ContextArrived) -> None:
        """The directory's facts and calendar."""
        self._take(message)

    @workflow.signal(name="incident-changed")
    def incident_changed(self, message: IncidentChanged) -> None:
        """An outage of ours, or its end."""
        self._take(message)

    @workflow.signal(name="advisories-arrived")
    def advisories_arrived(self, message: AdvisoriesArrived) -> None:
        """Every advisory that may concern the school."""
        self._take(message)

    @workflow.signal(name="stop-rollout")
    def stop_rollout(self, message: StopRollout) -> None:
        """The school leaves the program."""
        self._take(message)

    @workflow.update(name="act")
    def act(self, request: messages.Act) -> CommandReply:
        """A person's command, answered at once; its facts follow."""
        reply = self._take(request.command)
        assert reply is not None, f"expected a reply to {request.command.kind}, seen none"
        return reply

    @act.validator
    def check_act(self, request: messages.Act) -> None:
        """Refuses before anything is written, with what was expected, seen, and to do next."""
        refusal = progress.check(self._state, request.command, workflow.now())
        if refusal is not None:
            raise shell.refused(refusal)

    @workflow.query(name="look")
    def look(self, request: messages.LookAt) -> messages.View:
        """The school at an instant; changes nothing."""
        return view.of(self._state, request.now, workflow.info().get_current_history_length())

    # -- what it does

    def _take(self, message: Message) -> CommandReply | None:
        return self._follow(progress.advance(self._state, message, workflow.now(), _build()))

    def _follow(self, step: progress.Step) -> CommandReply | None:
        self._state = step.state
        self._unpublished.extend(step.facts)
        self._woken = True
        return step.reply

    async def _publish(self) -> None:
        """Facts leave in their order, because only `run` calls this.

        By a normal activity, whose input is history before it runs. A local one runs inside the workflow task: if
        that is lost after the facts are durable, the task is decided again at a later instant, perhaps with another
        order of messages or without an update nobody repeated, and the school's two histories disagree.
        """
        while self._unpublished:
            batch = FactBatch.of(self._unpublished)
            count = len(self._unpublished)
            await workflow.execute_activity(
                publish_facts, batch, start_to_close_timeout=shell.PUBLISH_TIMEOUT, retry_policy=shell.RETRY,
                summary=", ".join(batch.keys)[:200],
            )  # fmt: skip
            del self._unpublished[:count]
        self._show()

    def _show(self) -> None:
        known = workflow.info().typed_search_attributes
        changes: Sequence[SearchAttributeUpdate[str]] = [
            key.value_set(value)
            for key, value in view.search_attributes(self._state, self._shell).items()
            if known.get(key) != value
        ]
        if changes:
            workflow.upsert_search_attributes(changes)
        workflow.set_current_details(view.details(self._state))

    def _ripe(self, quiet: bool) -> bool:
        info = workflow.info()
        events = info.get_current_history_length()
        if not quiet:
            return events > 2 * shell.EVENTS_MAX
        moved = self._state.picture.phase is not self._first_phase
        return moved or events > shell.EVENTS_MAX or workflow.now() - info.start_time > shell.AGE_MAX

    # -- when it wakes

    def _set_timer(self) -> None:
        """One timer, restarted only for an earlier deadline: a later one is seen when the timer fires."""
        at = self._state.wake_at
        if at is None or (self._timer_at is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.create_task(self._wait_until(at))

    async def _wait_until(self, at: datetime) -> None:
        seconds = (at - workflow.now()).total_seconds()
        seconds = max(seconds, 0.0) + self._lateness(seconds) if seconds > 0 else shell.SOONEST_SECONDS
        await workflow.sleep(seconds, summary=f"{self._state.picture.phase.gate} next look")
        self._timer, self._timer_at = None, None
        if self._state.wake_at is not None and self._state.wake_at <= workflow.now():
            self._take(TimePassed())
        else:
            self._woken = True

    def _lateness(self, seconds: float) -> float:
        """Equal deadlines thunder: each school has its own share of a small delay, from its id."""
        share = int(self._state.school_id[:8], 16) / 0xFFFFFFFF
        return share * min(LATENESS_SECONDS_MAX, seconds / 100)


def _build() -> str:
    """The code that decides, as history remembers it, so that a replay by other code says the same."""
    return workflow.info().get_current_build_id() or "unversioned"
