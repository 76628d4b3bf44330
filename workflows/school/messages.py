"""How the doors speak with a school's workflow: its id, its input, its update, its query.

Used by the bridge (starts, signals), the console (updates, queries) and the workflow itself. The messages proper
are schemas/message.py; here is only what Temporal needs around them. Tolerant: these only grow.
"""

from datetime import datetime

from temporalio.common import SearchAttributeKey

from schemas.decision import GateInputs, Verdict
from schemas.fact import Picture
from schemas.gate import SchoolPolicy
from schemas.message import Command, StartRollout
from schemas.model import Digest, Instant, Tolerant
from schemas.school import ProgramId, SchoolId
from workflows.activities import packed, unpacked
from workflows.policy.state import RolloutState

WORKFLOW = "school-rollout"
TASK_QUEUE = "firstbell-schools"

SHELL = 2
"""Of every run that begins now; a run under way keeps the one it began with."""

PHASE = SearchAttributeKey.for_keyword("FirstbellPhase")
OUTCOME = SearchAttributeKey.for_keyword("FirstbellOutcome")
DISTRICT = SearchAttributeKey.for_keyword("FirstbellDistrict")
SEARCH_ATTRIBUTES = (PHASE, OUTCOME, DISTRICT)
"""All there are: SQL visibility holds ten keywords a namespace. Opaque values only. OUTCOME is written by shell 1 alone."""


def workflow_id(program_id: ProgramId, school_id: SchoolId) -> str:
    """One school in one program: a school may be in several."""
    return f"{program_id}/{school_id}"


class RolloutInput(Tolerant):
    """Exactly one of two, packed: how a rollout starts, or the state it carries through continue-as-new.

    A run's history holds its own input and the next one's, so packing halves the bytes of a phase.
    """

    start: str | None = None
    state: str | None = None
    shell: int = 1
    """What the run asks of Temporal. 1: the outcome as a search attribute, too. 2: phase and district alone."""

    @classmethod
    def of(cls, start: StartRollout) -> "RolloutInput":
        """The first run's input."""
        return cls(start=packed(start.model_dump_json().encode()), shell=SHELL)

    @classmethod
    def carrying(cls, state: RolloutState) -> "RolloutInput":
        """A later run's input."""
        return cls(state=packed(state.model_dump_json().encode()), shell=SHELL)

    def read(self) -> StartRollout | RolloutState:
        """Whichever it holds. Raises ValueError when it holds neither or can't be read."""
        if self.state is not None:
            return RolloutState.model_validate_json(unpacked(self.state))
        if self.start is not None:
            return StartRollout.model_validate_json(unpacked(self.start))
        raise ValueError("rollout input: expected start or state, seen neither; use `firstbell program start`")


class Act(Tolerant):
    """Update `act`: one person's command. Send it with the update id `command.act_id`."""

    command: Command


class LookAt(Tolerant):
    """Query `look`: the instant to decide at; the workflow has no clock to ask outside its own tasks."""

    now: Instant


class View(Tolerant):
    """One school, looked at: its picture, and the current gate decided at the instant asked for."""

    looked_at: Instant
    rehearsal: bool
    simulated: bool
    picture: Picture
    policy: SchoolPolicy
    inputs: GateInputs
    verdict: Verdict
    calendar_digest: Digest | None
    calendar_version: int | None
    wakes_at: Instant | None
    """When its timer is due. None: time changes nothing."""
    history_events: int
    """Of the current run."""


def look_at(now: datetime) -> LookAt:
    """The query's argument. Raises ValidationError for a time without a zone."""
    return LookAt(now=now)
