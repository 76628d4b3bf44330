"""Schools' plans in PostgreSQL and on their way to Kafka, in the caller's transaction. Called by `directory plan`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.directory.lookup import NotFoundError, find_school
from services.directory.plans import FIELDS_MAX, PlanRow, merged
from services.directory.reconcile import KnownSchool
from services.directory.store import published
from services.directory.tabular import Fault
from services.kit import outbox
from services.kit.database import Connection


@dataclass(frozen=True, slots=True)
class PlanChange:
    """One school whose plan is to say something else."""

    before: KnownSchool
    after: KnownSchool


async def changes_of(connection: Connection, given: Sequence[PlanRow]) -> tuple[list[PlanChange], list[Fault]]:
    """What these rows change, by school; of two rows about one school the later counts. Writes nothing."""
    found: dict[str, PlanChange] = {}
    faults: list[Fault] = []
    for row in given:
        try:
            school = await find_school(connection, row.school)
        except NotFoundError as error:
            faults.append(Fault(row.line, "school", str(error)))
            continue
        known = found.get(school.school_id, PlanChange(school, school))
        plan = merged(known.after.plan, row)
        if len(plan) > FIELDS_MAX:
            faults.append(Fault(row.line, "", f"expected at most {FIELDS_MAX} fields in a plan", str(len(plan))))
            continue
        after = replace(known.after, plan=plan, version=school.version + 1)
        found[school.school_id] = PlanChange(school, after)
    return [each for each in found.values() if each.after.plan != each.before.plan], faults


async def write_plans(connection: Connection, changes: Sequence[PlanChange], now: datetime) -> None:
    """Stores the plans and queues each school's record."""
    schools = [each.after for each in changes]
    await connection.execute(
        """update school set plan = new.plan::jsonb, version = new.version, recorded_at = $4
        from unnest($1::uuid[], $2::text[], $3::int[]) as new (school_id, plan, version)
        where school.school_id = new.school_id""",
        [each.school_id for each in schools], [json.dumps(dict(each.plan)) for each in schools],
        [each.version for each in schools], now,
    )  # fmt: skip
    rows = await connection.fetch("select district_id, display_name from district")
    names = {str(row["district_id"]): row["display_name"] for row in rows}
    await outbox.publish_rows(connection, [published(each, names[each.district_id], now) for each in schools])
