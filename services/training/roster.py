"""How many teachers a school has to train: the denominator of this room's shares.

Called by this room's `readiness`. Refuses to guess: an unknown count is None, never zero.
"""

import math
from dataclasses import dataclass

from schemas.events.training import TrainingRosterReported
from services.readings.subject import Subject


@dataclass(frozen=True, slots=True)
class Population:
    """The teachers to be trained, and the event that says so."""

    teachers_count: int | None
    """Heads, at least 0. None: neither a roster nor the directory tells."""
    roster: TrainingRosterReported | None
    """None: the directory's full-time equivalents stand in, rounded up."""


def population_of(subject: Subject) -> Population:
    """The newest roster's count; without one, the directory's teachers rounded up to heads. Never blocks."""
    rosters = subject.of(TrainingRosterReported)
    if rosters:
        newest = max(rosters, key=lambda roster: (roster.observed_at, roster.entity_ref))
        return Population(newest.teachers_count, newest)
    if subject.school is None or subject.school.teachers is None:
        return Population(None, None)
    return Population(math.ceil(subject.school.teachers), None)
