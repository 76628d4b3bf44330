"""What the demo shows: a board that is redrawn on a terminal, plain lines when there is none."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

PHASES = ("charter", "infrastructure-check", "beta", "training", "scale")
GLYPH = {"unmet": ("no", "red"), "unknown": ("don't know", "magenta"), "waiting": ("waiting", "yellow"),
         "needs-approval": ("asked", "cyan"), "open": ("open", "green"), None: ("new", "white")}  # fmt: skip
PLAIN_EVERY_SECONDS = 10.0
"""How often the board is printed where it cannot be redrawn. Our judgement, 2026-11-23."""

Line = dict[str, Any]
"""One school of `school list --json`. Any: JSON, as a reader of the command has it."""


def cell(schools: Iterable[Line]) -> str:
    """The outcomes in one cell of the board, worst first: `2 no, 1 asked`."""
    counts = Counter(line["outcome"] for line in schools)
    order = ("unmet", "unknown", "waiting", "needs-approval", "open", None)
    return ", ".join(f"{counts[outcome]} {GLYPH[outcome][0]}" for outcome in order if counts[outcome])


def board(schools: Sequence[Line], title: str) -> Table:
    """District × phase, each cell with its outcomes."""
    table = Table(title=title, title_justify="left", expand=False)
    table.add_column("district", no_wrap=True)
    for phase in PHASES:
        table.add_column(phase.replace("-", " "))
    for district in sorted({str(line["district"]) for line in schools}):
        here = [line for line in schools if str(line["district"]) == district]
        table.add_row(
            district, *(cell(line for line in here if line["phase"] == phase) or Text("·", "dim") for phase in PHASES)
        )
    return table


class Screen:
    """The demo's only way to speak. Writes to standard output; nothing else does while it is open."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self._last_plain = 0.0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.live = Live(console=self.console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()
            self.live = None

    @property
    def interactive(self) -> bool:
        """Whether somebody can answer."""
        return self.console.is_terminal

    def say(self, text: str = "", style: str | None = None) -> None:
        """One line of the story, with the seconds since the start."""
        stamp = f"[{time.monotonic() - self._started:5.1f} s] " if text else ""
        self.console.print(stamp + text, style=style, markup=False)

    def show(self, text: str) -> None:
        """What a command printed, as it printed it."""
        for line in text.rstrip().splitlines():
            self.console.print("    " + line, markup=False)

    def update(self, schools: Sequence[Line], title: str) -> None:
        """Redraws the board; where it cannot be redrawn, prints it now and then."""
        if self.live:
            self.live.update(board(schools, title), refresh=True)
        elif time.monotonic() - self._last_plain >= PLAIN_EVERY_SECONDS:
            self._last_plain = time.monotonic()
            for phase in PHASES:
                here = [line for line in schools if line["phase"] == phase]
                if here:
                    self.say(f"  board: {phase}: {len(here)} schools: {cell(here)}")

    def note(self, text: str) -> None:
        """Where things stand, in one line: redrawn on a terminal, printed now and then elsewhere."""
        if self.live:
            self.live.update(Text(text), refresh=True)
        elif time.monotonic() - self._last_plain >= PLAIN_EVERY_SECONDS:
            self._last_plain = time.monotonic()
            self.say("  " + text)

    def pause_board(self) -> None:
        """Takes the board off the screen, to ask a person or to end."""
        if self.live:
            self.live.stop()
            self.live = None
