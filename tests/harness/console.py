"""What the console's tests tell it: records of the directory, in a few words."""

from datetime import UTC, datetime

from schemas.school import SchoolLevel, SchoolRecord, SchoolStatus
from tests.harness.scenario import DISTRICT

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
