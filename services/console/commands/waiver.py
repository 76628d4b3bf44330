"""`firstbell waiver`: leave to pass without one criterion, asked by one person and granted by another, until it ends."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from schemas.message import Command
from schemas.school import Actor, Scope, ScopeKind
from schemas.waiver import GrantWaiver, ProposeWaiver, RevokeWaiver
from services.console import register as book
from services.console.commands import screen, waiver_all
from services.console.commands.acting import (
    AsOption,
    GateOption,
    IdOption,
    JsonOption,
    NoteOption,
    Person,
    ProgramOption,
    ReasonOption,
    SchoolArgument,
    StandInOption,
    anybody,
    carry,
)
from services.console.commands.register import AuditOption, DistrictOption, read, show
from services.console.commands.session import CODES, Session
from services.console.commands.waiving import Category, granters
from services.console.views import SchoolLine

EXAMPLES = """Examples:\n
firstbell waiver propose Cedar page-load --instead paper-lists --reason cabling-late --as actor-p1\n
firstbell waiver grant Cedar WAIVER --as actor-s1\n
firstbell waiver debt --program wa-2026"""
app = typer.Typer(
    no_args_is_help=True, help="Waive a criterion, never a gate; and the register.", epilog=f"{CODES}\n\n{EXAMPLES}"
)


app.command("propose-all", epilog=CODES)(waiver_all.propose_all)
app.command("grant-all", epilog=CODES)(waiver_all.grant_all)
app.command("revoke-all", epilog=CODES)(waiver_all.revoke_all)


class Reach(StrEnum):
    """Whose the waiver is."""

    SCHOOL = "school"
    DISTRICT = "district"


DaysOption = Annotated[
    float | None, typer.Option(min=0, help="Days of 24 hours until it ends; the policy's default when absent.")
]
UntilOption = Annotated[datetime | None, typer.Option(help="When it ends, UTC, instead of --days.")]
WaiverArgument = Annotated[str, typer.Argument(metavar="WAIVER", help="The waiver's id, as `waiver list` has it.")]


@app.command(epilog=CODES)
def propose(
    school: SchoolArgument,
    criteria: Annotated[list[str], typer.Argument(metavar="CRITERION...", help="Exact ids of the gate's criteria.")],
    reason: ReasonOption,
    instead: Annotated[str, typer.Option(help="The compensating control, as a code.")],
    category: Annotated[
        Category, typer.Option(help="mitigated, or waived where nothing stands in.")
    ] = Category.MITIGATED,
    gate: GateOption = None,
    scope: Annotated[
        Reach, typer.Option(help="school, or district: it then stays behind when the school moves.")
    ] = Reach.SCHOOL,
    days: DaysOption = None,
    until: UntilOption = None,
    note: NoteOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Asks for a waiver; nothing passes by it until somebody above the gate's approver grants it."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        where = Scope(kind=ScopeKind.SCHOOL, id=line.school_id)
        if scope is Reach.DISTRICT and line.district_id is not None:
            where = Scope(kind=ScopeKind.DISTRICT, id=line.district_id)
        return ProposeWaiver(
            act_id=identity, actor=actor, gate=gate or line.gate, criterion_ids=tuple(criteria), scope=where,
            category=category.value, compensating_control=instead, reason=reason, note_id=note,
            expires_at=_ends(session.now, days, until),
        )  # fmt: skip

    carry(school, program, Person(who, stand_in), act_id, anybody, make, as_json)


@app.command(epilog=CODES)
def grant(
    school: SchoolArgument,
    waiver: WaiverArgument,
    days: DaysOption = None,
    until: UntilOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grants what another person proposed, in a role above the gate's approver."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del line
        return GrantWaiver(
            act_id=identity, actor=actor, waiver_id=waiver, expires_at=_ends(session.now, days, until)
        )  # fmt: skip

    carry(school, program, Person(who, stand_in), act_id, granters, make, as_json)


@app.command(epilog=CODES)
def revoke(
    school: SchoolArgument,
    waiver: WaiverArgument,
    reason: ReasonOption,
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ends a waiver now, or turns a proposal down. A gate that opened on it is treated as at its end."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return RevokeWaiver(act_id=identity, actor=actor, waiver_id=waiver, reason=reason)

    carry(school, program, Person(who, stand_in), act_id, granters, make, as_json)


@app.command("list", epilog=CODES)
def list_standing(
    school: Annotated[str | None, typer.Argument(help="One school; all when absent.")] = None,
    program: ProgramOption = None,
    district: DistrictOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists waivers that are proposed or in force."""
    show(read(program, district, kind="waiver", school=school, standing=True), as_json)


@app.command(epilog=CODES)
def register(
    program: ProgramOption = None,
    district: DistrictOption = None,
    audit: AuditOption = False,
    as_json: JsonOption = False,
) -> None:
    """The public register, by role: every waiver and override there ever was, the newest change first."""
    show(read(program, district, audit=audit), as_json)


@app.command(epilog=CODES)
def debt(program: ProgramOption = None, district: DistrictOption = None, as_json: JsonOption = False) -> None:
    """Waiver debt by district: open waivers, their criteria, and days until the first one ends."""
    owed = book.debts(read(program, district, kind="waiver"), datetime.now(UTC))
    if as_json:
        screen.write_json(owed)
        return
    if not owed:
        screen.remark("no waiver is open")
        return
    rows = [
        (each.program_id, each.district, each.waivers, each.schools,
         ", ".join(f"{name} {count}" for name, count in each.criteria.items()), each.days_until_first_end, each.notice)
        for each in owed
    ]  # fmt: skip
    columns = ("program", "district", "open waivers", "schools", "criteria", "days until the first ends", "")
    screen.paper().print(screen.table(columns, rows))


def _ends(now: datetime, days: float | None, until: datetime | None) -> datetime | None:
    if until is not None:
        return until.replace(tzinfo=UTC)
    return None if days is None else now + timedelta(days=days)
