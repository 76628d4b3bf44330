"""The acts of waiving: one person proposes, another one above the gate's approver grants, a waiver is revoked.

A waiver names exact criteria of the gate the school stands at, or of one that opened and must stay so; never the gate.
Each refusal names its rule.
"""

from datetime import datetime, timedelta

from schemas.decision import Waiver
from schemas.message import CommandReply
from schemas.school import GateId, ScopeKind
from schemas.waiver import (
    GrantWaiver,
    ProposeWaiver,
    RevokeWaiver,
    WaiverGranted,
    WaiverProposal,
    WaiverProposed,
    WaiverRevoked,
)
from workflows.policy.acts.refusal import approver_may_not_propose, not_current, refuse
from workflows.policy.exceptions import floor
from workflows.policy.exceptions.waiving import consequence_of, failing_without, follow
from workflows.policy.ledger import Ledger
from workflows.policy.people import RANK, above, covers, may_lift, persons
from workflows.policy.state import RolloutState

KEPT_MAX = 20
"""Waivers and proposals a school carries at once, each. Our judgement, 2026-11-25."""


def check_propose(state: RolloutState, command: ProposeWaiver, now: datetime) -> CommandReply | None:
    """Whether these criteria may be waived at all, for so long, in this scope."""
    picture = state.picture
    refusal = None if command.gate in picture.opened else not_current(state, command, command.gate)
    if refusal is not None:
        return refusal
    if len(picture.waiver_proposals) >= KEPT_MAX or len(picture.waivers) >= KEPT_MAX:
        return refuse(
            command, "too-many-waivers", f"at most {KEPT_MAX}", f"{len(picture.waivers)} waivers, "
            f"{len(picture.waiver_proposals)} proposals", "revoke what is no longer needed",
        )  # fmt: skip
    if command.scope.kind not in (ScopeKind.SCHOOL, ScopeKind.DISTRICT):
        return refuse(
            command, "waiver-scope", "a school or its district", command.scope.kind.value, "narrow the waiver's scope"
        )
    if not covers(command.scope, state.context):
        return refuse(
            command, "waiver-misses-school", f"a scope that holds school {state.school_id}",
            f"{command.scope.kind.value} {command.scope.id}", "give the waiver a scope that holds the school",
        )  # fmt: skip
    if command.act_id in picture.holds:  # the hold that follows a waiver's end has the waiver's id
        return refuse(
            command, "waiver-id-taken", "an id that no hold has", command.act_id, "propose it under another --id"
        )
    return (
        approver_may_not_propose(state, command)
        or _barred(state, command, command.gate, command.criterion_ids)
        or _too_long(state, command, command.expires_at, now)
    )


def propose(ledger: Ledger, command: ProposeWaiver) -> None:
    """Records the proposal; nothing passes by it."""
    ledger.write(
        WaiverProposed(
            proposal=WaiverProposal(
                waiver_id=command.act_id, gate=command.gate, criterion_ids=command.criterion_ids, scope=command.scope,
                category=command.category, compensating_control=command.compensating_control, reason=command.reason,
                note_id=command.note_id, proposed_by=command.actor, proposed_at=ledger.now,
                expires_at=command.expires_at,
            )
        )
    )  # fmt: skip


def check_grant(state: RolloutState, command: GrantWaiver, now: datetime) -> CommandReply | None:
    """Whether this person may grant this proposal: above the gate's approver, and not the one it is for."""
    proposal = state.picture.waiver_proposals.get(command.waiver_id)
    if proposal is None:
        return _unknown(state, command, "a proposal that stands")
    refusal = None if proposal.gate in state.picture.opened else not_current(state, command, proposal.gate)
    if refusal is not None:
        return refusal
    actor, approver = command.actor, state.policy.gates[proposal.gate].approver
    if not above(actor.role, approver):
        higher = [role.value for role in RANK if above(role, approver)]
        return refuse(
            command, "role-not-above-approver", f"a role above the gate's approver, the {approver.value}",
            actor.role.value, f"ask one of {', '.join(higher)}" if higher else "two people may override instead",
        )  # fmt: skip
    if persons(actor) & persons(proposal.proposed_by):
        return refuse(
            command, "proposer-may-not-grant", "a person other than the one who proposed it", actor.actor_id,
            "ask another person in such a role",
        )  # fmt: skip
    signers = [each.actor for each in state.picture.sign_offs.values() if each.gate is proposal.gate]
    if any(persons(actor) & persons(signer) for signer in signers):
        return refuse(
            command, "signer-may-not-grant", "a person who has signed nothing at this gate", actor.actor_id,
            "ask another person in such a role",
        )  # fmt: skip
    if proposal.scope.kind is ScopeKind.DISTRICT and actor.scope.kind is ScopeKind.SCHOOL:
        return refuse(
            command, "scope-narrower-than-waiver", "a role of the district or the state",
            f"{actor.role.value} of {actor.scope.kind.value} {actor.scope.id}", "ask the district or the state",
        )  # fmt: skip
    return _barred(state, command, proposal.gate, proposal.criterion_ids, granted=True) or _too_long(
        state, command, _ends_at(state, command, proposal, now), now
    )


def _ends_at(state: RolloutState, command: GrantWaiver, proposal: WaiverProposal, now: datetime) -> datetime:
    """As granted, as proposed, or as the policy has it."""
    days = state.policy.exceptions.waivers.default_days
    return command.expires_at or proposal.expires_at or now + timedelta(days=days)


def grant(ledger: Ledger, command: GrantWaiver) -> None:
    """Makes the proposal a waiver, from now until its end."""
    proposal = ledger.state.picture.waiver_proposals[command.waiver_id]
    ledger.write(
        WaiverGranted(
            waiver=Waiver(
                waiver_id=proposal.waiver_id, criterion_ids=proposal.criterion_ids, scope=proposal.scope,
                category=proposal.category, compensating_control=proposal.compensating_control,
                reason=proposal.reason, granted_by=command.actor, granted_at=ledger.now,
                expires_at=_ends_at(ledger.state, command, proposal, ledger.now),
                gate=proposal.gate, proposed_by=proposal.proposed_by, note_id=proposal.note_id,
            )
        )
    )  # fmt: skip


def check_revoke(state: RolloutState, command: RevokeWaiver) -> CommandReply | None:
    """Whether this person may end it: the granter's role or above; a proposal also by its proposer."""
    waiver, proposal = (
        state.picture.waivers.get(command.waiver_id),
        state.picture.waiver_proposals.get(command.waiver_id),
    )
    if waiver is not None and not may_lift(command.actor.role, waiver.granted_by.role):
        return refuse(
            command, "role-may-not-revoke", f"{waiver.granted_by.role.value}, or a role above it",
            command.actor.role.value, f"ask the {waiver.granted_by.role.value}",
        )  # fmt: skip
    if waiver is not None:
        return None
    if proposal is None:
        return _unknown(state, command, "a waiver or a proposal that stands")
    approver = state.policy.gates[proposal.gate].approver
    if persons(command.actor) & persons(proposal.proposed_by) or above(command.actor.role, approver):
        return None
    return refuse(
        command, "role-may-not-revoke", f"its proposer, or a role above the {approver.value}",
        command.actor.role.value, "let the proposer withdraw it",
    )  # fmt: skip


def revoke(ledger: Ledger, command: RevokeWaiver) -> None:
    """Ends it now; a gate that opened on it is treated as at its end."""
    waiver = ledger.state.picture.waivers.get(command.waiver_id)
    proposal = ledger.state.picture.waiver_proposals.get(command.waiver_id)
    failing = {} if waiver is None else failing_without(ledger.state, command.waiver_id, waiver, ledger.now)
    about = waiver or proposal
    assert about is not None  # checked
    ledger.write(
        WaiverRevoked(
            waiver_id=command.waiver_id, actor=command.actor, reason=command.reason, gate=about.gate,
            criterion_ids=about.criterion_ids, granted=waiver is not None,
            consequence=consequence_of(ledger.state, failing),
        )
    )  # fmt: skip
    if waiver is not None:
        follow(ledger, waiver, failing)


def _unknown(state: RolloutState, command: GrantWaiver | RevokeWaiver, expected: str) -> CommandReply:
    known = ", ".join(sorted({*state.picture.waiver_proposals, *state.picture.waivers})) or "none"
    return refuse(
        command, "unknown-waiver", expected, f"{command.waiver_id}, of {known}", "see `firstbell waiver list`"
    )


def _barred(
    state: RolloutState, command: ProposeWaiver | GrantWaiver, gate: GateId, criterion_ids: tuple[str, ...],
    *, granted: bool = False,
) -> CommandReply | None:  # fmt: skip
    """The floor, under the proposal and again under the grant: the policy may have moved between them."""
    criteria = floor.named(state.policy.gates[gate], criterion_ids)
    found = criteria if isinstance(criteria, floor.Barred) else None
    if not isinstance(criteria, floor.Barred):
        limits, role = state.policy.exceptions.waivers.floor, command.actor.role if granted else None
        found = next((each for one in criteria if (each := floor.waivable(one, limits, role)) is not None), None)
    return None if found is None else refuse(command, found.rule, found.expected, found.seen, found.next_step)


def _too_long(
    state: RolloutState, command: ProposeWaiver | GrantWaiver, expires_at: datetime | None, now: datetime
) -> CommandReply | None:
    rules = state.policy.exceptions.waivers
    if expires_at is None:
        return None
    latest = now + timedelta(days=rules.maximum_days)
    if now < expires_at <= latest:
        return None
    return refuse(
        command, "waiver-too-long" if expires_at > latest else "waiver-already-over",
        f"an end after now and at most {rules.maximum_days} days from it", expires_at.isoformat(),
        f"name an end until {latest:%Y-%m-%d %H:%M} UTC",
    )  # fmt: skip
