"""Facts of waivers and overrides as sentences. Called by history.py only; nothing is stored of what is said here."""

from collections.abc import Sequence
from typing import assert_never

from schemas.school import Actor
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
from workflows.policy.exceptions.picture import Excepting

_FOLLOWS = {
    "none": "",
    "hold": "; the gate had opened on it, and the school is held until the criterion passes",
    "regress": "; the gate had opened on it, and it is left to the gate's guard",
}


def tell_exception(body: Excepting) -> str:
    """The sentence of one of these facts. A waived or overridden criterion is never called met."""
    match body:
        case WaiverProposed(proposal=asked):
            return (
                f"{who(asked.proposed_by)} proposed waiver {asked.waiver_id} of {_names(asked.criterion_ids)} at "
                f"{asked.gate.value}: {asked.category}, instead {asked.compensating_control}, reason {asked.reason}"
            )
        case WaiverGranted(waiver=given):
            gate = f" at {given.gate.value}" if given.gate else ""
            return (
                f"{who(given.granted_by)} granted waiver {given.waiver_id} of {_names(given.criterion_ids)}{gate} until "
                f"{given.expires_at:%Y-%m-%d %H:%M} UTC: {given.category}, instead {given.compensating_control}"
            )
        case WaiverRevoked():
            what = "waiver" if body.granted else "the proposed waiver"
            return f"{who(body.actor)} ended {what} {body.waiver_id}, reason {body.reason}{_FOLLOWS[body.consequence]}"
        case WaiverReminded():
            return (
                f"waiver {body.waiver_id} of {_names(body.criterion_ids)} is about to end, at "
                f"{body.expires_at:%Y-%m-%d %H:%M} UTC"
            )
        case WaiverEnded():
            failing = f"; {_names(body.failing)} does not pass" if body.failing else ""
            again = f"waiver {body.waiver_id} ended: {_names(body.criterion_ids)} holds again"
            return again + failing + _FOLLOWS[body.consequence]
        case OverrideProposed(override=asked):
            return (
                f"{who(asked.proposed_by)} proposed override {asked.override_id} of {_names(asked.criterion_ids)} at "
                f"{asked.gate.value}, reason {asked.reason}, for the {asked.sponsor.value}; a second person must confirm"
            )
        case OverrideConfirmed(override=given):
            second = who(given.confirmed_by) if given.confirmed_by else "nobody"
            return (
                f"{second} confirmed override {given.override_id} of {_names(given.criterion_ids)} at "
                f"{given.gate.value}, proposed by {who(given.proposed_by)}, reason {given.reason}"
            )
        case OverrideLapsed():
            return f"override {body.override_id} is void: no second person confirmed it in time"
        case _:
            assert_never(body)


def who(actor: Actor) -> str:
    """A person as a sentence names them: role, id, for whom, and that nothing proves it."""
    delegate = f" for {actor.acting_for}" if actor.acting_for else ""
    asserted = ", asserted" if actor.asserted else ""
    return f"{actor.role.value} {actor.actor_id}{delegate}{asserted}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)
