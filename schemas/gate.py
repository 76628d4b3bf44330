"""Policies: gates and their criteria, as data. Evaluated only by workflows/policy; stored by services/policies.

The kinds of criteria are criterion.py. An optional field's docstring says what its absence means.
"""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from schemas.consent import ApprovalGroup, Automatic
from schemas.criterion import (
    Consecutive,
    Criterion,
    CriterionId,
    DateWindow,
    DefectCount,
    Document,
    Dwell,
    LineName,
    Match,
    Sentence,
    Severity,
    Share,
    SignOffs,
    Soak,
    Threshold,
    Trend,
)
from schemas.freeze import Freeze
from schemas.guard import Guard
from schemas.inheritance import Inherited, PolicyScope, VarianceId
from schemas.ladder import Alarm, Ladder, LadderName
from schemas.model import Code, Digest, Strict
from schemas.rules import ExceptionRules
from schemas.school import GateId, Role
from schemas.trust import Trust, TrustLine

__all__ = [
    "SEMANTICS",
    "SEMANTICS_OLDEST",
    "Consecutive",
    "Criterion",
    "CriterionId",
    "DateWindow",
    "DefectCount",
    "Document",
    "Dwell",
    "Gate",
    "LineName",
    "Match",
    "PolicyDocument",
    "PolicyStored",
    "Profile",
    "SchoolPolicy",
    "Sentence",
    "Severity",
    "Share",
    "SignOffs",
    "Soak",
    "Threshold",
    "Trend",
]

SEMANTICS_OLDEST = 1
"""The oldest meaning this build still decides; it rises when no school pins the old one any more."""
SEMANTICS = 2
"""The newest meaning of policies that this build decides; a school pins its policy's at program start.

2: an ask keeps its deadlines: it follows a new calendar, and once it is overdue that is a fact. A signature is of one stay
in a phase. Bytes that were on file before are not filed again. "Does not apply" by a person's word takes a person; a count
of defects rests on its weaker origin; a value out of a signal's range earns a soak nothing. An acknowledgement hastens no
rung, and a closure fires none again. An approval lapses when a waiver it did not know takes the place of evidence; a
rejection outlives an approval of something else. A migration that ends a waiver does what its end always does. An advisory
believes the names that a gate would. Work names the evidence of every kind of criterion."""


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
    trust: Trust = Trust.ADVANCE
    """How far its verdict moves a school; a district may have a level of its own."""
    silence: Sentence
    """What happens when nobody answers, as told to the person asked."""
    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=60)
    blocked_ladder: LadderName | None = None
    """Raised while hard criteria say no or nothing. None: nobody is told."""
    blocked_after_days: int = Field(default=5, ge=0, le=60)
    """School days of being blocked before the ladder begins. Default, not a standard."""
    unanswered_ladder: LadderName | None = None
    """Raised when an ask is past its deadline. None: nobody is told."""
    guard: Guard | None = None
    """How the gate is watched once it is open; G4's while the school is in scale. None: it is only questioned."""

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
    """Raised when a waiver's reminder is due, and tells in its stead. None: the reminder tells whoever granted the waiver,
    and the owners of its criteria."""
    freezes: tuple[Freeze, ...] = Field(default=(), max_length=20)
    """Empty: no window keeps a gate shut."""
    exceptions: ExceptionRules = ExceptionRules()
    """Of waivers, overrides, advisories; the same for every profile."""
    trust: tuple[TrustLine, ...] = Field(default=(), max_length=400)
    """Districts whose level at a gate is another than the gate's. Empty: none."""
    inherits: Inherited | None = None
    """The document it tightens; it is complete itself. None: it inherits nothing."""
    scope: PolicyScope | None = None
    """Whom it is for. None: every school of a program that names it."""
    variances: tuple[VarianceId, ...] = Field(default=(), max_length=500)
    """Those under which it is looser than what it inherits; filled in where it is stored. Empty: nowhere looser."""


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
    trust: tuple[TrustLine, ...] = ()
    """Every district's, so that a school that moves takes its new district's level at once."""


class PolicyStored(Strict):
    """A policy document as it travels; compacted by digest."""

    ce_type: ClassVar[str] = "firstbell.policies.document-stored.v1"

    digest: Digest
    document: PolicyDocument
