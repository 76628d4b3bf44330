"""The console's process: three subscriptions into its own tables, and the sweeps of exporter and incidents.

Started by `firstbell serve console`. What people do at one school goes to its workflow, and comes back as facts; it
publishes two things: advisories, which hold many schools, and incidents.
"""

from pathlib import Path

from schemas.metrics import CONSOLE
from schemas.topics import ACTORS, ADVISORIES, CALENDAR_POINTERS, CALENDARS, FACTS, POLICIES, READINGS, SCHOOLS
from services.console import incidents
from services.console.exporter import Exporter
from services.console.projection import apply_facts
from services.console.shelves import keep
from services.kit.consume import Subscription
from services.kit.metrics import Metrics
from services.kit.process import Process, Sweep
from services.kit.room import Room
from services.kit.settings import Settings

COPIED = (SCHOOLS, ACTORS, CALENDARS, CALENDAR_POINTERS, POLICIES, ADVISORIES)

SUBSCRIPTIONS = (
    Subscription((FACTS.name,), "console-facts", FACTS.decoder, apply_facts),
    Subscription((READINGS.name,), "console-readings", READINGS.decoder, keep),
    Subscription(
        tuple(topic.name for topic in COPIED),
        "console-copies",
        {kind: model for topic in COPIED for kind, model in topic.decoder.items()},
        keep,
    ),
)


async def run(settings: Settings) -> None:
    """Works until it is told to stop."""
    metrics = Metrics(CONSOLE)
    exporter = Exporter(metrics)
    sweeps = (
        Sweep("exporter", exporter.pause_seconds, exporter.refresh),
        Sweep("incidents", incidents.SWEEP_SECONDS, incidents.sweep),
    )
    await Process("console", settings, SUBSCRIPTIONS, sweeps, metrics, tasks=(exporter.watch_level,)).run()


ROOM = Room("console", migrations=Path(__file__).parent / "migrations", run=run)
