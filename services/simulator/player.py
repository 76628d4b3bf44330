"""Plays imagined days in real time: publishes each event when its calendar says it is due.

Run by `firstbell simulate run`. It hears `repair`, `worsen`, `cut` and `restore` through a file in the home folder, so that
anybody with a shell can play fate. An event that is late is published at once, with the time it should have had.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from schemas.topics import RAW_TOPICS
from services.kit.envelope import encode
from services.kit.publisher import Publisher
from services.simulator.clock import Clock
from services.simulator.life import Happening, School, day_of, mending, release_day, repaired, worsened, worsening

TOPIC_OF = {topic.owner: topic.name for topic in RAW_TOPICS}
TICK_SECONDS = 0.05
"""How often it looks whether something is due or fate has changed. Our judgement, 2026-11-23."""


def control_file(home: Path) -> Path:
    """Where acts of fate are appended, one JSON object a line."""
    return home / "simulator" / "control.jsonl"


@dataclass(slots=True)
class Player:
    """All schools of a simulation, played day by day."""

    schools: dict[str, School]
    release_id: str | None
    publisher: Publisher
    control: Path
    progress: Callable[[int, int], None]
    """Called once an imagined day with (day, days)."""
    _queue: list[tuple[datetime, Happening, str]] = field(default_factory=list)
    _cut: set[tuple[str, str]] = field(default_factory=set)
    _held_back: list[tuple[Happening, str]] = field(default_factory=list)
    _control_read: int = 0
    stopped: bool = False

    def play(self, days: int) -> int:
        """Plays that many days from the first and returns the events sent. Blocks as long as the days last."""
        clocks = {school.record.district_id: school.clock for school in self.schools.values()}
        reference = clocks[min(clocks)]
        for day in range(days):
            self._plan(day, reference)
            self.progress(day, days)
            while self._queue and not self.stopped:
                self._hear()
                self._send_due(datetime.now(UTC))
                self._until_next()
            if self.stopped:
                break
        self.publisher.flush()
        return self.publisher.sent_count

    def linger(self) -> None:
        """After the last day: goes on hearing fate until it is stopped."""
        while not self.stopped:
            self._hear()
            self._send_due(datetime.now(UTC))
            time.sleep(TICK_SECONDS)
        self.publisher.flush()

    def _plan(self, day: int, reference: Clock) -> None:
        for identifier in sorted(self.schools):
            school = self.schools[identifier]
            for happening in day_of(school, day):
                self._queue.append((school.clock.instant(happening.day), happening, school.record.district_id))
        if self.release_id:
            for happening in release_day(self.release_id, reference, day):
                self._queue.append((reference.instant(happening.day), happening, ""))
        self._queue.sort(key=lambda entry: (entry[0], entry[1].event.scope_id, entry[1].event.entity_ref))

    def _send_due(self, now: datetime) -> None:
        due = 0
        while due < len(self._queue) and self._queue[due][0] <= now:
            _, happening, district = self._queue[due]
            due += 1
            if (district, happening.publisher) in self._cut:
                self._held_back.append((happening, district))
            else:
                self._send(happening)
        del self._queue[:due]

    def _send(self, happening: Happening) -> None:
        event = happening.event
        encoded = encode(
            event.ce_type,
            event,
            event.scope_id,
            source="firstbell/simulator",
            ce_id=f"{event.scope_id}-{event.entity_ref}-{event.revision}",
            time=event.observed_at,
        )
        self.publisher.send(TOPIC_OF[happening.publisher], encoded)

    def _until_next(self) -> None:
        if self._queue:
            wait = (self._queue[0][0] - datetime.now(UTC)).total_seconds()
            time.sleep(max(0.0, min(wait, TICK_SECONDS)))

    def _hear(self) -> None:
        for act in self._new_acts():
            if act["act"] == "repair" and act["school"] in self.schools:
                self._become(act["school"], mending, repaired)
            elif act["act"] == "worsen" and act["school"] in self.schools:
                self._become(act["school"], worsening, worsened)
            elif act["act"] == "cut":
                self._cut.add((act["district"], act["publisher"]))
            elif act["act"] == "restore":
                self._cut.discard((act["district"], act["publisher"]))
                kept, self._held_back = self._held_back, []
                for happening, district in kept:
                    if (district, happening.publisher) in self._cut:
                        self._held_back.append((happening, district))
                    else:
                        self._send(happening)

    def _become(
        self, identifier: str, at_once: Callable[[School, float], list[Happening]], after: Callable[[School], School]
    ) -> None:
        school = self.schools[identifier]
        day = max(school.clock.day_number(datetime.now(UTC)), 0.0)
        for happening in at_once(school, min(day, school.clock.days_count - 0.001)):
            self._send(happening)
        changed = after(school)
        self.schools[identifier] = changed
        rest = [entry for entry in self._queue if entry[1].event.scope_id != identifier]
        today = int(day)
        for happening in day_of(changed, today):
            if happening.day > day:
                rest.append((changed.clock.instant(happening.day), happening, changed.record.district_id))
        rest.sort(key=lambda entry: (entry[0], entry[1].event.scope_id, entry[1].event.entity_ref))
        self._queue[:] = rest

    def _new_acts(self) -> Iterable[dict[str, str]]:
        if not self.control.exists():
            return []
        text = self.control.read_text("utf-8")
        fresh, self._control_read = text[self._control_read :], len(text)
        return [json.loads(line) for line in fresh.splitlines() if line.strip()]
