"""`firstbell school`: which schools there are, where each stands, and why."""

from collections.abc import Sequence
from typing import Annotated

import typer

from schemas.decision import Outcome
from schemas.readiness import CATALOGUE, Reading
from schemas.school import Phase
from services.console import door, history, library, views
from services.console.commands import screen
from services.console.commands.acting import JsonOption, ProgramOption, SchoolArgument
from services.console.commands.session import (
    CODES,
    Session,
    nowhere,
    one_rollout,
    one_school,
    rollout_of,
    serve,
    sight_of,
)
from services.console.escalations import Placed
from services.console.handouts import HandOuts, hand_outs_of
from services.console.views import SchoolLine
from services.console.waiting import WaitingAnswer, waits_of
from services.console.why import CriterionAnswer, WhyAnswer, explain_school
from services.kit.terminal import DONE, MEND, NO, codes, fail

app = typer.Typer(no_args_is_help=True, help="Where schools stand, and why.", epilog=CODES)

NAMED_MAX = 2
"""Failing criteria named in a row. Our judgement, 2026-11-23."""


@app.command("list", epilog=CODES)
def list_schools(
    program: ProgramOption = None,
    district: Annotated[str | None, typer.Option(help="District id or a piece of its name.")] = None,
    phase: Annotated[Phase | None, typer.Option(help="Only schools in this phase.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="open, needs-approval, waiting, unmet, unknown or undecided.")
    ] = None,
    stopped: Annotated[bool, typer.Option(help="Include schools that left their program.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists schools with phase and outcome."""
    if outcome not in (None, "undecided", *Outcome):
        fail(MEND, f"--outcome {outcome}: expected undecided or one of {', '.join(Outcome)}")

    async def work(session: Session) -> list[SchoolLine]:
        return await views.school_lines(
            session.connection, program=program, district=district, phase=phase, outcome=outcome, stopped=stopped
        )

    lines = serve(work)
    if as_json:
        screen.write_json(lines)
        return
    if not lines:
        screen.remark("no school fits; start some with `firstbell program start`")
        return
    paper = screen.paper()
    announce(lines)
    paper.print(
        screen.table(
            ("district", "school", "phase", "gate", "outcome", "failing", "asked", "school id"),
            [_list_row(line) for line in lines],
        )
    )
    paper.print(f"{len(lines)} schools, as of {screen.moment(max(line.as_of for line in lines))}")


class ShownSchool(SchoolLine):
    """One school with everything that was read of it, whichever gate asks for it."""

    readings: tuple[Reading, ...]


@app.command(epilog=CODES)
def show(school: SchoolArgument, program: ProgramOption = None, as_json: JsonOption = False) -> None:
    """Shows where one school stands, and the newest reading of every signal."""

    async def work(session: Session) -> ShownSchool:
        line = await one_rollout(session, school, program)
        return ShownSchool(**line.model_dump(), readings=await library.readings_of(session.connection, line))

    shown = serve(work)
    if as_json:
        screen.write_json(shown)
        return
    announce([shown])
    rows = [
        ("school", shown.school), ("school id", shown.school_id), ("district", shown.district),
        ("program", shown.program_id), ("phase", shown.phase.value), ("gate", shown.gate.value),
        ("outcome", outcome_word(shown)), ("failing", ", ".join(shown.failing)),
        ("in phase since", screen.moment(shown.phase_opened_at)), ("asked", shown.asked and shown.asked.value),
        ("answer by", screen.moment(shown.answer_by)), ("holds", shown.holds_count or None),
        ("questioned", "yes" if shown.questioned else None), ("left because", shown.stopped),
        ("as of", screen.moment(shown.as_of)),
    ]  # fmt: skip
    screen.paper().print(screen.table(("", ""), rows))
    readings = [_reading_row(each) for each in shown.readings]
    screen.paper().print(screen.table(("signal", "read", "observed", "origin"), readings))


def _reading_row(reading: Reading) -> tuple[object, ...]:
    seen = screen.quantity(reading.value, CATALOGUE[reading.signal].unit if reading.signal in CATALOGUE else None)
    if reading.missing is not None:
        seen = f"no value: {reading.missing.value}"
    elif not reading.applicable:
        seen = "does not apply"
    origin = reading.origin.value + (", simulated" if reading.simulated else "")
    return reading.signal, seen, screen.moment(reading.observed_at), origin


@app.command(epilog=CODES)
def why(school: SchoolArgument, program: ProgramOption = None, as_json: JsonOption = False) -> None:
    """Explains every criterion of a school's gate: observed, required, whose turn. Exits with 1 unless it is open.

    A school that waits for its wave is told its place, and what keeps it out.
    """

    async def work(session: Session) -> WhyAnswer | tuple[WaitingAnswer, ...]:
        found = await one_school(session, school)
        line = await rollout_of(session, found, program)
        if line is not None:
            return explain_school(line, await sight_of(session, line), session.now)
        return await waits_of(session.settings, found, program, session.now) or nowhere(found, program)

    answer = serve(work)
    if as_json:
        screen.write_json(answer[0] if isinstance(answer, tuple) and len(answer) == 1 else answer)
    elif isinstance(answer, tuple):
        _print_waits(answer)
    else:
        _print_why(answer)
    raise typer.Exit(DONE if isinstance(answer, WhyAnswer) and answer.open else NO)


def _print_waits(answers: tuple[WaitingAnswer, ...]) -> None:
    paper = screen.paper()
    for each in answers:
        paper.print(f"{each.school} ({each.district}), program {each.program_id}, not begun", style="bold")
        paper.print(f"{each.headline}\nnobody more is admitted now: {each.binds}" if each.binding else each.headline)
        for step in each.next_steps:
            paper.print(f"    → {step}")


@app.command("hand-outs", epilog=codes("hand-outs are stopped"))
def hand_outs(school: SchoolArgument, program: ProgramOption = None, as_json: JsonOption = False) -> None:
    """Tells whether devices may be handed out at a school now. Whoever hands out asks first: exits with 1 if not.

    Only the school's workflow answers; while it can't be reached nobody knows, and the command exits with 3.
    Example: firstbell school hand-outs "Adna Elementary" && hand-out
    """

    async def work(session: Session) -> HandOuts:
        line = await one_rollout(session, school, program)
        client = await door.connect(session.settings)
        view = await door.look(client, line.program_id, line.school_id, session.now)
        return hand_outs_of(line, view.picture, session.now)

    answer = serve(work)
    if as_json:
        screen.write_json(answer)
    else:
        _print_hand_outs(answer)
    raise typer.Exit(DONE if answer.allowed else NO)


def _print_hand_outs(answer: HandOuts) -> None:
    line = answer.line
    announce([line])
    paper = screen.paper()
    paper.print(f"{line.school} ({line.district}), program {line.program_id}", style="bold")
    paper.print("hand-outs may go on" if answer.allowed else "hand out nothing more")
    for each in answer.stops:
        paper.print(f"  {each.by}: {each.reason}, since {screen.moment(each.since) or '–'}, {each.ends}")


@app.command("history", epilog=CODES)
def school_history(school: SchoolArgument, program: ProgramOption = None, as_json: JsonOption = False) -> None:
    """Tells a school's facts as sentences, oldest first."""

    async def work(session: Session) -> tuple[SchoolLine, list[history.Sentence]]:
        line = await one_rollout(session, school, program)
        facts = await library.facts_of(session.connection, line.program_id, line.school_id)
        return line, [history.tell(fact) for fact in facts]

    line, sentences = serve(work)
    if as_json:
        screen.write_json(sentences)
        return
    announce([line])
    paper = screen.paper()
    paper.print(f"{line.school} ({line.district}), program {line.program_id}")
    rows = [(each.fact_sequence, screen.moment(each.occurred_at), each.phase.value, each.text) for each in sentences]
    paper.print(screen.table(("", "when", "phase", "what happened"), rows))


def _list_row(line: SchoolLine) -> tuple[object, ...]:
    return (
        line.district, line.school, line.phase.value, line.gate.value, outcome_word(line), _few(line.failing),
        line.asked and line.asked.value, line.school_id,
    )  # fmt: skip


def _few(names: tuple[str, ...]) -> str:
    """As many names as fit a row; `school why` and --json have them all."""
    more = f" +{len(names) - NAMED_MAX}" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def outcome_word(line: SchoolLine) -> str:
    """The outcome, or the word for none."""
    return line.outcome.value if line.outcome else "undecided"


def announce(lines: Sequence[SchoolLine | Placed]) -> None:
    """Says SIMULATED where imagined evidence has reached a program on the screen."""
    programs = sorted({line.program_id for line in lines if line.notice})
    if programs:
        screen.paper().print(
            f"{views.SIMULATED}: evidence in {', '.join(programs)} is imagined; these schools are real, what is said "
            "of them is not.",
            style="bold yellow",
        )


def _print_why(answer: WhyAnswer) -> None:
    line = answer.line
    announce([line])
    paper = screen.paper()
    paper.print(f"{line.school} ({line.district}), program {line.program_id}, {line.phase.value}", style="bold")
    paper.print(answer.headline)
    where = "decided now by its workflow" if answer.source == "workflow" else (
        f"as of {screen.moment(answer.as_of)}: its workflow was not reached"
    )  # fmt: skip
    paper.print(f"{where}; policy {answer.policy or 'unknown here'}, profile {answer.profile or '–'}", style="dim")
    paper.print()
    paper.print(
        screen.table(
            ("criterion", "", "observed", "required", "age", "origin", "status", "next look"),
            [_why_row(each, answer) for each in answer.criteria],
        )
    )
    _print_steps(answer)


def _why_row(each: CriterionAnswer, answer: WhyAnswer) -> tuple[object, ...]:
    severity = "" if each.severity == "hard" else f" ({each.severity.value})"
    wait = each.next_look_at and (each.next_look_at - answer.as_of).total_seconds()
    origin = each.origin and each.origin.value + (", simulated" if each.simulated else "")
    return (
        each.criterion_id + severity, each.standing.value, screen.quantity(each.observed, each.unit),
        screen.quantity(each.required, each.unit), screen.age(each.age_seconds), origin, each.status.value,
        f"in {screen.age(wait)}" if wait and wait > 0 else None,
    )  # fmt: skip


def _print_steps(answer: WhyAnswer) -> None:
    paper = screen.paper()
    steps = [each for each in answer.criteria if each.next_step]
    if steps:
        paper.print("\nnext steps", style="bold")
    for each in sorted(steps, key=lambda step: not step.blocks):
        aside = "" if each.blocks else f" ({each.severity.value}: it holds nothing)"
        paper.print(f"  {each.criterion_id}{aside}: {each.sentence}")
        paper.print(f"    → {each.owner.value if each.owner else 'nobody'}: {each.next_step}")
    if answer.asks:
        until = f" by {screen.moment(answer.line.answer_by)}" if answer.line.answer_by else ""
        late = ", which has passed" if answer.overdue else ""
        paper.print(f"\nasked: {answer.awaits or answer.asks.value}{until}{late}. {answer.silence or ''}")
        if answer.deputy and answer.deputy_at:
            paper.print(f"deputy: {answer.deputy.value}, from {screen.moment(answer.deputy_at)}")
    for sentence in answer.guards:
        paper.print(f"\nguard: {sentence}", style="yellow")
    if answer.opening:
        paper.print(f"\n{answer.line.gate.value} {answer.opening}")
    for raised in answer.escalations:
        paper.print(f"\nescalated{' URGENTLY' if raised.urgent else ''}: {raised.sentence}")
        paper.print(f"    {raised.escalation_id}", style="dim")
    for item in answer.work:
        due = "overdue" if item.overdue else f"due {screen.moment(item.due_at) or 'after the calendar ends'}"
        paper.print(f"\nwork: {item.title}, {item.assignee.value}, {due} ({item.work_item_id})")
    if answer.next_evaluation_at:
        paper.print(f"next look: {screen.moment(answer.next_evaluation_at)}, or as soon as evidence comes")
