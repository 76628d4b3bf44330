"""A state program in waves: the document that says how, the plan made of it, and what its workflow is told.

Read by the planner, by admission, by the program's workflow and by the bridge. The document is strict and names no
person; what travels to Temporal is tolerant and only grows. Facts of a program are schemas/program_fact.py.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.decision import ActId
from schemas.model import Code, Digest, Instant, Kinded, Strict, Tolerant
from schemas.school import Actor, DistrictId, Phase, ProgramId, SchoolId

GROWTH_MAX = 3.0
"""A wave is at most so many times the one before. A58: few engaged people first, then quick growth."""
UNITS = 1000
"""Capacities and demands are counted in thousandths of their unit, in integers: sums agree on every machine."""


class Order(StrEnum):
    """Who comes first; ties are settled by the school's id, so that the order of a file never matters."""

    READINESS = "readiness"
    """Whoever meets most of what its policy asks."""
    NEED = "need"
    """Whoever needs it most, as the document says."""
    LIST = "list"
    """As the document lists them; who is not listed comes after."""


class Demand(Strict):
    """What one school takes of a resource: a sum, rounded up to a thousandth of the unit."""

    per_school: float = Field(default=0.0, ge=0)
    per_teacher: float = Field(default=0.0, ge=0)
    """For each full-time equivalent."""
    per_student: float = Field(default=0.0, ge=0)
    when_unknown: float | None = Field(default=None, ge=0)
    """For a school whose count is unknown. None: such a school is not admitted, for nobody knows what it takes."""

    @model_validator(mode="after")
    def _takes_something(self) -> Self:
        if not (self.per_school or self.per_teacher or self.per_student):
            raise ValueError("expected per_school, per_teacher or per_student above 0, seen none")
        return self


class Resource(Strict):
    """Something that all schools of the program share, and that there is only so much of."""

    id: Code
    unit: Code
    """What it is counted in, such as hours."""
    capacity: float = Field(ge=0)
    demand: Demand
    freed_at: Phase = Phase.SCALE
    """A school gives back its part when it reaches this phase. Default, not a standard."""

    @model_validator(mode="after")
    def _is_held_for_a_while(self) -> Self:
        if self.freed_at is Phase.CHARTER:
            raise ValueError("expected a phase after charter: a resource freed on arrival binds nobody")
        return self


class Progress(Strict):
    """When a wave has come far enough for the next one to open."""

    phase: Phase = Phase.SCALE
    """Schools count from here on. Default, not a standard."""
    at_least: float = Field(default=0.8, gt=0, le=1)
    """Ratio of the wave's schools that are still in the program. Default, not a standard."""


class Abort(Strict):
    """When a wave, or a district, has failed: no more of its schools are admitted; all others go on."""

    scope: Literal["district", "wave"] = "district"
    failed_at_least: float = Field(default=0.25, gt=0, le=1)
    """Ratio of admitted schools that failed. Default, not a standard."""
    sample_min: int = Field(default=4, ge=1)
    """Admitted schools below which no share is read. Default, not a standard."""
    silence_days: float = Field(default=10.0, gt=0)
    """Instructional days without any reading or fact after which a school counts as failed. Default, not a standard."""
    unmet_days: float = Field(default=20.0, gt=0)
    """Instructional days after which a gate that evidence says no to counts as failed. Default, not a standard."""


class Freeze(Strict):
    """Days on which nobody is admitted, both included: a testing window, a break."""

    starts_on: date
    ends_on: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError(f"expected an end on or after {self.starts_on}, seen {self.ends_on}")
        return self


class WavePolicy(Strict):
    """How a program admits its schools. A document of the program: pinned when it starts, by its digest."""

    name: Code
    version: int = Field(ge=1)
    order: Order = Order.READINESS
    first_count: int = Field(ge=1, le=10_000)
    """Schools in the first wave, at most."""
    growth_max: float = Field(default=GROWTH_MAX, ge=1, le=GROWTH_MAX)
    concurrent_max: int | None = Field(default=None, ge=1)
    """Schools under way at once, before they reach `progress.phase`. None: no limit by count."""
    resources: tuple[Resource, ...] = ()
    shares_apart_max: float = Field(default=0.5, gt=0, le=1)
    """A district is passed over while its admitted share is so far ahead of the share of one that waits. Default."""
    progress: Progress = Progress()
    abort: Abort | None = None
    """None: no share of failures stops anything."""
    starts_on: date | None = None
    """None: the first wave may open at once."""
    freezes: tuple[Freeze, ...] = ()
    wave_days: float = Field(default=60.0, gt=0)
    """Instructional days a wave is expected to take: for the plan's dates alone. The default policy's dwells."""
    listed: tuple[SchoolId, ...] = ()
    """For `order: list`."""
    needs: dict[SchoolId, float] = Field(default_factory=dict)
    """For `order: need`: more is sooner. A school that is not here comes after those that are."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [resource.id for resource in self.resources]
        if len(set(names)) < len(names):
            raise ValueError("resources: expected each id once")
        if (self.order is Order.LIST) is not bool(self.listed):
            raise ValueError("listed: expected schools with `order: list`, and none without")
        if (self.order is Order.NEED) is not bool(self.needs):
            raise ValueError("needs: expected schools with `order: need`, and none without")
        return self


class Candidate(Tolerant):
    """One school as the planner sees it."""

    school_id: SchoolId
    district_id: DistrictId
    readiness: int = 0
    """Hard criteria met at the planning, of all its gates; more is sooner."""
    students: int | None = None
    """None: unknown."""
    teachers: float | None = None
    """Full-time equivalents. None: unknown."""
    open: bool = True
    """False: closed, merged or not open yet."""


class Limit(StrEnum):
    """What kept a wave from being larger, or a school from entering."""

    GROWTH = "growth"
    CONCURRENCY = "concurrency"
    RESOURCE = "resource"
    FAIRNESS = "fairness"
    LIST_END = "list-end"
    PROGRESS = "progress"
    """An earlier wave has not come far enough."""
    FREEZE = "freeze"
    LINE_STOPPED = "line-stopped"


class Binding(Tolerant):
    """One limit that binds, with its figures; `workflows/policy/program/wave_words.py` says it in words."""

    limit: Limit
    name: Code | None = None
    """The resource. None: another limit."""
    unit: Code | None = None
    used: int = 0
    """Of a resource in thousandths of its unit; otherwise schools. Before the school that did not fit."""
    asked: int = 0
    """What the next school asks; 0 where that has no meaning."""
    capacity: int = 0
    until: date | None = None
    """Of a freeze: the first day after it."""


class Seat(Tolerant):
    """One school's place in the order, with all that admission must know of it."""

    school_id: SchoolId
    district_id: DistrictId
    demand: tuple[int, ...] = ()
    """Thousandths of each resource's unit, in the document's order."""


class Wave(Tolerant):
    """Schools that are admitted together, as far as the resources of the moment let them."""

    number: int = Field(ge=1)
    seats: tuple[Seat, ...]
    binding: tuple[Binding, ...]
    """Why it is not larger: everything that refused the next school."""
    used: tuple[int, ...] = ()
    """Thousandths of each resource's unit."""
    if_doubled: dict[Code, int] = Field(default_factory=dict)
    """For each binding resource: how many schools this wave would hold if there were twice as much of it."""
    opens_on: date | None = None
    """Earliest, as far as a calendar tells. None: no calendar, or it ends before."""


class Inadmissible(Tolerant):
    """A school that no wave can hold, and why."""

    school_id: SchoolId
    district_id: DistrictId
    cause: Literal["not-open", "demand-unknown", "demand-too-great"]
    resource: Code | None = None
    asked: int | None = None
    """Thousandths of the unit. None: unknown."""


class WavePlan(Tolerant):
    """Every school in exactly one wave, or named as inadmissible."""

    waves: tuple[Wave, ...]
    inadmissible: tuple[Inadmissible, ...] = ()


# -- what the program's workflow is told


class StartProgram(Tolerant):
    """The program workflow's first input."""

    program_id: ProgramId
    rehearsal: bool
    waves_digest: Digest
    policy: WavePolicy
    waves: tuple[tuple[Seat, ...], ...]
    started_at: Instant


class WaveCount(Tolerant):
    """Where a wave's schools stand, as the bridge counts them: absolute."""

    admitted: int = 0
    progressed: int = 0
    """Reached the phase that counts, and not failed."""
    failed: int = 0
    silent: int = 0
    """Of the failed: those nobody has heard of for too long."""
    left: int = 0
    """Closed, merged, or stopped by a person: out of every ratio."""


class DistrictCount(WaveCount):
    """One district's schools in one wave."""

    wave: int = Field(ge=1)
    district_id: DistrictId


class SchoolsMoved(Kinded, Tolerant):
    """Signal: all counts of a program, absolute; what does not know the last change of seats is too old."""

    kind: Literal["schools-moved"] = "schools-moved"
    known_sequence: int = Field(ge=0)
    """The program's fact_sequence that these counts include."""
    waves: dict[int, WaveCount] = Field(default_factory=dict)
    districts: tuple[DistrictCount, ...] = ()
    """Only those of districts with a failed school."""
    under_way: int = 0
    """Admitted, neither progressed to the phase that counts nor left."""
    held: tuple[int, ...] = ()
    """Thousandths of each resource's unit that admitted schools have not given back."""


class SchoolsJoined(Kinded, Tolerant):
    """Signal: schools that joined after the start; sent until a fact seats them."""

    kind: Literal["schools-joined"] = "schools-joined"
    known_sequence: int = Field(ge=0)
    """The program's fact_sequence when these had no seat yet."""
    seats: tuple[Seat, ...]


class SchoolsGone(Kinded, Tolerant):
    """Signal: schools that closed, merged or were withdrawn before they were admitted."""

    kind: Literal["schools-gone"] = "schools-gone"
    school_ids: tuple[SchoolId, ...]


class StopProgram(Kinded, Tolerant):
    """Signal: the program ends."""

    kind: Literal["stop-program"] = "stop-program"
    reason: Code


class StopLine(Kinded, Tolerant):
    """Update: nothing more is admitted until the line is lifted."""

    kind: Literal["stop-line"] = "stop-line"
    act_id: ActId
    actor: Actor
    reason: Code


class LiftLine(Kinded, Tolerant):
    """Update: admission goes on, of the whole program, or of a district or wave that had failed."""

    kind: Literal["lift-line"] = "lift-line"
    act_id: ActId
    actor: Actor
    reason: Code
    district_id: DistrictId | None = None
    """None, and no wave: the line of the whole program."""
    wave: int | None = Field(default=None, ge=1)
    """None: no wave's abort is lifted."""

    @model_validator(mode="after")
    def _lifts_one(self) -> Self:
        if self.district_id is not None and self.wave is not None:
            raise ValueError("wave: expected none beside a district, seen both; lift one after the other")
        return self


class ProgramTimePassed(Kinded, Tolerant):
    """The timer fired."""

    kind: Literal["program-time-passed"] = "program-time-passed"


ProgramCommand = Annotated[StopLine | LiftLine, Field(discriminator="kind")]
ProgramMessage = SchoolsMoved | SchoolsJoined | SchoolsGone | StopProgram | StopLine | LiftLine | ProgramTimePassed
