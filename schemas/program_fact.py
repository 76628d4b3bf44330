"""Facts of a program in waves: past tense, numbered without gaps within the program.

Decided by `workflows/policy/program/admission.py`, published by the one activity of the program's workflow, followed by the
bridge, which starts the schools that a fact admits.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.model import Code, Digest, Instant, Kinded, Tolerant
from schemas.program import Binding
from schemas.school import Actor, DistrictId, ProgramId, SchoolId


class ProgramStarted(Kinded, Tolerant):
    """A program pinned how it admits its schools."""

    kind: Literal["program-started"] = "program-started"
    policy_name: Code
    policy_version: int
    waves_digest: Digest
    waves_count: int
    schools_count: int


class WaveOpened(Kinded, Tolerant):
    """A wave's schools may be admitted from now, as far as resources let them."""

    kind: Literal["wave-opened"] = "wave-opened"
    wave: int = Field(ge=1)
    schools_count: int


class SchoolsAdmitted(Kinded, Tolerant):
    """These schools may start."""

    kind: Literal["schools-admitted"] = "schools-admitted"
    wave: int = Field(ge=1)
    school_ids: tuple[SchoolId, ...]


class AdmissionWaits(Kinded, Tolerant):
    """Nobody more is admitted for now, and everything that keeps the next school out. Empty: nobody waits."""

    kind: Literal["admission-waits"] = "admission-waits"
    wave: int = Field(ge=1)
    """Of the next school."""
    binding: tuple[Binding, ...]


class WaveProgressed(Kinded, Tolerant):
    """A wave came far enough for the next."""

    kind: Literal["wave-progressed"] = "wave-progressed"
    wave: int = Field(ge=1)
    progressed_count: int
    counted: int
    """Admitted schools still in the program."""


class Aborted(Kinded, Tolerant):
    """Too many of a wave or of a district failed: no more of its schools are admitted."""

    kind: Literal["admission-aborted"] = "admission-aborted"
    wave: int | None = None
    """None: a district."""
    district_id: DistrictId | None = None
    """None: a wave."""
    failed_count: int
    silent_count: int
    counted: int
    dropped_ids: tuple[SchoolId, ...] = ()
    """Schools that waited, and wait no more."""


class JoinedLate(Kinded, Tolerant):
    """Schools were added to a wave after the start."""

    kind: Literal["schools-joined-late"] = "schools-joined-late"
    wave: int = Field(ge=1)
    school_ids: tuple[SchoolId, ...]


class LeftWaiting(Kinded, Tolerant):
    """Schools that waited left the program: closed, merged, withdrawn."""

    kind: Literal["schools-left-waiting"] = "schools-left-waiting"
    school_ids: tuple[SchoolId, ...]


class LineStopped(Kinded, Tolerant):
    """A state role stopped the line."""

    kind: Literal["line-stopped"] = "line-stopped"
    actor: Actor
    reason: Code


class LineLifted(Kinded, Tolerant):
    """A state role let admission go on."""

    kind: Literal["line-lifted"] = "line-lifted"
    actor: Actor
    reason: Code
    district_id: DistrictId | None = None
    """Whose abort was lifted. None, and no wave: the line of the whole program."""
    wave: int | None = Field(default=None, ge=1)
    """Whose abort was lifted. None: no wave's."""


class ProgramEnded(Kinded, Tolerant):
    """The program ended: nobody more is admitted."""

    kind: Literal["program-ended"] = "program-ended"
    reason: Code


ProgramFactBody = Annotated[
    ProgramStarted
    | WaveOpened
    | SchoolsAdmitted
    | AdmissionWaits
    | WaveProgressed
    | Aborted
    | JoinedLate
    | LeftWaiting
    | LineStopped
    | LineLifted
    | ProgramEnded,
    Field(discriminator="kind"),
]


class ProgramFact(Tolerant):
    """One numbered fact of a program. Readers apply in sequence, wait at gaps, drop repeats."""

    ce_type: ClassVar[str] = "firstbell.program.fact.v1"

    program_id: ProgramId
    fact_sequence: int = Field(ge=1)
    occurred_at: Instant
    rehearsal: bool
    body: ProgramFactBody


class ProgramPicture(Tolerant):
    """What the facts of one program add up to; `workflows/policy/program/picture.py` folds it."""

    fact_sequence: int = 0
    opened: tuple[int, ...] = ()
    """Waves that have opened."""
    progressed: tuple[int, ...] = ()
    aborted_waves: tuple[int, ...] = ()
    aborted_districts: tuple[DistrictId, ...] = ()
    admitted: dict[int, int] = Field(default_factory=dict)
    """Wave to schools admitted."""
    seats_sequence: int = 0
    """Of the last fact that gave or took a seat; counts that do not know it are too old."""
    waits: tuple[Binding, ...] = ()
    """Why nobody more is admitted. Empty: nobody waits, or admission is under way."""
    line_stopped: Code | None = None
    """The reason. None: the line runs."""
    ended: Code | None = None
