"""Open schools under load: taught, signed, with evidence, at rest; and the events that move them."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from schemas.events.provisioning import (
    DeviceReported,
    DevicesPlanned,
    IdentityTested,
    NetworkProbeCompleted,
    PageLoadTested,
)
from schemas.events.raw import FeedWatermark, SchoolEvent
from schemas.school import Scope, ScopeKind
from schemas.signal import Origin
from schemas.topics import PROVISIONING
from services.kit.envelope import encode
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab

STUDENTS_COUNT = 400
DEVICES_COUNT = 10
GOOD_MBPS, BAD_MBPS = 2.0 * STUDENTS_COUNT, 0.5 * STUDENTS_COUNT
SIGNAL = "network.mbps-per-student"
DAY_SECONDS = 3600.0
SIGNERS_COUNT = 12
REST_SECONDS = 180.0


@dataclass
class Life:
    """The schools of one lab, and what is said of them."""

    lab: BridgeLab
    revisions: "count[int]" = field(default_factory=lambda: count(1))
    good: dict[str, bool] = field(default_factory=dict)

    async def begin(self, schools_count: int) -> None:
        """Returns once every school waits at the infrastructure check with all its evidence."""
        lab = self.lab
        await lab.teach(schools_count, day_seconds=DAY_SECONDS)
        await lab.start()
        self.good = dict.fromkeys(lab.schools, True)
        turns = asyncio.Semaphore(SIGNERS_COUNT)

        async def sign(school: str) -> None:
            async with turns:
                await lab.sign_charter(school)

        await asyncio.gather(*(sign(school) for school in lab.schools))
        for school in lab.schools:
            self._introduce(school)
        lab.publisher.flush()
        await until(self.waiting, what="every school to wait for time alone", within=REST_SECONDS, every=0.5)
        await until(self.rested, what="the bridge to rest", within=REST_SECONDS, every=0.5)

    async def waiting(self) -> bool:
        found = await self.lab.pool.fetchval(
            """select count(*) from rollout where program_id = $1 and phase = 'infrastructure-check'
            and outcome = 'waiting'""",
            self.lab.program,
        )
        return bool(found == len(self.lab.schools))

    async def rested(self) -> bool:
        dirty = await self.lab.pool.fetchval(
            "select count(*) from rollout where program_id = $1 and dirty_version > acked_version", self.lab.program
        )
        return bool(dirty == 0)

    def _introduce(self, school: str) -> None:
        now = datetime.now(UTC)
        scope = Scope(kind=ScopeKind.SCHOOL, id=school)
        of = self._envelope
        self.send(DevicesPlanned(school_id=school, planned_count=DEVICES_COUNT, **of("plan-1", now)))
        self.send(
            PageLoadTested(
                school_id=school, p95_seconds=1.5, mean_seconds=1.0, loads_count=50, failed_count=0, **of("page-1", now)
            )
        )
        self.send(
            IdentityTested(
                school_id=school, attempts_count=100, succeeded_count=100, single_sign_on=True,
                new_password_required=False, **of("login-1", now),
            )
        )  # fmt: skip
        mark = FeedWatermark(scope=scope, complete_until=now, **of("feed-1", now))
        self.lab.publisher.send(PROVISIONING.name, encode(mark.ce_type, mark, school, source="bench", time=now))
        for device in range(DEVICES_COUNT):
            self.report(school, device)
        self.send(self.probe(school, now, good=True))

    def _envelope(self, reference: str, at: datetime) -> dict[str, object]:
        return {
            "entity_ref": reference, "revision": next(self.revisions), "observed_at": at, "observed_on": at.date(),
            "origin": Origin.MEASURED, "simulated": True,
        }  # fmt: skip

    def probe(self, school: str, at: datetime, *, good: bool) -> NetworkProbeCompleted:
        mbps = GOOD_MBPS if good else BAD_MBPS
        return NetworkProbeCompleted(school_id=school, capacity_mbps=mbps, **self._envelope("probe-1", at))

    def flip(self, school: str, at: datetime) -> None:
        """An event that changes the school's verdict, observed at this instant, by which it is found again."""
        self.good[school] = not self.good[school]
        self.send(self.probe(school, at, good=self.good[school]))

    def report(self, school: str, device: int) -> None:
        """An event that changes no reading: the same device, seen once more."""
        now = datetime.now(UTC)
        self.send(
            DeviceReported(
                school_id=school, device_hash=f"{device:016x}", enrolled=True, last_seen_on=now.date(),
                **self._envelope(f"device-{device}", now),
            )
        )  # fmt: skip

    def send(self, event: SchoolEvent) -> None:
        encoded = encode(event.ce_type, event, event.school_id, source="bench", time=event.observed_at)
        self.lab.publisher.send(PROVISIONING.name, encoded)
