"""`firstbell hold`: a person keeps a school where it is, and lets it go again."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from schemas.decision import Hold, HoldKind
from schemas.message import AddHold, Command, ReleaseHold
from schemas.school import Actor, Role, Scope, ScopeKind
from services.console.commands import scoped
from services.console.commands.acting import (
    AsOption,
    IdOption,
    JsonOption,
    Person,
    ProgramOption,
    ReasonOption,
    SchoolArgument,
    StandInOption,
    YesOption,
    anybody,
    carry,
)
from services.console.commands.advisory import list_all, withdraw
from services.console.commands.session import CODES, Session
from services.console.views import SchoolLine
from workflows.policy.acts.holding import ROBOT

app = typer.Typer(no_args_is_help=True, help="Hold a school, or lift a hold.", epilog=CODES)


app.command("stop", epilog=CODES)(scoped.stop)
app.command("withdraw", epilog=CODES)(withdraw)
app.command("bypass", epilog=CODES)(scoped.bypass)
app.command("list", epilog=CODES)(list_all)


class Blocked(StrEnum):
    """What a hold keeps from happening."""

    ADVANCE = "advance"
    HAND_OUT = "hand-out"
    ALL = "all"


@app.command(epilog=CODES)
def add(
    reason: ReasonOption,
    who: AsOption = None,
    stand_in: StandInOption = False,
    lifted_by: Annotated[
        Role | None, typer.Option(help="Role that may lift it, or any above; the actor's own when absent.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="When it ends by itself, UTC; until it is lifted when absent.")
    ] = None,
    school: Annotated[str | None, typer.Argument(help="One school; or name a scope.")] = None,
    district: scoped.DistrictOption = None,
    state: scoped.StateOption = None,
    wave: scoped.WaveOption = None,
    blocks: Annotated[
        Blocked, typer.Option(help="That gates open, that devices are handed out, or all.")
    ] = Blocked.ADVANCE,
    link: Annotated[str | None, typer.Option(help="A code under which more is to be read.")] = None,
    yes: YesOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Holds a school, or every school of a scope, those that join later too. The hold's id is the act's.

    Over a scope it previews how many schools it holds, asks, and says how to undo it.
    """
    ends = until.replace(tzinfo=UTC) if until else None
    if school is None:
        scope = scoped.scope_of(district, state, wave, program)
        scoped.add_over(scope, reason, who, blocks.value, link, ends, act_id, yes=yes, as_json=as_json)
        return

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        hold = Hold(
            hold_id=identity,
            kind=HoldKind.ROBOT if actor.actor_id.startswith(ROBOT) else HoldKind.PERSON,
            blocks=blocks.value,
            link=link,
            scope=Scope(kind=ScopeKind.SCHOOL, id=line.school_id),
            reason=reason,
            placed_by=actor,
            placed_at=session.now,
            expires_at=ends,
            lifted_by=lifted_by or actor.role,
        )
        return AddHold(act_id=identity, actor=actor, hold=hold)

    carry(school, program, Person(who, stand_in), act_id, anybody, make, as_json)


@app.command(epilog=CODES)
def release(
    school: SchoolArgument,
    hold: Annotated[str, typer.Argument(help="The hold's id, as `school why` names it.")],
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lifts a hold, in the role it names or one above."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return ReleaseHold(act_id=identity, actor=actor, hold_id=hold.removeprefix("hold:"))

    carry(school, program, Person(who, stand_in), act_id, anybody, make, as_json)
