"""A room's process: pool, subscriptions, relay, sweeps, one metrics and health endpoint, a graceful stop.

A room's `run(settings)` makes a `Process` and awaits `run()`. Several may run in one operating-system process;
each has its own pool, registry and port. It refuses to look healthy by merely answering: health is progress.
"""

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakSet

import structlog
from confluent_kafka import KafkaException

from services.kit import kafka, logging
from services.kit.batch import Batch
from services.kit.consume import Applied, Consuming, Subscription
from services.kit.database import Pool, is_transient, open_pool
from services.kit.endpoint import Endpoint
from services.kit.envelope import Decoder
from services.kit.gauges import Gauges
from services.kit.metrics import Metrics
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.relay import Relay
from services.kit.settings import Settings

GAUGE_SECONDS = 5.0
"""Seconds between two looks at lag, outbox, dead letters and topic ids. Our judgement, 2026-11-23."""
SWEEP_RETRY_SECONDS = 5.0
"""Seconds before a sweep that met trouble is tried again. Our judgement, 2026-11-23."""

GC_THRESHOLDS = (100_000, 50, 100)
"""Allocations between collections. Measured at ingestion: 20 percent less CPU an event than Python's defaults."""

Seconds = float | Callable[[], float]
_processes: WeakSet["Process"] = WeakSet()


@dataclass(frozen=True, slots=True)
class Sweep:
    """Work that time alone asks for, each run in one transaction with its own outbox."""

    name: str
    every_seconds: Seconds
    """Pause between runs, or a function asked after each run. Above 0."""
    handler: Callable[[Batch], Awaitable[None]]
    decoder: Decoder | None = None
    """For sweeps that take up parked records; None: they read none."""


class Process:
    """One room at work."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        subscriptions: Sequence[Subscription] = (),
        sweeps: Sequence[Sweep] = (),
        metrics: Metrics | None = None,
        *,
        tasks: Sequence[Callable[["Process"], Awaitable[None]]] = (),
    ) -> None:
        """`name` is the room's, and its schema's. `tasks` run beside the rest (a Temporal worker) until stopped."""
        logging.set_up(settings)
        self.name, self.settings = name, settings
        self.metrics = metrics or Metrics()
        self.stopping = asyncio.Event()
        self.pool: Pool
        """Open while `run` runs."""
        self.gauges: Gauges
        self._subscriptions, self._sweeps, self._tasks = tuple(subscriptions), tuple(sweeps), tuple(tasks)
        self._failure: BaseException | None = None
        self._relay: Relay | None = None
        self._consuming: list[Consuming] = []
        self._progress: dict[str, int] = {}
        self._log = structlog.get_logger().bind(room=name)

    def stop(self) -> None:
        """Begins a graceful stop: the batch at hand is finished, `run` returns."""
        self.stopping.set()
        for consuming in self._consuming:
            consuming.stop()

    async def run(self) -> None:
        """Works until SIGTERM, SIGINT or `stop`. Raises what made a consumer, sweep or task give up."""
        _listen(self)
        gc.freeze()  # what was imported stays: no collection need look at it again
        gc.set_threshold(*GC_THRESHOLDS)
        await self._open()
        try:
            async with Endpoint(self.name, self.settings, self.metrics, self.health):
                await self._work()
        finally:
            _processes.discard(self)
            await self.pool.close()
        if self._failure is not None:
            raise self._failure

    async def _open(self) -> None:
        tries = 0
        while True:
            try:
                self.pool = await self._reach()
                return
            except Exception as error:
                if not is_transient(error) or self.stopping.is_set():
                    raise
                tries += 1
                self._log.warning("database-away", attempt=tries, because=repr(error)[:300])
                await self._sleep(min(0.2 * 2**tries, 15.0))

    async def _reach(self) -> Pool:
        """The pool to work on: the room's own tables, unless a process of the room says otherwise."""
        return await open_pool(self.settings, self.name)

    async def _work(self) -> None:
        self._relay = relay = Relay(self.settings, self.pool, self.name)
        broker = kafka.broker(self.settings, self.name, self._client_error)
        self._consuming = [Consuming(self.settings, self.pool, self.name, sub, self) for sub in self._subscriptions]
        self.gauges = Gauges(self.name, self.pool, self.metrics, relay, self._consuming)
        for consuming in self._consuming:
            consuming.attach(broker)
        side = [self._guarded(relay.run()), self._guarded(self._watch())]
        side += [self._guarded(self._sweep(sweep)) for sweep in self._sweeps]
        side += [self._guarded(task(self)) for task in self._tasks]
        running = [asyncio.create_task(work) for work in side]
        try:
            if await self._prepared():
                await broker.start()
            self._log.info("process-started", topics=sum(len(sub.topics) for sub in self._subscriptions))
            await self.stopping.wait()
        finally:
            self.stop()
            if broker.running:
                await broker.stop()
            relay.stop()
            _, late = await asyncio.wait(running, timeout=15)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            self._log.info("process-stopped", because=repr(self._failure) if self._failure else "asked to")

    async def _prepared(self) -> bool:
        """True once every topic is there; False when there is nothing to consume, or a stop came first."""
        try:
            for consuming in self._consuming:
                await consuming.prepare()
        except TemporaryError:
            return False
        except PermanentError as error:
            self.failed(error)
            return False
        return bool(self._consuming)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  kept, and raised by run
            self.failed(error)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    # -- sweeps

    async def _sweep(self, sweep: Sweep) -> None:
        while not self.stopping.is_set():
            pause = sweep.every_seconds() if callable(sweep.every_seconds) else sweep.every_seconds
            try:
                await self.sweep_once(sweep)
            except Exception as error:
                if not isinstance(error, TemporaryError) and not is_transient(error):
                    raise
                self._log.warning("sweep-waits", sweep=sweep.name, because=repr(error)[:300])
                pause = min(pause, SWEEP_RETRY_SECONDS)
            await self._sleep(pause)

    async def sweep_once(self, sweep: Sweep) -> None:
        """Runs one sweep in one transaction."""
        started = time.perf_counter()
        async with self.pool.acquire() as connection, connection.transaction():
            batch = Batch(
                connection, source=f"firstbell/{self.name}", now=datetime.now(UTC), decoder=sweep.decoder
            )  # fmt: skip
            await sweep.handler(batch)
            await batch.flush()
        self.metrics.histogram("firstbell_sweep_seconds").labels(self.name, sweep.name).observe(
            time.perf_counter() - started
        )
        if batch.published_count and self._relay is not None:
            self._relay.wake()

    # -- what consumers report (services.kit.consume.Observer)

    def applied(self, applied: Applied, seconds: float) -> None:
        """A batch was committed: counts it, writes its line, wakes the relay."""
        records = self.metrics.counter("firstbell_consumed_records_total")
        for (topic, disposition), count in applied.counts.items():
            if count > 0:
                records.labels(self.name, topic, disposition.value).inc(count)
                self._progress[disposition.value] = self._progress.get(disposition.value, 0) + count
        self.metrics.histogram("firstbell_batch_seconds").labels(self.name).observe(seconds)
        self.gauges.moved()
        if applied.published_count and self._relay is not None:
            self._relay.wake()

    def failed(self, error: BaseException) -> None:
        """Something gave up for good: the process turns unhealthy, stops, and raises it from `run`."""
        if self._failure is None:
            self._failure = error
            self._log.error("process-fails", because=f"{type(error).__name__}: {error}", exc_info=error)
        self.stop()

    def _client_error(self, error: object) -> None:
        self._log.warning("kafka-client", because=str(error))

    async def _watch(self) -> None:
        """Keeps gauges fresh, and sees a topic made anew, or a database restored, behind the consumers' backs."""
        while not self.stopping.is_set():
            try:
                await self.gauges.refresh()
                self._tell()
                for consuming in self._consuming:
                    await consuming.check_topics()
                    await consuming.check_fences()
            except Exception as error:
                if not isinstance(error, KafkaException) and not is_transient(error):
                    raise
                self._log.warning("watch-waits", because=repr(error)[:300])
            await self._sleep(GAUGE_SECONDS)

    def _tell(self) -> None:
        """One line for all that was consumed since the last one; none when nothing was."""
        if self._progress:
            self._log.info("consumed", seconds=GAUGE_SECONDS, **self._progress)
            self._progress = {}

    def health(self) -> tuple[bool, str]:
        """Whether the process makes progress, and why not."""
        if self._failure is not None:
            return False, f"{type(self._failure).__name__}: {self._failure}"
        if not hasattr(self, "gauges"):
            return True, "starting"
        return self.gauges.health()


def _listen(process: Process) -> None:
    """SIGTERM and SIGINT stop every process of this operating-system process. Outside the main thread: `stop` only."""
    _processes.add(process)

    def stop_all() -> None:
        for each in list(_processes):
            each.stop()

    loop = asyncio.get_running_loop()
    with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop_all)
