"""What carries out the one thing a workflow does to the world. Registered by the worker.

Returns quickly, holds no state between calls, and may be called twice for the same facts.
"""

from datetime import UTC, datetime

import structlog
from temporalio import activity

from services.bridge import ledger, program_ledger
from services.kit.database import Pool
from services.kit.metrics import Metrics
from workflows.activities import FactBatch, ProgramFactBatch

LATENCY_SECONDS_MAX = 60.0
"""Seconds between a reading's arrival and a decision past which time, not the reading, is taken to have decided."""


class Activities:
    """The worker's activities, on its pool."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool, self._metrics = pool, metrics
        self._log = structlog.get_logger().bind(room="worker")

    @activity.defn(name="publish_facts")
    async def publish_facts(self, batch: FactBatch) -> None:
        """Every fact of the batch is durable and on its way to readers, once, or the call raises and nothing is."""
        now = datetime.now(UTC)
        facts = batch.facts
        first = facts[0]
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                fresh = await ledger.publish(connection, facts, now)
                arrived = await connection.fetchval(
                    """update rollout set arrived_at = null from rollout as before
                    where rollout.program_id = $1 and rollout.school_id = $2 and rollout.arrived_at is not null
                        and before.program_id = $1 and before.school_id = $2 returning before.arrived_at""",
                    first.program_id, first.school_id,
                ) if any(fact.body.kind == "gate-decided" for fact in fresh) else None  # fmt: skip
        except ledger.FactConflictError as conflict:
            self._log.error("fact-conflict", school_id=first.school_id, because=str(conflict))
            raise
        for fact in fresh:
            self._metrics.counter("firstbell_facts_published_total").labels(fact.body.kind).inc()
        seconds = (datetime.now(UTC) - arrived).total_seconds() if arrived else None
        if seconds is not None and seconds <= LATENCY_SECONDS_MAX:
            self._metrics.histogram("firstbell_decision_latency_seconds").observe(seconds)

    @activity.defn(name="publish_program_facts")
    async def publish_program_facts(self, batch: ProgramFactBatch) -> None:
        """As `publish_facts`, for a program's own facts; the schools that a fact admits are started afterwards."""
        facts = batch.facts
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                fresh = await program_ledger.publish(connection, facts)
        except ledger.FactConflictError as conflict:
            self._log.error("fact-conflict", program_id=facts[0].program_id, because=str(conflict))
            raise
        for fact in fresh:
            self._metrics.counter("firstbell_facts_published_total").labels(fact.body.kind).inc()
