"""Delivers what is due: a lane for each person and channel, so that a receiver that is slow or down delays nobody else.

A task of the room's process. Each try is recorded before it begins; what was under way when the process died is sent
again, since a page twice is better than none. It gives up after a day of tries, and says so.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from services.kit.database import Pool, is_transient
from services.kit.metrics import Metrics
from services.kit.process import Process
from services.notifier.channels import Receiver, UndeliveredError, send
from services.notifier.wording import Notice

LANES_MAX = 32
"""Deliveries under way side by side. Our judgement, 2026-11-25."""
LOOK_SECONDS = 0.5
"""Between two looks for what is due. Our judgement, 2026-11-25."""
BACKOFF_SECONDS = (5, 15, 60, 300, 900, 1800, 3600)
"""Pauses after the first failures; the last repeats. Our judgement, 2026-11-25."""
TRIES_MAX = 30
"""Tries of one notice, about a day. Our judgement, 2026-11-25."""
NOTICES_MAX = 500
"""Notices of one message."""

LOCK = 0x0AE1
"""First half of the advisory lock of whoever delivers."""

Lane = tuple[str, str]
"""(actor, channel)."""
Send = Callable[[Receiver, list[Notice]], None]

_DUE = """
select distinct n.actor_id, n.channel from notice n
where n.state in ('waiting', 'sending') and n.not_before <= $1 order by 1, 2"""

# $5: mail and chat. What gathering alone holds back goes along with the first of its lane that is due, so that a person
# gets one digest, not a drip; what waits for quiet hours to end waits on, whatever is tried again meanwhile. A page is one
# subject's, and goes alone.
# `sending` in a lane that is not under way was left by a process or a connection that died: nobody knows whether it
# arrived, so it goes again. What ends a page waits for its beginning: an earlier notice of the subject, still to be sent.
_TAKE = """
select n.notice_id, n.program_id, n.school_id, coalesce(s.name, n.school_id) as school, n.kind, n.role, n.action,
    n.subject, n.gate, n.criterion_ids, n.urgent, n.simulated, n.due_at, n.occurred_at
from notice n left join school s using (school_id)
where n.actor_id = $1 and n.channel = $2 and n.state in ('waiting', 'sending')
    and (n.not_before <= $3 or $5 and not n.urgent and n.not_before <= n.created_at + $6::interval and exists (
        select from notice d where d.actor_id = $1 and d.channel = $2 and d.state in ('waiting', 'sending')
            and not d.urgent and d.action = 'tell' and d.not_before <= $3))
    and ($5 or not exists (select from notice e where e.actor_id = n.actor_id and e.channel = n.channel
        and e.subject = n.subject and e.notice_id < n.notice_id and e.state in ('waiting', 'sending') and e.not_before > $3))
order by n.urgent desc, n.notice_id limit $4 for update of n"""


@dataclass(frozen=True, slots=True)
class _Parcel:
    delivery_id: int
    receiver: Receiver
    notices: list[Notice]


class Delivery:
    """The lanes of one process."""

    def __init__(self, pool: Pool, metrics: Metrics, gather_seconds: float, way: Send = send) -> None:
        self._pool, self._way = pool, way
        self._gather = timedelta(seconds=gather_seconds)
        self._tries = metrics.counter("firstbell_notifier_deliveries_total")
        self._busy: dict[Lane, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(LANES_MAX, "notifier")
        self._log = structlog.get_logger().bind(room="notifier")

    async def run(self, process: Process) -> None:
        """Works until the process stops; what is under way is finished or left to be sent again."""
        async with self._pool.acquire() as connection:
            while not process.stopping.is_set():
                if await connection.fetchval("select pg_try_advisory_lock($1, 0)", LOCK):
                    break  # one process delivers at a time: another would send again what this one has under way
                await _pause(process)
            try:
                await self._work(process)
            finally:
                await connection.execute("select pg_advisory_unlock($1, 0)", LOCK)

    async def _work(self, process: Process) -> None:
        while not process.stopping.is_set():
            try:
                await self.look()
            except Exception as error:
                if not is_transient(error):
                    raise
                self._log.warning("delivery-waits", because=repr(error)[:300])
            await _pause(process)
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=10)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> None:
        """Starts a lane for whoever has something due and none under way."""
        now = datetime.now(UTC)
        for row in await self._pool.fetch(_DUE, now):
            lane: Lane = (row["actor_id"], row["channel"])
            if lane in self._busy or len(self._busy) >= LANES_MAX:
                continue
            task = asyncio.create_task(self._carry(lane, now))
            self._busy[lane] = task
            task.add_done_callback(lambda _, lane=lane: self._busy.pop(lane, None))  # type: ignore[misc]

    async def _carry(self, lane: Lane, now: datetime) -> None:
        try:
            parcel = await self._take(lane, now)
            if parcel is None:
                return
            error: str | None = None
            loop = asyncio.get_running_loop()
            try:
                await loop.run_in_executor(self._threads, self._way, parcel.receiver, parcel.notices)
            except UndeliveredError as failure:
                error = str(failure)
            except Exception as oddity:  # noqa: BLE001  a receiver's oddity is its own failure; its text may hold an address
                error = f"the channel broke: {type(oddity).__name__}"
            await self._settle(lane, parcel, error)
        except Exception as trouble:
            if not is_transient(trouble):
                raise
            self._log.warning("delivery-waits", channel=lane[1], because=repr(trouble)[:300])

    async def _take(self, lane: Lane, now: datetime) -> _Parcel | None:
        """What goes out as one message now: for mail and chat a digest, for a page one subject's next step."""
        async with self._pool.acquire() as connection, connection.transaction():
            contact = await connection.fetchrow(
                "select kind, address from contact where actor_id = $1 and channel = $2", *lane
            )
            if contact is None:
                await connection.execute(
                    """update notice set state = 'no-contact', settled_at = now()
                    where actor_id = $1 and channel = $2 and state = 'waiting'""", *lane,
                )  # fmt: skip
                return None
            digest = contact["kind"] != "pagerduty"
            rows = await connection.fetch(_TAKE, *lane, now, NOTICES_MAX, digest, self._gather)
            notices = [Notice(**{**dict(row), "criterion_ids": tuple(row["criterion_ids"])}) for row in rows]
            notices = _together(notices, contact["kind"])
            if not notices:
                return None
            ids = [each.notice_id for each in notices]
            await connection.execute("update notice set state = 'sending' where notice_id = any($1)", ids)
            await connection.execute(
                """update delivery set outcome = 'unknown', finished_at = now()
                where actor_id = $1 and channel = $2 and outcome = 'under-way'""", *lane,
            )  # fmt: skip
            delivery_id: int = await connection.fetchval(
                """insert into delivery (actor_id, channel, action, notice_ids, started_at, outcome)
                values ($1, $2, $3, $4, $5, 'under-way') returning delivery_id""",
                *lane, notices[0].action, ids, datetime.now(UTC),
            )  # fmt: skip
            return _Parcel(delivery_id, Receiver(contact["kind"], contact["address"]), notices)

    async def _settle(self, lane: Lane, parcel: _Parcel, error: str | None) -> None:
        ids = [each.notice_id for each in parcel.notices]
        now = datetime.now(UTC)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "update delivery set outcome = $2, finished_at = $3, error = $4 where delivery_id = $1",
                parcel.delivery_id, "failed" if error else "delivered", now, error,
            )  # fmt: skip
            if error is None:
                await connection.execute(
                    """update notice set state = 'delivered', attempts = attempts + 1, settled_at = $2
                    where notice_id = any($1)""", ids, now,
                )  # fmt: skip
            else:
                tried: int = await connection.fetchval(
                    "select max(attempts) from notice where notice_id = any($1)", ids
                )
                pause = BACKOFF_SECONDS[min(tried, len(BACKOFF_SECONDS) - 1)]
                await connection.execute(
                    """update notice set attempts = attempts + 1, not_before = $2,
                        state = case when attempts + 1 >= $3 then 'given-up' else 'waiting' end,
                        settled_at = case when attempts + 1 >= $3 then now() end
                    where notice_id = any($1)""",
                    ids, now + timedelta(seconds=pause), TRIES_MAX,
                )  # fmt: skip
        self._tries.labels(parcel.receiver.kind, "failed" if error else "delivered").inc()
        self._log.info(
            "delivered" if error is None else "undelivered", channel=lane[1], kind=parcel.receiver.kind,
            notices=len(ids), because=error,
        )  # fmt: skip


async def _pause(process: Process) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.stopping.wait(), LOOK_SECONDS)


def _together(notices: list[Notice], kind: str) -> list[Notice]:
    if kind == "pagerduty":
        return notices[:1]
    told = [each for each in notices if each.action == "tell"]
    urgent = [each for each in told if each.urgent]
    return urgent or told
