"""What the bridge's commands share: the way to its tables and to Temporal, checked words, progress on a screen.

Called by cli.py and wave_cli.py. It never tries again: whoever typed the command does.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from temporalio.client import Client
from temporalio.service import RPCError

from schemas.school import ProgramId, ReleaseId
from services.bridge import starting, temporal
from services.bridge.programs import Wish
from services.kit.database import Pool, open_pool
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import Settings
from services.kit.terminal import run

T = TypeVar("T")
screen = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking; with --json it only shows otherwise.")]
Home = Annotated[Path | None, typer.Option("--home", help="State folder of this installation.")]
WithPupils = Annotated[bool, typer.Option("--with-pupils", help="Only schools whose directory record counts pupils.")]
Policy = Annotated[str, typer.Option(help="A stored policy: name or digest.")]
Districts = Annotated[list[str] | None, typer.Option("--district", help="District id or name; repeat for more.")]
Schools = Annotated[list[str] | None, typer.Option("--school", help="School id or name; repeat for more.")]
Everything = Annotated[bool, typer.Option("--all", help="Every open school.")]
Rehearsal = Annotated[bool, typer.Option("--rehearsal", help="Imagined evidence and calendars count.")]
Release = Annotated[str | None, typer.Option(help="The release whose defects hold these schools.")]
Name = Annotated[str, typer.Argument(help="The program's name: lower-case letters, digits, hyphens.")]


def serve(home: Path | None, work: Callable[[Settings, Pool], Awaitable[T]]) -> T:
    """Runs a command on the bridge's tables; a server that is away is exit code 3 and one sentence."""

    async def inside(settings: Settings) -> T:
        pool = await open_pool(settings, "bridge")
        try:
            return await work(settings, pool)
        except RPCError as error:
            raise away(settings, error) from error
        finally:
            await pool.close()

    return run("bridge", inside, home)


async def client_of(settings: Settings) -> Client:
    """A client of Temporal. Raises TemporaryError, one sentence, while it is away."""
    try:
        return await temporal.connect(settings)
    except RuntimeError as error:
        raise away(settings, error) from error


def away(settings: Settings, error: Exception) -> TemporaryError:
    """What a person is told while Temporal does not answer."""
    return TemporaryError(
        f"Temporal at {settings.temporal_address}: expected an answer, seen {error}; see `firstbell stack status`, "
        "then run this again"
    )


def wish_of(
    name: str, policy: str, district: list[str] | None, school: list[str] | None, everything: bool, with_pupils: bool,
    rehearsal: bool, release: str | None,
) -> Wish:  # fmt: skip
    """What was asked for. Raises PermanentError for a name that can't be one."""
    checked(name, ProgramId, "program", "lower-case letters, digits, hyphens, at most 41")
    if release is not None:
        checked(release, ReleaseId, "release", "lower-case letters, digits, points, hyphens, at most 41")
    return Wish(name, policy, tuple(district or ()), tuple(school or ()), everything, rehearsal, release, with_pupils)


def checked(text: str, kind: Any, what: str, expected: str) -> None:
    """Raises PermanentError for a text that is no such word. Any: an annotated type is an object to mypy."""
    try:
        TypeAdapter[str](kind).validate_python(text)
    except ValidationError as error:
        raise PermanentError(f"{what}: expected {expected}, seen {text!r}") from error


class Progressing:
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
