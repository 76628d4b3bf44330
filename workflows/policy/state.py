"""The one state of one school in one program, and what a step makes of it. Held by the Temporal shell.

It is carried through continue-as-new, so it only grows, each new field with a default, and it is kept small.
"""

from dataclasses import dataclass

from pydantic import Field
from schemas.calendar import Calendar
from schemas.decision import ActId, EvidenceItem, GateInputs, Waiver
from schemas.fact import Fact, Picture
from schemas.gate import SchoolPolicy
from schemas.message import CommandReply
from schemas.model import Digest, Instant, Tolerant
from schemas.readiness import SignalName
from schemas.school import GateId, ProgramId, SchoolContext, SchoolId

from workflows.policy.evaluate import signals_of

ACTS_KEPT = 200
"""Command ids remembered, so that a repeat is told what happened. Our judgement, 2026-11-23."""


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
    acts: tuple[tuple[ActId, int], ...] = ()
    """The last accepted commands, oldest first, each with the fact_sequence it led to."""
    simulated_seen: bool = False
    """True: imagined evidence has reached this school."""
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
        sign_offs=tuple(each for each in picture.sign_offs.values() if each.gate is gate),
        approvals=tuple(each for each in picture.approvals.values() if each.gate is gate and each.answer == "approved"),
        holds=tuple(picture.holds.values()),
        waivers=state.waivers,
    )


def accepted_before(state: RolloutState, act_id: str) -> int | None:
    """The fact_sequence an act led to; None when it was never accepted."""
    return next((sequence for known, sequence in reversed(state.acts) if known == act_id), None)
