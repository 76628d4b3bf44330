"""Assessment's readings as pure functions of one school: the beta, first sessions, round trips.

Called by this room's desk and by tests. A watermark refreshes the beta as it stands, but never a test: a session or a
round trip is as old as it is. Refuses to divide by an empty cohort, and to count volunteers or foreign networks.
"""

from collections.abc import Iterable

from schemas.events.assessment import BetaChanged, BetaFeedbackReported, FirstSessionsReported, RoundTripTested
from schemas.events.raw import FeedWatermark, RawEvent
from schemas.readiness import Missing
from schemas.school import ScopeKind
from schemas.signal import SignalName
from services.assessment.beta import cohort_fits, days_run, mismatches, newest
from services.readings.subject import SignalValue, Subject, measured_value, missing_value

BETA_DAYS: SignalName = "beta.instructional-days-count"
COHORT_FITS: SignalName = "beta.cohort-fits"
FEEDBACK: SignalName = "beta.feedback-ratio"
MODEL_MISMATCH: SignalName = "beta.model-mismatch-count"
PLATFORM: SignalName = "beta.device-platform"
FIRST_SESSION: SignalName = "first-session.success-ratio"
ROUND_TRIP: SignalName = "assessment.round-trip-complete"
RESULT_VISIBLE: SignalName = "assessment.result-visible-days"


_OF_THE_BETA = (BETA_DAYS, COHORT_FITS, MODEL_MISMATCH, PLATFORM)


def compute(subject: Subject) -> tuple[SignalValue, ...]:
    """Every signal of this room, each answered, for a school; none for another kind of scope. Never blocks."""
    if subject.scope.kind is not ScopeKind.SCHOOL:
        return ()
    beta = newest(subject.of(BetaChanged))
    mark = subject.watermark
    vouched = () if mark is None else (_at_its_word(mark),)
    return (
        *_beta(beta, vouched, subject),
        _feedback(beta, newest(subject.of(BetaFeedbackReported)), vouched),
        _first_sessions(subject.of(FirstSessionsReported)),
        *_round_trip(subject.of(RoundTripTested)),
    )


def _at_its_word(mark: FeedWatermark) -> FeedWatermark:
    """The watermark as evidence of the instant up to which it is complete, not of when it was sent."""
    return mark.model_copy(update={"observed_at": min(mark.complete_until, mark.observed_at)})


def _beta(beta: BetaChanged | None, vouched: tuple[RawEvent, ...], subject: Subject) -> tuple[SignalValue, ...]:
    if beta is None:
        return tuple(missing_value(name, Missing.NEVER_REPORTED) for name in _OF_THE_BETA)
    basis = (beta, *vouched)
    days = (
        missing_value(BETA_DAYS, Missing.NO_CALENDAR, basis)
        if subject.calendar is None
        else measured_value(BETA_DAYS, days_run(beta, subject.calendar, subject.today), basis)
    )
    fits = (
        missing_value(COHORT_FITS, Missing.NO_DENOMINATOR, basis)
        if beta.target_users_count == 0
        else measured_value(COHORT_FITS, float(cohort_fits(beta)), basis)
    )
    differing = mismatches(beta.beta_model, beta.plan_model)
    platform = measured_value(PLATFORM, 1.0, basis, detail=(beta.beta_model.platform,))
    return days, fits, measured_value(MODEL_MISMATCH, len(differing), basis, detail=differing), platform


def _feedback(
    beta: BetaChanged | None, feedback: BetaFeedbackReported | None, vouched: tuple[RawEvent, ...]
) -> SignalValue:
    """Of the larger cohort that either report names: a silent member counts against the share."""
    if feedback is None:
        return missing_value(FEEDBACK, Missing.NEVER_REPORTED)
    basis = (feedback, *vouched) if beta is None else (feedback, beta, *vouched)
    population = max(feedback.cohort_users_count, 0 if beta is None else beta.cohort_users_count)
    if population == 0:
        return missing_value(FEEDBACK, Missing.NO_DENOMINATOR, basis)
    responded = feedback.responded_count
    return measured_value(FEEDBACK, responded / population, basis, numerator=responded, population=population)


def _first_sessions(reports: tuple[FirstSessionsReported, ...]) -> SignalValue:
    """All days summed, volunteers left out."""
    if not reports:
        return missing_value(FIRST_SESSION, Missing.NEVER_REPORTED)
    population = sum(report.non_volunteers_count for report in reports)
    succeeded = sum(report.non_volunteers_succeeded_count for report in reports)
    if population == 0:
        return missing_value(FIRST_SESSION, Missing.NO_DENOMINATOR, reports)
    return measured_value(FIRST_SESSION, succeeded / population, reports, numerator=succeeded, population=population)


def _round_trip(trips: Iterable[RoundTripTested]) -> tuple[SignalValue, ...]:
    """The newest trip on the school's own network decides; one on another network says nothing of this school."""
    trip = newest(trip for trip in trips if trip.on_school_network)
    if trip is None:
        return tuple(missing_value(name, Missing.NEVER_REPORTED) for name in (ROUND_TRIP, RESULT_VISIBLE))
    lacking = undone(trip)
    complete = measured_value(ROUND_TRIP, float(not lacking), (trip,), detail=lacking)
    if lacking or trip.scored_on is None or trip.visible_on is None:
        return complete, missing_value(RESULT_VISIBLE, Missing.NEVER_REPORTED, (trip,))
    return complete, measured_value(RESULT_VISIBLE, (trip.visible_on - trip.scored_on).days, (trip,))


def undone(trip: RoundTripTested) -> tuple[str, ...]:
    """The steps of the round trip that are not done, by their codes. A result seen before scoring was no result."""
    seen = trip.scored_on is not None and trip.visible_on is not None and trip.visible_on >= trip.scored_on
    steps = {
        "created": trip.created,
        "delivered": trip.delivered,
        "scored": trip.scored_on is not None,
        "visible": seen,
    }
    return tuple(code for code, done in steps.items() if not done)
