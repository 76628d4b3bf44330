"""What people, time and guards do to a gate: `firstbell demo --act people`, told by public commands alone.

Three schools carry it: two that nothing befalls, and one whose line is slow. Called by cli.py; last screen: people_closing.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import schemas
from services.demo import world as stage
from services.demo.acts import Seen, wait_for
from services.demo.commands import call, must
from services.demo.receiver import Receiver
from services.demo.screen import Line
from services.demo.world import PROGRAM, World, districts_words

DEPLOY = Path(schemas.__file__).resolve().parent.parent / "deploy"
POLICY = "rehearsal-people"
COMMANDS_BEFORE = 12
"""Commands typed between the calendar's making and its first day. Our judgement, 2026-11-25."""
DAY_SECONDS = 3.0
"""Seconds of an instructional day where commands are quick. Our judgement, 2026-11-25."""
COMMANDS_A_DAY = 3
"""So many commands fit a day on any machine: a slow one has longer days. Our judgement, 2026-11-25."""
WINDOW = ("2026-09-16", "2026-09-22")
"""The eleventh to the fifteenth day from `stage.FIRST_DATE`; the policy freezes two days before it."""
DAYS_FROZEN_UNTIL = 15
WAIVER_DAYS = 4
"""Imagined days that the waiver outlives the freeze, so that the gate opens on it before it ends."""
SETTING = "FIRSTBELL_NOTIFIER_GATHER_SECONDS=0"
"""Notices are not gathered for a digest. Given to the servers' start: a room reads its settings once."""
LADDER = ("school-lead", "principal", "district-technology")
WAVES = "rehearsal-people-waves"
BINDS = "trainer-days"
"""The resource that binds there."""


def prepare(world: World) -> None:
    """The policy, the people and the program; no day passes yet."""
    must("policy", "store", str(DEPLOY / "policies" / f"{POLICY}.yaml"))
    stage.people_and_program(world, POLICY)


def days_begin(world: World) -> None:
    """The calendar with its testing window; its first day leaves time for what must be typed before."""
    where, command = districts_words(world), stage.command_seconds(world)
    stage.begin_calendar(
        world, where, max(DAY_SECONDS, COMMANDS_A_DAY * command), stage.DAYS,
        max(stage.LEAD_SECONDS, COMMANDS_BEFORE * command),
    )  # fmt: skip
    world.cast = must("simulate", "cast", *where, "--seed", str(world.wishes.seed), "--json").tree
    must(
        "calendar", "window", "add", "--name", "rehearsed-testing", "--kind", "testing", "--from", WINDOW[0],
        "--to", WINDOW[1], *where, "--yes",
    )  # fmt: skip
    world.screen.say(
        f"a testing window from {WINDOW[0]} to {WINDOW[1]} (SIMULATED); the policy freezes two days before"
    )


def patience(world: World, seconds: float) -> float:
    """So many seconds, or as much longer as this machine's days are."""
    return seconds * max(1.0, world.day_seconds / DAY_SECONDS)


def tell(world: World, seen: Seen) -> None:
    """Every act, in the order in which the calendar lets them happen."""
    days_begin(world)
    clean = sorted(school for school, kind in world.cast.items() if kind == "clean")
    slow = min(school for school, kind in world.cast.items() if kind == "slow-network")
    with Receiver() as receiver:
        contacts(world, receiver, slow)
        stage.begin_life(world, districts_words(world), stage.DAYS)
        approved(world, seen, clean[0])
        lapsed(world, seen, clean[1])
        escalated(world, seen, slow, receiver)
        frozen(world, seen, clean[0])
        waiver = waived(world, seen, slow)
        thawed(world, seen, clean[0])
        waiver_ended(world, seen, slow, waiver)
        guarded(world, seen, clean[0])
        second_chance(world, seen, clean[0])
        wave_held(world, seen)


def why(world: World, school: str) -> None:
    """Prints `school why`."""
    world.screen.show(call("school", "why", school, "--program", PROGRAM).out)


def facts(school: str, *kinds: str) -> list[Line]:
    """A school's facts of these kinds, oldest first."""
    history: list[Line] = must("school", "history", school, "--program", PROGRAM, "--json").tree
    return [fact for fact in history if fact["kind"] in kinds]


def line_of(lines: list[Line], school: str) -> Line:
    """One school's line of the board."""
    return next(line for line in lines if line["school_id"] == school)


def act(world: World, seen: Seen, *words: str) -> bool:
    """Types one command of a person and shows its answer; a refusal is a miss."""
    world.screen.say("$ firstbell " + " ".join(words))
    answer = call(*words)
    world.screen.show(answer.out or answer.err)
    if answer.code != 0:
        seen.misses.append(f"firstbell {' '.join(words[:2])}: exit {answer.code}")
    return answer.code == 0


def _happens(world: World, seen: Seen, school: str, kind: str, within: float, count: int = 1) -> bool:
    """Waits for so many facts of a kind; a miss when they do not come."""
    within = patience(world, within)
    found = wait_for(world, lambda _: True if len(facts(school, kind)) >= count else None, within)
    if not found:
        seen.misses.append(f"{school}: expected a fact {kind} within {within:.0f} s, seen none")
    return bool(found)


def _asked(world: World, seen: Seen, school: str) -> bool:
    asked = wait_for(world, lambda lines: True if line_of(lines, school)["asked"] else None, patience(world, 20))
    if not asked:
        seen.misses.append(f"{school}: nobody was asked within {patience(world, 20):.0f} s")
    return bool(asked)


def _approve(world: World, seen: Seen, school: str) -> bool:
    return act(
        world, seen, "gate", "approve", school, "--program", PROGRAM, "--stand-in", "--reason", "evidence-reviewed"
    )


def holder(world: World, school: str, role: str) -> str:
    """The stand-in who holds a role over a school."""
    district = line_of(world.schools(), school)["district_id"]
    rows: list[dict[str, Any]] = must("roster", "show", "--district", str(district), "--json").tree
    return next(str(row["actor_id"]) for row in rows if row["role"] == role and row["scope_id"] in (school, district))


def contacts(world: World, receiver: Receiver, school: str) -> None:
    """The three roles of the ladder are reached on loopback."""
    for role in LADDER:
        file = world.wishes.home / f"contact-{role}.txt"
        file.write_text(receiver.address(role), "utf-8")
        must("notify", "contact", "set", holder(world, school, role), "chat", "--address-file", str(file))
    world.screen.say(f"a receiver on loopback; reached there: {', '.join(LADDER)} (stand-ins)")


def approved(world: World, seen: Seen, school: str) -> None:
    """A person approves while only time is missing; and the freeze ahead is shown before anybody runs into it."""
    world.screen.say("1. an approval, given while time is still missing; `why` shows the freeze ahead")
    if not _asked(world, seen, school):
        return
    _approve(world, seen, school)
    ahead = stage.must_why(school)
    if not ahead["frozen_from"] or datetime.fromisoformat(ahead["frozen_from"]) < datetime.now(UTC):
        seen.misses.append(f"why: expected the freeze before it began, seen one from {ahead['frozen_from']}")
    world.screen.say(f"frozen from {ahead['frozen_from']}; next opening {ahead['next_opening_at']}")
    why(world, school)


def lapsed(world: World, seen: Seen, school: str) -> None:
    """An approval lapses when a status worsens, and the criterion is named."""
    world.screen.say("2. an approval, and then a status that worsens")
    if not (_asked(world, seen, school) and _approve(world, seen, school)):
        return
    world.simulate("worsen", school)
    world.screen.say("its line grew slow (SIMULATED)")
    if _happens(world, seen, school, "approval-lapsed", 20):
        world.screen.say(facts(school, "approval-lapsed")[-1]["text"])
        why(world, school)
    world.simulate("repair", school)


def escalated(world: World, seen: Seen, school: str, receiver: Receiver) -> None:
    """Three rungs arrive at a real receiver, each at its role; the last one told takes it."""
    say = world.screen.say
    say("3. a ladder of three rungs")

    def reached(_: list[Line]) -> list[str] | None:
        told = [role for role in LADDER if any(path == role and school in body and "escalated" in body
                                               for path, _title, body in receiver.messages)]  # fmt: skip
        return told if len(told) == len(LADDER) else None

    if wait_for(world, reached, patience(world, 30)) is None:
        seen.misses.append(
            f"rungs received: expected {', '.join(LADDER)}, seen {[each[0] for each in receiver.messages]}"
        )
    for path, title, body in list(receiver.messages):
        if "escalated" in body:
            say(f"received by {path} (SIMULATED): {title}")
    open_now: list[Line] = must("escalation", "list", "--program", PROGRAM, "--json").tree
    mine = [line["escalation_id"] for line in open_now if line["place"]["school_id"] == school]
    if not mine:
        seen.misses.append("escalation list: expected the slow school's, seen none")
        return
    act(world, seen, "escalation", "ack", mine[0], "--stand-in")
    why(world, school)


def waived(world: World, seen: Seen, school: str) -> str | None:
    """One person proposes to pass without one criterion, another above grants it, until a named end."""
    say = world.screen.say
    say("5. a waiver, proposed by one person and granted by another")
    frozen_until = world.began + timedelta(seconds=(DAYS_FROZEN_UNTIL + WAIVER_DAYS) * world.day_seconds)
    until = max(frozen_until, datetime.now(UTC) + timedelta(seconds=patience(world, 15))).strftime("%Y-%m-%dT%H:%M:%S")
    proposed = act(
        world, seen, "waiver", "propose", school, "network-speed", "--instead", "offline-lessons",
        "--reason", "cabling-late", "--until", until, "--as", holder(world, school, "principal"), "--program", PROGRAM,
    )  # fmt: skip
    if not proposed:
        return None
    if not _happens(world, seen, school, "waiver-proposed", 10):
        return None
    entries: list[Line] = must("waiver", "register", "--program", PROGRAM, "--json").tree
    waiver = next(str(entry["id"]) for entry in entries if entry["school_id"] == school)
    if not act(world, seen, "waiver", "grant", school, waiver, "--stand-in", "--program", PROGRAM):
        return None
    _happens(world, seen, school, "waiver-granted", 10)
    say(f"it ends at {until} UTC; until then the criterion is waived, and never shown as met")
    why(world, school)
    return waiver


def frozen(world: World, seen: Seen, school: str) -> None:
    """During the freeze nothing opens, whatever was approved; the next opening is told."""
    world.screen.say("4. the freeze: approved, in time, and still shut")

    def shut(_: list[Line]) -> dict[str, Any] | None:
        now = stage.must_why(school)
        held = [each["criterion_id"] for each in now["criteria"] if each["standing"] == "frozen"]
        return now if held else None

    during = wait_for(world, shut, patience(world, 40))
    if during is None:
        seen.misses.append("why: expected the gate frozen by the testing window, seen it never was")
        return
    why(world, school)
    world.screen.say(f"next opening: {during['next_opening_at']}")


def thawed(world: World, seen: Seen, school: str) -> None:
    """After the freeze the gate opens by itself, on the approval it already has."""
    opened = wait_for(
        world, lambda lines: True if line_of(lines, school)["phase"] == "beta" else None, patience(world, 60)
    )
    world.screen.say("the window is over: it opened by itself" if opened else "the window is over")
    if not opened:
        seen.misses.append(f"{school}: did not open after the freeze")


def guarded(world: World, seen: Seen, school: str) -> None:
    """Evidence contradicts an opened gate: warned, held, taken back, with work to do."""
    say = world.screen.say
    say("6. a guard: the opened gate is contradicted")
    world.simulate("worsen", school)
    back = _happens(world, seen, school, "phase-regressed", 20 + 6 * DAY_SECONDS)
    for fact in facts(school, "guard-changed", "phase-regressed", "work-item-opened"):
        say(f"{fact['kind']}: {fact['text']}")
    if back:
        why(world, school)
        world.screen.show(must("work", "list", "--program", PROGRAM).out)


def waiver_ended(world: World, seen: Seen, school: str, waiver: str | None) -> None:
    """A waiver's end: a gate that opened on it is judged again."""
    world.screen.say("5, continued. the waiver's end")
    if waiver is None or not _happens(world, seen, school, "waiver-ended", 40):
        return
    world.screen.say(facts(school, "waiver-ended")[-1]["text"])
    why(world, school)


def second_chance(world: World, seen: Seen, school: str) -> None:
    """After a failure: a root cause and a visible fix by people, repair in evidence, and the gate anew."""
    say = world.screen.say
    say("6, continued. a second chance: a root cause and a visible fix")
    if line_of(world.schools(), school)["phase"] != "infrastructure-check":
        return
    begin = ("gate", "mend", school, "--program", PROGRAM, "--stand-in")
    act(world, seen, *begin, "--root-cause", "line-overbooked")
    act(world, seen, *begin, "--fix", "line-upgraded")
    world.simulate("repair", school)
    if _asked(world, seen, school):
        _approve(world, seen, school)
    moved = wait_for(world, lambda lines: True if line_of(lines, school)["phase"] == "beta" else None,
                     patience(world, 20 + 12 * DAY_SECONDS))  # fmt: skip
    why(world, school)
    say("it passed the same gate again" if moved else "it has not passed again")
    if not moved:
        seen.misses.append(f"{school}: did not pass again after its second chance")


def wave_held(world: World, seen: Seen) -> None:
    """A plan in waves says what keeps a wave from being larger; once it runs, a school that waits is told the same."""
    say = world.screen.say
    say("7. waves: what binds, before anything starts and while a school waits")
    words = (WAVES, "--waves", str(DEPLOY / "programs" / f"{POLICY}.yaml"), "--policy", POLICY, "--rehearsal",
             *districts_words(world))  # fmt: skip
    planned = call("program", "plan", *words)
    world.screen.show(planned.out or planned.err)
    if planned.code != 0 or BINDS not in planned.out:
        seen.misses.append(f"program plan: expected {BINDS} to bind a wave")
        return
    waiting = str(must("program", "plan", *words, "--json").tree["waves"][1]["school_ids"][0])
    must("program", "start", *words, "--yes")
    asked = ("school", "why", waiting, "--program", WAVES)

    def bound(_: list[Line]) -> bool | None:
        call("gate", "sign-all", "--program", WAVES, "--json")  # the first wave's charters; signing twice is refused
        return True if BINDS in call(*asked).out else None

    say("started; the first wave's charters are signed by stand-ins, and a school of the second asks why it waits")
    if wait_for(world, bound, patience(world, 60)) is None:
        seen.misses.append(f"school why {waiting}: expected {BINDS} to hold its wave")
    world.screen.show(call(*asked).out)
