"""Prepares the demo's world by public commands: servers, Washington's schools, calendars, people, a program, life.

Everything lives in a home of its own and starts clean.
"""

import math
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import schemas
from services.demo.commands import CommandError, call, must
from services.demo.screen import Line, Screen

PROGRAM = "rehearsal"
RELEASE = "reader-2026.2"
DAYS = 160
"""Imagined instructional days: the default policy's 10 + 30 + 20, and as many again for a slow machine."""
LEAD_SECONDS = 5.0
"""From the command until the first imagined day: the calendar reaches every room, the simulator starts."""
SIGNING_SECONDS_MAX = 240.0
"""After which the charters' signing is given up. Our judgement, 2026-11-23."""
FIRST_DATE = "2026-09-02"
DATA = Path(schemas.__file__).resolve().parent.parent / "deploy" / "data" / "nces"


@dataclass(slots=True)
class Wishes:
    """What the person asked for."""

    schools: int
    districts: list[str]
    seed: int
    home: Path


@dataclass(slots=True)
class World:
    """The demo's world once it stands."""

    wishes: Wishes
    screen: Screen
    districts: list[Line] = field(default_factory=list)
    cast: dict[str, str] = field(default_factory=dict)
    life: "subprocess.Popen[bytes] | None" = None
    day_seconds: float = 1.0
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def day(self) -> int:
        """The imagined day under way, from 1."""
        return max(int((datetime.now(UTC) - self.began).total_seconds() / self.day_seconds) + 1, 0)

    def schools(self) -> list[Line]:
        """The program's schools as the console has them."""
        tree: list[Line] = must("school", "list", "--program", PROGRAM, "--json").tree
        return tree

    def refresh(self) -> list[Line]:
        """Looks at the schools and redraws the board."""
        lines = self.schools()
        title = f"SIMULATED · program {PROGRAM} · instructional day {self.day()} · {len(lines)} schools"
        self.screen.update(lines, title)
        return lines

    def simulate(self, *words: str) -> None:
        """An act of fate."""
        must("simulate", *words)

    def end_life(self) -> None:
        """Stops the simulator."""
        if self.life and self.life.poll() is None:
            self.life.terminate()
            try:
                self.life.wait(10)
            except subprocess.TimeoutExpired:
                self.life.kill()
                self.life.wait()


def start_clean(world: World) -> None:
    """Ends what an earlier demo left, and removes its state."""
    home = world.wishes.home
    if home.exists():
        call("stack", "down", "--home", str(home))
        call("stack", "reset", "--yes", "--home", str(home))
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def servers(world: World, *settings: str) -> None:
    """PostgreSQL, Kafka, Temporal, topics, tables, services, under settings `NAME=VALUE`. Progress is on standard error."""
    done = subprocess.run(
        ["env", *settings, sys.executable, "-m", "services.cli", "stack", "up", "--home", str(world.wishes.home)],
        check=False,
    )
    if done.returncode != 0:
        raise CommandError("firstbell stack up: see above; then `firstbell doctor`")


def choose_districts(listing: list[Line], wishes: Wishes) -> list[Line]:
    """The districts asked for; otherwise three, by the seed, that together have about the schools asked for."""
    usable = [line for line in listing if line["status"] == "open" and line["schools_count"] > 0]
    if wishes.districts:
        found = []
        for wanted in wishes.districts:
            fits = [line for line in usable if wanted.lower() in (line["name"].lower(), line["district_id"])]
            fits = fits or [line for line in usable if wanted.lower() in line["name"].lower()]
            if len(fits) != 1:
                seen = ", ".join(line["name"] for line in fits[:5]) or "none"
                raise CommandError(f"--district {wanted}: expected one district with open schools, fits {seen}")
            found += fits
        return found
    dice = Random(wishes.seed)
    if wishes.schools > 60:
        return _many(sorted(usable, key=lambda line: (-line["schools_count"], line["name"])), wishes.schools)
    share = wishes.schools / 3
    near = [line for line in usable if share * 0.7 <= line["schools_count"] <= share * 1.3]
    pool = sorted(near if len(near) >= 3 else usable, key=lambda line: line["district_id"])
    tries = [dice.sample(pool, min(3, len(pool))) for _ in range(200)]
    return min(tries, key=lambda picks: abs(sum(line["schools_count"] for line in picks) - wishes.schools))


def _many(usable: list[Line], wanted: int) -> list[Line]:
    """The fewest largest districts that reach the number."""
    picked: list[Line] = []
    for line in usable:
        if sum(pick["schools_count"] for pick in picked) >= wanted:
            break
        picked.append(line)
    return picked


def directory(world: World) -> None:
    """Imports Washington and chooses districts."""
    say = world.screen.say
    import_state(world)
    listing: list[Line] = must("directory", "list", "--json").tree
    world.districts = choose_districts(listing, world.wishes)
    names = ", ".join(f"{line['name']} ({line['schools_count']})" for line in world.districts)
    say(f"in the program: {names}; their future from here is SIMULATED")


def import_state(world: World) -> None:
    """Imports Washington's files, and says what landed."""
    answer = must("directory", "import", *sorted(str(path) for path in DATA.glob("washington_*.csv")), "--json").tree
    world.screen.say(
        f"Washington's directory: {answer['schools']['created']} schools and {answer['districts']['created']} districts "
        f"landed, {answer['faults_count']} rows at fault"
    )


def districts_words(world: World) -> list[str]:
    """`--district ID` for each."""
    return [word for line in world.districts for word in ("--district", str(line["district_id"]))]


def people_and_program(world: World, policy: str = "default") -> None:
    """Stand-ins for every role; the program; their signatures under the charters. No day passes meanwhile."""
    where = districts_words(world)
    must("roster", "rehearse", *where)
    words = ("--policy", policy, *where, "--rehearsal", "--release", RELEASE)
    begun = must("program", "start", PROGRAM, *words, "--yes", "--json")
    started = int(begun.tree["schools"])
    signed = 0
    end = time.monotonic() + SIGNING_SECONDS_MAX
    while True:
        lines = world.refresh()
        if len(lines) >= started and not [line for line in lines if line["phase"] == "charter"]:
            break
        if time.monotonic() > end:
            raise CommandError(f"gate sign-all: expected every charter signed within {SIGNING_SECONDS_MAX:.0f} s")
        signed += int(call("gate", "sign-all", "--program", PROGRAM, "--json").tree["accepted"])
        time.sleep(1.0)  # the console learns of signatures by their facts; signing twice is refused, harmlessly
    world.screen.say(f"{signed} charter sign-offs by STAND-IN actors, recorded as asserted")


def calendar_and_life(world: World) -> None:
    """Rehearsal calendars of the districts, whose days last a second or longer, and imagined life from their first day."""
    where = districts_words(world)
    count = sum(line["schools_count"] for line in world.districts)
    begin_calendar(world, where, max(1.0, count / 30, command_seconds(world)), DAYS)
    world.cast = must("simulate", "cast", *where, "--seed", str(world.wishes.seed), "--json").tree
    begin_life(world, where, DAYS)


def must_why(school: str) -> dict[str, Any]:
    """`school why --json`, whose exit code says only whether the gate is open. Any: JSON."""
    tree: dict[str, Any] = call("school", "why", school, "--program", PROGRAM, "--json").tree
    return tree


def command_seconds(world: World) -> float:
    """How long this machine takes for one command that asks a workflow: on a slow one imagined days are longer."""
    school = str(world.schools()[0]["school_id"])
    began = time.monotonic()
    must_why(school)
    return time.monotonic() - began


def begin_calendar(
    world: World, where: list[str], day_seconds: float, days: int, lead_seconds: float | None = None
) -> None:
    """Rehearsal calendars for these districts, from a moment ahead on."""
    world.day_seconds = math.ceil(day_seconds * 10) / 10
    world.began = datetime.now(UTC) + timedelta(seconds=lead_seconds or LEAD_SECONDS)
    must(
        "calendar", "rehearse", *where, "--start", world.began.isoformat(), "--day-seconds", str(world.day_seconds),
        "--days", str(days), "--first-date", FIRST_DATE, "--last-day-hours", "720",
    )  # fmt: skip
    world.screen.say(f"a rehearsal calendar: {days} instructional days of {world.day_seconds:g} s from {FIRST_DATE}")


def begin_life(world: World, where: list[str], days: int, *words: str) -> None:
    """Starts the simulator of these districts; `end_life` ends it."""
    log = world.wishes.home / "logs" / "simulator.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as out:
        world.life = subprocess.Popen(
            [
                sys.executable, "-m", "services.cli", "simulate", "run", *where, "--seed", str(world.wishes.seed),
                "--days", str(days - 1), "--release", RELEASE, "--linger", *words,
            ],
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
