"""The demo's acts. Each shows one promise of the program, and says what it saw, never what it expected to see."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from services.demo.commands import CommandError, call, must
from services.demo.screen import Line
from services.demo.world import PROGRAM, World

T = TypeVar("T")
LOOK_SECONDS = 0.4
"""Between two looks at the board. Our judgement, 2026-11-23."""


@dataclass(slots=True)
class Seen:
    """What the acts found out, for the last screen."""

    misses: list[str] = field(default_factory=list)
    reconciled: str = ""
    tampered: str = ""


def wait_for(world: World, look: Callable[[list[Line]], T | None], within: float) -> T | None:
    """Redraws the board until a look finds something; None after `within` seconds."""
    end = time.monotonic() + within
    while True:
        if (found := look(world.refresh())) is not None:
            return found
        if time.monotonic() > end:
            return None
        time.sleep(LOOK_SECONDS)


def _one(lines: list[Line], school_id: str) -> Line:
    return next(line for line in lines if line["school_id"] == school_id)


def held_and_mended(world: World, seen: Seen) -> None:
    """A school is held by evidence; the reason is told; it is mended; it advances."""
    slow = sorted(school for school, kind in world.cast.items() if kind == "slow-network")

    def held(lines: list[Line]) -> Line | None:
        return next((line for line in lines if line["school_id"] in slow and line["outcome"] == "unmet"), None)

    school = wait_for(world, held, 40 * world.day_seconds)
    if school is None:
        seen.misses.append("no school was held by its network within 40 days")
        return
    say = world.screen.say
    say(f"{school['school']} is held. Why?")
    world.screen.show(call("school", "why", school["school_id"], "--program", PROGRAM).out)
    wait_for(world, lambda _: True if world.day() > 11 else None, 60 * world.day_seconds)
    world.simulate("repair", school["school_id"])
    say(f"its line was upgraded (SIMULATED): {school['school']} reports a new probe")

    def advanced(lines: list[Line]) -> Line | None:
        line = _one(lines, school["school_id"])
        return line if line["phase"] != "infrastructure-check" else None

    moved = wait_for(world, advanced, 30 * world.day_seconds)
    if moved:
        say(f"{school['school']} advanced to {moved['phase']}, unattended, on measured evidence")
    else:
        seen.misses.append(f"{school['school']} did not advance within 30 days of its repair")


ENOUGH_SCHOOLS = 3
"""Schools of one district that the cut is shown on. Our judgement, 2026-11-23."""


def _knowing(lines: list[Line]) -> dict[str, list[Line]]:
    """District to its schools in beta about which enough is known to say more than "don't know"."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line["phase"] == "beta" and line["outcome"] not in ("unknown", None):
            found.setdefault(str(line["district_id"]), []).append(line)
    return found


def feed_cut(world: World, seen: Seen) -> None:
    """A district's help-desk feed is cut: its schools turn "don't know", and none advances until it is back."""
    say = world.screen.say

    def chosen(lines: list[Line]) -> list[Line] | None:
        groups = sorted(_knowing(lines).values(), key=len)
        return groups[-1] if groups and len(groups[-1]) >= ENOUGH_SCHOOLS else None

    schools = wait_for(world, chosen, 60 * world.day_seconds)
    if schools is None:
        seen.misses.append("no district had three schools in beta with their evidence in when the feed was to be cut")
        return
    district, name = str(schools[0]["district_id"]), schools[0]["district"]
    members = {line["school_id"] for line in schools}
    world.simulate("cut", district, "helpdesk")
    say(f"the help-desk feed of {name} is cut; {len(members)} of its schools are in beta with their evidence in")

    def here(lines: list[Line]) -> list[Line]:
        return [line for line in lines if line["school_id"] in members]

    def dark(lines: list[Line]) -> int | None:
        return len(members) if all(line["outcome"] == "unknown" for line in here(lines)) else None

    if wait_for(world, dark, 20 + 8 * world.day_seconds) is None:
        seen.misses.append(f'not every school of {name} turned to "don\'t know" after its feed was cut')
    else:
        say(f'all {len(members)} turned to "don\'t know": silence is not a pass')
    advanced = sum(line["phase"] != "beta" for line in here(world.refresh()))
    say(f"schools of these that advanced meanwhile: {advanced}")
    if advanced:
        seen.misses.append(f"{advanced} schools advanced while their feed was cut")
    world.simulate("restore", district, "helpdesk")
    back = wait_for(world, lambda lines: True if dark(lines) is None else None, 30)
    say("the feed is back: what waited arrived late, and counts" if back else "the feed is back")


def service_killed(world: World, seen: Seen) -> None:
    """A service is killed while it works; it comes back, and the counts agree to the unit."""
    say = world.screen.say
    status = call("stack", "status", "--json").tree
    process = next(entry for entry in status["processes"] if entry["name"] == "helpdesk")
    os.kill(int(process["pid"]), signal.SIGKILL)
    say(f"help desk service killed (process {process['pid']})")

    def back(_: list[Line]) -> int | None:
        for entry in call("stack", "status", "--json").tree["processes"]:
            if entry["name"] == "helpdesk" and entry["pid"] not in (None, process["pid"]) and entry["healthy"]:
                return int(entry["pid"])
        return None

    if (pid := wait_for(world, back, 40)) is None:
        seen.misses.append("the help desk service was not back within 40 s")
        return
    answer = call("verify", "--only", "I3", "--json")
    counts = answer.tree["conservation"]["helpdesk"]
    parts = " + ".join(f"{counts[name]} {name}" for name in
                       ("applied", "superseded", "duplicate", "dead", "parked", "ignored"))  # fmt: skip
    seen.reconciled = f"{counts['records']} records behind the fence = {parts}"
    say(f"back as process {pid}; {seen.reconciled}")
    if answer.code != 0:
        seen.misses.append("the counts do not agree: " + answer.out)


def ask(world: World, seen: Seen) -> None:
    """A principal is asked, with what is attested and what silence does; a person or a STAND-IN answers."""
    attesting = sorted(school for school, kind in world.cast.items() if kind == "unanswered")

    def asked(lines: list[Line]) -> Line | None:
        return next((line for line in lines if line["school_id"] in attesting and line["asked"]), None)

    school = wait_for(world, asked, 60 + 30 * world.day_seconds)
    if school is None:
        seen.misses.append("nobody was asked")
        return
    say = world.screen.say
    say(f"the {school['asked']} of {school['school']} is asked:")
    world.screen.show(call("gate", "ask", school["school_id"], "--program", PROGRAM).out)
    answer, actor = "approve", "STAND-IN"
    if world.screen.interactive:
        world.screen.pause_board()
        typed = world.screen.console.input("You are the principal. approve, reject, or Enter for STAND-IN: ").strip()
        answer, actor = (typed, "you") if typed in {"approve", "reject"} else ("approve", "STAND-IN")
    reason = "evidence-reviewed" if answer == "approve" else "not-ready"
    result = call("gate", answer, school["school_id"], "--program", PROGRAM, "--stand-in", "--reason", reason)
    world.screen.show(result.out or result.err)
    if answer == "approve":

        def moved(lines: list[Line]) -> bool | None:
            return True if _one(lines, school["school_id"])["phase"] == "scale" else None

        reached = wait_for(world, moved, 20 * world.day_seconds)
        say(f"answered by {actor}: {school['school']} {'advanced to scale' if reached else 'did not advance'}")
        if not reached:
            seen.misses.append(f"{school['school']} did not advance after its approval")
    else:
        say(f"answered by {actor}: {school['school']} stays in training")


def decision_recomputed(world: World, seen: Seen) -> None:
    """A decision is recomputed from its record alone, and refused after one digit of it is changed."""
    opened = next((line for line in world.refresh() if line["phase"] in ("beta", "training", "scale")), None)
    if opened is None:
        seen.misses.append("no school had passed a gate")
        return
    say = world.screen.say
    record = must("decision", "show", opened["school_id"], "--program", PROGRAM, "--gate", "G1", "--json").out
    file = world.wishes.home / "decision-G1.json"
    file.write_text(record, "utf-8")
    fine = call("decision", "verify", str(file))
    say(f"the decision that opened G1 for {opened['school']}, recomputed from its record:")
    world.screen.show(fine.out or fine.err)
    changed = file.with_name("decision-G1-changed.json")
    changed.write_text(_one_digit_changed(record), "utf-8")
    refused = call("decision", "verify", str(changed))
    say("the same record with one digit of an observed value changed:")
    world.screen.show(refused.out or refused.err)
    if fine.code != 0 or refused.code == 0:
        seen.misses.append(f"decision verify: exit {fine.code} for the record, {refused.code} for the changed one")
    seen.tampered = "refused" if refused.code != 0 else "NOT REFUSED"


def _one_digit_changed(record: str) -> str:
    tree = json.loads(record)
    inputs = (tree.get("record") or tree.get("decision") or tree)["inputs"]
    for item in inputs["evidence"].values():
        if isinstance(item.get("value"), float) and item["value"] > 1:
            text = f"{item['value']:.2f}"
            item["value"] = float(text[:-1] + str((int(text[-1]) + 1) % 10))
            return json.dumps(tree)
    raise CommandError("decision record: expected an observed value to change, seen none")
