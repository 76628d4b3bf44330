"""What the planner needs, from the bridge's copies: a district's calendar and a stored policy.

Behind `program latest-start` and `program earliest-go-live`. It writes nothing.
"""

from dataclasses import dataclass

from schemas.calendar import Calendar
from schemas.gate import PolicyDocument, SchoolPolicy
from services.bridge.programs import one_named
from services.kit.database import Connection
from services.kit.outcome import PermanentError
from workflows.policy.authoring.document import profile_for, resolve


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan rests on."""

    district: str
    calendar: Calendar
    policy: SchoolPolicy


async def ground_of(connection: Connection, district: str, policy: str, profile: str | None) -> Ground:
    """The district's calendar and the policy's profile; without one, that of schools of unknown size.

    Raises PermanentError naming what is not there.
    """
    rows = await connection.fetch(
        "select distinct district_id, document::json ->> 'district_display_name' as name from school"
    )
    names = {row["district_id"]: row["name"] for row in rows}
    district_id = one_named("district", district, names)
    text = await connection.fetchval(
        """select document from calendar join calendar_pointer on calendar_digest = digest where district_id = $1""",
        district_id,
    )
    if text is None:
        raise PermanentError(
            f"{names[district_id]}: expected a calendar, seen none; run `firstbell calendar import FILE`, and see that "
            "the rooms directory and bridge are running"
        )
    document = await _document(connection, policy)
    return Ground(
        names[district_id],
        Calendar.model_validate_json(text),
        _resolved(document, profile or profile_for(document, None)),
    )


async def _document(connection: Connection, policy: str) -> PolicyDocument:
    text = await connection.fetchval(
        "select document from policy where digest = $1 or name = $1 order by version desc limit 1", policy
    )
    if text is None:
        raise PermanentError(f"policy {policy}: expected a stored name or digest; see `firstbell policy show`")
    return PolicyDocument.model_validate_json(text)


def _resolved(document: PolicyDocument, profile: str) -> SchoolPolicy:
    try:
        return resolve(document, profile)
    except LookupError as error:
        raise PermanentError(str(error)) from error
