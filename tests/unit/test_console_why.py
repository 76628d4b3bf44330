"""A school is explained whole, and "no" is never said where nothing could be seen."""

from datetime import timedelta

import pytest

from schemas.decision import Outcome, Status
from schemas.school import Role
from services.console import census, history
from services.console.why import Standing, standing_of
from tests.harness.console import explained
from tests.harness.scenario import CLEAN, Scenario


def at_g1(**values: float | None) -> Scenario:
    """A school before G1 that has heard these values; None: never reported."""
    known = {name: value for name, value in (dict(CLEAN) | values).items() if value is not None}
    return Scenario().signs().hears(known)


def test_every_criterion_of_the_gate_is_told() -> None:
    school = at_g1()
    answer = explained(school)
    policy = school.walk.state.policy
    assert [each.criterion_id for each in answer.criteria] == [
        each.id for each in policy.gates[answer.line.gate].criteria
    ]


def test_a_failing_criterion_shows_observed_required_owner_and_next_step() -> None:
    answer = explained(at_g1(**{"network.page-load-p95-seconds": 9.0}))
    [slow] = [each for each in answer.criteria if each.criterion_id == "page-load"]
    assert (slow.observed, slow.required, slow.unit, slow.standing) == (9.0, 3.0, "seconds", Standing.NO)
    assert (slow.owner, slow.next_step) == (Role.SCHOOL_LEAD, "Repair it.")
    assert slow.origin == "measured"
    assert slow.age_seconds == 0
    assert answer.outcome is Outcome.UNMET


def test_no_evidence_is_not_no() -> None:
    answer = explained(at_g1(**{"network.page-load-p95-seconds": None}))
    [dark] = [each for each in answer.criteria if each.criterion_id == "page-load"]
    assert dark.standing is Standing.NO_EVIDENCE
    assert dark.observed is None
    assert dark.next_step is not None
    assert "network.page-load-p95-seconds" in dark.next_step, "the next step is to see, not to mend"
    assert answer.outcome is Outcome.UNKNOWN


def test_every_status_has_a_word_of_its_own_kind() -> None:
    words = {status: standing_of(status) for status in Status}
    assert {status for status, word in words.items() if word is Standing.NO} == {Status.UNMET}
    assert {s for s, word in words.items() if word is Standing.NO_EVIDENCE} == {Status.UNKNOWN, Status.STALE}
    assert {s for s, word in words.items() if word is Standing.YES} == {Status.MET}


def test_a_hold_names_who_may_lift_it() -> None:
    answer = explained(at_g1().held(lifted_by=Role.DISTRICT_TECHNOLOGY))
    [hold] = [each for each in answer.criteria if each.criterion_id == "hold:hold-0001"]
    assert hold.owner is Role.DISTRICT_TECHNOLOGY
    assert hold.next_step is not None
    assert hold.blocks
    assert hold.standing is Standing.HELD


def test_who_is_asked_and_what_silence_does_is_told() -> None:
    school = at_g1(**{"network.mbps-per-student": 0.8}).days_pass(4, refreshed=False)
    school.hears(
        {"network.mbps-per-student": 0.8} | {k: v for k, v in CLEAN.items() if k != "network.mbps-per-student"}
    )
    answer = explained(school)
    assert answer.asks is Role.DISTRICT_TECHNOLOGY
    assert answer.silence == "The school stays where it is."
    [grey] = [each for each in answer.criteria if each.standing is Standing.ASKED]
    assert grey.owner is Role.DISTRICT_TECHNOLOGY


def test_reasons_are_grouped_by_step_and_count_whom_they_free() -> None:
    slow = explained(at_g1(**{"network.page-load-p95-seconds": 9.0}), "a", "Alder")
    both = {"network.page-load-p95-seconds": 9.0, "device.enrolled-ratio": None}
    worse = explained(at_g1(**both), "b", "Birch")
    groups = census.group([slow, worse])
    assert [(each.criterion, each.schools, each.frees) for each in groups] == [("page-load", 2, 1), ("enrolled", 1, 0)]
    assert [place.school for place in groups[0].freed] == ["Alder"]
    assert (groups[1].no, groups[1].no_evidence) == (0, 1)


def test_time_alone_is_nobodys_step() -> None:
    answer = explained(at_g1())
    assert answer.outcome is Outcome.WAITING
    assert census.blockers(answer) == []


@pytest.mark.parametrize("days", [0, 4])
def test_every_fact_has_a_sentence(days: int) -> None:
    school = at_g1().held().released().days_pass(days, refreshed=True).stopped()
    told = [history.tell(fact) for fact in school.facts]
    assert [each.fact_sequence for each in told] == list(range(1, len(told) + 1))
    assert all(len(each.text) >= 10 for each in told)
    assert told[-1].text.startswith("left the program")


def test_ages_are_counted_at_the_moment_of_asking() -> None:
    school = at_g1()
    school.now += timedelta(hours=2)
    assert explained(school).criteria[0].age_seconds == 7200
