"""The table from lesson to signal names every signal, under its own lesson."""

from pathlib import Path

import pytest

from schemas.readiness import CATALOGUE
from schemas.signal import Signal

TABLE = (Path(__file__).resolve().parents[2] / "docs" / "lessons.md").read_text("utf-8")


@pytest.mark.parametrize("signal", CATALOGUE.values(), ids=lambda signal: signal.name)
def test_a_signal_stands_beside_its_lesson(signal: Signal) -> None:
    rows = [row for row in TABLE.splitlines() if row.startswith("|") and f"`{signal.name}`" in row]
    assert len(rows) == 1, "name the signal once in docs/lessons.md"
    assert signal.lesson in rows[0].split("|")[1]
