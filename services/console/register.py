"""The register of waivers and overrides: what was passed without evidence, where, why, and by which roles.

Called by `waiver register`, `waiver list`, `waiver debt`, `gate overrides` and the report. It is public: roles only. The
audit view alone holds actor and note ids, so that separation of duties can be computed again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.decision import Override, Waiver
from schemas.fact import Fact
from schemas.school import Actor, GateId, Role
from schemas.waiver import (
    OverrideConfirmed,
    OverrideLapsed,
    OverrideProposed,
    WaiverEnded,
    WaiverGranted,
    WaiverProposal,
    WaiverProposed,
    WaiverRevoked,
)
from services.console.views import SIMULATED, Answer, SchoolLine
from services.kit.database import Connection

KINDS = (
    "waiver-proposed", "waiver-granted", "waiver-revoked", "waiver-ended", "override-proposed", "override-confirmed",
    "override-lapsed",
)  # fmt: skip
"""The facts a register is made of."""
State = Literal["proposed", "open", "confirmed", "revoked", "turned-down", "ended", "void"]


class Audit(Answer):
    """Who did it, by id; only in the audit view."""

    proposed_by: str | None
    proposed_for: str | None
    """Whom the proposer acted for. None: for nobody."""
    granted_by: str | None
    granted_for: str | None
    note_id: str | None


class Entry(Answer):
    """One waiver or override, public."""

    notice: str | None
    """SIMULATED when imagined evidence had reached the school, else None."""
    kind: Literal["waiver", "override"]
    id: str
    program_id: str
    school_id: str
    school: str
    district: str | None
    gate: GateId | None
    criterion_ids: tuple[str, ...]
    category: str
    """waived, mitigated or overridden: never met."""
    compensating_control: str | None
    """None: an override has none."""
    reason: str
    sponsor: Role | None
    """None: a waiver has none."""
    proposed_by: Role | None
    granted_by: Role | None
    """None: nobody has granted or confirmed it."""
    granted_at: datetime | None
    expires_at: datetime | None
    """None: an override ends with its gate's attempt; a proposal leaves it to the grant."""
    state: State
    state_since: datetime
    audit: Audit | None


class Debt(Answer):
    """The open waivers of one district: what it still owes."""

    notice: str | None
    program_id: str
    district: str | None
    waivers: int
    schools: int
    criteria: dict[str, int]
    """Criterion to waivers that name it."""
    first_end_at: datetime
    days_until_first_end: float
    """Days of 24 hours."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a school is, in words."""

    school: str
    district: str | None


async def facts(connection: Connection, program: str | None, school_id: str | None = None) -> list[Fact]:
    """Every fact that the register is made of, in each school's order."""
    rows = await connection.fetch(
        """select body from fact where kind = any($1::text[]) and ($2::text is null or program_id = $2)
            and ($3::text is null or school_id = $3) order by program_id, school_id, fact_sequence""",
        list(KINDS), program, school_id,
    )  # fmt: skip
    return [Fact.model_validate_json(row["body"]) for row in rows]


def compile_register(of: Iterable[Fact], lines: Sequence[SchoolLine], *, audit: bool) -> list[Entry]:
    """One entry for each waiver and override, the newest change first. Without `audit` no id of a person is in it."""
    places = {(line.program_id, line.school_id): Place(line.school, line.district) for line in lines}
    found: dict[tuple[str, str, str], Entry] = {}
    for fact in of:
        place = places.get((fact.program_id, fact.school_id), Place(fact.school_id, None))
        _turn(found, fact, place, audit)
    return sorted(found.values(), key=lambda each: (each.state_since, each.id), reverse=True)


def _turn(found: dict[tuple[str, str, str], Entry], fact: Fact, place: Place, audit: bool) -> None:
    body, state = fact.body, _state(fact)
    made: Entry | None
    match body:
        case WaiverProposed():
            made = _of_waiver(fact, place, body.proposal, audit)
        case WaiverGranted():
            made = _of_waiver(fact, place, body.waiver, audit)
        case OverrideProposed() | OverrideConfirmed():
            made = _of_override(fact, place, body.override, audit)
        case WaiverRevoked() | WaiverEnded():
            made = found.get((fact.program_id, fact.school_id, body.waiver_id))
        case OverrideLapsed():
            made = found.get((fact.program_id, fact.school_id, body.override_id))
        case _:
            return
    if made is not None and state is not None:
        made = made.model_copy(update={"state": state, "state_since": fact.occurred_at})
        found[fact.program_id, fact.school_id, made.id] = made


def _state(fact: Fact) -> State | None:
    match fact.body:
        case WaiverProposed() | OverrideProposed():
            return "proposed"
        case WaiverGranted():
            return "open"
        case OverrideConfirmed():
            return "confirmed"
        case WaiverRevoked(granted=granted):
            return "revoked" if granted else "turned-down"
        case WaiverEnded():
            return "ended"
        case OverrideLapsed():
            return "void"
        case _:
            return None


def _of_waiver(fact: Fact, place: Place, of: Waiver | WaiverProposal, audit: bool) -> Entry:
    granted_by = of.granted_by if isinstance(of, Waiver) else None
    return Entry(
        notice=SIMULATED if fact.simulated else None, kind="waiver", id=of.waiver_id, program_id=fact.program_id,
        school_id=fact.school_id, school=place.school, district=place.district, gate=of.gate,
        criterion_ids=of.criterion_ids, category=of.category, compensating_control=of.compensating_control,
        reason=of.reason, sponsor=None, proposed_by=of.proposed_by and of.proposed_by.role,
        granted_by=granted_by and granted_by.role, granted_at=of.granted_at if isinstance(of, Waiver) else None,
        expires_at=of.expires_at, state="proposed", state_since=fact.occurred_at,
        audit=_audit(of.proposed_by, granted_by, of.note_id) if audit else None,
    )  # fmt: skip


def _of_override(fact: Fact, place: Place, of: Override, audit: bool) -> Entry:
    return Entry(
        notice=SIMULATED if fact.simulated else None, kind="override", id=of.override_id, program_id=fact.program_id,
        school_id=fact.school_id, school=place.school, district=place.district, gate=of.gate,
        criterion_ids=of.criterion_ids, category="overridden", compensating_control=None, reason=of.reason,
        sponsor=of.sponsor, proposed_by=of.proposed_by.role, granted_by=of.confirmed_by and of.confirmed_by.role,
        granted_at=of.confirmed_at, expires_at=None, state="proposed", state_since=fact.occurred_at,
        audit=_audit(of.proposed_by, of.confirmed_by, of.note_id) if audit else None,
    )  # fmt: skip


def _audit(proposer: Actor | None, granter: Actor | None, note_id: str | None) -> Audit:
    return Audit(
        proposed_by=proposer and proposer.actor_id, proposed_for=proposer and proposer.acting_for,
        granted_by=granter and granter.actor_id, granted_for=granter and granter.acting_for, note_id=note_id,
    )  # fmt: skip


def debts(entries: Iterable[Entry], now: datetime) -> list[Debt]:
    """Open waivers by program and district, the one that ends first on top."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry.kind == "waiver" and entry.state == "open" and entry.expires_at is not None:
            groups.setdefault((entry.program_id, entry.district or ""), []).append(entry)
    found = [_debt(program, district, members, now) for (program, district), members in groups.items()]
    return sorted(found, key=lambda each: (each.first_end_at, each.program_id, each.district or ""))


def _debt(program: str, district: str, members: Sequence[Entry], now: datetime) -> Debt:
    criteria: dict[str, int] = {}
    for criterion_id in sorted(each for entry in members for each in entry.criterion_ids):
        criteria[criterion_id] = criteria.get(criterion_id, 0) + 1
    first = min(entry.expires_at for entry in members if entry.expires_at is not None)
    return Debt(
        notice=next((entry.notice for entry in members if entry.notice), None), program_id=program,
        district=district or None, waivers=len(members), schools=len({entry.school_id for entry in members}),
        criteria=criteria, first_end_at=first, days_until_first_end=round((first - now).total_seconds() / 86_400, 1),
    )  # fmt: skip
