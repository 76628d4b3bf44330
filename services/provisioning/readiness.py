"""Provisioning's six signals, each a pure function of one school's events, its students, and today.

Called by the computing sweep. Where several tests speak, the newest decides, and of equally new ones the worst: a
repair shows at once, and a run of several pages is judged by its slowest.
"""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from schemas.events.provisioning import (
    DeviceReported,
    DevicesPlanned,
    IdentityTested,
    NetworkProbeCompleted,
    PageLoadTested,
)
from schemas.events.raw import RawEvent
from schemas.readiness import Missing
from services.readings.subject import SignalValue, Subject, inapplicable_value, measured_value, missing_value

MBPS_PER_STUDENT = "network.mbps-per-student"
PAGE_LOAD_P95 = "network.page-load-p95-seconds"
LOGIN_SUCCESS = "identity.login-success-ratio"
EXISTING_IDENTITY = "identity.existing-identity"
ENROLLED = "device.enrolled-ratio"
SEEN_7_DAYS = "device.seen-7-days-ratio"

FAILED_LOADS_RATIO_MAX = 0.01
"""Ratio, 0-1, of page loads that may fail before the page counts as not loading. Default, not a standard (A31)."""
FAILED_LOAD_SECONDS = 600.0
"""Seconds: what a page that does not load is said to take, the longest a test may report. Our judgement, 2026-11-23."""
SILENT_DAYS = 14
"""Civil days without a sign after which an enrolled device is not counted, from A42. Default, not a standard."""
SEEN_DAYS = 7
"""Civil days within which a device counts as seen, from A42. Default, not a standard."""
AHEAD_DAYS_MAX = 1
"""Civil days a device may have been seen after today, 0-1: days turn earlier elsewhere. Our judgement, 2026-11-23."""

E = TypeVar("E", bound=RawEvent)


def readings_of(subject: Subject) -> tuple[SignalValue, ...]:
    """Every signal of provisioning about one school, in the catalogue's order."""
    return (
        _mbps_per_student(subject),
        _page_load_p95(subject),
        _login_success(subject),
        _existing_identity(subject),
        _enrolled(subject),
        _seen_7_days(subject),
    )


def _newest(events: tuple[E, ...], badness: Callable[[E], float]) -> E | None:
    """The newest event; of equally new ones the worst. None: there is none."""
    return max(events, key=lambda event: (event.observed_at, badness(event), event.entity_ref), default=None)


def _mbps_per_student(subject: Subject) -> SignalValue:
    probe = _newest(subject.of(NetworkProbeCompleted), lambda probe: -probe.capacity_mbps)
    if probe is None:
        return missing_value(MBPS_PER_STUDENT, Missing.NEVER_REPORTED)
    students = subject.school.students if subject.school else None
    if not students:
        return missing_value(MBPS_PER_STUDENT, Missing.NO_DENOMINATOR, [probe])
    return measured_value(MBPS_PER_STUDENT, probe.capacity_mbps / students, [probe])


def _load_seconds(test: PageLoadTested) -> float:
    if test.failed_count > FAILED_LOADS_RATIO_MAX * test.loads_count:
        return max(test.p95_seconds, FAILED_LOAD_SECONDS)
    return test.p95_seconds


def _page_load_p95(subject: Subject) -> SignalValue:
    """The mean is never judged: it hides the slow tenth. Failed loads make a page that does not load."""
    test = _newest(subject.of(PageLoadTested), _load_seconds)
    if test is None:
        return missing_value(PAGE_LOAD_P95, Missing.NEVER_REPORTED)
    seconds = _load_seconds(test)
    return measured_value(
        PAGE_LOAD_P95, seconds, [test], detail=("failed-loads",) if seconds > test.p95_seconds else ()
    )


def _login_success(subject: Subject) -> SignalValue:
    test = _newest(
        subject.of(IdentityTested),
        lambda test: 1 - test.succeeded_count / test.attempts_count if test.attempts_count else 2,
    )
    if test is None:
        return missing_value(LOGIN_SUCCESS, Missing.NEVER_REPORTED)
    if test.attempts_count == 0:
        return missing_value(LOGIN_SUCCESS, Missing.NO_DENOMINATOR, [test])
    return measured_value(
        LOGIN_SUCCESS, test.succeeded_count / test.attempts_count, [test],
        numerator=test.succeeded_count, population=test.attempts_count,
    )  # fmt: skip


def _existing_identity(subject: Subject) -> SignalValue:
    """A new password fails it even where every login succeeded."""

    def faults(test: IdentityTested) -> tuple[str, ...]:
        return (() if test.single_sign_on else ("no-single-sign-on",)) + (
            ("new-password-required",) if test.new_password_required else ()
        )

    test = _newest(subject.of(IdentityTested), lambda test: len(faults(test)))
    if test is None:
        return missing_value(EXISTING_IDENTITY, Missing.NEVER_REPORTED)
    return measured_value(EXISTING_IDENTITY, 0.0 if faults(test) else 1.0, [test], detail=faults(test))


def _seen_within(device: DeviceReported, today: date, days: int) -> bool:
    """Never seen is not seen; nor is a date that lies further ahead than time zones explain."""
    return device.last_seen_on is not None and -AHEAD_DAYS_MAX <= (today - device.last_seen_on).days <= days


def _device_inputs(subject: Subject, *others: RawEvent) -> list[RawEvent]:
    """What a share of devices rests on: the devices, and the feed's word how far it is complete.

    A feed that sends only changes is silent while nothing changes; its watermark then says that it still looks.
    """
    inputs: list[RawEvent] = [*others, *(device for device, _ in subject.counted(DeviceReported))]
    mark = subject.watermark
    if mark is not None:
        inputs.append(mark.model_copy(update={"observed_at": mark.complete_until}))
    return inputs


def _plan(subject: Subject) -> DevicesPlanned | None:
    return _newest(subject.of(DevicesPlanned), lambda plan: plan.planned_count)


def _enrolled(subject: Subject) -> SignalValue:
    """A device that is enrolled and silent is not counted; more devices than planned are no more than all of them."""
    devices, plan = subject.counted(DeviceReported), _plan(subject)
    if plan is None:
        reason = Missing.NO_DENOMINATOR if devices else Missing.NEVER_REPORTED
        return missing_value(ENROLLED, reason, _device_inputs(subject))
    if plan.planned_count == 0:
        return inapplicable_value(ENROLLED, [plan])
    if not devices or subject.today is None:
        reason = Missing.NO_CALENDAR if devices else Missing.NEVER_REPORTED
        return missing_value(ENROLLED, reason, _device_inputs(subject, plan))
    today = subject.today
    counted = sum(
        count for device, count in devices if device.enrolled and _seen_within(device, today, SILENT_DAYS - 1)
    )
    numerator = min(counted, plan.planned_count)
    return measured_value(
        ENROLLED, numerator / plan.planned_count, _device_inputs(subject, plan),
        numerator=numerator, population=plan.planned_count,
    )  # fmt: skip


def _seen_7_days(subject: Subject) -> SignalValue:
    """Silent devices stay in the population: a share of those that answered would look healthy when all are silent."""
    plan = _plan(subject)
    devices = [(device, count) for device, count in subject.counted(DeviceReported) if device.enrolled]
    population = sum(count for _, count in devices)
    if population == 0:
        if plan is not None and plan.planned_count == 0:
            return inapplicable_value(SEEN_7_DAYS, [plan])
        reason = Missing.NO_DENOMINATOR if subject.counted(DeviceReported) else Missing.NEVER_REPORTED
        return missing_value(SEEN_7_DAYS, reason, _device_inputs(subject))
    if subject.today is None:
        return missing_value(SEEN_7_DAYS, Missing.NO_CALENDAR, _device_inputs(subject))
    today = subject.today
    seen = sum(count for device, count in devices if _seen_within(device, today, SEEN_DAYS))
    return measured_value(
        SEEN_7_DAYS, seen / population, _device_inputs(subject), numerator=seen, population=population
    )
