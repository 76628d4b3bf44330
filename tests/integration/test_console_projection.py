"""Facts fold into the workflow's own picture, in whatever order and however often they come."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from schemas.fact import Fact, Picture
from schemas.gate import PolicyStored
from schemas.model import digest_of
from schemas.school import Role
from schemas.topics import FACTS, SCHOOLS
from services.console import projection, shelves
from services.console.room import ROOM
from services.kit.batch import Batch
from services.kit.database import Connection, connect
from services.kit.envelope import Record
from services.kit.migrations import migrate
from services.kit.outcome import Dead, Disposition
from services.kit.room import Room
from services.kit.settings import Settings
from tests.harness.console import school_record
from tests.harness.scenario import CLEAN, SCHOOL, Scenario, document_of

pytestmark = pytest.mark.stack
SCHEMA = "console_projection_test"


@pytest_asyncio.fixture
async def books(stack: Settings) -> AsyncIterator[Connection]:
    """The console's tables, empty, in a schema of their own."""
    connection = await connect(stack, SCHEMA)
    await connection.execute(f"drop schema if exists {SCHEMA} cascade")
    await migrate(stack, [Room(SCHEMA, migrations=ROOM.migrations)])
    yield connection
    await connection.execute(f"drop schema {SCHEMA} cascade")
    await connection.close()


def walked() -> Scenario:
    """A school that opened two gates and stands before the third."""
    return Scenario(rehearsal=True).signs().hears(CLEAN, simulated=True).days_pass(4, refreshed=True)


def record(fact: Fact, offset: int) -> Record[Fact]:
    raw = fact.model_dump_json().encode()
    at = datetime.now(UTC)
    return Record(
        FACTS.name, 0, offset, 0, fact.school_id, f"id-{offset}", Fact.ce_type, "test", at, fact, b"", raw, ()
    )


async def applied(connection: Connection, facts: Sequence[Fact], first: int = 0) -> list[Disposition | Dead]:
    records = [record(fact, first + index) for index, fact in enumerate(facts)]
    async with connection.transaction():
        batch = Batch(connection, source="test", now=datetime.now(UTC))
        return await projection.apply_facts(batch, records)


async def row(connection: Connection) -> dict[str, object]:
    found = await connection.fetchrow("select * from picture")
    assert found is not None
    return dict(found)


async def test_folded_facts_are_the_workflows_picture(books: Connection) -> None:
    school = walked()
    results = await applied(books, school.facts)
    assert set(results) == {Disposition.APPLIED}
    seen = await row(books)
    picture = Picture.model_validate_json(str(seen["body"]))
    assert picture == school.walk.state.picture
    assert digest_of(picture) == school.facts[-1].picture_digest
    assert (seen["phase"], seen["mismatch_count"], seen["simulated"]) == (school.phase.value, 0, True)
    assert seen["fact_sequence"] == len(school.facts)


async def test_order_batches_and_repeats_do_not_matter(books: Connection) -> None:
    school = walked()
    facts = list(school.facts)
    shuffled = facts[5:] + facts[:5] + facts[2:8]
    results: list[Disposition | Dead] = []
    for start in range(0, len(shuffled), 4):
        results += await applied(books, shuffled[start : start + 4], start)
    assert results.count(Disposition.APPLIED) == len(facts)
    assert results.count(Disposition.DUPLICATE) == 6
    assert Picture.model_validate_json(str((await row(books))["body"])) == school.walk.state.picture


async def test_a_fact_waits_for_its_predecessor(books: Connection) -> None:
    facts = walked().facts
    await applied(books, [*facts[:3], *facts[4:]])
    assert (await row(books))["fact_sequence"] == 3
    await applied(books, [facts[3]], 100)
    assert (await row(books))["fact_sequence"] == len(facts)


async def test_other_content_under_a_known_number_is_a_dead_letter(books: Connection) -> None:
    facts = walked().facts
    await applied(books, facts[:2])
    changed = facts[1].model_copy(update={"occurred_at": facts[1].occurred_at + timedelta(seconds=1)})
    [result] = await applied(books, [changed], 10)
    assert isinstance(result, Dead)
    assert result.error_type == "conflicting-fact"


async def test_a_picture_that_differs_is_counted(books: Connection) -> None:
    facts = list(walked().facts)
    facts[1] = facts[1].model_copy(update={"picture_digest": "sha256:" + "0" * 64})
    await applied(books, facts)
    assert (await row(books))["mismatch_count"] == 1


async def test_the_newest_version_of_a_copy_stays(books: Connection) -> None:
    versions = [school_record(SCHOOL, version=version, students=100 * version) for version in (2, 1, 3, 3)]
    records = [
        Record(SCHOOLS.name, 0, n, 0, SCHOOL, str(n), each.ce_type, "test", each.recorded_at, each, b"",
               each.model_dump_json().encode(), ())
        for n, each in enumerate(versions)
    ]  # fmt: skip
    async with books.transaction():
        results = await shelves.keep(Batch(books, source="test", now=datetime.now(UTC)), records)
    applied_, superseded, duplicate = Disposition.APPLIED, Disposition.SUPERSEDED, Disposition.DUPLICATE
    assert results == [applied_, superseded, applied_, duplicate]
    assert await books.fetchval("select version from school") == 3


async def test_a_policy_under_anothers_digest_is_a_dead_letter(books: Connection) -> None:
    stored = PolicyStored(digest="sha256:" + "0" * 64, document=document_of())
    at = datetime.now(UTC)
    one = Record(
        "t", 0, 0, 0, None, "id", stored.ce_type, "test", at, stored, b"", stored.model_dump_json().encode(), ()
    )
    async with books.transaction():
        [result] = await shelves.keep(Batch(books, source="test", now=at), [one])
    assert isinstance(result, Dead)
    assert await books.fetchval("select count(*) from document") == 0


async def test_a_phase_begins_without_a_verdict(books: Connection) -> None:
    school = Scenario().signs(Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY)
    opened = next(fact for fact in school.facts if fact.body.kind == "phase-opened" and fact.phase.gate == "G1")
    await applied(books, school.facts[: opened.fact_sequence])
    assert (await row(books))["verdict"] is None
