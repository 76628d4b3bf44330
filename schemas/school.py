"""Schools, districts, phases, people's roles: who and where. Called by every room."""

from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID, uuid5

from pydantic import Field, StringConstraints

from schemas.model import Code, Instant, Strict, Tolerant, Uuid

SchoolId = Uuid
DistrictId = Uuid
StateId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
ProgramId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
ReleaseId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{0,40}$")]
ActorId = Annotated[str, StringConstraints(pattern=r"^actor-[0-9a-z]{1,32}$")]
"""Opaque: the person behind it is known only to the directory's restricted tables."""

_NAMESPACE = UUID("6f1c2a5e-54a4-5d8b-9a3e-0b1f8c0d7e11")


def mint_id(id_system: str, identifier: str) -> str:
    """The UUIDv5 of a school's or district's first (id system, id): a restored installation mints the same."""
    return str(uuid5(_NAMESPACE, f"{id_system}:{identifier}"))


class Phase(StrEnum):
    """Where a school stands. `charter` is the entry; the other four are the rollout's phases."""

    CHARTER = "charter"
    INFRASTRUCTURE_CHECK = "infrastructure-check"
    BETA = "beta"
    TRAINING = "training"
    SCALE = "scale"

    @property
    def gate(self) -> "GateId":
        """The gate at this phase's exit; scale's is a guard, which never passes."""
        return GateId(f"G{list(Phase).index(self)}")

    @property
    def following(self) -> "Phase | None":
        """The phase that opens when this one's gate opens; None after scale."""
        order = list(Phase)
        index = order.index(self) + 1
        return order[index] if index < len(order) else None


class GateId(StrEnum):
    """Four gates and a guard, each the exit of its phase."""

    CHARTER = "G0"
    INFRASTRUCTURE = "G1"
    BETA = "G2"
    TRAINING = "G3"
    SCALE_GUARD = "G4"

    @property
    def phase(self) -> Phase:
        """The phase this gate ends."""
        return list(Phase)[list(GateId).index(self)]


class Role(StrEnum):
    """What a person may be asked; scopes say where."""

    STATE_DIRECTOR = "state-director"
    STATE_ASSESSMENT_DIRECTOR = "state-assessment-director"
    DISTRICT_TECHNOLOGY = "district-technology"
    DISTRICT_CURRICULUM = "district-curriculum"
    PRIVACY_OFFICER = "privacy-officer"
    PRINCIPAL = "principal"
    SCHOOL_LEAD = "school-lead"
    COACH = "coach"
    HELP_DESK_LEAD = "help-desk-lead"


STATE_ROLES = (Role.STATE_DIRECTOR, Role.STATE_ASSESSMENT_DIRECTOR)
"""Who acts for a whole state, first choice first."""


class ScopeKind(StrEnum):
    """What a reading, a hold or a role speaks of."""

    SCHOOL = "school"
    DISTRICT = "district"
    WAVE = "wave"
    PROGRAM = "program"
    RELEASE = "release"
    STATE = "state"


class Scope(Tolerant):
    """One school, district, wave, program, release or state."""

    kind: ScopeKind
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]


class Actor(Tolerant):
    """A person as they act: opaque id, the role and scope they act in, as the door's roster had it."""

    actor_id: ActorId
    role: Role
    scope: Scope
    acting_for: ActorId | None = None
    """None: in their own right; otherwise the delegation's giver."""
    delegated_from: Instant | None = None
    """When the delegation begins, as the door's roster had it. None: in their own right."""
    delegated_until: Instant | None = None
    """The first instant at which the delegation counts no more. None: in their own right."""
    roster_version: int = Field(ge=1)
    asserted: bool = True
    """True: named by `--as`, not authenticated."""


class SchoolLevel(StrEnum):
    """The directory's level of a school."""

    ELEMENTARY = "elementary"
    MIDDLE = "middle"
    HIGH = "high"
    OTHER = "other"


class SchoolStatus(StrEnum):
    """Whether a school takes part. A closed school's rollout is not started."""

    OPEN = "open"
    CLOSED = "closed"
    FUTURE = "future"


class SchoolRecord(Strict):
    """The directory's current record of a school; compacted by school. Unknown counts are None, never zero."""

    ce_type: ClassVar[str] = "firstbell.directory.school-recorded.v1"

    school_id: SchoolId
    district_id: DistrictId
    state: StateId
    version: int = Field(ge=1)
    """Rises with every change of the record."""
    recorded_at: Instant
    status: SchoolStatus
    level: SchoolLevel
    students: int | None = Field(default=None, ge=0)
    """None: missing or not applicable in the source."""
    teachers: float | None = Field(default=None, ge=0)
    """Full-time equivalents. None: missing or not applicable in the source."""
    display_name: str = Field(min_length=1, max_length=120)
    """The school's public name, as the directory publishes it: a building, not a person."""
    district_display_name: str = Field(min_length=1, max_length=120)
    plan: dict[Code, Code] = Field(default_factory=dict, max_length=20)
    """What the school's plan says, by field, such as its platform. A field that is absent is not known."""


class ActorRecord(Strict):
    """A role somebody holds, without the somebody: compacted by actor, role and scope."""

    ce_type: ClassVar[str] = "firstbell.directory.actor-recorded.v1"

    actor_id: ActorId
    role: Role
    scope: Scope
    roster_version: int = Field(ge=1)
    recorded_at: Instant
    active: bool
    """False: the role has ended."""
    stand_in: bool = False
    """True: a rehearsal's stand-in, never a person."""
    acting_for: ActorId | None = None
    """None: held in their own right; otherwise a delegation, and this is its giver."""
    begins_at: Instant | None = None
    """Of a delegation, its first instant. None: no delegation."""
    ends_at: Instant | None = None
    """Of a delegation, the first instant at which it counts no more. None: no delegation."""


class SchoolContext(Tolerant):
    """What a school's workflow may know of its school: absolute, versioned, sent by message."""

    version: int = Field(ge=1)
    school_id: SchoolId
    district_id: DistrictId
    state: StateId
    status: SchoolStatus
    level: SchoolLevel
    students: int | None = None
    teachers: float | None = None
    release_id: ReleaseId | None = None
    """None: the program is about no particular release, so release signals are UNKNOWN."""
    extra_codes: tuple[Code, ...] = ()
    plan: dict[Code, Code] = Field(default_factory=dict)
    """What the school's plan says, by field; a field that is absent is not known."""
