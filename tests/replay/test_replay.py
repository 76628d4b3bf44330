"""Histories recorded on a real server replay with the code of today, in the real sandbox.

When one fails: your change alters what a running school asks of Temporal, and schools under way would stop. Keep
the old meaning for the `semantics` or `workflow.patched` id they pinned; if no school can be under way, record anew
with `python -m tests.replay.record` and say so in the changelog.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from schemas.decision import Outcome
from schemas.fact import Fact, Picture
from schemas.program_fact import ProgramFact, ProgramPicture
from services.bridge.worker import sandboxed
from tests.replay.program_scene import NAME as PROGRAM
from tests.replay.record import HISTORIES
from tests.replay.scenes import SCENES
from workflows.activities import FactBatch, ProgramFactBatch
from workflows.policy.picture import fold_fact
from workflows.policy.program.picture import fold_program_fact
from workflows.program.rollout import ProgramRollout
from workflows.school import messages
from workflows.school.rollout import SchoolRollout

FILES = sorted(HISTORIES.rglob("*.json"))
"""Of today, and under `shell-1` those of runs that began with the first shell."""


def history(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json("firstbell/replay", file.read_text("utf-8"))


def replayer(kind: type = SchoolRollout) -> Replayer:
    return Replayer(
        workflows=[kind, ProgramRollout], data_converter=pydantic_data_converter, workflow_runner=sandboxed()
    )


def facts_of(events: Iterator[HistoryEvent]) -> list[Fact]:
    """The facts a history asked to publish, once each, in their order."""
    found: dict[int, Fact] = {}
    for event in events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            payload = event.activity_task_scheduled_event_attributes.input.payloads[0]
            for fact in FactBatch.model_validate(json.loads(payload.data)).facts:
                found[fact.fact_sequence] = fact
    return [found[key] for key in sorted(found)]


def scene_facts(name: str) -> list[Fact]:
    files = sorted(HISTORIES.glob(f"{name}-[0-9].json"))
    return facts_of(event for file in files for event in history(file).events)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HISTORIES).with_suffix("")))
async def test_a_recorded_history_replays(file: Path) -> None:
    await replayer().replay_workflow(history(file))


@pytest.mark.parametrize("name", sorted([*SCENES, PROGRAM]))
def test_every_scene_is_recorded_to_its_end(name: str) -> None:
    last = history(sorted(HISTORIES.glob(f"{name}-[0-9].json"))[-1])
    assert last.events[-1].HasField("workflow_execution_completed_event_attributes")


def test_the_histories_hold_every_outcome_and_a_chain_of_runs() -> None:
    facts = [fact for name in SCENES for fact in scene_facts(name)]
    outcomes = {fact.body.decision.verdict.outcome for fact in facts if fact.body.kind == "gate-decided"}
    assert outcomes == set(Outcome)
    assert {"decision-questioned", "approval-asked", "approval-answered", "hold-added", "rollout-stopped"} <= {
        fact.body.kind for fact in facts
    }
    assert any(
        history(file).events[-1].HasField("workflow_execution_continued_as_new_event_attributes") for file in FILES
    )


@pytest.mark.parametrize("name", sorted(SCENES))
def test_folding_the_recorded_facts_gives_the_picture_they_claim(name: str) -> None:
    facts = scene_facts(name)
    assert [fact.fact_sequence for fact in facts] == list(range(1, len(facts) + 1))
    picture = Picture()
    for fact in facts:
        picture = fold_fact(picture, fact)
    assert picture.stopped is not None


def test_folding_a_programs_recorded_facts_tells_its_whole_life() -> None:
    files = sorted(HISTORIES.glob(f"{PROGRAM}-[0-9].json"))
    assert len(files) > 1, "a page of admitted schools ends a run"
    found: dict[int, ProgramFact] = {}
    for file in files:
        for event in history(file).events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                payload = event.activity_task_scheduled_event_attributes.input.payloads[0]
                found |= {f.fact_sequence: f for f in ProgramFactBatch.model_validate(json.loads(payload.data)).facts}
    facts = [found[key] for key in sorted(found)]
    assert [fact.fact_sequence for fact in facts] == list(range(1, len(facts) + 1))
    picture = ProgramPicture()
    for fact in facts:
        picture = fold_program_fact(picture, fact)
    assert (picture.ended, picture.aborted_waves) == ("program-over", ())
    assert 1 in picture.progressed
    kinds = {fact.body.kind for fact in facts}
    assert {"line-stopped", "line-lifted", "schools-joined-late", "schools-left-waiting", "admission-aborted"} <= kinds


@workflow.defn(name=messages.WORKFLOW, sandboxed=False)
class Hasty(SchoolRollout):
    """A deploy that changes what is asked of Temporal: another timer before each publication."""

    @workflow.init
    def __init__(self, entry: messages.RolloutInput) -> None:
        super().__init__(entry)

    @workflow.run
    async def run(self, _entry: messages.RolloutInput) -> None:
        await workflow.sleep(1)
        await super().run(_entry)


async def test_a_changed_workflow_is_caught() -> None:
    with pytest.raises(NondeterminismError):
        await replayer(Hasty).replay_workflow(history(HISTORIES / "open-by-evidence-1.json"))
