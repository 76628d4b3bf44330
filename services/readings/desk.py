"""A domain service in one declaration: raw events in, readings out, each school's evidence by a pure function.

`helpdesk`, `training`, `assessment` and `provisioning` each make one `DomainRoom`; they differ in their events,
their pure function, and nothing else:

    DOMAIN = DomainRoom("training", TRAINING, readiness.readings_of, Path(__file__).parent / "migrations")
    ROOM = DOMAIN.room()  # named in pyproject's entry points; its first revision calls create_readings_tables(op)

It refuses to know what a signal means, and to answer for another owner's signals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from schemas.readiness import CATALOGUE
from schemas.school import ScopeKind
from schemas.signal import SignalName
from schemas.topics import CALENDAR_POINTERS, CALENDARS, READINGS, SCHOOLS, Topic
from services.kit.consume import Subscription
from services.kit.process import Process, Sweep
from services.kit.room import Room
from services.kit.settings import Settings
from services.readings.computing import Compute, Computing, Owner
from services.readings.day import Days
from services.readings.intake import Intake
from services.readings.register import Register
from services.readings.store import Columns

TAKE_UP_SECONDS = 5.0
"""Seconds between two looks for parked events whose school another process learned of. Our judgement, 2026-11-23."""
DIRECTORY = (SCHOOLS, CALENDARS, CALENDAR_POINTERS)


@dataclass(frozen=True, slots=True)
class DomainRoom:
    """One domain service. Declared once, in the room's `room.py`."""

    name: str
    """Owner of its signals in the catalogue; also its PostgreSQL schema and consumer group."""
    topic: Topic
    """Where its raw events arrive."""
    compute: Compute
    """Pure: answers every signal of this owner that speaks of the subject's kind of scope."""
    migrations: Path
    """Its first revision calls `services.readings.tables.create_readings_tables(op)`."""
    columns: Columns | None = None
    """A table of its own for kinds that come by the thousand. None: all things are kept alike."""
    directory: tuple[Topic, ...] = DIRECTORY
    readings_topic: str = READINGS.name

    @property
    def signals(self) -> dict[ScopeKind, frozenset[SignalName]]:
        """The signals it owns, by the kind of scope they speak of. Raises ValueError when it owns none."""
        owned = [signal for signal in CATALOGUE.values() if signal.owner == self.name]
        if not owned:
            raise ValueError(f"room {self.name}: expected an owner of signals in the catalogue, seen none of its own")
        kinds = {signal.scope for signal in owned}
        return {kind: frozenset(signal.name for signal in owned if signal.scope is kind) for kind in kinds}

    def room(self) -> Room:
        """What the stack and the command line know of it."""
        return Room(self.name, migrations=self.migrations, run=self.run)

    async def run(self, settings: Settings) -> None:
        """Works until SIGTERM or SIGINT. Raises what made its consumer or a sweep give up."""
        await self.process(settings).run()

    def process(self, settings: Settings) -> Process:
        """Its process, not started: one subscription, since raw events refer to schools, and three sweeps."""
        register = Register()
        intake = Intake(frozenset(self.signals), register, self.columns)
        owner = Owner(self.name, self.topic.decoder, self.compute, self.signals, self.columns, self.readings_topic)
        computing = Computing(owner, register)
        days = Days(register)
        topics: Sequence[Topic] = (*self.directory, self.topic)
        decoder: dict[str, type[BaseModel]] = {}
        for topic in topics:
            decoder.update(topic.decoder)
        return Process(
            self.name,
            settings,
            subscriptions=[Subscription(tuple(t.name for t in topics), self.name, decoder, intake.handle)],
            sweeps=[
                Sweep("day", days.pause_seconds, days.sweep),
                Sweep("readings", computing.pause_seconds, computing.sweep),
                Sweep("take-up", TAKE_UP_SECONDS, intake.take_up_known, decoder),
            ],
        )


__all__ = ["DIRECTORY", "Columns", "Compute", "DomainRoom"]
