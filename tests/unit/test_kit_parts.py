"""The kit's small parts: security, metrics, the judge of bad shares, a database's passing troubles."""

from pathlib import Path

import asyncpg
import pytest
from faststream.security import SASLScram512

from schemas.metrics import KIT
from services.kit import kafka
from services.kit.database import is_transient
from services.kit.fence import FenceBrokenError, Log, check
from services.kit.ingest import BadShareError, BadShareGuard
from services.kit.metrics import Metrics
from services.kit.outcome import PermanentError
from services.kit.settings import Settings


def test_a_password_never_travels_without_tls() -> None:
    with pytest.raises(PermanentError, match="without TLS"):
        kafka.security(Settings(kafka_username="firstbell"))


def test_sasl_means_tls_for_every_client(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    settings = Settings(
        kafka_security="sasl-ssl", kafka_username="u", kafka_password_file=secret, kafka_ca_file=Path("/ca.pem")
    )
    security = kafka.security(settings)
    assert isinstance(security, SASLScram512)
    assert (security.use_ssl, security.password) == (True, "s3cret")
    assert kafka.client_config(settings)["security.protocol"] == "sasl_ssl"
    assert kafka.producer_config(settings)["ssl.ca.location"] == "/ca.pem"
    assert kafka.python_config(settings)["security_protocol"] == "SASL_SSL"


def test_half_a_security_set_up_is_refused() -> None:
    with pytest.raises(PermanentError, match="kafka_password_file"):
        kafka.security(Settings(kafka_security="sasl-ssl", kafka_username="u"))
    with pytest.raises(PermanentError, match="readable file"):
        kafka.security(
            Settings(kafka_security="sasl-ssl", kafka_username="u", kafka_password_file=Path("/nowhere/secret"))
        )


def test_producers_lose_and_double_nothing() -> None:
    config = kafka.producer_config(Settings())
    assert (config["acks"], config["enable.idempotence"], config["partitioner"]) == ("all", True, "murmur2_random")


def test_a_metric_nobody_declared_cannot_be_emitted() -> None:
    metrics = Metrics()
    with pytest.raises(KeyError):
        metrics.counter("firstbell_surprise_total")
    with pytest.raises(TypeError, match="declared as Gauge"):
        metrics.counter("firstbell_lag_records")


def test_every_declared_metric_of_the_kit_is_rendered() -> None:
    text = Metrics().render().decode()
    assert [metric.name for metric in KIT if metric.name.removesuffix("_total") not in text] == []


def test_two_processes_keep_their_numbers_apart() -> None:
    one, two = Metrics(), Metrics()
    one.counter("firstbell_outbox_published_total").labels("a").inc(7)
    assert b'room="a"' not in two.render()


def test_few_bad_records_are_dead_letters_and_many_stop() -> None:
    guard = BadShareGuard(0.5, 200)
    guard.judge(199, 199)
    with pytest.raises(BadShareError, match="200 of the last 200"):
        guard.judge(200, 200)
    guard.add(400, 0)
    guard.judge(400, 400)
    with pytest.raises(BadShareError):
        guard.judge(401, 401)


def test_a_million_old_good_records_do_not_excuse_a_source_that_broke() -> None:
    guard = BadShareGuard(0.5, 200)
    for _ in range(1000):
        guard.add(1000, 0)
    guard.judge(1000, 1000)
    guard.add(1000, 1000)
    with pytest.raises(BadShareError):
        guard.judge(1000, 1000)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (asyncpg.CannotConnectNowError("starting"), True),
        (asyncpg.AdminShutdownError("terminated"), True),
        (asyncpg.DeadlockDetectedError("met"), True),
        (asyncpg.DiskFullError("full"), True),
        (asyncpg.InternalClientError("cannot switch to state"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.CheckViolationError("fence_conserves"), False),
        (asyncpg.UndefinedTableError("fence"), False),
        (asyncpg.DataError("invalid input"), False),
        (ValueError(), False),
    ],
)
def test_only_what_passes_by_itself_is_waited_for(error: BaseException, passes: bool) -> None:
    assert is_transient(error) is passes


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (Log("t", "new", 0, 0, 200), "created again"),
        (Log("t", "id", 0, 101, 200), "gone by retention"),
        (Log("t", "id", 0, 0, 99), "seen its end at 99"),
    ],
)
def test_a_log_that_no_longer_reaches_the_fence_is_refused(log: Log, says: str) -> None:
    with pytest.raises(FenceBrokenError, match=says):
        check("g", log, "id", 100)


@pytest.mark.parametrize("log", [Log("t", "id", 0, 100, 100), Log("t", "id", 0, 0, 100), Log("t", "id", 0, 100, 300)])
def test_a_log_that_reaches_the_fence_is_accepted(log: Log) -> None:
    check("g", log, "id", 100)
