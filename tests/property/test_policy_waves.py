"""Laws of the wave planner: growth, resources, fairness, and that a slack resource changes nothing."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from itertools import pairwise
from math import ceil, floor
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.calendar import Calendar
from schemas.program import (
    UNITS,
    Candidate,
    Demand,
    Freeze,
    Limit,
    Order,
    Resource,
    WavePlan,
    WavePolicy,
)
from schemas.school import mint_id
from workflows.policy.program.wave_dates import dated, frozen_until
from workflows.policy.program.waves import capacities, plan_waves

AMOUNTS = st.integers(0, 200).map(lambda tenths: tenths / 10)


@st.composite
def candidates(draw: st.DrawFn, size: int = 20) -> list[Candidate]:
    count = draw(st.integers(1, size))
    return [
        Candidate(
            school_id=mint_id("waves", f"school-{index}"),
            district_id=mint_id("waves", f"district-{draw(st.integers(0, 4))}"),
            readiness=draw(st.integers(0, 5)),
            students=draw(st.none() | st.integers(0, 2000)),
            teachers=draw(st.none() | st.integers(0, 100).map(float)),
            open=draw(st.sampled_from([True, True, True, False])),
        )
        for index in range(count)
    ]


@st.composite
def policies(draw: st.DrawFn) -> WavePolicy:
    resources = tuple(
        Resource(
            id=f"resource-{index}", unit="hours", capacity=draw(AMOUNTS),
            demand=Demand(
                per_school=draw(AMOUNTS) + 0.1,
                per_teacher=draw(st.sampled_from([0.0, 0.05, 0.1])),
                when_unknown=draw(st.sampled_from([None, 2.0])),
            ),
        )
        for index in range(draw(st.integers(0, 3)))
    )  # fmt: skip
    return WavePolicy(
        name="laws", version=1, first_count=draw(st.integers(1, 6)),
        growth_max=draw(st.sampled_from([1.0, 1.5, 2.0, 3.0])),
        concurrent_max=draw(st.none() | st.integers(1, 20)), resources=resources,
        shares_apart_max=draw(st.sampled_from([0.1, 0.5, 1.0])),
    )  # fmt: skip


def with_capacity(policy: WavePolicy, name: str, factor: float) -> WavePolicy:
    resources = tuple(
        each.model_copy(update={"capacity": each.capacity * factor}) if each.id == name else each
        for each in policy.resources
    )
    return policy.model_copy(update={"resources": resources})


def shape(plan: WavePlan) -> list[list[str]]:
    return [[seat.school_id for seat in wave.seats] for wave in plan.waves]


@given(policies(), candidates())
def test_no_wave_is_more_than_threefold_the_one_before(policy: WavePolicy, schools: list[Candidate]) -> None:
    sizes = [len(wave.seats) for wave in plan_waves(policy, schools).waves]
    assert sizes[:1] <= [policy.first_count]
    for before, after in pairwise(sizes):
        assert 1 <= after <= policy.growth_max * before <= 3 * before


@given(policies(), candidates())
def test_no_resource_is_used_over_its_capacity(policy: WavePolicy, schools: list[Candidate]) -> None:
    for wave in plan_waves(policy, schools).waves:
        for index, limit in enumerate(capacities(policy)):
            assert sum(seat.demand[index] for seat in wave.seats) == wave.used[index] <= limit
        assert policy.concurrent_max is None or len(wave.seats) <= policy.concurrent_max


@given(policies(), candidates())
def test_every_school_is_in_one_wave_or_named_with_why(policy: WavePolicy, schools: list[Candidate]) -> None:
    plan = plan_waves(policy, schools)
    placed = [school for wave in shape(plan) for school in wave] + [each.school_id for each in plan.inadmissible]
    assert sorted(placed) == sorted(school.school_id for school in schools)
    closed = {school.school_id for school in schools if not school.open}
    assert {each.school_id for each in plan.inadmissible if each.cause == "not-open"} == closed


@given(policies(), candidates(), st.randoms())
def test_the_order_of_the_input_does_not_matter(policy: WavePolicy, schools: list[Candidate], dice: Random) -> None:
    shuffled = list(schools)
    dice.shuffle(shuffled)
    assert plan_waves(policy, shuffled) == plan_waves(policy, schools)


@given(policies(), candidates())
def test_doubling_a_slack_resource_changes_no_plan(policy: WavePolicy, schools: list[Candidate]) -> None:
    plan = plan_waves(policy, schools)
    named = {each.name for wave in plan.waves for each in wave.binding}
    named |= {each.resource for each in plan.inadmissible}
    for resource in policy.resources:
        if resource.id not in named:
            assert shape(plan_waves(with_capacity(policy, resource.id, 2), schools)) == shape(plan)


@given(policies(), candidates())
def test_what_would_change_with_twice_as_much_is_what_changes(policy: WavePolicy, schools: list[Candidate]) -> None:
    first = plan_waves(policy, schools).waves[:1]
    for wave in first:
        assert set(wave.if_doubled) == {each.name for each in wave.binding if each.limit is Limit.RESOURCE}
        refused = {each.resource for each in plan_waves(policy, schools).inadmissible}
        for name, count in wave.if_doubled.items():
            if name not in refused:  # more of it would also let other schools in
                assert len(plan_waves(with_capacity(policy, name, 2), schools).waves[0].seats) == count


@given(st.integers(2, 30), st.integers(1, 8), st.integers(1, 60))
def test_a_trainers_hours_halved_halve_what_is_admitted(hours: int, each: int, count: int) -> None:
    schools = [Candidate(school_id=mint_id("half", str(n)), district_id=mint_id("half", "d")) for n in range(count)]

    def admitted(capacity: float) -> list[int]:
        trainers = Resource(id="trainer-hours", unit="hours", capacity=capacity, demand=Demand(per_school=each))
        policy = WavePolicy(name="half", version=1, first_count=1000, resources=(trainers,))
        waves = plan_waves(policy, schools).waves
        return [len(wave.seats) for wave in waves if any(b.name == "trainer-hours" for b in wave.binding)]

    assert set(admitted(hours)) <= {floor(hours / each)}
    assert set(admitted(hours / 2)) <= {floor(hours / 2 / each)}


@given(policies(), candidates())
def test_a_resource_that_binds_is_used_but_for_less_than_one_school(
    policy: WavePolicy, schools: list[Candidate]
) -> None:
    """Halves to rounding for schools of any size: what is left over is less than the school that did not fit."""
    for wave in plan_waves(policy, schools).waves:
        for each in wave.binding:
            if each.limit is Limit.RESOURCE:
                assert each.used <= each.capacity < each.used + each.asked


@given(policies(), candidates())
def test_no_district_is_ahead_of_one_that_waits_by_more_than_its_bound(
    policy: WavePolicy, schools: list[Candidate]
) -> None:
    """At every moment: ahead by at most `shares_apart_max`, plus the one school that took it there."""
    plan = plan_waves(policy, schools)
    seats = [seat for wave in plan.waves for seat in wave.seats]
    sizes = {key: sum(seat.district_id == key for seat in seats) for key in {seat.district_id for seat in seats}}
    taken = dict.fromkeys(sizes, 0)
    for seat in seats:
        taken[seat.district_id] += 1
        shares = {key: taken[key] / sizes[key] for key in sizes}
        for key, share in shares.items():
            for other, behind in shares.items():
                if taken[other] < sizes[other]:
                    assert share - behind <= policy.shares_apart_max + 1 / sizes[key] + 1e-9


@given(policies(), candidates())
def test_a_wave_says_what_binds_it_and_only_the_last_ends_the_list(
    policy: WavePolicy, schools: list[Candidate]
) -> None:
    waves = plan_waves(policy, schools).waves
    for wave in waves:
        assert wave.binding
        assert (wave.binding[0].limit is Limit.LIST_END) is (wave is waves[-1])


def test_order_by_need_and_by_list_put_the_unnamed_last() -> None:
    schools = [Candidate(school_id=mint_id("o", str(n)), district_id=mint_id("o", "d")) for n in range(4)]
    one, two = schools[2].school_id, schools[1].school_id
    listed = WavePolicy(name="o", version=1, order=Order.LIST, first_count=1, listed=(one, two))
    needy = WavePolicy(name="o", version=1, order=Order.NEED, first_count=1, needs={one: 0.9, two: 0.1})
    for policy in (listed, needy):
        flat = [school for wave in shape(plan_waves(policy, schools)) for school in wave]
        assert flat[:2] == [one, two]


@given(st.integers(0, 40), st.integers(0, 20), st.integers(0, 20))
def test_no_wave_opens_in_a_freeze(start: int, before: int, length: int) -> None:
    first = date(2026, 9, 1)
    freeze = Freeze(
        starts_on=date.fromordinal(first.toordinal() + before),
        ends_on=date.fromordinal(first.toordinal() + before + length),
    )
    policy = WavePolicy(name="f", version=1, first_count=1, freezes=(freeze,))
    today = date.fromordinal(first.toordinal() + start)
    plan = plan_waves(policy, [Candidate(school_id=mint_id("f", "1"), district_id=mint_id("f", "d"))])
    opens = dated(plan, policy, {}, today).waves[0].opens_on
    assert opens is not None
    assert opens >= today
    assert not freeze.starts_on <= opens <= freeze.ends_on
    assert frozen_until(policy, opens) is None


def calendar(days: Sequence[date]) -> Calendar:
    """School from eight to three, on these days."""

    def at(day: date, hour: int) -> int:
        return int(datetime.combine(day, time(hour), UTC).timestamp() * 1000)

    spans = tuple((day, at(day, 8), at(day, 15)) for day in days)
    return Calendar(district_id=mint_id("w", "any"), version=1, time_zone="UTC", hours_per_day=7, days=spans)


def test_a_wave_opens_when_one_of_its_districts_has_school_and_every_one_before_has_had_its_days() -> None:
    one, two = mint_id("w", "one"), mint_id("w", "two")
    september = [date(2026, 9, day) for day in range(1, 31)]
    calendars = {one: calendar(september), two: calendar(september[9:])}
    schools = [Candidate(school_id=mint_id("w", str(n)), district_id=(one, two)[n % 2]) for n in range(4)]
    policy = WavePolicy(name="w", version=1, first_count=2, growth_max=1, wave_days=5)
    plan = plan_waves(policy, schools)
    assert [len({seat.district_id for seat in wave.seats}) for wave in plan.waves] == [2, 2]
    opens = [wave.opens_on for wave in dated(plan, policy, calendars, date(2026, 8, 20)).waves]
    assert opens == [date(2026, 9, 1), date(2026, 9, 15)]
    alone = [wave.opens_on for wave in dated(plan, policy, {one: calendars[one]}, date(2026, 8, 20)).waves]
    assert alone == [date(2026, 9, 1), date(2026, 9, 6)]
    short = {one: calendar(september), two: calendar(september[9:12])}
    assert [wave.opens_on for wave in dated(plan, policy, short, date(2026, 8, 20)).waves] == [date(2026, 9, 1), None]


def test_demands_are_rounded_up_and_capacities_down() -> None:
    resource = Resource(id="r", unit="hours", capacity=0.0019, demand=Demand(per_school=0.0011))
    policy = WavePolicy(name="r", version=1, first_count=1, resources=(resource,))
    assert capacities(policy) == (1,)
    plan = plan_waves(policy, [Candidate(school_id=mint_id("r", "1"), district_id=mint_id("r", "d"))])
    assert plan.inadmissible[0].asked == ceil(0.0011 * UNITS)
