"""What guards' facts add up to. Called by picture.py alone."""

from typing import assert_never

from schemas.fact import Fact, Picture
from schemas.guard import GuardWatch, Relapse
from schemas.regress import FixRecorded, GuardChanged, GuardFact, PhaseRegressed, RootCauseRecorded

Change = dict[str, object]


def fold_guard(picture: Picture, fact: Fact, body: GuardFact) -> Change:
    """The fields that one of them changes."""
    match body:
        case GuardChanged():
            others = {gate: watch for gate, watch in picture.guards.items() if gate is not body.gate}
            watch = GuardWatch(
                stage=body.stage, since=body.since, clear_since=body.clear_since, criterion_ids=body.criterion_ids
            )
            return {"guards": others if body.over else {**others, body.gate: watch}}
        case PhaseRegressed():
            shut = [gate for gate in picture.opened if gate.phase is body.back_to]
            opened = tuple(gate for gate in picture.opened if gate not in shut)
            return {
                "opened": opened,
                "guards": {
                    gate: watch.model_copy(update={"stage": None, "since": fact.occurred_at})
                    for gate, watch in picture.guards.items()
                    if gate in opened
                },  # one step back is one contradiction's worth: the next takes its own days
                "questioned": {gate: ids for gate, ids in picture.questioned.items() if gate in opened},
                "relapse": Relapse(
                    gate=body.gate, phase=body.back_to, regressed_at=fact.occurred_at,
                    stops_handouts=body.stops_handouts, second_chance=body.second_chance,
                ),
            }  # fmt: skip
        case RootCauseRecorded():
            return {"relapse": picture.relapse and picture.relapse.model_copy(update={"root_cause": body.cause})}
        case FixRecorded():
            fixes = (*picture.relapse.fixes, body.fix) if picture.relapse else ()
            return {"relapse": picture.relapse and picture.relapse.model_copy(update={"fixes": fixes})}
        case _:
            assert_never(body)
