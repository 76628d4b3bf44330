"""Who may act where: scopes, ranks, persons, signatures. Called by criteria, holds, acts; decides no gate."""

from collections.abc import Iterable, Mapping

from schemas.decision import SignOff
from schemas.document import DocumentApproval, FiledDocument
from schemas.fact import Picture
from schemas.gate import Document, SignOffs
from schemas.school import Actor, GateId, Role, SchoolContext, Scope, ScopeKind

RANK: Mapping[Role, int] = {
    Role.STATE_DIRECTOR: 3,
    Role.STATE_ASSESSMENT_DIRECTOR: 3,
    Role.DISTRICT_TECHNOLOGY: 2,
    Role.DISTRICT_CURRICULUM: 2,
    Role.PRIVACY_OFFICER: 2,
    Role.PRINCIPAL: 1,
    Role.SCHOOL_LEAD: 0,
    Role.COACH: 0,
    Role.HELP_DESK_LEAD: 0,
}
"""State above district above principal above the rest of the school. Our judgement, 2026-11-23."""


def persons(actor: Actor) -> frozenset[str]:
    """Everybody an act is of: whoever acts, and whoever they act for."""
    return frozenset((actor.actor_id, actor.acting_for or actor.actor_id))


def covers(scope: Scope, context: SchoolContext | None, school_id: str | None = None, program: str = "") -> bool:
    """Whether a scope holds a school. What is not known is not covered."""
    match scope.kind:
        case ScopeKind.SCHOOL:
            return scope.id == (school_id if school_id is not None else context and context.school_id)
        case ScopeKind.DISTRICT:
            return context is not None and scope.id == context.district_id
        case ScopeKind.STATE:
            return context is not None and scope.id == context.state
        case ScopeKind.RELEASE:
            return context is not None and scope.id == context.release_id
        case ScopeKind.PROGRAM:
            return bool(program) and scope.id == program
        case ScopeKind.WAVE:
            return False  # only the bridge knows waves: a hold over one comes as an advisory


def may_lift(role: Role, lifted_by: Role) -> bool:
    """Whether a role is the one named, or any above it."""
    return role is lifted_by or RANK[role] > RANK[lifted_by]


def above(role: Role, other: Role) -> bool:
    """Whether a role stands above another one."""
    return RANK[role] > RANK[other]


def of_state(role: Role) -> bool:
    """Whether a role is the state's."""
    return RANK[role] == RANK[Role.STATE_DIRECTOR]


def signed(picture: Picture, gate: GateId, semantics: int) -> tuple[SignOff, ...]:
    """The signatures that stand at a gate, in the order in which they were given.

    A signature is under the plan of one stay: a school that was taken back signs again. Before the second semantics it
    counted in every stay. Of a gate the school has left, all are kept.
    """
    since = picture.phase_opened_at if semantics >= 2 and picture.phase.gate is gate else None
    return tuple(
        each for each in picture.sign_offs.values() if each.gate is gate and (since is None or each.signed_at >= since)
    )


def signatures(
    criterion: SignOffs, gate: GateId, sign_offs: Iterable[SignOff], context: SchoolContext | None
) -> dict[Role, SignOff]:
    """The signatures that count, by role: in scope of the school, one role a person, the first to sign counting."""
    counted: dict[Role, SignOff] = {}
    used: set[str] = set()
    for sign_off in sorted(sign_offs, key=lambda each: (each.signed_at, each.act_id)):
        actor = sign_off.actor
        if sign_off.gate is not gate or sign_off.criterion_id != criterion.id or actor.role not in criterion.roles:
            continue
        if actor.role in counted or used & persons(actor) or not covers(actor.scope, context):
            continue
        counted[actor.role] = sign_off
        used |= persons(actor)
    return counted


def approval_that_counts(
    criterion: Document, filed: FiledDocument, context: SchoolContext | None
) -> DocumentApproval | None:
    """The first approval by a role the policy names, in scope of the school, of a person who is not the author."""
    authors = persons(filed.author)
    for approval in sorted(filed.approvals, key=lambda each: (each.approved_at, each.act_id)):
        actor = approval.actor
        if actor.role in criterion.approvers and not authors & persons(actor) and covers(actor.scope, context):
            return approval
    return None
