"""When an override applies, and when one that waits for its second person is void. Called by evaluate, waiving, acts.

It never touches a criterion that it does not name, nor another attempt, gate or hold.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.calendar import Calendar
from schemas.decision import Override
from workflows.policy.calendar import add_days


def applying(criterion_id: str, overrides: Iterable[Override]) -> Override | None:
    """The confirmed override that names this criterion, the first to be confirmed; None: none does."""
    named = [each for each in overrides if criterion_id in each.criterion_ids and each.confirmed_at is not None]
    return min(named, key=lambda each: (each.confirmed_at, each.override_id), default=None)


def confirm_by(override: Override, days: float, calendar: Calendar | None) -> datetime:
    """The instant from which it can no longer be confirmed; days of 24 hours where no calendar counts them."""
    counted = None if calendar is None else add_days(calendar, override.proposed_at, days)
    return counted or override.proposed_at + timedelta(days=days)
