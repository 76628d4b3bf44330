"""A whole state in one wave: `firstbell demo --act state`, told by public commands alone.

Every school with pupils walks every gate of a policy of four days. Prints what takes how long. Called by cli.py.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import schemas
from services.demo import closing, world
from services.demo.acts import Seen
from services.demo.commands import CommandError, call, must
from services.demo.world import PROGRAM, RELEASE, World

DEPLOY = Path(schemas.__file__).resolve().parent.parent / "deploy"
NAME = "rehearsal-state"
STATE_SCHOOLS = 2500
"""So many asked for, or more, are the whole state."""
DAYS = 40
"""Instructional days of the calendar: the policy's four, and many more for a slow machine: past its end no dwell ends."""
SETTINGS = (
    "FIRSTBELL_WORKER_CACHED_SCHOOLS=2600", "FIRSTBELL_WORKER_STICKY_SECONDS=30", "FIRSTBELL_WORKER_TASK_SLOTS=64",
    "FIRSTBELL_BRIDGE_STARTS_PER_SECOND=25", "FIRSTBELL_BRIDGE_COMPANY_SECONDS=300",
)  # fmt: skip
"""Every school stays in the worker's memory, and is not taken from it while it is busy, so that a gate that falls due is
decided without its history being read; and no more begin than the development server hands on at once: what it must put
aside costs it twice."""
LOOK_SECONDS = 3.0
"""Between two looks at the program's standing. Our judgement, 2026-11-25."""
SIGN_SECONDS = 20.0
"""Between two rounds of signatures, at most: each reads every school, while the server starts them. The fewer are left, the
sooner the next. Our judgement, 2026-11-25."""
STEP_SECONDS_MAX = 1200.0
"""After which a step is given up. Our judgement, 2026-11-25: above the fifteen minutes that the whole may take."""
DAY_SECONDS = 100.0
"""One instructional day of a whole state, whose sources report once a day. Our judgement, 2026-11-25: two cores bear it."""
ORDER = ("charter", "infrastructure-check", "beta", "training", "scale")


def prepare(stage: World) -> int:
    """The state's directory, policy, people, calendars and program. Returns how many schools it seats."""
    say = stage.screen.say
    world.import_state(stage)
    must("policy", "store", str(DEPLOY / "policies" / f"{NAME}.yaml"))
    where = _where(stage)
    must("roster", "rehearse", *where)
    seconds = min(DAY_SECONDS, max(5.0, stage.wishes.schools / 25))
    world.begin_calendar(stage, where, seconds, DAYS)
    words = ("--policy", NAME, *where, "--with-pupils", "--rehearsal", "--release", RELEASE)
    started = must(
        "program", "start", PROGRAM, "--waves", str(DEPLOY / "programs" / f"{NAME}.yaml"), *words, "--yes", "--json"
    ).tree
    count = sum(int(wave["schools"]) for wave in started["waves"])
    say(f"{count} schools with pupils are seated in {len(started['waves'])} wave; the bridge starts them at its pace")
    return count


def _where(stage: World) -> list[str]:
    """The whole state, unless fewer schools were asked for."""
    if stage.wishes.schools >= STATE_SCHOOLS:
        return ["--all"]
    if not stage.districts:
        stage.districts = world.choose_districts(must("directory", "list", "--json").tree, stage.wishes)
    return world.districts_words(stage)


def sign(stage: World, count: int) -> None:
    """While schools begin, stand-ins sign until nobody is in charter: signing twice is refused, harmlessly."""
    signed = 0
    end = time.monotonic() + STEP_SECONDS_MAX
    while (at := standing(stage)).get("charter", 0) or sum(at.values()) < count:
        if time.monotonic() > end:
            raise CommandError(f"expected {count} charters signed within {STEP_SECONDS_MAX:.0f} s, seen {at}")
        answer = call("gate", "sign-all", "--program", PROGRAM, "--json")
        signed += int(answer.tree["accepted"]) if answer.out else 0
        left = count - sum(at.values()) + at.get("charter", 0)
        time.sleep(min(SIGN_SECONDS, max(LOOK_SECONDS, left / 40)))  # the console learns of signatures by their facts
    stage.screen.say(f"{signed} charter sign-offs by STAND-IN actors, recorded as asserted")


def _until(stage: World, what: str, look: Callable[[dict[str, int]], bool]) -> None:
    end = time.monotonic() + STEP_SECONDS_MAX
    while not look(at := standing(stage)):
        if time.monotonic() > end:
            raise CommandError(f"expected {what} within {STEP_SECONDS_MAX:.0f} s, seen {at}")
        time.sleep(LOOK_SECONDS)


def standing(stage: World) -> dict[str, int]:
    """Schools under way by phase, as their last facts say; shown when it is due."""
    rows = must("program", "status", PROGRAM, "--json").tree["standings"]
    found: dict[str, int] = {}
    for row in rows:
        if row["phase"] is not None:
            found[row["phase"]] = found.get(row["phase"], 0) + int(row["schools_count"])
    stage.screen.note("; ".join(f"{phase} {found[phase]}" for phase in ORDER if phase in found) or "none under way yet")
    return found


def tell(stage: World) -> None:
    """The whole story, each step with its seconds. Raises CommandError when a step does not end."""
    began, say = time.monotonic(), stage.screen.say
    count = prepare(stage)
    sign(stage, count)
    say(f"begun and signed: {time.monotonic() - began:.0f} s since the stack was up")
    world.begin_life(stage, _where(stage), DAYS, "--life", "brief", "--clean", "1")
    say("their sources begin to speak (SIMULATED): what their first days held is late, and counts")
    _until(stage, f"{count} schools in scale", lambda at: at.get("scale", 0) >= count)
    say(f"{count} schools walked every gate in {time.monotonic() - began:.0f} s since the stack was up")


def state_closing(stage: World, seen: Seen, stays: bool) -> bool:
    """Prints the last screen; True when nothing that was promised failed. Any: JSON."""
    say = stage.screen.console.print
    status: dict[str, Any] = call("stack", "status", "--json").tree
    for entry in status["processes"]:
        say(f"  {entry['name']}: {int(entry['memory_bytes']) / 1e6:.0f} MB")
    verdict = must("verify", "--json").tree
    opened = verdict["gates"]
    say(f"  gates opened without evidence: {opened['unsound']} of {opened['checked']} checked")
    lines = must("school", "list", "--program", PROGRAM, "--phase", "scale", "--json").tree
    return closing.ended(stage, seen, stays, lines[:1], verdict)
