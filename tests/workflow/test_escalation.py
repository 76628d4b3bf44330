"""Ladders in the Temporal shell: the same rungs at the same instants, whatever becomes of runs and workers."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.calendar import InstructionalDay
from schemas.escalation import RungFired
from schemas.fact import Fact
from schemas.ladder import Ladder, Rung
from schemas.message import AcknowledgeEscalation, IncidentChanged, ReadingsArrived, StartRollout
from schemas.model import canonical_bytes
from schemas.school import Role
from tests.harness.scenario import SCHOOL, actor, calendar_of, context_of, document_of, gates, school_days
from tests.workflow.driver import Driver
from workflows import shell
from workflows.policy.authoring.document import resolve
from workflows.policy.calendar import add_days
from workflows.school import messages, rollout

LADDER = Ladder(
    rungs=(
        Rung(roles=(Role.SCHOOL_LEAD,)),
        Rung(roles=(Role.PRINCIPAL,), after_days=1),
        Rung(roles=(Role.DISTRICT_TECHNOLOGY,), after_days=3),
        Rung(roles=(Role.STATE_DIRECTOR,), after_days=6),
    )
)


def _autumn() -> tuple[InstructionalDay, ...]:
    """School days on both sides of the end of daylight saving: the same civil hours are an hour later in UTC."""
    changes = datetime(2026, 11, 1, tzinfo=UTC).date()
    hour = 3_600_000
    return tuple(
        (day, opens + hour, closes + hour) if day >= changes else (day, opens, closes)
        for day, opens, closes in school_days(100)
    )


CALENDAR = calendar_of(_autumn())
OPENS = datetime(2026, 10, 26, 15, tzinfo=UTC)
"""The Monday of the last week of daylight saving."""


def school() -> Driver:
    named = {
        key: gate.model_copy(update={"blocked_ladder": "usual", "blocked_after_days": 3})
        for key, gate in gates().items()
    }
    policy = resolve(document_of(named).model_copy(update={"ladders": {"usual": LADDER}}), "standard")
    driver = Driver(OPENS, in_sandbox=False)
    driver.start(
        messages.RolloutInput.of(
            StartRollout(
                program_id="wa-2026", school_id=SCHOOL, rehearsal=False, policy=policy, context=context_of(),
                calendar=CALENDAR, started_at=OPENS,
            )
        )
    )  # fmt: skip
    return driver


def days_pass(driver: Driver, days: float) -> None:
    later = add_days(CALENDAR, driver.now, days)
    assert later is not None
    driver.pass_until(later)


def rungs(facts: list[Fact]) -> list[tuple[int, datetime]]:
    return [(fact.body.rung, fact.body.due_at) for fact in facts if isinstance(fact.body, RungFired)]


def continue_as_new(driver: Driver) -> None:
    runs = driver.runs
    driver.history_length = shell.EVENTS_MAX
    driver.signal("readings-arrived", ReadingsArrived(readings={}))
    assert driver.runs == runs + 1


def test_rungs_keep_their_school_hour_across_daylight_saving() -> None:
    driver = school()
    days_pass(driver, 12)
    [raised] = [fact.occurred_at for fact in driver.facts if fact.body.kind == "escalation-raised"]
    due = add_days(CALENDAR, OPENS, 3)
    assert due is not None
    assert timedelta(0) <= raised - due <= timedelta(seconds=rollout.LATENESS_SECONDS_MAX)
    assert rungs(driver.facts) == [
        (number, add_days(CALENDAR, raised, days)) for number, days in ((1, 0), (2, 1), (3, 3), (4, 6))
    ]
    late = [fact.occurred_at - fact.body.due_at for fact in driver.facts if isinstance(fact.body, RungFired)]
    assert all(timedelta(0) <= each <= timedelta(seconds=rollout.LATENESS_SECONDS_MAX) for each in late)


@pytest.mark.parametrize("every", [1, 2, 5])
def test_a_life_cut_into_runs_gives_the_facts_of_one_run(every: int) -> None:
    whole, cut = school(), school()
    for driver in (whole, cut):
        days_pass(driver, 0.5)  # between deadlines: a message at the very instant of one would come before its timer
    for day in range(14):
        for driver in (whole, cut):
            days_pass(driver, 1)
            if day == 5:
                [escalation_id] = driver.look().picture.escalations
                command = AcknowledgeEscalation(
                    act_id="take-00001", actor=actor(Role.PRINCIPAL), escalation_id=escalation_id
                )
                assert driver.act(command).accepted
        if day % every == 0:
            continue_as_new(cut)
    assert [canonical_bytes(fact) for fact in cut.facts] == [canonical_bytes(fact) for fact in whole.facts]
    assert [number for number, _ in rungs(whole.facts)] == [1, 2, 3, 4]


def test_a_database_that_is_away_for_days_is_an_outage_after_which_one_rung_fires() -> None:
    driver = school()
    days_pass(driver, 2.5)
    driver.publishes = False
    days_pass(driver, 9)
    assert rungs(driver.facts) == []
    driver.recover()
    driver.pass_time(timedelta(seconds=5))
    assert [number for number, _ in rungs(driver.facts)] == [1, 2]
    days_pass(driver, 2.1)
    assert [number for number, _ in rungs(driver.facts)] == [1, 2, 3]


def test_workers_that_were_away_for_days_let_each_ladder_climb_one_rung() -> None:
    driver = school()
    days_pass(driver, 3.5)
    assert [number for number, _ in rungs(driver.facts)] == [1]
    back = add_days(CALENDAR, driver.now, 9)
    assert back is not None
    driver.now = back  # nobody fired the timers meanwhile
    driver.pass_until(back)
    assert [number for number, _ in rungs(driver.facts)] == [1, 2]


def test_an_incident_told_by_signal_pauses_and_resumes() -> None:
    driver = school()
    days_pass(driver, 3.5)
    driver.signal("incident-changed", IncidentChanged(incident_id="incident-ours", revision=1, open=True))
    days_pass(driver, 8)
    assert [number for number, _ in rungs(driver.facts)] == [1]
    driver.signal("incident-changed", IncidentChanged(incident_id="incident-ours", revision=2, open=False))
    assert [number for number, _ in rungs(driver.facts)] == [1, 2]
