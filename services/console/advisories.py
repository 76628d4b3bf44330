"""Advisories at the human door: who may publish one, whom it would hold, and its way to Kafka, in one transaction.

Called by `hold` and `advisory`. Whom it holds is told as far as the console knows; each school's workflow decides. The
same id with the same content is one act; another content under a published id is refused.
"""

from collections.abc import Sequence
from datetime import datetime

from schemas.advisory import Advisory
from schemas.decision import EvidenceItem, GateInputs
from schemas.gate import SEMANTICS
from schemas.message import CommandReply
from schemas.school import Actor, Role, SchoolRecord, Scope, ScopeKind
from schemas.topics import ADVISORIES
from services.console import library, views
from services.console.roster import actor_of, context_of
from services.console.views import Answer, PictureRow, SchoolLine
from services.kit import outbox
from services.kit.database import Connection
from workflows.policy.advising import believed, matches
from workflows.policy.judgement import Ground
from workflows.policy.people import RANK, may_lift
from workflows.policy.predicate import Known

SOURCE = "firstbell/console"
DISTRICT_RANK, STATE_RANK = RANK[Role.DISTRICT_TECHNOLOGY], RANK[Role.STATE_DIRECTOR]


class Reach(Answer):
    """One school under way, and whether an advisory means it."""

    program_id: str
    school_id: str
    school: str
    district: str | None
    gate: str
    matches: bool | None
    """None: not known here."""
    held: bool
    """Whether its picture holds it by this advisory already."""


async def reach(connection: Connection, advisory: Advisory, now: datetime) -> list[Reach]:
    """Every school under way that the advisory's scope may hold, with the answer as the console knows it."""
    found: list[Reach] = []
    shelf = library.Shelf(connection)
    for line, row in await views.lines_and_pictures(connection):
        record = await library.school_record(connection, line.school_id)
        known = await _known(connection, line, record, await _ground(shelf, line, row, now))
        bare = advisory.model_copy(update={"where": None, "exempt": ()})
        if matches(bare, known) is False:
            continue
        found.append(
            Reach(
                program_id=line.program_id, school_id=line.school_id, school=line.school, district=line.district,
                gate=line.gate.value, matches=matches(advisory, known), held=advisory.advisory_id in row.picture.holds,
            )
        )  # fmt: skip
    return found


async def _ground(shelf: library.Shelf, line: SchoolLine, row: PictureRow, now: datetime) -> Ground:
    """What the school's workflow would weigh names on."""
    policy, calendar = await shelf.school_policy(row), await shelf.calendar(row.picture.calendar_digest)
    semantics = policy.semantics if policy is not None else SEMANTICS
    inputs = GateInputs(
        gate=line.gate, phase=line.phase, attempt=row.picture.attempt, opened_at=row.picture.phase_opened_at or now,
        rehearsal=line.rehearsal, context=None, evidence={},
    )  # fmt: skip
    return Ground(inputs, calendar, now, semantics)


async def _known(connection: Connection, line: SchoolLine, record: SchoolRecord | None, ground: Ground) -> Known:
    read = {
        each.signal: EvidenceItem.model_validate(each.model_dump(include=set(EvidenceItem.model_fields)))
        for each in await library.readings_of(connection, line)
    }
    evidence = believed(read, ground)
    return Known(line.school_id, line.program_id, context_of(record) if record else None, evidence)


async def current(connection: Connection, advisory_id: str) -> Advisory | None:
    """The advisory as it stands, locked for the caller's transaction. None: nobody published it."""
    body = await connection.fetchval("select body from advisory where advisory_id = $1 for update", advisory_id)
    return None if body is None else Advisory.model_validate_json(body)


async def listed(connection: Connection, *, withdrawn: bool) -> list[Advisory]:
    """Every advisory that stands; with those that were withdrawn, if asked."""
    rows = await connection.fetch("select body from advisory where $1 or not withdrawn order by advisory_id", withdrawn)
    return [Advisory.model_validate_json(row["body"]) for row in rows]


async def publish(connection: Connection, advisory: Advisory, now: datetime) -> None:
    """Keeps an advisory and queues it for Kafka; an older version than the kept one changes nothing."""
    kept = await connection.fetchval(
        """insert into advisory (advisory_id, version, withdrawn, body) values ($1, $2, $3, $4)
        on conflict (advisory_id) do update set version = excluded.version, withdrawn = excluded.withdrawn,
            body = excluded.body where advisory.version < excluded.version returning version""",
        advisory.advisory_id, advisory.version, advisory.withdrawn, advisory.model_dump_json().encode(),
    )  # fmt: skip
    if kept is not None:
        row = outbox.row(
            ADVISORIES.name, advisory.advisory_id, Advisory.ce_type, advisory, source=SOURCE, time=now,
            ce_id=f"{advisory.advisory_id}/{advisory.version}",
        )  # fmt: skip
        await outbox.publish_rows(connection, [row])


def same(one: Advisory, other: Advisory) -> bool:
    """Whether another is the act that stands: all but moment and version agree, and what later acts made of it."""
    later: dict[str, object] = {"placed_at": one.placed_at, "version": one.version}
    if other.version < one.version:
        later |= {"exempt": one.exempt, "withdrawn": one.withdrawn, "withdrawn_by": one.withdrawn_by}
    return other.model_copy(update=later) == one


async def actor_for(
    connection: Connection, actor_id: str, scope: Scope, act_id: str, lifted_by: Role | None = None
) -> Actor | CommandReply:
    """The person in a role that may hold this scope, or withdraw what `lifted_by` may lift; else the refusal.

    A district's needs a role of the district or above; a wave's, program's, release's or state's one of the state.
    """
    rows = await connection.fetch(
        "select * from actor where actor_id = $1 and active and acting_for = '' order by role, scope_id", actor_id
    )
    if not rows:
        return _refused(
            act_id, "actor-unknown", "an actor of the roster whose role is current", actor_id,
            "look them up with `firstbell roster show`",
        )  # fmt: skip
    actors = [actor_of(actor_id, row) for row in rows]
    needed = DISTRICT_RANK if scope.kind is ScopeKind.DISTRICT else STATE_RANK
    state = await _state_of(connection, scope)
    fit = [each for each in actors if RANK[each.role] >= needed and _over(each.scope, scope, state)]
    if not fit:
        held = ", ".join(f"{each.role.value} of {each.scope.kind.value} {each.scope.id}" for each in actors)
        wanted = "a role of the district, or above" if needed == DISTRICT_RANK else "a role of the state"
        return _refused(
            act_id, "scope-not-yours", f"{wanted}, over {scope.kind.value} {scope.id}", held,
            "ask somebody whose role covers it",
        )  # fmt: skip
    best = max(fit, key=lambda each: RANK[each.role])
    if lifted_by is not None and not may_lift(best.role, lifted_by):
        return _refused(
            act_id, "role-may-not-lift", f"{lifted_by.value}, or a role above it", best.role.value,
            f"ask the {lifted_by.value}",
        )  # fmt: skip
    return best


async def _state_of(connection: Connection, scope: Scope) -> str | None:
    """The state a district lies in. None: not a district, or the directory knows none of its schools."""
    if scope.kind is not ScopeKind.DISTRICT:
        return None
    body = await connection.fetchval("select body from school where district_id = $1 limit 1", scope.id)
    return None if body is None else SchoolRecord.model_validate_json(body).state


def _over(mine: Scope, scope: Scope, state: str | None) -> bool:
    """Whether a role's scope holds another one: its own, a state its districts, and a state's roles its programs."""
    if mine == scope:
        return True
    if mine.kind is not ScopeKind.STATE:
        return False
    return scope.kind in (ScopeKind.PROGRAM, ScopeKind.WAVE, ScopeKind.RELEASE) or mine.id == state


def _refused(act_id: str, code: str, expected: str, seen: str, next_step: str) -> CommandReply:
    return CommandReply(act_id=act_id, accepted=False, refusal=code, expected=expected, seen=seen, next_step=next_step)


def counts(of: Sequence[Reach]) -> dict[str, int]:
    """How many match, do not, are not known, and are held already."""
    return {
        "matching": sum(each.matches is True for each in of), "not_matching": sum(each.matches is False for each in of),
        "unknown": sum(each.matches is None for each in of), "held": sum(each.held for each in of),
    }  # fmt: skip
