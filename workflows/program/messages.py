"""How the bridge speaks with a program's workflow: its id, its input, its update, its query.

The messages proper are schemas/program.py; here is only what Temporal needs around them. Tolerant: these only grow.
"""

from schemas.model import Instant, Tolerant
from schemas.program import ProgramCommand, StartProgram
from schemas.school import ProgramId, SchoolId
from workflows.activities import packed, unpacked
from workflows.policy.program.admission import ProgramState

WORKFLOW = "program-rollout"


def workflow_id(program_id: ProgramId) -> str:
    """One a program. No program's name holds a colon, so no school's workflow is called this."""
    return f"program:{program_id}"


class ProgramInput(Tolerant):
    """Exactly one of two, packed: how a program starts, or the state it carries through continue-as-new."""

    start: str | None = None
    state: str | None = None

    @classmethod
    def of(cls, start: StartProgram) -> "ProgramInput":
        """The first run's input."""
        return cls(start=packed(start.model_dump_json().encode()))

    @classmethod
    def carrying(cls, state: ProgramState) -> "ProgramInput":
        """A later run's input."""
        return cls(state=packed(state.model_dump_json().encode()))

    def read(self) -> StartProgram | ProgramState:
        """Whichever it holds. Raises ValueError when it holds neither or can't be read."""
        if self.state is not None:
            return ProgramState.model_validate_json(unpacked(self.state))
        if self.start is not None:
            return StartProgram.model_validate_json(unpacked(self.start))
        raise ValueError("program input: expected start or state, seen neither; use `firstbell program start --waves`")


class ProgramAct(Tolerant):
    """Update `act`: one person's command. Send it with the update id `command.act_id`."""

    command: ProgramCommand


class SeatAt(Tolerant):
    """Query `seat`: whose, and the instant to decide at; the workflow has no clock outside its own tasks."""

    school_id: SchoolId
    now: Instant
