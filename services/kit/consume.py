"""The one way to consume: a room states a `Subscription`, the kit gives each batch exactly one effect.

Called by `services.kit.process`; no room makes a subscriber of its own (a lint sees to it). FastStream's
Confluent broker polls; `Ingest` commits fence and state in one PostgreSQL transaction; only then is the batch
acknowledged, and Kafka's own offset is a hint. It never skips: what it can't explain stops the process.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from faststream import AckPolicy
from faststream.confluent import KafkaBroker
from faststream.confluent.message import KafkaMessage

from services.kit import fence, kafka
from services.kit.batch import Batch, Result, parked_references, replay_parked
from services.kit.database import Pool, is_transient
from services.kit.envelope import Bad, Decoded, Ok, Record, Tombstone, decode_message
from services.kit.fence import FenceBrokenError, Log, Place
from services.kit.ingest import Applied, BadShareError, BadShareGuard, Handler, Ingest, RewindError, Subscription
from services.kit.outcome import Dead, Disposition, PermanentError, TemporaryError
from services.kit.settings import Settings

if TYPE_CHECKING:
    from faststream.confluent.subscriber.usecase import BatchSubscriber

__all__ = [
    "Applied", "BadShareError", "Batch", "Consuming", "Dead", "Disposition", "FenceBrokenError", "Handler", "Ok", "Record",
    "Result", "Subscription", "Tombstone", "parked_references", "replay_parked",
]  # fmt: skip

SESSION_MS = 6_000
"""Milliseconds of silence after which Kafka gives a dead process's partitions away. The broker's least; an
early rebalance costs nothing behind the fence."""
REST_SECONDS = 1.0
"""Without a record for so long, a consumer awaits the first one, and then gathers, instead of gathering for a moment each
time: an idle room costs less. Our judgement, 2026-11-30."""
REST_POLL_SECONDS = 0.5
"""How long it then waits at once: a stop or a step back waits for it, too. Our judgement, 2026-11-30."""
FETCH_WAIT_MS = 500
"""Milliseconds that the broker may hold a fetch while there is nothing: a record ends it at once. The library's default."""
BROKER_SECONDS_MAX = 10.0
"""Seconds to wait for one answer of Kafka on assignment. Our judgement, 2026-11-23."""
BACKOFF_SECONDS_MAX = 15.0
"""Seconds between two tries while the database is away. Our judgement, 2026-11-23."""
LOOKS_MAX = 60
"""Half seconds to wait for a broker that is away while partitions are assigned. Our judgement, 2026-11-23."""
UNKNOWN_TOPIC_TRIES_MAX = 6
"""Looks for a topic, about ten seconds, before the process says that nobody made it. Our judgement, 2026-11-23."""
ATTEMPTS_MAX = 3
"""Tries of a batch whose handler fails for no known reason, before it is taken record by record. Our judgement."""
EXHAUSTED_STREAK_MAX = 5
"""Records in a row that may exhaust the handler; more are the handler's fault, and it stops. Our judgement."""


class Observer(Protocol):
    """Who hears what a consumer does: the process, for its metrics and its health."""

    def applied(self, applied: Applied, seconds: float) -> None:
        """A batch was committed."""

    def failed(self, error: BaseException) -> None:
        """The consumer stopped for good."""


class Consuming:
    """One subscription at work in one process."""

    def __init__(
        self, settings: Settings, pool: Pool, room: str, subscription: Subscription, observer: Observer
    ) -> None:
        self.subscription = subscription
        self.assigned: tuple[Place, ...] = ()
        self.heard_at = time.monotonic()
        """When Kafka last answered this consumer; monotonic seconds."""
        self._settings, self._pool, self._observer = settings, pool, observer
        guard = BadShareGuard(settings.bad_share_stop_ratio, settings.bad_share_stop_minimum)
        self._ingest = Ingest(pool, subscription, f"firstbell/{room}", guard, self._verify)
        self._log = structlog.get_logger().bind(room=room, group=subscription.group)
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._admin = AdminClient(kafka.client_config(settings), logger=kafka.LOGGER)
        self._consumer: Consumer | None = None
        self._subscriber: BatchSubscriber | None = None
        self.at_rest = False
        """True: no record came for REST_SECONDS, and the next one is awaited before any are gathered."""
        self._resting: asyncio.TimerHandle | None = None

    def attach(self, broker: KafkaBroker) -> None:
        """Adds this subscription to a broker that is not started yet. The only subscriber of the house."""
        codec: Any = self  # the batch half of FastStream's codec protocol, the only half ever called
        self._subscriber = broker.subscriber(
            *self.subscription.topics,
            group_id=self.subscription.group,
            batch=True,
            max_records=self._settings.batch_records_max,
            polling_interval=self._settings.batch_wait_seconds,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 3,
            partition_assignment_strategy=("range",),
            fetch_max_wait_ms=FETCH_WAIT_MS,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
            parser=self._parse,
            codec=codec,
            no_reply=True,
        )
        self._subscriber(self._handle)
        self._gather()

    def stop(self) -> None:
        """Ends back-offs, so that the broker can stop."""
        self._stopping.set()
        if self._resting is not None:
            self._resting.cancel()

    def _gather(self) -> None:
        """Batches, from now until no record came for a while."""
        if self._resting is not None:
            self._resting.cancel()
        self._poll(self._settings.batch_records_max, self._settings.batch_wait_seconds)
        self._resting = self._loop.call_later(REST_SECONDS, self._rest)

    def _rest(self) -> None:
        self._poll(1, REST_POLL_SECONDS)
        self.at_rest = True

    def _poll(self, records: int, seconds: float) -> None:
        """How FastStream's next poll goes: it returns with so many records, or after so many seconds."""
        assert self._subscriber is not None
        self._subscriber.max_records, self._subscriber.polling_interval = records, seconds
        self.at_rest = False

    # -- FastStream's parser and codec: nothing is read that could raise

    async def _parse(self, messages: tuple[Message, ...]) -> KafkaMessage:
        assert self._subscriber is not None
        assert self._subscriber.consumer is not None
        room = self._settings.batch_records_max - len(messages)
        if self.at_rest and room > 0:
            try:
                messages += await self._subscriber.consumer.getmany(self._settings.batch_wait_seconds, room)
            except KafkaException as error:  # what that poll lost, the fence misses, and goes back for
                self._log.warning("gathering-failed", because=repr(error)[:300])
        return KafkaMessage(
            body=b"", headers={}, raw_message=messages, consumer=self._subscriber.consumer, is_manual=True,
            message_id="", correlation_id="",
        )  # fmt: skip

    async def encode_batch(self, msgs: Sequence[Any], serializer: object = None) -> list[tuple[bytes, str | None]]:
        """Part of FastStream's codec protocol; the kit publishes through the outbox alone."""
        raise NotImplementedError

    async def decode_batch(self, msg: Any) -> list[Decoded]:
        """Ok, Tombstone or Bad for each record. Any: FastStream's own message type."""
        decoder = self.subscription.decoder
        return [decode_message(message, decoder) for message in msg.raw_message]

    # -- the batch

    async def _handle(self, decoded: list[Decoded]) -> None:
        """Commits the batch or raises; FastStream acknowledges on return and rewinds on an exception."""
        if self._failure is not None:
            raise self._failure
        places = {(d[0].topic, d[0].partition) for d in decoded}
        try:
            await self._until_committed(decoded)
        except asyncio.CancelledError:
            raise
        except PermanentError as error:
            self._fail(error)
            raise
        except BaseException:
            for place in places:
                self._ingest.expected.pop(place, None)
            raise
        finally:
            self._gather()  # only now: a batch may take longer than the time to rest

    async def _until_committed(self, decoded: Sequence[Decoded]) -> None:
        attempts = tries = 0
        while decoded:
            try:
                return await self._once(decoded)
            except RewindError as rewind:
                await self._seek(rewind.offsets)
                self._ingest.expected.update(rewind.offsets)  # nothing was polled since: holes from here on are holes
                decoded = [d for d in decoded if (d[0].topic, d[0].partition) not in rewind.offsets]
            except PermanentError:
                raise
            except Exception as error:  # noqa: BLE001  whatever a handler raises is judged here
                tries += 1
                if isinstance(error, TemporaryError) or is_transient(error):
                    await self._pause(error, tries)
                    continue
                attempts += 1
                self._log.error("batch-failed", attempt=attempts, records=len(decoded), exc_info=error)
                if attempts >= ATTEMPTS_MAX:
                    return await self._one_by_one(decoded)
                await self._pause(error, attempts)
        return None

    async def _once(self, decoded: Sequence[Decoded]) -> None:
        started = time.perf_counter()
        applied = await self._ingest.apply(decoded)
        self._observer.applied(applied, time.perf_counter() - started)

    async def _one_by_one(self, decoded: Sequence[Decoded]) -> None:
        """Finds the record the handler can't stand; that one becomes a dead letter, the others their effect."""
        streak = 0
        for one in decoded:
            try:
                await self._once([one])
                streak = 0
            except PermanentError:
                raise
            except Exception as error:
                if isinstance(error, RewindError | TemporaryError) or is_transient(error):
                    raise
                streak += 1
                if streak > EXHAUSTED_STREAK_MAX:
                    raise PermanentError(
                        f"{self.subscription.group}: the handler failed for {streak} records in a row, last with "
                        f"{type(error).__name__}: {error}; correct it and start again"
                    ) from error
                await self._once([Bad(one.record, "exhausted", type(error).__name__, str(error))])

    async def _pause(self, error: BaseException, tries: int) -> None:
        """Waits longer each time, never past a stop. Raises TemporaryError then: nothing was committed."""
        seconds = min(0.1 * 2 ** min(tries, 10), BACKOFF_SECONDS_MAX) * random.uniform(0.7, 1.0)
        if isinstance(error, TemporaryError):
            seconds = max(seconds, error.retry_after.total_seconds())
        self._log.warning("batch-waits", attempt=tries, seconds=round(seconds, 2), because=repr(error)[:300])
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise TemporaryError("stopping before the batch was committed") from error

    async def _seek(self, offsets: dict[Place, int]) -> None:
        assert self._subscriber is not None
        for (topic, partition), offset in offsets.items():
            self._ingest.expected.pop((topic, partition), None)
            if self._subscriber.consumer is not None:
                self._log.warning("consumer-rewinds", topic=topic, partition=partition, offset=offset)
                await self._subscriber.consumer.seek(topic, partition, offset)

    # -- assignment: called in the client's thread

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._consumer = consumer
        places = [(partition.topic, partition.partition) for partition in partitions]
        try:
            logs = [self._look_patiently(place) for place in places]
            offsets = asyncio.run_coroutine_threadsafe(self._positions(logs), self._loop).result()
        except BaseException as error:  # noqa: BLE001  it must never reach the client's C code
            if not self._stopping.is_set():
                self._loop.call_soon_threadsafe(self._fail, error)
            consumer.assign([])
            return
        consumer.assign([TopicPartition(topic, part, offsets[topic, part]) for topic, part in places])
        self.assigned = tuple(places)

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {(partition.topic, partition.partition) for partition in partitions}
        self.assigned = tuple(place for place in self.assigned if place not in gone)
        for place in gone:
            self._loop.call_soon_threadsafe(partial(self._ingest.expected.pop, place, None))

    async def _positions(self, logs: Sequence[Log]) -> dict[Place, int]:
        tries = 0
        while True:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    offsets = await fence.position(connection, self.subscription.group, logs)
                self._ingest.topic_ids.update((log.topic, log.topic_id) for log in logs)
                self._ingest.expected.update(offsets)
                return offsets
            except Exception as error:
                if not is_transient(error):
                    raise
                tries += 1
                await self._pause(error, tries)

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """Kafka's own ids of topics. Blocks; raises KafkaException."""
        futures = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=BROKER_SECONDS_MAX)
        return {topic: str(future.result(BROKER_SECONDS_MAX).topic_id) for topic, future in futures.items()}

    async def prepare(self) -> None:
        """Returns once Kafka knows every topic. Waits while Kafka is away; raises PermanentError for a topic nobody made."""
        tries = 0
        while True:
            try:
                await asyncio.to_thread(self.topic_ids, self.subscription.topics)
                return
            except KafkaException as error:
                unknown = error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
                tries += 1
                if unknown and tries > UNKNOWN_TOPIC_TRIES_MAX:
                    raise PermanentError(
                        f"{self.subscription.group}: expected the topics {', '.join(self.subscription.topics)}, seen "
                        f"{error.args[0].str()}; run `firstbell topics apply`"
                    ) from error
                await self._pause(error, tries)

    def _look_patiently(self, place: Place) -> Log:
        """As `_look`, but waits out a broker that is briefly away. In the client's thread, where waiting is harmless."""
        for _ in range(LOOKS_MAX):
            try:
                return self._look(place)
            except KafkaException:
                if self._stopping.is_set():
                    raise
                time.sleep(0.5)
        return self._look(place)

    def _look(self, place: Place) -> Log:
        assert self._consumer is not None
        topic, partition = place
        start, end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), BROKER_SECONDS_MAX)
        return Log(topic, self.topic_ids([topic])[topic], partition, start, end)

    def _verify(self, place: Place, next_offset: int) -> None:
        """Looks at the log again where an offset came unexpectedly. Blocks for a moment; rare by construction."""
        fence.check(self.subscription.group, self._look(place), self._ingest.topic_ids[place[0]], next_offset)

    async def check_topics(self) -> None:
        """Fails this consumer when a topic it reads was made anew behind its back. Called now and then."""
        known = {topic: self._ingest.topic_ids[topic] for topic, _ in self.assigned if topic in self._ingest.topic_ids}
        seen = await asyncio.to_thread(self.topic_ids, self.subscription.topics)
        self.heard_at = time.monotonic()
        for topic, topic_id in known.items():
            if seen[topic] != topic_id:
                log = Log(topic, seen[topic], 0, 0, 0)
                try:
                    fence.check(self.subscription.group, log, topic_id, 0)
                except FenceBrokenError as error:
                    self._fail(error)

    async def check_fences(self) -> None:
        """Goes back to a fence that is below it: its database was restored from before. Called now and then.

        A record that comes would tell as well, but to a topic at rest none may come. Where it stands is read first: a
        commit meanwhile only moves the fence on. Afterwards that is unknown, since a batch may be in hand whose records
        lie beyond: it must find out by itself that it has to go back.
        """
        stands = {place: at for place, at in self._ingest.expected.items() if place in self.assigned}
        try:
            async with self._pool.acquire() as connection:
                fallen = await fence.fallen(connection, self.subscription.group, stands)
        except FenceBrokenError as error:
            self._fail(error)
            return
        await self._seek(fallen)

    def lag(self) -> dict[str, int]:
        """Records behind the end, by topic, of the partitions assigned here. From the client's cache: no network."""
        behind: dict[str, int] = dict.fromkeys(self.subscription.topics, 0)
        for topic, partition in self.assigned:
            if self._consumer is None:
                break
            try:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            except RuntimeError:  # closed meanwhile
                break
            stands = self._ingest.expected.get((topic, partition))
            if stands is not None and end > stands:
                behind[topic] += end - stands
        return behind

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
            self._stopping.set()
            self._observer.failed(error)
