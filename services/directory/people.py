"""Who an actor is, in the restricted table `person`; and OneRoster's roles as rows of our roster. Called by `roster import`.

An actor's id is made up at random the first time a person comes, so that nobody can compute it from a staff number.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

from schemas.school import ScopeKind
from services.directory.oneroster import Grant, OneRoster, Org, User
from services.directory.rosters import RosterEntry
from services.directory.tabular import Fault
from services.kit.database import Connection

_SCHOOL = """select distinct s.school_id::text as id from school s join alias a on a.entity_id = s.school_id
where a.kind = 'school' and a.identifier = $1"""
_DISTRICT = "select district_id::text as id from district where nces_id = $1 or state_district_id = $1"
_SCHOOL_NAMED = "select school_id::text as id from school where lower(display_name) = lower($1)"
_DISTRICT_NAMED = "select district_id::text as id from district where lower(display_name) = lower($1)"


async def entries_of(connection: Connection, roster: OneRoster, now: datetime) -> tuple[list[RosterEntry], list[Fault]]:
    """The roster's roles as entries of resolved scopes; names go to the restricted table and nowhere else."""
    scopes: dict[str, str | None] = {}
    good: list[tuple[Grant, str]] = []
    faults: list[Fault] = []
    for grant in roster.grants:
        if grant.org.sourced_id not in scopes:
            scopes[grant.org.sourced_id] = await _scope_id(connection, grant.org)
        scope = scopes[grant.org.sourced_id]
        if scope is None:
            seen = f"{grant.org.identifier or 'no identifier'}, {grant.org.name}"[:80]
            reason = "expected an organisation that is one of the directory, by NCES or state id, or by its whole name"
            faults.append(Fault(grant.line, f"{grant.file} orgSourcedId", reason, seen))
        else:
            good.append((grant, scope))
    users = {grant.user.sourced_id: grant.user for grant, _ in good}
    actors = await _keep(connection, roster.source, list(users.values()), now)
    return [_entry(grant, scope, actors[grant.user.sourced_id]) for grant, scope in good], faults


def _entry(grant: Grant, scope: str, actor_id: str) -> RosterEntry:
    kind = grant.org.scope_kind
    assert kind is not None, "a grant has a scope"
    return RosterEntry(
        grant.line, actor_id, grant.role, kind, scope, grant.granted, grant.valid_from, grant.valid_until
    )


async def _scope_id(connection: Connection, org: Org) -> str | None:
    """The one school or district that an organisation is; None: nothing fits, or several do."""
    school = org.scope_kind is ScopeKind.SCHOOL
    rows = await connection.fetch(_SCHOOL if school else _DISTRICT, org.identifier) if org.identifier else []
    if not rows and not org.identifier:
        rows = await connection.fetch(_SCHOOL_NAMED if school else _DISTRICT_NAMED, org.name)
    return str(rows[0]["id"]) if len(rows) == 1 else None


async def _keep(connection: Connection, source: str, users: Sequence[User], now: datetime) -> dict[str, str]:
    """Each user's actor id, made up for who is new; names and addresses as the file has them now."""
    columns = [
        [f"actor-{secrets.token_hex(8)}" for _ in users], [user.sourced_id for user in users],
        [user.given_name for user in users], [user.family_name for user in users], [user.email for user in users],
    ]  # fmt: skip
    await connection.execute(
        """insert into person (actor_id, source, sourced_id, given_name, family_name, email, recorded_at)
        select a, $6, s, g, f, e, $7 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
            as row (a, s, g, f, e)
        on conflict (source, sourced_id) do update set given_name = excluded.given_name,
            family_name = excluded.family_name, email = excluded.email""",
        *columns,
        source,
        now,
    )
    rows = await connection.fetch("select actor_id, sourced_id from person where source = $1", source)
    return {row["sourced_id"]: row["actor_id"] for row in rows}
