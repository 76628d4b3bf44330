"""Laws of the door: known errors are one line, bugs are not hidden, a broken room breaks only itself."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
import typer

from services.cli import __main__ as door
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import SettingsError

fine_app = typer.Typer()
mend_app = typer.Typer()
bug_app = typer.Typer()
noun_app = typer.Typer(no_args_is_help=True)


@fine_app.command()
def fine(word: str) -> None:
    typer.echo(f"heard {word}")


@noun_app.callback()
def noun() -> None:
    """A noun with verbs of its own, and others'."""


@noun_app.command()
def own() -> None:
    typer.echo("own")


@mend_app.command()
def mend() -> None:
    raise PermanentError("the thing: expected one,\n  seen two; mend it")


@bug_app.command()
def bug() -> None:
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {
        name: EntryPoint(name, value, door.COMMANDS_GROUP)
        for name, value in {
            "fine": f"{__name__}:fine_app",
            "mend": f"{__name__}:mend_app",
            "bug": f"{__name__}:bug_app",
            "broken": "no_such_module_of_ours:app",
            "noun": f"{__name__}:noun_app",
            "noun.fine": f"{__name__}:fine_app",
            "noun.broken": "no_such_module_of_ours:app",
        }.items()
    }
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or sys.modules["__main__"])
    monkeypatch.setattr(door, "commands", lambda: listed)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["firstbell", *words])
    with pytest.raises(SystemExit) as left:
        door.run()
    return int(left.value.code or 0)


def test_a_room_may_bring_a_verb_to_anothers_noun_and_break_only_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "noun", "fine", "you") == 0
    assert run(monkeypatch, "noun", "own") == 0
    assert capsys.readouterr().out == "heard you\nown\n"
    assert run(monkeypatch, "noun", "broken") == 2
    assert "its room could not be loaded" in capsys.readouterr().err
    assert run(monkeypatch, "noun.fine", "you") == 2, "a verb is no noun"


def test_a_command_is_found_by_its_entry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "fine", "you") == 0
    assert capsys.readouterr().out == "heard you\n"


def test_what_a_person_can_mend_is_one_line_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "mend") == 2
    assert capsys.readouterr().err == "error: the thing: expected one, seen two; mend it\n"


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["firstbell", "bug"])
    with pytest.raises(ZeroDivisionError):
        door.run()


def test_a_broken_room_breaks_only_its_own_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "broken", "anything", "--at-all") == 2
    assert "broken: its room could not be loaded (ModuleNotFoundError" in capsys.readouterr().err
    assert run(monkeypatch, "fine", "me") == 0
    assert run(monkeypatch, "--help") == 0
    assert "could not be loaded" in capsys.readouterr().out


def test_an_unknown_command_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "nonsense") == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("x"), 2),
        (PermanentError("x"), 2),
        (TemporaryError("x"), 3),
        (ExceptionGroup("g", [PermanentError("x")]), 2),
    ],
)
def test_known_errors_are_known_alone_and_in_groups(error: Exception, code: int) -> None:
    assert door.known_error(error) == (code, "x")


def test_other_errors_are_not_known() -> None:
    assert door.known_error(ValueError("x")) is None
    assert door.known_error(ExceptionGroup("g", [ValueError("x")])) is None


@pytest.mark.parametrize("code", [0, 4])
def test_a_process_that_loaded_temporal_ends_with_its_code_at_once(code: int) -> None:
    script = (
        "import atexit, sys, temporalio; from services.cli import __main__ as door\n"
        "atexit.register(print, 'took the interpreter down')\n"
        f"door.run = lambda: (print('answer'), sys.exit({code}))\n"
        "door.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "answer\n")
