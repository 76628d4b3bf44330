"""How a hold over many schools goes its way: preview, question, one transaction, undo. Shared by `hold` and `advisory`.

The same `--id` twice is one act; after a crash the same command completes it, since the bridge goes on telling schools.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import typer
from pydantic import ValidationError

from schemas.advisory import Advisory
from schemas.message import CommandReply
from schemas.school import Actor, Scope
from services.console import advisories
from services.console.advisories import Reach
from services.console.commands import screen
from services.console.commands.acting import typed_wrong
from services.console.commands.session import Session, serve
from services.console.views import Answer
from services.kit.terminal import DONE, MEND, REFUSED, agreed, fail

SHOWN_MAX = 8
"""Schools named in a preview. Our judgement, 2026-11-25."""


class ScopeAnswer(Answer):
    """What a hold over a scope does, or would do."""

    advisory: Advisory | None
    """None: refused before there was one."""
    published: bool
    """False: a preview, a refusal, or the same act as before."""
    repeated: bool = False
    schools: tuple[Reach, ...] = ()
    counts: dict[str, int]
    undo: str | None = None
    refusal: CommandReply | None = None


Make = Callable[[Session, Actor, str, Advisory | None], Advisory]
"""The advisory to publish, of session, actor, id and what stands under that id."""


def carry(
    actor_id: str, make: Make, advisory_id: str | None, *, scope: Scope | None, yes: bool, as_json: bool
) -> None:  # fmt: skip
    """Previews, asks, publishes, tells the undo. Exits with 0, 4 when refused, 2 when the id is another act's.

    `scope` None: an act upon what stands under the id, in its scope, by a role that may lift it.
    """
    identity = advisory_id or str(uuid4())
    preview = serve(lambda session: _work(session, actor_id, make, identity, scope, publish=False))
    if preview.refusal is None and not preview.repeated:
        if not as_json:
            _show_preview(preview)
        if not agreed("Do it?", yes=yes, as_json=as_json):
            _end(preview, as_json)
        preview = serve(lambda session: _work(session, actor_id, make, identity, scope, publish=True))
    _end(preview, as_json)


async def _work(
    session: Session, actor_id: str, make: Make, identity: str, scope: Scope | None, *, publish: bool
) -> ScopeAnswer:  # fmt: skip
    connection = session.connection
    async with connection.transaction():
        standing = await advisories.current(connection, identity)
        upon = None if scope is not None else known(identity, standing)
        where, lifted_by = (scope, None) if upon is None else (upon.scope, upon.lifted_by)
        assert where is not None  # one of the two has it
        actor = await advisories.actor_for(connection, actor_id, where, identity, lifted_by)
        if isinstance(actor, CommandReply):
            return ScopeAnswer(advisory=standing, published=False, counts={}, refusal=actor)
        try:
            made = make(session, actor, identity, standing)
        except ValidationError as error:
            typed_wrong(error)
        found = await advisories.reach(connection, made, session.now)
        answer = ScopeAnswer(
            advisory=made, published=False, schools=tuple(found), counts=advisories.counts(found), undo=_undo(made)
        )
        if standing is not None and advisories.same(standing, made):
            return answer.model_copy(update={"repeated": True})
        if standing is not None and made.version <= standing.version:
            fail(MEND, f"{identity}: expected an id of its own, seen one published before with another content")
        if publish:
            await advisories.publish(connection, made, session.now)
        return answer.model_copy(update={"published": publish})


def known(identity: str, standing: Advisory | None) -> Advisory:
    """What stands under an id. Exits with 2: nothing does."""
    if standing is None:
        fail(MEND, f"{identity}: expected a published advisory, seen none; see `firstbell advisory list`")
    return standing


def _undo(made: Advisory) -> str | None:
    return None if made.withdrawn else f"firstbell hold withdraw {made.advisory_id} --as ACTOR --yes"


def _show_preview(answer: ScopeAnswer) -> None:
    made, numbers = answer.advisory, answer.counts
    assert made is not None  # a refusal has ended before
    what = "lets go" if made.withdrawn else "holds"
    stop = "EMERGENCY STOP: " if made.emergency else ""
    screen.remark(
        f"{stop}{made.scope.kind.value} {made.scope.id}, reason {made.reason}, blocks {made.blocks}: {what} "
        f"{numbers['matching']} schools under way, {numbers['unknown']} of which it is not known whether they match, "
        f"{numbers['not_matching']} not; {len(made.exempt)} pass by name; schools that join later too"
    )
    for each in [each for each in answer.schools if each.matches is not False][:SHOWN_MAX]:
        known = "" if each.matches else ", not known whether it matches"
        screen.remark(f"  {each.school} ({each.district or 'unknown'}), before {each.gate}{known}")


def _end(answer: ScopeAnswer, as_json: bool) -> None:
    if as_json:
        screen.write_json(answer)
    elif answer.refusal is not None:
        reply = answer.refusal
        screen.remark(f"refused: {reply.refusal}\n  expected   {reply.expected}\n  seen       {reply.seen}")
        screen.remark(f"  next step  {reply.next_step}")
    elif answer.published or answer.repeated:
        made = answer.advisory
        assert made is not None
        again = ", as before" if answer.repeated else ""
        screen.paper().print(
            f"accepted{again}: {made.advisory_id} v{made.version}; the bridge tells each school at its pace"
        )
        if answer.undo:
            screen.paper().print(f"undo with: {answer.undo}")
    else:
        screen.remark("nothing was done")
    raise typer.Exit(REFUSED if answer.refusal is not None else DONE)


def read_tree(file: Path) -> dict[str, Any]:
    """An advisory's file, JSON. Exits with 2 when it is none. Any: JSON."""
    try:
        tree: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        fail(MEND, f"{file}: expected an advisory in JSON, seen {error}")
    return tree


def advisory_from(file: Path, tree: dict[str, Any], now: datetime, actor: Actor | None, identity: str) -> Advisory:
    """The advisory of a file's content, read strictly: a key nobody knows is a fault, not a remark. Exits with 2."""
    base = {"advisory_id": identity, "version": 1, "kind": "incident", "placed_at": now.isoformat()}
    try:
        return Advisory.model_validate(
            base | tree | {"placed_by": actor and actor.model_dump(mode="json")}, extra="forbid"
        )
    except ValidationError as error:
        lines = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)[:5]
        )
        fail(MEND, f"{file}: {lines}")
