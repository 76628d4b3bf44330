"""Who acts on a variance: roles and schools as their compacted topics have them now. This room keeps no copy.

Called by the commands alone, which may wait for a snapshot. It names nobody: ids only.
"""

from schemas.school import Actor, ActorRecord, Role, SchoolContext, SchoolRecord, Scope, ScopeKind
from schemas.topics import ACTORS, SCHOOLS
from schemas.variance import Variance
from services.kit.outcome import PermanentError
from services.kit.settings import Settings
from services.kit.snapshot import newest_of
from workflows.policy.people import RANK, covers


def actor_over(settings: Settings, actor_id: str, kind: str, place: str) -> Actor:
    """The person in their highest role over a district or school. Blocks for a snapshot of two topics.

    Raises PermanentError when the roster knows no such current role, or the directory no such place.
    """
    records = [
        each
        for each in newest_of(settings, ACTORS.name, ACTORS.decoder, ActorRecord).values()
        if each.actor_id == actor_id and each.active
    ]
    if not records:
        raise PermanentError(f"actor {actor_id}: expected a current role; look it up with `firstbell roster show`")
    schools = newest_of(settings, SCHOOLS.name, SCHOOLS.decoder, SchoolRecord).values()
    inside = next((each for each in schools if place in (each.school_id, each.district_id, each.state)), None)
    if inside is None:
        raise PermanentError(
            f"{kind} {place}: expected one of the directory, seen none; see `firstbell directory list`"
        )
    over = [each for each in records if _covers(each.scope, kind, inside)]
    if not over:
        scopes = ", ".join(f"{each.role.value} of {each.scope.kind.value} {each.scope.id}" for each in records)
        raise PermanentError(f"actor {actor_id}: expected a role over {kind} {place}, seen {scopes}")
    best = max(over, key=lambda each: (RANK[each.role], each.role is Role.STATE_DIRECTOR, each.scope.kind.value))
    return Actor(actor_id=actor_id, role=best.role, scope=best.scope, roster_version=best.roster_version)


def _covers(scope: Scope, kind: str, inside: SchoolRecord) -> bool:
    """A school's role is over no district; a district's is over its schools."""
    if kind == "district" and scope.kind is ScopeKind.SCHOOL:
        return False
    context = SchoolContext(
        version=inside.version, school_id=inside.school_id, district_id=inside.district_id, state=inside.state,
        status=inside.status, level=inside.level,
    )  # fmt: skip
    return covers(scope, context, inside.school_id)


def public(variance: Variance) -> dict[str, object]:
    """A variance as the register shows it to everybody: roles, never ids of people."""
    tree = variance.model_dump(mode="json", exclude={"requested_by", "answered_by"})
    tree["requested_by"] = variance.requested_by.role.value
    tree["answered_by"] = variance.answered_by.role.value if variance.answered_by else None
    return tree
