"""Incidents in, notices out: its owner is told once when one opens and once when it closes, however many schools it has.

Called by the room's process for each batch of incidents. An owner is a team and no role of the roster: it is reached by
the contacts that bear its word, `provisioning` or `operations`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel

from schemas.escalation import Incident
from services.kit.batch import Batch
from services.kit.database import Connection
from services.kit.envelope import Record
from services.kit.outcome import Disposition
from services.notifier.people import OWNER, reached
from services.notifier.quiet import earliest_telling
from services.notifier.rows import INCIDENT_CLOSED, INCIDENT_OPENED, action_of, insert, quiet_of, state_of

OPERATIONS = "operations"
"""Owner of outages of ours: these hurry."""


class Incidents:
    """Turns incidents into notices by this process's settings."""

    def __init__(self, gather_seconds: float, oldest_hours: float) -> None:
        self._gather_seconds = gather_seconds
        self._oldest = timedelta(hours=oldest_hours)

    async def take(self, batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        """An opening and an end are applied; another count of schools, or an end of what nobody heard of, says nothing."""
        return [await self._take(batch, record.value) for record in records]

    async def _take(self, batch: Batch, incident: BaseModel) -> Disposition:
        if not isinstance(incident, Incident):
            return Disposition.IGNORED
        opened = await _was_told(batch.connection, incident, INCIDENT_OPENED)
        ended = incident.closed_at is not None
        if ended is not opened:
            return Disposition.IGNORED
        if ended and await _was_told(batch.connection, incident, INCIDENT_CLOSED):
            return Disposition.DUPLICATE
        rows = await self._rows(batch, incident)
        for row in rows:
            await insert(batch.connection, row)
        return Disposition.APPLIED

    async def _rows(self, batch: Batch, incident: Incident) -> list[dict[str, object]]:
        connection, now = batch.connection, batch.now
        common = _common(incident, now) | {"simulated": await _rehearses(connection, incident.program_id)}
        urgent = incident.owner == OPERATIONS
        too_old = (incident.closed_at or incident.opened_at) < now - self._oldest
        rows = []
        for reach in await reached(connection, incident.program_id, "", OWNER, incident.owner):
            action = action_of(str(common["kind"]), reach)
            at_once = urgent or action == "resolve"
            not_before = earliest_telling(now, self._gather_seconds, quiet_of(reach), urgent=at_once)
            rows.append(
                common
                | {
                    "role": OWNER, "actor_id": incident.owner, "channel": reach.channel or "", "urgent": urgent,
                    "action": action, "state": state_of(reach, too_old),
                    "not_before": not_before,
                }
            )  # fmt: skip
        return rows


def _common(incident: Incident, now: datetime) -> dict[str, object]:
    return {
        "program_id": incident.program_id, "school_id": "", "fact_sequence": _stand(incident),
        "kind": INCIDENT_OPENED if incident.closed_at is None else INCIDENT_CLOSED, "subject": incident.incident_id,
        "gate": "",
        "criterion_ids": [incident.reason, f"{incident.schools_count} schools", *incident.signals], "due_at": None,
        "occurred_at": incident.closed_at or incident.opened_at, "created_at": now,
    }  # fmt: skip


def _stand(incident: Incident) -> int:
    """Which time this incident stands: microseconds at which it opened, since the same name may open again."""
    return int(incident.opened_at.timestamp() * 1_000_000)


async def _was_told(connection: Connection, incident: Incident, kind: str) -> bool:
    return bool(
        await connection.fetchval(
            """select exists (select from notice
            where subject = $1 and program_id = $2 and fact_sequence = $3 and kind = $4)""",
            incident.incident_id, incident.program_id, _stand(incident), kind,
        )
    )  # fmt: skip


async def _rehearses(connection: Connection, program_id: str) -> bool:
    """Whether the program is a rehearsal. Unknown counts as real: an alarm that is not one costs less than the reverse."""
    return bool(await connection.fetchval("select rehearsal from program where program_id = $1", program_id))
