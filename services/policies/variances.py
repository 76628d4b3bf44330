"""Variances at rest and on their way to Kafka: asked for, answered above, listed. In the caller's transaction.

Called by the commands. It refuses a line without a declared range, an answer by whoever asked, and an answer from no
higher place. Nothing is ever deleted: an answer is a new revision.
"""

from datetime import datetime

from schemas.gate import PolicyDocument
from schemas.model import canonical_bytes
from schemas.school import Actor, ScopeKind
from schemas.topics import VARIANCES
from schemas.variance import Variance
from services.kit import outbox
from services.kit.database import Connection
from services.kit.outcome import PermanentError
from workflows.policy.people import RANK, persons

SOURCE = "firstbell/policies"
_WIDTH = {ScopeKind.SCHOOL: 0, ScopeKind.DISTRICT: 1, ScopeKind.STATE: 2}
_PLACE = {"school": 0, "district": 1, "state": 2}


class VarianceRefused(Exception):  # noqa: N818  it reads as what it is
    """An act on a variance that was heard and refused: expected, seen, next step."""


async def listed(connection: Connection) -> list[Variance]:
    """Every variance, by id."""
    rows = await connection.fetch("select content from variance order by variance_id")
    return [Variance.model_validate_json(row["content"]) for row in rows]


async def find(connection: Connection, variance_id: str) -> Variance | None:
    """The variance of this id, its row locked. None: there is none."""
    content = await connection.fetchval("select content from variance where variance_id = $1 for update", variance_id)
    return None if content is None else Variance.model_validate_json(content)


async def request(connection: Connection, document: PolicyDocument, asked: Variance, now: datetime) -> Variance:
    """Records that a variance is asked for; the same id twice is one request.

    Raises VarianceRefused when the policy declares no range that holds the value.
    """
    low, high = _declared(document, asked)
    if not low <= asked.value <= high:
        raise VarianceRefused(f"value: expected {low:g} to {high:g}, as {document.name} declares, seen {asked.value:g}")
    held = await find(connection, asked.variance_id)
    if held is not None:
        same = {"requested_at", "answer", "answered_by", "answered_at", "revision"}
        if held.model_dump(exclude=same) != asked.model_dump(exclude=same):
            raise VarianceRefused(
                f"id: expected one of its own, seen {asked.variance_id}, which asks for something else"
            )
        return held
    return await _write(connection, asked, now)


def _declared(document: PolicyDocument, asked: Variance) -> tuple[float, float]:
    where = f"{document.name} v{document.version} {asked.profile} {asked.gate.value} {asked.criterion_id}"
    profile = document.profiles.get(asked.profile)
    criteria = profile.gates[asked.gate].criteria if profile else ()
    found = next((each for each in criteria if each.id == asked.criterion_id), None)
    if found is None:
        raise VarianceRefused(f"{where}: expected a criterion of the policy; see `firstbell policy show`")
    if asked.line not in found.variance:
        known = ", ".join(found.variance) or "none"
        raise VarianceRefused(f"{where}: expected a line with a declared range ({known}), seen {asked.line}")
    return found.variance[asked.line]


async def answer(
    connection: Connection, variance_id: str, actor: Actor, approved: bool, now: datetime
) -> Variance:  # fmt: skip
    """Approves or rejects, from above and by another person; the same answer twice is one.

    Raises PermanentError for an unknown id, VarianceRefused for an answer that this actor may not give.
    """
    held = await find(connection, variance_id)
    if held is None:
        raise PermanentError(f"variance {variance_id}: expected one that was asked for; see `firstbell variance list`")
    _may_answer(held, actor)
    said = "approved" if approved else "rejected"
    if held.answer == said and held.answered_by is not None and held.answered_by.actor_id == actor.actor_id:
        return held
    changed = {"answer": said, "answered_by": actor, "answered_at": now, "revision": held.revision + 1}
    return await _write(connection, Variance.model_validate(held.model_dump() | changed), now)


def _may_answer(held: Variance, actor: Actor) -> None:
    if persons(actor) & persons(held.requested_by):
        raise VarianceRefused(
            "actor: expected another person than the one who asked, seen the same; ask somebody above"
        )
    if _WIDTH.get(actor.scope.kind, -1) <= _PLACE[held.scope.kind]:
        raise VarianceRefused(
            f"scope: expected one above the {held.scope.kind} it is for, seen {actor.scope.kind.value}; ask above"
        )
    if RANK[actor.role] <= RANK[held.requested_by.role] and actor.scope.kind is not ScopeKind.STATE:
        raise VarianceRefused(
            f"role: expected one above {held.requested_by.role.value}, seen {actor.role.value}; ask above"
        )


async def _write(connection: Connection, variance: Variance, now: datetime) -> Variance:
    await connection.execute(
        """insert into variance (variance_id, policy_name, scope_kind, scope_id, content) values ($1, $2, $3, $4, $5)
        on conflict (variance_id) do update set content = excluded.content""",
        variance.variance_id, variance.policy_name, variance.scope.kind, variance.scope.id, canonical_bytes(variance),
    )  # fmt: skip
    row = outbox.row(
        VARIANCES.name, variance.variance_id, Variance.ce_type, variance, source=SOURCE, time=now,
        ce_id=f"{variance.variance_id}/{variance.revision}",
    )  # fmt: skip
    await outbox.publish_rows(connection, [row])
    return variance
