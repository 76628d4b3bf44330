"""What the three commands of the room share: where people read, and how a school looks in JSON."""

from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from services.directory.reconcile import KnownDistrict, KnownSchool
from services.kit import terminal

CODES = terminal.codes("some rows did not land (the others did)")
FAULTS_SHOWN_MAX = 20
"""Rows at fault shown on a screen; --json has all. Our judgement, 2026-11-23."""


def on_screen() -> Console:
    """Where progress and tables for people go: standard error keeps standard output clean for pipes."""
    return Console(stderr=True)


def school_tree(school: KnownSchool, district: KnownDistrict) -> dict[str, object]:
    """A school for `--json`. Unknown counts are null."""
    return asdict(school) | {"district_name": district.name, "district_nces_id": district.nces_id}


def table(*columns: str, whole: tuple[str, ...] = ()) -> Table:
    """A table whose columns in `whole` are never cut: ids that people copy."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=column in whole)
    return made


def number(value: float | None) -> str:
    """A count on the screen: a dash is "not listed", never nought."""
    return "–" if value is None else f"{value:g}"


def waiting(count: int) -> str:
    """How much still has to leave, in words."""
    if count == 0:
        return "all of it is published"
    return f"{count} events wait for the relay of the process `directory`"
