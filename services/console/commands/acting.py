"""How a person's act goes its way: roster, workflow, answer; and the words that every acting command shares.

An act is recorded as asserted, not authenticated: `--as` says who acts, and nothing proves it. The same `--id` twice
is one act.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn
from uuid import uuid4

import typer
from pydantic import ValidationError

from schemas.gate import SchoolPolicy
from schemas.message import Command, CommandReply
from schemas.school import Actor, GateId, Role, SchoolRecord
from services.console import door, library, roster, views
from services.console.commands import screen
from services.console.commands.session import Session, one_rollout, serve
from services.console.views import Answer, PictureRow, SchoolLine
from services.kit.terminal import DONE, MEND, REFUSED, fail

AsOption = Annotated[
    str | None, typer.Option("--as", metavar="ACTOR", help="Who acts: an actor of the roster, actor-...")
]
StandInOption = Annotated[
    bool, typer.Option("--stand-in", help="Instead of --as, in a rehearsal: the roster's stand-in for the role asked.")
]
ForOption = Annotated[
    str | None,
    typer.Option("--for", metavar="ACTOR", help="Whose delegation to act under; without it: in one's own right."),
]
ReasonOption = Annotated[str, typer.Option(help="Why, as a code: lower-case words joined by hyphens.")]
IdOption = Annotated[
    str | None, typer.Option("--id", help="Id of this act; the same id twice is one act. Made up when absent.")
]
ActorOption = Annotated[str, typer.Option("--as", metavar="ACTOR", help="Who acts: an actor of the roster, actor-...")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
NoteOption = Annotated[str | None, typer.Option(help="Id of a note kept elsewhere, under restriction.")]
GateOption = Annotated[GateId | None, typer.Option(help="The gate; the school's current one when absent.")]
SchoolArgument = Annotated[str, typer.Argument(help="SchoolId, NCES id, or a piece of the name.")]
ProgramOption = Annotated[str | None, typer.Option(help="The program, when a school is in several.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

ASSERTED = "recorded as asserted, not authenticated"


class ActAnswer(Answer):
    """What became of an act."""

    notice: str | None
    """SIMULATED when imagined evidence has reached the program, else None."""
    program_id: str
    school_id: str
    school: str
    actor: Actor | None
    """None: the roster refused to name one."""
    recorded: str
    reply: CommandReply


Make = Callable[[Session, SchoolLine, Actor, str], Command]
Wanted = Callable[[PictureRow, SchoolPolicy | None], Sequence[Role]]
"""The roles that the act calls for, first choice first."""


def anybody(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
    """Any role over the school may try; the highest is taken."""
    del row, policy
    return ()


@dataclass(frozen=True, slots=True)
class Person:
    """Who a command line says acts: an actor's id, or whoever stands in."""

    actor_id: str | None
    stand_in: bool
    acting_for: str | None = None
    """The giver of the delegation they act under. None: in their own right."""

    def __post_init__(self) -> None:
        if (self.actor_id is None) is not self.stand_in:
            fail(MEND, "who acts: expected one of --as ACTOR and, in a rehearsal, --stand-in")


def carry(
    school: str, program: str | None, who: Person, act_id: str | None, wanted: Wanted, make: Make, as_json: bool
) -> None:
    """Carries one act and tells the answer. Exits with 0 when accepted, 4 when refused, 3 when nobody answered."""

    async def work(session: Session) -> ActAnswer:
        line = await one_rollout(session, school, program)
        row = await views.picture_row(session.connection, line.program_id, line.school_id)
        policy = await library.school_policy(session.connection, row)
        found = await person(session, line, wanted(row, policy), who, act_id or str(uuid4()))
        if isinstance(found, CommandReply):
            return _answer(line, None, found)
        actor, identity = found
        command = command_of(make, session, line, actor, identity)
        client = await door.connect(session.settings)
        return _answer(line, actor, await door.act(client, line.program_id, line.school_id, command))

    answer = serve(work)
    if as_json:
        screen.write_json(answer)
    else:
        _tell(answer)
    raise typer.Exit(DONE if answer.reply.accepted else REFUSED)


async def person(
    session: Session, line: SchoolLine, roles: Sequence[Role], who: Person, identity: str
) -> tuple[Actor, str] | CommandReply:
    """Who acts here, in which role, and under which id; or the roster's refusal. Exits with 2 without a stand-in."""
    record = await library.school_record(session.connection, line.school_id)
    actor_id = who.actor_id or await _stand_in(session, line, record, roles)
    found = await roster.actor_for(session.connection, actor_id, record, line, roles, identity, who.acting_for)
    return found if isinstance(found, CommandReply) else (found, identity)


def command_of(make: Make, session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
    """The act. Exits with 2 for what was typed and can't be one, naming it."""
    try:
        return make(session, line, actor, identity)
    except ValidationError as error:
        typed_wrong(error)


def typed_wrong(error: ValidationError) -> NoReturn:
    """Exits with 2, naming what was typed and can't be."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    fail(MEND, f"{place}: {first['msg']}; seen {first.get('input')!r}")


async def _stand_in(session: Session, line: SchoolLine, record: SchoolRecord | None, roles: Sequence[Role]) -> str:
    if not line.rehearsal:
        fail(MEND, f"--stand-in: expected a rehearsal, seen program {line.program_id}, which is real; use --as ACTOR")
    found = await roster.stand_in(session.connection, record, line, roles)
    if found is None:
        names = ", ".join(role.value for role in roles) or "any role"
        fail(MEND, f"--stand-in: expected a stand-in for {names} at {line.school}, seen none; "
                    "make them with `firstbell roster rehearse`")  # fmt: skip
    return found


def _answer(line: SchoolLine, actor: Actor | None, reply: CommandReply) -> ActAnswer:
    return ActAnswer(
        notice=line.notice, program_id=line.program_id, school_id=line.school_id, school=line.school, actor=actor,
        recorded=ASSERTED, reply=reply,
    )  # fmt: skip


def _tell(answer: ActAnswer) -> None:
    reply, paper = answer.reply, screen.paper()
    if answer.notice:
        paper.print(f"{views.SIMULATED}: evidence in {answer.program_id} is imagined.", style="bold yellow")
    if not reply.accepted:
        screen.remark(f"refused: {reply.refusal}")
        screen.remark(f"  expected   {reply.expected}\n  seen       {reply.seen}\n  next step  {reply.next_step}")
        return
    actor = answer.actor
    who = f"{actor.role.value} {actor.actor_id}" if actor else "nobody"
    who += f" for {actor.acting_for}" if actor and actor.acting_for else ""
    again = ", as before" if reply.repeated else ""
    paper.print(
        f"accepted{again}: {who} at {answer.school}; {ASSERTED}; act {reply.act_id}, fact {reply.fact_sequence}"
    )
