"""Incidents: a silent source, or an outage of ours, told once to its one owner however many schools it concerns.

Two ways in. A sweep of the console's process counts the schools whose gates are shut by a silent source alone, which
each school's workflow sees for itself and pauses by the same id. People declare an outage of ours; that reaches the
workflows by signal. Both are one row here and one record on Kafka. It raises no ladder and decides nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from temporalio.client import Client

from schemas.escalation import Incident, IncidentId
from schemas.message import IncidentChanged
from schemas.readiness import CATALOGUE
from schemas.topics import INCIDENTS
from services.console import door
from services.kit import outbox
from services.kit.batch import Batch
from services.kit.database import Connection
from workflows.policy.escalation.silence import SILENT_MISSING, incident_of

SWEEP_SECONDS = 10.0
"""Seconds between two counts. Our judgement, 2026-11-25."""
NEWS_AFTER = timedelta(minutes=5)
"""A changed count alone is told no more often than this. Our judgement, 2026-11-25."""
SIGNALS_AT_ONCE = 20
"""Schools told at the same time of an outage: Temporal on one machine takes hundreds a second. Our judgement."""
OPERATIONS: Literal["operations"] = "operations"

# What `workflows/policy/escalation/silence.py` says of one verdict, of all schools at once; a test compares the two.
_SILENT = """
with shut as (
    select program_id, school_id, r->>'signal' as signal, r->>'signal' is not null and (r->>'status' = 'stale'
        or (r->>'status' = 'unknown' and r->>'missing' = any($1::text[]))) as silent
    from rollout, jsonb_array_elements(verdict->'results') r
    where outcome = 'unknown' and verdict is not null and r->>'outcome' in ('unmet', 'unknown')
)
select program_id, school_id, array_agg(distinct signal order by signal) as signals from shut
group by 1, 2 having bool_and(silent)"""

Silence = dict[IncidentId, tuple[str, str, set[str], int]]
"""Incident to program, owner, signals and schools."""


async def silence(connection: Connection) -> Silence:
    """Whose sources are silent now, each once, with the schools that stand for nothing else."""
    found: Silence = {}
    for row in await connection.fetch(_SILENT, list(SILENT_MISSING)):
        owners = sorted(CATALOGUE[name].owner for name in row["signals"] if name in CATALOGUE)
        if not owners:
            continue
        key = incident_of(owners[0], row["program_id"])
        _, _, signals, count = found.get(key, (row["program_id"], owners[0], set[str](), 0))
        found[key] = (row["program_id"], owners[0], signals | set(row["signals"]), count + 1)
    return found


async def sweep(batch: Batch) -> None:
    """Opens, counts anew and closes the incidents of silent sources, in the batch's transaction."""
    found = await silence(batch.connection)
    known = {each.incident_id: each for each in await standing(batch.connection, declared=False, closed=True)}
    changed: list[Incident] = []
    for key, (program, owner, signals, count) in sorted(found.items()):
        incident = _opened(known.get(key), key, program, owner, signals, count, batch.now)
        if incident is not None:
            changed.append(incident)
    for key, before in sorted(known.items()):
        if key not in found and before.closed_at is None:
            changed.append(_closed(before, batch.now))
    await _write(batch.connection, changed, declared=False)
    for incident in changed:
        batch.publish(INCIDENTS.name, incident.incident_id, Incident.ce_type, incident)


def _opened(
    before: Incident | None, key: str, program: str, owner: str, signals: Iterable[str], count: int, now: datetime
) -> Incident | None:
    """The next revision; None: nothing that is worth telling has changed."""
    names = tuple(sorted(signals))
    stands = before is not None and before.closed_at is None
    if before is not None and stands:
        same = before.schools_count == count and before.signals == names
        if same or now - before.changed_at < NEWS_AFTER:
            return None
    return Incident.model_validate(
        {
            "incident_id": key, "revision": before.revision + 1 if before else 1, "program_id": program,
            "owner": owner, "reason": "source-silent", "signals": names, "schools_count": count,
            "opened_at": before.opened_at if before is not None and stands else now, "changed_at": now,
        }
    )  # fmt: skip


def _closed(before: Incident, now: datetime) -> Incident:
    return before.model_copy(
        update={"revision": before.revision + 1, "closed_at": now, "changed_at": now, "schools_count": 0}
    )


async def _write(connection: Connection, incidents: Sequence[Incident], *, declared: bool) -> None:
    await connection.executemany(
        """insert into incident (incident_id, program_id, revision, closed, declared, body)
        values ($1, $2, $3, $4, $5, $6) on conflict (incident_id) do update set revision = excluded.revision,
            closed = excluded.closed, body = excluded.body""",
        [
            (
                each.incident_id, each.program_id, each.revision, each.closed_at is not None, declared,
                each.model_dump_json(),
            )
            for each in incidents
        ],
    )  # fmt: skip


async def standing(
    connection: Connection, *, program: str | None = None, declared: bool | None = None, closed: bool = False
) -> list[Incident]:
    """Incidents, open ones only unless `closed`; of silent sources, declared ones, or (None) both."""
    rows = await connection.fetch(
        """select body from incident where ($1::text is null or program_id = $1)
            and ($2::boolean is null or declared = $2) and ($3 or not closed) order by program_id, incident_id""",
        program, declared, closed,
    )  # fmt: skip
    return [Incident.model_validate_json(row["body"]) for row in rows]


async def schools_under_way(connection: Connection, program: str) -> list[str]:
    """The schools that an outage of ours in a program concerns."""
    rows = await connection.fetch("select school_id from rollout where program_id = $1 order by 1", program)
    return [row["school_id"] for row in rows]


async def declare(
    connection: Connection, key: IncidentId, program: str, schools_count: int, now: datetime, *, open_it: bool
) -> Incident:
    """The next revision of an outage of ours, kept and put in the outbox. Said again unchanged, it stays as it is."""
    async with connection.transaction():
        body = await connection.fetchval("select body from incident where incident_id = $1 for update", key)
        before = None if body is None else Incident.model_validate_json(body)
        stands = before is not None and before.closed_at is None
        if before is not None and stands is open_it:
            return before
        incident = Incident(
            incident_id=key, revision=before.revision + 1 if before else 1, program_id=program, owner=OPERATIONS,
            reason="outage", schools_count=schools_count, opened_at=before.opened_at if before and stands else now,
            changed_at=now, closed_at=None if open_it else now,
        )  # fmt: skip
        await _write(connection, [incident], declared=True)
        row = outbox.row(INCIDENTS.name, key, Incident.ce_type, incident, source="firstbell/console", time=now)
        await outbox.publish_rows(connection, [row])
    return incident


async def tell_schools(client: Client, incident: Incident, schools: Sequence[str]) -> list[str]:
    """Signals every school; returns those that no workflow answered for. Telling again is harmless: they know the word."""
    message = IncidentChanged(
        incident_id=incident.incident_id, revision=incident.revision, open=incident.closed_at is None
    )
    gate = asyncio.Semaphore(SIGNALS_AT_ONCE)

    async def one(school_id: str) -> str | None:
        async with gate:
            told = await door.tell_incident(client, incident.program_id, school_id, message)
        return None if told else school_id

    missed = await asyncio.gather(*(one(school_id) for school_id in schools))
    return [school_id for school_id in missed if school_id is not None]
