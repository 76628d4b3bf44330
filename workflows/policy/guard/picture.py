"""What guards' facts add up to. Called by `policy/picture.py` alone."""

from typing import assert_never

from schemas.fact import Fact, Picture
from schemas.guard import GuardWatch, Relapse
from schemas.regress import FixRecorded, GuardChanged, GuardFact, PhaseRegressed, RootCauseRecorded
from schemas.school import Phase

Change = dict[str, object]


def _relapse(before: Relapse | None, fact: Fact, body: PhaseRegressed) -> Relapse:
    """A further step back forgives nothing: what was owed stays owed, until the later phase is passed again."""
    order = list(Phase)
    phase = body.back_to if before is None else max(before.phase, body.back_to, key=order.index)
    return Relapse(
        gate=body.gate, phase=phase, regressed_at=fact.occurred_at,
        stops_handouts=body.stops_handouts or (before is not None and before.stops_handouts),
        second_chance=body.second_chance or (before is not None and before.second_chance),
    )  # fmt: skip


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
                "relapse": _relapse(picture.relapse, fact, body),
            }
        case RootCauseRecorded():
            return {"relapse": picture.relapse and picture.relapse.model_copy(update={"root_cause": body.cause})}
        case FixRecorded():
            fixes = (*picture.relapse.fixes, body.fix) if picture.relapse else ()
            return {"relapse": picture.relapse and picture.relapse.model_copy(update={"fixes": fixes})}
        case _:
            assert_never(body)
