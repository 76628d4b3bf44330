"""What a policy says of exceptions: waivers, overrides by two people, advisories. Imported by gate.py.

Every number here is a default, not a standard, unless its docstring names a source. A policy that says nothing gets
these defaults, and its digest stays what it was.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.model import Strict
from schemas.school import Role

Lesson = Annotated[str, StringConstraints(pattern=r"^A[0-9]{2}$")]
"""A row of the catalogue of lessons."""


class WaiverFloor(Strict):
    """What nobody may waive, and what only a state role may; a criterion's own `waivable: false` stands beside it."""

    never_lessons: tuple[Lesson, ...] = ("A08",)
    """Lessons whose criteria are never waived, nor overridden. A08: the accountable leader."""
    never_owners: tuple[Role, ...] = (Role.PRIVACY_OFFICER,)
    """Owners whose criteria are never waived, nor overridden: privacy is not a school's to give away."""
    state_lessons: tuple[Lesson, ...] = ("A48",)
    """Lessons whose criteria only a state role may waive. A48: no waiver of a critical defect below the state.

    A defect count falls under it whatever its lesson.
    """


class WaiverRules(Strict):
    """How long a waiver may last, when people are reminded, and what its end does to an opened gate."""

    default_days: int = Field(default=30, ge=1, le=366)
    """Days of 24 hours from the grant, where neither proposal nor grant names an end. Default, not a standard."""
    maximum_days: int = Field(default=60, ge=1, le=366)
    """Days of 24 hours; a later end is refused. Default, not a standard."""
    remind_days_before: float = Field(default=5.0, ge=0, le=60)
    """Instructional days before the end at which people are reminded, once. Default, not a standard.

    A waiver shorter than that is reminded of when it is granted. Without a calendar, days of 24 hours.
    """
    at_expiry: Literal["hold", "regress"] = "hold"
    """What the end does to a gate that opened on the waiver, if its criterion does not pass by then.

    `hold`: the school is held until the criterion passes or is waived again. `regress`: no hold of its own; the gate's
    guard, if it has one, goes its way.
    """
    floor: WaiverFloor = WaiverFloor()

    @model_validator(mode="after")
    def _default_within_maximum(self) -> Self:
        if self.default_days > self.maximum_days:
            raise ValueError(
                f"default_days: expected at most maximum_days, which is {self.maximum_days}, seen {self.default_days}"
            )
        return self


class OverrideRules(Strict):
    """Who may pass a criterion over the evidence: always two people, whatever a policy says."""

    lead: Role = Role.STATE_DIRECTOR
    """One of the two acts in this role."""
    roles: tuple[Role, ...] = Field(
        default=(Role.STATE_DIRECTOR, Role.STATE_ASSESSMENT_DIRECTOR), min_length=1, max_length=9
    )
    """Both act in one of these. Default: the state's."""
    critical_roles: tuple[Role, ...] = ()
    """Roles of the second person where a defect count is overridden; the first is the state director. Empty: `roles`."""
    confirm_days: float = Field(default=2.0, gt=0, le=60)
    """Instructional days within which the second person confirms. Default, not a standard."""


class AdvisoryRules(Strict):
    """What an advisory does where it cannot be known whether a school matches."""

    unknown: Literal["hold", "pass"] = "hold"
    """`hold` fails closed: a school of which too little is known is held until more is. `pass` lets it go on."""


class ExceptionRules(Strict):
    """All that a policy says of exceptions."""

    waivers: WaiverRules = WaiverRules()
    overrides: OverrideRules = OverrideRules()
    advisories: AdvisoryRules = AdvisoryRules()
