"""How one act goes to many schools: preview, question, one update a school, counts by reason, undo.

Each school decides by its own workflow, and a refusal stops no other. The id of a school's act is made of the command's
`--id`, the school and the thing, so the same command typed again, after a crash too, completes what is left and does nothing
twice. Used by the verbs that end in `-all`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import NAMESPACE_OID, uuid4, uuid5

import typer
from pydantic import Field

from schemas.gate import SchoolPolicy
from schemas.message import Command, CommandReply
from schemas.school import Actor, GateId, Role
from services.console import door, library, migration, views
from services.console.commands import screen
from services.console.commands.acting import ASSERTED, Person, command_of, person
from services.console.commands.session import Session, serve
from services.console.views import SIMULATED, Answer, PictureRow, SchoolLine
from services.kit.outcome import TemporaryError
from services.kit.terminal import AWAY, DONE, MEND, REFUSED, agreed, fail

SHOWN_MAX = 8
"""Schools named in a preview. Our judgement, 2026-11-25."""
TOLD_EVERY = 100
"""Schools between two lines of progress. Our judgement, 2026-11-25."""

EveryOf = Annotated[str, typer.Option("--program", help="The program whose schools are meant.")]
DistrictOption = Annotated[
    str | None, typer.Option("--district", help="Only this district: id or a piece of its name.")
]
GateFilter = Annotated[GateId | None, typer.Option("--gate", help="Only schools at this gate.")]
ManyIdOption = Annotated[
    str | None, typer.Option("--id", help="Id of the whole; the same id again completes it. Made up when absent.")
]


class SchoolAct(Answer):
    """One act at one school."""

    school_id: str
    school: str
    district: str | None
    gate: GateId
    thing: str
    """What it is about: a waiver, a work item; empty when it is about the school itself."""
    reply: CommandReply | None = None
    """None: only shown, or the school did not answer."""


class ManyAnswer(Answer):
    """What an act over many schools does, did, or would do."""

    notice: str | None
    program_id: str
    act_id: str
    done: bool
    """False: a preview."""
    acts: tuple[SchoolAct, ...]
    accepted: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    """How many acts were refused, by reason."""
    unanswered: int = 0
    """Acts to send again, with the same id."""
    recorded: str = ASSERTED
    undo: str | None
    """None: there is none."""


Things = Callable[[SchoolLine, PictureRow], Sequence[str]]
"""What of a school the act is about; empty: nothing, so the school is left out."""
MakeOne = Callable[[Session, SchoolLine, Actor, str, str], Command]
"""The act, of session, school, actor, id and thing."""
WantedBy = Callable[[PictureRow, SchoolPolicy | None, str], Sequence[Role]]
"""The roles that the act on one thing calls for, first choice first."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb over many schools."""

    says: str
    """What it does to each, for the preview: `approve the standing ask`."""
    things: Things
    wanted: WantedBy
    make: MakeOne
    undo: str | None
    """The command that takes it back, without program, district and actor. None: nothing does."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which schools were asked for."""

    program: str
    district: str | None
    gate: GateId | None

    def words(self) -> str:
        """As options of a command."""
        district = f" --district {self.district}" if self.district else ""
        return f"--program {self.program}{district}" + (f" --gate {self.gate.value}" if self.gate else "")


Target = tuple[SchoolLine, PictureRow, str]


def carry_many(verb: Verb, choice: Choice, who: Person, act_id: str | None, *, yes: bool, as_json: bool) -> None:
    """Previews, asks, acts, tells. Exits with 0; 4: some refused; 3: some did not answer; 2: nobody could be asked."""
    identity = act_id or str(uuid4())
    preview = serve(lambda session: _preview(session, verb, choice, identity))
    if not as_json:
        _show(verb, preview)
    if not preview.acts or not agreed("Do it?", yes=yes, as_json=as_json):
        _end(preview, as_json)
    _end(serve(lambda session: _carry(session, verb, choice, who, identity)), as_json)


async def _targets(session: Session, verb: Verb, choice: Choice) -> list[Target]:
    found = await views.lines_and_pictures(session.connection, program=choice.program, district=choice.district)
    if not found:
        fail(MEND, f"program {choice.program}: expected schools under way, seen none; see `firstbell school list`")
    return [
        (line, row, thing)
        for line, row in found
        if choice.gate in (None, line.gate)
        for thing in verb.things(line, row)
    ]


async def _preview(session: Session, verb: Verb, choice: Choice, identity: str) -> ManyAnswer:
    return _answer(verb, choice, identity, [(target, None) for target in await _targets(session, verb, choice)])


async def _carry(session: Session, verb: Verb, choice: Choice, who: Person, identity: str) -> ManyAnswer:
    client, shelf = await door.connect(session.settings), library.Shelf(session.connection)
    targets = await _targets(session, verb, choice)
    ready = [(target, await _prepared(session, shelf, verb, who, identity, target)) for target in targets]

    async def send(each: tuple[Target, Command | CommandReply]) -> CommandReply | None:
        (line, _, _), act = each
        if isinstance(act, CommandReply):
            return act
        try:
            return await door.act(client, line.program_id, line.school_id, act)
        except TemporaryError:
            return None

    replies = await migration.at_once(ready, send, _told)
    outcomes = [(target, reply) for (target, _), reply in zip(ready, replies, strict=True)]
    return _answer(verb, choice, identity, outcomes, done=True)


async def _prepared(
    session: Session, shelf: library.Shelf, verb: Verb, who: Person, identity: str, target: Target
) -> Command | CommandReply:
    """One school's act, or the roster's refusal to name somebody for it."""
    line, row, thing = target
    own = str(uuid5(NAMESPACE_OID, f"{identity}/{line.program_id}/{line.school_id}/{thing}"))
    found = await person(session, line, verb.wanted(row, await shelf.school_policy(row), thing), who, own)
    if isinstance(found, CommandReply):
        return found

    def make(session: Session, line: SchoolLine, actor: Actor, own: str) -> Command:
        return verb.make(session, line, actor, own, thing)

    return command_of(make, session, line, *found)


def _told(done: int, count: int) -> None:
    if done % TOLD_EVERY == 0 and done < count:
        screen.remark(f"told: {done} of {count}")


def _answer(
    verb: Verb, choice: Choice, identity: str, outcomes: Sequence[tuple[Target, CommandReply | None]], *,
    done: bool = False,
) -> ManyAnswer:  # fmt: skip
    replies = [reply for _, reply in outcomes]
    return ManyAnswer(
        notice=SIMULATED if any(line.notice for (line, _, _), _ in outcomes) else None,
        program_id=choice.program,
        act_id=identity,
        done=done,
        acts=tuple(
            SchoolAct(
                school_id=line.school_id, school=line.school, district=line.district, gate=line.gate, thing=thing,
                reply=reply,
            )
            for (line, _, thing), reply in outcomes
        ),
        accepted=sum(reply is not None and reply.accepted for reply in replies),
        refused=dict(Counter(str(reply.refusal) for reply in replies if reply is not None and not reply.accepted)),
        unanswered=sum(reply is None for reply in replies) if done else 0,
        undo=verb.undo and f"firstbell {verb.undo} {choice.words()} --as ACTOR",
    )  # fmt: skip


def _show(verb: Verb, preview: ManyAnswer) -> None:
    gates = ", ".join(
        f"{gate} {count}" for gate, count in sorted(Counter(each.gate.value for each in preview.acts).items())
    )
    schools = len({each.school_id for each in preview.acts})
    if preview.notice:
        screen.remark(f"{SIMULATED}: evidence in {preview.program_id} is imagined.")
    screen.remark(f"{verb.says}: {len(preview.acts)} acts at {schools} schools{f' ({gates})' if gates else ''}")
    for each in preview.acts[:SHOWN_MAX]:
        about = f": {each.thing}" if each.thing else ""
        screen.remark(f"  {each.school} ({each.district or 'unknown'}), before {each.gate.value}{about}")
    if len(preview.acts) > SHOWN_MAX:
        screen.remark(f"  ... and {len(preview.acts) - SHOWN_MAX} more; --json has them all")
    screen.remark(f"undo: {preview.undo}" if preview.undo else "this can't be undone")


def _end(answer: ManyAnswer, as_json: bool) -> None:
    if as_json:
        screen.write_json(answer)
    elif not answer.done:
        screen.remark("nothing was done")
    else:
        refused = sum(answer.refused.values())
        screen.paper().print(
            f"accepted by {answer.accepted}, {refused} refused, {answer.unanswered} did not answer; {ASSERTED}; "
            f"act {answer.act_id}"
        )
        for reason, count in answer.refused.items():
            first = next(each.reply for each in answer.acts if each.reply is not None and each.reply.refusal == reason)
            screen.remark(f"refused {count}: {reason}: expected {first.expected}, seen {first.seen}; {first.next_step}")
        if answer.unanswered:
            screen.remark(f"type it again with --id {answer.act_id}: nothing happens twice")
        if answer.undo:
            screen.paper().print(f"undo with: {answer.undo}")
    raise typer.Exit(REFUSED if answer.refused else AWAY if answer.unanswered else DONE)
