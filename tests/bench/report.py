"""Writes what was measured into docs/performance.md: one part a measure, between markers, each with its machine and date."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from services.kit.outcome import PermanentError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
LIBRARIES = ("confluent-kafka", "faststream", "asyncpg", "pydantic", "temporalio")
SERVERS = "PostgreSQL 18.4, Kafka 4.1.1 (one node), Temporal 1.31.2 (development server, SQLite)"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table."""

    what: str
    seen: str
    mark: str = ""
    """The design's limit. Empty: none; the row is there to compare with."""
    kept: bool | None = None
    """None: no limit."""

    @property
    def verdict(self) -> str:
        return "" if self.kept is None else "kept" if self.kept else "**missed**"


def machine() -> str:
    """Cores, memory, Python and what else decides the figures."""
    memory = psutil.virtual_memory().total / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {os.cpu_count()} cores {platform.machine()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release().split('-')[0]} · Python {platform.python_version()}, {libraries} · "
        f"{SERVERS}, all on this machine · load average {load:.1f} at the end"
    )


def table(lines: Sequence[Line]) -> str:
    rows = ["| measure | seen | mark | |", "|---|---|---|---|"]
    rows += [f"| {line.what} | {line.seen} | {line.mark} | {line.verdict} |" for line in lines]
    return "\n".join(rows)


def write(name: str, lines: Sequence[Line], notes: Sequence[str], document: Path = DOCUMENT) -> None:
    """Replaces one measure's part. Raises PermanentError when the document has lost its markers."""
    text = document.read_text("utf-8")
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    if begin not in text or end not in text:
        raise PermanentError(f"{document}: expected the markers {begin} and {end}, seen one or none; put them back")
    head, rest = text.split(begin, 1)
    _, tail = rest.split(end, 1)
    part = "\n\n".join([table(lines), *notes, f"<sub>{machine()}</sub>"])
    document.write_text(f"{head}{begin}\n{part}\n{end}{tail}", "utf-8")
