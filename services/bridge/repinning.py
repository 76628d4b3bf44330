"""What the bridge does when schools get another policy: it follows the facts, and watches what the new policy names.

Called by the ledger inside the transaction that records the facts. A program's own policy, under which late joiners
start, is the last one that a school of it accepted.
"""

from collections.abc import Sequence

from schemas.fact import Fact, RolloutStarted
from schemas.gate import PolicyDocument
from schemas.migration import PolicyMigrated, PolicyMigrationAccepted
from schemas.readiness import CATALOGUE
from schemas.school import ScopeKind
from services.bridge import interest
from services.kit.database import Connection
from workflows.policy.authoring.document import resolve


async def follow(connection: Connection, facts: Sequence[Fact]) -> None:
    """Rollouts and programs name the policies that these facts say they have. A repeat changes nothing."""
    for fact in facts:
        body = fact.body
        if isinstance(body, RolloutStarted | PolicyMigrated):
            await connection.execute(
                "update rollout set policy_digest = $3, profile = $4 where program_id = $1 and school_id = $2",
                fact.program_id, fact.school_id, body.policy_digest, body.profile,
            )  # fmt: skip
        if isinstance(body, PolicyMigrated):
            await _watch(connection, fact, body)
        elif isinstance(body, PolicyMigrationAccepted):
            await connection.execute(
                "update program set policy_digest = $2 where program_id = $1 and stopped_at is null",
                fact.program_id, await _root(connection, body.policy_digest),
            )  # fmt: skip


async def follow_late(connection: Connection, held: Sequence[Fact], late: Sequence[Fact]) -> None:
    """As `follow`, for facts of one school that come after later ones: what the newest of all that are held says."""
    pins = [fact for fact in held if isinstance(fact.body, RolloutStarted | PolicyMigrated)]
    await follow(connection, pins[-1:])
    for fact in late:
        if isinstance(fact.body, PolicyMigrationAccepted) and not await connection.fetchval(
            "select exists (select from fact where program_id = $1 and kind = $2 and occurred_at > $3)",
            fact.program_id, fact.body.kind, fact.occurred_at,
        ):  # fmt: skip
            await follow(connection, [fact])


async def _root(connection: Connection, digest: str) -> str:
    """The policy at the top of a district's or school's own; the very one, while its document has not come."""
    rows = await connection.fetch(
        """with recursive line as (
            select digest, document::jsonb -> 'inherits' ->> 'digest' as above from policy where digest = $1
            union select p.digest, p.document::jsonb -> 'inherits' ->> 'digest' from policy p join line on p.digest = above
        ) select coalesce(above, digest) as top from line where above is null or above not in (select digest from line)""",
        digest,
    )
    return str(rows[0]["top"]) if rows else digest


async def _watch(connection: Connection, fact: Fact, body: PolicyMigrated) -> None:
    """The rollout watches what its policy names: no less, since it would starve, and no more."""
    wanted = await _interests(connection, body)
    scopes = await _scopes(connection, fact)
    rows = [
        (name, CATALOGUE[name].scope.value, scope_id, why.refresh_days, why.first_gate)
        for name, why in wanted.items()
        if (scope_id := scopes[CATALOGUE[name].scope]) is not None
    ]
    await connection.execute(
        "delete from watch where program_id = $1 and school_id = $2 and not signal = any($3)",
        fact.program_id, fact.school_id, [name for name, *_ in rows],
    )  # fmt: skip
    await connection.execute(
        """insert into watch (program_id, school_id, signal, scope_kind, scope_id, refresh_days, first_gate)
        select $1, $2, * from unnest($3::text[], $4::text[], $5::text[], $6::float8[], $7::smallint[])
        on conflict (program_id, school_id, signal) do update
        set refresh_days = excluded.refresh_days, first_gate = excluded.first_gate""",
        fact.program_id, fact.school_id,
        *([list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(5)]),
    )  # fmt: skip


async def _interests(connection: Connection, body: PolicyMigrated) -> dict[str, interest.Interest]:
    """By the policy, or, while its document has not come, by the catalogue: evidence is not kept waiting."""
    text = await connection.fetchval("select document from policy where digest = $1", body.policy_digest)
    if text is not None:
        return interest.interests(resolve(PolicyDocument.model_validate_json(text), body.profile))
    known = [name for name in body.signals if name in CATALOGUE]
    return {name: interest.Interest(CATALOGUE[name].freshness_days / 2, 0) for name in known}


async def _scopes(connection: Connection, fact: Fact) -> dict[ScopeKind, str | None]:
    """Of each kind, the scope whose readings reach this school. None: the program is about no release."""
    row = await connection.fetchrow(
        """select r.district_id, p.release_id, s.document::jsonb ->> 'state' as state from rollout r
        join program p using (program_id) left join school s using (school_id)
        where r.program_id = $1 and r.school_id = $2""",
        fact.program_id, fact.school_id,
    )  # fmt: skip
    found: dict[ScopeKind, str | None] = {ScopeKind.SCHOOL: fact.school_id, ScopeKind.PROGRAM: fact.program_id}
    found |= dict.fromkeys((ScopeKind.DISTRICT, ScopeKind.RELEASE, ScopeKind.STATE))
    if row is not None:
        found |= {
            ScopeKind.DISTRICT: row["district_id"],
            ScopeKind.RELEASE: row["release_id"],
            ScopeKind.STATE: row["state"],
        }
    return found
