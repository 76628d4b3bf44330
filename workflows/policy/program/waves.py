"""Which schools enter in which wave, and what keeps each wave from being larger. Pure.

Called by `program plan`, by `program start --waves` and by admission for late joiners. A wave is filled in order and
closed by the first school that does not fit: a large school is never passed over for a smaller one, or it would wait
for ever. Fairness changes who is next: among the districts that are not too far ahead, the first in order.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.model import Code
from schemas.program import (
    UNITS,
    Binding,
    Candidate,
    Demand,
    Inadmissible,
    Limit,
    Order,
    Resource,
    Seat,
    Wave,
    WavePlan,
    WavePolicy,
)
from schemas.school import DistrictId


def capacities(policy: WavePolicy) -> tuple[int, ...]:
    """Each resource's capacity in thousandths of its unit, rounded down, in the document's order."""
    return tuple(math.floor(round(resource.capacity * UNITS, 6)) for resource in policy.resources)


def demand_of(demand: Demand, school: Candidate) -> int | None:
    """What a school takes, in thousandths, rounded up. None: its count is unknown, and nobody said what then."""
    total = demand.per_school
    for each, count in ((demand.per_teacher, school.teachers), (demand.per_student, school.students)):
        if each and count is None:
            return None if demand.when_unknown is None else math.ceil(round(demand.when_unknown * UNITS, 6))
        total += each * (count or 0)
    return math.ceil(round(total * UNITS, 6))


def wave_cap(policy: WavePolicy, before: int | None) -> int:
    """How many schools a wave may hold by growth, given the size of the one before (None: it is the first)."""
    return policy.first_count if before is None else math.floor(round(policy.growth_max * before, 6))


def refusals(
    policy: WavePolicy, used: Sequence[int], demand: Sequence[int], limits: Sequence[int]
) -> tuple[Binding, ...]:
    """Every resource that has no room for one more school; empty: it fits."""
    return tuple(
        Binding(limit=Limit.RESOURCE, name=resource.id, unit=resource.unit, used=taken, asked=asks, capacity=limit)
        for resource, taken, asks, limit in zip(policy.resources, used, demand, limits, strict=True)
        if taken + asks > limit
    )


def plan_waves(policy: WavePolicy, schools: Iterable[Candidate]) -> WavePlan:
    """Every school in exactly one wave, or named as inadmissible with why. The order of the input does not matter."""
    seats: list[Seat] = []
    refused: list[Inadmissible] = []
    for school in _in_order(policy, schools):
        found = seat_of(policy, school)
        if isinstance(found, Seat):
            seats.append(found)
        else:
            refused.append(found)
    queue = _Queue.of(seats)
    waves: list[Wave] = []
    while queue.waiting:
        waves.append(_fill(policy, queue, len(waves[-1].seats) if waves else None, len(waves) + 1))
    return WavePlan(waves=tuple(waves), inadmissible=tuple(sorted(refused, key=lambda each: each.school_id)))


def seat_of(policy: WavePolicy, school: Candidate) -> Seat | Inadmissible:
    """A school's seat with its demands; or why no wave can ever hold it."""
    who, where = school.school_id, school.district_id
    if not school.open:
        return Inadmissible(school_id=who, district_id=where, cause="not-open")
    demands: list[int] = []
    for resource, limit in zip(policy.resources, capacities(policy), strict=True):
        asks = demand_of(resource.demand, school)
        if asks is None:
            return Inadmissible(school_id=who, district_id=where, cause="demand-unknown", resource=resource.id)
        if asks > limit:
            return Inadmissible(
                school_id=who, district_id=where, cause="demand-too-great", resource=resource.id, asked=asks
            )
        demands.append(asks)
    return Seat(school_id=who, district_id=where, demand=tuple(demands))


def _in_order(policy: WavePolicy, schools: Iterable[Candidate]) -> list[Candidate]:
    listed = {school_id: index for index, school_id in reversed(list(enumerate(policy.listed)))}

    def place(school: Candidate) -> tuple[float, str]:
        match policy.order:
            case Order.READINESS:
                rank = float(-school.readiness)
            case Order.NEED:
                rank = -policy.needs.get(school.school_id, -math.inf)
            case Order.LIST:
                rank = float(listed.get(school.school_id, len(listed)))
        return rank, school.school_id

    once = {school.school_id: school for school in schools}
    return sorted(once.values(), key=place)


@dataclass(slots=True)
class _Queue:
    """Who waits, by district, each district in order; and each district's share that has had its turn."""

    ranked: Mapping[DistrictId, tuple[tuple[int, Seat], ...]]
    taken: dict[DistrictId, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seats: Sequence[Seat]) -> "_Queue":
        by_district: dict[DistrictId, list[tuple[int, Seat]]] = {}
        for rank, seat in enumerate(seats):
            by_district.setdefault(seat.district_id, []).append((rank, seat))
        return cls({key: tuple(by_district[key]) for key in sorted(by_district)}, dict.fromkeys(by_district, 0))

    @property
    def waiting(self) -> bool:
        return any(self.taken[key] < len(ranked) for key, ranked in self.ranked.items())

    def copy(self) -> "_Queue":
        return _Queue(self.ranked, dict(self.taken))

    def heads(self, apart: float) -> tuple[Seat, Seat] | None:
        """The next school by fairness, and the next by order alone. None: nobody waits."""
        open_ = [
            (self.taken[key] / len(ranked), *ranked[self.taken[key]])
            for key, ranked in self.ranked.items()
            if self.taken[key] < len(ranked)
        ]
        if not open_:
            return None
        floor = min(share for share, _, _ in open_)
        fair = min((rank, seat) for share, rank, seat in open_ if share - floor <= apart)
        first = min(open_, key=lambda each: each[1])
        return fair[1], first[2]

    def take(self, seat: Seat) -> None:
        self.taken[seat.district_id] += 1


@dataclass(frozen=True, slots=True)
class _Filled:
    seats: tuple[Seat, ...]
    used: tuple[int, ...]
    binding: tuple[Binding, ...]


def _fill(policy: WavePolicy, queue: _Queue, before: int | None, number: int) -> Wave:
    limits = capacities(policy)
    cap = wave_cap(policy, before)
    start = queue.copy()
    filled = _take(policy, queue, cap, limits)
    doubled: dict[Code, int] = {}
    for each in filled.binding:
        if each.name is not None:
            more = _doubled(policy.resources, limits, each.name)
            doubled[each.name] = len(_take(policy, start.copy(), cap, more).seats)
    return Wave(number=number, seats=filled.seats, binding=filled.binding, used=filled.used, if_doubled=doubled)


def _doubled(resources: Sequence[Resource], limits: Sequence[int], name: Code) -> tuple[int, ...]:
    return tuple(2 * limit if resource.id == name else limit for resource, limit in zip(resources, limits, strict=True))


def _take(policy: WavePolicy, queue: _Queue, cap: int, limits: Sequence[int]) -> _Filled:
    """Takes schools until one does not fit. The first always does: a seat fits by itself, and caps are at least 1."""
    seats: list[Seat] = []
    used = [0] * len(limits)
    while (heads := queue.heads(policy.shares_apart_max)) is not None:
        fair, first = heads
        binding = _closing(policy, len(seats), cap, used, fair, limits)
        if binding:
            passed_over = first != fair and not _closing(policy, len(seats), cap, used, first, limits)
            if passed_over:
                binding = (*binding, Binding(limit=Limit.FAIRNESS, used=len(seats)))
            return _Filled(tuple(seats), tuple(used), binding)
        queue.take(fair)
        seats.append(fair)
        used = [taken + asks for taken, asks in zip(used, fair.demand, strict=True)]
    return _Filled(tuple(seats), tuple(used), (Binding(limit=Limit.LIST_END, used=len(seats)),))


def _closing(
    policy: WavePolicy, size: int, cap: int, used: Sequence[int], seat: Seat, limits: Sequence[int]
) -> tuple[Binding, ...]:
    found: tuple[Binding, ...] = ()
    if size >= cap:
        found += (Binding(limit=Limit.GROWTH, used=size, asked=1, capacity=cap),)
    if policy.concurrent_max is not None and size >= policy.concurrent_max:
        found += (Binding(limit=Limit.CONCURRENCY, used=size, asked=1, capacity=policy.concurrent_max),)
    return found + refusals(policy, used, seat.demand, limits)
