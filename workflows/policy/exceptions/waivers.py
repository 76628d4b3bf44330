"""When a waiver applies. It never touches another criterion, nor an instant past its expiry."""

from collections.abc import Iterable
from datetime import datetime

from schemas.decision import Waiver
from schemas.gate import Criterion
from schemas.school import SchoolContext
from workflows.policy.judgement import earliest
from workflows.policy.people import covers


def applying(
    criterion: Criterion, waivers: Iterable[Waiver], context: SchoolContext | None, now: datetime
) -> Waiver | None:
    """The waiver that lets a criterion pass now, the longest-lived of several; None when it may not be waived."""
    if not criterion.waivable:
        return None
    standing = [
        waiver
        for waiver in waivers
        if criterion.id in waiver.criterion_ids
        and waiver.granted_at <= now < waiver.expires_at
        and covers(waiver.scope, context)
    ]
    return max(standing, key=lambda waiver: (waiver.expires_at, waiver.waiver_id), default=None)


def in_force(waivers: Iterable[Waiver], context: SchoolContext | None, now: datetime) -> frozenset[str]:
    """The ids of the waivers that hold now for this school."""
    return frozenset(
        waiver.waiver_id
        for waiver in waivers
        if waiver.granted_at <= now < waiver.expires_at and covers(waiver.scope, context)
    )


def next_change_at(criterion: Criterion, waivers: Iterable[Waiver], now: datetime) -> datetime | None:
    """The next instant at which a waiver of this criterion begins or ends; None when none does."""
    if not criterion.waivable:
        return None
    ends = (
        instant
        for waiver in waivers
        if criterion.id in waiver.criterion_ids
        for instant in (waiver.granted_at, waiver.expires_at)
        if instant > now
    )
    return earliest(*ends)
