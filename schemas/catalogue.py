"""The entries of the signal catalogue, one for each question a gate may ask, grouped by owner.

Freshness: "default, not a standard" throughout (network probe 20 instructional days, load and page tests 20, device
management and the help desk 5, rosters of training 60, the roster of people 365). Thresholds are not here: they are policy.
"""

from schemas.school import ScopeKind
from schemas.signal import Direction, Form, Origin, Owner, Signal

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
MEASURED, IMPORTED, ATTESTED = Origin.MEASURED, Origin.IMPORTED, Origin.ATTESTED


def _ratio(
    name: str,
    meaning: str,
    lesson: str,
    owner: Owner,
    origin: Origin,
    days: int,
    direction: Direction = HIGHER,
) -> Signal:
    return Signal(
        name=name, meaning=meaning, lesson=lesson, owner=owner, unit="ratio", direction=direction, high=1.0,
        resolution="0.001", freshness_days=days, origin=origin, share=True,
    )  # fmt: skip


def _flag(name: str, meaning: str, lesson: str, owner: Owner, origin: Origin, days: int) -> Signal:
    return Signal(
        name=name, meaning=meaning, lesson=lesson, owner=owner, unit="yes-or-no", direction=HIGHER, high=1.0,
        resolution="1", freshness_days=days, origin=origin,
    )  # fmt: skip


PROVISIONING = (
    Signal(
        name="network.mbps-per-student", lesson="A30", owner="provisioning", unit="Mbps per student", direction=HIGHER,
        meaning="Measured internet capacity of the school, divided by its enrolled students.",
        resolution="0.01", freshness_days=20, origin=MEASURED,
    ),
    Signal(
        name="network.page-load-p95-seconds", lesson="A31", owner="provisioning", unit="seconds", direction=LOWER,
        meaning="95th percentile of the time a page of the product takes on a school device in the school's network.",
        resolution="0.1", freshness_days=20, origin=MEASURED,
    ),
    _ratio("identity.login-success-ratio", "Share of test logins through the existing identity that succeeded.",
           "A38", "provisioning", MEASURED, 20),
    _flag("identity.existing-identity", "Sign-in uses the identity people already have: a single sign-on protocol and no "
          "new password.", "A38", "provisioning", MEASURED, 20),
    _ratio("device.enrolled-ratio", "Share of the planned devices that are enrolled in device management.",
           "A42", "provisioning", IMPORTED, 5),
    _ratio("device.seen-7-days-ratio", "Share of enrolled devices that device management has seen within seven days.",
           "A42", "provisioning", IMPORTED, 5),
)  # fmt: skip

HELPDESK = (
    Signal(
        name="helpdesk.service-level-met-ratio", lesson="A35", owner="helpdesk", unit="ratio", direction=HIGHER, high=1.0,
        meaning="Share of tickets due by now that were resolved within their service level, on the school's clock.",
        resolution="0.001", freshness_days=5, origin=IMPORTED, share=True, absence_is_good=True,
    ),
    Signal(
        name="helpdesk.backlog-age-p90-days", lesson="A35", owner="helpdesk", unit="instructional days", direction=LOWER,
        meaning="90th percentile of the age of open tickets.",
        resolution="0.1", freshness_days=5, origin=IMPORTED, absence_is_good=True,
    ),
    Signal(
        name="helpdesk.instruction-stopped-count", lesson="A12", owner="helpdesk", unit="people", direction=LOWER,
        meaning="People whose lesson stands still by the open ticket that stops most of them and has no workaround.",
        resolution="1", freshness_days=5, origin=IMPORTED, absence_is_good=True,
    ),
    Signal(
        name="defect.open-critical-count", lesson="A48", owner="helpdesk", unit="defects", direction=LOWER,
        meaning="Open critical defects of the release; one of them holds every school on that release.",
        resolution="1", freshness_days=5, origin=IMPORTED, scope=ScopeKind.RELEASE, absence_is_good=True,
    ),
    Signal(
        name="defect.open-major-count", lesson="A48", owner="helpdesk", unit="defects", direction=LOWER,
        meaning="Open major defects of the release that have no workaround.",
        resolution="1", freshness_days=5, origin=IMPORTED, scope=ScopeKind.RELEASE, absence_is_good=True,
    ),
    Signal(
        name="friction.open-age-p90-days", lesson="A39", owner="helpdesk", unit="instructional days", direction=LOWER,
        meaning="90th percentile of the age of open friction items: causes that raised three tickets within five days.",
        resolution="0.1", freshness_days=5, origin=IMPORTED, absence_is_good=True,
    ),
    Signal(
        name="helpdesk.weekly-tickets-trend", lesson="A76", owner="helpdesk", unit="tickets a week, each week",
        meaning="How many more tickets each school week brings than the one before, over up to four whole school weeks.",
        direction=LOWER, low=-100_000.0, resolution="0.1", freshness_days=5, origin=IMPORTED, form=Form.TREND,
        absence_is_good=True,
    ),
    Signal(
        name="helpdesk.service-level-weeks-count", lesson="A35", owner="helpdesk", unit="school weeks in a row",
        meaning="School weeks in a row, up to the newest with a ticket due, in which 90 percent were in time.",
        direction=HIGHER, resolution="1", freshness_days=5, origin=IMPORTED, form=Form.STREAK, absence_is_good=True,
    ),
)  # fmt: skip

TRAINING = (
    Signal(
        name="training.untrained-handout-count", lesson="A59", owner="training", unit="classes", direction=LOWER,
        meaning="Classes that were handed devices although their teacher has not completed the core module.",
        resolution="1", freshness_days=10, origin=IMPORTED, absence_is_good=True,
    ),
    _ratio("training.modules-complete-ratio", "Share of teachers who completed all three modules: device basics, classroom "
           "use, data use.", "A63", "training", IMPORTED, 60),
    _ratio("training.three-sessions-ratio", "Share of teachers with at least three sessions.",
           "A64", "training", IMPORTED, 60),
    Signal(
        name="training.calendar-months-count", lesson="A64", owner="training", unit="calendar months", direction=HIGHER,
        meaning="Distinct calendar months in which the school's teachers were trained.",
        resolution="1", freshness_days=60, origin=IMPORTED,
    ),
    Signal(
        name="training.august-hours-ratio", lesson="A64", owner="training", unit="ratio", direction=LOWER, high=1.0,
        meaning="Share of the training hours that were given in August.",
        resolution="0.001", freshness_days=60, origin=IMPORTED,
    ),
    Signal(
        name="coach.teachers-per-coach", lesson="A66", owner="training", unit="teachers per coach", direction=LOWER,
        meaning="Teachers for each coach assigned to the school.",
        resolution="0.1", freshness_days=60, origin=IMPORTED,
    ),
)  # fmt: skip

ASSESSMENT = (
    Signal(
        name="beta.instructional-days-count", lesson="A47", owner="assessment", unit="instructional days", direction=HIGHER,
        meaning="Instructional days the beta has run.",
        resolution="1", freshness_days=60, origin=IMPORTED,
    ),
    _flag("beta.cohort-fits", "The beta's cohort is 5 to 15 percent of the target users, or two to five classrooms.",
          "A47", "assessment", IMPORTED, 60),
    _ratio("beta.feedback-ratio", "Share of the cohort's members who gave feedback.", "A47", "assessment", IMPORTED, 60),
    Signal(
        name="beta.model-mismatch-count", lesson="A51", owner="assessment", unit="fields", direction=LOWER,
        meaning="Fields in which the beta's model differs from the plan's: ratio, take-home, platform, identity, grades.",
        resolution="1", freshness_days=60, origin=IMPORTED,
    ),
    Signal(
        name="beta.device-platform", lesson="A51", owner="assessment", unit="yes-or-no", direction=HIGHER, high=1.0,
        meaning="Whether the beta says on which platform its devices run; the platform is named beside.",
        resolution="1", freshness_days=60, origin=IMPORTED, form=Form.NAMES,
    ),
    _ratio("first-session.success-ratio", "Share of non-volunteers whose first session succeeded.",
           "A53", "assessment", MEASURED, 30),
    _flag("assessment.round-trip-complete", "An assessment was created, delivered or printed, scored, and its result seen "
          "by the teacher, on the school's own network.", "A93", "assessment", MEASURED, 30),
    Signal(
        name="assessment.result-visible-days", lesson="A93", owner="assessment", unit="days", direction=LOWER,
        meaning="Days from scoring an assessment until its teacher saw the result.",
        resolution="1", freshness_days=30, origin=MEASURED,
    ),
)  # fmt: skip

DIRECTORY = (
    Signal(
        name="leader.accountable-count", lesson="A08", owner="directory", unit="people", direction=HIGHER,
        meaning="People whom the roster names as the school's accountable leader, its principal, in their own right.",
        resolution="1", freshness_days=365, origin=IMPORTED,
    ),
)  # fmt: skip

ENTRIES: tuple[Signal, ...] = PROVISIONING + HELPDESK + TRAINING + ASSESSMENT + DIRECTORY
