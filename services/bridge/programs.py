"""Programs: which schools enter, under which policy, and how they start and stop. Behind `firstbell program`.

A start may be repeated and resumed: rows first, then paced starts, each idempotent. Only a start creates a
workflow; the bridge's signals never do. It refuses what would mix a rehearsal with a real program.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.calendar import Calendar
from schemas.gate import PolicyDocument
from schemas.readiness import CATALOGUE
from schemas.school import SchoolRecord, SchoolStatus, ScopeKind
from services.bridge import advisories, interest, rollouts
from services.bridge.documents import Documents
from services.kit.database import Connection
from services.kit.outcome import PermanentError
from workflows.policy.authoring.document import profile_for
from workflows.policy.authoring.inheritance import document_for

NAMES_SHOWN_MAX = 8
"""Candidates named in a refusal."""


Watched = tuple[str, str, str, str, str, float, int]
"""Program, school, signal, its scope's kind and id, days until it is sent again, first gate it can move."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for."""

    program_id: str
    policy: str
    """A policy's name (its latest version) or digest."""
    districts: tuple[str, ...]
    schools: tuple[str, ...]
    everything: bool
    rehearsal: bool
    release_id: str | None
    with_pupils: bool = False
    """Of those chosen, only schools whose directory record counts pupils."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One school that shall enter."""

    school: SchoolRecord
    profile: str
    calendar_digest: str | None
    """None: its district has published none, or not one this program may use."""
    policy_digest: str
    """Of the program's policy, or of a narrower document that inherits it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a start will do: shown before anything is done."""

    program_id: str
    policy_digest: str
    document: PolicyDocument
    rehearsal: bool
    release_id: str | None
    entries: tuple[Entry, ...]
    entered_count: int
    """Of these, how many the program holds already."""
    closed_count: int
    """Schools asked for that are closed or not open yet: they stay out."""
    without_pupils_count: int = 0
    """Open schools left out because only those with pupils were asked for."""


async def make_plan(connection: Connection, documents: Documents, wish: Wish) -> Plan:
    """Finds policy and schools. Raises PermanentError naming what was expected, seen, and to do. Writes nothing."""
    digest = await _policy(connection, wish)
    document = await documents.policy(connection, digest)
    assert document is not None  # found a line above
    await _same_program(connection, wish, digest)
    chosen = await _schools(connection, wish)
    opened = [school for school in chosen if school.status is SchoolStatus.OPEN]
    entering = [school for school in opened if school.students or not wish.with_pupils]
    if not entering:
        wanted = "open schools with pupils" if wish.with_pupils else "open schools"
        raise PermanentError(
            f"program {wish.program_id}: expected {wanted}, seen none among {len(chosen)} chosen; "
            "see `firstbell directory list`"
        )
    entries = await _entries(connection, documents, wish, (digest, document), entering)
    held = await connection.fetchval(
        "select count(*) from rollout where program_id = $1 and school_id = any($2) and status in ('running', 'stopped')",
        wish.program_id, [school.school_id for school in entering],
    )  # fmt: skip
    return Plan(
        wish.program_id, digest, document, wish.rehearsal, wish.release_id, entries, held, len(chosen) - len(opened),
        len(opened) - len(entering),
    )  # fmt: skip


async def refuse_changed(connection: Connection, documents: Documents, wish: Wish, shown: Plan) -> None:
    """Raises PermanentError when a start would no longer do what somebody was shown before they agreed."""
    if await make_plan(connection, documents, wish) != shown:
        raise PermanentError(
            f"program {wish.program_id}: expected what was shown, seen it change meanwhile; nothing was done: look again"
        )


async def _policy(connection: Connection, wish: Wish) -> str:
    digest: str | None = await connection.fetchval(
        "select digest from policy where digest = $1 or name = $1 order by version desc limit 1", wish.policy
    )
    if digest is None:
        known = await connection.fetch("select distinct name from policy order by name")
        raise PermanentError(
            f"policy {wish.policy}: expected a stored policy's name or digest, seen "
            f"{', '.join(row['name'] for row in known) or 'none stored'}; see `firstbell policy show`, and that "
            "the room bridge is running"
        )
    return digest


async def _same_program(connection: Connection, wish: Wish, digest: str) -> None:
    row = await connection.fetchrow("select * from program where program_id = $1", wish.program_id)
    if row is None:
        return
    if row["stopped_at"] is not None:
        raise PermanentError(f"program {wish.program_id}: it was stopped at {row['stopped_at']}; choose another name")
    asked = (digest, wish.rehearsal, wish.release_id)
    held = (row["policy_digest"], row["rehearsal"], row["release_id"])
    if asked != held:
        raise PermanentError(
            f"program {wish.program_id}: expected what it was started with (policy {held[0]}, rehearsal {held[1]}, "
            f"release {held[2]}), seen (policy {asked[0]}, rehearsal {asked[1]}, release {asked[2]}); choose another "
            "name, or start with the same"
        )


async def _schools(connection: Connection, wish: Wish) -> list[SchoolRecord]:
    rows = await connection.fetch("select document from school order by school_id")
    known = [SchoolRecord.model_validate_json(row["document"]) for row in rows]
    if not known:
        raise PermanentError(
            "schools: expected some, seen none; run `firstbell directory import FILE...` and see that the rooms "
            "directory and bridge are running"
        )
    if wish.everything:
        return known
    chosen: dict[str, SchoolRecord] = {}
    districts = {school.district_id: school.district_display_name for school in known}
    for text in wish.districts:
        district = one_named("district", text, districts)
        chosen |= {school.school_id: school for school in known if school.district_id == district}
    schools = {school.school_id: school.display_name for school in known}
    by_id = {school.school_id: school for school in known}
    for text in wish.schools:
        found = one_named("school", text, schools)
        chosen[found] = by_id[found]
    if not chosen:
        raise PermanentError("schools: expected --district, --school or --all, seen none; say who shall enter")
    return [chosen[key] for key in sorted(chosen)]


def one_named(kind: str, text: str, names: dict[str, str]) -> str:
    """The one id that is this text, or whose name is it, or holds it."""
    if text in names:
        return text
    exact = [key for key, name in names.items() if name.casefold() == text.casefold()]
    found = exact or [key for key, name in names.items() if text.casefold() in name.casefold()]
    if len(found) == 1:
        return found[0]
    seen = ", ".join(f"{names[key]} ({key})" for key in found[:NAMES_SHOWN_MAX]) or "none"
    more = f" and {len(found) - NAMES_SHOWN_MAX} more" if len(found) > NAMES_SHOWN_MAX else ""
    raise PermanentError(f"{kind} {text}: expected an id or a name that fits one, seen {seen}{more}; give the id")


async def _entries(
    connection: Connection,
    documents: Documents,
    wish: Wish,
    root: tuple[str, PolicyDocument],
    schools: Sequence[SchoolRecord],
) -> tuple[Entry, ...]:
    pointers = {
        row["district_id"]: row["calendar_digest"]
        for row in await connection.fetch("select district_id, calendar_digest from calendar_pointer")
    }
    heirs = await documents.heirs(connection, root[0])
    refused: dict[str, str] = {}
    entries: list[Entry] = []
    for school in schools:
        calendar = await documents.calendar(connection, pointers.get(school.district_id))
        if calendar is not None and calendar.rehearsal and not wish.rehearsal:
            refused[school.district_id] = school.district_display_name
        digest, document = document_for(root, heirs, school.school_id, school.district_id, school.state)
        usable = pointers[school.district_id] if calendar else None
        entries.append(Entry(school, profile_for(document, school.teachers), usable, digest))
    if refused:
        names = ", ".join(sorted(refused.values())[:NAMES_SHOWN_MAX])
        raise PermanentError(
            f"program {wish.program_id}: expected real calendars, seen rehearsal ones in {len(refused)} districts "
            f"({names}); import the districts' own with `firstbell calendar import`, or start it with --rehearsal"
        )
    return tuple(entries)


async def enter(connection: Connection, documents: Documents, plan: Plan, *, status: str = "starting") -> None:
    """Writes program, rollouts and what they watch, in the caller's transaction; schools it holds stay as they are.

    `status` is the new rollouts': they start at once, or wait for their wave.
    """
    await connection.execute(
        """insert into program (program_id, policy_digest, rehearsal, release_id) values ($1, $2, $3, $4)
        on conflict do nothing""",
        plan.program_id, plan.policy_digest, plan.rehearsal, plan.release_id,
    )  # fmt: skip
    added = await connection.fetch(
        """insert into rollout (program_id, status, school_id, district_id, profile, sent_context_version,
            sent_calendar_digest, policy_digest)
        select $1, $7, * from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $8::text[])
        on conflict do nothing returning school_id""",
        plan.program_id,
        [entry.school.school_id for entry in plan.entries],
        [entry.school.district_id for entry in plan.entries],
        [entry.profile for entry in plan.entries],
        [entry.school.version for entry in plan.entries],
        [entry.calendar_digest for entry in plan.entries],
        status,
        [entry.policy_digest for entry in plan.entries],
    )
    fresh = {row["school_id"] for row in added}
    await advisories.move_concerned(connection, [(plan.program_id, school) for school in sorted(fresh)])
    rows: list[Watched] = []
    for entry in plan.entries:
        if entry.school.school_id in fresh:
            policy = await documents.school_policy(connection, entry.policy_digest, entry.profile)
            assert policy is not None  # the plan holds its document
            rows += _watched(plan, entry.school, interest.interests(policy))
    await connection.execute(
        """insert into watch (program_id, school_id, signal, scope_kind, scope_id, refresh_days, first_gate)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::smallint[])
        on conflict do nothing""",
        *([list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(7)]),
    )
    await rollouts.refill(connection, [(plan.program_id, school) for school in sorted(fresh)])


def _watched(plan: Plan, school: SchoolRecord, wanted: dict[str, interest.Interest]) -> list[Watched]:
    """Each signal with the scope whose readings reach this school; a release's only if the program has one."""
    scopes = {
        ScopeKind.SCHOOL: school.school_id,
        ScopeKind.DISTRICT: school.district_id,
        ScopeKind.PROGRAM: plan.program_id,
        ScopeKind.RELEASE: plan.release_id,
        ScopeKind.STATE: school.state,
    }
    found: list[Watched] = []
    for name, why in wanted.items():
        kind = CATALOGUE[name].scope
        scope_id = scopes[kind]
        if scope_id is not None:
            found.append(
                (plan.program_id, school.school_id, name, kind.value, scope_id, why.refresh_days, why.first_gate)
            )
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How many schools of a program stand alike."""

    phase: str | None
    outcome: str | None
    status: str
    asked: str | None
    schools_count: int


async def standings(connection: Connection, program_id: str) -> tuple[Standing, ...]:
    """Counts by phase, outcome, status and who is asked. Raises PermanentError for an unknown program."""
    if not await connection.fetchval("select 1 from program where program_id = $1", program_id):
        known = await connection.fetch("select program_id from program order by 1")
        raise PermanentError(
            f"program {program_id}: expected a program that was started, seen "
            f"{', '.join(row['program_id'] for row in known) or 'none'}; see `firstbell program start --help`"
        )
    rows = await connection.fetch(
        """select phase, outcome, status, asked, count(*) as schools_count from rollout where program_id = $1
        group by 1, 2, 3, 4 order by 1 nulls first, 2, 3, 4""",
        program_id,
    )
    return tuple(Standing(**dict(row)) for row in rows)


def calendar_for(calendar: Calendar | None, rehearsal: bool) -> Calendar | None:
    """The calendar a school of this program may use: a rehearsal's only in a rehearsal."""
    return None if calendar is not None and calendar.rehearsal and not rehearsal else calendar


def tree_of(plan: Plan) -> dict[str, Any]:
    """What `--json` prints of a plan. Any: JSON."""
    profiles: dict[str, int] = {}
    for entry in plan.entries:
        profiles[entry.profile] = profiles.get(entry.profile, 0) + 1
    return {
        "program": plan.program_id,
        "policy": {"name": plan.document.name, "version": plan.document.version, "digest": plan.policy_digest},
        "rehearsal": plan.rehearsal,
        "release": plan.release_id,
        "schools": len(plan.entries),
        "already_entered": plan.entered_count,
        "left_out_not_open": plan.closed_count,
        "left_out_without_pupils": plan.without_pupils_count,
        "without_calendar": sum(entry.calendar_digest is None for entry in plan.entries),
        "profiles": profiles,
    }
