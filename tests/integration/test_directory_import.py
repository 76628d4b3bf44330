"""The directory on real servers: files in, one transaction, records on Kafka."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.calendar import Calendar, CalendarPointer
from schemas.model import digest_of
from schemas.readiness import Reading
from schemas.school import ActorRecord, Role, SchoolRecord, ScopeKind, mint_id
from schemas.topics import ACTORS, CALENDAR_POINTERS, CALENDARS, READINGS, SCHOOLS
from services.bridge.contexts import context_of
from services.directory import leaders, lookup
from services.directory.calendar_store import choose, current_calendar
from services.directory.calendars import rehearsal
from services.directory.importing import ImportReport, import_files
from services.directory.plan_store import changes_of, write_plans
from services.directory.plans import PlanRow
from services.directory.roster_store import end_and_begin_by_date, resolve, write_roster
from services.directory.rosters import RosterEntry, stand_ins
from services.kit.batch import Batch
from services.kit.database import connect
from services.kit.process import Process
from services.kit.settings import Settings
from tests.harness.until import until

pytestmark = pytest.mark.stack
DATA = Path(__file__).parents[2] / "deploy" / "data" / "nces"
FILES = (DATA / "washington_schools.csv", DATA / "washington_districts.csv")
ADNA = "530006000012"


async def imported(stack: Settings, *paths: Path, dry_run: bool = False) -> ImportReport:
    return await import_files(stack, paths, dry_run, lambda _: None)


async def outbox_is_empty(stack: Settings) -> bool:
    connection = await connect(stack, "directory")
    try:
        return not await connection.fetchval("select exists (select from outbox)")
    finally:
        await connection.close()


@asynccontextmanager
async def relaying(stack: Settings) -> AsyncIterator[None]:
    """The room's process runs; on leaving, everything has left the outbox."""
    process = Process("directory", stack)
    running = asyncio.create_task(process.run())
    try:
        yield
        await until(lambda: outbox_is_empty(stack), what="an empty outbox")
    finally:
        process.stop()
        await running


def records(stack: Settings, topic: str) -> list[tuple[str, bytes]]:
    """Everything on a topic, as (key, value), each partition in its order."""
    consumer = Consumer(
        {"bootstrap.servers": stack.kafka_bootstrap, "group.id": "test-directory", "enable.auto.commit": False}
    )
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        ends = {
            place: consumer.get_watermark_offsets(TopicPartition(topic, place), timeout=20)[1] for place in partitions
        }
        consumer.assign([TopicPartition(topic, place, OFFSET_BEGINNING) for place in partitions])
        missing = {place: end for place, end in ends.items() if end > 0}
        found: list[tuple[str, bytes]] = []
        while missing:
            record = consumer.poll(20)
            assert record is not None, f"{topic}: expected offsets up to {missing}, seen no more records"
            assert record.error() is None
            key, place, offset = record.key(), record.partition(), record.offset()
            assert key is not None
            assert place is not None
            assert offset is not None
            found.append((key.decode(), record.value() or b""))
            if offset + 1 >= ends[place]:
                missing.pop(place, None)
        return found
    finally:
        consumer.close()


async def test_washington_lands_and_leaves_once_and_a_second_import_changes_nothing(stack: Settings) -> None:
    first = await imported(stack, *FILES)
    assert first.faults_count == 0
    async with relaying(stack):
        pass
    second = await imported(stack, *FILES)
    assert second.nothing_changed
    assert second.waiting_count == 0
    assert all(file.imported_before_at is not None for file in second.files)
    newest = {key: SchoolRecord.model_validate_json(value) for key, value in records(stack, SCHOOLS.name)}
    with FILES[0].open(encoding="utf-8-sig", newline="") as file:
        listed = [mint_id("nces", row["NCES School ID"]) for row in csv.DictReader(file)]
    washington = [newest[school_id] for school_id in listed]  # the topic also holds schools that other tests published
    assert len(washington) == 2553
    assert sum(record.students is None for record in washington) == 105
    assert sum(record.teachers is None for record in washington) == 304
    assert newest[mint_id("nces", ADNA)].display_name == "Adna Elementary School"


async def test_a_dry_run_writes_nothing(stack: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text("NCESSCH,SCH_NAME,LEAID,LEA_NAME\n600000100001,Dry School,6000001,Dry District\n", "utf-8")
    report = await imported(stack, file, dry_run=True)
    assert report.outcome.school_counts.created == 1
    assert (await imported(stack, file)).outcome.school_counts.created == 1


async def test_a_bad_row_does_not_keep_the_good_ones_out(stack: Settings, tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(
        "NCESSCH,SCH_NAME,LEAID,LEA_NAME,SY_STATUS_TEXT\n"
        "660000100001,Good School,6600001,Good District,Open\n"
        "66000010000,Bad School,6600001,Good District,Open\n",
        "utf-8",
    )
    report = await imported(stack, file)
    assert report.faults_count == 1
    connection = await connect(stack, "directory")
    try:
        assert (await lookup.find_school(connection, "Good School")).state == "GU"
        with pytest.raises(lookup.NotFoundError):
            await lookup.find_school(connection, "Bad School")
    finally:
        await connection.close()


async def test_a_moved_school_keeps_its_key_and_is_found_by_both_ids(stack: Settings, tmp_path: Path) -> None:
    file = tmp_path / "moves.csv"
    header = "NCESSCH,SCH_NAME,LEAID,LEA_NAME\n"
    file.write_text(header + "780000100001,Moving School,7800001,One\n", "utf-8")
    await imported(stack, file)
    file.write_text(header + "780000200001,Moving School,7800002,Two\n", "utf-8")
    assert (await imported(stack, file)).outcome.school_counts.moved == 1
    connection = await connect(stack, "directory")
    try:
        former, current = [await lookup.find_school(connection, text) for text in ("780000100001", "780000200001")]
        card = await lookup.card(connection, current)
    finally:
        await connection.close()
    assert former == current
    assert former.school_id == mint_id("nces", "780000100001")
    assert [(a.identifier, a.valid_until is None) for a in card.aliases] == [
        ("780000100001", False),
        ("780000200001", True),
    ]


async def test_a_calendar_is_published_before_its_pointer_and_repeats_change_nothing(stack: Settings) -> None:
    await imported(stack, *FILES)
    now = datetime.now(UTC)
    district = mint_id("nces", "5300060")

    def make(district_id: str, version: int) -> Calendar:
        return rehearsal(
            district_id, version, start=now, day_seconds=1, days_count=60, first_date=date(2026, 9, 2), time_zone="UTC"
        )

    connection = await connect(stack, "directory")
    try:
        async with connection.transaction():
            (chosen,) = await choose(connection, [district], make, now)
            (again,) = await choose(connection, [district], make, now)
            found = await current_calendar(connection, district)
    finally:
        await connection.close()
    assert chosen.changed
    assert not again.changed
    assert found is not None
    assert digest_of(found[0]) == chosen.digest
    async with relaying(stack):
        pass
    documents = {key: Calendar.model_validate_json(value) for key, value in records(stack, CALENDARS.name)}
    pointers = {
        key: CalendarPointer.model_validate_json(value) for key, value in records(stack, CALENDAR_POINTERS.name)
    }
    assert digest_of(documents[pointers[district].calendar_digest]) == chosen.digest


async def test_roles_are_published_and_end_on_their_date(stack: Settings) -> None:
    await imported(stack, *FILES)
    now = datetime.now(UTC)
    entry = RosterEntry(2, "actor-9ends", Role.PRINCIPAL, ScopeKind.SCHOOL, ADNA, valid_until=now.date())
    lost = RosterEntry(3, "actor-9lost", Role.PRINCIPAL, ScopeKind.SCHOOL, "000000000000")
    connection = await connect(stack, "directory")
    try:
        async with connection.transaction():
            good, faults = await resolve(connection, [entry, lost])
            assert (await write_roster(connection, good, now)).created_count == 1
            assert (await write_roster(connection, good, now)).unchanged_count == 1
            batch = Batch(connection, source="firstbell/directory", now=now + timedelta(days=1))
            await end_and_begin_by_date(batch)
            await batch.flush()
    finally:
        await connection.close()
    assert [fault.line for fault in faults] == [3]
    async with relaying(stack):
        pass
    seen = [
        ActorRecord.model_validate_json(value) for key, value in records(stack, ACTORS.name) if "actor-9ends" in key
    ]
    assert [(record.roster_version, record.active) for record in seen] == [(1, True), (2, False)]
    told = [
        Reading.model_validate_json(value)
        for key, value in records(stack, READINGS.name)
        if key == good[0].scope
    ]  # fmt: skip
    assert [(each.signal, each.value, each.simulated) for each in told] == [
        ("leader.accountable-count", 1.0, False), ("leader.accountable-count", 0.0, False)
    ], "the accountable leader is there, and then the school has none"  # fmt: skip
    assert told[0].sequence < told[1].sequence


async def test_leaders_that_were_on_the_roster_before_anybody_told_are_told_once(stack: Settings) -> None:
    await imported(stack, *FILES)
    connection = await connect(stack, "directory")
    try:
        async with connection.transaction():
            schools = await lookup.schools_of(
                connection, [(await lookup.find_district(connection, "Almira")).district_id]
            )
            entries = stand_ins([], schools)
            await write_roster(connection, entries, datetime.now(UTC))
            ids = [each.scope for each in entries if each.role is Role.PRINCIPAL]
            await connection.execute("delete from leader_told where school_id = any($1)", ids)
            assert await leaders.tell(connection, None, datetime.now(UTC)) >= len(ids) > 0
            told = await connection.fetchval("select count(*) from leader_told where school_id = any($1)", ids)
            assert told == len(ids)
            assert await leaders.tell(connection, None, datetime.now(UTC)) == 0
    finally:
        await connection.close()


async def test_a_plan_is_published_with_its_school_and_outlives_the_next_import(stack: Settings) -> None:
    await imported(stack, *FILES)
    connection = await connect(stack, "directory")
    try:
        given = [PlanRow(2, ADNA, (("platform", "chromebook"),)), PlanRow(3, "000000000000", (("platform", "x"),))]
        async with connection.transaction():
            changes, faults = await changes_of(connection, given)
            await write_plans(connection, changes, datetime.now(UTC))
            assert (await changes_of(connection, given))[0] == [], "the same plan again changes nothing"
            many = PlanRow(2, ADNA, tuple((f"field-{number}", "x") for number in range(20)))
            _, crowded = await changes_of(connection, [many])
    finally:
        await connection.close()
    assert [fault.line for fault in faults] == [3]
    assert "at most 20 fields" in crowded[0].words(), "no record could carry them"
    again = await imported(stack, *FILES)
    assert again.nothing_changed
    async with relaying(stack):
        pass
    school_id = mint_id("nces", ADNA)
    told = [SchoolRecord.model_validate_json(value) for key, value in records(stack, SCHOOLS.name) if key == school_id]
    assert told[-1].plan == {"platform": "chromebook"}
    assert context_of(told[-1], None).plan == {"platform": "chromebook"}


async def test_stand_ins_cover_every_school_of_a_district(stack: Settings) -> None:
    await imported(stack, *FILES)
    connection = await connect(stack, "directory")
    try:
        async with connection.transaction():
            districts = await lookup.find_districts(connection, ["Adna"], None)
            schools = await lookup.schools_of(connection, [one.district_id for one in districts])
            outcome = await write_roster(connection, stand_ins(districts, schools), datetime.now(UTC))
    finally:
        await connection.close()
    assert len(schools) == 2
    assert outcome.created_count == 2 + 4 + 2 * 3


async def test_a_report_is_json_all_through(stack: Settings) -> None:
    report = await imported(stack, *FILES)
    assert json.loads(json.dumps(report.tree(), default=str))["schools"]["unchanged"] == 2553
