"""Guards as sentences: what evidence says against opened gates. Called by why.py and history.py; it stores nothing."""

from typing import assert_never

from schemas.fact import Picture
from schemas.guard import GuardStage
from schemas.regress import FixRecorded, GuardChanged, GuardFact, PhaseRegressed, RootCauseRecorded
from services.console.exceptions import who

_FAR = {None: "not warned yet", GuardStage.WARNED: "a warning", GuardStage.HELD: "the school is held"}


def tell_guards(picture: Picture) -> tuple[str, ...]:
    """One sentence for each opened gate that is contradicted, or was until lately."""
    return tuple(
        f"{gate.value} has been contradicted since {watch.since:%Y-%m-%d %H:%M} UTC by {', '.join(watch.criterion_ids)}: "
        f"{_FAR[watch.stage]}"
        + (f"; nothing contradicts it since {watch.clear_since:%Y-%m-%d %H:%M} UTC" if watch.clear_since else "")
        for gate, watch in sorted(picture.guards.items())
    )


def tell_guard(body: GuardFact) -> str:
    """The sentence of a guard's fact."""
    match body:
        case GuardChanged():
            if body.over:
                return f"the guard of {body.gate.value} is at peace again"
            names = ", ".join(body.criterion_ids)
            if body.clear_since is not None:
                return f"nothing contradicts {body.gate.value} any more; its guard waits whether it stays so"
            return f"{names} contradicts {body.gate.value}, which is open: {_FAR[body.stage]}"
        case PhaseRegressed():
            names = ", ".join(body.criterion_ids)
            stop = "; nothing more is handed out" if body.stops_handouts else ""
            return f"taken back to {body.back_to.value}: {names} contradicted {body.gate.value} for too long{stop}"
        case RootCauseRecorded():
            return f"{who(body.actor)} recorded the root cause: {body.cause}"
        case FixRecorded():
            return f"{who(body.actor)} recorded a visible fix: {body.fix}"
        case _:
            assert_never(body)
