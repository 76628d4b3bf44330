"""`firstbell escalation`: who has been told that a school stays where it is, and taking it or acting on it."""

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from schemas.escalation import EscalationAction, Incident, IncidentId
from schemas.fact import Fact
from schemas.gate import SchoolPolicy
from schemas.ladder import EscalationCause
from schemas.message import AcknowledgeEscalation, ActOnEscalation, Command
from schemas.school import Actor, Role
from services.console import door, history
from services.console import incidents as events
from services.console.commands import screen
from services.console.commands.acting import (
    AsOption,
    IdOption,
    JsonOption,
    Person,
    StandInOption,
    Wanted,
    YesOption,
    carry,
)
from services.console.commands.school import announce
from services.console.commands.session import CODES, Session, serve
from services.console.escalations import EscalationLine, escalation_lines, facts_about, place_of
from services.console.views import PictureRow, SchoolLine
from services.kit.terminal import DONE, MEND, REFUSED, agreed, fail

EXAMPLES = """Examples:\n
firstbell escalation list --program wa-2026 --unacknowledged\n
firstbell escalation ack escalation-1f2e --as actor-p1\n
firstbell escalation act escalation-1f2e --action workaround --as actor-p1"""
app = typer.Typer(no_args_is_help=True, help="Escalations: see, take, act.", epilog=f"{CODES}\n\n{EXAMPLES}")

EscalationArgument = Annotated[str, typer.Argument(metavar="ESCALATION", help="Its id, or how its id begins.")]
Filter = Annotated[str | None, typer.Option(help="Only of this program.")]
District = Annotated[str | None, typer.Option(help="District id or a piece of its name.")]


@app.command("list", epilog=CODES)
def list_escalations(
    program: Filter = None,
    district: District = None,
    cause: Annotated[EscalationCause | None, typer.Option(help="Only raised for this cause.")] = None,
    role: Annotated[Role | None, typer.Option(help="Only those this role was told of.")] = None,
    unacknowledged: Annotated[bool, typer.Option(help="Only those nobody has taken or acted on.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists open escalations, how far each has climbed, and when the next rung is due."""

    async def work(session: Session) -> list[EscalationLine]:
        return await escalation_lines(
            session.connection, program=program, district=district, cause=cause, role=role,
            unacknowledged=unacknowledged,
        )  # fmt: skip

    lines = serve(work)
    if as_json:
        screen.write_json(lines)
        return
    if not lines:
        screen.remark("no escalation fits")
        return
    announce([line.place for line in lines])
    columns = ("district", "school", "cause", "gate", "rung", "told", "taken", "next", "escalation")
    screen.paper().print(screen.table(columns, [_row(line) for line in lines]))
    screen.paper().print(f"{len(lines)} open, as of {screen.moment(max(line.place.as_of for line in lines))}")


def _row(line: EscalationLine) -> tuple[object, ...]:
    taken = line.acted.value if line.acted else line.acknowledged_by and line.acknowledged_by.value
    following = f"paused by {line.paused_by}" if line.paused_by else screen.moment(line.next_at)
    return (
        line.place.district, line.place.school, line.cause.value + (" URGENT" if line.urgent else ""), line.gate.value,
        f"{line.rung} of {line.rungs_count}", line.told[-1].value if line.told else None, taken, following,
        line.escalation_id,
    )  # fmt: skip


@app.command(epilog=CODES)
def show(escalation: EscalationArgument, as_json: JsonOption = False) -> None:
    """Tells one escalation from its beginning, closed or open: every fact about it."""

    async def work(session: Session) -> list[history.Sentence]:
        return [history.tell(fact) for fact in await facts_about(session.connection, escalation)]

    sentences = serve(work)
    if not sentences:
        fail(MEND, f"escalation {escalation}: expected one that was raised, seen none; see `firstbell escalation list`")
    if as_json:
        screen.write_json(sentences)
        return
    rows = [(each.fact_sequence, screen.moment(each.occurred_at), each.text) for each in sentences]
    if any(each.notice for each in sentences):
        screen.paper().print("SIMULATED: its evidence is imagined.", style="bold yellow")
    screen.paper().print(screen.table(("", "when", "what happened"), rows))


@app.command(epilog=CODES)
def ack(
    escalation: EscalationArgument,
    who: AsOption = None,
    stand_in: StandInOption = False,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes an escalation: its ladder is silent for the policy's hours. Without an act the next rung then fires."""
    program, school, whole = located("escalations", escalation)

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return AcknowledgeEscalation(act_id=identity, actor=actor, escalation_id=whole)

    carry(school, program, Person(who, stand_in), act_id, _told(whole), make, as_json)


@app.command(epilog=CODES)
def act(
    escalation: EscalationArgument,
    action: Annotated[EscalationAction, typer.Option(help="What was done.")],
    who: AsOption = None,
    stand_in: StandInOption = False,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Records what was done about an escalation: its ladder is silent from now."""
    program, school, whole = located("escalations", escalation)

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return ActOnEscalation(act_id=identity, actor=actor, escalation_id=whole, action=action)

    carry(school, program, Person(who, stand_in), act_id, _told(whole), make, as_json)


@app.command(epilog=CODES)
def incidents(
    program: Filter = None,
    closed: Annotated[bool, typer.Option(help="Those that are over, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists incidents: silent sources and outages of ours, each for its one owner, with the schools it concerns."""

    async def work(session: Session) -> list[Incident]:
        return await events.standing(session.connection, program=program, closed=closed)

    found = serve(work)
    if as_json:
        screen.write_json(found)
        return
    if not found:
        screen.remark("no incident stands")
        return
    columns = ("program", "owner", "reason", "schools", "since", "until", "incident")
    screen.paper().print(screen.table(columns, [_incident_row(each) for each in found]))


def _incident_row(each: Incident) -> tuple[object, ...]:
    return (
        each.program_id, each.owner, each.reason, each.schools_count, screen.moment(each.opened_at),
        screen.moment(each.closed_at), each.incident_id,
    )  # fmt: skip


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name for the outage, as a code: kafka-away.")]
ProgramRequired = Annotated[str, typer.Option(help="The program whose ladders it concerns.")]


@app.command(epilog=CODES)
def pause(name: NameArgument, program: ProgramRequired, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Declares an outage of ours: every ladder of the program pauses. Undo with `resume`; repeat it after a crash."""
    _declare(name, program, yes, as_json, open_it=True)


@app.command(epilog=CODES)
def resume(name: NameArgument, program: ProgramRequired, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Ends an outage of ours: every ladder goes on, and fires at most one rung for the time it stood."""
    _declare(name, program, yes, as_json, open_it=False)


def _declare(name: str, program: str, yes: bool, as_json: bool, *, open_it: bool) -> None:
    key = f"incident-operations-{program}-{name}"
    try:
        TypeAdapter(IncidentId).validate_python(key)
    except ValidationError:
        fail(MEND, f"{name}: expected a short name of lower-case letters, digits and hyphens, seen {name!r}")

    async def count(session: Session) -> list[str]:
        return await events.schools_under_way(session.connection, program)

    schools = serve(count)
    if not schools:
        fail(MEND, f"program {program}: expected schools under way, seen none; see `firstbell school list`")
    verb = "pause" if open_it else "go on"
    if not agreed(f"{key}: the ladders of {len(schools)} schools will {verb}. Go on?", yes=yes, as_json=as_json):
        if as_json:
            screen.write_json({"incident_id": key, "schools_count": len(schools), "declared": False})
        raise typer.Exit(DONE)

    async def work(session: Session) -> tuple[Incident, list[str]]:
        client = await door.connect(session.settings)
        said = await events.declare(session.connection, key, program, len(schools), session.now, open_it=open_it)
        return said, await events.tell_schools(client, said, schools)

    said, missed = serve(work)
    if as_json:
        screen.write_json(said)
    screen.remark(f"{len(schools) - len(missed)} schools told, {len(missed)} no longer under way")


def located(field: str, identity: str) -> tuple[str, str, str]:
    """(program, school, whole id) of an open escalation or work item. Exits with 2 unless exactly one begins so.

    An escalation that has closed is refused, with 4, as the school's workflow would.
    """

    async def work(session: Session) -> tuple[list[tuple[str, str, str]], list[Fact]]:
        open_ones = await place_of(session.connection, field, identity)
        return open_ones, [] if open_ones else await facts_about(session.connection, identity)

    found, past = serve(work)
    if past:
        end = history.tell(past[-1])
        fail(REFUSED, f"escalation {identity}: expected one that is open, seen it closed on {end.occurred_at:%Y-%m-%d}; "
                       f"see `firstbell escalation show {identity}`")  # fmt: skip
    what = field.rstrip("s").replace("_", " ")
    if len(found) != 1:
        seen = "none" if not found else ", ".join(each for _, _, each in found[:5])
        fail(MEND, f"{what} {identity}: expected one that is open, seen {seen}; it may be closed")
    return found[0]


def _told(escalation_id: str) -> Wanted:
    """Those who were told, first told first; anybody over the school while nobody was."""

    def wanted(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
        del policy
        found = row.picture.escalations.get(escalation_id)
        return found.told if found is not None else ()

    return wanted
