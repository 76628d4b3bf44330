"""What workflows/activities.py promises is what the bridge carries out, and messages outlive versions."""

import inspect
import json
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest
from pydantic import BaseModel
from temporalio import activity
from temporalio.contrib.pydantic import pydantic_data_converter

from schemas.message import (
    AddHold,
    AnswerAsk,
    CommandReply,
    ContextArrived,
    GiveSignOff,
    ReadingsArrived,
    ReleaseHold,
    StopRollout,
)
from schemas.program import (
    LiftLine,
    SchoolsGone,
    SchoolsJoined,
    SchoolsMoved,
    StopLine,
    StopProgram,
    WaveCount,
)
from schemas.school import GateId, Phase, Role
from services.bridge.activities import Activities
from tests.harness.scenario import CLEAN, Scenario, actor, calendar_of, context_of, reading
from tests.harness.waved import Waved, candidate, director
from tests.harness.waved import policy_of as waves_of
from workflows import activities
from workflows.policy.state import RolloutState
from workflows.program import messages as program_messages
from workflows.school import messages

NOW = datetime(2026, 9, 1, 16, tzinfo=UTC)


def test_the_activity_carried_out_has_the_name_and_types_that_the_workflow_declares() -> None:
    declared = activity._Definition.must_from_callable(activities.publish_facts)
    carried = activity._Definition.must_from_callable(Activities.publish_facts)
    assert carried.name == declared.name
    ours = get_type_hints(Activities.publish_facts)
    assert ours == get_type_hints(activities.publish_facts)
    assert list(inspect.signature(Activities.publish_facts).parameters)[1:] == list(
        inspect.signature(activities.publish_facts).parameters
    )


def test_a_programs_activity_is_the_one_its_workflow_declares() -> None:
    declared = activity._Definition.must_from_callable(activities.publish_program_facts)
    carried = activity._Definition.must_from_callable(Activities.publish_program_facts)
    assert carried.name == declared.name
    assert get_type_hints(Activities.publish_program_facts) == get_type_hints(activities.publish_program_facts)


def program_samples() -> list[BaseModel]:
    """One of each message that a program's workflow carries."""
    program = Waved.of(waves_of(), [candidate(number) for number in range(5)])
    seats = tuple(program.seats.values())
    who = director()
    return [
        SchoolsMoved(known_sequence=3, waves={1: WaveCount(admitted=2)}, under_way=2, held=(4000,)),
        SchoolsJoined(known_sequence=3, seats=seats),
        SchoolsGone(school_ids=(seats[0].school_id,)),
        StopProgram(reason="program-ended"),
        program_messages.ProgramAct(command=StopLine(act_id="act-0001", actor=who, reason="recall")),
        program_messages.ProgramAct(command=LiftLine(act_id="act-0001", actor=who, reason="recall")),
        program_messages.ProgramInput.carrying(program.state),
        activities.ProgramFactBatch.of(program.facts),
    ]


def state() -> RolloutState:
    scenario = Scenario().signs()
    return scenario.hears(CLEAN).held().walk.state


def samples() -> list[BaseModel]:
    """One of each message that Temporal carries."""
    clean = {name: reading(name, value, NOW, 1) for name, value in CLEAN.items()}
    principal = actor(Role.PRINCIPAL)
    held = next(iter(state().picture.holds.values()))
    return [
        ReadingsArrived(readings=clean),
        ContextArrived(context=context_of(), calendar=calendar_of()),
        StopRollout(act_id="act-0001", reason="program-over"),
        messages.Act(command=GiveSignOff(act_id="act-0001", actor=principal, gate=GateId.CHARTER)),
        messages.Act(
            command=AnswerAsk(
                act_id="act-0001", actor=principal, gate=GateId.TRAINING, answer="approved", reason="reviewed"
            )
        ),
        messages.Act(command=AddHold(act_id="act-0001", actor=principal, hold=held)),
        messages.Act(command=ReleaseHold(act_id="act-0001", actor=principal, hold_id="hold-0001")),
        CommandReply(act_id="act-0001", accepted=True),
        messages.look_at(NOW),
        messages.RolloutInput.of(Scenario().start),
        messages.RolloutInput.carrying(state()),
        activities.FactBatch.of(Scenario().facts),
        state(),
    ]


def decoded(kind: type[BaseModel], tree: Any) -> BaseModel:
    """As the worker decodes it: through Temporal's converter."""
    [payload] = pydantic_data_converter.payload_converter.to_payloads([tree])
    [found] = pydantic_data_converter.payload_converter.from_payloads([payload], [kind])
    assert isinstance(found, kind)
    return found


def with_unknown_fields(tree: Any) -> Any:
    """Tomorrow's message: every object has grown a field that today does not know."""
    if isinstance(tree, dict):
        grown = {key: with_unknown_fields(value) for key, value in tree.items()}
        return grown | ({"grown_tomorrow": 1} if "act_id" in tree or "kind" in tree or "version" in tree else {})
    return [with_unknown_fields(each) for each in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("sample", samples() + program_samples(), ids=lambda sample: type(sample).__name__)
def test_a_message_reads_back_as_it_was_sent(sample: BaseModel) -> None:
    assert decoded(type(sample), sample) == sample


@pytest.mark.parametrize(
    "sample",
    [each for each in samples() + program_samples() if not isinstance(each, RolloutState | ContextArrived)],
    ids=lambda sample: type(sample).__name__,
)
def test_tomorrows_message_is_read_by_todays_worker(sample: BaseModel) -> None:
    """The Python worker logs and drops a signal it cannot decode: evidence would be lost in silence."""
    tree = json.loads(sample.model_dump_json())
    grown = with_unknown_fields(tree) | {"grown_tomorrow": [1]}
    assert decoded(type(sample), grown) == sample


def test_a_context_with_a_new_field_is_read_by_todays_worker() -> None:
    """The calendar inside is a document, strict and content-addressed; everything around it may grow."""
    sample = ContextArrived(context=context_of(), calendar=calendar_of())
    tree = json.loads(sample.model_dump_json())
    tree["context"]["grown_tomorrow"] = 1
    tree["grown_tomorrow"] = 1
    assert decoded(ContextArrived, tree) == sample


def test_yesterdays_messages_are_read_today() -> None:
    """Recorded in their first form, with nothing but what was required then."""
    first_reading = {"sequence": 1, "origin": "measured", "value": 2.0, "worst": 2.0}
    readings = decoded(ReadingsArrived, {"readings": {"network.mbps-per-student": first_reading}})
    assert isinstance(readings, ReadingsArrived)
    assert readings.readings["network.mbps-per-student"].value == 2.0
    decoded(StopRollout, {"act_id": "act-0001", "reason": "program-over"})
    who = {
        "actor_id": "actor-1", "role": "principal", "roster_version": 1,
        "scope": {"kind": "school", "id": context_of().school_id},
    }  # fmt: skip
    act = decoded(
        messages.Act, {"command": {"kind": "give-sign-off", "act_id": "act-0001", "actor": who, "gate": "G0"}}
    )
    assert isinstance(act, messages.Act)
    assert isinstance(act.command, GiveSignOff)


def test_a_state_of_the_first_form_is_carried_on() -> None:
    """Fields that came later have defaults: a school that continues as new under new code loses nothing."""
    full = json.loads(state().model_dump_json())
    needed = ("program_id", "school_id", "rehearsal", "policy", "seen_at")
    found = decoded(RolloutState, {key: full[key] for key in needed})
    assert isinstance(found, RolloutState)
    assert found.picture.phase is Phase.CHARTER


def test_an_input_that_holds_nothing_is_refused_with_the_next_step() -> None:
    with pytest.raises(ValueError, match="firstbell program start"):
        messages.RolloutInput().read()


def test_facts_packed_by_nobody_of_ours_are_refused() -> None:
    with pytest.raises(ValueError, match="expected deflated JSON"):
        _ = activities.FactBatch(packed="bm90IGRlZmxhdGVk").facts


def test_a_programs_input_that_holds_nothing_is_refused_with_the_next_step() -> None:
    with pytest.raises(ValueError, match="firstbell program start --waves"):
        program_messages.ProgramInput().read()
