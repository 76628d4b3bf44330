"""What assessment's sources say: the beta and its model, feedback, first sessions, round trips. Aggregates only."""

from datetime import date
from typing import ClassVar

from pydantic import Field, model_validator

from schemas.events.raw import FeedWatermark, SchoolEvent
from schemas.model import Code, Strict


class DeliveryModel(Strict):
    """How devices are used: what a beta must share with the plan it stands for."""

    devices_per_student: float = Field(gt=0, le=2)
    take_home: bool
    platform: Code
    identity: Code
    grades: tuple[Code, ...] = Field(min_length=1, max_length=16)
    """Ascending codes such as `grade-06`."""


class BetaChanged(SchoolEvent):
    """The school's beta as it stands."""

    ce_type: ClassVar[str] = "firstbell.assessment.beta-changed.v1"

    started_on: date
    ended_on: date | None = None
    """None: it runs."""
    target_users_count: int = Field(ge=0, le=100_000)
    cohort_users_count: int = Field(ge=0, le=100_000)
    classrooms_count: int = Field(ge=0, le=1000)
    beta_model: DeliveryModel
    plan_model: DeliveryModel


class BetaFeedbackReported(SchoolEvent):
    """How many of the cohort have given feedback so far."""

    ce_type: ClassVar[str] = "firstbell.assessment.beta-feedback-reported.v1"

    cohort_users_count: int = Field(ge=0, le=100_000)
    responded_count: int = Field(ge=0, le=100_000)

    @model_validator(mode="after")
    def _responded_within_cohort(self) -> "BetaFeedbackReported":
        if self.responded_count > self.cohort_users_count:
            raise ValueError(
                f"responded_count: expected at most {self.cohort_users_count}, seen {self.responded_count}"
            )
        return self


class FirstSessionsReported(SchoolEvent):
    """First sessions of one day, volunteers apart: early adopters are patient, so they do not count."""

    ce_type: ClassVar[str] = "firstbell.assessment.first-sessions-reported.v1"

    non_volunteers_count: int = Field(ge=0, le=100_000)
    non_volunteers_succeeded_count: int = Field(ge=0, le=100_000)
    volunteers_count: int = Field(default=0, ge=0, le=100_000)
    volunteers_succeeded_count: int = Field(default=0, ge=0, le=100_000)

    @model_validator(mode="after")
    def _succeeded_within_count(self) -> "FirstSessionsReported":
        if self.non_volunteers_succeeded_count > self.non_volunteers_count:
            raise ValueError(
                f"non_volunteers_succeeded_count: expected at most {self.non_volunteers_count}, "
                f"seen {self.non_volunteers_succeeded_count}"
            )
        return self


class RoundTripTested(SchoolEvent):
    """One assessment's way: created, delivered or printed, scored, its result seen by the teacher."""

    ce_type: ClassVar[str] = "firstbell.assessment.round-trip-tested.v1"

    created: bool
    delivered: bool
    scored_on: date | None = None
    """None: not scored yet."""
    visible_on: date | None = None
    """None: the teacher has not seen a result."""
    on_school_network: bool


EVENTS = (BetaChanged, BetaFeedbackReported, FirstSessionsReported, RoundTripTested, FeedWatermark)
