"""`firstbell program plan|halt|resume`, and what `start` and `status` say of waves. Registered by cli.py."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table

from schemas.message import CommandReply
from schemas.program import LiftLine, ProgramCommand, StopLine
from schemas.school import Actor
from services.bridge import line, programs, wave_files
from services.bridge.copies import wait_until_level
from services.bridge.documents import Documents
from services.bridge.session import (
    Districts,
    Everything,
    Home,
    Json,
    Name,
    Policy,
    Rehearsal,
    Release,
    Schools,
    WithPupils,
    client_of,
    screen,
    serve,
    wish_of,
)
from services.bridge.wave_status import WaveStatus
from services.bridge.waving import Waved, make_waves
from services.kit.database import Pool
from services.kit.settings import Settings
from services.kit.terminal import DONE, MEND, REFUSED, emit, fail
from workflows.policy.program.wave_words import amount, doubled_words, refused_words, words

INADMISSIBLE_SHOWN_MAX = 20
"""Schools without a wave that are named on the screen; `--json` names all. Our judgement, 2026-11-25."""

WavesFile = Annotated[Path, typer.Option("--waves", help="How the program admits: see deploy/programs/default.yaml.")]
As = Annotated[str | None, typer.Option("--as", metavar="ACTOR", help="Who acts: an actor of the roster, actor-...")]
StandIn = Annotated[bool, typer.Option("--stand-in", help="Instead of --as, in a rehearsal: the state's stand-in.")]
Reason = Annotated[str, typer.Option(help="Why, as a code: lower-case words joined by hyphens.")]
ActId = Annotated[str | None, typer.Option("--id", help="Id of this act; the same id twice is one act.")]


def plan(
    name: Name,
    waves: WavesFile,
    policy: Policy = "default",
    district: Districts = None,
    school: Schools = None,
    everything: Everything = False,
    with_pupils: WithPupils = False,
    rehearsal: Rehearsal = False,
    release: Release = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show the waves a start would make, their dates, and what keeps each from being larger. Starts nothing.

    Example: firstbell program plan wa-2026 --waves deploy/programs/default.yaml --all
    """
    document, digest = wave_files.read(waves)
    wish = wish_of(name, policy, district, school, everything, with_pupils, rehearsal, release)

    async def work(settings: Settings, pool: Pool) -> Waved:
        documents = Documents()
        await wait_until_level(settings)
        async with pool.acquire() as connection:
            start = await programs.make_plan(connection, documents, wish)
            return await make_waves(connection, documents, start, document, digest, datetime.now(UTC))

    found = serve(home, work)
    if as_json:
        emit(tree_of(found))
    else:
        show(found, Console())


def tree_of(waved: Waved) -> dict[str, object]:
    """What `--json` prints of waves."""
    return {
        "program": waved.start.program_id,
        "waves_policy": {"name": waved.policy.name, "version": waved.policy.version, "digest": waved.digest},
        "joins_late": waved.late,
        "waves": [
            {
                "wave": wave.number,
                "schools": len(wave.seats),
                "opens_on": wave.opens_on,
                "binding": words(wave.binding),
                "limits": [each.model_dump(mode="json", exclude_none=True) for each in wave.binding],
                "used": {r.id: amount(u) for r, u in zip(waved.policy.resources, wave.used, strict=True)},
                "if_doubled": wave.if_doubled,
                "school_ids": [seat.school_id for seat in wave.seats],
            }
            for wave in waved.plan.waves
        ],
        "inadmissible": [
            {"school_id": each.school_id, "cause": each.cause, "why": refused_words(each)}
            for each in waved.plan.inadmissible
        ],
    }


def show(waved: Waved, paper: Console) -> None:
    """The waves as a table, each with its binding constraint in words."""
    kind = "REHEARSAL" if waved.start.rehearsal else "program"
    late = ", of schools that join late: each takes the first room there is" if waved.late else ""
    paper.print(f"{kind} {waved.start.program_id}: waves by {waved.policy.name} v{waved.policy.version}{late}")
    table = Table()
    for column in ("wave", "schools", "opens", "what binds", "with twice as much"):
        table.add_column(column, justify="right" if column in ("wave", "schools") else "left", overflow="fold")
    for wave in waved.plan.waves:
        opens = "not known" if wave.opens_on is None else wave.opens_on.isoformat()
        table.add_row(str(wave.number), str(len(wave.seats)), opens, words(wave.binding), doubled_words(wave))
    paper.print(table)
    refused = waved.plan.inadmissible
    for each in refused[:INADMISSIBLE_SHOWN_MAX]:
        paper.print(f"in no wave: {each.school_id}: {refused_words(each)}")
    if len(refused) > INADMISSIBLE_SHOWN_MAX:
        paper.print(f"in no wave: {len(refused) - INADMISSIBLE_SHOWN_MAX} more; see --json")


def show_status(found: WaveStatus) -> None:
    """The waves under the table of phases."""
    table = Table(title=f"waves by {found.policy}")
    for column in ("wave", "state", "schools", "admitted", "progressed", "failed", "silent", "left"):
        table.add_column(column, justify="left" if column == "state" else "right")
    for each in found.waves:
        figures = (each.schools, each.admitted, each.progressed, each.failed, each.silent, each.left)
        table.add_row(str(each.number), each.state, *map(str, figures))
    paper = Console()
    paper.print(table)
    if found.without_wave:
        paper.print(f"{found.without_wave} late joiners have no wave yet")
    if found.line_stopped:
        paper.print(f"the line is stopped: {found.line_stopped}")
    for district in found.aborted_districts:
        paper.print(f"admission aborted in district {district}: too many of its schools failed")
    if found.binding:
        paper.print(f"nobody more is admitted now: {found.binding}")


def halt(
    name: Name,
    reason: Reason,
    actor: As = None,
    stand_in: StandIn = False,
    act_id: ActId = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Stop the line: nobody more is admitted until `program resume`. Schools under way go on.

    Example: firstbell program halt wa-2026 --reason devices-recalled --as actor-7k2
    """
    _carry(
        name, actor, stand_in, as_json, home,
        lambda who: StopLine(act_id=act_id or str(uuid4()), actor=who, reason=reason),
    )  # fmt: skip


def resume(
    name: Name,
    reason: Reason,
    district: Annotated[
        str | None, typer.Option(help="Only this district, whose admission was aborted: its id.")
    ] = None,
    wave: Annotated[
        int | None, typer.Option(min=1, help="Only this wave, whose admission was aborted: its number.")
    ] = None,
    actor: As = None,
    stand_in: StandIn = False,
    act_id: ActId = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Lift the line, or let a district or wave whose schools had failed join again by `program start`.

    Example: firstbell program resume wa-2026 --reason devices-replaced --as actor-7k2
    """
    _carry(
        name, actor, stand_in, as_json, home,
        lambda who: LiftLine(act_id=act_id or str(uuid4()), actor=who, reason=reason, district_id=district, wave=wave),
    )  # fmt: skip


def _carry(
    name: str,
    actor: str | None,
    stand_in: bool,
    as_json: bool,
    home: Path | None,
    make: Callable[[Actor], ProgramCommand],
) -> None:
    if (actor is None) is not stand_in:
        fail(MEND, "who acts: expected one of --as ACTOR and, in a rehearsal, --stand-in")

    async def work(settings: Settings, pool: Pool) -> CommandReply:
        async with pool.acquire() as connection:
            who = await line.state_actor(connection, name, actor)
        try:
            command = make(who)
        except ValueError as error:
            fail(MEND, " ".join(str(error).split()))
        return await line.act(await client_of(settings), name, command)

    reply = serve(home, work)
    if as_json:
        emit(reply.model_dump(mode="json"))
    elif reply.accepted:
        typer.echo(f"accepted{', as before' if reply.repeated else ''}: act {reply.act_id}, fact {reply.fact_sequence}")
    else:
        screen.print(f"refused: {reply.refusal}\n  expected   {reply.expected}\n  seen       {reply.seen}")
        screen.print(f"  next step  {reply.next_step}")
    raise typer.Exit(DONE if reply.accepted else REFUSED)
