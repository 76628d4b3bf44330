"""The one state of one school in one program, and what a step makes of it. Held by the Temporal shell.

It is carried through continue-as-new, so it only grows, each new field with a default, and it is kept small.
"""

from dataclasses import dataclass
from typing import assert_never

from pydantic import Field

from schemas.advisory import Advisory
from schemas.approval import WithdrawApproval
from schemas.calendar import Calendar
from schemas.decision import ActId, EvidenceItem, GateInputs, Waiver
from schemas.document import ApproveDocument, FileDocument
from schemas.escalation import IncidentId
from schemas.fact import Fact, Picture
from schemas.gate import SchoolPolicy
from schemas.message import (
    AcknowledgeEscalation,
    ActOnEscalation,
    AddHold,
    AnswerAsk,
    CloseWorkItem,
    Command,
    CommandReply,
    GiveSignOff,
    IncidentChanged,
    OpenWorkItem,
    ReleaseHold,
)
from schemas.migration import MigratePolicy
from schemas.model import Digest, Instant, Tolerant
from schemas.readiness import SignalName
from schemas.regress import RecordFix, RecordRootCause
from schemas.school import GateId, ProgramId, SchoolContext, SchoolId
from schemas.trust import AdvanceByHand
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver, RevokeWaiver
from workflows.policy.documents import on_file
from workflows.policy.evaluate import signals_of
from workflows.policy.people import signed

ACTS_KEPT = 200
"""Command ids remembered, so that a repeat is told what happened. Our judgement, 2026-11-23."""

INCIDENTS_KEPT = 20
"""Incidents remembered, open ones first, so that an old word cannot undo a new one. Our judgement, 2026-11-25."""


class RolloutState(Tolerant):
    """Everything `advance` needs besides the message and the time."""

    program_id: ProgramId
    school_id: SchoolId
    rehearsal: bool
    policy: SchoolPolicy
    context: SchoolContext | None = None
    """None: not known yet; every gate is UNKNOWN."""
    calendar: Calendar | None = None
    """None: not known yet; nothing that counts days can pass."""
    calendar_digest: Digest | None = None
    evidence: dict[SignalName, EvidenceItem] = Field(default_factory=dict)
    picture: Picture = Picture()
    waivers: tuple[Waiver, ...] = ()
    """Of states written before waivers were facts; those of people's acts are in the picture."""
    pending_policy: SchoolPolicy | None = None
    """Taken when the next phase opens. None: none waits."""
    advisories: tuple[Advisory, ...] = ()
    """All that may concern the school, as the bridge last told; their holds are in the picture."""
    advisories_version: int = 0
    wave: str | None = None
    """None: in none, or it is not known."""
    acts: tuple[tuple[ActId, int], ...] = ()
    """The last accepted commands, oldest first, each with the fact_sequence it led to."""
    act_marks: dict[ActId, str] = Field(default_factory=dict)
    """What each remembered command was, so that another under its id is refused. Absent: accepted by older code."""
    simulated_seen: bool = False
    """True: imagined evidence has reached this school."""
    blocked_since: Instant | None = None
    """Since when the current gate says no or nothing. None: it does not, or no ladder of the policy asks."""
    work_set_aside: tuple[str, ...] = ()
    """`gate/criterion` whose work a person closed although it fails; work opens again once it has not failed."""
    incidents: dict[IncidentId, IncidentChanged] = Field(default_factory=dict)
    """The last word on each incident, at most INCIDENTS_KEPT."""
    seen_at: Instant
    """The latest instant ever told: the clock of this school never runs backwards."""
    wake_at: Instant | None = None
    """None: time alone changes nothing, or the rollout has stopped."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one message led to."""

    state: RolloutState
    facts: tuple[Fact, ...]
    wake_at: Instant | None
    reply: CommandReply | None = None
    """None: the message was no command."""


def inputs_for(state: RolloutState, gate: GateId) -> GateInputs:
    """What a gate's evaluation reads of this state: its own signals, signatures and approvals, and every hold."""
    picture = state.picture
    names = signals_of(state.policy.gates[gate])
    return GateInputs.model_construct(
        gate=gate,
        phase=gate.phase,
        attempt=picture.attempt,
        opened_at=picture.phase_opened_at or state.seen_at,
        rehearsal=state.rehearsal,
        context=state.context,
        evidence={name: state.evidence[name] for name in sorted(names) if name in state.evidence},
        sign_offs=signed(picture, gate, state.policy.semantics),
        approvals=tuple(each for each in picture.approvals.values() if each.gate is gate and each.answer == "approved"),
        holds=tuple(picture.holds.values()),
        waivers=(*state.waivers, *(each for each in picture.waivers.values() if each.gate in (None, gate))),
        relapse=picture.relapse,
        overrides=tuple(each for each in picture.overrides.values() if each.gate is gate and each.confirmed_at),
        documents=on_file(picture.documents, state.policy.gates[gate]),
    )


def accepted_before(state: RolloutState, act_id: str) -> int | None:
    """The fact_sequence an act led to; None when it was never accepted."""
    return next((sequence for known, sequence in reversed(state.acts) if known == act_id), None)


def mark_of(command: Command) -> str:
    """What a command does and whose it is: two under one id are one act only if these agree. Its moment is left out."""
    match command:
        case GiveSignOff():
            what = f"{command.gate.value} {command.criterion_id or '-'}"
        case AnswerAsk():
            what = f"{command.gate.value} {command.answer}"
        case AddHold():
            what = f"{command.hold.hold_id} {command.hold.lifted_by.value}"
        case ReleaseHold():
            what = command.hold_id
        case ProposeWaiver():
            what = f"{command.gate.value} {' '.join(command.criterion_ids)} {command.category} {command.scope.id}"
        case GrantWaiver() | RevokeWaiver():
            what = command.waiver_id
        case RecordRootCause():
            what = command.cause
        case RecordFix():
            what = command.fix
        case OverrideGate():
            what = f"{command.gate.value} {' '.join(command.criterion_ids)} {command.sponsor.value}"
        case ConfirmOverride():
            what = command.override_id
        case AcknowledgeEscalation():
            what = command.escalation_id
        case ActOnEscalation():
            what = f"{command.escalation_id} {command.action.value}"
        case OpenWorkItem():
            what = f"{command.title} {command.assignee.value} {command.due_days}"
        case CloseWorkItem():
            what = command.work_item_id
        case WithdrawApproval():
            what = command.gate.value
        case MigratePolicy():
            what = f"{command.policy.digest} {command.policy.profile}"
        case AdvanceByHand():
            what = f"{command.gate.value} {command.reason}"
        case FileDocument() | ApproveDocument():
            what = f"{command.document} {command.digest}"
        case _:
            assert_never(command)
    return f"{command.kind} {what} by {command.actor.actor_id}"


def is_repeat(state: RolloutState, command: Command) -> bool:
    """Whether a command whose id was accepted before is that command again; one without a mark is taken to be."""
    return state.act_marks.get(command.act_id) in (None, mark_of(command))
