"""A35, A39 and A48 as pure functions: service level, backlog, friction, defects."""

from datetime import timedelta

import pytest

from schemas.readiness import CATALOGUE, Missing
from schemas.school import Scope, ScopeKind
from schemas.signal import Origin
from services.helpdesk.readiness import (
    BACKLOG_AGE,
    FRICTION_AGE,
    OPEN_CRITICAL,
    OPEN_MAJOR,
    SERVICE_LEVEL,
    STOPPED,
    WEEKLY_TICKETS,
    WEEKS_IN_LEVEL,
    compute,
)
from services.readings.subject import SignalValue
from tests.harness.school_life import (
    RELEASE,
    at,
    defect,
    friction,
    subject,
    ticket,
    value_of,
    watermark,
)

NOW = at(20)


def seen(signal: str, *events: object, now: object = NOW) -> SignalValue:
    scope = {"scope": RELEASE} if CATALOGUE[signal].scope is ScopeKind.RELEASE else {}
    return value_of(compute(subject(*events, now=now, **scope)), signal)  # type: ignore[arg-type]


def release_mark(school_time: float = 20) -> object:
    return watermark(at(school_time), scope=RELEASE)


@pytest.mark.parametrize("kind", [ScopeKind.SCHOOL, ScopeKind.RELEASE])
def test_every_signal_of_the_help_desk_is_answered_for_its_scope_even_of_nothing(kind: ScopeKind) -> None:
    declared = {name for name, entry in CATALOGUE.items() if entry.owner == "helpdesk" and entry.scope is kind}
    scope = RELEASE if kind is ScopeKind.RELEASE else Scope(kind=kind, id="00000000-0000-0000-0000-000000000001")
    values = compute(subject(now=NOW, scope=scope))
    assert {value.signal for value in values} == declared
    assert len(values) == len(declared)
    assert {value.missing for value in values} == {Missing.NO_WATERMARK}


# --- instruction stopped (A12)


def test_the_ticket_that_stops_most_people_counts_and_only_while_nothing_helps() -> None:
    stopped = {"in_lesson": True, "workaround": False}
    tickets = (
        ticket(19.0, people_affected_count=28, **stopped),
        ticket(19.0, people_affected_count=40, in_lesson=True),
        ticket(19.0, people_affected_count=50, workaround=False),
        ticket(18.0, 19.0, people_affected_count=60, **stopped),
        ticket(19.5, people_affected_count=12, **stopped),
    )
    assert seen(STOPPED, *tickets, watermark(NOW)).value == 28
    assert seen(STOPPED, watermark(NOW)).value == 0
    assert seen(STOPPED, *tickets).missing is Missing.NO_WATERMARK


# --- service level (A35)


def test_a_ticket_resolved_within_its_allowance_meets_the_level() -> None:
    value = seen(SERVICE_LEVEL, ticket(1.0, 2.9), watermark(NOW))
    assert (value.value, value.numerator, value.population) == (1.0, 1, 1)


def test_a_ticket_resolved_after_its_allowance_misses_the_level() -> None:
    assert seen(SERVICE_LEVEL, ticket(1.0, 3.1), watermark(NOW)).value == 0.0


def test_a_ticket_resolved_at_the_last_moment_meets_the_level() -> None:
    assert seen(SERVICE_LEVEL, ticket(1.0, 3.0), watermark(NOW)).value == 1.0


@pytest.mark.parametrize(
    ("priority", "allowed_days"), [("urgent", 3 / 7), ("high", 1.0), ("medium", 2.0), ("low", 5.0)]
)
def test_each_priority_has_its_allowance_in_school_time(priority: str, allowed_days: float) -> None:
    def level(taken: float) -> float | None:
        return seen(SERVICE_LEVEL, ticket(1.25, 1.25 + taken, priority=priority), watermark(NOW)).value

    assert level(allowed_days - 0.01) == 1.0
    assert level(allowed_days + 0.01) == 0.0


def test_the_clock_stops_outside_school_hours() -> None:
    # Friday's last school hour to Tuesday's second one, over a weekend and Labor Day: two school hours.
    friday, tuesday = 4 - 1 / 7, 4 + 1 / 7
    assert (at(tuesday) - at(friday)).days >= 3
    assert seen(SERVICE_LEVEL, ticket(friday, tuesday, priority="urgent"), watermark(NOW)).value == 1.0


def test_an_open_ticket_past_its_allowance_counts_against_the_level() -> None:
    value = seen(SERVICE_LEVEL, ticket(1.0), ticket(1.0, 2.0), watermark(NOW))
    assert (value.value, value.numerator, value.population) == (0.5, 1, 2)


def test_a_ticket_that_is_not_due_is_not_judged() -> None:
    value = seen(SERVICE_LEVEL, ticket(1.0, 2.0), ticket(19.0), watermark(NOW))
    assert (value.value, value.population) == (1.0, 1)


def test_a_reopened_ticket_counts_as_not_resolved() -> None:
    again = ticket(1.0, 2.0, change="reopened", reopened_count=1, resolved_at=None)
    still_dated = ticket(1.0, 2.0, change="reopened", reopened_count=1)
    assert seen(SERVICE_LEVEL, again, watermark(NOW)).value == 0.0
    assert seen(SERVICE_LEVEL, still_dated, watermark(NOW)).value == 0.0


def test_a_resolution_after_reopening_is_judged_from_the_first_opening() -> None:
    assert seen(SERVICE_LEVEL, ticket(1.0, 4.0, reopened_count=1), watermark(NOW)).value == 0.0
    assert seen(SERVICE_LEVEL, ticket(1.0, 2.5, reopened_count=1), watermark(NOW)).value == 1.0


def test_a_merged_ticket_leaves() -> None:
    merged = ticket(1.0, change="merged", merged_into="ticket-4711")
    value = seen(SERVICE_LEVEL, merged, ticket(1.0, 2.0), watermark(NOW))
    assert (value.value, value.population) == (1.0, 1)
    assert seen(BACKLOG_AGE, merged, watermark(NOW)).value == 0.0


def test_without_a_watermark_silence_is_unknown_and_never_zero() -> None:
    for signal in (SERVICE_LEVEL, BACKLOG_AGE, FRICTION_AGE, WEEKLY_TICKETS, WEEKS_IN_LEVEL):
        value = seen(signal, ticket(1.0, 2.0))
        assert (value.value, value.missing) == (None, Missing.NO_WATERMARK)


def test_no_ticket_due_below_a_watermark_is_inapplicable_and_no_perfect_level() -> None:
    value = seen(SERVICE_LEVEL, watermark(NOW))
    assert (value.value, value.applicable, value.missing, value.observed_at) == (None, False, None, NOW)


def test_a_level_is_observed_when_the_feed_was_complete_however_fresh_a_ticket_is() -> None:
    value = seen(SERVICE_LEVEL, ticket(1.0, 19.5), watermark(at(5)))
    assert value.observed_at == at(5)


def test_a_watermark_that_claims_the_future_is_taken_at_its_own_instant() -> None:
    assert seen(BACKLOG_AGE, watermark(at(40), observed_at=at(6))).observed_at == at(6)


def test_a_ticket_newer_than_the_watermark_counts_as_far_as_it_tells() -> None:
    late = ticket(10.0, 13.0)
    assert seen(SERVICE_LEVEL, late, watermark(at(5))).value == 0.0


def test_an_old_watermark_does_not_call_an_open_ticket_late() -> None:
    value = seen(SERVICE_LEVEL, ticket(4.5), watermark(at(5)))
    assert value.applicable is False
    assert seen(BACKLOG_AGE, ticket(4.5), watermark(at(5))).value == 0.5


def test_without_a_calendar_there_is_no_school_clock() -> None:
    values = compute(subject(ticket(1.0, 2.0), watermark(NOW), now=NOW, calendar=None))
    assert {value.missing for value in values} == {Missing.NO_CALENDAR}


def test_an_attested_or_simulated_ticket_marks_the_reading() -> None:
    value = seen(SERVICE_LEVEL, ticket(1.0, 2.0, origin=Origin.ATTESTED, simulated=True), watermark(NOW))
    assert (value.origin, value.simulated) == (Origin.ATTESTED, True)


# --- backlog (A35)


def test_no_open_ticket_below_a_watermark_is_no_backlog() -> None:
    value = seen(BACKLOG_AGE, watermark(NOW))
    assert (value.value, value.applicable, value.observed_at) == (0.0, True, NOW)


def test_the_backlog_is_the_nearest_rank_90th_percentile_in_instructional_days() -> None:
    ages = [ticket(20.0 - age) for age in (1, 2, 3, 4, 5, 6, 7, 8, 9, 19)]
    assert seen(BACKLOG_AGE, *ages, ticket(0.0, 1.0), watermark(NOW)).value == 9.0


def test_the_90th_percentile_of_twenty_is_the_eighteenth() -> None:
    ages = [ticket(20.0 - 0.5 * step) for step in range(1, 21)]
    assert seen(BACKLOG_AGE, *ages, watermark(NOW)).value == 9.0


def test_a_ticket_opened_before_the_first_day_or_just_now_has_no_age() -> None:
    early = ticket(0.0, opened_at=at(0) - timedelta(days=9))
    assert seen(BACKLOG_AGE, ticket(20.0), watermark(NOW)).value == 0.0
    assert seen(BACKLOG_AGE, early, watermark(at(1))).value == 1.0


def test_a_resolution_still_to_come_has_not_happened() -> None:
    assert (
        seen(SERVICE_LEVEL, ticket(1.0, 2.0, observed_at=at(1.0)), watermark(at(1.5)), now=at(1.5)).applicable is False
    )
    assert seen(BACKLOG_AGE, ticket(1.0, 2.0, observed_at=at(1.0)), watermark(at(1.5)), now=at(1.5)).value == 0.5


def test_a_ticket_is_due_when_its_allowance_has_passed_to_the_moment() -> None:
    assert seen(SERVICE_LEVEL, ticket(1.0), watermark(at(3.0)), now=at(3.0)).value == 0.0
    assert seen(SERVICE_LEVEL, ticket(1.0), watermark(at(2.99)), now=at(2.99)).applicable is False


def test_a_reopened_ticket_is_backlog_since_its_first_opening() -> None:
    assert seen(BACKLOG_AGE, ticket(10.0, 11.0, change="reopened"), watermark(NOW)).value == 10.0


# --- friction (A39)


def test_three_tickets_of_one_cause_within_five_days_open_an_item_at_the_third() -> None:
    tickets = [ticket(opened, opened + 0.5) for opened in (8.0, 9.0, 12.0)]
    assert seen(FRICTION_AGE, *tickets, watermark(NOW)).value == 8.0


def test_three_tickets_exactly_five_days_apart_open_an_item_and_farther_apart_none() -> None:
    assert seen(FRICTION_AGE, *[ticket(t, t) for t in (8.0, 9.0, 13.0)], watermark(NOW)).value == 7.0
    assert seen(FRICTION_AGE, *[ticket(t, t) for t in (8.0, 9.0, 13.1)], watermark(NOW)).value == 0.0


def test_three_tickets_of_two_causes_open_no_item() -> None:
    tickets = [ticket(8.0), ticket(8.1), ticket(8.2, cause="wifi")]
    assert seen(FRICTION_AGE, *tickets, watermark(NOW)).value == 0.0


def test_a_merged_ticket_is_no_recurrence() -> None:
    tickets = [ticket(8.0), ticket(8.1), ticket(8.2, merged_into="ticket-4711")]
    assert seen(FRICTION_AGE, *tickets, watermark(NOW)).value == 0.0


def test_a_later_mitigation_closes_the_item_and_an_earlier_one_does_not() -> None:
    tickets = [ticket(8.0), ticket(8.1), ticket(9.0)]
    assert seen(FRICTION_AGE, *tickets, friction(9.0, 12.0), watermark(NOW)).value == 0.0
    assert seen(FRICTION_AGE, *tickets, friction(7.0, 8.9), watermark(NOW)).value == 11.0


def test_a_third_ticket_after_the_mitigation_opens_the_item_again() -> None:
    tickets = [ticket(8.0), ticket(8.1), ticket(9.0), ticket(11.0)]
    assert seen(FRICTION_AGE, *tickets, friction(9.0, 10.0), watermark(NOW)).value == 9.0


def test_a_logged_item_counts_until_it_is_mitigated() -> None:
    assert seen(FRICTION_AGE, friction(5.0, cause="printing"), watermark(NOW)).value == 15.0
    assert seen(FRICTION_AGE, friction(5.0, 6.0, cause="printing"), watermark(NOW)).value == 0.0


def test_an_item_ages_only_as_far_as_the_watermark_tells() -> None:
    assert seen(FRICTION_AGE, friction(5.0), watermark(at(8))).value == 3.0
    assert seen(FRICTION_AGE, friction(5.0), watermark(at(30), observed_at=at(30)), now=at(8)).value == 3.0


def test_an_item_logged_or_mitigated_later_than_now_does_not_count_yet() -> None:
    assert seen(FRICTION_AGE, friction(21.0), watermark(NOW)).value == 0.0
    assert seen(FRICTION_AGE, friction(5.0, 21.0), watermark(NOW)).value == 15.0


def test_the_last_of_several_mitigations_decides() -> None:
    tickets = [ticket(8.0), ticket(8.1), ticket(9.0)]
    mitigations = [friction(8.0, 8.5), friction(8.0, 9.0), friction(8.0, 8.2)]
    for order in (mitigations, mitigations[::-1]):
        assert seen(FRICTION_AGE, *tickets, *order, watermark(NOW)).value == 0.0


def test_a_cause_that_is_logged_and_recurs_is_one_item_as_old_as_its_oldest_evidence() -> None:
    tickets = [ticket(8.0), ticket(8.1), ticket(9.0)]
    assert seen(FRICTION_AGE, *tickets, friction(12.0), watermark(NOW)).value == 11.0
    assert seen(FRICTION_AGE, *tickets, friction(2.0), watermark(NOW)).value == 18.0


# --- defects (A48)


def test_an_open_critical_defect_counts_until_it_is_closed() -> None:
    assert seen(OPEN_CRITICAL, defect("critical", 3), release_mark()).value == 1.0
    assert seen(OPEN_CRITICAL, defect("critical", 3, 4), release_mark()).value == 0.0


def test_a_reopened_critical_defect_counts_again() -> None:
    again = defect("critical", 3, 4, open=True, closed_at=None)
    assert seen(OPEN_CRITICAL, again, release_mark()).value == 1.0


def test_a_defect_whose_source_contradicts_itself_is_open() -> None:
    assert seen(OPEN_CRITICAL, defect("critical", 3, open=False), release_mark()).value == 1.0


def test_a_major_defect_counts_without_a_workaround_only() -> None:
    defects = [defect("major", 3), defect("major", 4), defect("major", 3, workaround=True), defect("minor", 3)]
    defects.append(defect("critical", 3))
    assert seen(OPEN_MAJOR, *defects, release_mark()).value == 2.0
    assert seen(OPEN_CRITICAL, *defects, release_mark()).value == 1.0


def test_a_workaround_does_not_excuse_a_critical_defect() -> None:
    assert seen(OPEN_CRITICAL, defect("critical", 3, workaround=True), release_mark()).value == 1.0


def test_no_defect_is_zero_only_below_the_releases_watermark() -> None:
    assert seen(OPEN_CRITICAL).missing is Missing.NO_WATERMARK
    value = seen(OPEN_CRITICAL, release_mark(12))
    assert (value.value, value.observed_at) == (0.0, at(12))


def test_a_district_is_no_subject_of_the_help_desk() -> None:
    assert compute(subject(now=NOW, scope=Scope(kind=ScopeKind.DISTRICT, id="d"))) == ()


# --- weeks (A35, A76)


def weekly(*counts: int) -> list[object]:
    """So many tickets in each school week, each resolved at once."""
    return [
        ticket(5 * week + 0.1 + 0.01 * number, 5 * week + 0.2)
        for week, count in enumerate(counts)
        for number in range(count)
    ]


def test_the_trend_is_the_rise_of_the_straight_line_through_four_weeks() -> None:
    rising = seen(WEEKLY_TICKETS, *weekly(1, 3, 5, 7), watermark(NOW))
    assert (rising.value, rising.population) == (2.0, 4)
    assert seen(WEEKLY_TICKETS, *weekly(7, 5, 3, 1), watermark(NOW)).value == -2.0
    assert seen(WEEKLY_TICKETS, watermark(NOW)).value == 0.0


def test_a_trend_rounds_toward_worse() -> None:
    assert seen(WEEKLY_TICKETS, *weekly(1, 1, 1, 2), watermark(NOW)).value == 0.3
    assert seen(WEEKLY_TICKETS, *weekly(0, 1, 0, 0), watermark(NOW)).value == -0.1


def test_only_whole_weeks_that_the_feed_has_seen_count() -> None:
    value = seen(WEEKLY_TICKETS, *weekly(1, 2, 9, 9), watermark(at(14.9)))
    assert (value.value, value.population) == (1.0, 2)
    assert seen(WEEKLY_TICKETS, *weekly(1, 2), watermark(at(9.9))).missing is Missing.POPULATION_TOO_SMALL


def test_a_ticket_from_before_the_first_school_day_is_of_no_week() -> None:
    early = ticket(0.0, 0.1, opened_at=at(0) - timedelta(days=9))
    assert seen(WEEKLY_TICKETS, *[early] * 5, *weekly(1, 1, 1, 1), watermark(NOW)).value == 0.0


def test_weeks_in_level_are_counted_back_to_the_first_that_missed_it() -> None:
    kept = [ticket(5 * week + 1.0, 5 * week + 2.0) for week in (0, 2, 3)]
    late = ticket(6.0, 9.5)
    assert seen(WEEKS_IN_LEVEL, *kept, late, watermark(NOW)).value == 2.0
    assert seen(WEEKS_IN_LEVEL, *kept, ticket(16.0, 19.5), watermark(NOW)).value == 0.0


def test_a_week_without_a_ticket_due_neither_counts_nor_breaks_the_row() -> None:
    kept = [ticket(5 * week + 1.0, 5 * week + 2.0) for week in (0, 3)]
    assert seen(WEEKS_IN_LEVEL, *kept, watermark(NOW)).value == 2.0


def test_no_week_with_a_ticket_due_is_inapplicable_and_no_week_over_is_unknown() -> None:
    assert seen(WEEKS_IN_LEVEL, watermark(NOW)).applicable is False
    assert seen(WEEKS_IN_LEVEL, ticket(1.0, 2.0), watermark(at(4.9))).missing is Missing.POPULATION_TOO_SMALL


def test_nine_of_ten_in_time_keep_the_level_and_eight_do_not() -> None:
    week = [ticket(1.0, 2.0) for _ in range(9)]
    assert seen(WEEKS_IN_LEVEL, *week, ticket(1.0, 4.0), watermark(NOW)).value == 1.0
    assert seen(WEEKS_IN_LEVEL, *week[:8], ticket(1.0, 4.0), ticket(1.0, 4.1), watermark(NOW)).value == 0.0
