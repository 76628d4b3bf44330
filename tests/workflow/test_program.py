"""The Temporal shell of a program, through virtual time: what it asks of Temporal, and when."""

from datetime import timedelta
from typing import ClassVar

import pytest
from pydantic import BaseModel

from schemas.model import digest_of
from schemas.program import Candidate, Freeze, SchoolsMoved, StartProgram, StopProgram, WaveCount, WavePolicy
from tests.harness.scenario import OPENING
from tests.harness.waved import candidate, policy_of
from tests.workflow.driver import Driver
from workflows.activities import ProgramFactBatch
from workflows.policy.program.admission import ProgramState
from workflows.policy.program.waves import plan_waves
from workflows.program import messages
from workflows.program.rollout import ProgramRollout


class ProgramDriver(Driver):
    """Drives a program's workflow."""

    definition: ClassVar[type] = ProgramRollout
    workflow_type: ClassVar[str] = messages.WORKFLOW
    input_type: ClassVar[type[BaseModel]] = messages.ProgramInput
    batch_type: ClassVar[type[BaseModel]] = ProgramFactBatch

    def kinds(self) -> list[str]:
        return [fact.body.kind for fact in self.facts]

    def moved(self, wave: int, admitted: int, progressed: int = 0) -> None:
        """The bridge's counts of one wave, when all its schools stand alike."""
        count = WaveCount(admitted=admitted, progressed=progressed)
        sequence = self.facts[-1].fact_sequence
        self.signal("schools-moved", SchoolsMoved(known_sequence=sequence, waves={wave: count}))


def begun(in_sandbox: bool, policy: WavePolicy, schools: list[Candidate]) -> ProgramDriver:
    driver = ProgramDriver(OPENING, in_sandbox=in_sandbox)
    waves = tuple(wave.seats for wave in plan_waves(policy, schools).waves)
    start = StartProgram(
        program_id="wa-2026", rehearsal=False, waves_digest=digest_of(policy), policy=policy, waves=waves,
        started_at=OPENING,
    )  # fmt: skip
    driver.start(messages.ProgramInput.of(start))
    return driver


@pytest.mark.parametrize("in_sandbox", [True, False], ids=["sandboxed", "unsandboxed"])
def test_a_program_admits_by_its_counts_and_ends_when_stopped(in_sandbox: bool) -> None:
    program = begun(in_sandbox, policy_of(), [candidate(number) for number in range(8)])
    assert program.kinds() == ["program-started", "wave-opened", "schools-admitted"]
    program.moved(1, 2)
    assert program.kinds()[-1] == "admission-waits"
    program.moved(1, 2, 2)
    assert program.kinds()[-3:] == ["wave-progressed", "wave-opened", "schools-admitted"]
    program.signal("stop-program", StopProgram(reason="program-ended"))
    assert program.ended
    assert [fact.fact_sequence for fact in program.facts] == list(range(1, len(program.facts) + 1))


def test_a_run_admits_one_page_and_continues_as_new() -> None:
    program = begun(False, policy_of(first_count=2000, resources=()), [candidate(n, n % 5) for n in range(1100)])
    assert program.runs == 2
    program.moved(1, 500)
    assert program.runs == 3
    carried = program.inputs[-1].read()
    assert isinstance(carried, ProgramState)
    assert sum(len(wave) for wave in carried.waiting) == 100
    program.moved(1, 1000)
    admitted = [school for fact in program.facts for school in getattr(fact.body, "school_ids", ())]
    assert len(set(admitted)) == len(admitted) == 1100


def test_a_freeze_ends_by_the_timer_alone() -> None:
    day = OPENING.date()
    freeze = Freeze(starts_on=day, ends_on=day + timedelta(days=1))
    program = begun(False, policy_of(freezes=(freeze,)), [candidate(1)])
    assert program.kinds() == ["program-started", "admission-waits"]
    program.pass_time(timedelta(days=2))
    assert program.kinds()[-1] == "schools-admitted"


def test_the_programs_workflow_has_a_name_no_school_can_have() -> None:
    assert ":" in messages.workflow_id("wa-2026")
