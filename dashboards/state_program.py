"""*State program*: where all schools of a program stand, what holds them, whose turn it is."""

from dashboards.panels import AMBER, RED, Board, Choice, Line, Panel, Query

_P = 'program=~"$program"'


def _count(condition: str) -> tuple[Query, ...]:
    return (Query(f"sum(firstbell_schools{{{_P}{condition}}}) or vector(0)"),)


BOARD = Board(
    uid="firstbell-state",
    title="State program",
    description="Schools by phase and outcome, what holds most of them, and how fresh this picture is.",
    choices=(Choice("program", "firstbell_schools"),),
    panels=(
        Panel("Schools under way", "Schools of the program that have not left it.", "stat", _count(""), width=4, height=4),
        Panel("Reached scale", "Schools whose four gates have opened.", "stat", _count(',phase="scale"'), width=4, height=4),
        Panel(
            "No", "Schools whose gate is shut because evidence says no. Something must be mended.", "stat",
            _count(',outcome="unmet"'), width=4, height=4, lines=(Line(1, AMBER),),
        ),
        Panel(
            "No evidence", "Schools whose gate is shut because too little is known. A feed must be mended first.", "stat",
            _count(',outcome="unknown"'), width=4, height=4, lines=(Line(1, AMBER),),
        ),
        Panel(
            "Asked", "Asks that wait for a person's answer.", "stat",
            (Query(f"sum(firstbell_asks_open{{{_P}}}) or vector(0)"),), width=4, height=4,
        ),
        Panel(
            "SIMULATED schools", "Schools that imagined evidence has reached: above 0, nothing here speaks of real schools.",
            "stat", (Query(f"sum(firstbell_simulated_schools{{{_P}}}) or vector(0)"),), width=4, height=4,
            lines=(Line(1, RED),),
        ),
        Panel(
            "Schools by phase", "How many schools stand in each phase, over time.", "stack",
            (Query(f"sum by (phase) (firstbell_schools{{{_P}}})", "{{phase}}"),), width=12,
        ),
        Panel(
            "Schools by outcome", "The outcome of each school's current gate, over time.", "stack",
            (Query(f"sum by (outcome) (firstbell_schools{{{_P}}})", "{{outcome}}"),), width=12,
        ),
        Panel(
            "Districts by phase", "Schools of each district in each phase.", "matrix",
            (Query(f"sum by (district, phase) (firstbell_schools{{{_P}}})"),), width=12, matrix=("district", "phase"),
        ),
        Panel(
            "What holds most schools", "Criteria by the schools they hold: no, no evidence, or a person's answer.", "bars",
            (
                Query(
                    f'topk(10, sum by (gate, criterion) (firstbell_criteria{{{_P},'
                    'status=~"unmet|unknown|stale|needs-approval"}))',
                    "{{gate}} {{criterion}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Longest in their phase", "At most 20 schools; `firstbell school why` tells why.", "table",
            (Query(f"sort_desc(max by (program, school) (firstbell_stuck_school_seconds{{{_P}}}))"),), unit="s", width=12,
        ),
        Panel(
            "Oldest ask", "Age of the oldest ask that nobody has answered; 0 when there is none.", "stat",
            (Query(f"max(firstbell_oldest_ask_seconds{{{_P}}})"),), unit="s", width=4,
            lines=(Line(3 * 86_400, AMBER), Line(7 * 86_400, RED)),
        ),
        Panel(
            "Escalations by rung", "Open escalations by the last rung that fired: the higher, the fewer are left to tell.",
            "bars", (Query(f"sum by (rung) (firstbell_escalations_open{{{_P}}}) or vector(0)", "rung {{rung}}"),), width=12,
        ),
        Panel(
            "Incidents", "Silent sources and outages of ours: one each for its owner, however many schools they concern.",
            "bars", (Query(f"sum by (owner) (firstbell_incidents_open{{{_P}}}) or vector(0)", "{{owner}}"),), width=8,
            lines=(Line(1, AMBER),),
        ),
        Panel(
            "Overdue work", "Open work items whose day has passed.", "stat",
            (Query(f'sum(firstbell_work_items_open{{{_P},overdue="yes"}}) or vector(0)'),), width=4,
            lines=(Line(1, AMBER),),
        ),
        Panel(
            "Questioned decisions", "Schools with an opened gate that fresh evidence contradicts.", "bars",
            (Query(f"sum by (district) (firstbell_questioned_decisions{{{_P}}})", "{{district}}"),), width=4,
            lines=(Line(1, RED),),
        ),
        Panel(
            "Waiver debt", "Open waivers by district and criterion: passed without, not met. See `firstbell waiver debt`.",
            "matrix", (Query(f"sum by (district, criterion) (firstbell_waivers_open{{{_P}}})"),), width=12,
            matrix=("district", "criterion"),
        ),
        Panel(
            "First waiver to end", "Time until the first open waiver of each district ends: meet its criterion before.",
            "bars", (Query(f"min by (district) (firstbell_waiver_first_end_seconds{{{_P}}})", "{{district}}"),), unit="s",
            width=12,
        ),
        Panel(
            "Guards", "Schools whose opened gates are contradicted: watched, warned, held; and those taken back a phase.",
            "bars", (Query(f"sum by (stage) (firstbell_guarded_schools{{{_P}}})", "{{stage}}"),), width=4,
        ),
        Panel(
            "This picture is as old as", "Since the console was last level with the fact topic.", "stat",
            (Query("time() - max(firstbell_projection_checked_seconds)"),), unit="s", width=4,
            lines=(Line(60, AMBER), Line(120, RED)),
        ),
    ),
)  # fmt: skip
