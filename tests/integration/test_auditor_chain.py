"""The audit's chain in a real database: every fact once, and each of the four things that may be done to it, named."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

pytest.importorskip("cryptography")

from schemas.audit import UNPLACED
from schemas.fact import Fact
from schemas.metrics import AUDITOR
from services.auditor.chain import cli, journal
from services.auditor.chain.links import first_fault
from services.auditor.room import Sealer
from services.kit.batch import Batch
from services.kit.database import Connection, connect
from services.kit.metrics import Metrics
from services.kit.outcome import Dead, Disposition
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN, DISTRICT, ELSEWHERE, Scenario, context_of
from tests.integration.test_console_projection import record

pytestmark = pytest.mark.stack
FACTS = list(Scenario().signs().hears(CLEAN).days_pass(4, refreshed=True).facts)


@dataclass(frozen=True, slots=True)
class Desk:
    """The auditor's tables, empty at first, and a terminal beside them."""

    settings: Settings
    connection: Connection

    async def applied(self, facts: Sequence[Fact], first: int = 0) -> list[Disposition | Dead]:
        records = [record(fact, first + index) for index, fact in enumerate(facts)]
        async with self.connection.transaction():
            return await journal.enter_facts(self.batch(), records)

    def batch(self) -> Batch:
        return Batch(self.connection, source="test", now=datetime.now(UTC))

    async def seal(self) -> Metrics:
        metrics = Metrics(AUDITOR)
        sealer = await asyncio.to_thread(Sealer, self.settings, metrics)
        await sealer.seal(self.batch())
        return metrics

    async def type(self, *words: str) -> Result:
        environment = {"FIRSTBELL_HOME": str(self.settings.home), "FIRSTBELL_POSTGRES_DSN": self.settings.postgres_dsn}
        return await asyncio.to_thread(CliRunner(env=environment).invoke, cli.app, list(words))

    async def faults(self, *words: str) -> list[tuple[str, int]]:
        """What `audit verify` names, by kind and number."""
        answer = await self.type("verify", "--json", *words)
        tree = json.loads(answer.stdout)
        assert answer.exit_code == (1 if tree["faults"] else 0)
        assert {each["district"] for each in tree["faults"]} <= {DISTRICT}
        return [(each["fault"], each["number"]) for each in tree["faults"]]

    @asynccontextmanager
    async def owned(self) -> AsyncIterator[None]:
        """What only the table's owner can do: change entries. Afterwards they are as they were."""
        await self.connection.execute("create table kept as table entry")
        await self.connection.execute("alter table entry disable trigger only_added")
        try:
            yield
        finally:
            await self.connection.execute("delete from entry")
            await self.connection.execute("insert into entry select * from kept")
            await self.connection.execute("alter table entry enable trigger only_added")
            await self.connection.execute("drop table kept")


@pytest_asyncio.fixture
async def desk(stack: Settings, tmp_path: Path) -> AsyncIterator[Desk]:
    connection = await connect(stack, "auditor")
    settings = stack.model_copy(update={"home": tmp_path})
    await emptied(connection)
    try:
        yield Desk(settings, connection)
    finally:
        await emptied(connection)
        await connection.close()


async def emptied(connection: Connection) -> None:
    await connection.execute("alter table entry disable trigger only_added")
    await connection.execute("truncate entry, rollout")
    await connection.execute("alter table entry enable trigger only_added")


async def test_every_fact_is_entered_once_in_the_order_of_the_log(desk: Desk) -> None:
    results = await desk.applied(FACTS[:6]) + await desk.applied(FACTS[4:], 4)
    assert results.count(Disposition.APPLIED) == len(FACTS)
    assert results.count(Disposition.DUPLICATE) == 2
    chains = await journal.read_chains(desk.connection)
    assert list(chains.links) == [DISTRICT]
    links = chains.links[DISTRICT]
    assert first_fault(DISTRICT, links) is None
    assert [link.entry.key for link in links] == [
        journal.fact_key(fact.program_id, fact.school_id, fact.fact_sequence) for fact in FACTS
    ]
    assert [link.entry.kind for link in links] == [fact.body.kind for fact in FACTS]


async def test_another_content_under_a_known_key_is_refused(desk: Desk) -> None:
    await desk.applied(FACTS[:3])
    (result,) = await desk.applied([FACTS[1].model_copy(update={"simulated": True})], 9)
    assert isinstance(result, Dead)
    assert result.error_type == "conflicting-entry"


async def test_a_school_that_moves_goes_on_in_its_new_districts_chain(desk: Desk) -> None:
    scenario = Scenario().learns(context_of(2, district=ELSEWHERE)).held()
    unknown = Scenario(known=False).facts
    await desk.applied(list(scenario.facts))
    await desk.applied([fact.model_copy(update={"program_id": "unknown"}) for fact in unknown], 50)
    chains = await journal.read_chains(desk.connection)
    assert set(chains.links) == {DISTRICT, ELSEWHERE, UNPLACED}
    assert chains.links[ELSEWHERE][-1].entry.kind == scenario.facts[-1].body.kind
    assert all(first_fault(chain, links) is None for chain, links in chains.links.items())


async def test_the_database_itself_refuses_to_change_an_entry(desk: Desk) -> None:
    await desk.applied(FACTS[:3])
    for statement in ("update entry set digest = ''", "delete from entry", "truncate entry"):
        with pytest.raises(asyncpg.RaiseError, match="only ever added"):
            await desk.connection.execute(statement)


SWAP = """update entry set number = -number where number in (3, 4);
    update entry set number = case number when -3 then 4 else 3 end where number < 0"""
INSERT = """update entry set number = -number where number > 3; update entry set number = 1 - number where number < 0;
    insert into entry select chain, 4, kind, 'fact:invented/a/1', digest, occurred_at, previous, hash, recorded_at
    from entry where number = 2"""
PLANTS = {
    "edit": ("update entry set digest = reverse(digest) where number = 3", [("edited", 3)]),
    "edit of a time": (
        "update entry set occurred_at = occurred_at - interval '1 day' where number = 3",
        [("edited", 3)],
    ),
    "reorder": (SWAP, [("reordered", 3)]),
    "insertion": (INSERT, [("inserted", 4)]),
    "removal": ("delete from entry where number = 3", [("removed", 3)]),
    "truncation": ("delete from entry where number > 5", [("truncated", 6)]),
    "all of it": ("delete from entry", [("truncated", 1)]),
}


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_was_done_to_the_table_is_named_by_command(desk: Desk, plant: str) -> None:
    statement, expected = PLANTS[plant]
    await desk.applied(FACTS)
    await desk.seal()
    assert await desk.faults() == []
    async with desk.owned():
        await desk.connection.execute("alter table entry drop constraint entry_number_check")
        await desk.connection.execute(statement)
        found = await desk.faults()
        told = await desk.type("verify")
    await desk.connection.execute("alter table entry add constraint entry_number_check check (number >= 1)")
    assert [each for each in found if each in expected] == expected, found
    assert f"district {DISTRICT} entry {expected[0][1]}" in told.stdout
    assert await desk.faults() == []


async def test_a_database_restored_from_before_is_a_truncation_until_a_person_accepts_it(desk: Desk) -> None:
    await desk.applied(FACTS[:5])
    await desk.connection.execute("create table before as table entry")
    await desk.applied(FACTS[5:], 5)
    await desk.seal()
    await desk.connection.execute("alter table entry disable trigger only_added")
    await desk.connection.execute("delete from entry; insert into entry select * from before; drop table before")
    await desk.connection.execute("alter table entry enable trigger only_added")
    assert await desk.faults() == [("truncated", 6)]
    metrics = await desk.seal()
    assert "firstbell_audit_chains_broken 1.0" in metrics.render().decode()
    assert (await desk.type("head")).exit_code == 1
    later = [*FACTS[6:], FACTS[5]]
    await desk.applied(later, 100)  # caught up from the log, in another order than before
    assert [kind for kind, _ in await desk.faults()] == ["rewritten"]
    spoken = await desk.type("accept", "--district", DISTRICT, "--reason", "restored-from-backup")
    assert "add --yes" in spoken.stdout
    assert [kind for kind, _ in await desk.faults()] == ["rewritten"]
    assert (await desk.type("accept", "--district", DISTRICT, "--reason", "Restored!", "--yes")).exit_code == 2
    done = await desk.type("accept", "--district", DISTRICT, "--reason", "restored-from-backup", "--yes")
    assert done.exit_code == 0, done.output
    assert await desk.faults() == []


async def test_an_export_verifies_without_the_database_and_a_cut_one_does_not(desk: Desk, tmp_path: Path) -> None:
    await desk.applied(FACTS)
    assert (await desk.type("head")).exit_code == 0
    out = tmp_path / "out"
    assert (await desk.type("export", "--out", str(out))).exit_code == 0
    away = Desk(
        desk.settings.model_copy(update={"postgres_dsn": "postgresql://nobody@127.0.0.1:1/none"}), desk.connection
    )
    assert await away.faults("--from", str(out)) == []
    file = out / f"{DISTRICT}.entries.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-2]))
    assert await away.faults("--from", str(out)) == [("truncated", len(FACTS) - 1)]
    (tmp_path / "other").mkdir()
    key = tmp_path / "other" / "audit.pub"
    key.write_text("no key")
    refused = await away.type("verify", "--from", str(out), "--key", str(key))
    assert refused.exit_code != 0


async def test_heads_hold_no_more_than_hashes_and_grow_by_rounds(desk: Desk) -> None:
    await desk.applied(FACTS[:4])
    await desk.seal()
    await desk.seal()
    await desk.applied(FACTS[4:], 4)
    await desk.seal()
    text = (desk.settings.home / "audit" / "heads" / f"{DISTRICT}.heads.jsonl").read_text()
    assert [json.loads(line)["number"] for line in text.splitlines()] == [4, len(FACTS)]
    assert "actor" not in text
