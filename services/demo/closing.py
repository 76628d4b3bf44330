"""The last screen. Every figure on it is computed from what the commands say now."""

from collections import Counter
from typing import Any

import psutil

from services.demo.acts import Seen
from services.demo.commands import call, must
from services.demo.screen import Line
from services.demo.world import PROGRAM, World


def closing(world: World, seen: Seen, stays: bool) -> bool:
    """Prints the last screen; True when nothing that was promised failed."""
    lines = world.schools()
    say = world.screen.console.print
    say(f"\n[bold]SIMULATED · program {PROGRAM} · instructional day {min(world.day(), 999)}[/]")
    groups = Counter(group_of(line) for line in lines)
    for name in (
        "reached scale",
        "held by evidence",
        "held for missing evidence",
        "asked and unanswered",
        "waiting for time",
    ):
        say(f"  {groups[name]:4d} {name}")
    reasons = must("district", "why", "--program", PROGRAM, "--json").tree
    if reasons["groups"]:
        top = reasons["groups"][0]
        say(f"  commonest reason: {top['criterion']} at {top['gate']}, {top['schools']} schools")
        say(f"    next step: {top['next_step']} ({top['owner']})")
    verdict = call("verify", "--json").tree
    opened = verdict["gates"]
    say(f"  gates opened without evidence: {opened['unsound']} of {opened['checked']} checked")
    say(f"  counts after the kill: {seen.reconciled or 'not reached'}")
    say(f"  a decision record with one digit changed: {seen.tampered or 'not reached'}")
    late = [line for line in lines if world.cast.get(str(line["school_id"])) == "clean" and line["phase"] != "scale"]
    if late:
        seen.misses.append(f"{len(late)} schools that nothing befell did not reach scale, first {late[0]['school']}")
    return ended(world, seen, stays, lines, verdict)


def ended(world: World, seen: Seen, stays: bool, lines: list[Line], verdict: dict[str, Any]) -> bool:
    """Where to look further, and every miss; True when there is none. Any: JSON."""
    say = world.screen.console.print
    for breach in verdict["breaches"]:
        seen.misses.append(
            f"{breach['invariant']} {breach['subject']}: expected {breach['expected']}, seen {breach['seen']}"
        )
    _addresses(world, stays, lines)
    for miss in seen.misses:
        say(f"  [red]missed:[/] {miss}")
    return not seen.misses and verdict["ok"] is True


def group_of(line: dict[str, object]) -> str:
    """The one group of the last screen that a school is counted in."""
    if line["phase"] == "scale":
        return "reached scale"
    return {
        "unmet": "held by evidence",
        "unknown": "held for missing evidence",
        "needs-approval": "asked and unanswered",
    }.get(str(line["outcome"]), "waiting for time")


def _addresses(world: World, stays: bool, lines: list[dict[str, object]]) -> None:
    say = world.screen.console.print
    report = world.wishes.home / "report.html"
    must("report", "--program", PROGRAM, "--html", str(report))
    status = call("stack", "status", "--json").tree
    held = next((line for line in lines if line["outcome"] in ("unmet", "unknown")), lines[0])
    say(f"  report: {report}", soft_wrap=True)
    for entry in status["processes"]:
        for kind in ("page", "metrics"):
            if entry["name"] in ("temporal", "console") and kind in entry["addresses"]:
                place = entry["addresses"][kind].removeprefix("http://") + ("/metrics" if kind == "metrics" else "")
                say(f"  {entry['name']} {kind}: http://{place}")
    say(f"  memory in use by servers and services: {memory_mb(status):.0f} MB")
    if not stays:
        return
    say("  type next:")
    prefix = f"FIRSTBELL_HOME={world.wishes.home} .venv/bin/firstbell"
    for words in (
        f"school why {held['school_id']}",
        f"school list --program {PROGRAM} --phase training",
        f"district why --program {PROGRAM}",
        f"simulate repair {held['school_id']}",
        "verify",
    ):
        say(f"    {prefix} {words}", soft_wrap=True)
    say("  to stop: make stack-down")


def memory_mb(status: dict[str, object]) -> float:
    """Proportional memory of the processes and their children, in MB of 10^6 bytes; shared pages counted once."""
    total = 0
    entries = status["processes"]
    assert isinstance(entries, list)
    pids = {int(entry["pid"]) for entry in entries if entry.get("pid")}
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            found |= {process.pid: process} | {child.pid: child for child in process.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    for process in found.values():
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", 0) or full.rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1e6
