"""`firstbell advisory`: known issues that hold exactly the schools they match, and lift themselves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.advisory import Advisory
from schemas.school import Actor
from services.console import advisories
from services.console.advisories import Reach
from services.console.commands import screen
from services.console.commands.acting import ActorOption, IdOption, JsonOption, YesOption
from services.console.commands.reaching import advisory_from, carry, known, read_tree
from services.console.commands.session import CODES, Session, serve
from services.console.views import Answer

EXAMPLE = """Example of a file:\n
{"scope": {"kind": "state", "id": "WA"}, "reason": "filter-breaks-login", "lifted_by": "state-director",
"where": {"kind": "equals", "fact": "device-model", "value": "cb11"}}"""
app = typer.Typer(
    no_args_is_help=True, help="Known issues: hold exactly the schools that match.", epilog=f"{CODES}\n\n{EXAMPLE}"
)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="An advisory in JSON.")]
IdArgument = Annotated[str, typer.Argument(metavar="ADVISORY", help="Its id, as `advisory list` has it.")]


class Checked(Answer):
    """Whom an advisory would hold."""

    reason: str
    counts: dict[str, int]
    matching: tuple[Reach, ...]
    not_matching: tuple[Reach, ...]
    unknown: tuple[Reach, ...]


@app.command(epilog=CODES)
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Shows which schools under way match, which do not, and of which it is not known. Publishes nothing."""
    made = advisory_from(file, read_tree(file), datetime.now(UTC), None, "advisory-checked")
    found = serve(lambda session: advisories.reach(session.connection, made, session.now))
    answer = Checked(
        reason=made.reason, counts=advisories.counts(found),
        matching=tuple(each for each in found if each.matches is True),
        not_matching=tuple(each for each in found if each.matches is False),
        unknown=tuple(each for each in found if each.matches is None),
    )  # fmt: skip
    if as_json:
        screen.write_json(answer)
        return
    words = {True: "matches", False: "does not match", None: "not known"}
    rows = [(each.school, each.district, each.program_id, each.gate, words[each.matches]) for each in found]
    screen.paper().print(screen.table(("school", "district", "program", "gate", "answer"), rows))


@app.command(epilog=CODES)
def publish(
    file: FileArgument,
    who: ActorOption,
    yes: YesOption = False,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publishes an advisory: every school that matches is held, those that join later too."""
    tree = read_tree(file)  # once: what was previewed is what is published
    now = datetime.now(UTC)
    asked = advisory_from(file, tree, now, None, "advisory-checked").scope

    def make(session: Session, actor: Actor, identity: str, standing: Advisory | None) -> Advisory:
        del standing
        return advisory_from(file, tree, session.now, actor, identity)

    carry(who, make, act_id, scope=asked, yes=yes, as_json=as_json)


@app.command(epilog=CODES)
def withdraw(advisory: IdArgument, who: ActorOption, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Withdraws an advisory: every school it holds is let go."""

    def make(session: Session, actor: Actor, identity: str, standing: Advisory | None) -> Advisory:
        del session
        held = known(identity, standing)
        if held.withdrawn:
            return held
        return held.model_copy(update={"version": held.version + 1, "withdrawn": True, "withdrawn_by": actor})

    carry(who, make, advisory, scope=None, yes=yes, as_json=as_json)


@app.command("list", epilog=CODES)
def list_all(
    everything: Annotated[bool, typer.Option("--all", help="Those that were withdrawn too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists advisories and holds over scopes, and how many schools each holds as of the newest facts."""

    async def work(session: Session) -> list[tuple[Advisory, dict[str, int]]]:
        found = await advisories.listed(session.connection, withdrawn=everything)
        return [
            (each, advisories.counts(await advisories.reach(session.connection, each, session.now))) for each in found
        ]

    found = serve(work)
    if as_json:
        screen.write_json(
            {"advisories": [{**one.model_dump(mode="json"), "counts": numbers} for one, numbers in found]}
        )
        return
    rows = [
        (one.advisory_id, one.version, one.kind.value, "STOP" if one.emergency else None,
         f"{one.scope.kind.value} {one.scope.id}", one.reason, one.blocks, screen.moment(one.expires_at),
         len(one.exempt) or None, numbers["held"], "withdrawn" if one.withdrawn else "stands")
        for one, numbers in found
    ]  # fmt: skip
    columns = ("id", "version", "owner", "", "scope", "reason", "blocks", "until", "pass by name", "held", "")
    screen.paper().print(screen.table(columns, rows))
