"""How answers look: tables and sentences on a terminal, plain lines elsewhere, one JSON document with --json.

Standard output carries the answer alone; remarks go to standard error.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workflows.policy import explain

WIDE = 200
"""Columns assumed where no terminal says its own, so that a piped line is not cut."""
STYLES = {
    "open": "green", "yes": "green", "yes, by a person": "green", "waived": "cyan", "no": "bold red", "unmet": "bold red",
    "no evidence": "magenta", "unknown": "magenta", "waiting": "yellow", "waiting for time": "yellow", "held": "bold yellow",
    "needs-approval": "blue", "a person is needed": "blue",
}  # fmt: skip
"""Colour only repeats what the word says."""


def paper() -> Console:
    """Where the answer is written."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDE, highlight=False, soft_wrap=False)


def write_json(answer: BaseModel | Sequence[BaseModel] | dict[str, object]) -> None:
    """One JSON document on standard output."""
    if isinstance(answer, BaseModel):
        text = answer.model_dump_json(indent=2)
    elif isinstance(answer, dict):
        text = json.dumps(answer, indent=2, ensure_ascii=False)
    else:
        text = json.dumps([each.model_dump(mode="json") for each in answer], indent=2, ensure_ascii=False)
    typer.echo(text)


def remark(text: str) -> None:
    """A word beside the answer, on standard error."""
    typer.echo(text, err=True)


def table(columns: Iterable[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table whose known words are coloured and whose missing cells are a dash."""
    made = Table(header_style="bold", show_edge=False, pad_edge=False, box=None)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def cell(value: object) -> Text:
    """One cell."""
    text = "–" if value is None or value == "" else str(value)
    return Text(text, style=STYLES.get(text, ""))


def quantity(value: float | None, unit: str | None) -> str | None:
    """A value with its unit. None stays None."""
    return None if value is None else explain.quantity(value, unit)


def age(seconds: float | None) -> str | None:
    """A stretch of time in words. None stays None."""
    return None if seconds is None else explain.age(seconds)


def moment(at: datetime | None) -> str | None:
    """An instant as people read it, UTC. None stays None."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
