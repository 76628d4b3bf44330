"""Speaks to the schools' workflows: one unacknowledged round a school, paced, patient while Temporal is away.

A task of the bridge's process. What it read stays dirty until Temporal has acknowledged it and nothing newer came
meanwhile, so a crash anywhere means only that the same absolute values are sent again.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from asyncpg import Record as Row
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from schemas.advisory import AdvisoriesArrived
from schemas.message import ContextArrived, ReadingsArrived
from schemas.readiness import CoalescedReading
from schemas.school import SchoolRecord
from services.bridge import advisories
from services.bridge.contexts import context_of
from services.bridge.documents import Documents
from services.bridge.pace import Pace
from services.kit.database import Connection, Pool, is_transient
from services.kit.metrics import Metrics
from workflows.school.messages import workflow_id

ROUND_MAX = 32
"""Schools taken together, 1 to 1,000. Our judgement: a round is over in a second at the usual pace."""
DIRTY = """select exists (select from rollout where status = 'running' and dirty_version > acked_version
    and (retry_at is null or retry_at <= now()) and (due_at is null or due_at <= now()))"""
PATIENCE = timedelta(seconds=120)
"""How long what moves no verdict waits for what may, while there is more to send than the pace allows; for company it has
waited before (`bridge_company_seconds`). Far below half of any freshness on a real calendar; where days last seconds, a
reading may age meanwhile. Our judgement, 2026-11-25."""
ROUNDS_MAX = 4
"""Rounds under way, so that one slow signal holds no other school. Our judgement, 2026-11-23."""
IDLE_SECONDS = 0.03
"""Seconds between looks when nothing is dirty: idle latency. Our judgement, 2026-11-23."""
RPC_SECONDS = 10.0
AWAY_SECONDS_MAX = 5.0
"""Longest pause while Temporal is away. Our judgement, 2026-11-23."""
RETRY_SECONDS = 2.0
"""For a school whose workflow is closing, or unknown to Temporal. Our judgement, 2026-11-23."""
FULL_SECONDS = 600.0
"""For a run that has taken 10,000 signals: it must continue as new first, and a person should look."""


class Sent(StrEnum):
    """What became of one school's round."""

    ACKNOWLEDGED = "acknowledged"
    LATER = "later"
    AWAY = "away"


@dataclass(slots=True)
class Parcel:
    """One rollout and what it must hear."""

    program_id: str
    school_id: str
    version: int
    context: ContextArrived | None
    advisories: AdvisoriesArrived | None = None
    """None: the rollout was told all that stands."""
    readings: dict[str, CoalescedReading] = field(default_factory=dict)
    raw: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Signal to (sequence, reading), as they will be remembered as sent."""


class Sender:
    """The one sender of a bridge."""

    def __init__(self, pool: Pool, client: Client, documents: Documents, metrics: Metrics, rate: float) -> None:
        self._pool, self._client, self._documents, self._metrics = pool, client, documents, metrics
        self._pace = Pace(rate)
        self._busy: set[tuple[str, str]] = set()
        self._rounds: set[asyncio.Task[None]] = set()
        self._away = 0
        self._log = structlog.get_logger().bind(room="bridge")

    async def run(self, stopping: asyncio.Event) -> None:
        """Sends until told to stop; then lets rounds under way finish."""
        while not stopping.is_set():
            taken = 0
            try:
                self._collect_failures()
                if len(self._rounds) < ROUNDS_MAX:
                    taken = await self._begin_round()
            except Exception as error:
                if not is_transient(error):
                    raise
                self._log.warning("sender-waits", because=repr(error)[:300])
                self._away = max(self._away, 1)
            pause = min(0.1 * 2**self._away, AWAY_SECONDS_MAX) if self._away else IDLE_SECONDS
            if not taken or self._away:
                await _wait(stopping, pause)
        await asyncio.gather(*self._rounds, return_exceptions=True)

    async def _begin_round(self) -> int:
        if not await self._pool.fetchval(DIRTY):
            return 0  # one statement instead of four: most looks find nothing
        async with self._pool.acquire() as connection, connection.transaction():
            parcels = await self._collect(connection)
        if parcels:
            task = asyncio.create_task(self._round(parcels))
            self._rounds.add(task)
        return len(parcels)

    def _collect_failures(self) -> None:
        """Forgets rounds that are over. Raises what made one fail: a fault of ours, not of the world."""
        over = {task for task in self._rounds if task.done()}
        self._rounds -= over
        for task in over:
            task.result()

    # -- collecting

    async def _collect(self, connection: Connection) -> list[Parcel]:
        rows = await connection.fetch(
            """update rollout set arrived_at = coalesce(dirty_at, now()) where (program_id, school_id) in (
                select program_id, school_id from rollout
                where status = 'running' and dirty_version > acked_version
                    and (retry_at is null or retry_at <= now()) and (due_at is null or due_at <= now())
                    and not (program_id || '/' || school_id = any($2))
                order by urgent or dirty_at < now() - $3::interval desc, dirty_at limit $1 for update skip locked)
            returning *""",
            ROUND_MAX, [workflow_id(*key) for key in sorted(self._busy)], PATIENCE,
        )  # fmt: skip
        parcels = {(row["program_id"], row["school_id"]): await self._parcel(connection, row) for row in rows}
        await self._fill(connection, parcels)
        self._busy.update(parcels)
        return list(parcels.values())

    async def _parcel(self, connection: Connection, row: Row) -> Parcel:
        found = await connection.fetchrow(
            """select s.document, o.calendar_digest, g.release_id, g.rehearsal
            from program g left join school s on s.school_id = $2
            left join calendar_pointer o on o.district_id = s.district_id where g.program_id = $1""",
            row["program_id"], row["school_id"],
        )  # fmt: skip
        assert found is not None
        context: ContextArrived | None = None
        if found["document"] is not None:
            school = SchoolRecord.model_validate_json(found["document"])
            calendar = await self._documents.calendar(connection, found["calendar_digest"])
            digest = found["calendar_digest"] if calendar is not None else None
            if calendar is not None and calendar.rehearsal and not found["rehearsal"]:
                calendar, digest = None, None
            moved = digest != row["sent_calendar_digest"]
            if moved or school.version > row["sent_context_version"]:
                context = ContextArrived(
                    context=context_of(school, found["release_id"]),
                    calendar=calendar if moved else None,
                    calendar_digest=digest,
                )
        told = row["advisories_version"] <= row["sent_advisories_version"]
        word = None if told else await advisories.word_for(connection, row["program_id"], row["school_id"])
        return Parcel(row["program_id"], row["school_id"], row["dirty_version"], context, word)

    async def _fill(self, connection: Connection, parcels: dict[tuple[str, str], Parcel]) -> None:
        rows = await connection.fetch(
            """select w.* from unnest($1::text[], $2::text[]) as asked (program_id, school_id)
            join watch w using (program_id, school_id) where w.dirty and w.reading is not null order by w.signal""",
            [program for program, _ in parcels], [school for _, school in parcels],
        )  # fmt: skip
        for row in rows:
            parcel = parcels[row["program_id"], row["school_id"]]
            reading = CoalescedReading.model_validate_json(row["reading"])
            if row["worst_missing"]:
                reading = reading.model_copy(update={"worst": None})
            elif row["worst"] is not None:
                reading = reading.model_copy(update={"worst": row["worst"]})
            parcel.readings[row["signal"]] = reading
            parcel.raw[row["signal"]] = (row["sequence"], row["reading"])

    # -- sending

    async def _round(self, parcels: Sequence[Parcel]) -> None:
        try:
            outcomes = await asyncio.gather(*(self._send(parcel) for parcel in parcels))
            away = all(outcome is Sent.AWAY for outcome in outcomes)
            self._away = min(self._away + 1, 8) if away else 0
            done = [p for p, outcome in zip(parcels, outcomes, strict=True) if outcome is Sent.ACKNOWLEDGED]
            if done:
                await self._acknowledge(done)
        except Exception as error:
            if not is_transient(error):
                raise
            self._log.warning("round-repeats", schools=len(parcels), because=repr(error)[:300])
        finally:
            self._busy.difference_update((p.program_id, p.school_id) for p in parcels)

    async def _send(self, parcel: Parcel) -> Sent:
        handle = self._client.get_workflow_handle(workflow_id(parcel.program_id, parcel.school_id))
        messages: list[ContextArrived | AdvisoriesArrived | ReadingsArrived] = [
            each for each in (parcel.context, parcel.advisories) if each is not None
        ]
        if parcel.readings:
            messages.append(ReadingsArrived(readings=parcel.readings))
        for message in messages:
            await self._pace.turn()
            started = time.perf_counter()
            try:
                await handle.signal(message.kind, message, rpc_timeout=timedelta(seconds=RPC_SECONDS))
            except RPCError as error:
                return await self._failed(parcel, error)
            self._metrics.histogram("firstbell_bridge_signal_seconds").observe(time.perf_counter() - started)
            self._metrics.counter("firstbell_bridge_signals_total").labels(message.kind).inc()
        return Sent.ACKNOWLEDGED

    async def _failed(self, parcel: Parcel, error: RPCError) -> Sent:
        """The errors of a signal, each with its own answer; nothing stays unsaid for ever."""
        name = workflow_id(parcel.program_id, parcel.school_id)
        text = str(error).lower()
        if error.status is RPCStatusCode.NOT_FOUND:
            self._log.warning("workflow-not-found", school_id=parcel.school_id, workflow=name, because=str(error))
            await self._later(parcel, RETRY_SECONDS * 5)
            return Sent.LATER
        if "limit" in text and "signal" in text:
            self._log.error("workflow-full-of-signals", school_id=parcel.school_id, workflow=name, because=str(error))
            await self._later(parcel, FULL_SECONDS)
            return Sent.LATER
        if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            self._log.warning("temporal-away", school_id=parcel.school_id, because=str(error)[:300])
            return Sent.AWAY
        self._log.warning("signal-failed", school_id=parcel.school_id, status=error.status.name, because=str(error))
        await self._later(parcel, RETRY_SECONDS)
        return Sent.LATER

    async def _later(self, parcel: Parcel, seconds: float) -> None:
        await self._pool.execute(
            "update rollout set retry_at = $3 where program_id = $1 and school_id = $2",
            parcel.program_id, parcel.school_id, datetime.now(UTC) + timedelta(seconds=seconds),
        )  # fmt: skip

    # -- acknowledging

    async def _acknowledge(self, parcels: Sequence[Parcel]) -> None:
        """What was sent is remembered; what changed meanwhile stays dirty."""
        ordered = sorted(parcels, key=lambda parcel: (parcel.program_id, parcel.school_id))
        async with self._pool.acquire() as connection, connection.transaction():
            for parcel in ordered:
                context = parcel.context
                await connection.execute(
                    """update rollout set acked_version = greatest(acked_version, $3), retry_at = null,
                        urgent = urgent and dirty_version > $3,
                        sent_context_version = greatest(sent_context_version, coalesce($4, 0)),
                        sent_calendar_digest = case when $4 is null then sent_calendar_digest else $5 end,
                        sent_advisories_version = greatest(sent_advisories_version, $6)
                    where program_id = $1 and school_id = $2""",
                    parcel.program_id, parcel.school_id, parcel.version,
                    context.context.version if context else None, context.calendar_digest if context else None,
                    parcel.advisories.version if parcel.advisories else 0,
                )  # fmt: skip
            rows = [(p.program_id, p.school_id, name, *raw) for p in ordered for name, raw in p.raw.items()]
            await connection.execute(
                """update watch set sent = n.reading, sent_sequence = n.sequence,
                    dirty = watch.dirty and watch.sequence > n.sequence, resend_at = null,
                    worst = case when watch.sequence > n.sequence then watch.worst end,
                    worst_missing = watch.worst_missing and watch.sequence > n.sequence
                from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
                    as n (program_id, school_id, signal, sequence, reading)
                where watch.program_id = n.program_id and watch.school_id = n.school_id and watch.signal = n.signal""",
                *([list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]),
            )


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
