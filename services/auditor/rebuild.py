"""I4: projections rebuilt from the log, by other code than built them, equal the live ones at the same fence.

A domain room's things are the greatest revision of each, so the rebuild is a fold over the topic up to the fence;
what is parked or dead is left out, as it is live. The console's pictures are the folded facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

from schemas.events.provisioning import DeviceReported
from schemas.events.raw import RawEvent
from schemas.fact import Fact, Picture
from schemas.model import digest_of
from schemas.topics import RAW_TOPICS, Topic
from services.auditor.breach import Breach, Invariant
from services.kit.envelope import Ok
from services.kit.settings import Settings
from services.kit.snapshot import whole_topic
from workflows.policy.picture import fold_fact

Key = tuple[str, str, str]
"""(scope, type, entity_ref)."""


@dataclass(slots=True)
class Live:
    """One room's things and fences, in one snapshot."""

    fences: dict[int, int]
    left_out: set[tuple[int, int]]
    """(partition, offset) of parked records: counted, and not yet in the projection."""
    entities: dict[Key, tuple[int, bytes]] = field(default_factory=dict)
    devices: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    """(school, entity_ref) -> (revision, enrolled)."""


async def live_things(connection: "asyncpg.Connection[asyncpg.Record]", room: str, topic: Topic) -> Live | None:
    """What a room keeps now. None: the room keeps no things of this topic."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        tables = {
            row["table_name"]
            for row in await connection.fetch(
                "select table_name from information_schema.tables where table_schema = $1", room
            )
        }
        if "entity" not in tables:
            return None
        fences = await connection.fetch(
            f'select partition, next_offset from "{room}".fence where topic = $1 and not retired',  # noqa: S608
            topic.name,
        )
        parked = await connection.fetch(
            f'select partition, record_offset from "{room}".parked where topic = $1',  # noqa: S608
            topic.name,
        )
        live = Live(
            {row["partition"]: row["next_offset"] for row in fences},
            {(row["partition"], row["record_offset"]) for row in parked},
        )
        rows = await connection.fetch(f'select scope_id, ce_type, entity_ref, revision, payload from "{room}".entity')  # noqa: S608  names of the house
        live.entities = {
            (row["scope_id"], row["ce_type"], row["entity_ref"]): (row["revision"], bytes(row["payload"]))
            for row in rows
        }
        if "device" in tables:
            rows = await connection.fetch(
                f"""select school_id, entity_ref, revision, enrolled from "{room}".device
                join "{room}".known_school using (school_no)"""  # noqa: S608  names of the house
            )
            live.devices = {(row["school_id"], row["entity_ref"]): (row["revision"], row["enrolled"]) for row in rows}
    return live


def rebuilt_things(settings: Settings, topic: Topic, live: Live) -> Live:
    """The same from the topic alone, up to the same fences. Blocks on Kafka."""
    built = Live(live.fences, live.left_out)
    for decoded in whole_topic(settings, topic.name, topic.decoder, until=live.fences):
        if not isinstance(decoded, Ok) or not isinstance(decoded.record.value, RawEvent):
            continue
        record, event = decoded.record, decoded.record.value
        assert isinstance(event, RawEvent)
        if (record.partition, record.offset) in live.left_out:
            continue
        if isinstance(event, DeviceReported):
            place = (event.school_id, event.entity_ref)
            if (event.revision, event.enrolled) > built.devices.get(place, (0, False)):
                built.devices[place] = (event.revision, event.enrolled)
            continue
        key = (event.scope_id, event.ce_type, event.entity_ref)
        rank = (event.revision, bytes(record.raw_value or b""))
        if rank > built.entities.get(key, (0, b"")):
            built.entities[key] = rank
    return built


def compare_things(room: str, live: Live, built: Live) -> list[Breach]:
    """One breach a room and kind, naming the first thing that differs and how many do."""
    return [
        *_differences(f"{room}: things", live.entities, built.entities),
        *_differences(f"{room}: devices", live.devices, built.devices),
    ]


def _differences(subject: str, live: Mapping, built: Mapping) -> list[Breach]:  # type: ignore[type-arg]
    odd = sorted(key for key in live.keys() | built.keys() if live.get(key) != built.get(key))
    if not odd:
        return []
    first = odd[0]
    return [
        Breach(
            invariant=Invariant.REBUILD,
            subject=f"{subject}, {len(odd)} differ, first {first}",
            expected=f"{str(built.get(first))[:200]} as the log has it",
            seen=str(live.get(first))[:200],
            next_step="rebuild the room's projection from its topic",
        )
    ]


async def check_rooms(settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]") -> list[Breach]:
    """Every domain room against its topic."""
    breaches: list[Breach] = []
    for topic in RAW_TOPICS:
        live = await live_things(connection, topic.owner, topic)
        if live is not None:
            breaches += compare_things(topic.owner, live, rebuilt_things(settings, topic, live))
    return breaches


async def check_pictures(connection: "asyncpg.Connection[asyncpg.Record]", facts: list[Fact]) -> list[Breach]:
    """The console's picture of each school against the facts, folded up to the picture's own fact_sequence."""
    if not await connection.fetchval("select to_regclass('console.picture')"):
        return []
    rows = await connection.fetch("select program_id, school_id, body from console.picture")
    wanted = {(row["program_id"], row["school_id"]): Picture.model_validate_json(row["body"]) for row in rows}
    built: dict[tuple[str, str], Picture] = {}
    for fact in sorted(facts, key=lambda each: each.fact_sequence):
        key = (fact.program_id, fact.school_id)
        picture = built.get(key, Picture())
        live = wanted.get(key)
        if live and picture.fact_sequence + 1 == fact.fact_sequence <= live.fact_sequence:
            built[key] = fold_fact(picture, fact)
    return [
        Breach(
            invariant=Invariant.REBUILD,
            subject=f"console: picture of {program}/{school} at fact {live.fact_sequence}",
            expected=digest_of(built.get((program, school), Picture())),
            seen=digest_of(live),
            next_step="rebuild the console's projection from the fact topic",
        )
        for (program, school), live in sorted(wanted.items())
        if digest_of(built.get((program, school), Picture())) != digest_of(live)
    ]
