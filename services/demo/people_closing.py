"""The last screen of `firstbell demo --act people`. Every figure on it is computed from what the commands say now."""

from collections import Counter

from services.demo import closing
from services.demo.acts import Seen
from services.demo.commands import must
from services.demo.people import facts
from services.demo.screen import Line
from services.demo.world import PROGRAM, World

TOLD = {
    "approval-lapsed": "approvals lapsed",
    "waiver-granted": "waivers granted",
    "waiver-ended": "waivers ended",
    "escalation-acknowledged": "escalations taken",
    "phase-regressed": "schools taken back by a guard",
    "gate-opened": "gates opened",
}
"""Kinds of facts that are counted, and what they are called on the screen."""


def counted(history: list[Line]) -> list[str]:
    """One line for each kind of fact there was one of, in the order of `TOLD`."""
    counts = Counter(str(fact["kind"]) for fact in history)
    return [f"{counts[kind]:4d} {words}" for kind, words in TOLD.items()]


def people_closing(world: World, seen: Seen, stays: bool) -> bool:
    """Prints the last screen; True when nothing that was promised failed."""
    lines = world.schools()
    say = world.screen.console.print
    say(f"\n[bold]SIMULATED · program {PROGRAM} · instructional day {min(world.day(), 999)}[/]")
    for text in counted([fact for line in lines for fact in facts(str(line["school_id"]), *TOLD)]):
        say(f"  {text}")
    notices: list[Line] = must("notify", "list", "--state", "delivered", "--json").tree
    say(f"  {sum(notice['kind'] == 'rung-fired' for notice in notices):4d} rungs delivered to the receiver")
    say(f"  {len(must('work', 'list', '--program', PROGRAM, '--json').tree):4d} work items open")
    verdict = must("verify", "--json").tree
    opened = verdict["gates"]
    say(f"  gates opened without evidence: {opened['unsound']} of {opened['checked']} checked")
    return closing.ended(world, seen, stays, lines, verdict)
