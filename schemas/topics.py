"""Every topic: what it carries, keyed by what, for how long, and who owns it.

Read by `firstbell topics`, by the rooms that subscribe, and by the generator of AsyncAPI.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from pydantic import BaseModel

from schemas.advisory import Advisory
from schemas.calendar import Calendar, CalendarPointer
from schemas.escalation import Incident
from schemas.events import assessment, helpdesk, provisioning, training
from schemas.fact import Fact
from schemas.gate import PolicyStored
from schemas.note import NoteKept
from schemas.program_fact import ProgramFact
from schemas.readiness import Reading
from schemas.school import ActorRecord, SchoolRecord
from schemas.variance import Variance

RAW_RETENTION = timedelta(days=400)
"""Restricted class. Longer than a program, so that every projection can be rebuilt. Default, not a standard."""
FACT_RETENTION = timedelta(days=3650)
"""Decisions outlive programs. Our judgement, 2026-11-23."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention` None means compacted: the last record of a key stays."""

    name: str
    owner: str
    key: str
    """What the key is, in words."""
    partitions: int
    retention: timedelta | None
    restricted: bool
    """True: holds hashed ids of staff or devices."""
    payloads: tuple[type[BaseModel], ...]
    decoder: Mapping[str, type[BaseModel]] = field(init=False)
    """CloudEvents type to model."""

    def __post_init__(self) -> None:
        table = {str(model.ce_type): model for model in self.payloads}  # type: ignore[attr-defined]
        object.__setattr__(self, "decoder", MappingProxyType(table))


PARTITIONS = 12
"""Fixed early: more partitions would break the order within a key."""

SCHOOLS = Topic("firstbell.directory.school.v1", "directory", "school", PARTITIONS, None, False, (SchoolRecord,))
ACTORS = Topic("firstbell.directory.actor.v1", "directory", "actor, role and scope", 1, None, False, (ActorRecord,))
CALENDARS = Topic("firstbell.directory.calendar.v1", "directory", "digest", 1, None, False, (Calendar,))
CALENDAR_POINTERS = Topic(
    "firstbell.directory.calendar-pointer.v1", "directory", "district", 1, None, False, (CalendarPointer,)
)
NOTES = Topic("firstbell.directory.note.v1", "directory", "note", 1, None, False, (NoteKept,))
POLICIES = Topic("firstbell.policies.document.v1", "policies", "digest", 1, None, False, (PolicyStored,))
VARIANCES = Topic("firstbell.policies.variance.v1", "policies", "variance", 1, None, False, (Variance,))
PROVISIONING = Topic(
    "firstbell.provisioning.event.v1",
    "provisioning",
    "school",
    PARTITIONS,
    RAW_RETENTION,
    True,
    provisioning.EVENTS,
)
HELPDESK = Topic(
    "firstbell.helpdesk.event.v1", "helpdesk", "school, or release of a defect", PARTITIONS, RAW_RETENTION, True,
    helpdesk.EVENTS,
)  # fmt: skip
TRAINING = Topic("firstbell.training.event.v1", "training", "school", PARTITIONS, RAW_RETENTION, True, training.EVENTS)
ASSESSMENT = Topic(
    "firstbell.assessment.event.v1",
    "assessment",
    "school",
    PARTITIONS,
    RAW_RETENTION,
    False,
    assessment.EVENTS,
)
READINGS = Topic("firstbell.readiness.reading.v1", "readings", "scope", PARTITIONS, RAW_RETENTION, False, (Reading,))
ADVISORIES = Topic("firstbell.rollout.advisory.v1", "console", "advisory", 1, None, False, (Advisory,))
FACTS = Topic("firstbell.rollout.fact.v1", "bridge", "school", PARTITIONS, FACT_RETENTION, False, (Fact,))
PROGRAM_FACTS = Topic("firstbell.program.fact.v1", "bridge", "program", 1, FACT_RETENTION, False, (ProgramFact,))
INCIDENTS = Topic("firstbell.escalation.incident.v1", "console", "incident", 1, None, False, (Incident,))

RAW_TOPICS: tuple[Topic, ...] = (PROVISIONING, HELPDESK, TRAINING, ASSESSMENT)
"""Strict topics that people and sources may publish to."""

TOPICS: tuple[Topic, ...] = (
    SCHOOLS, ACTORS, CALENDARS, CALENDAR_POINTERS, NOTES, POLICIES, VARIANCES, *RAW_TOPICS, READINGS, FACTS, ADVISORIES,
    PROGRAM_FACTS, INCIDENTS,
)  # fmt: skip
"""Every topic there is."""
