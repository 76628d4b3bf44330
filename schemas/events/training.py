"""What training's sources say: who is to be trained (hashed), completions, hand-outs, coaches."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.events.raw import FeedWatermark, SchoolEvent
from schemas.model import KeyedHash, Reference


class Module(StrEnum):
    """The three modules; the first is the core one, without which no class is handed devices."""

    DEVICE_BASICS = "device-basics"
    CLASSROOM_USE = "classroom-use"
    DATA_USE = "data-use"


class TrainingRosterReported(SchoolEvent):
    """How many teachers of the school are to be trained: heads, not full-time equivalents."""

    ce_type: ClassVar[str] = "firstbell.training.roster-reported.v1"

    teachers_count: int = Field(ge=0, le=2000)


class TrainingCompleted(SchoolEvent):
    """A teacher completed a session of a module."""

    ce_type: ClassVar[str] = "firstbell.training.session-completed.v1"

    teacher_hash: KeyedHash
    module: Module
    session_ref: Reference
    completed_on: date
    hours: float = Field(gt=0, le=40)
    passed: bool


class ClassHandedOut(SchoolEvent):
    """A class was handed its devices."""

    ce_type: ClassVar[str] = "firstbell.training.class-handed-out.v1"

    class_ref: Reference
    teacher_hash: KeyedHash
    handed_out_on: date


class CoachAssigned(SchoolEvent):
    """A coach serves the school, wholly or in part."""

    ce_type: ClassVar[str] = "firstbell.training.coach-assigned.v1"

    coach_hash: KeyedHash
    share: float = Field(gt=0, le=1)
    """Of the coach's time that this school has."""
    active: bool


EVENTS = (TrainingRosterReported, TrainingCompleted, ClassHandedOut, CoachAssigned, FeedWatermark)
