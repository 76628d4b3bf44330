"""Every dashboard there is, and where its JSON lies. Called by `python -m dashboards` and by the drift test."""

from pathlib import Path

from dashboards import district_readiness, state_program, system
from dashboards.panels import Board, build

BOARDS: tuple[Board, ...] = (state_program.BOARD, district_readiness.BOARD, system.BOARD)
FOLDER = Path(__file__).parent / "json"


def files() -> dict[Path, str]:
    """File to content, for every dashboard."""
    return {FOLDER / f"{board.uid}.json": build(board) for board in BOARDS}


def queries() -> list[tuple[str, str]]:
    """(Panel, expression) of every query of every panel."""
    return [
        (f"{board.title} / {panel.title}", query.expr)
        for board in BOARDS
        for panel in board.panels
        for query in panel.queries
    ]
