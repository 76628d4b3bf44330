"""Many gates that fall due within one minute, met by a worker that remembers no school: seconds, memory, none lost or early.

Each district's calendar ends the wait of its schools at a second of its own; the worker is another process than the one that
saw them begin, so every school is read from its history first.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil

from schemas.calendar import Calendar, CalendarPointer
from schemas.gate import Dwell
from schemas.model import digest_of
from schemas.school import GateId
from schemas.topics import CALENDAR_POINTERS, CALENDARS
from services.bridge import temporal
from services.kit.database import open_pool
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from tests.bench.latency import VoidError
from tests.bench.processes import cpu_seconds, running
from tests.harness.scenario import LIFE, compressed_days, document_of, gate_of, gates
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab

DISTRICTS = 60
"""One a second of the minute."""
BEGINS_A_SECOND = 25
"""Schools that begin a second, at the least that is planned for: the instants must be known before they begin."""
COLD_SECONDS = 30.0
"""Between the last beginning and the first instant, for another worker to come."""
LAST_SECONDS = 900.0
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Due:
    """What became of the gates."""

    schools_count: int
    decided_count: int
    early_count: int
    """Gates that opened before their instant."""
    first_to_last_seconds: float
    """From the first instant until the last gate was open, as the facts' rows tell."""
    lateness: tuple[float, ...]
    """Seconds from a gate's own instant to the decision, each."""
    memory_mb: dict[str, float]
    worker_cpu_seconds: float


async def gates_due(settings: Settings, schools_count: int) -> Due:
    """Begins the schools, lets their gates fall due, waits for the last. Raises VoidError when they began too late."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(settings, "services.cli", "serve", "bridge"))
        pool = await open_pool(settings, "bridge")
        stack.push_async_callback(pool.close)
        await temporal.register_search_attributes(settings)
        client, publisher = await temporal.connect(settings), Publisher(settings)
        document = document_of(gates() | {GateId.CHARTER: gate_of(Dwell(id="wait", minimum_days=1, **LIFE))})
        labs = [
            BridgeLab(settings, pool, client, None, None, publisher, [], document=document)  # type: ignore[arg-type]
            for _ in range(DISTRICTS)
        ]
        first = datetime.now(UTC) + timedelta(seconds=schools_count / BEGINS_A_SECOND + COLD_SECONDS)
        due = {lab.program: first + timedelta(seconds=second) for second, lab in enumerate(labs)}
        async with running(settings, "services.cli", "serve", "worker"):
            for number, lab in enumerate(labs):
                await _begin(
                    lab,
                    due[lab.program],
                    schools_count * (number + 1) // DISTRICTS - schools_count * number // DISTRICTS,
                )
            await until(
                lambda: _standing(labs, "charter", schools_count),
                what="every school to wait",
                within=LAST_SECONDS,
                every=1,
            )
        if datetime.now(UTC) > first - timedelta(seconds=COLD_SECONDS / 2):
            raise VoidError(f"due: the last school began at {datetime.now(UTC)}, too near the first instant {first}")
        worker = await stack.enter_async_context(running(settings, "services.cli", "serve", "worker"))
        await until(
            lambda: _standing(labs, "infrastructure-check", schools_count), what="every gate to open",
            within=LAST_SECONDS + schools_count / BEGINS_A_SECOND, every=LOOK_SECONDS,
        )  # fmt: skip
        return await _measured(labs, due, schools_count, worker)


async def _begin(lab: BridgeLab, due: datetime, schools: int) -> None:
    """Schools whose only day is the second before their instant: their wait ends with it."""
    calendar = Calendar(
        district_id=lab.district, version=1, time_zone="UTC", hours_per_day=6.5, rehearsal=True,
        days=compressed_days(3, due - timedelta(seconds=1), 1.0),
    )  # fmt: skip
    digest = digest_of(calendar)
    pointer = CalendarPointer(district_id=lab.district, version=1, calendar_digest=digest, chosen_at=datetime.now(UTC))
    lab.publish(CALENDARS.name, [(digest, calendar)])
    lab.publish(CALENDAR_POINTERS.name, [(lab.district, pointer)])
    await lab.teach(schools, calendar=False)

    async def known() -> bool:
        return bool(await lab.pool.fetchval("select exists (select from calendar where digest = $1)", digest))

    await until(known, what="the bridge to know the calendar")
    await lab.start()


async def _standing(labs: list[BridgeLab], phase: str, count: int) -> bool:
    seen = await labs[0].pool.fetchval(
        "select count(*) from rollout where program_id = any($1) and phase = $2", [lab.program for lab in labs], phase
    )
    return bool(seen == count)


async def _measured(labs: list[BridgeLab], due: dict[str, datetime], schools_count: int, worker: psutil.Process) -> Due:
    rows = await labs[0].pool.fetch(
        "select program_id, occurred_at, recorded_at from fact where program_id = any($1) and kind = 'gate-opened'",
        list(due),
    )
    first = min(due.values())
    memory = {}
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(labs[0].settings.home.parent) in line and "temporal" in line and "server start-dev" in line:
            memory["temporal"] = process.memory_info().rss / 1e6
    memory["worker"] = worker.memory_info().rss / 1e6
    return Due(
        schools_count=schools_count,
        decided_count=len(rows),
        early_count=sum(row["occurred_at"] < due[row["program_id"]] for row in rows),
        first_to_last_seconds=(max(row["recorded_at"] for row in rows) - first).total_seconds(),
        lateness=tuple((row["recorded_at"] - due[row["program_id"]]).total_seconds() for row in rows),
        memory_mb=memory,
        worker_cpu_seconds=cpu_seconds(worker),
    )
