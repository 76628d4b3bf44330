"""The whole program on a stack of its own, to be broken: feeds of raw events, schools that walk, and the auditor.

Every room runs as a process of its own under the supervisor. A test breaks something, waits until the rooms have
caught up, and asks the auditor, which shares no code with what it audits.
"""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import asyncpg
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import WorkflowHistory
from temporalio.service import RPCError

from schemas.decision import Hold
from schemas.events.raw import RawEvent
from schemas.fact import Fact
from schemas.message import AddHold, ReleaseHold
from schemas.school import Role
from schemas.topics import PROVISIONING, SCHOOLS
from services.auditor.breach import Invariant
from services.auditor.cli import Verification, verify_all
from services.bridge import temporal
from services.kit.database import is_transient, open_pool
from services.kit.envelope import encode
from services.kit.kafka import client_config, producer_config
from services.kit.process import Process
from services.kit.publisher import Publisher
from tests.harness.scenario import CLEAN
from tests.harness.stack import PrivateStack
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, act_id

COUNTS = ("applied", "superseded", "duplicate", "dead", "parked", "ignored")
T = TypeVar("T")
Raw = tuple[bytes | None, bytes | None, Any]
"""Key, value, headers. Any: header values that no honest producer sends."""


@dataclass
class FaultLab:
    """One broken stack's tests share it; each `walkers` has a district, schools and a program of its own."""

    stack: PrivateStack
    watched: "asyncpg.Connection[asyncpg.Record] | None" = field(default=None, init=False)

    async def restart(self, name: str) -> None:
        """Kills the process and returns once its successor answers."""
        before = self.stack.kill(name).pid
        await self._answers(lambda: self.stack.wait_ready(name, before))

    async def resume(self, name: str) -> None:
        """Starts what the stack's `stop` ended, and returns once it answers."""
        self.stack.home.want(self.stack.stopped.pop(name))
        await self._answers(lambda: self.stack.wait_ready(name))

    async def resume_all(self) -> None:
        """As `resume`, for whatever is stopped: all is started before anything is waited for, since rooms need servers."""
        wanted = list(self.stack.stopped.values())
        self.stack.stopped.clear()
        self.stack.home.want(*wanted)
        for wish in sorted(wanted, key=lambda wish: wish.kind != "server"):
            await self._answers(partial(self.stack.wait_ready, wish.name))

    async def _answers(self, wait: Callable[[], object]) -> None:
        """Waits, and twice again on a busy machine: Kafka was measured to take 64 s at a load of 20 on two cores.

        In a thread, since the look at PostgreSQL's health has an event loop of its own.
        """
        for _ in range(2):
            try:
                await asyncio.to_thread(wait)
                return
            except AssertionError:
                continue
        await asyncio.to_thread(wait)

    # -- what is said

    def send(self, events: Sequence[RawEvent]) -> None:
        """Publishes raw events in this order and waits for the acknowledgements."""
        with Publisher(self.stack.settings) as publisher:
            for event in events:
                publisher.send(PROVISIONING.name, encode(event.ce_type, event, event.scope_id, source="faults"))

    def send_raw(self, topic: str, records: Sequence[Raw]) -> None:
        """Publishes bytes as they are, whatever they are."""
        producer = Producer(producer_config(self.stack.settings) | {"message.max.bytes": 2_000_000})
        for key, value, headers in records:
            producer.produce(topic, value, key, headers=headers)
        assert producer.flush(60) == 0

    # -- what is seen

    async def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Asks over one connection, made anew when PostgreSQL was restarted. Raises what a server that is away does."""
        if self.watched is None or self.watched.is_closed():
            self.watched = await asyncpg.connect(self.stack.settings.postgres_dsn, timeout=5)
        return await self.watched.fetch(sql, *arguments)

    async def close(self) -> None:
        """Ends the connection."""
        if self.watched is not None:
            await self.watched.close()

    async def counts(self, room: str = "provisioning", topic: str = PROVISIONING.name) -> dict[str, int]:
        """A room's counts of one topic, and how many records its fences have passed."""
        sums = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in COUNTS)
        (row,) = await self.query(
            f"select coalesce(sum(next_offset - first_offset), 0)::bigint as moved, {sums} "  # noqa: S608
            f"from {room}.fence where topic = $1 and not retired",
            topic,
        )
        return dict(row)

    async def moved_past(self, records: int, *, what: str, room: str = "provisioning", every: float = 0.005) -> int:
        """Returns once the room's fences have passed so many records of its raw topic; says how many."""

        async def look() -> int:
            moved = (await self.counts(room))["moved"]
            return moved if moved >= records else 0

        return await self.patiently(look, what=what, within=90, every=every)

    async def patiently(
        self, look: Callable[[], Awaitable[T | None]], *, what: str, within: float = 60.0, every: float = 0.05
    ) -> T:
        """As `until`; a server that is away is one more look that saw nothing."""

        async def forgiving() -> T | None:
            try:
                return await look()
            except (RPCError, KafkaException, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if isinstance(error, RPCError | KafkaException) or is_transient(error):
                    return None
                raise

        return await until(forgiving, what=what, within=within, every=every)

    async def level(self, within: float = 90.0) -> None:
        """Returns once every room has read its topics to their ends, sent its outbox and computed its scopes."""
        behind: list[str] = []

        async def look() -> bool:
            behind.clear()
            for (room,) in await self.query(
                "select table_schema from information_schema.tables where table_name = 'fence'"
            ):
                unsent = (await self.query(f'select count(*) from "{room}".outbox'))[0][0]  # noqa: S608
                if unsent:
                    behind.append(f"{room} has {unsent} rows in its outbox")
                rows = await self.query(
                    f'select topic, partition, next_offset from "{room}".fence where not retired'  # noqa: S608
                )
                ends = await asyncio.to_thread(self._ends, {(row["topic"], row["partition"]) for row in rows})
                for topic, partition, fence in rows:
                    if fence != ends[topic, partition]:
                        behind.append(f"{room} is at {fence} of {ends[topic, partition]} in {topic}/{partition}")
            return not behind

        try:
            await self.patiently(look, what="every room to be level with its topics", within=within, every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}; {'; '.join(behind)}") from error

    def _ends(self, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
        consumer = Consumer(client_config(self.stack.settings) | {"group.id": "faults-ends"})
        try:
            return {place: consumer.get_watermark_offsets(TopicPartition(*place), 10)[1] for place in places}
        finally:
            consumer.close()

    async def verify(self, *only: Invariant) -> Verification:
        """The auditor's answer, of some invariants or of all."""
        return await verify_all(self.stack.settings, only or tuple(Invariant))

    async def sound(self, *only: Invariant) -> Verification:
        """Level, and no breach; the breaches are the failure's text."""
        await self.level()
        answer = await self.verify(*only)
        assert answer.ok, "\n".join(str(breach) for breach in answer.breaches)
        return answer

    def command(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Types `firstbell WORDS` against this stack, some settings given by the environment."""
        environment = os.environ | {"FIRSTBELL_HOME": str(self.stack.home.folder)}
        environment |= {f"FIRSTBELL_{name.upper()}": value for name, value in settings.items()}
        return subprocess.run(
            [sys.executable, "-m", "services.cli", *words], env=environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    # -- schools

    async def learn(self, count: int, room: str = "provisioning") -> tuple[str, ...]:
        """Schools that belong to no program, once the room knows them."""
        schools = tuple(str(uuid.uuid4()) for _ in range(count))
        await self.introduce(schools, room)
        return schools

    async def introduce(self, schools: Sequence[str], room: str = "provisioning") -> None:
        """Publishes the directory's word about schools; returns once the room has it."""
        async with self.walkers(0) as author:
            author.publish(SCHOOLS.name, [(school, author.record(school)) for school in schools])

        async def known() -> bool:
            sql = f"select count(*) from {room}.known_school where school_id = any($1)"  # noqa: S608
            return int((await self.query(sql, list(schools)))[0][0]) == len(schools)

        await self.patiently(known, what=f"{room} to know {len(schools)} schools")

    @asynccontextmanager
    async def walkers(self, schools: int, *, day_seconds: float = 1.0) -> "AsyncIterator[Walkers]":
        """Schools in a started program, their charters signed. 0: only somebody who can publish."""
        settings = self.stack.settings
        pool = await open_pool(settings, "bridge")
        try:
            client = await temporal.connect(settings)
            # The processes run under the supervisor; these two name them and are never started.
            bridge, worker = Process("bridge", settings), Process("worker", settings)
            walkers = Walkers(settings, pool, client, bridge, worker, Publisher(settings), [])
            walkers.faults = self
            if schools:
                await walkers.teach(schools, day_seconds=day_seconds)
                await walkers.start()
                for school in walkers.schools:
                    await walkers.sign_charter(school)
            yield walkers
        finally:
            pool.terminate()


class Walkers(BridgeLab):
    """Schools of one program on their way, over servers that may be away for a while."""

    faults: FaultLab

    async def all_facts(self) -> dict[str, list[Fact]]:
        """The facts of each school, in their order."""
        rows = await self.faults.query(
            "select school_id, document from bridge.fact where program_id = $1 and school_id = any($2) "
            "order by school_id, fact_sequence", self.program, list(self.schools),
        )  # fmt: skip
        found: dict[str, list[Fact]] = {school: [] for school in self.schools}
        for row in rows:
            found[row["school_id"]].append(Fact.model_validate_json(row["document"]))
        return found

    async def walk(self, phase: str, *, share: float = 1.0, within: float = 120.0) -> None:
        """Observes every school anew, time and again, until such a share of them has opened the phase."""
        order = ("infrastructure-check", "beta", "training", "scale")
        later = order[order.index(phase) :]

        async def there() -> bool:
            for school in self.schools:
                self.observe(school, CLEAN)
            arrived = [
                school
                for school, facts in (await self.all_facts()).items()
                if any(fact.body.kind == "phase-opened" and fact.phase.value in later for fact in facts)
            ]
            return len(arrived) >= share * len(self.schools)

        await self.faults.patiently(
            there, what=f"{share:.0%} of the schools to reach {phase}", within=within, every=0.5
        )

    async def histories(self) -> list[WorkflowHistory]:
        """Each school's current run, once it has published a fact.

        A run that has just continued as new asked for a timer at most, as other code may too: nothing in it could
        contradict other code, and the replayer waits without end for a first task that was never completed.
        """

        async def published(school: str) -> WorkflowHistory | None:
            principal = self.actor(school, Role.PRINCIPAL)
            hold = Hold(
                hold_id=act_id(), scope=principal.scope, reason="deploy-rehearsal", placed_at=datetime.now(UTC),
                lifted_by=Role.PRINCIPAL,
            )  # fmt: skip
            await self.act(school, AddHold(act_id=act_id(), actor=principal, hold=hold))
            await self.act(school, ReleaseHold(act_id=act_id(), actor=principal, hold_id=hold.hold_id))
            history = await self.handle(school).fetch_history()
            facts = any(event.HasField("activity_task_scheduled_event_attributes") for event in history.events)
            return history if facts else None

        return [
            await self.faults.patiently(partial(published, school), what=f"{school} to publish a fact", every=0.3)
            for school in self.schools
        ]

    async def no_task_failed(self) -> None:
        """No school's workflow ever failed a task: its code answered every time it was asked.

        A task that Temporal gives back because news arrived meanwhile (UnhandledCommand) is no failure of the code.
        """
        given_back = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
        for school in self.schools:
            async for event in self.handle(school).fetch_history_events():
                failed = event.workflow_task_failed_event_attributes
                if event.HasField("workflow_task_failed_event_attributes"):
                    assert failed.cause == given_back, f"{school}: {failed}"
