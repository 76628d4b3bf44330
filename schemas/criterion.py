"""The kinds of criteria a gate may have, as data. Judged only by workflows/policy; gates and policies are gate.py.

An optional field's docstring says what its absence means. Every line carries its source.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.ladder import WorkLine
from schemas.model import Code, Kinded, Strict
from schemas.school import Role
from schemas.signal import SignalName

CriterionId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
LineName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,40}$")]
"""A criterion's field that holds a number."""
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=300)]


class Severity(StrEnum):
    """What a criterion may do to its gate."""

    HARD = "hard"
    """Blocks; passing without it takes a waiver."""
    SOFT = "soft"
    """Warns; never changes the outcome."""
    OBSERVE = "observe"
    """Measured and shown, gating nothing."""


class _Criterion(Kinded, Strict):
    id: CriterionId
    severity: Severity = Severity.HARD
    owner: Role
    """Who does the next step."""
    next_step: Sentence
    """What they do, in the imperative."""
    source: Sentence
    """Where the lines come from, or "default, not a standard"."""
    lesson: str = Field(pattern=r"^A[0-9]{2}$")
    waivable: bool = True
    work_item: WorkLine | None = None
    """The work that its failure opens. None: none."""
    variance: dict[LineName, tuple[float, float]] = Field(default={})
    """How far an inheriting document may loosen a line, by the line's name; only with an approved variance. A line
    that is absent may only be tightened."""


class _SignalCriterion(_Criterion):
    signal: SignalName
    not_applicable_passes: bool = False
    """False: a reading that does not apply is UNKNOWN. True: it leaves the merge."""


class Threshold(_SignalCriterion):
    """A value against a pass line; between the fail and pass lines lies the grey zone, which asks a person."""

    kind: Literal["threshold"] = "threshold"
    pass_at: float
    fail_at: float | None = None
    """None: no grey zone, everything worse than `pass_at` fails. Otherwise worse than this fails."""
    warn_at: float | None = None
    """None: no warning line. Otherwise a pass worse than this is met with a warning."""


class Share(_SignalCriterion):
    """A share of a population: silence counts against it, too small a population is UNKNOWN."""

    kind: Literal["share"] = "share"
    pass_at: float = Field(ge=0, le=1)
    fail_at: float | None = Field(default=None, ge=0, le=1)
    """None: no grey zone."""
    minimum_population: int = Field(default=1, ge=1)
    """Members below which the share says nothing."""
    confidence_ratio: float | None = Field(default=None, gt=0.5, lt=1)
    """None: a census, judged as it stands. Otherwise a sample, judged by its one-sided Wilson bound."""


class DefectCount(_Criterion):
    """Open defects by severity, each at most its limit."""

    kind: Literal["defect-count"] = "defect-count"
    critical_signal: SignalName = "defect.open-critical-count"
    major_signal: SignalName = "defect.open-major-count"
    critical_at_most: int = Field(default=0, ge=0)
    major_at_most: int = Field(ge=0)


class Soak(_SignalCriterion):
    """Healthy for a continuous time, on evidence no older than a maximum."""

    kind: Literal["soak"] = "soak"
    healthy_at: float
    """In the signal's direction: at least or at most."""
    minimum_days: int = Field(ge=1, le=120)
    """Continuous instructional days."""
    evidence_age_days_max: int = Field(ge=1, le=120)
    """Instructional days after which the newest observation no longer counts."""


class Dwell(_Criterion):
    """Minimum stay in the phase."""

    kind: Literal["dwell"] = "dwell"
    minimum_days: int = Field(ge=1, le=200)
    """Instructional days since the phase opened."""


class SignOffs(_Criterion):
    """Every named role has signed this phase's plan."""

    kind: Literal["sign-offs"] = "sign-offs"
    roles: tuple[Role, ...] = Field(min_length=1, max_length=9)


class Trend(_SignalCriterion):
    """A change over its owner's window; of too few points it is UNKNOWN. The owner calculates, the gate compares."""

    kind: Literal["trend"] = "trend"
    pass_at: float
    """In the signal's direction; a change may be below zero."""
    fail_at: float | None = None
    """None: no grey zone."""
    warn_at: float | None = None
    """None: no warning line."""
    minimum_points: int = Field(ge=2, le=200)
    """Points of the owner's window, which the reading carries as its population, below which a change says nothing."""


class Consecutive(_SignalCriterion):
    """So many periods in a row, as the signal's owner counts them. There is no grey zone: a row is whole or not."""

    kind: Literal["consecutive"] = "consecutive"
    periods: int = Field(ge=0, le=200)
    """In the signal's direction: at least so many in a row, or at most."""


class Document(_Criterion):
    """A document is filed, and somebody other than its author has approved these very bytes."""

    kind: Literal["document"] = "document"
    document: Code
    """The kind of document, such as `rollout-plan`. The document itself stays with its owner; we hold its digest."""
    approvers: tuple[Role, ...] = Field(min_length=1, max_length=9)
    """The roles whose approval counts; one of them is enough."""
    age_days_max: int | None = Field(default=None, ge=1, le=400)
    """Instructional days since it was filed, after which it is stale. None: it does not age."""


class DateWindow(_Criterion):
    """A window of civil dates in the district's calendar."""

    kind: Literal["date-window"] = "date-window"
    opens_on: date | None = None
    """The first date inside. None: open from the beginning."""
    closes_on: date | None = None
    """The last date inside; the next instructional day is outside. None: it never closes."""

    @model_validator(mode="after")
    def _has_ends_in_order(self) -> Self:
        if self.opens_on is None and self.closes_on is None:
            raise ValueError("opens_on, closes_on: expected at least one of them, seen neither")
        if self.opens_on is not None and self.closes_on is not None and self.closes_on < self.opens_on:
            raise ValueError(f"closes_on: expected {self.opens_on} or later, seen {self.closes_on}")
        return self


class Match(_SignalCriterion):
    """What was seen is what the plan says. The reading's detail holds the codes that were seen."""

    kind: Literal["match"] = "match"
    field: Code
    """The plan's field that is compared, such as `platform`."""
    expected: Code | None = None
    """The code to be seen. None: what the school's plan says of the field; UNKNOWN where it says nothing."""


Criterion = Annotated[
    Threshold | Share | DefectCount | Soak | Dwell | SignOffs | Trend | Consecutive | Document | DateWindow | Match,
    Field(discriminator="kind"),
]
