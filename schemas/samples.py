"""One valid sample of every raw event, for `firstbell event sample`, the golden files and the contract tests.

The school is imagined: its id is minted from an id system that no directory uses.
"""

from datetime import UTC, date, datetime
from typing import Any

from schemas.events import assessment, helpdesk, provisioning, training
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.school import Scope, ScopeKind, mint_id
from schemas.signal import Origin

SCHOOL = mint_id("sample", "school-1")
WHEN = datetime(2026, 10, 6, 17, 30, tzinfo=UTC)
DAY = date(2026, 10, 6)
STAFF = "5f0c9a7e31b24d68"
DEVICE = "9b1d22c04e7fa1530c6d"


def _common(entity: str, origin: Origin = Origin.IMPORTED) -> dict[str, Any]:
    return {"entity_ref": entity, "revision": 1, "observed_at": WHEN, "observed_on": DAY, "origin": origin}


def _school(entity: str, origin: Origin = Origin.IMPORTED) -> dict[str, Any]:
    return _common(entity, origin) | {"school_id": SCHOOL}


def _model() -> assessment.DeliveryModel:
    return assessment.DeliveryModel(
        devices_per_student=1.0,
        take_home=True,
        platform="chromebook",
        identity="google-workspace",
        grades=("grade-06", "grade-07", "grade-08"),
    )


def _provisioning() -> tuple[RawEvent, ...]:
    return (
        provisioning.NetworkProbeCompleted(**_school("probe-1", Origin.MEASURED), capacity_mbps=940.0),
        provisioning.PageLoadTested(
            **_school("pagetest-1", Origin.MEASURED), p95_seconds=3.2, mean_seconds=1.4, loads_count=200, failed_count=1
        ),
        provisioning.IdentityTested(
            **_school("identitytest-1", Origin.MEASURED),
            attempts_count=100,
            succeeded_count=99,
            single_sign_on=True,
            new_password_required=False,
        ),
        provisioning.DevicesPlanned(**_school("deviceplan-1"), planned_count=420),
        provisioning.DeviceReported(
            **_school("device-1"), device_hash=DEVICE, enrolled=True, last_seen_on=date(2026, 10, 5)
        ),
    )


def _helpdesk() -> tuple[RawEvent, ...]:
    return (
        helpdesk.TicketChanged(
            **_school("ticket-4711"),
            change="opened",
            cause="wifi",
            priority=helpdesk.Priority.HIGH,
            opened_at=WHEN,
            people_affected_count=28,
            in_lesson=True,
            workaround=False,
        ),
        helpdesk.DefectChanged(
            **_common("defect-17"), release_id="reader-2026.2", severity="critical", open=True, opened_at=WHEN
        ),
        helpdesk.FrictionChanged(**_school("friction-3"), cause="login", opened_at=WHEN),
    )


def _training() -> tuple[RawEvent, ...]:
    return (
        training.TrainingRosterReported(**_school("trainingroster-1"), teachers_count=24),
        training.TrainingCompleted(
            **_school("completion-901"),
            teacher_hash=STAFF,
            module=training.Module.DEVICE_BASICS,
            session_ref="session-55",
            completed_on=DAY,
            hours=2.0,
            passed=True,
        ),
        training.ClassHandedOut(
            **_school("handout-12"), class_ref="class-7", teacher_hash=STAFF, handed_out_on=date(2026, 10, 7)
        ),
        training.CoachAssigned(**_school("coachassignment-2"), coach_hash="77aa00c91e5b3d42", share=0.5, active=True),
    )


def _assessment() -> tuple[RawEvent, ...]:
    return (
        assessment.BetaChanged(
            **_school("beta-1"),
            started_on=date(2026, 9, 14),
            target_users_count=500,
            cohort_users_count=40,
            classrooms_count=3,
            beta_model=_model(),
            plan_model=_model(),
        ),
        assessment.BetaFeedbackReported(**_school("feedback-1"), cohort_users_count=40, responded_count=35),
        assessment.FirstSessionsReported(
            **_school("firstsessions-1", Origin.MEASURED), non_volunteers_count=60, non_volunteers_succeeded_count=57
        ),
        assessment.RoundTripTested(
            **_school("roundtrip-1", Origin.MEASURED),
            created=True,
            delivered=True,
            scored_on=DAY,
            visible_on=date(2026, 10, 7),
            on_school_network=True,
        ),
    )


def raw_samples() -> tuple[RawEvent, ...]:
    """One of each raw event, in a fixed order; equal in every process."""
    watermark = FeedWatermark(
        **_common("watermark-1"), scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), complete_until=WHEN
    )
    return (*_provisioning(), *_helpdesk(), *_training(), *_assessment(), watermark)
