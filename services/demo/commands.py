"""Runs the public commands inside this process: the demo does nothing that a person could not type.

A command's own code is loaded through the entry-point group, as the door does it; starting a process for each look
at the board would cost a second of two cores.
"""

import contextlib
import io
import json
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import typer

COMMANDS_GROUP = "firstbell.commands"


class CommandError(Exception):
    """A command that must succeed did not; the message holds the command and what it said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    line: str
    code: int
    out: str
    err: str

    @property
    def tree(self) -> Any:
        """Its JSON. Any: each command has its own form. Raises CommandError when it printed none."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise CommandError(
                f"firstbell {self.line}: expected JSON, seen {self.out[:200]!r} {self.err[:300]}"
            ) from error


def call(*words: str) -> Answer:
    """Runs `firstbell WORDS…` and returns its answer, whatever its exit code. Blocks until it ends."""
    noun, *rest = words
    (entry,) = entry_points(group=COMMANDS_GROUP, name=noun)
    command = typer.main.get_command(entry.load())
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            result = command.main(args=rest, prog_name=f"firstbell {noun}", standalone_mode=False)
            code = result if isinstance(result, int) else 0
        except typer.Exit as stop:
            code = stop.exit_code
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        except KeyboardInterrupt:
            raise
        except Exception as error:  # noqa: BLE001  whatever a command raises, the demo must say which command it was
            err.write(f"{type(error).__name__}: {error}")
            code = 70
    return Answer(" ".join(words), code, out.getvalue(), err.getvalue())


def must(*words: str) -> Answer:
    """As `call`, but raises CommandError unless the command ended well."""
    answer = call(*words)
    if answer.code != 0:
        raise CommandError(f"firstbell {answer.line}: exit {answer.code}: {(answer.err or answer.out).strip()[-600:]}")
    return answer
