"""`firstbell directory plan`: what schools' plans say. Registered by cli.py."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.directory.plan_store import PlanChange, changes_of, write_plans
from services.directory.plans import PlanRow, read_plans
from services.directory.store import lock
from services.directory.tabular import Fault
from services.directory.terminal import FAULTS_SHOWN_MAX, on_screen
from services.kit.database import Connection
from services.kit.terminal import DONE, NO, agreed, emit, in_transaction

SHOWN_MAX = 8
"""Schools named in a preview. Our judgement, 2026-11-25."""
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


def plan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: a column school, and one column a field.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it without asking; with --json it only shows otherwise.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what schools' plans say: platform, device model, whatever a policy's match or an advisory asks for.

    It shows what would change, and asks. An empty cell takes a field away; a column that is not there stays. --json has
    what each plan said before: to undo, give that as a file.

    Example: firstbell directory plan plans.csv
    """
    read = list(read_plans(file))
    given = [each for each in read if isinstance(each, PlanRow)]
    faults = [each for each in read if isinstance(each, Fault)]

    async def look(connection: Connection) -> tuple[list[PlanChange], list[Fault]]:
        return await changes_of(connection, given)

    changes, strangers = in_transaction("directory", look)
    faults += strangers
    if not as_json:
        _show(changes, faults)
    written = bool(changes) and agreed("Change them?", yes=yes, as_json=as_json)
    if written:

        async def write(connection: Connection) -> list[PlanChange]:
            await lock(connection)
            again, _ = await changes_of(connection, given)
            await write_plans(connection, again, datetime.now(UTC))
            return again

        changes = in_transaction("directory", write)
    if as_json:
        emit(_tree(changes, faults, written=written))
    elif written:
        typer.echo(f"{len(changes)} schools' plans changed; programs under way hear of it")
    raise typer.Exit(NO if faults else DONE)


def _show(changes: list[PlanChange], faults: list[Fault]) -> None:
    screen = on_screen()
    screen.print(f"{len(changes)} schools' plans would change, {len(faults)} rows are at fault")
    for each in changes[:SHOWN_MAX]:
        screen.print(f"  {each.after.name}: {_words(each.before.plan)} → {_words(each.after.plan)}", highlight=False)
    for fault in faults[:FAULTS_SHOWN_MAX]:
        screen.print(f"does not land: {fault.words()}", markup=False, highlight=False, style="red")


def _words(said: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in said) or "nothing"


def _tree(changes: list[PlanChange], faults: list[Fault], *, written: bool) -> dict[str, object]:
    return {
        "written": written,
        "schools": [
            {
                "school_id": each.after.school_id, "school": each.after.name, "before": dict(each.before.plan),
                "after": dict(each.after.plan),
            }
            for each in changes
        ],
        "faults": [fault.words() for fault in faults],
    }  # fmt: skip
