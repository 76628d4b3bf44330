"""The one exporter of what schools do: gauges by district from the projection, at most 20 schools by name.

Run by the console's process as a sweep. The database counts, in one transaction, so that a scrape costs nothing
and all gauges speak of the same moment; a label is a program, a district, a policy's word, never a person.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable

import asyncpg
import structlog

from schemas.school import Phase
from schemas.topics import FACTS
from services.kit.batch import Batch
from services.kit.database import is_transient
from services.kit.lag import lag
from services.kit.metrics import Metrics
from services.kit.outcome import TemporaryError
from services.kit.process import Process

EXPORT_SECONDS = 5.0
"""Seconds between two counts. Our judgement, 2026-11-23."""
SHARE = 0.05
"""Of its time, at most, that counting takes: a whole state is counted less often. Our judgement, 2026-11-25."""
LEVEL_SECONDS = 15.0
"""Seconds between two looks at the end of the fact topic. Our judgement, 2026-11-23."""
SCHOOLS = """
select program_id, district, phase, coalesce(outcome, 'undecided'), count(*) from rollout group by 1, 2, 3, 4"""
# Holds are counted from the picture: they have facts of their own, so the last verdict may not know of them.
CRITERIA = """
select program_id, district, verdict->>'gate', r->>'criterion_id', r->>'status', count(*)
from rollout, jsonb_array_elements(verdict->'results') r
where verdict is not null and r->>'criterion_id' not like 'hold:%' group by 1, 2, 3, 4, 5
union all
select program_id, district, 'G' || array_position($1::text[], phase) - 1, 'hold', 'waiting', count(*)
from rollout where body->'holds' <> '{}'::jsonb group by 1, 2, 3"""
# A waived, overridden, inapplicable or merely observed criterion neither meets nor misses a line: it isn't counted.
SIGNALS = """
select program_id, district, r->>'signal', case
        when r->>'status' in ('unknown', 'stale') then 'no-evidence'
        when r->>'status' = 'unmet' or r->>'reason' = 'grey-zone' then 'misses'
        else 'meets' end, count(*)
from rollout, jsonb_array_elements(verdict->'results') r
where verdict is not null and r->>'signal' is not null
    and r->>'status' not in ('waived', 'not-applicable', 'observed-only') and r->>'reason' <> 'overridden'
group by 1, 2, 3, 4"""
ASKS = """
select program_id, district, asked, count(*) from rollout where asked is not null group by 1, 2, 3"""
OLDEST_ASK = """
select program_id, coalesce(extract(epoch from $1::timestamptz - min(asked_at) filter (where asked is not null)), 0)
from rollout group by 1"""
# Twenty at most, those longest in their phase: more names would grow with the state.
STUCK = """
select program_id, school || ' (' || district || ')', max(extract(epoch from $1::timestamptz - phase_opened_at))
from rollout where phase <> 'scale' and phase_opened_at is not null
group by 1, 2 order by 3 desc, 1, 2 limit 20"""
QUESTIONED = """
select program_id, district, count(*) filter (where questioned) from rollout group by 1, 2"""
GUARDS = """
select program_id, district, s.stage, count(*) filter (where case s.stage
        when 'taken-back' then coalesce(body->'relapse', 'null') <> 'null'
        else exists (select from jsonb_each(coalesce(body->'guards', '{}')) g
            where coalesce(g.value->>'stage', 'watched') = s.stage) end)
from rollout, (values ('watched'), ('warned'), ('held'), ('taken-back')) s (stage) group by 1, 2, 3"""
SIMULATED = """
select program_id, count(*) filter (where simulated) from rollout group by 1"""
WHOLE = """
select coalesce(extract(epoch from max(last_fact_at)), 0) as as_of, coalesce(sum(mismatch_count), 0) as mismatches,
    (select count(*) from fact f left join picture p using (program_id, school_id)
        where f.fact_sequence > coalesce(p.fact_sequence, 0)) as waiting
from picture"""

WAIVERS = """
select program_id, district, criterion, count(*)
from rollout, jsonb_each(coalesce(body->'waivers', '{}')) w, jsonb_array_elements_text(w.value->'criterion_ids') criterion
group by 1, 2, 3"""
WAIVER_ENDS = """
select program_id, district, min(extract(epoch from (w.value->>'expires_at')::timestamptz - $1::timestamptz))
from rollout, jsonb_each(coalesce(body->'waivers', '{}')) w group by 1, 2"""

ESCALATIONS = """
select program_id, district, e.value->>'cause', e.value->>'rung', count(*)
from rollout, jsonb_each(coalesce(body->'escalations', '{}')) e group by 1, 2, 3, 4"""
WORK = """
select program_id, district, case when (w.value->>'overdue')::boolean then 'yes' else 'no' end, count(*)
from rollout, jsonb_each(coalesce(body->'work_items', '{}')) w group by 1, 2, 3"""

# Every program and owner, so that an alert sees 0 and not nothing.
INCIDENTS = """
select p.program_id, o.owner, count(i.incident_id)
from (select distinct program_id from rollout) p
cross join unnest(array['assessment', 'helpdesk', 'operations', 'provisioning', 'training']) o (owner)
left join incident i on i.program_id = p.program_id and i.body->>'owner' = o.owner and not i.closed group by 1, 2"""

COUNTED = (
    ("firstbell_schools", SCHOOLS),
    ("firstbell_signal_schools", SIGNALS),
    ("firstbell_asks_open", ASKS),
    ("firstbell_questioned_decisions", QUESTIONED),
    ("firstbell_guarded_schools", GUARDS),
    ("firstbell_simulated_schools", SIMULATED),
    ("firstbell_waivers_open", WAIVERS),
    ("firstbell_escalations_open", ESCALATIONS),
    ("firstbell_work_items_open", WORK),
    ("firstbell_incidents_open", INCIDENTS),
)
"""Gauge and query; a query's columns are the gauge's labels in their order, then the value."""
TIMED = (("firstbell_oldest_ask_seconds", OLDEST_ASK), ("firstbell_stuck_school_seconds", STUCK),
         ("firstbell_waiver_first_end_seconds", WAIVER_ENDS))  # fmt: skip
"""The same, for queries that count time up to $1."""


class Exporter:
    """Fills the console's gauges."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._took = 0.0

    def pause_seconds(self) -> float:
        """Until the next count."""
        return max(EXPORT_SECONDS, self._took / SHARE)

    async def refresh(self, batch: Batch) -> None:
        """Counts everything once, then replaces all gauges at once. Raises what the database raises."""
        began = time.monotonic()
        fetch = batch.connection.fetch
        filled = [(name, await fetch(query)) for name, query in COUNTED]
        filled.append(("firstbell_criteria", await fetch(CRITERIA, [phase.value for phase in Phase])))
        filled += [(name, await fetch(query, batch.now)) for name, query in TIMED]
        [whole] = await fetch(WHOLE)
        for name, rows in filled:
            self._replace(name, rows)
        self._metrics.gauge("firstbell_projection_as_of_seconds").set(float(whole["as_of"]))
        self._metrics.gauge("firstbell_picture_mismatches").set(int(whole["mismatches"]))
        self._metrics.gauge("firstbell_facts_waiting").set(int(whole["waiting"]))
        self._took = time.monotonic() - began

    def _replace(self, name: str, rows: Iterable[asyncpg.Record]) -> None:
        """No await between clear and set: a scrape sees all of the old or all of the new."""
        gauge = self._metrics.gauge(name)
        gauge.clear()
        for *labels, value in (tuple(row) for row in rows):
            gauge.labels(*labels).set(float(value))

    async def watch_level(self, process: Process) -> None:
        """Notes when the picture was last level with the fact topic: asked of Kafka itself, not of a cache."""
        gauge = self._metrics.gauge("firstbell_projection_checked_seconds")
        while not process.stopping.is_set():
            try:
                rows = [row for row in await lag(process.settings, [process.name]) if row.topic == FACTS.name]
                if rows and all(row.lag == 0 for row in rows):
                    gauge.set_to_current_time()
            except Exception as error:
                if not isinstance(error, TemporaryError) and not is_transient(error):
                    raise
                structlog.get_logger().warning("level-unknown", room=process.name, because=repr(error)[:300])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.stopping.wait(), LEVEL_SECONDS)
