"""How every client of ours reaches Kafka: one place for addresses, security and the settings that lose nothing.

Serves three libraries: FastStream's Confluent broker (consuming), confluent-kafka (the relay) and kafka-python
(commands). It refuses SASL without TLS, which the libraries would accept in silence.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from faststream.confluent import KafkaBroker
from faststream.security import BaseSecurity, SASLScram512
from kafka.errors import KafkaError

from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import Settings

LOGGER = logging.getLogger("kafka-client")
"""Where librdkafka writes, instead of the terminal."""
LINGER_MS = 5
"""Milliseconds a producer waits to fill a request. Our judgement: half the relay's idle latency."""


def _credentials(settings: Settings) -> tuple[str, str]:
    file = settings.kafka_password_file
    if settings.kafka_username is None or file is None:
        raise PermanentError(
            "kafka_security=sasl-ssl: expected kafka_username and kafka_password_file, seen "
            f"{settings.kafka_username!r} and {file}; set both"
        )
    try:
        return settings.kafka_username, file.read_text("utf-8").strip()
    except OSError as error:
        raise PermanentError(f"kafka_password_file: expected a readable file, seen {error}; correct it") from error


def security(settings: Settings) -> BaseSecurity | None:
    """FastStream's security object; None for plain text on loopback. Raises PermanentError for half a set-up."""
    if settings.kafka_security == "plaintext":
        if settings.kafka_username is not None:
            raise PermanentError(
                "kafka_security: expected sasl-ssl beside kafka_username, seen plaintext; a password never travels "
                "without TLS: set kafka_security=sasl-ssl or remove kafka_username"
            )
        return None
    username, secret = _credentials(settings)
    return SASLScram512(username=username, password=secret, use_ssl=True)


def tls(settings: Settings) -> dict[str, Any]:
    """The `ssl.*` settings of librdkafka. Any: the library's own mixture of values."""
    if settings.kafka_security == "plaintext" or settings.kafka_ca_file is None:
        return {}
    return {"ssl.ca.location": str(settings.kafka_ca_file)}


def client_config(settings: Settings) -> dict[str, Any]:
    """For confluent-kafka's own clients (relay, admin). Any: the library's own mixture of values."""
    config: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap, "client.id": "firstbell"}
    if security(settings) is not None:
        username, secret = _credentials(settings)
        config |= {
            "security.protocol": "sasl_ssl",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": username,
            "sasl.password": secret,
        }
    return config | tls(settings)


def producer_config(settings: Settings) -> dict[str, Any]:
    """A producer that loses and doubles nothing, and partitions as every other client of ours does.

    Uncompressed: kafka-python, with which people look and replay, reads lz4 and zstd only with further libraries.
    """
    return client_config(settings) | {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "linger.ms": LINGER_MS,
    }


def python_config(settings: Settings) -> dict[str, Any]:
    """For kafka-python's clients. Any: the library's own mixture of values."""
    config: dict[str, Any] = {"bootstrap_servers": settings.kafka_bootstrap.split(","), "client_id": "firstbell-cli"}
    if security(settings) is not None:
        username, secret = _credentials(settings)
        config |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": username,
            "sasl_plain_password": secret,
        }
        if settings.kafka_ca_file is not None:
            config["ssl_cafile"] = str(settings.kafka_ca_file)
    return config


@contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """Around kafka-python's calls: its errors become TemporaryError where a later try may help, else PermanentError."""
    try:
        yield
    except KafkaError as error:
        kind = TemporaryError if error.retriable else PermanentError
        raise kind(
            f"Kafka at {settings.kafka_bootstrap}: expected an answer, seen {error!r}; see `firstbell stack status`"
        ) from error


def broker(settings: Settings, room: str, on_error: Callable[[object], None]) -> KafkaBroker:
    """FastStream's broker as the kit uses it: nothing guessed from annotations, no topic made by accident.

    `on_error` hears what the client library would otherwise drop; it is called from the library's thread.
    """
    extra: Any = {"error_cb": on_error, **tls(settings)}
    return KafkaBroker(
        settings.kafka_bootstrap,
        client_id=f"firstbell-{room}",
        security=security(settings),
        config=extra,
        allow_auto_create_topics=False,
        acks="all",
        enable_idempotence=True,
        partitioner="murmur2_random",
        apply_types=False,
        logger=None,
        graceful_timeout=20.0,
    )
