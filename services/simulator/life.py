"""The imagined life of one school: what its sources would report, day by day, for a personality and a seed.

Pure: the same school, personality and seed give the same events, whatever the machine's speed. The player
publishes them when their time comes. Everything carries the mark `simulated`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2s
from math import ceil
from random import Random
from typing import Any

from schemas.events import assessment, helpdesk, provisioning, training
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.school import SchoolRecord, Scope, ScopeKind
from schemas.signal import Origin
from services.simulator.clock import Clock
from services.simulator.personality import Personality

DEVICES_MAX, TEACHERS_MAX = 12, 12
"""An imagined school shows this many at most, so that a state fits on one machine."""


@dataclass(frozen=True, slots=True)
class Pace:
    """On which instructional days a school's life happens; day 0 is the first."""

    beta: int
    training: tuple[int, int, int]
    handout: int
    sessions_every: int
    """Days between two reports of first sessions."""
    feedback: tuple[int, ...]
    """Days after the beta's first on which its people answer."""
    round_trip: int
    """Days after the beta's first of the first assessment that goes all the way; another each ten days."""


FULL = Pace(beta=11, training=(8, 34, 52), handout=56, sessions_every=3, feedback=(14, 26), round_trip=8)
"""Beta after ten days of infrastructure check; modules in three calendar months; hand-outs after the last."""
BRIEF = Pace(beta=0, training=(1, 1, 1), handout=2, sessions_every=1, feedback=(1,), round_trip=1)
"""As much in three days, for a rehearsal of how many schools there are and not of how long they take."""
QUIET_DAY = 5
"""When a silent school's device management goes quiet."""
RELEASE_ENTITY = "watermark-0release"


@dataclass(frozen=True, slots=True)
class Happening:
    """One raw event and when it is due, as a day number of its district's calendar."""

    day: float
    publisher: str
    event: RawEvent


@dataclass(frozen=True, slots=True)
class School:
    """What the simulator knows of a school: the directory's record, its clock, its personality."""

    record: SchoolRecord
    clock: Clock
    personality: Personality
    seed: int
    pace: Pace = FULL

    def dice(self, purpose: str) -> Random:
        """The school's own dice for one purpose: adding a purpose changes no other."""
        return Random(f"{self.seed}:{self.record.school_id}:{purpose}")

    def hashed(self, thing: str) -> str:
        """A keyed hash that stands for a device or a person who never was."""
        return blake2s(f"{self.record.school_id}:{thing}".encode(), key=str(self.seed).encode()).hexdigest()[:20]

    def common(self, entity: str, day: float, origin: Origin, revision: int = 1) -> dict[str, Any]:
        """What every event of this school carries. Any: keyword arguments of many models."""
        return {
            "entity_ref": entity,
            "revision": revision,
            "observed_at": self.clock.instant(day),
            "observed_on": self.clock.civil(day),
            "origin": origin,
            "simulated": True,
            "school_id": self.record.school_id,
        }

    def watermark(self, publisher: str, day: float) -> Happening:
        """The feed's word that everything up to this day has been sent."""
        common = self.common("watermark-1", day, Origin.IMPORTED, revision=int(day * 10) + 1)
        del common["school_id"]
        scope = Scope(kind=ScopeKind.SCHOOL, id=self.record.school_id)
        return Happening(day, publisher, FeedWatermark(**common, scope=scope, complete_until=common["observed_at"]))


def day_of(school: School, day: int) -> list[Happening]:
    """Everything that one school's sources report on one day, in order of time."""
    happenings = [
        *_network(school, day),
        *_devices(school, day),
        *_tickets(school, day),
        *_training(school, day),
        *_beta(school, day),
    ]
    return sorted(happenings, key=lambda happening: (happening.day, happening.event.entity_ref))


def repaired(school: School) -> School:
    """The same school once its trouble has been mended: clean from now on."""
    return replace(school, personality=Personality.CLEAN)


def worsened(school: School) -> School:
    """The same school once its line has grown slow: until somebody mends it."""
    return replace(school, personality=Personality.SLOW_NETWORK)


def worsening(school: School, day: float) -> list[Happening]:
    """What the sources report at the moment a school's line grows slow."""
    whole = int(day)
    probes = _network(worsened(school), whole - whole % 5)
    return [_moved(school, happening, day, number) for number, happening in enumerate(probes)]


def mending(school: School, day: float) -> list[Happening]:
    """What the sources report at the moment a school's trouble is mended."""
    whole = int(day)
    mended = repaired(school)
    happenings: list[Happening] = []
    if school.personality is Personality.SLOW_NETWORK:
        happenings += _network(mended, whole - whole % 5)
    elif school.personality is Personality.SILENT:
        happenings += _devices(mended, whole)
    elif school.personality is Personality.UNTRAINED:
        for index in range(len(mended.pace.training)):
            happenings += _session(mended, whole, index, Origin.IMPORTED)
    elif school.personality is Personality.BROKEN_BETA:
        happenings += _mended_beta(mended, whole)
    return [_moved(school, happening, day, number) for number, happening in enumerate(happenings)]


def _moved(school: School, happening: Happening, day: float, number: int) -> Happening:
    """The same report, made now: a thing of its own unless it replaces an older revision."""
    event = happening.event
    lasting = isinstance(event, provisioning.DeviceReported | assessment.BetaChanged | assessment.BetaFeedbackReported)
    change: dict[str, Any] = {
        "observed_at": school.clock.instant(day),
        "observed_on": school.clock.civil(day),
        "revision": int(day) + 2,
    }
    if isinstance(event, FeedWatermark):
        change |= {"complete_until": school.clock.instant(day), "revision": int(day * 10) + 1}
    elif not lasting:
        change["entity_ref"] = f"mended-{int(day * 10)}x{number}"
    return Happening(day, happening.publisher, event.model_copy(update=change))


def _mended_beta(school: School, day: int) -> Iterator[Happening]:
    yield from _beta(school, school.pace.beta)
    yield from _beta(school, school.pace.beta + school.pace.feedback[-1])
    for part in range(20):
        common = school.common(f"firstsessions-{day}x{part}", day, Origin.MEASURED)
        sessions = assessment.FirstSessionsReported(
            **common, non_volunteers_count=40, non_volunteers_succeeded_count=40
        )
        yield Happening(day, "assessment", sessions)


def _network(school: School, day: int) -> Iterator[Happening]:
    if day % 5 != 0:
        return
    dice = school.dice(f"network:{day}")
    slow = school.personality is Personality.SLOW_NETWORK
    per_student = dice.uniform(0.4, 0.8) if slow else dice.uniform(2.1, 3.0)
    at = day + 0.1
    yield Happening(
        at, "provisioning",
        provisioning.NetworkProbeCompleted(
            **school.common(f"probe-{day}", at, Origin.MEASURED),
            capacity_mbps=round(per_student * (school.record.students or 100), 1),
        ),
    )  # fmt: skip
    p95 = dice.uniform(6.0, 9.0) if slow else dice.uniform(1.8, 3.2)
    yield Happening(
        at, "provisioning",
        provisioning.PageLoadTested(
            **school.common(f"pagetest-{day}", at, Origin.MEASURED),
            p95_seconds=round(p95, 2), mean_seconds=round(p95 / 2.5, 2), loads_count=200, failed_count=0,
        ),
    )  # fmt: skip
    yield Happening(
        at, "provisioning",
        provisioning.IdentityTested(
            **school.common(f"identitytest-{day}", at, Origin.MEASURED),
            attempts_count=200, succeeded_count=199, single_sign_on=True, new_password_required=False,
        ),
    )  # fmt: skip


def device_count(school: School) -> int:
    """Devices the school's plan counts on."""
    return max(1, min(DEVICES_MAX, school.record.students or DEVICES_MAX))


def _devices(school: School, day: int) -> Iterator[Happening]:
    if school.personality is Personality.SILENT and day >= QUIET_DAY:
        return
    if day == 0:
        common = school.common("deviceplan-1", 0.05, Origin.IMPORTED)
        yield Happening(0.05, "provisioning", provisioning.DevicesPlanned(**common, planned_count=device_count(school)))
    for number in range(device_count(school)):
        if (day + number) % 2 == 0 or day == 0:
            at = day + 0.2
            yield Happening(
                at, "provisioning",
                provisioning.DeviceReported(
                    **school.common(f"device-0{school.hashed(f'device:{number}')}", at, Origin.IMPORTED, day + 1),
                    device_hash=school.hashed(f"device:{number}"), enrolled=True, last_seen_on=school.clock.civil(day),
                ),
            )  # fmt: skip
    yield school.watermark("provisioning", day + 0.3)


def _tickets(school: School, day: int) -> Iterator[Happening]:
    dice = school.dice(f"tickets:{day}")
    if dice.random() < 0.2:
        opened = school.clock.instant(day + 0.15)
        entity = f"ticket-{day}"
        facts = {"cause": dice.choice(("login", "wifi", "screen", "sound")), "priority": helpdesk.Priority.MEDIUM,
                 "opened_at": opened, "people_affected_count": dice.randint(1, 3)}  # fmt: skip
        opening = school.common(entity, day + 0.15, Origin.IMPORTED)
        yield Happening(day + 0.15, "helpdesk", helpdesk.TicketChanged(**opening, change="opened", **facts))
        closing = school.common(entity, day + 0.45, Origin.IMPORTED, revision=2)
        yield Happening(
            day + 0.45, "helpdesk",
            helpdesk.TicketChanged(
                **closing, change="resolved", assigned_at=school.clock.instant(day + 0.2),
                resolved_at=school.clock.instant(day + 0.45), **facts,
            ),
        )  # fmt: skip
    yield school.watermark("helpdesk", day + 0.5)


def teacher_count(school: School) -> int:
    """Teachers to be trained."""
    return max(1, min(TEACHERS_MAX, ceil(school.record.teachers or 4)))


def _training(school: School, day: int) -> Iterator[Happening]:
    origin = Origin.ATTESTED if school.personality is Personality.UNANSWERED else Origin.IMPORTED
    if day == 1:
        roster = school.common("trainingroster-1", 1.1, origin)
        yield Happening(
            1.1, "training", training.TrainingRosterReported(**roster, teachers_count=teacher_count(school))
        )
        coach = school.common("coachassignment-1", 1.1, origin)
        yield Happening(
            1.1, "training",
            training.CoachAssigned(**coach, coach_hash=school.hashed("coach"), share=1.0, active=True),
        )  # fmt: skip
    for index in [index for index, at in enumerate(school.pace.training) if at == day]:
        yield from _session(school, day, index, origin)
    if day == school.pace.handout and school.personality is not Personality.UNTRAINED:
        at = day + 0.4
        yield Happening(
            at, "training",
            training.ClassHandedOut(
                **school.common("handout-1", at, Origin.IMPORTED), class_ref="class-1",
                teacher_hash=school.hashed("teacher:0"), handed_out_on=school.clock.civil(day),
            ),
        )  # fmt: skip
    yield school.watermark("training", day + 0.5)


def _session(school: School, day: int, index: int, origin: Origin) -> Iterator[Happening]:
    """One module for the teachers; an untrained school sends a quarter of them, and only to the first."""
    count = teacher_count(school)
    if school.personality is Personality.UNTRAINED:
        count = count // 4 if index == 0 else 0
    at = day + 0.3
    for number in range(count):
        yield Happening(
            at, "training",
            training.TrainingCompleted(
                **school.common(f"completion-{day}x{index}x{number}", at, origin),
                teacher_hash=school.hashed(f"teacher:{number}"), module=list(training.Module)[index],
                session_ref=f"session-{day}x{index}", completed_on=school.clock.civil(day), hours=2.0, passed=True,
            ),
        )  # fmt: skip


def _model(take_home: bool) -> assessment.DeliveryModel:
    return assessment.DeliveryModel(
        devices_per_student=1.0, take_home=take_home, platform="chromebook", identity="google-workspace",
        grades=("grade-05", "grade-06"),
    )  # fmt: skip


def _beta(school: School, day: int) -> Iterator[Happening]:
    broken = school.personality is Personality.BROKEN_BETA
    cohort, since = 24, day - school.pace.beta
    if since == 0:
        at = day + 0.1
        yield Happening(
            at, "assessment",
            assessment.BetaChanged(
                **school.common("beta-1", at, Origin.IMPORTED), started_on=school.clock.civil(day),
                target_users_count=max(school.record.students or 100, 1), cohort_users_count=cohort, classrooms_count=3,
                beta_model=_model(take_home=not broken), plan_model=_model(take_home=True),
            ),
        )  # fmt: skip
    if since > 0 and since % school.pace.sessions_every == 0:
        at = day + 0.3
        dice = school.dice(f"sessions:{day}")
        tried = 20
        worked = sum(dice.random() < (0.62 if broken else 0.985) for _ in range(tried))
        yield Happening(
            at, "assessment",
            assessment.FirstSessionsReported(
                **school.common(f"firstsessions-{day}", at, Origin.MEASURED),
                non_volunteers_count=tried, non_volunteers_succeeded_count=worked,
                volunteers_count=4, volunteers_succeeded_count=4,
            ),
        )  # fmt: skip
    if since in school.pace.feedback:
        at = day + 0.4
        responded = 9 if broken else 22
        yield Happening(
            at, "assessment",
            assessment.BetaFeedbackReported(
                **school.common("feedback-1", at, Origin.IMPORTED, revision=day),
                cohort_users_count=cohort, responded_count=responded,
            ),
        )  # fmt: skip
    if since >= school.pace.round_trip and (since - school.pace.round_trip) % 10 == 0:
        yield _round_trip(school, day)
    yield school.watermark("assessment", day + 0.5)


def _round_trip(school: School, day: int) -> Happening:
    at = day + 0.6
    return Happening(
        at, "assessment",
        assessment.RoundTripTested(
            **school.common(f"roundtrip-{day}", at, Origin.MEASURED), created=True, delivered=True,
            scored_on=school.clock.civil(day), visible_on=school.clock.civil(day), on_school_network=True,
        ),
    )  # fmt: skip


def release_day(release_id: str, clock: Clock, day: int) -> list[Happening]:
    """What the help desk reports of the release itself: how far its defect feed is complete, twice a day."""
    happenings = []
    for part in (0.1, 0.6):
        instant = clock.instant(day + part)
        mark = FeedWatermark(
            entity_ref=RELEASE_ENTITY, revision=int((day + part) * 10) + 1, observed_at=instant,
            observed_on=clock.civil(day), origin=Origin.IMPORTED, simulated=True,
            scope=Scope(kind=ScopeKind.RELEASE, id=release_id), complete_until=instant,
        )  # fmt: skip
        happenings.append(Happening(day + part, "helpdesk", mark))
    return happenings
