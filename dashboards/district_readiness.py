"""*District readiness*: each signal against its line, "no" apart from "no evidence", district by district."""

from dashboards.panels import AMBER, RED, Board, Choice, Line, Panel, Query

_D = 'program=~"$program",district=~"$district"'


def _signals(state: str) -> tuple[Query, ...]:
    return (Query(f'sort_desc(sum by (signal) (firstbell_signal_schools{{{_D},state="{state}"}}))', "{{signal}}"),)


BOARD = Board(
    uid="firstbell-district",
    title="District readiness",
    description="What the schools of a district still lack, told apart from what is not known of them.",
    choices=(Choice("program", "firstbell_schools"), Choice("district", "firstbell_schools")),
    panels=(
        Panel(
            "SIMULATED schools", "Schools of the program that imagined evidence has reached.", "stat",
            (Query('sum(firstbell_simulated_schools{program=~"$program"}) or vector(0)'),), width=4, height=4,
            lines=(Line(1, RED),),
        ),
        Panel(
            "Schools", "Schools of these districts under way.", "stat",
            (Query(f"sum(firstbell_schools{{{_D}}}) or vector(0)"),), width=4, height=4,
        ),
        Panel(
            "No", "Schools whose gate evidence keeps shut.", "stat",
            (Query(f'sum(firstbell_schools{{{_D},outcome="unmet"}}) or vector(0)'),), width=4, height=4,
            lines=(Line(1, AMBER),),
        ),
        Panel(
            "No evidence", "Schools whose gate is shut because too little is known.", "stat",
            (Query(f'sum(firstbell_schools{{{_D},outcome="unknown"}}) or vector(0)'),), width=4, height=4,
            lines=(Line(1, AMBER),),
        ),
        Panel(
            "Asks by role", "Who has yet to answer.", "bars",
            (Query(f"sum by (role) (firstbell_asks_open{{{_D}}}) or vector(0)", "{{role}}"),), width=8, height=4,
        ),
        Panel(
            "Each signal against its line",
            "Schools at a gate that reads the signal: meets its line, misses it (no), or has no evidence.", "matrix",
            (Query(f"sum by (signal, state) (firstbell_signal_schools{{{_D}}})"),), width=24, height=10,
            matrix=("signal", "state"),
        ),
        Panel(
            "No: signals that miss their line", "Mend what is measured.", "bars", _signals("misses"), width=12,
            lines=(Line(1, AMBER),),
        ),
        Panel(
            "No evidence: signals nobody can see", "Mend the feed, then look again.", "bars", _signals("no-evidence"),
            width=12, lines=(Line(1, AMBER),),
        ),
        Panel(
            "Signals over time", "Readings at current gates by how they stand.", "stack",
            (Query(f"sum by (state) (firstbell_signal_schools{{{_D}}})", "{{state}}"),), width=12,
        ),
        Panel(
            "Phases", "Schools by phase, over time.", "stack",
            (Query(f"sum by (phase) (firstbell_schools{{{_D}}})", "{{phase}}"),), width=12,
        ),
        Panel(
            "Criteria by status", "Every criterion of the current gates, by how it stands in how many schools.", "matrix",
            (
                Query(
                    f'sum by (name, status) (label_join(firstbell_criteria{{{_D}}}, "name", " ", "gate", "criterion"))'
                ),
            ),
            width=24, height=10, matrix=("name", "status"),
        ),
    ),
)  # fmt: skip
