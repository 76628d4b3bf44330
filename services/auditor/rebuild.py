"""I4: projections rebuilt from the log, by other code than built them, equal the live ones at the same fence.

A domain room's things are the greatest revision of each, so the rebuild is a fold over the topic up to the fence;
what is parked or dead is left out, as it is live.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import asyncpg

from schemas.events.provisioning import DeviceReported
from schemas.events.raw import RawEvent
from schemas.signal import Origin
from schemas.topics import RAW_TOPICS, Topic
from services.auditor.breach import Breach, Invariant
from services.kit.envelope import Ok
from services.kit.settings import Settings
from services.kit.snapshot import whole_topic

Entity = tuple[int, bytes, bool, datetime]
"""(revision, bytes as sent, retracted, observed_at); the first two are its rank."""
Device = tuple[int, bool, bool, date, datetime, str, bool]
"""(revision, retracted, enrolled, last seen, observed_at, origin, simulated); all of it is its rank."""
ORIGINS = tuple(Origin)
"""A device's row names its origin by its place in this order, weakest first."""

Key = tuple[str, str, str]
"""(scope, type, entity_ref)."""


@dataclass(slots=True)
class Live:
    """One room's things and fences, in one snapshot."""

    fences: dict[int, int]
    left_out: set[tuple[int, int]]
    """(partition, offset) of parked and dead records: counted, and not in the projection."""
    entities: dict[Key, Entity] = field(default_factory=dict)
    devices: dict[tuple[str, str], Device] = field(default_factory=dict)
    """By (school, entity_ref)."""


async def live_things(connection: "asyncpg.Connection[asyncpg.Record]", room: str, topic: Topic) -> Live | None:
    """What a room keeps now. None: the room keeps no things of this topic."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if not await connection.fetchval("select to_regclass($1)", f'"{room}".entity'):
            return None
        fences = await connection.fetch(
            f'select partition, next_offset from "{room}".fence where topic = $1 and not retired',  # noqa: S608
            topic.name,
        )
        live = Live({row["partition"]: row["next_offset"] for row in fences}, set())
        for table in ("parked", "dead_letter"):
            rows = await connection.fetch(
                f"""select partition, record_offset from "{room}".{table} join "{room}".fence
                using (consumer_group, topic, topic_id, partition) where topic = $1 and not retired""",  # noqa: S608
                topic.name,
            )
            live.left_out |= {(row["partition"], row["record_offset"]) for row in rows}
        rows = await connection.fetch(
            f"""select scope_id, ce_type, entity_ref, revision, payload, retracted, observed_at from "{room}".entity"""  # noqa: S608  names of the house
        )
        live.entities = {
            (row["scope_id"], row["ce_type"], row["entity_ref"]): (
                row["revision"], bytes(row["payload"]), row["retracted"], row["observed_at"]
            )
            for row in rows
        }  # fmt: skip
        if await connection.fetchval("select to_regclass($1)", f'"{room}".device'):
            live.devices = await _live_devices(connection, room)
    return live


async def _live_devices(connection: "asyncpg.Connection[asyncpg.Record]", room: str) -> dict[tuple[str, str], Device]:
    rows = await connection.fetch(
        f"""select coalesce(school_id, 'unknown school ' || school_no) as school_id, entity_ref, revision, retracted,
            enrolled, last_seen_on, observed_at, origin, simulated
        from "{room}".device left join "{room}".known_school using (school_no)"""  # noqa: S608  names of the house
    )
    return {
        (row["school_id"], row["entity_ref"]): (
            row["revision"], row["retracted"], row["enrolled"], row["last_seen_on"], row["observed_at"],
            ORIGINS[row["origin"]].value, row["simulated"],
        )
        for row in rows
    }  # fmt: skip


def rebuilt_things(settings: Settings, topic: Topic, live: Live) -> Live:
    """The same from the topic alone, up to the same fences. Blocks on Kafka."""
    built = Live(live.fences, live.left_out)
    for decoded in whole_topic(settings, topic.name, topic.decoder, until=live.fences):
        if not isinstance(decoded, Ok) or not isinstance(decoded.record.value, RawEvent):
            continue
        record, event = decoded.record, decoded.record.value
        assert isinstance(event, RawEvent)
        if (record.partition, record.offset) not in live.left_out:
            add_event(built, event, bytes(record.raw_value or b""))
    return built


def add_event(built: Live, event: RawEvent, raw: bytes) -> None:
    """Keeps the event if it is the greatest of its thing: the law of the projection, said a second time."""
    if isinstance(event, DeviceReported):
        place = (event.school_id, event.entity_ref)
        device = (
            event.revision, event.retracted, event.enrolled, event.last_seen_on or date.min, event.observed_at,
            event.origin.value, event.simulated,
        )  # fmt: skip
        held = built.devices.get(place)
        if held is None or _device_rank(device) > _device_rank(held):
            built.devices[place] = device
        return
    key = (event.scope_id, event.ce_type, event.entity_ref)
    entity = (event.revision, raw, event.retracted, event.observed_at)
    if key not in built.entities or entity[:2] > built.entities[key][:2]:
        built.entities[key] = entity


def _device_rank(device: Device) -> tuple[object, ...]:
    return (*device[:5], ORIGINS.index(Origin(device[5])), device[6])


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
            built = await asyncio.to_thread(rebuilt_things, settings, topic, live)
            breaches += compare_things(topic.owner, live, built)
    return breaches
