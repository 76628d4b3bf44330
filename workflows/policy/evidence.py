"""Folds readings into evidence: late, duplicate and out-of-order ones included. Called by progress for each reading.

It judges nothing. The newest sequence wins; a soak's clock starts at the first healthy observation after the last
unhealthy one. What arrives late may shorten a soak and never lengthen it; a repeat changes nothing.
"""

from datetime import datetime

from schemas.calendar import Calendar
from schemas.decision import EvidenceItem
from schemas.gate import SchoolPolicy, Soak
from schemas.readiness import CATALOGUE, CoalescedReading, Direction
from workflows.policy.calendar import ages_out_at
from workflows.policy.criteria.reading import in_range


def soaks_on(policy: SchoolPolicy, name: str) -> tuple[Soak, ...]:
    """The soak criteria of all gates that read a signal, in policy order."""
    return tuple(
        criterion
        for gate in policy.gates.values()
        for criterion in gate.criteria
        if isinstance(criterion, Soak) and criterion.signal == name
    )


def fold(
    evidence: dict[str, EvidenceItem],
    name: str,
    reading: CoalescedReading,
    policy: SchoolPolicy,
    calendar: Calendar | None = None,
) -> dict[str, EvidenceItem]:
    """The evidence after one reading; the same object when nothing changes, never changed in place.

    A soak also restarts after a silence longer than the criterion allows, where a calendar can count it.
    """
    item = evidence.get(name)
    soaks = soaks_on(policy, name) if name in CATALOGUE else ()
    if item is not None and reading.sequence <= item.sequence:
        late = _late(item, reading, soaks, policy.semantics)
        return evidence if late is item else {**evidence, name: late}
    return {**evidence, name: _newer(item, reading, soaks, calendar, policy.semantics)}


def healthy(criterion: Soak, value: float | None) -> bool:
    """Whether a value lies on the healthy side of a soak's line; an absent value does not."""
    if value is None:
        return False
    higher = CATALOGUE[criterion.signal].direction is Direction.HIGHER_IS_BETTER
    return value >= criterion.healthy_at if higher else value <= criterion.healthy_at


def _earns(soak: Soak, value: float | None, semantics: int) -> bool:
    """Whether a value earns a soak time: healthy, and a value the signal can have. The first semantics took any."""
    return healthy(soak, value) and (semantics < 2 or in_range(soak.signal, value))


def _newer(
    item: EvidenceItem | None, reading: CoalescedReading, soaks: tuple[Soak, ...], calendar: Calendar | None,
    semantics: int,
) -> EvidenceItem:  # fmt: skip
    since: dict[str, datetime] = {}
    broken = dict(item.broken_sequence) if item else {}
    for soak in soaks:
        usable = reading.applicable and reading.missing is None and reading.observed_at is not None
        unbroken = usable and _earns(soak, reading.worst, semantics) and not _silent(item, reading, soak, calendar)
        if not unbroken:
            broken[soak.id] = reading.sequence
        if not usable or not _earns(soak, reading.value, semantics) or reading.observed_at is None:
            continue
        kept = item.healthy_since.get(soak.id) if item and unbroken else None
        floor = item.observed_at if item and item.observed_at and not kept else None
        since[soak.id] = kept or max(reading.observed_at, floor or reading.observed_at)
    return EvidenceItem.model_construct(
        sequence=reading.sequence, value=reading.value, applicable=reading.applicable, missing=reading.missing,
        numerator=reading.numerator, population=reading.population, observed_at=reading.observed_at,
        origin=reading.origin, simulated=reading.simulated, detail=reading.detail, healthy_since=since,
        broken_sequence=broken,
    )  # fmt: skip


def _silent(item: EvidenceItem | None, reading: CoalescedReading, soak: Soak, calendar: Calendar | None) -> bool:
    if item is None or item.observed_at is None or reading.observed_at is None:
        return False
    if item.simulated and not reading.simulated:
        return True  # imagined health lends no time to real health
    if calendar is None:
        return False
    limit = ages_out_at(calendar, item.observed_at, soak.evidence_age_days_max)
    return limit is not None and reading.observed_at >= limit


def _late(item: EvidenceItem, reading: CoalescedReading, soaks: tuple[Soak, ...], semantics: int) -> EvidenceItem:
    """An older reading that broke a soak and was not known to: the soak starts anew at the newest observation."""
    since, broken = dict(item.healthy_since), dict(item.broken_sequence)
    for soak in soaks:
        usable = reading.applicable and reading.missing is None and _earns(soak, reading.worst, semantics)
        if usable or reading.sequence == item.sequence or reading.sequence <= broken.get(soak.id, 0):
            continue
        broken[soak.id] = reading.sequence
        if soak.id in since and item.observed_at is not None:
            since[soak.id] = max(since[soak.id], item.observed_at)
    if broken == item.broken_sequence:
        return item
    return item.model_copy(update={"healthy_since": since, "broken_sequence": broken})
