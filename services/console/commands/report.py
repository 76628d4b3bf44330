"""`firstbell report`: a program on one page, as text, JSON or a self-contained HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from services.console import census, library
from services.console import report as page
from services.console.commands import screen
from services.console.commands.acting import JsonOption, ProgramOption
from services.console.commands.session import CODES, Session, serve
from services.console.divergence import DivergenceReport, Told, compile_divergence
from services.console.report import OUTCOMES, Report
from services.console.views import SIMULATED
from services.kit.terminal import DONE, MEND, NO, fail

app = typer.Typer(help="A program on one page.", epilog=CODES)


@app.callback(invoke_without_command=True, epilog=CODES)
def report(
    context: typer.Context,
    program: ProgramOption = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one self-contained HTML page.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tells phases by outcome, what holds most schools, longest held, oldest ask, silent sources."""
    if context.invoked_subcommand is not None:
        return

    async def work(session: Session) -> Report:
        answers = await census.take(session.connection, session.now, program)
        return page.compile_report(answers, program, session.now)

    made = serve(work)
    if html is not None:
        try:
            html.write_text(page.page(made), "utf-8")
        except OSError as error:
            fail(MEND, f"--html {html}: expected a file that can be written, seen {error}")
        screen.remark(f"written: {html}")
    if as_json:
        screen.write_json(made)
    elif html is None:
        _print(made)


@app.command(epilog=CODES)
def divergence(
    program: Annotated[str, typer.Option(help="The program.")],
    as_json: JsonOption = False,
) -> None:
    """Tells what the machine would have done where people open gates, against what they did.

    Exits with 1 when they diverged anywhere: `firstbell report divergence --program wa-2026`.
    """

    async def work(session: Session) -> DivergenceReport:
        told: dict[str, Told] = {}
        for school, fact in await library.advice_facts(session.connection, program):
            told.setdefault(fact.school_id, Told(school, [])).facts.append(fact)
        return compile_divergence(program, told.values(), session.now)

    made = serve(work)
    if as_json:
        screen.write_json(made)
    else:
        _print_divergence(made)
    raise typer.Exit(NO if made.diverged else DONE)


def _print_divergence(made: DivergenceReport) -> None:
    paper = screen.paper()
    if made.notice:
        paper.print(f"{SIMULATED}: this report rests on imagined evidence.", style="bold yellow")
    paper.print(f"{made.program}: machine and people agreed {made.agreed} times, diverged {made.diverged} times")
    rows = [
        (each.school, each.gate.value, each.trust.value, each.meeting.value, each.advice.value,
         screen.age(each.lag_seconds), ", ".join(each.against) or None)
        for each in made.rows
    ]  # fmt: skip
    columns = ("school", "gate", "trust", "how they met", "the machine said", "after its yes", "what spoke against")
    paper.print(screen.table(columns, rows))


def _print(made: Report) -> None:
    paper = screen.paper()
    if made.notice:
        paper.print(f"{SIMULATED}: this report rests on imagined evidence.", style="bold yellow")
    paper.print(
        f"{made.program or 'all programs'}: {made.schools} schools, as of {screen.moment(made.as_of) or 'never'}"
    )
    rows = [
        (each.phase.value, *(each.outcomes[name] or None for name in OUTCOMES), each.schools) for each in made.phases
    ]
    paper.print(screen.table(("phase", *OUTCOMES, "schools"), rows))
    paper.print("\nwhat holds most schools", style="bold")
    paper.print(
        screen.table(
            ("gate", "criterion", "schools", "would free", "owner", "next step"),
            [
                (each.gate.value, each.criterion, each.schools, each.frees or None, each.owner and each.owner.value,
                 each.next_step)
                for each in made.reasons
            ],
        )
    )  # fmt: skip
    _print_waits(made)


def _print_waits(made: Report) -> None:
    paper = screen.paper()
    paper.print("\nlongest held", style="bold")
    held = [
        (each.school, each.phase.value, screen.age(each.in_phase_seconds), each.headline) for each in made.longest_held
    ]
    paper.print(screen.table(("school", "phase", "for", "why"), held))
    oldest = made.oldest_ask
    if oldest:
        paper.print(f"\noldest ask: {oldest.role.value} of {oldest.school}, {screen.age(oldest.age_seconds)} ago")
    else:
        paper.print("\noldest ask: nobody is asked")
    paper.print("\nsilent sources", style="bold")
    silent = [
        (each.source, each.district, each.schools, ", ".join(each.signals), screen.moment(each.newest_observed_at))
        for each in made.silent_sources
    ]
    paper.print(screen.table(("source", "district", "schools", "signals", "newest observation"), silent))
    if made.without_evidence:
        paper.print("\npassed without, not met", style="bold")
        rows = [(each.gate.value, each.criterion, each.how.value, each.schools) for each in made.without_evidence]
        paper.print(screen.table(("gate", "criterion", "how", "schools"), rows))
