"""The auditor's process: it enters every fact into the chain of its district, what is statewide into one, and signs heads.

Started by `firstbell serve auditor`. It reads its topics like any other reader, publishes nothing, and shares no
table with those it audits. What it keeps in PostgreSQL can be cut or restored; its heads are kept elsewhere.
"""

from pathlib import Path

import structlog

from schemas.metrics import AUDITOR
from schemas.topics import FACTS, NOTES, PROGRAM_FACTS, VARIANCES
from services.auditor.chain import sealing
from services.auditor.chain.journal import enter_facts
from services.auditor.chain.keys import heads_folder, load_signer
from services.auditor.chain.statewide import enter_statewide
from services.kit.batch import Batch
from services.kit.consume import Subscription
from services.kit.metrics import Metrics
from services.kit.process import Process, Sweep
from services.kit.room import Room
from services.kit.settings import Settings

STATEWIDE_TOPICS = (PROGRAM_FACTS, VARIANCES, NOTES)
SUBSCRIPTIONS = (
    Subscription((FACTS.name,), "auditor-facts", FACTS.decoder, enter_facts),
    Subscription(
        tuple(topic.name for topic in STATEWIDE_TOPICS), "auditor-statewide",
        {kind: model for topic in STATEWIDE_TOPICS for kind, model in topic.decoder.items()}, enter_statewide,
    ),
)  # fmt: skip


class Sealer:
    """Signs heads from time to time, and says how it went."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Makes the key at the very first start. Raises PermanentError when it is gone, or open to others."""
        self._folder = heads_folder(settings)
        self._signer = load_signer(settings, make=True)
        self._metrics = metrics
        self._refused: set[str] = set()

    async def seal(self, batch: Batch) -> None:
        """One round: a sweep's handler."""
        sealed = await sealing.seal(batch.connection, self._folder, self._signer, batch.now)
        self._metrics.counter("firstbell_audit_heads_total").inc(len(sealed.heads))
        self._metrics.gauge("firstbell_audit_chains_broken").set(len(sealed.refused))
        log = structlog.get_logger().bind(room="auditor")
        for chain in sorted(sealed.refused.keys() - self._refused):
            log.error("head-refused", district_id=chain, because=sealed.refused[chain])
        self._refused = set(sealed.refused)


def process(settings: Settings) -> Process:
    """The room's process, not started."""
    metrics = Metrics(AUDITOR)
    sweep = Sweep("heads", settings.audit_seal_seconds, Sealer(settings, metrics).seal)
    return Process("auditor", settings, SUBSCRIPTIONS, (sweep,), metrics)


async def run(settings: Settings) -> None:
    """Works until it is told to stop."""
    await process(settings).run()


ROOM = Room("auditor", migrations=Path(__file__).parent / "migrations", run=run)
