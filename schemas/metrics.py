"""Every metric: kind, unit, labels, meaning. A process may emit no other name, and a dashboard may use no other.

Labels are bounded: never a device, a person, or a school on a histogram. Names follow Prometheus: base units,
`_total` on counters.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Buckets are seconds unless the unit says otherwise; empty for what is no histogram."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

KIT = (
    Metric("firstbell_consumed_records_total", "counter", "records", ("room", "topic", "disposition"),
           "Records behind the fence, by what became of them."),
    Metric("firstbell_batch_seconds", "histogram", "seconds", ("room",), "One batch: fence, state, outbox, commit.",
           LATENCY_BUCKETS),
    Metric("firstbell_lag_records", "gauge", "records", ("room", "topic"), "End offset minus the fence."),
    Metric("firstbell_lag_age_seconds", "gauge", "seconds", ("room", "topic"),
           "How long ago the room was last level with the end of the topic; 0 when it is."),
    Metric("firstbell_outbox_rows", "gauge", "rows", ("room",), "Rows that wait to be published."),
    Metric("firstbell_outbox_published_total", "counter", "rows", ("room",), "Rows published."),
    Metric("firstbell_dead_letters", "gauge", "records", ("room",), "Dead letters that wait for a person."),
    Metric("firstbell_parked_records", "gauge", "records", ("room",), "Records that wait for the directory."),
    Metric("firstbell_process_up", "gauge", "flag", ("room",), "1 while the process makes progress, else 0."),
    Metric("firstbell_sweep_seconds", "histogram", "seconds", ("room", "sweep"), "One periodic sweep.", LATENCY_BUCKETS),
)  # fmt: skip

BRIDGE = (
    Metric("firstbell_bridge_signals_total", "counter", "signals", ("kind",), "Temporal signals sent."),
    Metric("firstbell_bridge_readings_total", "counter", "readings", ("outcome",),
           "Readings that reached the bridge: sent, coalesced, withheld until a gate asks, for no rollout."),
    Metric("firstbell_bridge_dirty_schools", "gauge", "schools", (), "Schools with something due, not yet acknowledged."),
    Metric("firstbell_bridge_signal_seconds", "histogram", "seconds", (), "One Temporal signal.", LATENCY_BUCKETS),
    Metric("firstbell_facts_published_total", "counter", "facts", ("kind",), "Facts made durable by publish_facts."),
    Metric("firstbell_decision_latency_seconds", "histogram", "seconds", (),
           "From the newest observation's arrival at the bridge to the durable decision fact.", LATENCY_BUCKETS),
)  # fmt: skip

CONSOLE = (
    Metric("firstbell_schools", "gauge", "schools", ("program", "district", "phase", "outcome"),
           "Schools by district, phase and the outcome of their current gate."),
    Metric("firstbell_criteria", "gauge", "schools", ("program", "district", "gate", "criterion", "status"),
           "Schools at a gate by criterion and status."),
    Metric("firstbell_signal_schools", "gauge", "schools", ("program", "district", "signal", "state"),
           "Schools by signal: meets its line, misses it, or has no evidence."),
    Metric("firstbell_asks_open", "gauge", "asks", ("program", "district", "role"), "Asks that wait for an answer."),
    Metric("firstbell_oldest_ask_seconds", "gauge", "seconds", ("program",), "Age of the oldest open ask; 0 when none."),
    Metric("firstbell_stuck_school_seconds", "gauge", "seconds", ("program", "school"),
           "Time in the current phase, of at most the 20 schools that have been longest in theirs."),
    Metric("firstbell_projection_as_of_seconds", "gauge", "seconds", (), "Unix time of the newest fact in the picture."),
    Metric("firstbell_projection_checked_seconds", "gauge", "seconds", (),
           "Unix time at which the picture was last level with the fact topic."),
    Metric("firstbell_questioned_decisions", "gauge", "schools", ("program", "district"),
           "Schools with an opened gate that fresh evidence contradicts."),
    Metric("firstbell_waivers_open", "gauge", "waivers", ("program", "district", "criterion"),
           "Waiver debt: open waivers by district and the criterion they let pass."),
    Metric("firstbell_waiver_first_end_seconds", "gauge", "seconds", ("program", "district"),
           "Time until the first open waiver of the district ends; absent when none is open."),
    Metric("firstbell_escalations_open", "gauge", "escalations", ("program", "district", "cause", "rung"),
           "Open escalations by cause and the last rung that fired; rung 0: nobody has been told yet."),
    Metric("firstbell_incidents_open", "gauge", "incidents", ("program", "owner"),
           "Silent sources and outages of ours that pause ladders, by who must end them."),
    Metric("firstbell_work_items_open", "gauge", "items", ("program", "district", "overdue"),
           "Open work items, and whether their day has passed."),
    Metric("firstbell_guarded_schools", "gauge", "schools", ("program", "district", "stage"),
           "Schools by what guards of opened gates do: watched, warned, held, taken-back."),
    Metric("firstbell_simulated_schools", "gauge", "schools", ("program",), "Schools that imagined evidence has reached."),
    Metric("firstbell_picture_mismatches", "gauge", "facts", (),
           "Facts after which the folded picture was not the workflow's own; anything above 0 is a fault of ours."),
    Metric("firstbell_facts_waiting", "gauge", "facts", (), "Facts kept that wait for a predecessor."),
)  # fmt: skip

AUDITOR = (
    Metric("firstbell_audit_heads_total", "counter", "heads", (), "Heads of audit chains signed."),
    Metric("firstbell_audit_chains_broken", "gauge", "chains", (),
           "Audit chains that no longer agree with their last signed head; anything above 0 is an incident."),
)  # fmt: skip

NOTIFIER = (
    Metric("firstbell_notifier_notices", "gauge", "notices", ("state",), "Notices by what became of them."),
    Metric("firstbell_notifier_late_seconds", "gauge", "seconds", (),
           "How long the oldest notice has been due and not delivered; 0 when none is."),
    Metric("firstbell_notifier_deliveries_total", "counter", "deliveries", ("kind", "outcome"),
           "Tries to deliver, by kind of channel: delivered or failed."),
)  # fmt: skip

METRICS: tuple[Metric, ...] = KIT + BRIDGE + CONSOLE + AUDITOR + NOTIFIER
"""Every metric there is, beside those of the Temporal SDK."""
BY_NAME = {metric.name: metric for metric in METRICS}
