"""`firstbell program plan|start|status|halt|resume|stop` and `firstbell bridge resync|recall`: an operator's commands."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.bridge import forecast_cli, programs, recalling, rollouts, starting, wave_cli, wave_files, waving
from services.bridge.copies import wait_until_level
from services.bridge.documents import Documents
from services.bridge.session import (
    Districts,
    Everything,
    Home,
    Json,
    Name,
    Policy,
    Progressing,
    Rehearsal,
    Release,
    Schools,
    WithPupils,
    Yes,
    client_of,
    screen,
    serve,
    wish_of,
)
from services.bridge.wave_status import WaveStatus, wave_status
from services.kit.database import Pool
from services.kit.settings import Settings
from services.kit.terminal import NO, agreed, codes, emit

CODES = codes(None)
app = typer.Typer(no_args_is_help=True, help="Programs: which schools roll out, under which policy.", epilog=CODES)
app.command("latest-start", epilog=forecast_cli.CODES)(forecast_cli.latest_start)
app.command("earliest-go-live", epilog=forecast_cli.CODES)(forecast_cli.earliest_live)
app.command("plan")(wave_cli.plan)
app.command("halt", epilog=codes(None, "4 refused"))(wave_cli.halt)
app.command("resume", epilog=codes(None, "4 refused"))(wave_cli.resume)
bridge_app = typer.Typer(no_args_is_help=True, help="The bridge between readings and schools' workflows.", epilog=CODES)


@bridge_app.callback()
def _bridge() -> None:
    """The bridge between readings and schools' workflows."""


@app.command()
def start(
    name: Name,
    policy: Policy = "default",
    district: Districts = None,
    school: Schools = None,
    everything: Everything = False,
    with_pupils: WithPupils = False,
    rehearsal: Rehearsal = False,
    release: Release = None,
    waves: Annotated[
        Path | None, typer.Option("--waves", help="Admit in waves, as this file says; see `firstbell program plan`.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would start, and start nothing.")] = False,
    yes: Yes = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Start schools in a program: all at once, or with --waves the first wave now and the rest as admitted.

    It shows who would enter, and asks. Repeat it to resume, or to add schools; `program stop` undoes it.
    Example: firstbell program start wa-2026 --all --waves FILE
    """
    wish = wish_of(name, policy, district, school, everything, with_pupils, rehearsal, release)
    if waves is not None:
        _start_waves(wish, waves, home, dry_run=dry_run, yes=yes, as_json=as_json)
        return

    async def work(settings: Settings, pool: Pool) -> tuple[programs.Plan, bool]:
        documents = Documents()
        await wait_until_level(settings)
        async with pool.acquire() as connection:
            plan = await programs.make_plan(connection, documents, wish)
            await waving.refuse_waved(connection, name)
            if not as_json:
                _show_plan(plan)
            if dry_run or not agreed("Start them?", yes=yes, as_json=as_json):
                return plan, False
            async with connection.transaction():
                if not yes:
                    await programs.refuse_changed(connection, documents, wish, plan)
                await programs.enter(connection, documents, plan)
        client = await client_of(settings)
        with Progressing("starting") as told:
            await starting.start_all(pool, client, documents, name, settings.bridge_starts_per_second, told)
        return plan, True

    plan, started = serve(home, work)
    if as_json:
        emit(programs.tree_of(plan) | {"started": started})
    elif started:
        typer.echo(f"{name}: {len(plan.entries)} schools under way; next: firstbell program status {name}")
        typer.echo(f"undo with: firstbell program stop {name}")


def _start_waves(
    wish: programs.Wish, file: Path, home: Path | None, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    document, digest = wave_files.read(file)
    name = wish.program_id

    async def work(settings: Settings, pool: Pool) -> tuple[waving.Waved, bool]:
        documents = Documents()
        await wait_until_level(settings)
        async with pool.acquire() as connection:
            plan = await programs.make_plan(connection, documents, wish)
            waved = await waving.make_waves(connection, documents, plan, document, digest, datetime.now(UTC))
            if not as_json:
                wave_cli.show(waved, screen)
            if dry_run or not agreed("Start them?", yes=yes, as_json=as_json):
                return waved, False
            async with connection.transaction():
                if not yes:
                    await programs.refuse_changed(connection, documents, wish, plan)
                await waving.enter_waves(connection, documents, waved)
        await waving.start_workflow(pool, await client_of(settings), name)
        return waved, True

    waved, started = serve(home, work)
    if as_json:
        emit(wave_cli.tree_of(waved) | {"started": started})
    elif started:
        typer.echo(f"{name}: {len(waved.start.entries)} schools in waves; next: firstbell program status {name}")
        typer.echo(f"undo with: firstbell program stop {name}")


def _show_plan(plan: programs.Plan) -> None:
    tree = programs.tree_of(plan)
    kind = "REHEARSAL" if plan.rehearsal else "program"
    without = f", {plan.without_pupils_count} left out, without pupils" if plan.without_pupils_count else ""
    screen.print(
        f"{kind} {plan.program_id}: {tree['schools']} schools ({tree['already_entered']} under way already, "
        f"{tree['left_out_not_open']} left out, not open{without}), policy {plan.document.name} v{plan.document.version}"
    )
    screen.print("profiles: " + ", ".join(f"{name} {count}" for name, count in sorted(tree["profiles"].items())))
    if tree["without_calendar"]:
        screen.print(f"{tree['without_calendar']} schools have no calendar: nothing that counts days can pass there")


@app.command()
def status(name: Name, as_json: Json = False, home: Home = None) -> None:
    """Where a program's schools stand, by phase and outcome, as their last fact says."""

    async def work(_settings: Settings, pool: Pool) -> tuple[tuple[programs.Standing, ...], WaveStatus | None]:
        async with pool.acquire() as connection:
            return await programs.standings(connection, name), await wave_status(connection, name)

    found, waves = serve(home, work)
    if as_json:
        tree: dict[str, object] = {"program": name, "standings": [asdict(each) for each in found]}
        emit(tree if waves is None else tree | {"waves": waves.tree()})
        return
    table = Table(title=f"program {name}")
    for column in ("phase", "outcome", "status", "asked", "schools"):
        table.add_column(column, justify="right" if column == "schools" else "left")
    for each in found:
        table.add_row(each.phase, each.outcome, each.status, each.asked, str(each.schools_count))
    Console().print(table)
    if waves is not None:
        wave_cli.show_status(waves)


@app.command()
def stop(
    name: Name,
    reason: Annotated[str, typer.Option(help="A code, such as program-ended.")] = "program-ended",
    yes: Yes = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """End a program: every school leaves it. It shows how many, and asks; nothing takes it back.

    Repeat it to resume. The name can't be used again; the schools can start anew under another.
    """

    async def work(settings: Settings, pool: Pool) -> tuple[int, bool]:
        async with pool.acquire() as connection:
            found = await programs.standings(connection, name)
        staying = [each for each in found if each.status not in starting.GONE]
        count = sum(each.schools_count for each in staying)
        if not as_json:
            where = ", ".join(f"{each.schools_count} {each.phase or each.status}" for each in staying)
            screen.print(f"{count} schools leave program {name} for good: {where or 'none is under way'}")
        if not agreed("Stop it? Nothing takes it back.", yes=yes, as_json=as_json):
            return count, False
        client = await client_of(settings)
        with Progressing("stopping") as told:
            return await starting.stop_all(pool, client, name, reason, settings.bridge_signals_per_second, told), True

    count, stopped = serve(home, work)
    if as_json:
        emit({"program": name, "schools": count, "stopped": stopped})
    elif stopped:
        typer.echo(f"{name}: {count} schools told to stop")


@bridge_app.command()
def resync(
    program: Annotated[str | None, typer.Option(help="Only this program's schools.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Send every school all it watches once more: harmless, since the values are absolute."""

    async def work(_settings: Settings, pool: Pool) -> int:
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                """select program_id, school_id from rollout
                where status <> 'stopped' and ($1::text is null or program_id = $1)
                order by program_id, school_id for update""",
                program,
            )
            keys = [(row["program_id"], row["school_id"]) for row in rows]
            await rollouts.forget_contexts(connection, keys)
            await rollouts.snapshot(connection, keys, datetime.now(UTC))
            return len(keys)

    count = serve(home, work)
    typer.echo(json.dumps({"marked": count}) if as_json else f"{count} schools marked; the bridge sends at its pace")


@bridge_app.command(epilog=codes("facts are lost, or contradict what is held"))
def recall(
    program: Annotated[str | None, typer.Option(help="Only this program and its schools.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """After a restore: take facts that never left for Kafka from Temporal's histories. Repeat it at will.

    Example: firstbell bridge recall --program wa-2026
    """

    async def work(settings: Settings, pool: Pool) -> recalling.Recalled:
        client = await client_of(settings)
        with Progressing("recalling") as told:
            return await recalling.recall(pool, client, program, settings.bridge_signals_per_second, told)

    recalled = serve(home, work)
    if as_json:
        emit(asdict(recalled))
    else:
        count = sum(map(len, recalled.found.values()))
        absent = f", {recalled.absent_count} that Temporal does not know" if recalled.absent_count else ""
        typer.echo(f"{recalled.read_count} histories read{absent}: {count} facts of {len(recalled.found)} were missing")
        for name, sequences in sorted(recalled.lost.items()):
            typer.echo(f"{name}: facts {', '.join(map(str, sequences))} are in no history any more")
        for conflict in recalled.conflicts:
            typer.echo(conflict)
    if recalled.lost or recalled.conflicts:
        raise typer.Exit(NO)
