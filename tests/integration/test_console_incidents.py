"""A silent source is one incident for its owner, counted as each school's workflow sees it, and told once on Kafka."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.decision import Verdict
from schemas.escalation import Incident
from schemas.school import mint_id
from services.console import incidents
from services.console.incidents import NEWS_AFTER, declare, silence, standing, sweep
from services.kit.batch import Batch
from services.kit.database import Connection
from tests.harness.console import verdict_of
from tests.harness.scenario import CLEAN, Scenario
from tests.integration.test_console_projection import applied, books
from workflows.policy.escalation.silence import owner_of_silence

__all__ = ["books"]
pytestmark = pytest.mark.stack
NOW = datetime(2026, 10, 6, 17, tzinfo=UTC)
SILENT = {"network.page-load-p95-seconds": None, "identity.login-success-ratio": None}


def silent_school() -> Scenario:
    return Scenario().signs().hears(CLEAN).hears(SILENT, missing="silent-source")


async def kept(connection: Connection, schools: list[Scenario]) -> None:
    """Each life as that of a school of its own."""
    for number, life in enumerate(schools):
        school_id = mint_id("incident", str(number))
        facts = [fact.model_copy(update={"school_id": school_id}) for fact in life.facts]
        await applied(connection, facts, first=1000 * number)


async def swept(connection: Connection, now: datetime) -> list[Incident]:
    """What one sweep puts on Kafka."""
    async with connection.transaction():
        batch = Batch(connection, source="test", now=now)
        await sweep(batch)
        return [Incident.model_validate_json(row.value) for row in batch._events]


async def test_many_silent_schools_are_one_incident(books: Connection) -> None:
    await kept(books, [silent_school() for _ in range(5)])
    [incident] = await swept(books, NOW)
    assert (incident.incident_id, incident.owner, incident.schools_count) == (
        "incident-provisioning-wa-2026", "provisioning", 5,
    )  # fmt: skip
    assert incident.signals == tuple(sorted(SILENT))
    assert await swept(books, NOW + timedelta(minutes=1)) == []


async def test_the_count_agrees_with_what_each_workflow_sees(books: Connection) -> None:
    lives = [
        silent_school(),
        Scenario().signs().hears(CLEAN),
        silent_school().hears({"device.enrolled-ratio": 0.1}),
        Scenario().signs(),
        Scenario(),
        silent_school().hears({"device.enrolled-ratio": None}, missing="no-watermark"),
        Scenario().signs().hears(CLEAN | {"network.page-load-p95-seconds": None}, missing="never-reported"),
        Scenario().signs().hears(CLEAN).days_pass(70),
    ]
    await kept(books, lives)
    verdicts: list[Verdict] = [verdict_of(life) for life in lives]
    owners = [owner_of_silence(verdict.results) for verdict in verdicts]
    assert len({owner is None for owner in owners}) == 2, "or this test proves nothing"
    found = await silence(books)
    assert sum(count for *_, count in found.values()) == sum(owner is not None for owner in owners)
    assert {owner for _, owner, _, _ in found.values()} == {owner for owner in owners if owner}


async def test_it_ends_when_the_source_speaks_and_a_later_silence_is_a_later_revision(books: Connection) -> None:
    await kept(books, [silent_school()])
    await swept(books, NOW)
    await books.execute("delete from picture")
    [ended] = await swept(books, NOW + timedelta(minutes=1))
    assert (ended.revision, ended.closed_at) == (2, NOW + timedelta(minutes=1))
    assert await standing(books) == []
    await books.execute("delete from fact")
    await kept(books, [silent_school()])
    [again] = await swept(books, NOW + timedelta(hours=1))
    assert (again.revision, again.opened_at, again.closed_at) == (3, NOW + timedelta(hours=1), None)


async def test_a_count_that_changes_is_told_now_and_then(books: Connection) -> None:
    await kept(books, [silent_school()])
    await swept(books, NOW)
    await books.execute("delete from fact")
    await books.execute("delete from picture")
    await kept(books, [silent_school(), silent_school()])
    assert await swept(books, NOW + NEWS_AFTER / 2) == []
    [news] = await swept(books, NOW + NEWS_AFTER)
    assert (news.schools_count, news.opened_at) == (2, NOW)


async def test_an_outage_declared_twice_is_declared_once(books: Connection) -> None:
    key = "incident-operations-wa-2026-kafka-away"
    one = await declare(books, key, "wa-2026", 7, NOW, open_it=True)
    assert await declare(books, key, "wa-2026", 7, NOW + timedelta(hours=1), open_it=True) == one
    assert await standing(books) == [one]
    over = await declare(books, key, "wa-2026", 7, NOW + timedelta(hours=2), open_it=False)
    assert (over.revision, await standing(books)) == (2, [])
    assert await books.fetchval("select count(*) from outbox") == 2


async def test_a_sweep_leaves_declared_outages_alone(books: Connection) -> None:
    await declare(books, "incident-operations-wa-2026-kafka-away", "wa-2026", 7, NOW, open_it=True)
    assert await swept(books, NOW + timedelta(minutes=1)) == []
    assert incidents.OPERATIONS in {each.owner for each in await standing(books)}
