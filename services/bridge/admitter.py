"""The bridge's part in programs in waves: starts whom a fact admitted, and tells each program where its schools stand.

A task of the bridge's process. What it tells is absolute and told again whenever it differs from what was told last,
so a crash anywhere means only that the same is said twice.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import structlog
from asyncpg import Record as Row
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from schemas.calendar import Calendar
from schemas.model import Kinded
from schemas.program import SchoolsGone, SchoolsJoined, Seat, WavePolicy
from schemas.school import Phase
from services.bridge import starting
from services.bridge.documents import Documents
from services.kit.database import Connection, Pool, is_transient
from workflows.policy.program.standing import Standing, count
from workflows.program.messages import workflow_id

LOOK_SECONDS = 1.0
"""Seconds between two looks at the programs, at least. Our judgement, 2026-11-25."""
LOOK_SHARE = 20
"""Times a look's own seconds until the next one: a look reads every school under way, and takes a twentieth of the time at
most. Our judgement, 2026-11-30."""
AWAY_SECONDS = 3.0
"""Pause while Temporal or the database is away. Our judgement, 2026-11-25."""
STARTS_A_LOOK = 4
"""Times the pace: schools started before the counts are told again, so that starting delays no count for long.

Our judgement, 2026-11-25.
"""
JOINERS_MAX = 500
"""Late joiners told at once. Our judgement, 2026-11-25."""
RPC = timedelta(seconds=10)
"""For one call of Temporal. Our judgement, 2026-11-25."""


class Admitter:
    """The one admitter of a bridge."""

    def __init__(self, pool: Pool, client: Client, documents: Documents, rate: float) -> None:
        self._pool, self._client, self._documents, self._rate = pool, client, documents, rate
        self._joining: dict[str, Kinded] = {}
        """What each program was told last of late joiners: the same again would be answered the same."""
        self._log = structlog.get_logger().bind(room="bridge")

    async def run(self, stopping: asyncio.Event) -> None:
        """Looks until told to stop. Trouble that passes is waited for; a fault of ours is raised."""
        while not stopping.is_set():
            pause = LOOK_SECONDS
            try:
                for program in await self._pool.fetch(
                    "select program_id from program where waves is not null and stopped_at is null order by 1"
                ):
                    pause += LOOK_SHARE * await self._serve(program["program_id"])
            except RPCError as error:
                self._log.warning("temporal-away", because=str(error)[:300])
                pause = AWAY_SECONDS
            except Exception as error:
                if not is_transient(error):
                    raise
                self._log.warning("admitter-waits", because=repr(error)[:300])
                pause = AWAY_SECONDS
            try:
                await asyncio.wait_for(stopping.wait(), pause)
            except TimeoutError:
                continue

    async def _serve(self, program_id: str) -> float:
        """Returns how many seconds the look took."""
        began = time.monotonic()
        async with self._pool.acquire() as connection:
            await self._write_off(connection, program_id)
            told = await self._look(connection, program_id)
        looked = time.monotonic() - began
        for message in told:
            if message == self._joining.get(program_id):
                continue
            if await self._tell(program_id, message) and message.kind == "schools-joined":
                self._joining[program_id] = message
        if told and told[-1].kind == "schools-moved":
            await self._pool.execute(
                "update program set sent_moved = $2 where program_id = $1", program_id, told[-1].model_dump_json()
            )
        limit = int(self._rate * STARTS_A_LOOK) + 1
        started = await starting.start_all(
            self._pool, self._client, self._documents, program_id, self._rate, lambda *_: None, limit=limit
        )
        if started:
            self._log.info("schools-started", program_id=program_id, schools=started)
        return looked

    async def _write_off(self, connection: Connection, program_id: str) -> None:
        """Who closed after being admitted, and before starting, does not start; who closed without a seat leaves."""
        await connection.execute(
            """update rollout set status = case when rollout.status = 'starting' then 'stopped' else 'left' end
            from school where program_id = $1 and school.school_id = rollout.school_id and school.status <> 'open'
                and (rollout.status = 'starting' or rollout.status = 'waiting' and rollout.wave_number is null)""",
            program_id,
        )

    async def _look(self, connection: Connection, program_id: str) -> list[Kinded]:
        """What the program must be told; its counts last.

        The program's row is read before the schools': what these know beyond its sequence only makes the counts too
        old, never too new.
        """
        program = await connection.fetchrow("select * from program where program_id = $1", program_id)
        assert program is not None
        policy = WavePolicy.model_validate_json(program["waves"])
        known: int = program["picture_sequence"]
        told: list[Kinded] = []
        joined = await connection.fetch(
            """select school_id, district_id, demand from rollout
            where program_id = $1 and status = 'waiting' and wave_number is null order by seat limit $2""",
            program_id, JOINERS_MAX,
        )  # fmt: skip
        if joined:
            told.append(SchoolsJoined(known_sequence=known, seats=tuple(_seat(row) for row in joined)))
        gone = await connection.fetch(
            """select r.school_id from rollout r join school s using (school_id)
            where r.program_id = $1 and r.status = 'waiting' and r.wave_number is not null and s.status <> 'open'
            order by 1""",
            program_id,
        )
        if gone:
            told.append(SchoolsGone(school_ids=tuple(row["school_id"] for row in gone)))
        rows = await self._rows(connection, program_id, with_readings=policy.abort is not None)
        calendars = await self._calendars(connection, rows) if policy.abort is not None else {}
        moved = count(policy, [_standing(row) for row in rows], calendars, known, datetime.now(UTC))
        if moved.model_dump_json() != program["sent_moved"]:
            told.append(moved)
        return told

    async def _rows(self, connection: Connection, program_id: str, *, with_readings: bool) -> list[Row]:
        return await connection.fetch(
            """select r.wave_number, r.district_id, r.demand, r.status, r.phase, r.unmet_since, r.fact_at,
                s.status as school_status, case when $2 then (
                    select max(w.sequence) from watch w where w.program_id = r.program_id
                        and w.school_id = r.school_id and w.scope_kind = 'school') end as newest
            from rollout r left join school s using (school_id)
            where r.program_id = $1 and r.wave_number is not null and r.status in ('starting', 'running', 'stopped')
            order by r.school_id""",
            program_id, with_readings,
        )  # fmt: skip

    async def _calendars(self, connection: Connection, rows: list[Row]) -> dict[str, Calendar]:
        districts = sorted({row["district_id"] for row in rows})
        found: dict[str, Calendar] = {}
        for row in await connection.fetch(
            "select district_id, calendar_digest from calendar_pointer where district_id = any($1)", districts
        ):
            calendar = await self._documents.calendar(connection, row["calendar_digest"])
            if calendar is not None:
                found[row["district_id"]] = calendar
        return found

    async def _tell(self, program_id: str, message: Kinded) -> bool:
        """False: its workflow is not there yet."""
        handle = self._client.get_workflow_handle(workflow_id(program_id))
        try:
            await handle.signal(message.kind, message, rpc_timeout=RPC)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # entered, and not started yet: `program start` says it again, or is repeated by whoever typed it
            self._log.warning("program-not-found", program_id=program_id, because=str(error)[:300])
            return False
        return True


def _seat(row: Row) -> Seat:
    return Seat(school_id=row["school_id"], district_id=row["district_id"], demand=tuple(row["demand"]))


def _standing(row: Row) -> Standing:
    heard = row["fact_at"]
    if row["newest"]:
        read = datetime.fromtimestamp(row["newest"] / 1e6, UTC)
        heard = read if heard is None else max(heard, read)
    return Standing(
        wave=row["wave_number"],
        district_id=row["district_id"],
        demand=tuple(row["demand"]),
        left=row["status"] == "stopped" or row["school_status"] not in (None, "open"),
        phase=None if row["phase"] is None else Phase(row["phase"]),
        unmet_since=row["unmet_since"],
        heard_at=heard,
    )
