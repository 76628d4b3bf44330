"""The offsets fence: where each partition stands, locked and advanced with the state it stands for.

Kafka's own committed offset is a hint; this table is the truth. Records below the fence were already counted
and are dropped. It refuses to guess: a topic that was recreated, or a log that no longer reaches the fence,
stops the consumer.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.kit.database import Connection
from services.kit.outcome import Disposition, PermanentError

Place = tuple[str, int]
"""(topic, partition)"""


class FenceBrokenError(PermanentError):
    """The log and the fence no longer speak of the same history; only a person can say what is lost."""


@dataclass(frozen=True, slots=True)
class Log:
    """What Kafka holds of one partition, at one look."""

    topic: str
    topic_id: str
    partition: int
    start_offset: int
    end_offset: int


@dataclass(slots=True)
class Tally:
    """One partition within one transaction: the fence as locked, and what the batch adds to it."""

    topic: str
    topic_id: str
    partition: int
    start: int
    """The fence as it was locked."""
    next: int
    """The fence as it will be committed."""
    timestamp_ms: int = 0
    counts: dict[Disposition, int] = field(default_factory=dict)

    def add(self, disposition: Disposition, count: int = 1) -> None:
        """Counts records of this batch; negative when a parked one is taken up."""
        self.counts[disposition] = self.counts.get(disposition, 0) + count


async def lock(connection: Connection, group: str, places: Iterable[tuple[str, str, int]]) -> dict[Place, Tally]:
    """Locks the fences of (topic, topic id, partition) in one fixed order; the locks end with the transaction.

    Raises FenceBrokenError when a row is missing: the fence was dropped under a running consumer.
    """
    wanted = sorted(places)
    rows = await connection.fetch(
        """select topic, topic_id, partition, next_offset from fence
        where consumer_group = $1 and (topic, topic_id, partition) in
            (select * from unnest($2::text[], $3::text[], $4::int[]))
        order by topic, topic_id, partition for update""",
        group,
        [place[0] for place in wanted],
        [place[1] for place in wanted],
        [place[2] for place in wanted],
    )
    found = {
        (row["topic"], row["partition"]): Tally(
            row["topic"], row["topic_id"], row["partition"], row["next_offset"], row["next_offset"]
        )
        for row in rows
    }
    for topic, _, partition in wanted:
        if (topic, partition) not in found:
            raise _dropped(group, topic, partition)
    return found


def _dropped(group: str, topic: str, partition: int) -> FenceBrokenError:
    return FenceBrokenError(
        f"fence of {group} at {topic}[{partition}]: expected a row, seen none; restart the process, which begins the "
        "partition anew"
    )


async def advance(connection: Connection, group: str, tallies: Collection[Tally]) -> None:
    """Writes next offsets and counts. The table's own check refuses what does not conserve."""
    order = sorted(tallies, key=lambda tally: (tally.topic, tally.topic_id, tally.partition))
    if not order:
        return
    await connection.execute(
        """update fence set next_offset = next_offset + moved, applied = applied + a, superseded = superseded + s,
            duplicate = duplicate + u, dead = dead + d, parked = parked + p, ignored = ignored + i,
            record_at = coalesce(to_timestamp(nullif(at_ms, 0) / 1000.0), record_at), updated_at = now()
        from unnest($2::text[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
            as t(topic_name, id, part, moved, at_ms, a, s, u, d, p, i)
        where consumer_group = $1 and topic = topic_name and topic_id = id and partition = part""",
        group,
        [tally.topic for tally in order],
        [tally.topic_id for tally in order],
        [tally.partition for tally in order],
        [tally.next - tally.start for tally in order],
        [tally.timestamp_ms for tally in order],
        *([tally.counts.get(disposition, 0) for tally in order] for disposition in Disposition),
    )


async def position(connection: Connection, group: str, logs: Sequence[Log]) -> dict[Place, int]:
    """The offset each partition starts from: its fence, or the log's start (which then becomes its fence).

    Raises FenceBrokenError for a recreated topic, a log that starts past the fence, or one that ends below it.
    """
    await connection.executemany(
        """insert into fence (consumer_group, topic, topic_id, partition, first_offset, next_offset)
        select $1, $2, $3, $4, $5, $5 where not exists (select from fence
            where consumer_group = $1 and topic = $2 and partition = $4 and not retired)
        on conflict do nothing""",
        [(group, log.topic, log.topic_id, log.partition, log.start_offset) for log in logs],
    )
    rows = await connection.fetch(
        """select topic, topic_id, partition, next_offset, updated_at from fence
        where consumer_group = $1 and topic = any($2::text[]) and not retired""",
        group,
        sorted({log.topic for log in logs}),
    )
    by_place = {(row["topic"], row["partition"]): row for row in rows}
    for log in logs:
        row = by_place[log.topic, log.partition]
        check(group, log, row["topic_id"], row["next_offset"], row["updated_at"])
    return {(log.topic, log.partition): by_place[log.topic, log.partition]["next_offset"] for log in logs}


async def fallen(connection: Connection, group: str, stands: Mapping[Place, int]) -> dict[Place, int]:
    """The fences that are below where their consumer stands. Takes no lock.

    Raises FenceBrokenError when a row is missing: the fence was dropped under a running consumer.
    """
    rows = await connection.fetch(
        "select topic, partition, next_offset from fence where consumer_group = $1 and not retired", group
    )
    fences = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    for place in stands:
        if place not in fences:
            raise _dropped(group, *place)
    return {place: fences[place] for place, offset in stands.items() if fences[place] < offset}


async def retire(connection: Connection, topic: str, group: str | None = None) -> int:
    """Sets a topic's fences aside, so that the next start begins at the log's start. Call it in a transaction.

    A person's decision, after FenceBrokenError. Counts, dead letters and parked records stay with the old fence.
    Returns the number of fences set aside.
    """
    moment = await connection.fetchval("select extract(epoch from now())::text")
    suffix = f"/retired-{moment}"
    rows = await connection.fetch(
        """update fence set retired = true, topic_id = topic_id || $3
        where topic = $1 and ($2::text is null or consumer_group = $2) and not retired
        returning consumer_group, partition, topic_id""",
        topic,
        group,
        suffix,
    )
    for table in ("dead_letter", "parked"):
        await connection.executemany(
            f"""update {table} set topic_id = $4
            where consumer_group = $1 and topic = $2 and partition = $3 and topic_id || $5 = $4""",  # noqa: S608  constants
            [(row["consumer_group"], topic, row["partition"], row["topic_id"], suffix) for row in rows],
        )
    return len(rows)


def check(group: str, log: Log, topic_id: str, next_offset: int, updated_at: datetime | None = None) -> None:
    """Raises FenceBrokenError unless the log still reaches from the fence on."""
    where = f"fence of {group} at {log.topic}[{log.partition}]"
    since = f" (last moved {updated_at.isoformat()})" if updated_at else ""
    if log.topic_id != topic_id:
        raise FenceBrokenError(
            f"{where}: expected topic id {topic_id}{since}, seen {log.topic_id}: the topic was deleted and created "
            f"again, and offset {next_offset} means nothing in it; if that was meant, run "
            f"`firstbell dlq retire-fence --room ROOM --topic {log.topic}` and start again"
        )
    if log.start_offset > next_offset:
        raise FenceBrokenError(
            f"{where}: expected the log to hold offset {next_offset}{since}, seen its start at {log.start_offset}: "
            f"{log.start_offset - next_offset} records are gone by retention; rebuild from a copy, or run "
            f"`firstbell dlq retire-fence --room ROOM --topic {log.topic}` to go on without them"
        )
    if log.end_offset < next_offset:
        raise FenceBrokenError(
            f"{where}: expected the log to reach {next_offset}{since}, seen its end at {log.end_offset}: the log was "
            "cut, or Kafka was restored from before; restore the database from the same moment"
        )
