"""A program's schools in waves: from the plan of a start to seats in the bridge's rows, and to the workflow's start.

Behind `firstbell program plan` and `program start --waves`. Planning writes nothing. A start may be repeated: who has
a seat keeps it, who is new joins late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from schemas.calendar import Calendar
from schemas.program import Candidate, Order, Seat, StartProgram, WavePlan, WavePolicy
from schemas.school import DistrictId, SchoolStatus
from services.bridge import programs
from services.bridge.documents import Documents
from services.bridge.ranks import hard_met
from services.bridge.starting import RPC
from services.kit.database import Connection, Pool
from services.kit.outcome import PermanentError
from workflows.policy.program.wave_dates import dated
from workflows.policy.program.waves import plan_waves
from workflows.program import messages
from workflows.school.messages import TASK_QUEUE


@dataclass(frozen=True, slots=True)
class Waved:
    """A start in waves, before anything is done."""

    start: programs.Plan
    """Its entries are those with a seat in the plan."""
    policy: WavePolicy
    digest: str
    plan: WavePlan
    late: bool
    """True: the program is under way; its new schools join late, and `plan` is only theirs."""


async def make_waves(
    connection: Connection,
    documents: Documents,
    start: programs.Plan,
    policy: WavePolicy,
    digest: str,
    now: datetime,
) -> Waved:
    """The start with its waves. Raises PermanentError when the program was started in another way. Writes nothing."""
    late = await _under_way(connection, start.program_id, digest)
    fresh = await _fresh(connection, start) if late else start.entries
    met = await hard_met(connection, documents, start, now)
    candidates = [
        Candidate(
            school_id=entry.school.school_id,
            district_id=entry.school.district_id,
            readiness=met.get(entry.school.school_id, 0),
            students=entry.school.students,
            teachers=entry.school.teachers,
            open=entry.school.status is SchoolStatus.OPEN,
        )
        for entry in fresh
    ]
    calendars = await _calendars(connection, documents, fresh)
    plan = dated(plan_waves(policy, candidates), policy, calendars, now.date())
    seated = {seat.school_id for wave in plan.waves for seat in wave.seats}
    entries = tuple(entry for entry in fresh if entry.school.school_id in seated)
    return Waved(replace(start, entries=entries), policy, digest, plan, late)


async def _under_way(connection: Connection, program_id: str, digest: str) -> bool:
    held = await connection.fetchrow("select waves_digest from program where program_id = $1", program_id)
    if held is None:
        return False
    if held["waves_digest"] is None:
        raise PermanentError(
            f"program {program_id}: expected one in waves, seen one whose schools started at once; choose another name"
        )
    if held["waves_digest"] != digest:
        raise PermanentError(
            f"program {program_id}: expected the waves it was started with ({held['waves_digest']}), seen {digest}; "
            "choose another name, or start with the same file"
        )
    return True


async def refuse_waved(connection: Connection, program_id: str) -> None:
    """Raises PermanentError for a program in waves: a start without them would pass its admission by."""
    if await connection.fetchval("select waves is not null from program where program_id = $1", program_id):
        raise PermanentError(
            f"program {program_id}: expected --waves, as it was started, seen none; give the same file, or another name"
        )


async def _fresh(connection: Connection, start: programs.Plan) -> tuple[programs.Entry, ...]:
    rows = await connection.fetch(
        "select school_id from rollout where program_id = $1 and status <> 'left'", start.program_id
    )
    held = {row["school_id"] for row in rows}
    return tuple(entry for entry in start.entries if entry.school.school_id not in held)


async def _calendars(
    connection: Connection, documents: Documents, entries: Sequence[programs.Entry]
) -> dict[DistrictId, Calendar]:
    """Of every district that has one."""
    digests = {entry.school.district_id: entry.calendar_digest for entry in entries}
    found: dict[DistrictId, Calendar] = {}
    for district, digest in sorted(digests.items()):
        calendar = await documents.calendar(connection, digest)
        if calendar is not None:
            found[district] = calendar
    return found


async def enter_waves(connection: Connection, documents: Documents, waved: Waved) -> None:
    """Writes program, rollouts that wait, and their seats, in the caller's transaction."""
    await programs.enter(connection, documents, waved.start, status="waiting")
    program_id = waved.start.program_id
    await connection.execute(
        "update program set waves = $2, waves_digest = $3 where program_id = $1 and waves is null",
        program_id, waved.policy.model_dump_json(), waved.digest,
    )  # fmt: skip
    seats = [(None if waved.late else wave.number, seat) for wave in waved.plan.waves for seat in wave.seats]
    first = await connection.fetchval(
        "select coalesce(max(seat), 0) + 1 from rollout where program_id = $1", program_id
    )
    await connection.execute(
        """update rollout set status = 'waiting', wave_number = n.wave,
            wave = $1 || '.wave-' || n.wave, seat = n.seat, demand = n.demand::bigint[]
        from unnest($2::text[], $3::integer[], $4::integer[], $5::text[]) as n (school_id, wave, seat, demand)
        where rollout.program_id = $1 and rollout.school_id = n.school_id
            and (rollout.status = 'left' or rollout.status = 'waiting' and rollout.seat is null)""",
        program_id, [seat.school_id for _, seat in seats], [wave for wave, _ in seats],
        [first + index for index in range(len(seats))],
        ["{" + ",".join(map(str, seat.demand)) + "}" for _, seat in seats],
    )  # fmt: skip


async def start_workflow(pool: Pool, client: Client, program_id: str) -> None:
    """Starts the program's workflow from its rows, unless it runs already. Raises RPCError: run it again."""
    program = await pool.fetchrow("select * from program where program_id = $1", program_id)
    assert program is not None  # entered before
    rows = await pool.fetch(
        """select wave_number, school_id, district_id, demand from rollout
        where program_id = $1 and wave_number is not null order by wave_number, seat""",
        program_id,
    )
    waves: list[list[Seat]] = []
    for row in rows:
        while len(waves) < row["wave_number"]:
            waves.append([])
        seat = Seat(school_id=row["school_id"], district_id=row["district_id"], demand=tuple(row["demand"]))
        waves[row["wave_number"] - 1].append(seat)
    first = StartProgram(
        program_id=program_id,
        rehearsal=program["rehearsal"],
        waves_digest=program["waves_digest"],
        policy=pinned(WavePolicy.model_validate_json(program["waves"])),
        waves=tuple(tuple(wave) for wave in waves),
        started_at=datetime.now(UTC),
    )
    try:
        await client.start_workflow(
            messages.WORKFLOW,
            messages.ProgramInput.of(first),
            id=messages.workflow_id(program_id),
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{first.policy.name} v{first.policy.version}, {len(rows)} schools",
            rpc_timeout=RPC,
        )
    except WorkflowAlreadyStartedError:
        return  # an earlier try got this far


def pinned(policy: WavePolicy) -> WavePolicy:
    """What the workflow needs of it: the order has done its work when the seats are given."""
    return policy.model_copy(update={"order": Order.READINESS, "listed": (), "needs": {}})
