"""What a readiness signal is. The list of them is schemas/catalogue.py; readings are schemas/readiness.py."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.model import Strict
from schemas.school import ScopeKind

SignalName = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z0-9]+)*\.[a-z][a-z0-9-]{1,60}$")]
"""`area.measure`: lower-case, one point, hyphens."""


class Direction(StrEnum):
    """Which way is better."""

    HIGHER_IS_BETTER = "higher-is-better"
    LOWER_IS_BETTER = "lower-is-better"


class Origin(StrEnum):
    """What evidence rests on, weakest first."""

    ATTESTED = "attested"
    """A person says so; it needs a person to approve, and expires."""
    IMPORTED = "imported"
    """Another system of record says so."""
    MEASURED = "measured"
    """A probe or a device says so."""


class Form(StrEnum):
    """What a signal's readings hold, which says what kinds of criteria may read it."""

    VALUE = "value"
    """A number, judged as it stands."""
    TREND = "trend"
    """A change over its owner's window; `population` is the number of points it rests on."""
    STREAK = "streak"
    """Periods in a row, up to the newest."""
    NAMES = "names"
    """Codes: `detail` is what was seen, and the value says only that something was."""


Owner = Literal["provisioning", "helpdesk", "training", "assessment", "directory"]


class Signal(Strict):
    """One measurable question about readiness, declared once."""

    name: SignalName
    meaning: str = Field(min_length=10, max_length=300)
    """One sentence a principal understands."""
    lesson: str = Field(pattern=r"^A[0-9]{2}$")
    """The lesson it comes from, by its id in the table of lessons (docs/lessons.md)."""
    owner: Owner
    unit: str = Field(min_length=1, max_length=40)
    direction: Direction
    low: float = 0.0
    high: float | None = None
    """None: unbounded above."""
    resolution: str = Field(pattern=r"^(0\.0*1|0\.0*5|1)$")
    """The grid's step, as a decimal text, so that it is exact."""
    freshness_days: int = Field(ge=1, le=365)
    """Instructional days after which a reading is stale. Defaults, not a standard."""
    origin: Origin
    """The usual origin; a reading's own is what counts."""
    scope: ScopeKind = ScopeKind.SCHOOL
    form: Form = Form.VALUE
    share: bool = False
    """True: a share of a population, whose readings carry numerator and population."""
    absence_is_good: bool = False
    """True: nothing reported means zero, but only below the source's watermark."""
    outcome: bool = False
    """True: what pupils learned or how they fared, which says nothing before a full term; such a signal may not be a
    hard line before scale. False: a condition, an effort or a use."""
