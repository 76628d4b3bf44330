"""Commands of this room: `stack`, `serve`, `topics`, `doctor`.

Called through the entry-point group `firstbell.commands`. Progress goes to standard error, answers to standard
output, so that `--json` can be piped.
"""

import asyncio
import json
import sys
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.kit.settings import Settings, load_settings
from services.kit.terminal import NO, codes
from services.stack.home import Home, StackError

stack_app = typer.Typer(
    no_args_is_help=True,
    help="Start, stop and look at the servers and processes here.",
    epilog=codes("not everything is healthy"),
)
serve_app = typer.Typer(help="Run rooms in the foreground.", epilog=codes(None))
topics_app = typer.Typer(
    no_args_is_help=True, help="Make Kafka's topics equal to the catalogue.", epilog=codes("Kafka differs from it")
)
doctor_app = typer.Typer(
    help="Look at this machine: what it has, what it lacks, and the remedy.", epilog=codes("something is lacking")
)

HomeOption = Annotated[Path | None, typer.Option("--home", help="State folder; else FIRSTBELL_HOME, else .firstbell")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON")]
_progress = Console(stderr=True, highlight=False, soft_wrap=True)
_answer = Console(highlight=False, width=None if sys.stdout.isatty() else 220)


def _settings(home: Path | None) -> Settings:
    return load_settings({"home": home})


def _say(text: str) -> None:
    _progress.print(text, markup=False)


@stack_app.command()
def up(
    home: HomeOption = None,
    servers_only: Annotated[bool, typer.Option("--servers-only", help="No topics, tables or rooms")] = False,
    with_observability: Annotated[
        bool, typer.Option("--with-observability", help="Prometheus and Alertmanager")
    ] = False,
    temporal_address: Annotated[
        str | None,
        typer.Option("--temporal-address", envvar="FIRSTBELL_TEMPORAL_ADDRESS", help="A Temporal that runs already"),
    ] = None,
    owner: Annotated[
        int | None, typer.Option("--owner", help="End everything when this process ends", hidden=True)
    ] = None,
) -> None:
    """Start what is not running; restart what changed. May be repeated."""
    from services.stack.identity import identify
    from services.stack.lifecycle import Wishes
    from services.stack.lifecycle import up as bring_up

    settings = _settings(home)
    before = Home.of(settings).wanted().get("temporal")
    if before and before.addresses.get("temporal") == temporal_address:
        temporal_address = None  # our own
    wishes = Wishes(temporal_address, with_observability, owner=identify(owner) if owner else None)
    settings = bring_up(settings, wishes, _say)
    if not servers_only:
        from services.stack.rooms import start

        start(settings, _say)


@stack_app.command()
def down(
    home: HomeOption = None,
    every: Annotated[bool, typer.Option("--all", help="Also the homes in subfolders of this one")] = False,
) -> None:
    """End what was started here, and nothing else; data stays."""
    from services.stack.lifecycle import down as bring_down
    from services.stack.lifecycle import homes_below

    settings = _settings(home)
    folders = homes_below(settings.home) if every else [settings.home]
    for folder in folders or [settings.home]:
        if folder.exists():
            bring_down(Home.of(settings.model_copy(update={"home": folder})), _say)


@stack_app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every process with address, health and log. Exit code 1 unless all are healthy."""
    from services.stack.status import look

    settings = _settings(home)
    seen = look(Home.of(settings), settings)
    if as_json:
        typer.echo(json.dumps(seen.as_json(), indent=1))
    else:
        table = Table("process", "state", "address", "version", "memory", "restarts", "log", box=None)
        for process in seen.processes:
            state = process.state if process.healthy else f"{process.state}: {process.trouble}"
            again = f"{process.restarts_count} (last {process.last_exit})" if process.restarts_count else "0"
            where = " ".join(process.addresses.values())
            memory = f"{process.memory_bytes >> 20} MB"
            table.add_row(process.name, state, where, process.version, memory, again, process.log)
        _answer.print(table if seen.processes else f"nothing runs in {seen.home}; firstbell stack up")
    if not seen.healthy:
        raise typer.Exit(NO)


@stack_app.command()
def logs(
    name: Annotated[str, typer.Argument(help="postgres, kafka, temporal, supervisor or a room")],
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of the last lines")] = 50,
    home: HomeOption = None,
) -> None:
    """Print the end of one process's log."""
    folder = Home.of(_settings(home)).logs
    path = folder / f"{name}.log"
    if path.parent != folder or not path.exists():
        have = ", ".join(sorted(file.stem for file in folder.glob("*.log"))) or "none yet"
        raise StackError(f"logs: no log is called {name}; expected one of: {have}")
    with path.open(encoding="utf-8", errors="replace") as file:
        typer.echo("".join(deque(file, lines)), nl=False)


@stack_app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Yes, delete this home's data")] = False,
    home: HomeOption = None,
) -> None:
    """End everything here and delete its data. Not undone by anything."""
    from services.stack.lifecycle import down as bring_down
    from services.stack.lifecycle import erase

    settings = _settings(home)
    if not yes:
        raise StackError(f"reset deletes every event, table and workflow under {settings.home}; say --yes to do it")
    place = Home.of(settings)
    bring_down(place, _say)
    erase(place, _say)


@serve_app.command()
def serve(
    names: Annotated[list[str], typer.Argument(help="Rooms, as `stack status` names them")],
    home: HomeOption = None,
) -> None:
    """Run rooms in the foreground, in one process; Ctrl-C stops them gracefully."""
    from services.stack import rooms

    asyncio.run(rooms.serve(_settings(home), names))


def _differences(verb: str, home: Path | None, as_json: bool) -> int:
    from schemas.topics import TOPICS
    from services.stack import topics

    settings = _settings(home)
    found = topics.apply(settings) if verb == "apply" else topics.plan(settings)
    if as_json:
        typer.echo(json.dumps([asdict(difference) for difference in found], indent=1))
        return len(found)
    table = Table("act", "topic", "what", "expected", "seen", box=None)
    for difference in found:
        table.add_row(difference.act.value, difference.topic, difference.what, difference.expected, difference.seen)
    _answer.print(table if found else f"{len(TOPICS)} topics are as the catalogue says")
    return len(found)


@topics_app.command()
def plan(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """What `apply` would do, and what only a person can."""
    _differences("plan", home, as_json)


@topics_app.command()
def apply(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Create missing topics and set their configuration; never deletes, never changes partitions."""
    _differences("apply", home, as_json)


@topics_app.command()
def drift(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Exit code 1 when Kafka is not as the catalogue says."""
    if _differences("drift", home, as_json):
        raise typer.Exit(NO)


@doctor_app.command()
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Python, Java, Go, ports, disk, memory, servers. Exit code 1 when something is lacking."""
    from services.stack.doctor import Grade, examine

    found = examine(Home.of(_settings(home)))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=1))
    else:
        table = Table("what", "grade", "seen", "remedy", box=None)
        for finding in found:
            table.add_row(finding.name, finding.grade.value, finding.seen, finding.remedy)
        _answer.print(table)
    if any(finding.grade is Grade.LACKING for finding in found):
        raise typer.Exit(NO)
