"""How waivers and overrides enter and leave the picture. Called by `policy/picture.py` for their facts only."""

from typing import assert_never

from schemas.decision import Override
from schemas.fact import Picture
from schemas.school import GateId, Phase
from schemas.waiver import (
    OverrideConfirmed,
    OverrideLapsed,
    OverrideProposed,
    WaiverEnded,
    WaiverGranted,
    WaiverProposed,
    WaiverReminded,
    WaiverRevoked,
)

Excepting = (
    WaiverProposed | WaiverGranted | WaiverRevoked | WaiverReminded | WaiverEnded
    | OverrideProposed | OverrideConfirmed | OverrideLapsed
)  # fmt: skip
"""The facts this file folds."""
Change = dict[str, object]


def fold_exception(picture: Picture, body: Excepting) -> Change:
    """What one of these facts changes in the picture."""
    match body:
        case WaiverProposed(proposal=proposal):
            return {"waiver_proposals": {**picture.waiver_proposals, proposal.waiver_id: proposal}}
        case WaiverGranted(waiver=waiver):
            proposals = {key: each for key, each in picture.waiver_proposals.items() if key != waiver.waiver_id}
            return {"waiver_proposals": proposals, "waivers": {**picture.waivers, waiver.waiver_id: waiver}}
        case WaiverReminded():
            return {"waivers_reminded": (*picture.waivers_reminded, body.waiver_id)}
        case WaiverRevoked() | WaiverEnded():
            return {
                "waiver_proposals": {k: each for k, each in picture.waiver_proposals.items() if k != body.waiver_id},
                "waivers": {key: each for key, each in picture.waivers.items() if key != body.waiver_id},
                "waivers_reminded": tuple(each for each in picture.waivers_reminded if each != body.waiver_id),
            }
        case OverrideProposed() | OverrideConfirmed():
            return {"overrides": {**picture.overrides, body.override.override_id: body.override}}
        case OverrideLapsed():
            return {"overrides": {key: each for key, each in picture.overrides.items() if key != body.override_id}}
        case _:
            assert_never(body)


def left_behind(picture: Picture, opening: Phase) -> Change:
    """What a phase that opens leaves: waivers to their end, overrides of earlier gates; nothing proposed for the old."""
    return {
        "waiver_proposals": {
            key: each for key, each in picture.waiver_proposals.items() if each.gate is not picture.phase.gate
        },
        "overrides": {k: each for k, each in picture.overrides.items() if _kept(each, opening)},
    }


def _kept(override: Override, opening: Phase) -> bool:
    """An override serves one attempt: it outlives its gate's opening, not its phase's return."""
    order = list(GateId)
    return override.confirmed_at is not None and order.index(override.gate) < order.index(opening.gate)
