"""Waivers and overrides as people propose, grant and end them: commands for message.py, facts for fact.py.

What `evaluate` reads of them (`Waiver`, `Override`) is in decision.py, since decision records carry it. We waive a
criterion, never a gate; an override bypasses exactly what it names.
"""

from typing import Literal

from pydantic import Field

from schemas.decision import ActId, Override, Waiver
from schemas.gate import CriterionId
from schemas.model import Code, Instant, Kinded, Tolerant
from schemas.school import Actor, GateId, Role, Scope


class WaiverProposal(Tolerant):
    """A waiver somebody asks for; nothing passes by it until somebody else, above the gate's approver, grants it."""

    waiver_id: ActId
    """Of the act that proposed it, and of the waiver it becomes."""
    gate: GateId
    criterion_ids: tuple[CriterionId, ...] = Field(min_length=1, max_length=20)
    scope: Scope
    category: Literal["waived", "mitigated"]
    compensating_control: Code
    reason: Code
    note_id: ActId | None = None
    """None: no note. The note itself stays in restricted tables."""
    proposed_by: Actor
    proposed_at: Instant
    expires_at: Instant | None = None
    """None: the policy's default, counted from the grant."""


class ProposeWaiver(Kinded, Tolerant):
    """Update: somebody asks to pass without exact criteria of the current gate. The waiver's id is the act's."""

    kind: Literal["propose-waiver"] = "propose-waiver"
    act_id: ActId
    actor: Actor
    gate: GateId
    criterion_ids: tuple[CriterionId, ...] = Field(min_length=1, max_length=20)
    scope: Scope
    category: Literal["waived", "mitigated"]
    compensating_control: Code
    reason: Code
    note_id: ActId | None = None
    expires_at: Instant | None = None
    """None: the policy's default, counted from the grant."""


class GrantWaiver(Kinded, Tolerant):
    """Update: a role above the gate's approver grants what another person proposed."""

    kind: Literal["grant-waiver"] = "grant-waiver"
    act_id: ActId
    actor: Actor
    waiver_id: ActId
    expires_at: Instant | None = None
    """None: as proposed, else the policy's default."""


class RevokeWaiver(Kinded, Tolerant):
    """Update: a waiver ends before its time, or a proposal is turned down."""

    kind: Literal["revoke-waiver"] = "revoke-waiver"
    act_id: ActId
    actor: Actor
    waiver_id: ActId
    reason: Code


class OverrideGate(Kinded, Tolerant):
    """Update: the first of two people proposes to pass exact criteria of the current gate over the evidence."""

    kind: Literal["override-gate"] = "override-gate"
    act_id: ActId
    actor: Actor
    gate: GateId
    criterion_ids: tuple[CriterionId, ...] = Field(min_length=1, max_length=20)
    reason: Code
    sponsor: Role
    """The role for whose sake it is done; public in the register."""
    note_id: ActId | None = None


class ConfirmOverride(Kinded, Tolerant):
    """Update: the second of two people confirms; only now is anything passed."""

    kind: Literal["confirm-override"] = "confirm-override"
    act_id: ActId
    actor: Actor
    override_id: ActId


class WaiverProposed(Kinded, Tolerant):
    """Somebody asked for a waiver."""

    kind: Literal["waiver-proposed"] = "waiver-proposed"
    proposal: WaiverProposal


class WaiverGranted(Kinded, Tolerant):
    """A criterion may be passed without, until the waiver's end."""

    kind: Literal["waiver-granted"] = "waiver-granted"
    waiver: Waiver


class WaiverRevoked(Kinded, Tolerant):
    """A waiver ended before its time, or a proposal was turned down."""

    kind: Literal["waiver-revoked"] = "waiver-revoked"
    waiver_id: ActId
    actor: Actor
    reason: Code
    gate: GateId | None = None
    """None: the waiver named no gate."""
    criterion_ids: tuple[CriterionId, ...] = ()
    granted: bool = True
    """False: it was only proposed."""
    consequence: Literal["none", "hold", "regress"] = "none"
    """What follows at a gate that opened on it; as in `WaiverEnded`."""


class WaiverReminded(Kinded, Tolerant):
    """People were told that a waiver is about to end."""

    kind: Literal["waiver-reminded"] = "waiver-reminded"
    waiver_id: ActId
    gate: GateId | None = None
    """None: the waiver names no gate."""
    criterion_ids: tuple[CriterionId, ...]
    expires_at: Instant
    tells: tuple[Role, ...] = ()
    """Who is told. Empty: the policy's waiver ladder tells its own."""


class WaiverEnded(Kinded, Tolerant):
    """A waiver reached its end: its criterion holds again."""

    kind: Literal["waiver-ended"] = "waiver-ended"
    waiver_id: ActId
    gate: GateId | None = None
    """None: the waiver named no gate."""
    criterion_ids: tuple[CriterionId, ...]
    failing: tuple[CriterionId, ...] = ()
    """Of an opened gate: those that do not pass now."""
    consequence: Literal["none", "hold", "regress"] = "none"
    """What the policy wants for an opened gate whose criterion fails. `none`: not opened yet, or it passes."""


class OverrideProposed(Kinded, Tolerant):
    """The first of two people asked for an override."""

    kind: Literal["override-proposed"] = "override-proposed"
    override: Override


class OverrideConfirmed(Kinded, Tolerant):
    """The second person confirmed: the named criteria are overridden."""

    kind: Literal["override-confirmed"] = "override-confirmed"
    override: Override


class OverrideLapsed(Kinded, Tolerant):
    """An override that nobody confirmed in time is void."""

    kind: Literal["override-lapsed"] = "override-lapsed"
    override_id: ActId
    cause: Literal["not-confirmed"]
