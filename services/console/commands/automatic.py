"""`firstbell gate automatic`: what was approved by itself, and why. Joined to gate.py."""

from typing import Annotated

import typer

from services.console import views
from services.console.automatic import SelfOpened, self_opened
from services.console.commands import screen
from services.console.commands.acting import JsonOption
from services.console.commands.session import Session, serve


def automatic(program: Annotated[str, typer.Option(help="The program.")], as_json: JsonOption = False) -> None:
    """Lists gates that opened by themselves: criteria, what they rest on, and the decision that opened them."""

    async def work(session: Session) -> list[SelfOpened]:
        return await self_opened(session.connection, program)

    opened = serve(work)
    if as_json:
        screen.write_json(opened)
        return
    if not opened:
        screen.remark(f"no gate of {program} has opened by itself")
        return
    paper = screen.paper()
    if any(each.notice for each in opened):
        paper.print(f"{views.SIMULATED}: evidence in {program} is imagined.", style="bold yellow")
    columns = ("district", "school", "gate", "opened", "rests on", "hard criteria", "decision")
    paper.print(screen.table(columns, [_row(each) for each in opened]))


def _row(each: SelfOpened) -> tuple[object, ...]:
    grounds = ", ".join(
        ground.criterion_id if ground.status.value == "met" else f"{ground.criterion_id} ({ground.status.value})"
        for ground in each.grounds
    )
    return (
        each.district, each.school, each.gate.value, screen.moment(each.opened_at),
        ", ".join(origin.value for origin in each.origins), grounds, each.decision_sequence,
    )  # fmt: skip
