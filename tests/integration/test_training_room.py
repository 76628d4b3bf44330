"""Training on real servers: an untidy feed gives the readings of the tidy history, and nothing is lost."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from schemas.events.raw import RawEvent
from schemas.school import Scope, ScopeKind
from services.kit.settings import Settings
from services.readings.subject import SignalValue
from services.training.readiness import COACHES, MODULES, NO_COACH, UNTRAINED_HANDOUT, compute
from services.training.room import DOMAIN
from tests.harness.domain_lab import COUNTS, DomainLab, domain_lab
from tests.harness.school_life import coach, completion, day, handout, roster, school, subject, value_of, watermark

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture
async def lab(stack: Settings) -> AsyncIterator[DomainLab]:
    async with domain_lab(stack, DOMAIN) as running:
        yield running


def expected(lab: DomainLab, *events: RawEvent) -> tuple[SignalValue, ...]:
    """What the pure function says of the tidy history."""
    tidy = subject(*events, now=lab.now)
    return compute(replace(tidy, school=school(20.0)))


def of_lab(lab: DomainLab, event: RawEvent) -> RawEvent:
    """The event about this lab's school, seen a day ago."""
    return event.model_copy(update={"school_id": lab.school_id, "observed_at": lab.at(1)})


def history(lab: DomainLab) -> list[RawEvent]:
    modules = ("device-basics", "classroom-use", "data-use")
    trained = [completion(who, module, day(who)) for who in range(1, 5) for module in modules]
    events = [roster(5), *trained, handout(1, 1, day(9)), handout(2, 6, day(9)), coach(1, 0.5)]
    scope = Scope(kind=ScopeKind.SCHOOL, id=lab.school_id)
    return [*(of_lab(lab, event) for event in events), watermark(lab.at(1), scope=scope)]


async def test_an_untidy_feed_gives_the_readings_of_the_tidy_history(lab: DomainLab) -> None:
    tidy = history(lab)
    by_mistake = of_lab(lab, completion(5, "data-use", day(3)))
    taken_back = by_mistake.model_copy(update={"revision": 2, "retracted": True})
    told = [*tidy, taken_back, by_mistake, *tidy[:4]]
    random.Random(5).shuffle(told)
    before = await lab.counts()
    lab.send(*told)
    lab.teach()
    values = expected(lab, *tidy)
    await lab.settled(values)
    assert [value_of(values, name).value for name in (MODULES, UNTRAINED_HANDOUT, COACHES)] == [0.8, 1.0, 10.0]
    counts = await lab.moved_by(before, len(told))
    assert counts["moved"] == sum(counts[name] for name in COUNTS) == len(told)
    assert (counts["duplicate"], counts["dead"], counts["parked"]) == (4, 0, 0)


async def test_the_last_coach_who_leaves_is_a_no_on_the_wire(lab: DomainLab) -> None:
    lab.teach()
    here = of_lab(lab, coach(1))
    gone = here.model_copy(update={"revision": 2, "active": False})
    lab.send(gone, here)
    await lab.settled(expected(lab, gone))
    reading = lab.readings[lab.school_id, COACHES]
    assert (reading.value, reading.missing, reading.detail) == (NO_COACH, None, ("no-coach",))
