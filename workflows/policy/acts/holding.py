"""The acts of holding a school where it is, and of letting it go."""

from datetime import datetime

from schemas.decision import HoldKind
from schemas.fact import HoldAdded, HoldReleased
from schemas.message import AddHold, CommandReply, ReleaseHold
from workflows.policy.acts.refusal import refuse
from workflows.policy.ledger import Ledger
from workflows.policy.people import covers, may_lift
from workflows.policy.state import RolloutState

ROBOT = "actor-robot"
"""How a robot's actor id begins: its holds are its own, and shown as such."""


RESERVED = ("guard-", "escalation-", "advisory-")
"""How the ids of holds begin that the policy places itself."""
KEPT_MAX = 20
"""Holds by persons and robots that a school carries at once. Our judgement, 2026-11-25."""


def _spoken_for(state: RolloutState) -> set[str]:
    """Ids under which the policy may place holds of its own."""
    picture = state.picture
    return {*picture.waivers, *picture.waiver_proposals, *(each.advisory_id for each in state.advisories)}


def check_add(state: RolloutState, command: AddHold, now: datetime) -> CommandReply | None:
    """Whether this hold may be placed."""
    hold = command.hold
    if hold.hold_id.startswith(RESERVED) or hold.hold_id in _spoken_for(state):
        return refuse(
            command, "hold-id-reserved", "an id of its own", hold.hold_id,
            "choose an id that no guard, escalation, waiver or advisory has",
        )  # fmt: skip
    if sum(each.kind in (HoldKind.PERSON, HoldKind.ROBOT) for each in state.picture.holds.values()) >= KEPT_MAX:
        return refuse(
            command, "too-many-holds", f"at most {KEPT_MAX} at a time", str(len(state.picture.holds)),
            "lift holds whose reason is gone",
        )  # fmt: skip
    if hold.hold_id in state.picture.holds:
        return refuse(command, "hold-exists", "a new hold id", hold.hold_id, "choose another id")
    owner = HoldKind.ROBOT if command.actor.actor_id.startswith(ROBOT) else HoldKind.PERSON
    if hold.kind is not owner:
        what = "not-a-persons-hold" if owner is HoldKind.PERSON else "not-a-robots-hold"
        return refuse(command, what, owner.value, hold.kind.value, f"place it as a {owner.value}'s hold")
    if hold.advisory_version is not None or hold.gate is not None or hold.emergency:
        return refuse(
            command, "hold-of-this-school-only", "a hold of this school alone", "one of an advisory or of the policy",
            "publish it over its scope: `firstbell hold add --district`, or `firstbell advisory publish`",
        )  # fmt: skip
    if not covers(hold.scope, state.context, state.school_id, state.program_id):
        return refuse(
            command, "hold-misses-school", f"a scope that holds school {state.school_id}",
            f"{hold.scope.kind.value} {hold.scope.id}", "give the hold a scope that holds the school",
        )  # fmt: skip
    if hold.expires_at is not None and hold.expires_at <= now:
        return refuse(
            command, "hold-already-over", f"an end after {now.isoformat()}", hold.expires_at.isoformat(),
            "give the hold a later end, or none",
        )  # fmt: skip
    return None


def add(ledger: Ledger, command: AddHold) -> None:
    """Places the hold, as of now and by this actor."""
    placed = {"placed_at": ledger.now, "placed_by": command.actor}
    ledger.write(HoldAdded(hold=command.hold.model_copy(update=placed)))


def check_release(state: RolloutState, command: ReleaseHold) -> CommandReply | None:
    """Whether this actor may lift this hold."""
    hold = state.picture.holds.get(command.hold_id)
    if hold is None:
        known = ", ".join(sorted(state.picture.holds)) or "no hold"
        return refuse(command, "unknown-hold", known, command.hold_id, "name a hold that stands")
    if hold.advisory_version is not None:
        return refuse(
            command, "hold-of-an-advisory", "a hold of this school alone", f"{hold.hold_id}, which stands over its scope",
            "let the school pass with `firstbell hold bypass`, or withdraw it with `firstbell hold withdraw`",
        )  # fmt: skip
    if not may_lift(command.actor.role, hold.lifted_by):
        return refuse(
            command, "role-may-not-lift", f"{hold.lifted_by.value}, or a role above it", command.actor.role.value,
            f"ask the {hold.lifted_by.value} to lift it",
        )  # fmt: skip
    return None


def release(ledger: Ledger, command: ReleaseHold) -> None:
    """Lifts the hold."""
    ledger.write(HoldReleased(hold_id=command.hold_id, cause="lifted", actor=command.actor))
