"""`firstbell signal`: the catalogue of readiness signals, which policies name. Needs no server."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.readiness import CATALOGUE
from services.kit.terminal import emit

app = typer.Typer(no_args_is_help=True, help="Readiness signals: what a gate may ask.")


@app.callback()
def _noun() -> None:
    """Readiness signals: what a gate may ask."""


@app.command("list")
def list_(
    owner: Annotated[str | None, typer.Option(help="Only this service's: provisioning, helpdesk, ...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """List every signal with unit, direction, freshness, origin and the lesson it comes from."""
    owners = sorted({signal.owner for signal in CATALOGUE.values()})
    if owner is not None and owner not in owners:
        raise typer.BadParameter(f"--owner: expected one of {', '.join(owners)}, seen {owner}")
    signals = [signal for signal in CATALOGUE.values() if owner in (None, signal.owner)]
    if as_json:
        emit([signal.model_dump(mode="json") for signal in signals])
        return
    found = Table(box=None, pad_edge=False, header_style="bold")
    found.add_column("signal", no_wrap=True)
    for column in ("unit", "better", "steps", "fresh for", "origin", "scope", "lesson", "meaning"):
        found.add_column(column)
    for signal in signals:
        found.add_row(
            signal.name, signal.unit, signal.direction.value.split("-")[0], signal.resolution,
            f"{signal.freshness_days} days", signal.origin.value, signal.scope.value, signal.lesson, Text(signal.meaning),
        )  # fmt: skip
    Console().print(found)
