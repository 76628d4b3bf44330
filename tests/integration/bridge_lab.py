"""The bridge and a worker at work on real servers: teach them schools, publish readings, act as people, read facts.

Every lab has a district, schools, a release and a program of its own, so that tests share servers without meeting.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from temporalio.client import Client, WorkflowHandle

from schemas.calendar import Calendar, CalendarPointer
from schemas.fact import Fact
from schemas.gate import PolicyDocument, PolicyStored
from schemas.message import Command, CommandReply, GiveSignOff
from schemas.metrics import BRIDGE
from schemas.model import digest_of
from schemas.readiness import CATALOGUE, Reading
from schemas.school import Actor, GateId, Role, SchoolLevel, SchoolRecord, SchoolStatus, Scope, ScopeKind
from schemas.topics import CALENDAR_POINTERS, CALENDARS, POLICIES, READINGS, SCHOOLS
from services.bridge import programs, room, starting, temporal
from services.bridge.documents import Documents
from services.bridge.worker_room import WorkerProcess
from services.kit.database import Pool, open_pool
from services.kit.envelope import encode
from services.kit.metrics import Metrics
from services.kit.process import Process
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN, compressed_days, document_of
from tests.harness.until import until
from workflows.school import messages
from workflows.school.rollout import SchoolRollout

_names = count(1)
_acts = count(1)


@dataclass
class BridgeLab:
    """Running processes, and what a test says to them."""

    settings: Settings
    pool: Pool
    client: Client
    bridge: Process
    worker: Process
    publisher: Publisher
    running: list["asyncio.Task[None]"]
    district: str = field(default_factory=lambda: str(uuid.uuid4()))
    program: str = field(default_factory=lambda: f"lab-{next(_names)}-{uuid.uuid4().hex[:8]}")
    release: str = field(default_factory=lambda: f"r{uuid.uuid4().hex[:10]}")
    schools: tuple[str, ...] = ()
    document: PolicyDocument = field(default_factory=document_of)

    def publish(self, topic: str, payloads: Iterable[tuple[str, object]]) -> None:
        for key, payload in payloads:
            self.publisher.send(topic, encode(payload.ce_type, payload, key, source="tests"))  # type: ignore[attr-defined,arg-type]
        self.publisher.flush()

    async def teach(self, schools: int = 1, *, day_seconds: float = 0.5, calendar: bool = True) -> None:
        """Publishes policy, schools and a rehearsal calendar, and waits until the bridge has them."""
        self.schools = tuple(str(uuid.uuid4()) for _ in range(schools))
        digest = digest_of(self.document)
        self.publish(POLICIES.name, [(digest, PolicyStored(digest=digest, document=self.document))])
        self.publish(SCHOOLS.name, [(school, self.record(school)) for school in self.schools])
        if calendar:
            self.publish_calendar(day_seconds)

        async def known() -> bool:
            return bool(await self.pool.fetchval(
                """select (select count(*) from school where school_id = any($1)) = $2
                and exists (select from policy where digest = $3)
                and ($5 or exists (select from calendar_pointer p join calendar c on c.digest = p.calendar_digest
                    where p.district_id = $4))""",
                list(self.schools), len(self.schools), digest, self.district, not calendar,
            ))  # fmt: skip

        await until(known, what="the bridge to know schools, policy and calendar")

    def record(self, school: str, version: int = 1, **changes: object) -> SchoolRecord:
        base: dict[str, object] = {
            "school_id": school, "district_id": self.district, "state": "WA", "version": version,
            "recorded_at": datetime.now(UTC), "status": SchoolStatus.OPEN, "level": SchoolLevel.HIGH,
            "students": 400, "teachers": 25.0, "display_name": f"School {school[:8]}",
            "district_display_name": f"District {self.district[:8]}",
        }  # fmt: skip
        return SchoolRecord.model_validate(base | changes)

    def publish_calendar(self, day_seconds: float = 0.5, version: int = 1) -> Calendar:
        calendar = Calendar(
            district_id=self.district, version=version, time_zone="UTC", hours_per_day=6.5, rehearsal=True,
            days=compressed_days(400, datetime.now(UTC), day_seconds),
        )  # fmt: skip
        digest = digest_of(calendar)
        pointer = CalendarPointer(
            district_id=self.district, version=version, calendar_digest=digest, chosen_at=datetime.now(UTC)
        )
        self.publish(CALENDARS.name, [(digest, calendar)])
        self.publish(CALENDAR_POINTERS.name, [(self.district, pointer)])
        return calendar

    async def start(self, *, rehearsal: bool = True) -> int:
        """`program start` for every school of the lab's district."""
        documents = Documents()
        wish = programs.Wish(
            self.program, digest_of(self.document), (self.district,), (), False, rehearsal, self.release
        )
        async with self.pool.acquire() as connection, connection.transaction():
            plan = await programs.make_plan(connection, documents, wish)
            await programs.enter(connection, documents, plan)
        rate = self.settings.bridge_starts_per_second
        return await starting.start_all(self.pool, self.client, documents, self.program, rate, lambda *_: None)

    async def stop(self) -> int:
        """`program stop`."""
        return await starting.stop_all(self.pool, self.client, self.program, "program-over", 100, lambda *_: None)

    async def stopped(self) -> None:
        """Returns once the bridge's process, told to stop, has ended."""
        await self.running[0]

    @asynccontextmanager
    async def again(self) -> AsyncIterator[None]:
        """Another bridge process, after the first has ended."""
        bridge = room.process(self.settings)
        task = asyncio.create_task(bridge.run())
        try:
            yield
        finally:
            bridge.stop()
            await task

    def observe(self, school: str, values: Mapping[str, float | None], **changes: object) -> None:
        """Publishes readings of this instant; release signals are of the lab's release."""
        now = datetime.now(UTC)
        sent: list[tuple[str, Reading]] = []
        for name, value in values.items():
            signal = CATALOGUE[name]
            scope_id = school if signal.scope is ScopeKind.SCHOOL else self.release
            share = signal.share and value is not None
            base: dict[str, object] = {
                "signal": name, "scope": Scope(kind=signal.scope, id=scope_id), "value": value,
                "sequence": int(now.timestamp() * 1e6), "observed_at": now, "origin": signal.origin,
                "population": 1000 if share else None, "numerator": round((value or 0) * 1000) if share else None,
            }  # fmt: skip
            sent.append((scope_id, Reading.model_validate(base | changes)))
        self.publish(READINGS.name, sent)

    def handle(self, school: str) -> "WorkflowHandle[SchoolRollout, None]":
        return self.client.get_workflow_handle_for(SchoolRollout.run, messages.workflow_id(self.program, school))

    async def act(self, school: str, command: Command) -> CommandReply:
        return await self.handle(school).execute_update(
            SchoolRollout.act, messages.Act(command=command), id=command.act_id
        )

    def actor(self, school: str, role: Role) -> Actor:
        scope = Scope(kind=ScopeKind.SCHOOL, id=school)
        if role in (Role.DISTRICT_TECHNOLOGY, Role.DISTRICT_CURRICULUM):
            scope = Scope(kind=ScopeKind.DISTRICT, id=self.district)
        return Actor(actor_id=f"actor-{role.value.replace('-', '')}", role=role, scope=scope, roster_version=1)

    async def sign_charter(self, school: str) -> None:
        for role in (Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY):
            command = GiveSignOff(act_id=act_id(), actor=self.actor(school, role), gate=GateId.CHARTER)
            assert (await self.act(school, command)).accepted

    async def look(self, school: str) -> messages.View:
        return await self.handle(school).query(SchoolRollout.look, messages.look_at(datetime.now(UTC)))

    async def facts(self, school: str) -> list[Fact]:
        rows = await self.pool.fetch(
            "select document from fact where program_id = $1 and school_id = $2 order by fact_sequence",
            self.program, school,
        )  # fmt: skip
        return [Fact.model_validate_json(row["document"]) for row in rows]

    async def kinds(self, school: str) -> list[str]:
        return [fact.body.kind for fact in await self.facts(school)]

    async def until_phase(self, school: str, phase: str, within: float = 40.0, *, refresh: bool = False) -> None:
        """Waits for the phase, as the facts tell it; `refresh` observes a clean school anew meanwhile."""

        async def there() -> bool:
            if refresh:
                self.observe(school, CLEAN)
            return any(f.body.kind == "phase-opened" and f.phase.value == phase for f in await self.facts(school))

        await until(there, what=f"{school} to reach {phase}", within=within, every=0.2)


def act_id() -> str:
    return f"act-{next(_acts):06d}-{uuid.uuid4().hex[:6]}"


@asynccontextmanager
async def bridge_lab(
    settings: Settings, *, bridge_settings: Settings | None = None, with_worker: bool = True
) -> AsyncIterator[BridgeLab]:
    """Runs both processes inside this event loop until left. `bridge_settings`: for the bridge alone."""
    await temporal.register_search_attributes(settings)
    pool = await open_pool(settings, "bridge")
    bridge = room.process(bridge_settings or settings)
    worker = WorkerProcess("worker", settings, metrics=Metrics(BRIDGE))
    running = [asyncio.create_task(bridge.run())]
    try:
        if with_worker:
            running.append(asyncio.create_task(worker.run()))
            await until(lambda: _well(worker, running), what="the worker to poll")
        client = await temporal.connect(settings)
        yield BridgeLab(settings, pool, client, bridge, worker, Publisher(settings), running)
    finally:
        bridge.stop()
        worker.stop()
        await asyncio.gather(*running)
        await pool.close()


async def _well(worker: Process, running: list["asyncio.Task[None]"]) -> bool:
    for task in running:
        if task.done():
            task.result()
    return worker.health()[0]
