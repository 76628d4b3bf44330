"""The planner's laws: what it calls latest is legal, a day later is not, and a perfect school opens as it says."""

from datetime import date, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.calendar import Calendar
from schemas.decision import Outcome
from schemas.freeze import Freeze
from schemas.school import GateId
from tests.harness.scenario import OPENING
from tests.property.strategies import POLICY, clean_inputs
from tests.property.test_policy_freezes import LISTS, frozen_calendars
from workflows.policy.calendar import day_at
from workflows.policy.evaluate import evaluate
from workflows.policy.planner import GATES, Backward, Forward, earliest_go_live, latest_starts

MICROSECOND = timedelta(microseconds=1)


def forward(chosen: tuple[Freeze, ...], calendar: Calendar, start: datetime) -> Forward | None:
    return earliest_go_live(POLICY.model_copy(update={"freezes": chosen}), calendar, start)


def opening(calendar: Calendar, day: date) -> datetime:
    found = next(each for each in calendar.days if each[0] == day)
    return OPENING + timedelta(milliseconds=found[1] - calendar.days[0][1])


@given(st.data(), LISTS, frozen_calendars())
@settings(max_examples=60, deadline=None)
def test_the_latest_start_is_legal_and_a_day_later_is_not(
    data: st.DataObject, chosen: tuple[Freeze, ...], calendar: Calendar
) -> None:
    go_live = data.draw(st.sampled_from(calendar.days))[0]
    plan = latest_starts(POLICY.model_copy(update={"freezes": chosen}), calendar, go_live, date.min)
    if not isinstance(plan, Backward):
        return
    day = plan.starts[0].day
    on_time = forward(chosen, calendar, opening(calendar, day))
    assert on_time is not None
    assert on_time.go_live <= go_live
    later = [each[0] for each in calendar.days if each[0] > day][:1]
    for following in later:
        late = forward(chosen, calendar, opening(calendar, following))
        assert late is None or late.stages[-1].opens_at > opening(calendar, go_live)


@given(st.data(), LISTS, frozen_calendars())
@settings(max_examples=60, deadline=None)
def test_a_rejected_date_has_no_start_and_the_next_is_the_first_that_is_accepted(
    data: st.DataObject, chosen: tuple[Freeze, ...], calendar: Calendar
) -> None:
    policy = POLICY.model_copy(update={"freezes": chosen})
    go_live = calendar.days[0][0] + timedelta(days=data.draw(st.integers(-3, 120)))
    earliest = data.draw(st.sampled_from(calendar.days))[0]
    plan = latest_starts(policy, calendar, go_live, earliest)
    if isinstance(plan, Backward):
        assert plan.starts[0].day >= earliest
        return
    dates = [day[0] for day in calendar.days if day[0] >= go_live]
    accepted = [each for each in dates if isinstance(latest_starts(policy, calendar, each, earliest), Backward)]
    assert plan.next_go_live == next(iter(accepted), None)


@given(st.data(), LISTS, frozen_calendars())
@settings(max_examples=60, deadline=None)
def test_a_perfect_school_opens_each_gate_when_the_plan_says_and_not_before(
    data: st.DataObject, chosen: tuple[Freeze, ...], calendar: Calendar
) -> None:
    plan = forward(chosen, calendar, OPENING)
    assume(plan is not None)
    assert plan is not None
    policy = POLICY.model_copy(update={"freezes": chosen})
    for stage in plan.stages:
        if stage.gate is GateId.CHARTER:
            continue
        of = data.draw(clean_inputs(stage.gate)).model_copy(update={"opened_at": stage.starts_at})
        seen_at = stage.opens_at - timedelta(hours=1)
        fresh = {
            name: each.model_copy(
                update={"observed_at": seen_at, "healthy_since": dict.fromkeys(each.healthy_since, stage.starts_at)}
            )
            for name, each in of.evidence.items()
        }
        of = of.model_copy(update={"evidence": fresh})
        assert evaluate(policy, calendar, of, stage.opens_at).outcome is Outcome.OPEN
        before = stage.opens_at - MICROSECOND
        if before >= stage.starts_at:
            assert evaluate(policy, calendar, of, before).outcome is not Outcome.OPEN or stage.minimum_days == 0


@given(st.data(), LISTS, frozen_calendars())
@settings(max_examples=60, deadline=None)
def test_every_phases_latest_start_lies_in_order_and_outside_the_freezes_of_the_gate_before(
    data: st.DataObject, chosen: tuple[Freeze, ...], calendar: Calendar
) -> None:
    go_live = data.draw(st.sampled_from(calendar.days))[0]
    plan = latest_starts(POLICY.model_copy(update={"freezes": chosen}), calendar, go_live, date.min)
    assume(isinstance(plan, Backward))
    assert isinstance(plan, Backward)
    assert [each.gate for each in plan.starts] == list(GATES)
    instants = [each.starts_at for each in plan.starts]
    assert instants == sorted(instants)
    assert all(day_at(calendar, each.starts_at) == each.day for each in plan.starts)
    assert instants[-1] <= opening(calendar, go_live)
