"""The bridge's process: readings and copies in, signals out, facts on their way to Kafka."""

import asyncio
from datetime import timedelta
from pathlib import Path

from schemas.metrics import BRIDGE
from services.bridge import temporal
from services.bridge.admitter import Admitter
from services.bridge.copies import COPIES
from services.bridge.documents import Documents
from services.bridge.incoming import Incoming
from services.bridge.ledger import FACTS
from services.bridge.program_ledger import PROGRAM_FACTS
from services.bridge.sender import Sender
from services.kit.batch import Batch
from services.kit.metrics import Metrics
from services.kit.process import Process, Sweep
from services.kit.room import Room
from services.kit.settings import Settings

GAUGE_SECONDS = 2.0
"""Seconds between two counts of dirty schools. Our judgement, 2026-11-23."""
RESEND_SECONDS = 0.25
"""Seconds between two looks for what the clock makes due: a rehearsal's days may last a second. Our judgement."""


def process(settings: Settings) -> Process:
    """The process, ready to run."""
    metrics = Metrics(BRIDGE)
    documents = Documents()

    incoming = Incoming(
        documents,
        metrics.counter("firstbell_bridge_readings_total"),
        timedelta(seconds=settings.bridge_company_seconds),
    )

    async def count(batch: Batch) -> None:
        dirty = await batch.connection.fetchval(
            """select count(*) from rollout where status = 'running' and dirty_version > acked_version
                and (due_at is null or due_at <= now())"""
        )
        metrics.gauge("firstbell_bridge_dirty_schools").set(dirty)

    async def send(running: Process) -> None:
        client = await temporal.connect(settings, lazy=True)
        sender = Sender(running.pool, client, documents, metrics, settings.bridge_signals_per_second)
        await sender.run(running.stopping)

    async def admit(running: Process) -> None:
        client = await temporal.connect(settings, lazy=True)
        await Admitter(running.pool, client, documents, settings.bridge_starts_per_second).run(running.stopping)

    return Process(
        "bridge",
        settings,
        subscriptions=(
            COPIES,
            incoming.subscription(),
            FACTS,
            PROGRAM_FACTS,
        ),
        sweeps=(Sweep("dirty-schools", GAUGE_SECONDS, count), Sweep("resend", RESEND_SECONDS, incoming.resend)),
        metrics=metrics,
        tasks=(send, admit),
    )


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    await process(settings).run()


ROOM = Room(
    name="bridge",
    migrations=Path(__file__).parent / "migrations",
    run=run,
    prepare=temporal.register_search_attributes,
)

if __name__ == "__main__":
    from services.kit.settings import load_settings

    asyncio.run(run(load_settings()))
