"""The Temporal shell of one program in waves: it carries messages to `advance_program` and facts to the world.

Started by `firstbell program start --waves`, told by the bridge's signals and by people's updates. Schools are no
children of it: the bridge starts them, paced, when a fact admits them. It decides nothing; if this file grows, a
decision has leaked into it.
"""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from schemas.message import CommandReply
    from schemas.program import (
        ProgramMessage,
        ProgramTimePassed,
        SchoolsGone,
        SchoolsJoined,
        SchoolsMoved,
        StartProgram,
        StopProgram,
    )
    from schemas.program_fact import ProgramFact, SchoolsAdmitted
    from workflows import shell
    from workflows.activities import ProgramFactBatch, publish_program_facts
    from workflows.policy.program import admission
    from workflows.policy.program.admitting import PAGE_MAX
    from workflows.policy.program.seat import Place, place_of
    from workflows.program import messages


@workflow.defn(name=messages.WORKFLOW)
class ProgramRollout:
    """One program's admission of its schools; ends when it is stopped."""

    @workflow.init
    def __init__(self, entry: messages.ProgramInput) -> None:
        self._unpublished: list[ProgramFact] = []
        self._woken = True
        self._admitted = 0
        self._timer: asyncio.Task[None] | None = None
        self._timer_at: datetime | None = None
        given = entry.read()
        if isinstance(given, StartProgram):
            self._follow(admission.begin_program(given, workflow.now()))
        else:
            self._state = given
            self._take(ProgramTimePassed())

    @workflow.run
    async def run(self, _entry: messages.ProgramInput) -> None:
        """Publishes, waits, and continues as new by page, until the program is stopped and its last fact is out."""
        while True:
            self._set_timer()
            await workflow.wait_condition(lambda: self._woken)
            self._woken = False
            while self._unpublished:
                await self._publish()
            if self._state.picture.ended is not None:
                await workflow.wait_condition(workflow.all_handlers_finished)
                return
            if self._ripe():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._unpublished:
                    workflow.continue_as_new(messages.ProgramInput.carrying(self._state))

    # -- what it is told

    @workflow.signal(name="schools-moved")
    def schools_moved(self, message: SchoolsMoved) -> None:
        """The bridge's counts."""
        self._take(message)

    @workflow.signal(name="schools-joined")
    def schools_joined(self, message: SchoolsJoined) -> None:
        """Late joiners."""
        self._take(message)

    @workflow.signal(name="schools-gone")
    def schools_gone(self, message: SchoolsGone) -> None:
        """Schools that closed before they were admitted."""
        self._take(message)

    @workflow.signal(name="stop-program")
    def stop_program(self, message: StopProgram) -> None:
        """The program ends."""
        self._take(message)

    @workflow.update(name="act")
    def act(self, request: messages.ProgramAct) -> CommandReply:
        """A person's command, answered at once; its facts follow."""
        reply = self._take(request.command)
        assert reply is not None, f"expected a reply to {request.command.kind}, seen none"
        return reply

    @act.validator
    def check_act(self, request: messages.ProgramAct) -> None:
        """Refuses before anything is written, with what was expected, seen, and to do next."""
        refusal = admission.check_program(self._state, request.command)
        if refusal is not None:
            raise shell.refused(refusal)

    @workflow.query(name="seat")
    def seat(self, request: messages.SeatAt) -> Place | None:
        """Where a school waits; changes nothing. None: it does not wait here."""
        return place_of(self._state, request.school_id, request.now)

    # -- what it does

    def _take(self, message: ProgramMessage) -> CommandReply | None:
        return self._follow(admission.advance_program(self._state, message, workflow.now()))

    def _follow(self, step: admission.ProgramStep) -> CommandReply | None:
        self._state = step.state
        self._unpublished.extend(step.facts)
        self._admitted += sum(
            len(fact.body.school_ids) for fact in step.facts if isinstance(fact.body, SchoolsAdmitted)
        )
        self._woken = True
        return step.reply

    async def _publish(self) -> None:
        """Facts leave in their order, by a normal activity, for the reasons a school's do."""
        count = len(self._unpublished)
        batch = ProgramFactBatch.of(self._unpublished)
        await workflow.execute_activity(
            publish_program_facts, batch, start_to_close_timeout=shell.PUBLISH_TIMEOUT, retry_policy=shell.RETRY,
            summary=", ".join(batch.keys)[:200],
        )  # fmt: skip
        del self._unpublished[:count]
        waiting = sum(len(wave) for wave in self._state.waiting)
        picture = self._state.picture
        workflow.set_current_details(
            f"waves opened: {len(picture.opened)} of {len(self._state.sizes)}; waiting: {waiting} schools"
            + (f"; line stopped: {picture.line_stopped}" if picture.line_stopped else "")
        )

    def _ripe(self) -> bool:
        info = workflow.info()
        old = workflow.now() - info.start_time > shell.AGE_MAX
        return self._admitted >= PAGE_MAX or info.get_current_history_length() > shell.EVENTS_MAX or old

    # -- when it wakes

    def _set_timer(self) -> None:
        at = self._state.wake_at
        if at is None or (self._timer_at is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.create_task(self._wait_until(at))

    async def _wait_until(self, at: datetime) -> None:
        seconds = max((at - workflow.now()).total_seconds(), shell.SOONEST_SECONDS)
        await workflow.sleep(seconds, summary="next look")
        self._timer, self._timer_at = None, None
        self._take(ProgramTimePassed())
