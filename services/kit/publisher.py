"""Publishes events straight onto Kafka, for processes that keep no state of their own: the gateway, the simulator.

A room with a database uses the outbox instead, where an event leaves only with the transaction that caused it.
"""

from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from services.kit.envelope import Encoded
from services.kit.kafka import producer_config
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import Settings

FLUSH_SECONDS = 30.0
"""How long a close waits for acknowledgements before it says which are missing. Our judgement, 2026-11-23."""


class Publisher:
    """Sends with idempotence and acks from all replicas; leaving the block waits until everything is acknowledged."""

    def __init__(self, settings: Settings) -> None:
        self._producer = Producer(producer_config(settings))
        self._bootstrap = settings.kafka_bootstrap
        self._failure: str | None = None
        self.sent_count = 0
        """Events acknowledged so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()

    def send(self, topic: str, event: Encoded) -> None:
        """Queues one event; blocks only while the client's queue is full. Raises PermanentError after a failure."""
        if self._failure:
            raise PermanentError(self._failure)
        while True:
            try:
                self._producer.produce(
                    topic, value=event.value, key=event.key, headers=list(event.headers), on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def flush(self) -> None:
        """Waits for every acknowledgement. Raises PermanentError when one was denied, TemporaryError when one is due."""
        left = self._producer.flush(FLUSH_SECONDS)
        if self._failure:
            raise PermanentError(self._failure)
        if left:
            raise TemporaryError(
                f"Kafka at {self._bootstrap}: expected every event acknowledged after {FLUSH_SECONDS:.0f} s, seen {left} "
                "that are not; see `firstbell stack status`"
            )

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.sent_count += 1
        elif self._failure is None:
            self._failure = (
                f"topic {message.topic()}: {error.str()}; run `firstbell topics plan` and `firstbell doctor`"
            )
