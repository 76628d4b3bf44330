"""Open escalations and work items, of one school or of many, as the projection has them. Called by commands and `why`.

It reads and joins; the workflow decides. What is due next is as of the newest fact.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import asyncpg

from schemas.escalation import Escalation, EscalationAction, EscalationId, IncidentId, WorkItem, WorkItemId
from schemas.fact import Fact, Picture
from schemas.gate import SchoolPolicy
from schemas.ladder import EscalationCause
from schemas.school import GateId, ProgramId, Role, SchoolId
from services.console.views import SIMULATED, Answer
from services.kit.database import Connection
from workflows.policy.escalation.ladders import following


class EscalationAnswer(Answer):
    """One open escalation of a school, as `school why` tells it."""

    escalation_id: EscalationId
    cause: EscalationCause
    gate: GateId
    criterion_ids: tuple[str, ...]
    subject: str | None
    """The work item, waiver or signal it is about. None: the gate itself."""
    urgent: bool
    raised_at: datetime
    rung: int
    """The last that fired, counted from 1. 0: none has."""
    rungs_count: int
    told: tuple[Role, ...]
    fired_at: datetime | None
    next_roles: tuple[Role, ...]
    """Empty: nobody more, or the policy is not known here."""
    next_at: datetime | None
    """None: nothing is due, or the calendar ends before."""
    acknowledged_by: Role | None
    acted: EscalationAction | None
    paused_by: IncidentId | None

    @property
    def sentence(self) -> str:
        """Where it stands, whom it has reached, and what comes next."""
        about = ", ".join(self.criterion_ids) or self.subject
        words = f"{self.cause.value} at {self.gate.value}" + (f" ({about})" if about else "")
        words += f": rung {self.rung} of {self.rungs_count}"
        if self.told:
            words += f", {_names(self.told)} told" + (f", last on {_moment(self.fired_at)}" if self.fired_at else "")
        return f"{words}; {self._next()}"

    def _next(self) -> str:
        if self.paused_by is not None:
            return f"paused by {self.paused_by}"
        if self.acted is not None:
            return f"silent: {self.acted.value}"
        taken = f"taken by the {self.acknowledged_by.value}; " if self.acknowledged_by else ""
        if self.next_at is None:
            return f"{taken}nobody is next"
        return f"{taken}next: {_names(self.next_roles) or 'the next rung'} on {_moment(self.next_at)}"


class WorkAnswer(Answer):
    """One open work item of a school."""

    work_item_id: WorkItemId
    title: str
    assignee: Role
    gate: GateId
    criterion_id: str | None
    """Whose being met closes it. None: a person does."""
    evidence: tuple[str, ...]
    opened_at: datetime
    due_at: datetime | None
    """By the calendar of its opening. None: the calendar ends before."""
    overdue: bool


class Placed(Answer):
    """Where something is: what lists show beside it."""

    notice: str | None
    """SIMULATED when imagined evidence has reached the school, else None."""
    program_id: ProgramId
    school_id: SchoolId
    school: str
    district: str
    as_of: datetime


class EscalationLine(EscalationAnswer):
    """One open escalation in a list of many schools'."""

    place: Placed


class WorkLineAnswer(WorkAnswer):
    """One open work item in a list of many schools'."""

    place: Placed


def escalations_of(picture: Picture, policy: SchoolPolicy | None) -> tuple[EscalationAnswer, ...]:
    """A school's open escalations, the longest open first. `policy` None: who is next is left out."""
    found = [EscalationAnswer.model_validate(_told(key, each, policy)) for key, each in picture.escalations.items()]
    return tuple(sorted(found, key=lambda each: (each.raised_at, each.escalation_id)))


def work_of(picture: Picture) -> tuple[WorkAnswer, ...]:
    """A school's open work, what is due first first."""
    found = [WorkAnswer.model_validate(_work(key, each)) for key, each in picture.work_items.items()]
    return tuple(
        sorted(found, key=lambda each: (each.due_at is None, each.due_at or each.opened_at, each.work_item_id))
    )


def _told(key: EscalationId, each: Escalation, policy: SchoolPolicy | None) -> Mapping[str, object]:
    return {
        "escalation_id": key, "cause": each.cause, "gate": each.gate, "criterion_ids": each.criterion_ids,
        "subject": each.subject, "urgent": each.urgent, "raised_at": each.raised_at, "rung": each.rung,
        "rungs_count": each.rungs_count, "told": each.told, "fired_at": each.fired_at,
        "next_roles": _next_roles(each, policy), "next_at": each.next_at, "acknowledged_by": each.acknowledged_by,
        "acted": each.acted, "paused_by": each.paused_by,
    }  # fmt: skip


def _next_roles(each: Escalation, policy: SchoolPolicy | None) -> tuple[Role, ...]:
    ladder = policy.ladders.get(each.ladder) if policy is not None else None
    found = following(each, ladder) if ladder is not None else None
    return ladder.rungs[found[0] - 1].roles if ladder is not None and found is not None else ()


def _work(key: WorkItemId, each: WorkItem) -> Mapping[str, object]:
    return {
        "work_item_id": key, "title": each.title, "assignee": each.assignee, "gate": each.gate,
        "criterion_id": each.criterion_id, "evidence": each.evidence, "opened_at": each.opened_at,
        "due_at": each.due_at, "overdue": each.overdue,
    }  # fmt: skip


def _names(roles: tuple[Role, ...]) -> str:
    return ", ".join(role.value for role in roles)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


# -- of many schools

_OPEN = """
select program_id, school_id, school, district, simulated, last_fact_at, body from rollout
where ($1::text is null or program_id = $1)
    and ($2::text is null or district_id = $2 or lower(district) like '%' || lower($2) || '%')
    and coalesce(body->'{field}', '{{}}'::jsonb) <> '{{}}'::jsonb
order by district, school, program_id"""


async def _pictures(
    connection: Connection, field: str, program: str | None, district: str | None
) -> Iterator[tuple[Placed, Picture]]:
    rows = await connection.fetch(_OPEN.format(field=field), program, district)
    return ((_placed(row), Picture.model_validate_json(row["body"])) for row in rows)


def _placed(row: asyncpg.Record) -> Placed:
    return Placed(
        notice=SIMULATED if row["simulated"] else None, program_id=row["program_id"], school_id=row["school_id"],
        school=row["school"], district=row["district"], as_of=row["last_fact_at"],
    )  # fmt: skip


async def escalation_lines(
    connection: Connection,
    *,
    program: str | None = None,
    district: str | None = None,
    cause: EscalationCause | None = None,
    role: Role | None = None,
    unacknowledged: bool = False,
) -> list[EscalationLine]:
    """Open escalations, by district and school. `role`: those that have been told; None: any."""
    found = [
        EscalationLine.model_validate({**_told(key, each, None), "place": place})
        for place, picture in await _pictures(connection, "escalations", program, district)
        for key, each in sorted(picture.escalations.items(), key=lambda entry: (entry[1].raised_at, entry[0]))
    ]
    return [
        line
        for line in found
        if cause in (None, line.cause)
        and (role is None or role in line.told)
        and not (unacknowledged and (line.acknowledged_by or line.acted))
    ]


async def work_lines(
    connection: Connection,
    *,
    program: str | None = None,
    district: str | None = None,
    assignee: Role | None = None,
    overdue: bool = False,
) -> list[WorkLineAnswer]:
    """Open work, by district and school."""
    found = [
        WorkLineAnswer.model_validate({**_work(key, each), "place": place})
        for place, picture in await _pictures(connection, "work_items", program, district)
        for key, each in sorted(picture.work_items.items(), key=lambda entry: (entry[1].opened_at, entry[0]))
    ]
    return [line for line in found if assignee in (None, line.assignee) and (line.overdue or not overdue)]


async def place_of(connection: Connection, field: str, identity: str) -> list[tuple[ProgramId, SchoolId, str]]:
    """(program, school, whole id) of open things whose id begins so. `field`: escalations or work_items."""
    rows = await connection.fetch(
        """select program_id, school_id, key from rollout, jsonb_object_keys(coalesce(body->$1, '{}'::jsonb)) key
        where starts_with(key, $2) order by 1, 2, 3""",
        field, identity,
    )  # fmt: skip
    return [(row["program_id"], row["school_id"], row["key"]) for row in rows]


async def facts_about(connection: Connection, identity: str) -> list[Fact]:
    """Every fact about the escalation whose id begins so, open or closed, in order. Empty: none, or several fit."""
    rows = await connection.fetch(
        """select body, convert_from(body, 'UTF8')::jsonb->'body'->>'escalation_id' as key from fact
        where kind = 'rung-fired' or kind like 'escalation-%' order by program_id, school_id, fact_sequence"""
    )
    found = [row for row in rows if row["key"].startswith(identity)]
    one = len({row["key"] for row in found}) == 1
    return [Fact.model_validate_json(row["body"]) for row in found] if one else []
