"""One school's raw events in a few words, for tests of `readiness.py`: a calendar, a subject, and an event of each kind.

Instants are given as school time: `at(3.5)` is the middle of the fourth instructional day. Unless a test says
otherwise everything is observed when it happened and imported.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from schemas.calendar import Calendar
from schemas.events.assessment import (
    BetaChanged,
    BetaFeedbackReported,
    DeliveryModel,
    FirstSessionsReported,
    RoundTripTested,
)
from schemas.events.helpdesk import DefectChanged, FrictionChanged, TicketChanged
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.events.training import ClassHandedOut, CoachAssigned, TrainingCompleted, TrainingRosterReported
from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus, Scope, ScopeKind, mint_id
from schemas.signal import Origin
from services.readings.subject import SignalValue, Subject
from workflows.policy.calendar import day_at

SCHOOL_ID = mint_id("nces", "530000000001")
DISTRICT_ID = mint_id("nces", "5300000")
RELEASE_ID = "tablet-2026.1"
SCHOOL = Scope(kind=ScopeKind.SCHOOL, id=SCHOOL_ID)
RELEASE = Scope(kind=ScopeKind.RELEASE, id=RELEASE_ID)
HOURS_PER_DAY = 7.0
_MIDNIGHT = datetime(2026, 9, 1, tzinfo=UTC)
_references = count(1)


def _school_days() -> Iterable[date]:
    """Sixty weekdays from Tuesday, 1 September 2026, without Labor Day."""
    days = (date(2026, 9, 1) + timedelta(days=step) for step in range(100))
    return [day for day in days if day.weekday() < 5 and day != date(2026, 9, 7)][:60]


def _milliseconds(day: date, hour: float) -> int:
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)).timestamp() * 1000)


CALENDAR = Calendar(
    district_id=DISTRICT_ID,
    version=1,
    time_zone="America/Los_Angeles",
    hours_per_day=HOURS_PER_DAY,
    days=tuple((day, _milliseconds(day, 16), _milliseconds(day, 23)) for day in _school_days()),
)
"""Open from 16:00 to 23:00 UTC, seven school hours."""


def at(school_time: float) -> datetime:
    """The instant at which so many instructional days have passed since the calendar's first opening."""
    index = int(school_time)
    _, opens, closes = CALENDAR.days[index]
    span = (closes - opens) * (school_time - index)
    return datetime.fromtimestamp((opens + span) / 1000, tz=UTC)


def day(index: int) -> date:
    """The civil date of an instructional day, counted from 0."""
    return CALENDAR.days[index][0]


def school(teachers: float | None = 20.0) -> SchoolRecord:
    return SchoolRecord(
        school_id=SCHOOL_ID, district_id=DISTRICT_ID, state="WA", version=1, recorded_at=_MIDNIGHT,
        status=SchoolStatus.OPEN, level=SchoolLevel.MIDDLE, students=400, teachers=teachers,
        display_name="Imagined Middle School", district_display_name="Imagined District",
    )  # fmt: skip


def subject(
    *events: RawEvent,
    now: datetime,
    scope: Scope = SCHOOL,
    calendar: Calendar | None = CALENDAR,
    teachers: float | None = 20.0,
) -> Subject:
    """The subject as the desk makes it: retracted things left out, ordered by (type, entity_ref)."""
    standing = sorted((e for e in events if not e.retracted), key=lambda e: (e.ce_type, e.entity_ref))
    of_school = scope.kind is ScopeKind.SCHOOL
    return Subject(
        scope=scope,
        school=school(teachers) if of_school else None,
        calendar=calendar if of_school else None,
        as_of=now,
        today=day_at(calendar, now) if of_school and calendar is not None else None,
        events=tuple(standing),
    )


def value_of(values: Iterable[SignalValue], signal: str) -> SignalValue:
    """The one answer to a signal. Raises ValueError unless there is exactly one."""
    (only,) = (value for value in values if value.signal == signal)
    return only


def _envelope(kind: str, observed_at: datetime, changes: dict[str, Any]) -> dict[str, Any]:
    return {
        "entity_ref": f"{kind}-{next(_references)}", "revision": 1, "observed_at": observed_at,
        "observed_on": observed_at.date(), "origin": Origin.IMPORTED, **changes,
    }  # fmt: skip


def watermark(complete_until: datetime, *, scope: Scope = SCHOOL, **changes: Any) -> FeedWatermark:
    envelope = _envelope("feed", complete_until, changes)
    return FeedWatermark(scope=scope, complete_until=complete_until, **envelope)


def ticket(opened: float, resolved: float | None = None, **changes: Any) -> TicketChanged:
    """A ticket by school times; open unless resolved."""
    base: dict[str, Any] = {
        "school_id": SCHOOL_ID, "change": "opened" if resolved is None else "resolved", "cause": "login",
        "priority": "medium", "opened_at": at(opened), "resolved_at": None if resolved is None else at(resolved),
    }  # fmt: skip
    observed = at(opened if resolved is None else max(opened, resolved))
    return TicketChanged(**_envelope("ticket", observed, {**base, **changes}))


def friction(opened: float, mitigated: float | None = None, **changes: Any) -> FrictionChanged:
    base: dict[str, Any] = {
        "school_id": SCHOOL_ID, "cause": "login", "opened_at": at(opened),
        "mitigated_at": None if mitigated is None else at(mitigated),
    }  # fmt: skip
    observed = at(opened if mitigated is None else mitigated)
    return FrictionChanged(**_envelope("friction", observed, {**base, **changes}))


def defect(severity: str, opened: float, closed: float | None = None, **changes: Any) -> DefectChanged:
    base: dict[str, Any] = {
        "release_id": RELEASE_ID, "severity": severity, "open": closed is None, "opened_at": at(opened),
        "closed_at": None if closed is None else at(closed),
    }  # fmt: skip
    return DefectChanged(**_envelope("defect", at(opened if closed is None else closed), {**base, **changes}))


def teacher(number: int) -> str:
    """A teacher's keyed hash."""
    return f"{number:016x}"


def roster(teachers_count: int, when: float = 0.0, **changes: Any) -> TrainingRosterReported:
    base = {"school_id": SCHOOL_ID, "teachers_count": teachers_count}
    return TrainingRosterReported(**_envelope("roster", at(when), {**base, **changes}))


def completion(who: int, module: str, on: date, **changes: Any) -> TrainingCompleted:
    """One teacher's session of a module: two hours, passed, in a session of its own."""
    base: dict[str, Any] = {
        "school_id": SCHOOL_ID, "teacher_hash": teacher(who), "module": module, "completed_on": on, "hours": 2.0,
        "passed": True, "session_ref": f"session-{on:%Y%m%d}",
    }  # fmt: skip
    observed = datetime(on.year, on.month, on.day, 23, tzinfo=UTC)
    return TrainingCompleted(**_envelope("completion", observed, {**base, **changes}))


def handout(class_number: int, who: int, on: date, **changes: Any) -> ClassHandedOut:
    base: dict[str, Any] = {
        "school_id": SCHOOL_ID, "class_ref": f"class-{class_number}", "teacher_hash": teacher(who),
        "handed_out_on": on,
    }  # fmt: skip
    observed = datetime(on.year, on.month, on.day, 23, tzinfo=UTC)
    return ClassHandedOut(**_envelope("handout", observed, {**base, **changes}))


def coach(number: int, share: float = 1.0, *, active: bool = True, **changes: Any) -> CoachAssigned:
    base: dict[str, Any] = {"school_id": SCHOOL_ID, "coach_hash": teacher(900 + number), "share": share}
    return CoachAssigned(**_envelope("coach", at(0), {**base, "active": active, **changes}))


PLAN = DeliveryModel(
    devices_per_student=1.0, take_home=True, platform="tablet", identity="district-sso", grades=("grade-06", "grade-07")
)


def beta(started_on: date, **changes: Any) -> BetaChanged:
    """A running beta that fits: ten of a hundred users in three classrooms, on the plan's model."""
    base: dict[str, Any] = {
        "school_id": SCHOOL_ID, "started_on": started_on, "target_users_count": 100, "cohort_users_count": 10,
        "classrooms_count": 3, "beta_model": PLAN, "plan_model": PLAN,
    }  # fmt: skip
    observed = datetime(started_on.year, started_on.month, started_on.day, 16, tzinfo=UTC)
    return BetaChanged(**_envelope("beta", observed, {**base, **changes}))


def feedback(responded: int, cohort: int, when: float = 1.0, **changes: Any) -> BetaFeedbackReported:
    base = {"school_id": SCHOOL_ID, "responded_count": responded, "cohort_users_count": cohort}
    return BetaFeedbackReported(**_envelope("feedback", at(when), {**base, **changes}))


def first_sessions(succeeded: int, total: int, when: float = 1.0, **changes: Any) -> FirstSessionsReported:
    """Non-volunteers' first sessions of one day."""
    base: dict[str, Any] = {
        "school_id": SCHOOL_ID, "non_volunteers_count": total, "non_volunteers_succeeded_count": succeeded,
        "origin": Origin.MEASURED,
    }  # fmt: skip
    return FirstSessionsReported(**_envelope("sessions", at(when), {**base, **changes}))


def round_trip(when: float = 1.0, **changes: Any) -> RoundTripTested:
    """A whole round trip, its result seen the day after scoring."""
    scored = at(when).date()
    base: dict[str, Any] = {
        "school_id": SCHOOL_ID, "created": True, "delivered": True, "scored_on": scored,
        "visible_on": scored + timedelta(days=1), "on_school_network": True, "origin": Origin.MEASURED,
    }  # fmt: skip
    return RoundTripTested(**_envelope("trip", at(when), {**base, **changes}))
