"""Guards: how an opened gate is watched, and what a school owes after it fell back. Policy data and what it adds up to.

Imported by gate.py, decision.py and fact.py; evaluated only by workflows/policy/guard/guarding.py. A guard only ever holds,
takes back or asks for work; it opens nothing.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from schemas.ladder import WorkLine
from schemas.model import Code, Instant, Strict, Tolerant
from schemas.school import GateId, Phase


class GuardStage(StrEnum):
    """How far a guard has gone, mildest first."""

    WARNED = "warned"
    HELD = "held"


class Guard(Strict):
    """Watches a gate after it opened; days are instructional days of continuous contradiction.

    A contradiction ends only after `recover_after_days` without one: flapping evidence does not reset the clock.
    """

    source: str = Field(min_length=3, max_length=300)
    """Where the days come from, or "default, not a standard"."""
    criterion_ids: tuple[Code, ...] = Field(default=(), max_length=60)
    """What it watches. Empty: every hard criterion of the gate that evidence can contradict."""
    warn_after_days: float = Field(default=0, ge=0, le=60)
    hold_after_days: float | None = Field(default=2, ge=0, le=60)
    """None: it never holds. Default, not a standard."""
    regress_after_days: float | None = Field(default=None, gt=0, le=120)
    """More than none, so that one look never takes a school back twice. None: it never does."""
    recover_after_days: float = Field(default=2, ge=0, le=60)
    """Default, not a standard."""
    minimum_population: int = Field(default=1, ge=1)
    """A share of fewer members contradicts nothing."""
    compensations: tuple[WorkLine, ...] = Field(default=(), max_length=10)
    """Work opened when the school is taken back. Empty: none."""
    stops_handouts: bool = True
    """Whether nothing more is handed out in a school that was taken back, until it passes again."""
    second_chance: bool = True
    """Whether a school that was taken back shows a root cause and a visible fix before it passes again. Lesson A57."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        hold, back = self.hold_after_days, self.regress_after_days
        if hold is not None and hold < self.warn_after_days:
            raise ValueError(f"hold_after_days: expected at least {self.warn_after_days:g}, seen {hold:g}")
        if back is not None and back < (hold if hold is not None else self.warn_after_days):
            raise ValueError(f"regress_after_days: expected after warning and hold, seen {back:g}")
        return self


class GuardWatch(Tolerant):
    """One opened gate that evidence contradicts, or did until lately."""

    stage: GuardStage | None = None
    """None: not even warned yet."""
    since: Instant
    """Since when it is contradicted, without `recover_after_days` of peace."""
    clear_since: Instant | None = None
    """Since when nothing contradicts it. None: something does now."""
    criterion_ids: tuple[str, ...] = ()
    """What contradicts it now; what did last, while nothing does."""


class Relapse(Tolerant):
    """What a school that was taken back still owes."""

    gate: GateId
    """The gate whose guard took it back."""
    phase: Phase
    """The phase it was taken back to; passing that phase's gate ends this."""
    regressed_at: Instant
    stops_handouts: bool = True
    second_chance: bool = True
    root_cause: Code | None = None
    fixes: tuple[Code, ...] = ()

    @property
    def owed(self) -> tuple[str, ...]:
        """What is missing before the school may pass again."""
        if not self.second_chance:
            return ()
        return (*(() if self.root_cause else ("root-cause",)), *(() if self.fixes else ("visible-fix",)))
