"""From the directory's record to what a workflow may know of its school. Pure."""

from schemas.school import SchoolContext, SchoolRecord


def context_of(school: SchoolRecord, release_id: str | None) -> SchoolContext:
    """Absolute, and versioned as the directory versions it; names stay behind. `release_id` is the program's."""
    return SchoolContext(
        version=school.version,
        school_id=school.school_id,
        district_id=school.district_id,
        state=school.state,
        status=school.status,
        level=school.level,
        students=school.students,
        teachers=school.teachers,
        release_id=release_id,
        plan=school.plan,
    )
