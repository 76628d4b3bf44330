"""The statewide chain on real servers: program facts, variances and notes entered, and whatever is done to them, named."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import BaseModel

pytest.importorskip("cryptography")

from schemas.audit import STATEWIDE
from schemas.note import NoteKept, note_digest
from schemas.program_fact import ProgramFact, WaveOpened
from schemas.topics import NOTES, PROGRAM_FACTS
from services.auditor import trail
from services.auditor.breach import Invariant
from services.auditor.chain import journal
from services.auditor.chain.links import first_fault
from services.auditor.chain.statewide import describe, enter_statewide
from services.auditor.cli import verify_all
from services.auditor.room import process
from services.directory import note_store
from services.directory.room import prepare
from services.kit.database import Connection, connect
from services.kit.envelope import Record, encode
from services.kit.outcome import Dead, Disposition
from services.kit.process import Process
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from services.policies import variances
from tests.harness.until import until
from tests.integration.test_auditor_chain import PLANTS, Desk, desk, emptied
from tests.integration.test_directory_import import records
from tests.integration.test_policies_variances import DIRECTOR, asked, state

pytestmark = pytest.mark.stack
NOW = datetime(2026, 11, 25, 16, tzinfo=UTC)
TEXT = "cabling waits for parts"
__all__ = ["desk"]  # a fixture


def told() -> list[BaseModel]:
    """A program's first facts, a variance asked for and approved, a note."""
    wave = WaveOpened(wave=1, schools_count=2)
    facts = [
        ProgramFact(program_id="wa-waves", fact_sequence=number, occurred_at=NOW, rehearsal=True, body=wave)
        for number in range(1, 5)
    ]
    first = asked(variance_id="variance-0001")
    answer = {"answer": "approved", "answered_by": DIRECTOR, "answered_at": NOW, "revision": 2}
    return [
        *facts, first, first.model_copy(update=answer),
        NoteKept(note_id="note-00000001", digest=note_digest("salt", "text"), written_at=NOW),
    ]  # fmt: skip


async def entered(desk: Desk, values: Sequence[BaseModel], first: int = 0) -> list[Disposition | Dead]:
    records = [
        Record(
            "t", 0, first + number, 0, None, f"id-{number}", "kind", "test", NOW, value, b"",
            value.model_dump_json().encode(), (),
        )
        for number, value in enumerate(values)
    ]  # fmt: skip
    async with desk.connection.transaction():
        return await enter_statewide(desk.batch(), records)


async def test_facts_of_programs_variances_and_notes_share_one_chain_each_once(desk: Desk) -> None:
    results = await entered(desk, told()) + await entered(desk, told()[2:], 20)
    assert (results.count(Disposition.APPLIED), results.count(Disposition.DUPLICATE)) == (7, 5)
    links = (await journal.read_chains(desk.connection)).links[STATEWIDE]
    assert first_fault(STATEWIDE, links) is None
    assert [(link.entry.key, link.entry.kind) for link in links[3:]] == [
        ("program-fact:wa-waves/4", "wave-opened"), ("variance:variance-0001/1", "variance-asked"),
        ("variance:variance-0001/2", "variance-approved"), ("note:note-00000001", "note-kept"),
    ]  # fmt: skip
    (refused,) = await entered(desk, [told()[4].model_copy(update={"value": 0.8})], 40)
    assert isinstance(refused, Dead)
    assert refused.error_type == "conflicting-entry"


@pytest.mark.parametrize("plant", ["edit", "reorder", "insertion", "removal", "truncation"])
async def test_what_was_done_to_the_statewide_chain_is_named_by_command(desk: Desk, plant: str) -> None:
    statement, expected = PLANTS[plant]
    await entered(desk, told())
    await desk.seal()
    async with desk.owned():
        await desk.connection.execute("alter table entry drop constraint entry_number_check")
        await desk.connection.execute(statement)
        answer = await desk.type("verify", "--json", "--district", STATEWIDE)
    await desk.connection.execute("alter table entry add constraint entry_number_check check (number >= 1)")
    found = [(each["district"], each["fault"], each["number"]) for each in json.loads(answer.stdout)["faults"]]
    assert [(STATEWIDE, *each) for each in expected] == [each for each in found if each[1:] in expected]
    assert (await desk.type("verify", "--district", STATEWIDE)).exit_code == 0
    accepted = await desk.type("accept", "--district", STATEWIDE, "--reason", "looked-at", "--yes")
    assert accepted.exit_code == 0, accepted.output


@dataclass(frozen=True, slots=True)
class Rooms:
    """Three rooms at work; what this test told, and their tables."""

    settings: Settings
    auditor: Connection
    directory: Connection
    policies: Connection
    keys: dict[str, str]

    async def tell(self) -> None:
        """A note from before the audit, one after it, a variance with its answer, and a program's fact."""
        now, old = datetime.now(UTC), f"note-{uuid4().hex[:16]}"
        await self.directory.execute("insert into note (note_id, body, written_at) values ($1, 'old', $2)", old, now)
        await prepare(self.settings)
        async with self.directory.transaction():
            new = await note_store.add(self.directory, TEXT, now)
        assert isinstance(new, str)
        async with self.policies.transaction():
            variance = await variances.request(self.policies, state(), asked(), now)
            answered = await variances.answer(self.policies, variance.variance_id, DIRECTOR, True, now)
        fact = ProgramFact(
            program_id=f"wa-{uuid4().hex[:8]}", fact_sequence=1, occurred_at=now, rehearsal=True,
            body=WaveOpened(wave=1, schools_count=2),
        )  # fmt: skip
        with Publisher(self.settings) as publisher:
            publisher.send(PROGRAM_FACTS.name, encode(ProgramFact.ce_type, fact, fact.program_id, source="tests"))
        self.keys.update(old=f"note:{old}", new=f"note:{new}", fact=describe(fact)[0])
        self.keys.update(asked=describe(variance)[0], answered=describe(answered)[0])

    async def number(self, what: str) -> int | None:
        found: int | None = await self.auditor.fetchval("select number from entry where key = $1", self.keys[what])
        return found

    async def all_entered(self) -> bool:
        return all([await self.number(what) for what in self.keys])

    async def breaches(self) -> list[str]:
        """What `firstbell verify --only I7` says of what this test told: others leave theirs on the same servers."""
        answer = await verify_all(self.settings, (Invariant.AUDIT,))
        return [each.subject for each in answer.breaches if any(key in each.expected for key in self.keys.values())]


@pytest_asyncio.fixture(loop_scope="session")
async def life(stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rooms]:
    """Everything told has been entered by the room itself."""
    monkeypatch.setattr(trail, "SHOWN_MAX", 100_000)
    settings = stack.model_copy(update={"home": tmp_path})
    opened = [await connect(settings, room) for room in ("auditor", "directory", "policies")]
    await emptied(opened[0])
    processes = [process(settings), Process("directory", settings), Process("policies", settings)]
    running = [asyncio.create_task(each.run()) for each in processes]
    rooms = Rooms(settings, opened[0], opened[1], opened[2], {})
    try:
        await rooms.tell()
        await until(rooms.all_entered, what="everything to be entered", within=60)
        yield rooms
    finally:
        for each in processes:
            each.stop()
        await asyncio.gather(*running)
        await emptied(opened[0])
        for connection in opened:
            await connection.close()


async def test_what_the_rooms_keep_is_what_was_entered_and_a_changed_row_is_named(life: Rooms) -> None:
    assert await life.breaches() == []
    sent = b"".join(value for _, value in records(life.settings, NOTES.name))
    assert TEXT.encode() not in sent, "a note's text stays where it is"
    new, old = (life.keys[what].split(":")[1] for what in ("new", "old"))
    answered = life.keys["answered"].split(":")[1].split("/")[0]
    await life.directory.execute("update note set body = 'nothing waits' where note_id = $1", new)
    await life.policies.execute(
        """update variance set content = convert_to(replace(convert_from(content, 'UTF8'), '0.9', '0.8'), 'UTF8')
        where variance_id = $1""",
        answered,
    )
    numbers = {what: await life.number(what) for what in ("new", "answered")}
    edited = {what: f"audit: edited, district statewide entry {number}" for what, number in numbers.items()}
    assert sorted(await life.breaches()) == sorted(edited.values())
    await life.directory.execute("delete from note where note_id = any($1)", [new, old])
    assert await life.breaches() == [edited["answered"]]
    await life.policies.execute("update variance set content = 'no json' where variance_id = $1", answered)
    answer = await verify_all(life.settings, (Invariant.AUDIT,))
    assert any(f"variance:{answered}/unreadable" in each.expected for each in answer.breaches), "named, and no stop"
    await life.policies.execute("delete from variance where variance_id = $1", answered)


async def test_an_entry_that_was_never_told_and_one_that_is_gone_are_named(life: Rooms) -> None:
    gone = await life.number("fact")
    await life.auditor.execute("alter table entry disable trigger only_added")
    await life.auditor.execute("update entry set key = 'note:invented0' where key = $1", life.keys["fact"])
    await life.auditor.execute("alter table entry enable trigger only_added")
    answer = await verify_all(life.settings, (Invariant.AUDIT,))
    named = [each for each in answer.breaches if "invented0" in each.expected or life.keys["fact"] in each.expected]
    assert [each.subject for each in named] == [
        f"audit: inserted, district statewide entry {gone}", "audit: absent, district none entry 0"
    ]  # fmt: skip
    walked = [each.subject for each in answer.breaches if each.subject.startswith("audit: edited, district statewide")]
    assert walked == [f"audit: edited, district statewide entry {gone}"]


async def test_a_note_put_into_the_table_by_hand_is_named(life: Rooms) -> None:
    await life.directory.execute(
        "insert into note (note_id, body, written_at, salt) values ('note-byhand01', 'x', now(), 'salt')"
    )
    answer = await verify_all(life.settings, (Invariant.AUDIT,))
    await life.directory.execute("delete from note where note_id = 'note-byhand01'")
    (named,) = [each for each in answer.breaches if "note-byhand01" in each.expected]
    assert named.subject == "audit: absent, district none entry 0"
