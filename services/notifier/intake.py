"""Facts in, notices out: one row for each person and channel that a fact concerns, once however often it comes.

Called by the room's process for each batch of facts. What reaches nobody is a row too, so that a person can see it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel

from schemas.fact import Fact
from services.kit.batch import Batch
from services.kit.database import Connection
from services.kit.envelope import Record
from services.kit.outcome import Disposition
from services.notifier.calls import Call, call_of
from services.notifier.people import Reach, reached
from services.notifier.quiet import earliest_telling
from services.notifier.rows import action_of, insert, quiet_of, state_of

STRANDED_MAX = 500
"""Notices without a receiver looked at in one sweep. Our judgement, 2026-11-25."""
NOBODY = Reach("", None, None, None, None, None)


class Intake:
    """Turns facts into notices by this process's settings."""

    def __init__(self, gather_seconds: float, oldest_hours: float) -> None:
        self._gather_seconds = gather_seconds
        self._oldest = timedelta(hours=oldest_hours)
        self._looked_to = 0
        """The last notice without a receiver that was looked at; 0: begin anew. So that none waits behind the hopeless."""

    async def take(self, batch: Batch, records: Sequence[Record[BaseModel]]) -> list[Disposition]:
        """Each fact is applied, a duplicate, or concerns nobody."""
        await _know_programs(batch.connection, [each.value for each in records if isinstance(each.value, Fact)])
        results = []
        for record in records:
            fact = record.value
            call = call_of(fact) if isinstance(fact, Fact) else None
            if call is None or not isinstance(fact, Fact):
                results.append(Disposition.IGNORED)
                continue
            rows = await self._rows(batch, fact, call)
            added = [await insert(batch.connection, row) for row in rows]
            results.append(Disposition.APPLIED if any(added) or not rows else Disposition.DUPLICATE)
        return results

    async def take_up(self, batch: Batch) -> None:
        """A sweep: what reached nobody is told after all, once somebody holds the role or can be reached."""
        stranded = await batch.connection.fetch(
            """select * from notice where state in ('no-holder', 'no-contact') and occurred_at >= $1 and notice_id > $3
            order by notice_id limit $2 for update""",
            batch.now - self._oldest, STRANDED_MAX, self._looked_to,
        )  # fmt: skip
        self._looked_to = stranded[-1]["notice_id"] if len(stranded) == STRANDED_MAX else 0
        for row in stranded:
            found = await reached(batch.connection, row["program_id"], row["school_id"], row["role"], row["actor_id"])
            ways = [each for each in found if each.channel and row["actor_id"] in ("", each.actor_id)]
            if not ways:
                continue
            await batch.connection.execute("delete from notice where notice_id = $1", row["notice_id"])
            kept = {name: value for name, value in dict(row).items() if name != "notice_id"}
            for reach in ways:
                not_before = earliest_telling(batch.now, self._gather_seconds, quiet_of(reach), urgent=row["urgent"])
                changes = {"actor_id": reach.actor_id, "channel": reach.channel, "state": "waiting"} | {
                    "action": action_of(row["kind"], reach)
                }
                await insert(batch.connection, kept | changes | {"not_before": not_before, "settled_at": None})

    async def _rows(self, batch: Batch, fact: Fact, call: Call) -> list[dict[str, object]]:
        if call.action != "tell":
            return await _endings(batch.connection, fact, call, batch.now)
        rows: list[dict[str, object]] = []
        for role in call.roles:
            found = await reached(batch.connection, fact.program_id, fact.school_id, role.value)
            rows += [self._row(fact, call, role.value, reach, batch.now) for reach in found or [NOBODY]]
        return rows

    def _row(self, fact: Fact, call: Call, role: str, reach: Reach, now: datetime) -> dict[str, object]:
        state = state_of(reach, fact.occurred_at < now - self._oldest)
        return _common(fact, call, now) | {
            "role": role, "actor_id": reach.actor_id, "channel": reach.channel or "", "state": state,
            "not_before": earliest_telling(now, self._gather_seconds, quiet_of(reach), urgent=call.urgent),
        }  # fmt: skip


def _common(fact: Fact, call: Call, now: datetime) -> dict[str, object]:
    body = fact.body
    return {
        "program_id": fact.program_id, "school_id": fact.school_id, "fact_sequence": fact.fact_sequence,
        "kind": body.kind, "action": call.action, "subject": call.subject, "gate": call.gate,
        "criterion_ids": list(call.criterion_ids), "urgent": call.urgent,
        "simulated": fact.simulated or fact.rehearsal,  # nothing that a rehearsal tells is the world's
        "due_at": getattr(body, "answer_by", None) or getattr(body, "next_at", None) or getattr(body, "due_at", None)
        or getattr(body, "expires_at", None),
        "occurred_at": fact.occurred_at, "created_at": now,
    }  # fmt: skip


async def _know_programs(connection: Connection, facts: Sequence[Fact]) -> None:
    """Which programs rehearse, for what is told of no school: an incident does not say it."""
    programs = {fact.program_id: fact.rehearsal for fact in facts}
    await connection.execute(
        "insert into program select * from unnest($1::text[], $2::boolean[]) on conflict do nothing",
        list(programs), list(programs.values()),
    )  # fmt: skip


async def _endings(connection: Connection, fact: Fact, call: Call, now: datetime) -> list[dict[str, object]]:
    """An acknowledgement or an end goes to every page that was begun about the same subject."""
    paged = await connection.fetch(
        """select distinct n.role, n.actor_id, n.channel, n.gate from notice n
        join contact c on c.actor_id = n.actor_id and c.channel = n.channel
        where n.subject = $1 and n.action = 'tell' and c.kind = 'pagerduty'
            and n.state in ('waiting', 'sending', 'delivered')""",
        call.subject,
    )
    return [
        _common(fact, call, now)
        | {
            "role": row["role"], "actor_id": row["actor_id"], "channel": row["channel"], "gate": row["gate"],
            "state": "waiting", "not_before": now,
        }
        for row in paged
    ]  # fmt: skip
