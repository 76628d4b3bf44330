"""The beta: its days, its cohort, its feedback, and whether its model is the plan's.

Called by this room's `readiness`. The newest report is the beta as it stands; counts are whole numbers of people.
"""

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from schemas.calendar import Calendar
from schemas.events.assessment import BetaChanged, DeliveryModel
from schemas.events.raw import RawEvent

COHORT_PERCENT_MINIMUM, COHORT_PERCENT_MAXIMUM = 5, 15
"""Percent of the target users, bounds included. Lesson A47; default, not a standard."""
CLASSROOMS_MINIMUM, CLASSROOMS_MAXIMUM = 2, 5
"""Classrooms, bounds included. Lesson A47; default, not a standard."""

E = TypeVar("E", bound=RawEvent)


def newest(events: Iterable[E]) -> E | None:
    """The one observed last; the same instant is settled by the greater reference. None: there is none."""
    return max(events, key=lambda event: (event.observed_at, event.entity_ref), default=None)


def days_run(beta: BetaChanged, calendar: Calendar, today: date | None) -> int:
    """Instructional days from the beta's start to its end or today, both included. `today` None: none has begun."""
    if today is None:
        return 0
    last = today if beta.ended_on is None else min(beta.ended_on, today)
    return sum(beta.started_on <= civil <= last for civil, _, _ in calendar.days)


def cohort_fits(beta: BetaChanged) -> bool:
    """Whether somebody takes part, and they are 5 to 15 percent of the target users or two to five classrooms."""
    if beta.cohort_users_count == 0:
        return False
    hundredfold = 100 * beta.cohort_users_count
    by_share = (
        COHORT_PERCENT_MINIMUM * beta.target_users_count
        <= hundredfold
        <= COHORT_PERCENT_MAXIMUM * beta.target_users_count
    )
    return by_share or CLASSROOMS_MINIMUM <= beta.classrooms_count <= CLASSROOMS_MAXIMUM


def mismatches(beta: DeliveryModel, plan: DeliveryModel) -> tuple[str, ...]:
    """The fields in which the models differ, by their codes; the order of grades doesn't matter."""
    differs = {
        "ratio": beta.devices_per_student != plan.devices_per_student,
        "take-home": beta.take_home != plan.take_home,
        "platform": beta.platform != plan.platform,
        "identity": beta.identity != plan.identity,
        "grades": set(beta.grades) != set(plan.grades),
    }
    return tuple(code for code, differ in differs.items() if differ)
