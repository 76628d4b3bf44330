"""What the console's tests tell it: records of the directory, schools as lists show them, in a few words."""

from datetime import UTC, datetime

from schemas.decision import Verdict
from schemas.fact import GateDecided
from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus, mint_id
from services.console.views import SIMULATED, SchoolLine
from services.console.why import Sight, WhyAnswer, explain_school
from tests.harness.scenario import DISTRICT, SCHOOL, Scenario

RECORDED = datetime(2026, 8, 1, tzinfo=UTC)


def school_record(
    school_id: str, *, version: int = 1, students: int | None = 400, name: str = "Cedar Elementary",
    district: str = DISTRICT, district_name: str = "Fir School District",
) -> SchoolRecord:  # fmt: skip
    """A school as the directory tells it."""
    return SchoolRecord(
        school_id=school_id, district_id=district, state="WA", version=version, recorded_at=RECORDED,
        status=SchoolStatus.OPEN, level=SchoolLevel.ELEMENTARY, students=students, teachers=25.0, display_name=name,
        district_display_name=district_name,
    )  # fmt: skip


def line_of(school: Scenario, key: str = "", name: str = "Cedar Elementary") -> SchoolLine:
    """A scenario's school as a list shows it."""
    picture, state = school.walk.state.picture, school.walk.state
    return SchoolLine(
        notice=SIMULATED if state.simulated_seen else None, program_id=state.program_id,
        school_id=mint_id("test", key) if key else SCHOOL,
        school=name, district_id=DISTRICT, district="Fir School District", phase=picture.phase,
        gate=picture.phase.gate, outcome=picture.outcome,
        failing=tuple(key for key, status in picture.statuses.items() if status in ("unmet", "unknown", "stale")),
        asked=picture.asked, asked_at=picture.asked_at, answer_by=picture.answer_by,
        phase_opened_at=picture.phase_opened_at, holds_count=len(picture.holds), questioned=False,
        rehearsal=state.rehearsal, simulated=state.simulated_seen, stopped=picture.stopped,
        as_of=school.facts[-1].occurred_at, fact_sequence=picture.fact_sequence,
    )  # fmt: skip


def verdict_of(school: Scenario) -> Verdict:
    """Its last decision."""
    bodies = [fact.body for fact in school.facts if isinstance(fact.body, GateDecided)]
    return bodies[-1].decision.verdict


def explained(school: Scenario, key: str = "", name: str = "Cedar Elementary") -> WhyAnswer:
    """A scenario's school, explained from its last decision."""
    state = school.walk.state
    sight = Sight("projection", school.now, state.picture, state.policy, verdict_of(school))
    return explain_school(line_of(school, key, name), sight, school.now)
