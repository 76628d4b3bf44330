"""What guards do, and what people say after it: facts and commands. Written by workflows/policy alone."""

from typing import Literal

from schemas.decision import ActId, DecisionRecord
from schemas.guard import GuardStage
from schemas.model import Code, Instant, Kinded, Tolerant
from schemas.school import Actor, GateId, Phase


class GuardChanged(Kinded, Tolerant):
    """A guard's view of an opened gate changed: contradicted, warned, held, at peace, over."""

    kind: Literal["guard-changed"] = "guard-changed"
    gate: GateId
    stage: GuardStage | None
    """None: contradicted, not warned yet; or over, when `over`."""
    since: Instant
    clear_since: Instant | None
    criterion_ids: tuple[str, ...]
    over: bool = False
    """True: there has been peace for long enough, and the guard forgets."""


class PhaseRegressed(Kinded, Tolerant):
    """A guard took the school back one phase: decided, with evidence, like an opening."""

    kind: Literal["phase-regressed"] = "phase-regressed"
    gate: GateId
    """The gate whose guard decided."""
    back_to: Phase
    criterion_ids: tuple[str, ...]
    since: Instant
    decision: DecisionRecord
    """Of that gate, now: it says no to one of these criteria at least."""
    stops_handouts: bool
    second_chance: bool


class RootCauseRecorded(Kinded, Tolerant):
    """Somebody said why the school fell back."""

    kind: Literal["root-cause-recorded"] = "root-cause-recorded"
    act_id: ActId
    actor: Actor
    cause: Code
    note_id: ActId | None = None
    """None: no note."""


class FixRecorded(Kinded, Tolerant):
    """Somebody said what was mended, for everybody to see."""

    kind: Literal["fix-recorded"] = "fix-recorded"
    act_id: ActId
    actor: Actor
    fix: Code


class RecordRootCause(Kinded, Tolerant):
    """Update: the principal, or a role above, says why the school fell back."""

    kind: Literal["record-root-cause"] = "record-root-cause"
    act_id: ActId
    actor: Actor
    cause: Code
    note_id: ActId | None = None


class RecordFix(Kinded, Tolerant):
    """Update: a role of the school says what was mended."""

    kind: Literal["record-fix"] = "record-fix"
    act_id: ActId
    actor: Actor
    fix: Code


GuardFact = GuardChanged | PhaseRegressed | RootCauseRecorded | FixRecorded
