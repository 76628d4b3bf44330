"""One polled batch becomes one PostgreSQL transaction: fence, handler, outbox, dead letters, parked records.

The consumer (`services.kit.consume`) calls it for each batch; it knows nothing of how records arrive. It
refuses to advance over what it can't explain: see `RewindError` and `FenceBrokenError`.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel

from services.kit import fence
from services.kit.batch import Batch, Result, lock_parking
from services.kit.database import Pool
from services.kit.envelope import Bad, Decoded, Decoder, Ok, Record
from services.kit.fence import Place, Tally
from services.kit.outcome import Dead, Disposition, PermanentError

Handler = Callable[[Batch, Sequence[Record[BaseModel]]], Awaitable[Sequence[Result]]]
"""Called in the transaction with the batch's readable records in log order; answers one result for each, aligned."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a room reads, and who handles it. Topics whose records refer to one another belong in one."""

    topics: tuple[str, ...]
    group: str
    """Kafka's consumer group, and the fence's. Renaming it reads everything again."""
    decoder: Decoder
    handler: Handler
    tombstones: bool = False
    """True: the handler also gets records whose value is None. False: they are counted as ignored."""


class RewindError(Exception):
    """The consumer stands past the fence (a database restored, a failed seek): it must go back to these offsets."""

    def __init__(self, offsets: dict[Place, int]) -> None:
        super().__init__(f"fence is below the consumer at {offsets}")
        self.offsets = offsets


class BadShareError(PermanentError):
    """Too many records of late could not be used; the fault is more likely ours or the source's than theirs."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What one transaction did, for the log line and the metrics."""

    counts: dict[tuple[str, Disposition], int]
    """(topic, disposition) -> records."""
    replayed_count: int
    """Records below the fence, dropped: counted once already."""
    published_count: int
    newest_ms: int
    """Kafka timestamp of the newest record, milliseconds; 0: none."""


@dataclass(slots=True)
class _Sorted:
    """A polled batch after the fence: what is left, and where it leads."""

    tallies: dict[Place, Tally]
    records: list[Record[BaseModel]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    replayed_count: int = 0


class BadShareGuard:
    """Judges the share of dead records over the newest ones, once enough were seen."""

    def __init__(self, ratio: float, minimum: int) -> None:
        self._ratio, self._minimum = ratio, minimum
        self._window: deque[tuple[int, int]] = deque()
        self._seen = self._dead = 0

    def judge(self, seen: int, dead: int) -> None:
        """Raises BadShareError when these records would tip the share; says nothing about fewer than the minimum."""
        total, bad = self._seen + seen, self._dead + dead
        if dead and total >= self._minimum and bad / total > self._ratio:
            raise BadShareError(
                f"{bad} of the last {total} records were bad, more than the share of {self._ratio:g} that "
                "bad_share_stop_ratio allows; see `firstbell dlq list`, correct the source or this program, and "
                "start again (or raise the setting, to dead-letter them all)"
            )

    def add(self, seen: int, dead: int) -> None:
        """Remembers a committed batch; forgets what is ten minimums old."""
        self._window.append((seen, dead))
        self._seen, self._dead = self._seen + seen, self._dead + dead
        while self._seen - self._window[0][0] >= 10 * self._minimum:
            old_seen, old_dead = self._window.popleft()
            self._seen, self._dead = self._seen - old_seen, self._dead - old_dead


class Ingest:
    """The transaction of one subscription in one process."""

    def __init__(
        self,
        pool: Pool,
        subscription: Subscription,
        source: str,
        guard: BadShareGuard,
        verify: Callable[[Place, int], None],
    ) -> None:
        self.subscription = subscription
        self.topic_ids: dict[str, str] = {}
        """Of the topics assigned; set by the consumer on assignment."""
        self.expected: dict[Place, int] = {}
        """Where the consumer is known to stand. Absent: unknown, after a failure."""
        self._pool, self._source, self._guard, self._verify = pool, source, guard, verify

    async def apply(self, decoded: Sequence[Decoded]) -> Applied:
        """Commits one batch's effect exactly once, and returns what it was.

        Raises RewindError, FenceBrokenError, BadShareError, or what handler or database raised; then nothing is committed.
        """
        group = self.subscription.group
        places = {(d[0].topic, self.topic_ids[d[0].topic], d[0].partition) for d in decoded}
        async with self._pool.acquire() as connection, connection.transaction():
            await lock_parking(connection, shared=True)
            tallies = await fence.lock(connection, group, places)
            batch = Batch(
                connection,
                source=self._source,
                now=datetime.now(UTC),
                group=group,
                decoder=self.subscription.decoder,
                topic_ids=self.topic_ids,
            )
            found = self._sort(decoded, tallies)
            parked = await self._handle(batch, found)
            seen = len(found.records) + len(found.bad)
            dead = sum(tally.counts.get(Disposition.DEAD, 0) for tally in tallies.values())
            self._guard.judge(seen, dead)
            await batch.flush(parked)
            await fence.advance(connection, group, tallies.values())
        self._guard.add(seen, dead)
        self.expected.update((place, tally.next) for place, tally in tallies.items())
        return _summary(found, batch)

    def _sort(self, decoded: Sequence[Decoded], tallies: dict[Place, Tally]) -> _Sorted:
        found = _Sorted(tallies)
        rewind: dict[Place, int] = {}
        tombstones = self.subscription.tombstones
        for outcome in decoded:
            record = outcome[0]
            place = (record.topic, record.partition)
            tally = tallies[place]
            offset = record.offset
            if offset != tally.next:
                if offset < tally.next:
                    found.replayed_count += 1
                    self._look(place, tally)
                    continue
                if not self._explained(place, tally):
                    rewind[place] = tally.next
                    continue
                tally.add(Disposition.IGNORED, offset - tally.next)
            tally.next = offset + 1
            tally.timestamp_ms = max(tally.timestamp_ms, record.timestamp_ms)
            if type(outcome) is Ok:
                found.records.append(outcome.record)
            elif type(outcome) is Bad:
                found.bad.append(outcome)
                tally.add(Disposition.DEAD)
            elif tombstones:
                found.records.append(record)  # type: ignore[arg-type]  # announced: value None
            else:
                tally.add(Disposition.IGNORED)
        if rewind:
            raise RewindError(rewind)
        return found

    def _look(self, place: Place, tally: Tally) -> None:
        """An offset below the fence where the consumer stood right at it: the log was cut or made anew."""
        if tally.next == tally.start and self.expected.get(place) == tally.start:
            self._verify(place, tally.start)

    def _explained(self, place: Place, tally: Tally) -> bool:
        """True for offsets that hold no record: compaction left them out, while we read on without a break."""
        if tally.next != tally.start:
            return True
        if self.expected.get(place) != tally.start:
            return False
        self._verify(place, tally.start)
        return True

    async def _handle(self, batch: Batch, found: _Sorted) -> list[Record[BaseModel]]:
        """Runs the handler and counts its answers; returns the records it parked."""
        for bad in found.bad:
            batch.dead(bad.record, Dead(bad.error_type, bad.error, bad.reason))
        if not found.records:
            return []
        results = await self.subscription.handler(batch, found.records)
        if len(results) != len(found.records):
            raise ValueError(f"handler of {batch.group}: {len(found.records)} records, {len(results)} dispositions")
        parked: list[Record[BaseModel]] = []
        tallies = found.tallies
        for record, result in zip(found.records, results, strict=True):
            if isinstance(result, Dead):
                batch.dead(record, result)
                result = Disposition.DEAD
            elif result is Disposition.PARKED:
                parked.append(record)
            elif result is Disposition.DEAD:
                batch.dead(record, Dead("unnamed", "the handler returned dead and gave no reason"))
            counts = tallies[record.topic, record.partition].counts
            counts[result] = counts.get(result, 0) + 1
        return parked


def _summary(found: _Sorted, batch: Batch) -> Applied:
    counts: dict[tuple[str, Disposition], int] = {}
    newest = 0
    for tally in found.tallies.values():
        newest = max(newest, tally.timestamp_ms)
        for disposition, count in tally.counts.items():
            counts[tally.topic, disposition] = counts.get((tally.topic, disposition), 0) + count
    return Applied(counts, found.replayed_count, batch.published_count, newest)
