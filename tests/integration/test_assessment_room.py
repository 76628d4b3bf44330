"""Assessment on real servers: an untidy feed gives the readings of the tidy history, and days pass by themselves."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from schemas.events.raw import RawEvent
from schemas.school import Scope, ScopeKind
from services.assessment.readiness import (
    BETA_DAYS,
    FEEDBACK,
    FIRST_SESSION,
    MODEL_MISMATCH,
    RESULT_VISIBLE,
    compute,
)
from services.assessment.room import DOMAIN
from services.kit.settings import Settings
from services.readings.subject import SignalValue, Subject
from tests.harness.domain_lab import COUNTS, DomainLab, domain_lab
from tests.harness.school_life import PLAN, beta, feedback, first_sessions, round_trip, value_of
from tests.harness.until import until
from workflows.policy.calendar import day_at

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture
async def lab(stack: Settings) -> AsyncIterator[DomainLab]:
    async with domain_lab(stack, DOMAIN) as running:
        yield running


def expected(lab: DomainLab, *events: RawEvent) -> tuple[SignalValue, ...]:
    """What the pure function says of the tidy history."""
    tidy = tuple(sorted(events, key=lambda event: (event.ce_type, event.entity_ref)))
    scope = Scope(kind=ScopeKind.SCHOOL, id=lab.school_id)
    return compute(Subject(scope, None, lab.calendar, lab.now, day_at(lab.calendar, lab.now), tidy))


def of_lab(lab: DomainLab, event: RawEvent, days_ago: float) -> RawEvent:
    return event.model_copy(update={"school_id": lab.school_id, "observed_at": lab.at(days_ago)})


def history(lab: DomainLab) -> list[RawEvent]:
    started = lab.at(11).date()
    return [
        of_lab(lab, beta(started, beta_model=PLAN.model_copy(update={"take_home": False})), 11),
        of_lab(lab, feedback(3, 10), 9),
        of_lab(lab, feedback(8, 10), 2),
        *(of_lab(lab, first_sessions(9, 10), ago) for ago in (8, 7, 6)),
        of_lab(lab, round_trip(delivered=False), 5),
        of_lab(lab, round_trip(), 3),
    ]


async def test_an_untidy_feed_gives_the_readings_of_the_tidy_history(lab: DomainLab) -> None:
    tidy = history(lab)
    miscounted = tidy[3]
    corrected = miscounted.model_copy(update={"revision": 2, "non_volunteers_succeeded_count": 3})
    told = [*tidy, corrected, *tidy[:3]]
    random.Random(3).shuffle(told)
    before = await lab.counts()
    lab.send(*told)
    lab.teach()
    values = expected(lab, *(event for event in tidy if event is not miscounted), corrected)
    await lab.settled(values)
    figures = {name: value_of(values, name).value for name in (FIRST_SESSION, FEEDBACK, RESULT_VISIBLE, BETA_DAYS)}
    assert figures == {FIRST_SESSION: 0.7, FEEDBACK: 0.8, RESULT_VISIBLE: 1.0, BETA_DAYS: 12.0}
    assert lab.readings[lab.school_id, MODEL_MISMATCH].detail == ("take-home",)
    counts = await lab.moved_by(before, len(told))
    assert counts["moved"] == sum(counts[name] for name in COUNTS) == len(told)
    assert (counts["duplicate"], counts["dead"], counts["parked"]) == (3, 0, 0)


async def test_beta_days_rise_as_days_begin_without_any_event(lab: DomainLab) -> None:
    lab.day_length = timedelta(seconds=1)
    lab.teach()
    lab.send(of_lab(lab, beta(lab.now.date()), 0))

    async def days() -> float:
        reading = lab.readings.get((lab.school_id, BETA_DAYS))
        return reading.value or 0.0 if reading else 0.0

    async def three_more() -> bool:
        return await days() >= first + 3

    first = await until(days, what="a beta day")
    await until(three_more, what="three days later")
