"""`firstbell work`: what is to be done at schools, by whom and until when. Work approves nothing and opens nothing."""

from collections.abc import Sequence
from typing import Annotated

import typer

from schemas.gate import SchoolPolicy
from schemas.message import CloseWorkItem, Command, OpenWorkItem
from schemas.school import Actor, Role
from services.console.commands import screen
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
from services.console.commands.escalation import District, Filter, located
from services.console.commands.many import (
    Choice,
    DistrictOption,
    EveryOf,
    GateFilter,
    ManyIdOption,
    Verb,
    carry_many,
)
from services.console.commands.school import announce
from services.console.commands.session import CODES, Session, serve
from services.console.escalations import WorkLineAnswer, work_lines
from services.console.views import PictureRow, SchoolLine

EXAMPLES = """Examples:\n
firstbell work list --overdue\n
firstbell work open Cedar --title run-the-drill --assignee school-lead --due-days 5 --as actor-p1\n
firstbell work close work-1f2e --reason drill-done --as actor-p1"""
app = typer.Typer(no_args_is_help=True, help="Work items: see, open, close.", epilog=f"{CODES}\n\n{EXAMPLES}")


Title = Annotated[str, typer.Option(help="What is to be done, as a code: fix-cabling.")]
Assignee = Annotated[Role, typer.Option(help="Who does it.")]
DueDays = Annotated[int, typer.Option(min=1, max=120, help="School days until it is due.")]
LadderOption = Annotated[
    str | None, typer.Option(help="The policy's ladder to raise when it is overdue; none when absent.")
]


@app.command("list", epilog=CODES)
def list_work(
    program: Filter = None,
    district: District = None,
    assignee: Annotated[Role | None, typer.Option(help="Only this role's.")] = None,
    overdue: Annotated[bool, typer.Option(help="Only what is overdue.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists open work."""

    async def work(session: Session) -> list[WorkLineAnswer]:
        return await work_lines(
            session.connection, program=program, district=district, assignee=assignee, overdue=overdue
        )

    lines = serve(work)
    if as_json:
        screen.write_json(lines)
        return
    if not lines:
        screen.remark("no work fits")
        return
    announce([line.place for line in lines])
    columns = ("district", "school", "work", "assignee", "because", "due", "work item")
    screen.paper().print(screen.table(columns, [_row(line) for line in lines]))


def _row(line: WorkLineAnswer) -> tuple[object, ...]:
    due = screen.moment(line.due_at)
    return (
        line.place.district, line.place.school, line.title, line.assignee.value, line.criterion_id,
        f"{due}, overdue" if line.overdue else due, line.work_item_id,
    )  # fmt: skip


@app.command("open", epilog=CODES)
def open_work(
    school: SchoolArgument,
    title: Title,
    assignee: Assignee,
    due_days: DueDays,
    ladder: LadderOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Opens work at a school's current gate. A person closes it again."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return OpenWorkItem(
            act_id=identity, actor=actor, title=title, assignee=assignee, due_days=due_days, ladder=ladder
        )

    carry(school, program, Person(who, stand_in), act_id, anybody, make, as_json)


@app.command("open-all", epilog=CODES)
def open_all(
    program: EveryOf,
    title: Title,
    assignee: Assignee,
    due_days: DueDays,
    ladder: LadderOption = None,
    district: DistrictOption = None,
    gate: GateFilter = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Opens the same work at many schools, except where work of this title is open already.

    Example: firstbell work open-all --program wa-2026 --gate G2 --title run-the-drill --assignee school-lead --due-days 5
    """

    def without(line: SchoolLine, row: PictureRow) -> Sequence[str]:
        del line
        return () if any(each.title == title for each in row.picture.work_items.values()) else ("",)

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str, thing: str) -> Command:
        del session, line, thing
        return OpenWorkItem(
            act_id=identity, actor=actor, title=title, assignee=assignee, due_days=due_days, ladder=ladder
        )

    undo = f"work close-all --title {title} --reason CODE"
    verb = Verb(f"open the work {title}", without, lambda *_: (), make, undo)
    carry_many(verb, Choice(program, district, gate), Person(who, stand_in), act_id, yes=yes, as_json=as_json)


@app.command("close-all", epilog=CODES)
def close_all(
    program: EveryOf,
    title: Title,
    reason: ReasonOption,
    district: DistrictOption = None,
    gate: GateFilter = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Closes every open work of this title by a person's word."""

    def titled(line: SchoolLine, row: PictureRow) -> Sequence[str]:
        del line
        return [key for key, each in row.picture.work_items.items() if each.title == title]

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str, thing: str) -> Command:
        del session, line
        return CloseWorkItem(act_id=identity, actor=actor, work_item_id=thing, reason=reason)

    def assignees(row: PictureRow, policy: SchoolPolicy | None, thing: str) -> Sequence[Role]:
        del policy
        return (row.picture.work_items[thing].assignee,)

    verb = Verb(f"close the work {title}", titled, assignees, make, None)
    carry_many(verb, Choice(program, district, gate), Person(who, stand_in), act_id, yes=yes, as_json=as_json)


@app.command(epilog=CODES)
def close(
    work_item: Annotated[str, typer.Argument(metavar="WORK", help="Its id, or how its id begins.")],
    reason: ReasonOption,
    who: AsOption = None,
    stand_in: StandInOption = False,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Closes work by a person's word, in its assignee's role or one above. Evidence closes the policy's by itself."""
    program, school, whole = located("work_items", work_item)

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return CloseWorkItem(act_id=identity, actor=actor, work_item_id=whole, reason=reason)

    def assignee(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
        del policy
        found = row.picture.work_items.get(whole)
        return (found.assignee,) if found is not None else ()

    carry(school, program, Person(who, stand_in), act_id, assignee, make, as_json)
