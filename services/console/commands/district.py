"""`firstbell district`: what holds a district's schools, and whose step would free them."""

from typing import Annotated

import typer

from services.console import census
from services.console.census import Group
from services.console.commands import screen
from services.console.commands.acting import JsonOption, ProgramOption
from services.console.commands.school import announce
from services.console.commands.session import CODES, Session, serve
from services.console.views import SIMULATED, Answer
from services.console.why import WhyAnswer
from services.kit.terminal import MEND, fail

app = typer.Typer(no_args_is_help=True, help="What holds a district's schools.", epilog=CODES)

NAMED_MAX = 6
"""Schools named in a row of the table; --json names all. Our judgement, 2026-11-23."""


class DistrictAnswer(Answer):
    """Reasons, the one that holds most schools first."""

    notice: str | None
    """SIMULATED when imagined evidence has reached a program here, else None."""
    program: str | None
    """None: all programs."""
    district: str | None
    """None: all districts."""
    schools: int
    blocked: int
    """Schools that somebody must do something for; the rest pass or wait for time."""
    groups: tuple[Group, ...]


@app.callback()
def _noun() -> None:
    """What holds a district's schools."""


@app.command(epilog=CODES)
def why(
    district: Annotated[str | None, typer.Argument(help="District id or a piece of its name; all when absent.")] = None,
    program: ProgramOption = None,
    as_json: JsonOption = False,
) -> None:
    """Groups failing criteria by next step and owner, with the schools each step would free."""

    async def work(session: Session) -> list[WhyAnswer]:
        return await census.take(session.connection, session.now, program, district)

    answers = serve(work)
    if not answers:
        fail(MEND, "no school under way fits; see `firstbell school list`")
    made = DistrictAnswer(
        notice=SIMULATED if any(answer.line.notice for answer in answers) else None,
        program=program,
        district=district,
        schools=len(answers),
        blocked=sum(bool(census.blockers(answer)) for answer in answers),
        groups=tuple(census.group(answers)),
    )
    if as_json:
        screen.write_json(made)
        return
    announce([answer.line for answer in answers])
    _print(made)


def _print(made: DistrictAnswer) -> None:
    paper = screen.paper()
    paper.print(f"{made.blocked} of {made.schools} schools wait for somebody's step")
    paper.print(
        screen.table(
            ("gate", "criterion", "schools", "no", "no evidence", "would free", "owner", "next step"),
            [
                (
                    each.gate.value,
                    each.criterion,
                    each.schools,
                    each.no or None,
                    each.no_evidence or None,
                    each.frees or None,
                    each.owner.value if each.owner else None,
                    each.next_step,
                )
                for each in made.groups
            ],
        )
    )
    for each in made.groups:
        names = [place.school for place in each.freed[:NAMED_MAX]]
        if names:
            more = f" and {len(each.freed) - NAMED_MAX} more" if len(each.freed) > NAMED_MAX else ""
            paper.print(f"{each.criterion} alone, time aside, holds {', '.join(names)}{more}")
