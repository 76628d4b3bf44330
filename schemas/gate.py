"""Policies: which criteria a gate has, as data. Evaluated only by workflows/policy; stored by services/policies.

An optional field's docstring says what its absence means. Every line carries its source.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.consent import ApprovalGroup, Automatic
from schemas.freeze import Freeze
from schemas.ladder import Alarm, Ladder, LadderName, WorkLine
from schemas.model import Code, Digest, Kinded, Strict
from schemas.rules import ExceptionRules
from schemas.school import GateId, Role
from schemas.signal import SignalName

CriterionId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=300)]
LineName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,40}$")]
"""A criterion's field that holds a number."""
SEMANTICS_OLDEST = 1
"""The oldest meaning this build still decides; it rises when no school pins the old one any more."""
SEMANTICS = 2
"""The newest meaning of policies that this build decides; a school pins its policy's at program start.

2: an ask keeps its deadlines: it follows a new calendar, and once it is overdue that is a fact."""


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


Criterion = Annotated[Threshold | Share | DefectCount | Soak | Dwell | SignOffs, Field(discriminator="kind")]


class Gate(Strict):
    """One gate's criteria, and who is asked where evidence alone may not decide."""

    approver: Role
    """Asked when a hard criterion lies in its grey zone or rests on attested evidence."""
    approvals: tuple[ApprovalGroup, ...] = Field(default=(), max_length=9)
    """Every group must be satisfied. Empty: one approval by the `approver`, who otherwise is one of a group's roles."""
    deputy: Role | None = None
    """Who may answer too when the ask has stood in silence. None: nobody."""
    deputy_after_days: int = Field(default=2, ge=1, le=60)
    """Instructional days of silence before the deputy may answer. Default, not a standard."""
    automatic: Automatic | None = None
    """When the gate may approve itself. None: whenever its hard criteria rest on measured or imported evidence."""
    approval_days: int = Field(default=3, ge=1, le=60)
    """Instructional days until an ask is late; that instant is shown to who is asked. Default, not a standard."""
    silence: Sentence
    """What happens when nobody answers, as told to the person asked."""
    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=60)
    blocked_ladder: LadderName | None = None
    """Raised while hard criteria say no or nothing. None: nobody is told."""
    blocked_after_days: int = Field(default=5, ge=0, le=60)
    """School days of being blocked before the ladder begins. Default, not a standard."""
    unanswered_ladder: LadderName | None = None
    """Raised when an ask is past its deadline. None: nobody is told."""

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        seen: set[str] = set()
        for criterion in self.criteria:
            if criterion.id in seen:
                raise ValueError(f"criterion {criterion.id}: expected one of that id, seen two")
            seen.add(criterion.id)
        return self


class Profile(Strict):
    """The gates for one kind of school."""

    teachers_at_least: float | None = Field(default=None, ge=0)
    """None: no lower end."""
    teachers_below: float | None = Field(default=None, gt=0)
    """None: no upper end. A school of unknown teachers takes the profile that has neither end."""
    gates: dict[GateId, Gate]

    @model_validator(mode="after")
    def _every_gate(self) -> Self:
        absent = [gate.value for gate in GateId if gate not in self.gates]
        if absent:
            raise ValueError(f"gates: expected G0 to G4, missing {', '.join(absent)}")
        return self


class PolicyDocument(Strict):
    """One version of a policy; content-addressed by the digest of its canonical bytes."""

    name: Code
    version: int = Field(ge=1)
    semantics: int = Field(ge=1, le=SEMANTICS)
    title: Sentence
    profiles: dict[Code, Profile] = Field(min_length=1)
    ladders: dict[LadderName, Ladder] = Field(default_factory=dict)
    """By the names that gates, alarms and work lines call. Empty: nobody is ever told."""
    alarms: tuple[Alarm, ...] = Field(default=(), max_length=20)
    waiver_ladder: LadderName | None = None
    """Raised when a waiver's reminder is due. None: nobody is told."""
    freezes: tuple[Freeze, ...] = Field(default=(), max_length=20)
    """Empty: no window keeps a gate shut."""
    exceptions: ExceptionRules = ExceptionRules()
    """Of waivers, overrides, advisories; the same for every profile."""


class SchoolPolicy(Strict):
    """What a school pins at program start: its profile's gates, and the document they came from."""

    name: Code
    version: int = Field(ge=1)
    digest: Digest
    semantics: int = Field(ge=1)
    profile: Code
    gates: dict[GateId, Gate]
    ladders: dict[LadderName, Ladder] = Field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    waiver_ladder: LadderName | None = None
    freezes: tuple[Freeze, ...] = ()
    """Empty: no window keeps a gate shut."""
    exceptions: ExceptionRules = ExceptionRules()


class PolicyStored(Strict):
    """A policy document as it travels; compacted by digest."""

    ce_type: ClassVar[str] = "firstbell.policies.document-stored.v1"

    digest: Digest
    document: PolicyDocument
