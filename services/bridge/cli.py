"""`firstbell program start|status|stop` and `firstbell bridge resync`: what an operator does about programs."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from temporalio.client import Client
from temporalio.service import RPCError

from schemas.school import ProgramId, ReleaseId
from services.bridge import forecast_cli, programs, rollouts, starting, temporal
from services.bridge.copies import wait_until_level
from services.bridge.documents import Documents
from services.kit.database import Pool, open_pool
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import Settings
from services.kit.terminal import codes, run

T = TypeVar("T")

CODES = codes(None)
app = typer.Typer(no_args_is_help=True, help="Programs: which schools roll out, under which policy.", epilog=CODES)
bridge_app = typer.Typer(no_args_is_help=True, help="The bridge between readings and schools' workflows.", epilog=CODES)
screen = Console(stderr=True)

app.command("latest-start", epilog=forecast_cli.CODES)(forecast_cli.latest_start)
app.command("earliest-go-live", epilog=forecast_cli.CODES)(forecast_cli.earliest_live)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Home = Annotated[Path | None, typer.Option("--home", help="State folder of this installation.")]
Name = Annotated[str, typer.Argument(help="The program's name: lower-case letters, digits, hyphens.")]


def _run(home: Path | None, work: Callable[[Settings, Pool], Awaitable[T]]) -> T:
    """Runs a command on the bridge's tables; a server that is away is exit code 3 and one sentence."""

    async def inside(settings: Settings) -> T:
        pool = await open_pool(settings, "bridge")
        try:
            return await work(settings, pool)
        except RPCError as error:
            raise _away(settings, error) from error
        finally:
            await pool.close()

    return run("bridge", inside, home)


async def _temporal(settings: Settings) -> Client:
    try:
        return await temporal.connect(settings)
    except RuntimeError as error:
        raise _away(settings, error) from error


def _away(settings: Settings, error: Exception) -> TemporaryError:
    return TemporaryError(
        f"Temporal at {settings.temporal_address}: expected an answer, seen {error}; see `firstbell stack status`, "
        "then run this again"
    )


def _checked(text: str, kind: Any, what: str, expected: str) -> None:
    """Any: an annotated type is an object to mypy."""
    try:
        TypeAdapter[str](kind).validate_python(text)
    except ValidationError as error:
        raise PermanentError(f"{what}: expected {expected}, seen {text!r}") from error


@bridge_app.callback()
def _bridge() -> None:
    """The bridge between readings and schools' workflows."""


@app.command()
def start(
    name: Name,
    policy: Annotated[str, typer.Option(help="A stored policy: name or digest.")] = "default",
    district: Annotated[list[str] | None, typer.Option(help="District id or name; repeat for more.")] = None,
    school: Annotated[list[str] | None, typer.Option(help="School id or name; repeat for more.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open school.")] = False,
    rehearsal: Annotated[bool, typer.Option("--rehearsal", help="Imagined evidence and calendars count.")] = False,
    release: Annotated[str | None, typer.Option(help="The release whose defects hold these schools.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would start, and start nothing.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Start schools in a program. Repeat it to resume, or to add schools."""
    _checked(name, ProgramId, "program", "lower-case letters, digits, hyphens, at most 41")
    if release is not None:
        _checked(release, ReleaseId, "release", "lower-case letters, digits, points, hyphens, at most 41")
    wish = programs.Wish(name, policy, tuple(district or ()), tuple(school or ()), everything, rehearsal, release)

    async def work(settings: Settings, pool: Pool) -> programs.Plan:
        documents = Documents()
        await wait_until_level(settings)
        async with pool.acquire() as connection, connection.transaction():
            plan = await programs.make_plan(connection, documents, wish)
            if not as_json:
                _show_plan(plan)
            if dry_run:
                return plan
            await programs.enter(connection, documents, plan)
        client = await _temporal(settings)
        with _progress("starting") as told:
            await starting.start_all(pool, client, documents, name, settings.bridge_starts_per_second, told)
        return plan

    plan = _run(home, work)
    if as_json:
        typer.echo(programs.to_json(plan))
    elif not dry_run:
        typer.echo(f"{name}: {len(plan.entries)} schools under way; next: firstbell program status {name}")


def _show_plan(plan: programs.Plan) -> None:
    tree = json.loads(programs.to_json(plan))
    kind = "REHEARSAL" if plan.rehearsal else "program"
    screen.print(
        f"{kind} {plan.program_id}: {tree['schools']} schools ({tree['already_entered']} under way already, "
        f"{tree['left_out_not_open']} left out, not open), policy {plan.document.name} v{plan.document.version}"
    )
    screen.print("profiles: " + ", ".join(f"{name} {count}" for name, count in sorted(tree["profiles"].items())))
    if tree["without_calendar"]:
        screen.print(f"{tree['without_calendar']} schools have no calendar: nothing that counts days can pass there")


class _Told:
    """Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._bar = Progress(TextColumn(verb), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=screen)
        self._task = self._bar.add_task(verb, total=None)

    def __enter__(self) -> starting.Told:
        if screen.is_terminal:
            self._bar.start()
        return self.told

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def told(self, done: int, count: int) -> None:
        """After each school."""
        self._bar.update(self._task, completed=done, total=count)
        if not screen.is_terminal and (done == count or done % 500 == 0):
            screen.print(f"{self._verb}: {done} of {count}")


def _progress(verb: str) -> _Told:
    return _Told(verb)


@app.command()
def status(name: Name, as_json: Json = False, home: Home = None) -> None:
    """Where a program's schools stand, by phase and outcome, as their last fact says."""

    async def work(_settings: Settings, pool: Pool) -> tuple[programs.Standing, ...]:
        async with pool.acquire() as connection:
            return await programs.standings(connection, name)

    found = _run(home, work)
    if as_json:
        typer.echo(json.dumps({"program": name, "standings": [asdict(each) for each in found]}, indent=2))
        return
    table = Table(title=f"program {name}")
    for column in ("phase", "outcome", "status", "asked", "schools"):
        table.add_column(column, justify="right" if column == "schools" else "left")
    for each in found:
        table.add_row(each.phase, each.outcome, each.status, each.asked, str(each.schools_count))
    Console().print(table)


@app.command()
def stop(
    name: Name,
    reason: Annotated[str, typer.Option(help="A code, such as program-ended.")] = "program-ended",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """End a program: every school leaves it. It can't be started again under the same name."""

    async def work(settings: Settings, pool: Pool) -> int:
        async with pool.acquire() as connection:
            await programs.standings(connection, name)
        client = await _temporal(settings)
        with _progress("stopping") as told:
            return await starting.stop_all(pool, client, name, reason, settings.bridge_signals_per_second, told)

    count = _run(home, work)
    typer.echo(json.dumps({"program": name, "stopped": count}) if as_json else f"{name}: {count} schools told to stop")


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

    count = _run(home, work)
    typer.echo(json.dumps({"marked": count}) if as_json else f"{count} schools marked; the bridge sends at its pace")
