"""The notifier's process: copies of schools and roles, facts and incidents in, messages out."""

from functools import partial
from pathlib import Path

from schemas.metrics import NOTIFIER
from schemas.topics import ACTORS, FACTS, INCIDENTS, SCHOOLS
from services.kit.batch import Batch
from services.kit.consume import Subscription
from services.kit.metrics import Metrics
from services.kit.process import Process, Sweep
from services.kit.room import Room
from services.kit.settings import Settings
from services.notifier.channels import send
from services.notifier.delivery import Delivery
from services.notifier.incidents import Incidents
from services.notifier.intake import Intake
from services.notifier.people import keep
from services.notifier.rows import STATES

GAUGE_SECONDS = 5.0
"""Seconds between two counts of notices. Our judgement, 2026-11-25."""
TAKE_UP_SECONDS = 5.0
"""Seconds between two looks for receivers of what reached nobody. Our judgement, 2026-11-25."""


def process(settings: Settings) -> Process:
    """The process, ready to run."""
    metrics = Metrics(NOTIFIER)
    for kind in ("apprise", "pagerduty"):
        for outcome in ("delivered", "failed"):
            metrics.counter("firstbell_notifier_deliveries_total").labels(kind, outcome)  # shown as 0 before the first
    intake = Intake(settings.notifier_gather_seconds, settings.notifier_oldest_hours)
    incidents = Incidents(settings.notifier_gather_seconds, settings.notifier_oldest_hours)

    async def count(batch: Batch) -> None:
        rows = await batch.connection.fetch("select state, count(*) as notices from notice group by state")
        found = {row["state"]: row["notices"] for row in rows}
        for state in STATES:
            metrics.gauge("firstbell_notifier_notices").labels(state).set(found.get(state, 0))
        late = await batch.connection.fetchval(
            """select coalesce(extract(epoch from now() - min(not_before)), 0) from notice
            where state in ('waiting', 'sending') and not_before < now()"""
        )
        metrics.gauge("firstbell_notifier_late_seconds").set(float(late))

    async def deliver(running: Process) -> None:
        way = partial(send, pagerduty=settings.notifier_pagerduty_url)
        await Delivery(running.pool, metrics, settings.notifier_gather_seconds, way).run(running)

    copies = (SCHOOLS, ACTORS)
    return Process(
        "notifier",
        settings,
        subscriptions=(
            Subscription(
                tuple(topic.name for topic in copies),
                "notifier-copies",
                {kind: model for topic in copies for kind, model in topic.decoder.items()},
                keep,
            ),
            Subscription((FACTS.name,), "notifier-facts", FACTS.decoder, intake.take),
            Subscription((INCIDENTS.name,), "notifier-incidents", INCIDENTS.decoder, incidents.take),
        ),
        sweeps=(Sweep("notices", GAUGE_SECONDS, count), Sweep("take-up", TAKE_UP_SECONDS, intake.take_up)),
        metrics=metrics,
        tasks=(deliver,),
    )


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    await process(settings).run()


ROOM = Room("notifier", migrations=Path(__file__).parent / "migrations", run=run)
