"""What a handler holds while it works: the open transaction, and what else shall be committed with it.

Made by the consumer for each batch and by the process for each sweep. Nothing it is told reaches the database
before the handler returns, and nothing at all when the transaction fails.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import NamedTuple

from pydantic import BaseModel

from services.kit import outbox
from services.kit.database import Connection
from services.kit.envelope import Bad, Decoder, Headers, Ok, Record, cut, decode_record
from services.kit.outcome import Dead, Disposition

APP_VERSION = version("firstbell")
PARKING_LOCK_CLASS = 0x0B0E
"""First half of the advisory lock's key; the second is the room's hash."""
AnyRecord = Record[object]
Result = Disposition | Dead


class _Origin(NamedTuple):
    """Where a record was counted first."""

    group: str
    topic_id: str


@dataclass(slots=True)
class Settled:
    """One parked record that was taken up: its fence changes from parked to something else."""

    origin: _Origin
    record: AnyRecord
    disposition: Disposition


class Batch:
    """One transaction of one room. Handlers use it and forget it; it must not outlive them."""

    def __init__(
        self,
        connection: Connection,
        *,
        source: str,
        now: datetime,
        group: str = "",
        decoder: Decoder | None = None,
        topic_ids: dict[str, str] | None = None,
    ) -> None:
        self.connection = connection
        """Inside the open transaction; its search path is the room's schema. Never commit or roll back."""
        self.now = now
        """The batch's one clock reading. Aware, UTC."""
        self.source = source
        self.group = group
        self._decoder = decoder or {}
        self._topic_ids = topic_ids or {}
        self._events: list[outbox.Row] = []
        # By identity: two groups, or a topic's former life, may have parked records of the same place.
        self._parked: dict[int, tuple[AnyRecord, str]] = {}
        self._dead: list[tuple[_Origin, AnyRecord, Dead]] = []
        self._taken: dict[int, tuple[AnyRecord, _Origin]] = {}
        self._settled: list[Settled] = []

    @property
    def published_count(self) -> int:
        """Events that will be committed to the outbox."""
        return len(self._events)

    def publish(
        self,
        topic: str,
        key: str | None,
        ce_type: str,
        payload: BaseModel | bytes,
        *,
        time: datetime | None = None,
        ce_id: str | None = None,
    ) -> None:
        """Adds an event to the outbox: it leaves if, and only if, this transaction commits. Not awaited.

        `time` is when it happened, aware; None means now. `ce_id` None makes a new UUID.
        """
        self._events.append(
            outbox.row(topic, key, ce_type, payload, source=self.source, time=time or self.now, ce_id=ce_id)
        )

    def park(self, record: Record[BaseModel], missing: str) -> Disposition:
        """Keeps a record until `missing` arrives; the handler returns the PARKED it answers. Not awaited.

        `missing` is the room's own name for the reference, such as `school:<id>`.
        """
        self._parked[id(record)] = (record, missing)
        return Disposition.PARKED

    async def take_parked(self, missing: Collection[str], decoder: Decoder | None = None) -> list[Record[BaseModel]]:
        """Takes up the records parked for these references, oldest first, whichever group parked them.

        Best called before the handler's own writes: it waits until no other batch of the room is between "unknown" and
        "parked", and a batch that waits for one's rows meanwhile costs a second try of both.
        What this same batch parks is not among them: learn references first, then park.
        Each record must be given its disposition with `settle` before the handler returns. `decoder` None reads them
        as this subscription reads its own. What can no longer be read becomes a dead letter by itself.
        """
        if not missing:
            return []
        await lock_parking(self.connection, shared=False)
        rows = await self.connection.fetch(
            "delete from parked where missing = any($1::text[]) returning *", sorted(set(missing))
        )
        records: list[Record[BaseModel]] = []
        for row in sorted(rows, key=lambda row: int(row["id"])):
            decoded = decode_record(
                row["topic"], row["partition"], row["record_offset"],
                int(row["record_at"].timestamp() * 1000), row["key"], row["value"],
                unpack_headers(row["headers"]), decoder or self._decoder,
            )  # fmt: skip
            origin = _Origin(row["consumer_group"], row["topic_id"])
            record = decoded.record
            self._taken[id(record)] = (record, origin)
            if isinstance(decoded, Ok):
                records.append(decoded.record)
            elif isinstance(decoded, Bad):
                self._settle(record, Dead(decoded.error_type, decoded.error, decoded.reason))
            else:
                self._settle(record, Disposition.IGNORED)
        return records

    def settle(self, record: Record[BaseModel], result: Result) -> None:
        """Says what became of a record from `take_parked`; moves its count from parked to that. Not awaited.

        Takes the very record of `take_parked`. Raises KeyError for any other, or when it was settled already.
        """
        self._settle(record, result)

    def _settle(self, record: AnyRecord, result: Result) -> None:
        _, origin = self._taken.pop(id(record))
        if isinstance(result, Dead):
            self._dead.append((origin, record, result))
            result = Disposition.DEAD
        self._settled.append(Settled(origin, record, result))

    def dead(self, record: AnyRecord, dead: Dead) -> None:
        """Writes a dead letter for a record of this batch. For the consumer; handlers return Dead instead."""
        self._dead.append((_Origin(self.group, self._topic_ids[record.topic]), record, dead))

    async def flush(self, parked_results: Sequence[AnyRecord] = ()) -> None:
        """Writes everything into the transaction; given the records answered as PARKED. For the consumer and the process.

        Raises ValueError when a PARKED record was not parked, or a taken one was not settled: a bug of the handler.
        """
        self._check(parked_results)
        await outbox.publish_rows(self.connection, self._events)
        if self._parked:
            await self._insert_parked()
        if self._dead:
            await self._insert_dead()
        if self._settled:
            await self._move_counts()

    def _check(self, parked_results: Sequence[AnyRecord]) -> None:
        if self._taken:
            places = sorted(_place(record) for record, _ in self._taken.values())
            raise ValueError(f"taken up and not settled: {places[:3]}; call batch.settle for each")
        again = [settled.record for settled in self._settled if settled.disposition is Disposition.PARKED]
        promised = {id(record): record for record in (*parked_results, *again)}
        odd = [promised[key] for key in promised.keys() - self._parked.keys()]
        odd += [self._parked[key][0] for key in self._parked.keys() - promised.keys()]
        if odd:
            places = sorted(_place(record) for record in odd)
            raise ValueError(f"returned PARKED and batch.park must name the same records; differ at {places[:3]}")

    async def _insert_parked(self) -> None:
        origins = {id(settled.record): settled.origin for settled in self._settled}
        rows = [
            (origins.get(key) or _Origin(self.group, self._topic_ids[record.topic]), record, missing)
            for key, (record, missing) in self._parked.items()
        ]
        await self.connection.execute(
            f"""insert into parked ({_COLUMNS}, missing)
            select * from unnest({_TYPES}, $10::text[])""",  # noqa: S608  constants of this module
            *_columns([(origin, record) for origin, record, _ in rows]),
            [missing for _, _, missing in rows],
        )

    async def _insert_dead(self) -> None:
        dead = [letter for _, _, letter in self._dead]
        await self.connection.execute(
            f"""insert into dead_letter ({_COLUMNS}, reason, error_type, error_message, app_version)
            select *, $13 from unnest({_TYPES}, $10::text[], $11::text[], $12::text[])""",  # noqa: S608  constants
            *_columns([(origin, record) for origin, record, _ in self._dead]),
            [letter.reason for letter in dead],
            [cut(letter.error_type) for letter in dead],
            [cut(letter.message) for letter in dead],
            APP_VERSION,
        )

    async def _move_counts(self) -> None:
        moves: dict[tuple[str, str, str, int, Disposition], int] = {}
        for settled in self._settled:
            if settled.disposition is not Disposition.PARKED:
                record = settled.record
                place = (*settled.origin, record.topic, record.partition, settled.disposition)
                moves[place] = moves.get(place, 0) + 1
        for group, topic_id, topic, partition, disposition in sorted(moves):
            await self.connection.execute(
                f"""update fence set parked = parked - $5, {disposition.value} = {disposition.value} + $5
                where consumer_group = $1 and topic_id = $2 and topic = $3 and partition = $4""",  # noqa: S608  enum
                group, topic_id, topic, partition,
                moves[group, topic_id, topic, partition, disposition],
            )  # fmt: skip


def _place(record: AnyRecord) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


SweepHandler = Callable[[Batch], Awaitable[None]]


async def replay_parked(
    batch: Batch, missing: Collection[str], decoder: Decoder | None = None
) -> list[Record[BaseModel]]:
    """The same as `batch.take_parked`."""
    return await batch.take_parked(missing, decoder)


async def parked_references(batch: Batch) -> list[str]:
    """Every reference records wait for, sorted: for a sweep that looks whether some arrived meanwhile."""
    rows = await batch.connection.fetch("select distinct missing from parked order by missing")
    return [row["missing"] for row in rows]


async def lock_parking(connection: Connection, *, shared: bool) -> None:
    """Makes "unknown, so park it" and "known now, so take it up" never cross, until the transaction ends.

    Batches share it before they read anything; taking up has it alone, after the reference was written.
    """
    if shared:
        statement = "select pg_advisory_xact_lock_shared($1, hashtext(current_schema()))"
    else:
        statement = "select pg_advisory_xact_lock($1, hashtext(current_schema()))"
    await connection.execute(statement, PARKING_LOCK_CLASS)


_COLUMNS = "consumer_group, topic_id, topic, partition, record_offset, record_at, key, value, headers"
_TYPES = (
    "$1::text[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::timestamptz[], $7::bytea[], $8::bytea[], "
    "$9::bytea[]"
)


def _columns(rows: Sequence[tuple[_Origin, AnyRecord]]) -> list[list[object]]:
    records = [record for _, record in rows]
    return [
        [origin.group for origin, _ in rows],
        [origin.topic_id for origin, _ in rows],
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [datetime.fromtimestamp(max(record.timestamp_ms, 0) / 1000, UTC) for record in records],
        [record.raw_key for record in records],
        [record.raw_value for record in records],
        [pack_headers(record.raw_headers) for record in records],
    ]


def pack_headers(headers: Headers) -> bytes:
    """Headers as JSON pairs of name and base64, so that any bytes survive PostgreSQL untouched."""
    return json.dumps(
        [[name, None if value is None else base64.b64encode(_as_bytes(value)).decode()] for name, value in headers]
    ).encode()


def unpack_headers(packed: bytes) -> Headers:
    """The inverse of `pack_headers`."""
    return tuple((name, None if value is None else base64.b64decode(value)) for name, value in json.loads(packed))


def _as_bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
