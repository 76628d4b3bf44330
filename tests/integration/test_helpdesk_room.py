"""The help desk on real servers: an untidy feed gives the readings of the tidy history, and nothing is lost."""

import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from schemas.events.helpdesk import TicketChanged
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.school import Scope, ScopeKind
from services.helpdesk.readiness import OPEN_CRITICAL, SERVICE_LEVEL, compute
from services.helpdesk.room import DOMAIN
from services.kit.settings import Settings
from services.readings.subject import Subject
from tests.harness.domain_lab import COUNTS, DomainLab, domain_lab
from tests.harness.school_life import SCHOOL, defect, friction, ticket, value_of, watermark

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture
async def lab(stack: Settings) -> AsyncIterator[DomainLab]:
    async with domain_lab(stack, DOMAIN) as running:
        yield running


def school_ticket(lab: DomainLab, opened: float, resolved: float | None = None, **changes: Any) -> TicketChanged:
    """A ticket of the lab's school, by days ago."""
    base: dict[str, Any] = {
        "school_id": lab.school_id, "opened_at": lab.at(opened), "observed_at": lab.at(opened),
        "change": "opened" if resolved is None else "resolved",
    }  # fmt: skip
    if resolved is not None:
        base |= {"resolved_at": lab.at(resolved), "observed_at": lab.at(resolved)}
    return ticket(1.0, **{**base, **changes})


def mark(lab: DomainLab, days_ago: float) -> FeedWatermark:
    return watermark(lab.at(days_ago), scope=Scope(kind=ScopeKind.SCHOOL, id=lab.school_id))


def subject_of(lab: DomainLab, *events: RawEvent) -> Subject:
    """The tidy history as the desk would tell it."""
    newest = {event.entity_ref: event for event in sorted(events, key=lambda event: event.revision)}
    standing = sorted((e for e in newest.values() if not e.retracted), key=lambda e: (e.ce_type, e.entity_ref))
    scope = SCHOOL.model_copy(update={"id": lab.school_id})
    return Subject(scope, None, lab.calendar, lab.now, None, tuple(standing))


def untidy_history(lab: DomainLab) -> list[RawEvent]:
    """Tickets through their whole life: late, reopened, merged, corrected and taken back."""
    life: list[RawEvent] = [mark(lab, 1.0)]
    for number in range(8):
        opened = school_ticket(lab, 20 - number, cause="login" if number % 2 else "wifi")
        identity: dict[str, Any] = {"entity_ref": opened.entity_ref, "cause": opened.cause}
        resolved = school_ticket(lab, 20 - number, 19 - number, revision=2, **identity)
        life += [opened, resolved]
        if number == 3:
            again: dict[str, Any] = {"change": "reopened", "resolved_at": None, "reopened_count": 1}
            life.append(school_ticket(lab, 20 - number, revision=3, observed_at=lab.at(15), **again, **identity))
        if number == 5:
            life.append(school_ticket(lab, 20 - number, revision=3, retracted=True, **identity))
        if number == 6:
            life.append(school_ticket(lab, 20 - number, revision=3, merged_into="ticket-4711", **identity))
    item = friction(1.0, school_id=lab.school_id, opened_at=lab.at(9), observed_at=lab.at(9), cause="printing")
    return [*life, item]


async def test_an_untidy_feed_gives_the_readings_of_the_tidy_history(lab: DomainLab) -> None:
    history = untidy_history(lab)
    before = await lab.counts()
    lab.teach()
    dice = random.Random(7)
    told = [*history, *dice.sample(history, 6)]
    dice.shuffle(told)
    lab.send(*told)
    expected = compute(subject_of(lab, *history))
    assert value_of(expected, SERVICE_LEVEL).population == 6
    await lab.settled(expected)
    counts = await lab.moved_by(before, len(told))
    assert counts["moved"] == sum(counts[name] for name in COUNTS)
    assert (counts["duplicate"] >= 1, counts["dead"], counts["parked"]) == (True, 0, 0)


async def test_tickets_of_an_unknown_school_are_parked_and_taken_up_when_it_is_known(lab: DomainLab) -> None:
    before = await lab.counts()
    history = [school_ticket(lab, 9, 8.5), school_ticket(lab, 9), mark(lab, 1)]
    lab.send(*history)
    assert (await lab.moved_by(before, 3))["parked"] == 3
    assert lab.seen() == {}
    lab.teach()
    await lab.settled(compute(subject_of(lab, *history)))
    counts = await lab.moved_by(before, 3)
    assert (counts["parked"], counts["applied"]) == (0, 3)


async def test_without_a_watermark_a_quiet_school_stays_unknown(lab: DomainLab) -> None:
    lab.teach()
    lab.send(school_ticket(lab, 9, 8.5))
    await lab.settled(compute(subject_of(lab, school_ticket(lab, 9, 8.5))))
    assert {said[2] for said in lab.seen().values()} == {"no-watermark"}


async def test_a_critical_defect_of_a_release_is_read_about_the_release(lab: DomainLab) -> None:
    release_id = f"tablet-{uuid4().hex[:8]}"
    scope = Scope(kind=ScopeKind.RELEASE, id=release_id)
    broken = defect("critical", 1, release_id=release_id, observed_at=lab.at(3), opened_at=lab.at(3))
    told = watermark(lab.at(1), scope=scope)
    lab.send(told, broken)
    await lab.settled(compute(Subject(scope, None, None, lab.now, None, (broken, told))), release_id)
    assert lab.readings[release_id, OPEN_CRITICAL].value == 1.0
    fixed = {"revision": 2, "open": False, "closed_at": lab.at(0.5), "observed_at": lab.at(0.5)}
    lab.send(broken.model_copy(update=fixed))
    closed = compute(Subject(scope, None, None, lab.now, None, (broken.model_copy(update=fixed), told)))
    await lab.settled(closed, release_id)
    assert lab.readings[release_id, OPEN_CRITICAL].value == 0.0
