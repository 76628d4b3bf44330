"""The door: `firstbell NOUN VERB`. Gathers the rooms' commands by entry point and imports none of them.

Called by people and scripts. A room's modules are loaded only when its command is used, so that one broken room
leaves the others usable. Known errors become one line on standard error.

Exit codes are `services.kit.terminal`'s, and `docs/how-to/command-line.md` tells them to people.
"""

import contextlib
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import SettingsError
from services.kit.terminal import AWAY, INTERRUPTED, MEND

if TYPE_CHECKING:
    from typer._click.core import Command, Context

COMMANDS_GROUP = "firstbell.commands"
KNOWN = (SettingsError, PermanentError, TemporaryError)


def commands() -> dict[str, EntryPoint]:
    """Every command that an installed room brings, by name: NOUN, or NOUN.VERB for a verb of another room's noun."""
    return {entry.name: entry for entry in entry_points(group=COMMANDS_GROUP)}


class Gathered(TyperGroup):
    """A group whose commands are entry points, each loaded when it is asked for."""

    def list_commands(self, ctx: "Context") -> list[str]:
        """Names in order of the alphabet."""
        del ctx  # the same in every context
        return sorted(name for name in commands() if "." not in name)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        """The room's command; one that tells what is wrong when the room can't be loaded."""
        del ctx  # the same in every context
        known = commands()
        if cmd_name not in known or "." in cmd_name:
            return None
        command = _load(cmd_name, known[cmd_name])
        if isinstance(command, TyperGroup):
            for name in sorted(known):
                noun, _, verb = name.partition(".")
                if noun == cmd_name and verb:
                    command.add_command(_load(verb, known[name]), verb)
        return command


def _load(name: str, entry: EntryPoint) -> "Command":
    """A room's command under its name; one that tells what is wrong when the room can't be loaded."""
    try:
        app = entry.load()
    except Exception as error:  # noqa: BLE001 - any fault of one room must not take the door away from the others
        return _broken(name, error)
    assert isinstance(app, typer.Typer)
    command = typer.main.get_command(app)
    command.name = name
    return command


def _broken(name: str, error: Exception) -> "Command":
    problem = f"{name}: its room could not be loaded ({type(error).__name__}: {error}); install the project anew"
    stand_in = typer.Typer()

    @stand_in.command(name, help=problem, context_settings={"ignore_unknown_options": True})
    def broken(rest: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        raise PermanentError(f"{problem}; not run: {' '.join(rest or [])}") from error

    return typer.main.get_command(stand_in)


app = typer.Typer(
    cls=Gathered,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Lets no school go live with new technology until it is ready.",
)


@app.callback()
def _door() -> None:
    """Lets no school go live with new technology until it is ready."""


def known_error(error: BaseException) -> tuple[int, str] | None:
    """Exit code and one line for an error that a person can mend or wait out, also inside a group; None for a bug."""
    if isinstance(error, KNOWN):
        return AWAY if isinstance(error, TemporaryError) else MEND, " ".join(str(error).split())
    if isinstance(error, BaseExceptionGroup):
        return next((known for inner in error.exceptions if (known := known_error(inner))), None)
    return None


def main() -> None:
    """Runs one command and ends the process with its code, without taking Temporal's threads down.

    A finished command now and then died of them in `PyGILState_Release`, so that an accepted act ended with code 134.
    """
    code: int | str | None = 0
    try:
        run()
    except SystemExit as ended:
        code = ended.code
    if "temporalio" not in sys.modules:
        sys.exit(code)
    with contextlib.suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def run() -> None:
    """Runs one command. Raises SystemExit with its code; what is a bug goes through."""
    try:
        app(prog_name="firstbell")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BaseException as error:
        known = known_error(error)
        if known is None:
            raise
        code, line = known
        typer.echo(f"error: {line}", err=True)
        sys.exit(code)


if __name__ == "__main__":
    main()
