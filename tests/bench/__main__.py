"""`make bench`: measures the house on servers of its own and writes docs/performance.md.

Progress goes to standard error. A miss is written down and is no failure; void measurements end with exit code 1.
"""

import argparse
import asyncio
import os
import sys
import time
from statistics import median

from services.kit.settings import Settings
from tests.bench import deciding, due, histories, latency, report
from tests.bench.figures import percentile, ratio, spread
from tests.bench.ingestion import Ingestion, Run, VoidError
from tests.bench.latency import STAGES, Outcome
from tests.bench.report import Line
from tests.harness.stack import PrivateStack

RATE_MARK, RATIO_MARK = 20_000, 15
P50_MARK, P99_MARK = 300, 1_000
SIGNALS_MARK = 20
LATE_SECONDS_MAX = 0.1
"""Delay of the generator past which latencies speak of the machine. Our judgement, 2026-11-23."""
EVENTS_MARK, KILOBYTES_MARK = 120, 40
CONTENDERS = ("room", "plain", "drain", "copy")
HISTORIES = (10, 100, 500)
DUE_NOTE = (
    "Sixty districts, each with an instant of its own, a second apart. The worker that meets them is another process than "
    "the one that saw the schools begin: it remembers none, and reads each history first. Jitter may delay a wake-up by a "
    "hundredth of the wait, at most five seconds."
)
DUE_MARKS = {2_500: 90, 10_000: 300}
"""Gates due in one minute, and the seconds from the first instant within which the last must be open."""
NAMES = ("ingestion", "latency", "histories", "deciding", "due")


def say(text: str) -> None:
    """Progress."""
    os.write(2, f"bench: {text}\n".encode())


# -- ingestion


async def ingestion(settings: Settings, *, quick: bool) -> None:
    pairs = 3 if quick else 7
    bench = Ingestion(settings, 60_000 if quick else 200_000, 800 if quick else 4_000)
    say("ingestion: publishing the loads")
    await bench.prepare()
    await bench.room()  # files and plans warm; not counted
    runs: dict[str, list[Run]] = {name: [] for name in CONTENDERS}
    for pair in range(pairs):
        for name in CONTENDERS:
            runs[name].append(await getattr(bench, name)())
        told = ", ".join(f"{name} {runs[name][-1].rate:,.0f}/s" for name in CONTENDERS)
        say(f"ingestion: {pair + 1} of {pairs}: {told}")
    report.write("ingestion", _ingestion_lines(runs), [_ingestion_note(bench, pairs, runs)])


def _ingestion_lines(runs: dict[str, list[Run]]) -> list[Line]:
    rates = {name: [run.rate for run in found] for name, found in runs.items()}
    middle, least, most = spread(rates["room"])
    times, low, high = ratio(rates["room"], rates["plain"])
    lines = [
        Line(
            "provisioning room, one process, events a second", f"**{middle:,.0f}** ({least:,.0f} to {most:,.0f})",
            f"at least {RATE_MARK:,}", middle >= RATE_MARK,
        ),
        Line(
            "… times the plain handler", f"**{times:.1f}** (95 %: {low:.1f} to {high:.1f})", f"at least {RATIO_MARK}",
            times >= RATIO_MARK,
        ),
    ]  # fmt: skip
    cpus = {name: [run.cpu_microseconds for run in found] for name, found in runs.items()}
    times, low, high = ratio(cpus["plain"], cpus["room"])
    lines.append(
        Line("… CPU an event, the plain handler's to the room's", f"{times:.1f} (95 %: {low:.1f} to {high:.1f})")
    )
    words = {
        "room": "provisioning room", "plain": "plain FastStream handler", "drain": "raw drain (consumer alone, no decoding)",
        "copy": "COPY of the same bytes",
    }  # fmt: skip
    for name in CONTENDERS:
        seen = f"{median(rates[name]):,.0f} events/s, {median(cpus[name]):.1f} µs CPU of its process an event"
        lines.append(Line(words[name], seen))
    times, low, high = ratio(rates["room"], rates["drain"])
    lines.append(Line("room's rate to the raw drain's", f"{times:.2f} (95 %: {low:.2f} to {high:.2f})"))
    return lines


def _ingestion_note(bench: Ingestion, pairs: int, runs: dict[str, list[Run]]) -> str:
    count, size = bench.fleet.events_count, bench.value_bytes / bench.fleet.events_count
    note = (
        f"{pairs} pairs in turns; {count:,} events of {size:.0f} bytes for the room, the drain and COPY, "
        f"{bench.plain_fleet.events_count:,} for the plain handler, of which the first tenth warms up. Every room and plain "
        "run ended in the state the load demands, to the digest, with counts that add up."
    )
    fastest = max(run.rate for run in runs["room"])
    slow = median(run.rate for run in runs["room"])
    if slow < RATE_MARK:
        cpu = median(run.cpu_microseconds for run in runs["room"])
        note += (
            f" Below the mark in this run: {os.cpu_count()} cores carry Kafka, PostgreSQL, the room and whatever else the "
            f"load average tells of. The room itself spends {cpu:.0f} µs an event, which is {1e6 / cpu:,.0f} a second on a "
            f"core of its own; its best run here made {fastest:,.0f}."
        )
    return note


# -- latency


async def latencies(settings: Settings, *, quick: bool, schools_count: int) -> None:
    say(f"latency: {schools_count} schools sign, and wait at the infrastructure check")
    async with latency.open_schools(settings, schools_count) as life:
        say("latency: signals alone")
        raw = await latency.raw_signals(life, 8 if quick else 20)
        say("latency: under load")
        seen = await latency.under_load(life, 3 if quick else 10, 15 if quick else 60)
    lines = _latency_lines(seen, raw)
    note = (
        f"{schools_count} open schools; {seen.stages[STAGES[3]].count:,} changes of a verdict, each found again in its "
        f"reading, its signal and its fact; {latency.OTHERS_PER_SECOND:,} other events a second; the generator itself was "
        f"never more than {seen.sent_late_seconds * 1000:.0f} ms late. The raw signal goes straight to the same workflows "
        "at the same pace, with nothing else under way."
    )
    report.write("latency", lines, [note, *_latency_reason(seen)])


def _latency_lines(seen: Outcome, raw: Outcome) -> list[Line]:
    whole = seen.stages[STAGES[3]]
    p50, p99 = whole.at(50), whole.at(99)
    lines = [
        Line("event to durable decision, p50", f"**{p50:.0f} ms**", f"at most {P50_MARK} ms", p50 <= P50_MARK),
        Line("event to durable decision, p99", f"**{p99:.0f} ms**", f"at most {P99_MARK} ms", p99 <= P99_MARK),
    ]
    for name, what in zip(
        STAGES,
        ("event due → reading on Kafka", "reading → Temporal signal recorded", "signal → fact durable"),
        strict=False,
    ):
        stage = seen.stages[name]
        lines.append(Line(f"… {what}", f"p50 {stage.at(50):.0f} ms, p99 {stage.at(99):.0f} ms"))
    alone = raw.stages[STAGES[2]]
    lines.append(Line("raw Temporal signal → fact, no load", f"p50 {alone.at(50):.0f} ms, p99 {alone.at(99):.0f} ms"))
    share = seen.signals_count / seen.events_count * 1000
    lines.append(
        Line(
            "Temporal signals for 1,000 raw events", f"**{share:.1f}**", f"at most {SIGNALS_MARK}", share <= SIGNALS_MARK
        )
    )  # fmt: skip
    return lines


def _latency_reason(seen: Outcome) -> list[str]:
    whole = seen.stages[STAGES[3]]
    if whole.at(50) <= P50_MARK and whole.at(99) <= P99_MARK:
        return []
    worst = max(STAGES[:3], key=lambda name: seen.stages[name].at(99))
    reason = f"Missed in this run; the longest stage at p99 is {worst}."
    if seen.sent_late_seconds > LATE_SECONDS_MAX:
        reason += (
            f" The generator itself fell {seen.sent_late_seconds * 1000:.0f} ms behind, so the machine had no room for the "
            "load: this says little of the house. Repeat it on a quiet machine."
        )
    return [reason]


# -- histories


def phase_histories(*, quick: bool) -> None:
    say("histories: a demo to its end")
    runs = histories.played(6 if quick else 12)
    events, sizes = [run.events for run in runs], [run.size_bytes / 1000 for run in runs]
    events_most, size_most = max(events), max(sizes)
    lines = [
        Line(
            "history events of a phase's run", f"median {median(events):.0f}, **most {events_most}**",
            f"at most {EVENTS_MARK}", events_most <= EVENTS_MARK,
        ),
        Line(
            "bytes of a phase's run", f"median {median(sizes):.1f} KB, **most {size_most:.1f} KB**",
            f"at most {KILOBYTES_MARK} KB", size_most <= KILOBYTES_MARK,
        ),
    ]  # fmt: skip
    over = sum(run.events > EVENTS_MARK or run.size_bytes > KILOBYTES_MARK * 1000 for run in runs)
    note = f"{len(runs)} runs that ended by opening a phase; {over} of them over a mark."
    report.write("histories", lines, [note])


# -- due


async def gates_due(settings: Settings, schools_count: int) -> list[Line]:
    say(f"due: {schools_count:,} schools begin, then wait for their minute")
    seen = await due.gates_due(settings, schools_count)
    mark = DUE_MARKS.get(schools_count)
    late = sorted(seen.lateness)
    memory = ", ".join(f"{name} {size:,.0f} MB" for name, size in seen.memory_mb.items())
    return [
        Line(
            f"{schools_count:,} gates due in one minute: first instant → last gate open",
            f"**{seen.first_to_last_seconds:.0f} s**", f"at most {mark} s" if mark else "",
            seen.first_to_last_seconds <= mark if mark else None,
        ),
        Line(
            "… lost, early", f"**{schools_count - seen.decided_count}, {seen.early_count}**", "none",
            seen.decided_count == schools_count and seen.early_count == 0,
        ),
        Line("… a gate's own instant → its durable fact", f"p50 {median(late):.1f} s, p99 {percentile(late, 99):.1f} s"),
        Line("… memory at the end; CPU of the worker", f"{memory}; {seen.worker_cpu_seconds:.0f} s"),
    ]  # fmt: skip


# -- deciding


def decisions(*, quick: bool) -> None:
    say("deciding: gates, steps, facts; no servers")
    rounds, load = 500 if quick else 3_000, os.getloadavg()[0]
    lines = [Line("a gate of 40 criteria and 200 readings, decided", _microseconds(deciding.a_gate(rounds)))]
    steps = {count: deciding.a_step(count, rounds) for count in HISTORIES}
    lines += [Line(f"`advance`, {count} facts behind the school", _microseconds(seen)) for count, seen in steps.items()]
    shortest, longest = steps[HISTORIES[0]], steps[HISTORIES[-1]]
    lines.append(Line("… 500 facts to 10, medians", f"{median(longest) / median(shortest):.2f}"))
    lines.append(Line("a fact folded into the picture", _microseconds(deciding.a_fold(rounds))))
    note = (
        f"{rounds:,} calls each after a tenth as many, wall time of one process; the load average was {load:.1f} before and "
        f"{os.getloadavg()[0]:.1f} after. The readings "
        "are folded beforehand. A step here changes the verdict: it decides, writes a fact and takes its digest. On a busy "
        "machine p99 tells of waiting for a core."
    )
    report.write("deciding", lines, [note])


def _microseconds(seen: list[float]) -> str:
    return f"**{median(seen) * 1e6:,.0f} µs**, p99 {percentile(seen, 99) * 1e6:,.0f} µs"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=NAMES, action="append", help="one part; repeat for more")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument(
        "--due", type=int, action="append", help="how many gates; repeat for more (default 2500, 10000)"
    )
    parser.add_argument("--schools", type=int, default=None, help="open schools in the latency part (default 300)")
    wishes = parser.parse_args()
    chosen = wishes.only or list(NAMES)
    started = time.monotonic()
    try:
        counts = wishes.due or ([600] if wishes.quick else list(DUE_MARKS))
        _measure(chosen, counts, quick=wishes.quick, schools_count=wishes.schools or (60 if wishes.quick else 300))
    except (VoidError, latency.VoidError, AssertionError, RuntimeError) as error:
        say(f"void: {error}")
        return 1
    say(f"written to {report.DOCUMENT.name} after {time.monotonic() - started:.0f} s")
    return 0


def _measure(chosen: list[str], counts: list[int], *, quick: bool, schools_count: int) -> None:
    if "deciding" in chosen:
        decisions(quick=quick)
    if "histories" in chosen:
        phase_histories(quick=quick)
    if "due" in chosen:
        lines: list[Line] = []
        for count in counts:
            with PrivateStack.start() as stack:
                lines += asyncio.run(_prepared_due(stack, count))
        report.write("due", lines, [DUE_NOTE])
    for name in ("latency", "ingestion"):
        if name not in chosen:
            continue
        with PrivateStack.start() as stack:  # servers of its own: no leftovers of the part before
            asyncio.run(_prepared(stack, name, quick=quick, schools_count=schools_count))


async def _prepared_due(stack: PrivateStack, schools_count: int) -> list[Line]:
    await stack.prepare()
    return await gates_due(stack.settings, schools_count)


async def _prepared(stack: PrivateStack, name: str, *, quick: bool, schools_count: int) -> None:
    await stack.prepare()
    if name == "latency":
        await latencies(stack.settings, quick=quick, schools_count=schools_count)
    else:
        await ingestion(stack.settings, quick=quick)


if __name__ == "__main__":
    sys.exit(main())
