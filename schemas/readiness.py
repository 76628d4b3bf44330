"""The signal catalogue and the reading: one value of one signal about one scope.

Owners compute readings (`services/<owner>/readiness.py`), policies name signals, everybody else only carries them.
A value lies on its signal's grid; `round_to_worse` puts it there, always toward the worse side, so that
rounding can close a gate and never open one.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.catalogue import ENTRIES
from schemas.model import Code, Instant, Tolerant
from schemas.school import Scope, ScopeKind
from schemas.signal import Direction, Origin, Signal, SignalName

CATALOGUE: Mapping[SignalName, Signal] = {entry.name: entry for entry in ENTRIES}
"""Every signal there is, by name."""

__all__ = [
    "CATALOGUE",
    "CoalescedReading",
    "Direction",
    "Missing",
    "Origin",
    "Reading",
    "Signal",
    "SignalName",
]


class Missing(StrEnum):
    """Why a reading has no value. Each is UNKNOWN at a gate, never a pass and never "no"."""

    NEVER_REPORTED = "never-reported"
    NO_WATERMARK = "no-watermark"
    NO_DENOMINATOR = "no-denominator"
    NO_CALENDAR = "no-calendar"
    """The district has published no calendar, or its first day is yet to come."""
    SILENT_SOURCE = "silent-source"
    POPULATION_TOO_SMALL = "population-too-small"
    RETRACTED = "retracted"


class Reading(Tolerant):
    """One value of a signal, as its owner last computed it.

    Exactly one of three: a value; not applicable (`applicable` false); or missing, with the reason.
    """

    ce_type: ClassVar[str] = "firstbell.readiness.reading.v1"

    signal: SignalName
    scope: Scope
    sequence: int = Field(ge=1)
    """Max(previous + 1, microseconds since the epoch at emission): it only rises, even for a rebuilt owner."""
    value: float | None = None
    """In the signal's unit, on its grid. None: not applicable or missing."""
    applicable: bool = True
    """False: the question does not arise here (no classes, so no hand-outs)."""
    missing: Missing | None = None
    numerator: int | None = Field(default=None, ge=0)
    population: int | None = Field(default=None, ge=0)
    """Of a share, its denominator; of a trend, its points. None: the signal is neither."""
    observed_at: Instant | None = None
    """The newest contributing event's time, never the time of emission. None only when nothing was ever reported."""
    origin: Origin
    simulated: bool = False
    """The mark of imagined evidence, inherited from any input; it opens gates only in a rehearsal."""
    detail: Annotated[tuple[Code, ...], Field(max_length=8)] = ()
    """Which parts fail, in the owner's closed words (`take-home`, `data-use`); of a signal of names, what was seen."""


class CoalescedReading(Tolerant):
    """What travels to a workflow: the latest reading, and the worst value since the last acknowledged one.

    Absolute and sequenced, so duplicates and redelivery are harmless; `worst` keeps a dip between two looks.
    """

    sequence: int = Field(ge=1)
    value: float | None = None
    worst: float | None = None
    """In the signal's direction. None: a missing or inapplicable reading came between, which is worse than any value."""
    applicable: bool = True
    missing: Missing | None = None
    numerator: int | None = Field(default=None, ge=0)
    population: int | None = Field(default=None, ge=0)
    observed_at: Instant | None = None
    origin: Origin
    simulated: bool = False
    detail: tuple[Code, ...] = ()


def weakest(origins: tuple[Origin, ...]) -> Origin:
    """The origin of a calculated reading: its weakest input's (attested < imported < measured).

    Raises ValueError when there is no input: a reading that rests on nothing has no origin.
    """
    return min(origins, key=list(Origin).index)


def on_grid(signal: Signal, value: float) -> bool:
    """Whether a value is a whole number of the signal's steps, as every policy line must be."""
    return Decimal(str(value)) % Decimal(signal.resolution) == 0


def round_to_worse(signal: Signal, value: float) -> float:
    """The nearest grid value that is not better. Raises ValueError for a value outside the signal's range."""
    if not signal.low <= value <= (signal.high if signal.high is not None else float("inf")):
        raise ValueError(f"{signal.name}: expected {signal.low}..{signal.high} {signal.unit}, seen {value}")
    step = Decimal(signal.resolution)
    rounding = ROUND_FLOOR if signal.direction is Direction.HIGHER_IS_BETTER else ROUND_CEILING
    return float((Decimal(str(value)) / step).to_integral_value(rounding=rounding) * step)


def scopes_of(kind: ScopeKind) -> tuple[Signal, ...]:
    """The signals whose readings speak of this kind of scope."""
    return tuple(signal for signal in ENTRIES if signal.scope is kind)
