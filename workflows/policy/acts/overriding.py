"""The acts of overriding: one person proposes, a second one confirms within a limit. Nobody overrides alone.

An override names exact criteria of the gate the school stands at; every other criterion, and every hold, still counts.
"""

from datetime import datetime

from schemas.decision import Override
from schemas.gate import DefectCount
from schemas.message import CommandReply
from schemas.school import GateId, Role
from schemas.waiver import ConfirmOverride, OverrideConfirmed, OverrideGate, OverrideProposed
from workflows.policy.acts.refusal import approver_may_not_propose, not_current, refuse
from workflows.policy.exceptions import floor
from workflows.policy.exceptions.overrides import confirm_by
from workflows.policy.exceptions.waiving import counting
from workflows.policy.ledger import Ledger
from workflows.policy.people import persons
from workflows.policy.state import RolloutState

KEPT_MAX = 20
"""Overrides a school carries at once. Our judgement, 2026-11-25."""


def check_propose(state: RolloutState, command: OverrideGate) -> CommandReply | None:
    """Whether this role may propose to override these criteria."""
    refusal = not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    if len(state.picture.overrides) >= KEPT_MAX:
        return refuse(
            command, "too-many-overrides", f"at most {KEPT_MAX}", str(len(state.picture.overrides)),
            "stop: a school that needs so many is not ready",
        )  # fmt: skip
    approver = approver_may_not_propose(state, command)
    if approver is not None:
        return approver
    criteria = floor.named(state.policy.gates[command.gate], command.criterion_ids)
    if isinstance(criteria, floor.Barred):
        return refuse(command, criteria.rule, criteria.expected, criteria.seen, criteria.next_step)
    limits = state.policy.exceptions.waivers.floor
    barred = next((each for one in criteria if (each := floor.never(one, limits)) is not None), None)
    if barred is not None:
        return refuse(command, barred.rule, barred.expected, barred.seen, barred.next_step)
    allowed = _allowed(state, command.criterion_ids, command.gate)
    if command.actor.role not in allowed:
        return refuse(
            command, "role-may-not-override", f"one of {_names(allowed)}", command.actor.role.value,
            "take it to the state's rollout director",
        )  # fmt: skip
    return None


def propose(ledger: Ledger, command: OverrideGate) -> None:
    """Records the first person's word; nothing passes by it."""
    ledger.write(
        OverrideProposed(
            override=Override(
                override_id=command.act_id, gate=command.gate, attempt=ledger.state.picture.attempt,
                criterion_ids=command.criterion_ids, reason=command.reason, sponsor=command.sponsor,
                proposed_by=command.actor, proposed_at=ledger.now, note_id=command.note_id,
            )
        )
    )  # fmt: skip


def check_confirm(state: RolloutState, command: ConfirmOverride, now: datetime) -> CommandReply | None:
    """Whether this is a second person, of a role that may, in time."""
    override = state.picture.overrides.get(command.override_id)
    if override is None or override.confirmed_at is not None:
        waiting = [key for key, each in sorted(state.picture.overrides.items()) if each.confirmed_at is None]
        return refuse(
            command, "unknown-override", "an override that waits for its second person",
            f"{command.override_id}, of {', '.join(waiting) or 'none'}", "see `firstbell gate overrides`",
        )  # fmt: skip
    refusal = not_current(state, command, override.gate)
    if refusal is not None:
        return refusal
    if persons(command.actor) & persons(override.proposed_by):
        return refuse(
            command, "one-person-may-not-override", "a second person, acting for nobody who proposed it",
            command.actor.actor_id, "ask another person to confirm",
        )  # fmt: skip
    allowed = _allowed(state, override.criterion_ids, override.gate)
    if command.actor.role not in allowed:
        return refuse(
            command, "role-may-not-override", f"one of {_names(allowed)}", command.actor.role.value,
            "ask a person in one of these roles",
        )  # fmt: skip
    lead = _lead(state, override.criterion_ids, override.gate)
    if lead not in (command.actor.role, override.proposed_by.role):
        return refuse(
            command, "lead-missing", f"a {lead.value} among the two",
            f"{override.proposed_by.role.value} and {command.actor.role.value}", f"ask the {lead.value} to confirm",
        )  # fmt: skip
    limit = confirm_by(override, state.policy.exceptions.overrides.confirm_days, counting(state))
    if now >= limit:
        return refuse(
            command, "confirmed-too-late", f"before {limit:%Y-%m-%d %H:%M} UTC", f"{now:%Y-%m-%d %H:%M} UTC",
            "propose it anew",
        )  # fmt: skip
    return None


def confirm(ledger: Ledger, command: ConfirmOverride) -> None:
    """Records the second person's word: the named criteria are overridden from now."""
    override = ledger.state.picture.overrides[command.override_id]
    confirmed = {"confirmed_by": command.actor, "confirmed_at": ledger.now}
    ledger.write(OverrideConfirmed(override=override.model_copy(update=confirmed)))


def _critical(state: RolloutState, criterion_ids: tuple[str, ...], gate: GateId) -> bool:
    return any(isinstance(each, DefectCount) for each in state.policy.gates[gate].criteria if each.id in criterion_ids)


def _lead(state: RolloutState, criterion_ids: tuple[str, ...], gate: GateId) -> Role:
    """Critical defects are the state director's, whatever the policy says."""
    critical = _critical(state, criterion_ids, gate)
    return Role.STATE_DIRECTOR if critical else state.policy.exceptions.overrides.lead


def _allowed(state: RolloutState, criterion_ids: tuple[str, ...], gate: GateId) -> tuple[Role, ...]:
    rules = state.policy.exceptions.overrides
    critical = _critical(state, criterion_ids, gate)
    others = (rules.critical_roles if critical else ()) or rules.roles
    return tuple(dict.fromkeys((_lead(state, criterion_ids, gate), *others)))


def _names(roles: tuple[Role, ...]) -> str:
    return ", ".join(role.value for role in roles)
