"""`firstbell demo`: the main job on real data, live on the terminal."""

import signal
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from services.demo import acts, closing, people, people_closing, state, world
from services.demo.commands import CommandError, call
from services.demo.screen import Screen
from services.kit.settings import use_home
from services.kit.terminal import DONE, MEND, NO

app = typer.Typer(
    help="""Watch real schools of Washington State walk four gates on an imagined calendar.

    Examples:

      firstbell demo

      firstbell demo --schools 100 --seed 11 --keep

      firstbell demo --act people --schools 12

      firstbell demo --act state

      firstbell demo --district "Aberdeen School District" --stop

    Exit codes: 0 all promises kept, 1 some missed (each is named), 2 could not run, 130 interrupted.""",
)
HOME = Path(".firstbell") / "demo"


class Act(StrEnum):
    """Which story is told."""

    EVIDENCE = "evidence"
    """Schools advance, are held and mended on evidence."""
    PEOPLE = "people"
    """What people, time and guards do to a gate."""
    STATE = "state"
    """Every school of the state with pupils walks every gate in one wave."""


SCHOOLS = {Act.EVIDENCE: 30, Act.PEOPLE: 30, Act.STATE: state.STATE_SCHOOLS}


@app.command()
def demo(
    act: Annotated[
        Act, typer.Option(help="The story: evidence, what people do to a gate, or a whole state.")
    ] = Act.EVIDENCE,
    schools: Annotated[
        int | None,
        typer.Option(min=6, max=2500, help="About how many schools. Default: 30; of a state, all with pupils."),
    ] = None,
    district: Annotated[list[str] | None, typer.Option(help="District by name or id; repeat for several.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed: same districts, same life.")] = 7,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running, also without a terminal.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the stack at the end, also on a terminal.")] = False,
) -> None:
    """Start everything clean, tell the story, and show what became of every school."""
    if keep and stop:
        raise typer.BadParameter("--keep and --stop: expected one of them")
    home = HOME.resolve()
    use_home(home)
    stays = keep or (sys.stdout.isatty() and not stop)
    kept = False

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    with Screen() as screen:
        stage = world.World(world.Wishes(schools or SCHOOLS[act], district or [], seed, home), screen)
        try:
            kept = TELLERS[act](stage, stays)
        except CommandError as error:
            screen.pause_board()
            screen.say(f"the demo could not go on: {error}", style="red")
            stays = False
            raise typer.Exit(MEND) from error
        except KeyboardInterrupt:
            stays = False
            raise
        finally:
            screen.pause_board()
            stage.end_life()
            if not stays:
                call("stack", "down", "--home", str(home))
    raise typer.Exit(DONE if kept else NO)


def _tell_people(stage: world.World, stays: bool) -> bool:
    screen = stage.screen
    world.start_clean(stage)
    screen.say("servers and services")
    world.servers(stage, people.SETTING)
    up = time.monotonic()
    world.directory(stage)
    people.prepare(stage)
    seen = acts.Seen()
    people.tell(stage, seen)
    screen.pause_board()
    screen.say(f"told in {time.monotonic() - up:.0f} s since the stack was up")
    return people_closing.people_closing(stage, seen, stays)


def _tell_state(stage: world.World, stays: bool) -> bool:
    world.start_clean(stage)
    stage.screen.say("servers and services")
    world.servers(stage, *state.SETTINGS)
    state.tell(stage)
    stage.screen.pause_board()
    return state.state_closing(stage, acts.Seen(), stays)


def _tell(stage: world.World, stays: bool) -> bool:
    screen = stage.screen
    world.start_clean(stage)
    screen.say("servers and services")
    world.servers(stage)
    up = time.monotonic()
    world.directory(stage)
    world.people_and_program(stage)
    world.calendar_and_life(stage)
    seen = acts.Seen()
    acts.held_and_mended(stage, seen)
    acts.feed_cut(stage, seen)
    acts.service_killed(stage, seen)
    acts.ask(stage, seen)
    acts.decision_recomputed(stage, seen)
    acts.wait_for(stage, lambda lines: True if _settled(stage, lines) else None, world.DAYS * stage.day_seconds)
    screen.pause_board()
    screen.say(f"told in {time.monotonic() - up:.0f} s since the stack was up")
    return closing.closing(stage, seen, stays)


def _settled(stage: world.World, lines: list[dict[str, object]]) -> bool:
    """Every school that nothing befalls has reached scale."""
    clean = {school for school, kind in stage.cast.items() if kind == "clean"}
    return not [line for line in lines if line["school_id"] in clean and line["phase"] != "scale"]


TELLERS: dict[Act, Callable[[world.World, bool], bool]] = {
    Act.EVIDENCE: _tell, Act.PEOPLE: _tell_people, Act.STATE: _tell_state
}  # fmt: skip
