"""From a raw event to a durable decision, by stage, under load; beside it the signal alone, sent straight to Temporal.

Open loop: events are due at fixed instants whatever becomes of the others, and latency counts from there. An event is
found again by its instant of observation, which travels through reading, signal and fact.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from confluent_kafka import Consumer, TopicPartition
from temporalio.api.history.v1 import HistoryEvent

from schemas.message import ReadingsArrived
from schemas.readiness import CoalescedReading, Reading
from schemas.signal import Origin
from schemas.topics import READINGS
from services.bridge import temporal
from services.kit.database import open_pool
from services.kit.kafka import client_config
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from tests.bench.figures import Latencies
from tests.bench.life import DEVICES_COUNT, SIGNAL, Life
from tests.bench.processes import running
from tests.harness.pace import at_instant
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab
from workflows.activities import FactBatch

FLIPS_PER_SECOND = 20
OTHERS_PER_SECOND = 5_000
TICK_SECONDS = 0.01
LAST_SECONDS = 60.0
"""After the load, for the last decision."""
ROOMS = ("provisioning", "bridge", "worker")
STAGES = ("event to reading", "reading to signal", "signal to fact", "event to fact")


class VoidError(Exception):
    """An event that changed its school's verdict led to no decision of its own: nothing that was measured counts."""


@dataclass(slots=True)
class Seen:
    """When the traces of one observation were recorded, as seconds since the epoch. None: not seen."""

    due: float
    reading: float | None = None
    signal: float | None = None
    fact: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one load showed."""

    stages: dict[str, Latencies]
    events_count: int
    signals_count: int
    """Temporal signals recorded in the load's window."""
    sent_late_seconds: float
    """The greatest delay of the load itself: past 0.1 s the generator, not the house, was too slow."""


@asynccontextmanager
async def open_schools(settings: Settings, schools_count: int) -> AsyncIterator[Life]:
    """The rooms a decision passes through, each a process of its own, and schools at rest."""
    async with AsyncExitStack() as stack:
        for room in ROOMS:
            await stack.enter_async_context(running(settings, "services.cli", "serve", room))
        await until(lambda: _ready(settings), what="the rooms to answer", within=60)
        pool = await open_pool(settings, "bridge")
        stack.push_async_callback(pool.close)
        client = await temporal.connect(settings)
        lab = BridgeLab(settings, pool, client, None, None, Publisher(settings), [])  # type: ignore[arg-type]
        life = Life(lab)
        await life.begin(schools_count)
        yield life


async def _ready(settings: Settings) -> bool:
    return all((settings.home / "ports" / f"{room}.json").exists() for room in ROOMS)


async def raw_signals(life: Life, seconds: float) -> Outcome:
    """The same change as a signal sent straight to the workflow: what Temporal, the decision and the row take."""
    seen: dict[datetime, Seen] = {}
    sending: set[asyncio.Task[None]] = set()
    schools = life.lab.schools[: int(seconds * FLIPS_PER_SECOND) // 2]
    began = datetime.now(UTC) + timedelta(seconds=0.2)
    late = 0.0
    for number in range(2 * len(schools)):  # each school falls, then rises again
        due = began + timedelta(seconds=number / FLIPS_PER_SECOND)
        late = max(late, await at_instant(due))
        seen[due] = Seen(due.timestamp())
        value = 0.5 if number < len(schools) else 2.0
        task = asyncio.create_task(_signal(life.lab, schools[number % len(schools)], due, value))
        sending.add(task)
    await asyncio.gather(*sending)
    await _settle(life, seen, began, began)
    stages = {STAGES[2]: Latencies()}
    for each in seen.values():
        if each.fact is None:
            raise VoidError("a signal led to no decision")
        stages[STAGES[2]].add(each.fact - each.due)
    return Outcome(stages, len(seen), len(seen), late)


async def _signal(lab: BridgeLab, school: str, at: datetime, value: float) -> None:
    reading = CoalescedReading(
        sequence=int(at.timestamp() * 1e6), value=value, worst=value, observed_at=at, origin=Origin.MEASURED,
        simulated=True,
    )  # fmt: skip
    message = ReadingsArrived(readings={SIGNAL: reading})
    await lab.handle(school).signal(message.kind, message)


async def under_load(life: Life, warm_seconds: float, seconds: float) -> Outcome:
    """Twenty verdicts a second among five thousand other events."""
    before = _ends(life.lab.settings)
    await _load(life, warm_seconds)
    began = datetime.now(UTC)
    seen, late = await _load(life, seconds)
    ended = datetime.now(UTC)

    async def decided() -> bool:
        return bool(await life.rested())

    await until(decided, what="the bridge to rest", within=LAST_SECONDS, every=0.25)
    signals = await _settle(life, seen, began, ended)
    _read_readings(life.lab.settings, before, seen)
    stages = {name: Latencies() for name in STAGES}
    for each in seen.values():
        if each.reading is None or each.signal is None or each.fact is None:
            raise VoidError(f"expected reading, signal and fact of each change, seen {each}; the machine is too slow")
        for name, step in zip(
            STAGES,
            (each.reading - each.due, each.signal - each.reading, each.fact - each.signal, each.fact - each.due),
            strict=True,
        ):
            stages[name].add(step)
    return Outcome(stages, int(seconds * (OTHERS_PER_SECOND + FLIPS_PER_SECOND)), signals, late)


async def _load(life: Life, seconds: float) -> tuple[dict[datetime, Seen], float]:
    """Sends what is due at each tick. Returns the changes by their instant, and the load's own greatest delay."""
    schools, seen, late = life.lab.schools, dict[datetime, Seen](), 0.0
    began = datetime.now(UTC) + timedelta(seconds=0.05)
    others = int(OTHERS_PER_SECOND * TICK_SECONDS)
    every = round(1 / FLIPS_PER_SECOND / TICK_SECONDS)
    reported = 0
    for tick in range(int(seconds / TICK_SECONDS)):
        due = began + timedelta(seconds=tick * TICK_SECONDS)
        late = max(late, await at_instant(due))
        if tick % every == 0:
            seen[due] = Seen(due.timestamp())
            life.flip(schools[tick // every % len(schools)], due)
        for _ in range(others):
            life.report(schools[reported % len(schools)], reported // len(schools) % DEVICES_COUNT)
            reported += 1
    await asyncio.to_thread(life.lab.publisher.flush)
    return seen, late


# -- finding the traces


async def _settle(life: Life, seen: dict[datetime, Seen], began: datetime, ended: datetime) -> int:
    """Looks until every change has its fact, or no more come. Returns the signals of the window."""
    signalled: list[datetime] = []

    async def complete() -> bool:
        signalled[:] = await _collect(life, seen, began)
        return all(each.fact is not None for each in seen.values())

    with contextlib.suppress(AssertionError):  # what is missing then, the caller names
        await until(complete, what="a fact for every change", within=LAST_SECONDS, every=1)
    return sum(began <= at <= ended for at in signalled)


async def _collect(life: Life, seen: dict[datetime, Seen], since: datetime) -> list[datetime]:
    """Reads every school's history: when signals were recorded, and when the activity that stored a fact was over."""
    lab, signalled = life.lab, list[datetime]()
    turns = asyncio.Semaphore(4)

    async def one(school: str) -> None:
        async with turns:
            history = await lab.handle(school).fetch_history()
        batches: dict[int, FactBatch] = {}
        for event in history.events:
            at = event.event_time.ToDatetime(tzinfo=UTC)
            if at < since:
                continue
            if event.HasField("workflow_execution_signaled_event_attributes"):
                signalled.append(at)
                await _note_signal(lab, event, at, seen)
            elif event.HasField("activity_task_scheduled_event_attributes"):
                payloads = event.activity_task_scheduled_event_attributes.input.payloads
                batches[event.event_id] = (await lab.client.data_converter.decode(payloads, [FactBatch]))[0]
            elif event.HasField("activity_task_completed_event_attributes"):
                of = event.activity_task_completed_event_attributes.scheduled_event_id
                _note_facts(batches.get(of), at, seen)

    await asyncio.gather(*(one(school) for school in lab.schools))
    return signalled


async def _note_signal(lab: BridgeLab, event: HistoryEvent, at: datetime, seen: dict[datetime, Seen]) -> None:
    attributes = event.workflow_execution_signaled_event_attributes
    if attributes.signal_name != "readings-arrived":
        return
    message = (await lab.client.data_converter.decode(attributes.input.payloads, [ReadingsArrived]))[0]
    reading = message.readings.get(SIGNAL)
    if reading is not None and reading.observed_at in seen:
        seen[reading.observed_at].signal = at.timestamp()


def _note_facts(batch: FactBatch | None, at: datetime, seen: dict[datetime, Seen]) -> None:
    if batch is None:
        return
    for fact in batch.facts:
        if fact.body.kind == "gate-decided":
            item = fact.body.decision.inputs.evidence.get(SIGNAL)
            if item is not None and item.observed_at in seen and seen[item.observed_at].fact is None:
                seen[item.observed_at].fact = at.timestamp()


def _ends(settings: Settings) -> dict[int, int]:
    consumer = Consumer(client_config(settings) | {"group.id": "bench-ends"})
    try:
        places = [TopicPartition(READINGS.name, number) for number in range(READINGS.partitions)]
        return {place.partition: consumer.get_watermark_offsets(place, 10)[1] for place in places}
    finally:
        consumer.close()


def _read_readings(settings: Settings, begins: dict[int, int], seen: dict[datetime, Seen]) -> None:
    """When each reading was handed to Kafka, as its record says, in milliseconds."""
    ends = _ends(settings)
    left = sum(ends[number] - begins[number] for number in ends)
    consumer = Consumer(client_config(settings) | {"group.id": "bench-readings", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(READINGS.name, number, offset) for number, offset in begins.items()])
        deadline = time.monotonic() + LAST_SECONDS
        while left > 0 and time.monotonic() < deadline:
            for message in consumer.consume(1000, timeout=0.5):
                left -= 1
                reading = Reading.model_validate_json(message.value() or b"")
                if reading.signal == SIGNAL and reading.observed_at in seen:
                    seen[reading.observed_at].reading = message.timestamp()[1] / 1000
    finally:
        consumer.close()
