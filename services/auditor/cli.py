"""`firstbell verify`: the invariants, recomputed from outside."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.auditor.breach import Invariant
from services.auditor.verification import Verification, verify_all
from services.kit.settings import load_settings

__all__ = ["Verification", "app", "verify_all"]

app = typer.Typer(
    help="""Recompute from outside what the program claims.

    I1 every opened gate decided again · I2 facts without gap or double · I3 conservation of records ·
    I4 projections rebuilt from the log · I5 no school stuck · I6 each rung once, never early ·
    I7 audit chains and their signed heads · I8 phases never fall · I9 pictures against folded facts.

    Examples:

      firstbell verify

      firstbell verify --only I3 --json

    Exit codes: 0 every invariant holds, 1 a breach (each is named), 2 could not look.""",
)


@app.callback(invoke_without_command=True)
def verify(
    only: Annotated[list[Invariant] | None, typer.Option(help="Check just this one; repeat for several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Check every invariant, name every breach."""
    wanted = tuple(only) if only else tuple(Invariant)
    console = Console(stderr=True, highlight=False)
    console.print(f"recomputing {', '.join(wanted)} from the logs")
    answer = asyncio.run(verify_all(load_settings(), wanted))
    if as_json:
        typer.echo(answer.model_dump_json(indent=1))
    else:
        _show(answer)
    raise typer.Exit(0 if answer.ok else 1)


def _show(answer: Verification) -> None:
    out = Console(highlight=False)
    if answer.conservation:
        table = Table("room", "records", *("applied", "superseded", "duplicate", "dead", "parked", "ignored"))
        for room, counts in answer.conservation.items():
            table.add_row(room, *(str(value) for value in counts.model_dump().values()))
        out.print(table)
    gates = answer.gates
    out.print(
        f"{gates.facts} facts ({gates.duplicates} repeated), {gates.decisions_checked} decisions decided again; "
        f"gates opened without evidence: {gates.unsound} of {gates.checked} checked",
        soft_wrap=True,
    )
    for breach in answer.breaches:
        out.print(f"[red]{breach.invariant}[/] {breach.subject}: expected {breach.expected}, seen {breach.seen}. "
                  f"Next: {breach.next_step}", soft_wrap=True)  # fmt: skip
    out.print("every invariant holds" if answer.ok else f"{len(answer.breaches)} breaches")
