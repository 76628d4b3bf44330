"""*The system itself*: whether records flow, decisions are quick, and this picture can be believed."""

from dashboards.panels import AMBER, RED, Board, Line, Panel, Query


def _quantile(share: float, histogram: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket[5m])))"


def _both(histogram: str) -> tuple[Query, ...]:
    return (Query(_quantile(0.5, histogram), "p50"), Query(_quantile(0.99, histogram), "p99"))


BOARD = Board(
    uid="firstbell-system",
    title="The system itself",
    description="Processes, lag by age, outbox, dead letters, decision latency, freshness, workflow task failures.",
    choices=(),
    panels=(
        Panel(
            "Processes", "1 while a process makes progress.", "stat",
            (Query("min by (room) (firstbell_process_up)", "{{room}}"),), width=12, height=6,
        ),
        Panel(
            "Picture checked", "Since the console was last level with the fact topic.", "stat",
            (Query("time() - max(firstbell_projection_checked_seconds)"),), unit="s", width=4, height=6,
            lines=(Line(60, AMBER), Line(120, RED)),
        ),
        Panel(
            "Newest fact", "Since the newest fact in the picture; long silence is normal when nothing happens.", "stat",
            (Query("time() - max(firstbell_projection_as_of_seconds)"),), unit="s", width=4, height=6,
        ),
        Panel(
            "Faulty pictures", "Facts after which the folded picture was not the workflow's; facts waiting for others.",
            "stat",
            (
                Query("max(firstbell_picture_mismatches)", "differ"),
                Query("max(firstbell_facts_waiting)", "wait"),
            ),
            width=4, height=6, lines=(Line(1, RED),),
        ),
        Panel(
            "Broken audit chains", "Chains that no longer agree with their last signed head.", "stat",
            (Query("max(firstbell_audit_chains_broken)", "broken"),), width=4, height=6, lines=(Line(1, RED),),
        ),
        Panel(
            "Heads signed", "Signed heads of audit chains; they come with decisions.", "lines",
            (Query("sum(rate(firstbell_audit_heads_total[5m]))", "heads"),), width=20, height=6, unit="cps",
        ),
        Panel(
            "Lag by age", "How long ago a room was last level with a topic's end.", "lines",
            (Query("max by (room, topic) (firstbell_lag_age_seconds)", "{{room}} {{topic}}"),), unit="s",
            lines=(Line(30, AMBER), Line(60, RED)),
        ),
        Panel(
            "Lag by records", "Records behind the end of the log. Nothing consumed yet (-1) is left out.", "lines",
            (Query("sum by (room) (firstbell_lag_records >= 0)", "{{room}}"),),
        ),
        Panel(
            "Records by what became of them", "Applied, superseded, duplicate, dead, parked, ignored.", "stack",
            (Query("sum by (disposition) (rate(firstbell_consumed_records_total[5m]))", "{{disposition}}"),), unit="cps",
        ),
        Panel(
            "Outbox", "Rows that wait to be published; they should come and go.", "lines",
            (Query("sum by (room) (firstbell_outbox_rows)", "{{room}}"),), lines=(Line(1_000, AMBER),),
        ),
        Panel(
            "Published", "Outbox rows sent to Kafka.", "lines",
            (Query("sum by (room) (rate(firstbell_outbox_published_total[5m]))", "{{room}}"),), unit="cps",
        ),
        Panel(
            "Dead letters and parked records", "Records that wait for a person, and for the directory.", "lines",
            (
                Query("sum by (room) (firstbell_dead_letters)", "{{room}} dead"),
                Query("sum by (room) (firstbell_parked_records)", "{{room}} parked"),
            ),
            lines=(Line(1, AMBER),),
        ),
        Panel(
            "Batch time, p99", "One batch: fence, state, outbox, commit.", "lines",
            (Query(_quantile(0.99, "firstbell_batch_seconds", "room"), "{{room}}"),), unit="s",
        ),
        Panel(
            "Sweep time, p99", "Work that time alone asks for.", "lines",
            (Query(_quantile(0.99, "firstbell_sweep_seconds", "room, sweep"), "{{room}} {{sweep}}"),), unit="s",
        ),
        Panel(
            "Event to decision", "From an observation's arrival at the bridge to the durable decision fact; aim p99 1 s.",
            "lines", _both("firstbell_decision_latency_seconds"), unit="s", lines=(Line(0.3, AMBER), Line(1, RED)),
        ),
        Panel(
            "Readings at the bridge", "What became of readings: the fewer sent, the better.", "stack",
            (Query("sum by (outcome) (rate(firstbell_bridge_readings_total[5m]))", "{{outcome}}"),), unit="cps",
        ),
        Panel(
            "Temporal signals", "Sent by kind, and schools with something not yet acknowledged.", "lines",
            (
                Query("sum by (kind) (rate(firstbell_bridge_signals_total[5m]))", "{{kind}} a second"),
                Query("max(firstbell_bridge_dirty_schools)", "dirty schools"),
            ),
        ),
        Panel(
            "Signal time", "One Temporal signal.", "lines", _both("firstbell_bridge_signal_seconds"), unit="s",
        ),
        Panel(
            "Facts", "Facts made durable, by kind.", "stack",
            (Query("sum by (kind) (rate(firstbell_facts_published_total[5m]))", "{{kind}}"),), unit="cps",
        ),
        Panel(
            "Notices", "What people were or will be told, by what became of it; no-holder and no-contact reached nobody.",
            "lines", (Query("sum by (state) (firstbell_notifier_notices)", "{{state}}"),),
        ),
        Panel(
            "Deliveries", "Tries by kind of channel and outcome, and how late the oldest due notice is.", "lines",
            (
                Query(
                    "sum by (kind, outcome) (rate(firstbell_notifier_deliveries_total[5m]))", "{{kind}} {{outcome}} a second"
                ),
                Query("max(firstbell_notifier_late_seconds)", "late, seconds"),
            ),
        ),
        Panel(
            "Workflow task failures", "Above 0: code that can't go on with a history; see the runbook.", "lines",
            (Query("sum(rate(temporal_workflow_task_execution_failed_total[5m])) or vector(0)", "failed a second"),),
            unit="cps", lines=(Line(0.001, RED),),
        ),
        Panel(
            "Workflow task time, p99", "Execution, and waiting for a worker.", "lines",
            (
                Query(_quantile(0.99, "temporal_workflow_task_execution_latency_seconds"), "execution"),
                Query(_quantile(0.99, "temporal_workflow_task_schedule_to_start_latency_seconds"), "waiting"),
            ),
            unit="s",
        ),
        Panel(
            "Schools in the worker's cache", "Sticky cache; a cold school costs a replay.", "lines",
            (Query("sum(temporal_sticky_cache_size)", "cached"),),
        ),
    ),
)  # fmt: skip
