"""Laws of the stack on its real servers: repeated, killed, reconfigured, ended."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from typer.testing import CliRunner

from schemas.topics import FACTS, READINGS
from services.kit.kafka import python_config
from services.kit.outcome import PermanentError
from services.kit.settings import Settings, load_settings
from services.stack import observability, topics
from services.stack.cli import doctor_app, stack_app, topics_app
from services.stack.home import Home, free_port
from services.stack.identity import Identity, alive, wait_until_gone
from services.stack.lifecycle import Wishes, down, erase, me, up
from services.stack.status import look
from tests.harness.stack import PrivateStack, say
from tests.harness.until import until_true

pytestmark = pytest.mark.stack
SERVERS = ("kafka", "postgres", "temporal")


@pytest.fixture(scope="module")
def own() -> Iterator[PrivateStack]:
    """A stack that these tests may kill."""
    with PrivateStack.start() as running:
        yield running


def identities(stack: PrivateStack) -> dict[str, Identity | None]:
    return {name: stack.process(name).identity for name in SERVERS}


def again(stack: PrivateStack, **wishes: object) -> None:
    up(stack.settings, Wishes(usual_ports=False, owner=me(), **wishes), say)  # type: ignore[arg-type]


async def write(settings: Settings, mark: str) -> None:
    """The mark goes into every server, acknowledged."""
    connection = await asyncpg.connect(settings.postgres_dsn)
    await connection.execute("create table if not exists mark (mark text)")
    await connection.execute("insert into mark values ($1)", mark)
    await connection.close()
    producer = KafkaProducer(**python_config(settings))
    producer.send(READINGS.name, mark.encode(), partition=0).get(timeout=30)
    producer.close()
    client = await Client.connect(settings.temporal_address)
    await client.start_workflow("nobody-runs-this", id=mark, task_queue="none")


async def read(settings: Settings, mark: str) -> tuple[bool, bool, bool]:
    """Whether PostgreSQL, Kafka and Temporal still hold the mark."""
    connection = await asyncpg.connect(settings.postgres_dsn)
    row = await connection.fetchval("select count(*) from mark where mark = $1", mark)
    await connection.close()
    partition = TopicPartition(READINGS.name, 0)
    consumer = KafkaConsumer(**python_config(settings), consumer_timeout_ms=60_000)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    event = any(record.value == mark.encode() for record in consumer)
    consumer.close()
    client = await Client.connect(settings.temporal_address)
    try:
        await client.get_workflow_handle(mark).describe()
        workflow = True
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        workflow = False
    return row == 1, event, workflow


def test_up_repeated_touches_nothing(own: PrivateStack) -> None:
    before = identities(own)
    settings = own.home.stack_toml.read_text("utf-8")
    again(own)
    assert identities(own) == before
    assert own.home.stack_toml.read_text("utf-8") == settings


async def test_what_every_server_acknowledged_survives_kill_and_down(own: PrivateStack) -> None:
    await asyncio.to_thread(topics.apply, own.settings)
    await write(own.settings, "before-kill")
    for name in SERVERS:
        await asyncio.to_thread(own.restart, name, signal.SIGKILL)
    assert await read(own.settings, "before-kill") == (True, True, True)
    await write(own.settings, "before-down")
    ended = [process.identity for process in (own.process(name) for name in SERVERS)]
    await asyncio.to_thread(down, own.home, say)
    assert not any(alive(identity) for identity in ended)
    await asyncio.to_thread(again, own)
    assert await read(own.settings, "before-kill") == (True, True, True)
    assert await read(own.settings, "before-down") == (True, True, True)


def move(stack: PrivateStack, *names: str) -> None:
    """Records other ports, as when somebody took ours."""
    ports = json.loads((stack.home.folder / "ports.json").read_text("utf-8"))
    for name in names:
        ports[name] = free_port(set(ports.values()))
    (stack.home.folder / "ports.json").write_text(json.dumps(ports))


def test_changed_configuration_restarts_just_that_server(own: PrivateStack) -> None:
    before = identities(own)
    move(own, "temporal_page")
    again(own)
    after = identities(own)
    assert after["temporal"] != before["temporal"]
    assert (after["kafka"], after["postgres"]) == (before["kafka"], before["postgres"])


async def test_data_follow_when_ports_must_change(own: PrivateStack) -> None:
    await asyncio.to_thread(topics.apply, own.settings)
    await write(own.settings, "before-move")
    before = load_settings({"home": own.home.folder})
    await asyncio.to_thread(down, own.home, say)
    move(own, "kafka", "kafka_controller", "postgres", "temporal")
    await asyncio.to_thread(again, own)
    own.settings = load_settings({"home": own.home.folder})
    assert own.settings.kafka_bootstrap != before.kafka_bootstrap
    assert await read(own.settings, "before-move") == (True, True, True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_killed_supervisor_leaves_no_orphan_and_up_mends_it(own: PrivateStack) -> None:
    state = own.home.state()
    assert state is not None
    members = [Identity(p.pid, p.started) for p in state.processes if p.pid]
    os.kill(state.supervisor.pid, signal.SIGKILL)
    for member in members:
        assert wait_until_gone(member, 40)
    status = look(own.home)
    assert not status.running
    assert not status.healthy
    again(own)
    until_true(lambda: look(own.home).healthy, what="every server to answer")


def test_down_ends_what_a_killed_supervisor_recorded_and_nothing_else(tmp_path: Path) -> None:
    from services.stack.state import Running, StackState, write_state

    home = Home.of(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    ours, stranger = (psutil.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) for _ in range(2))
    from services.stack.identity import identify

    known = identify(ours.pid)
    other = identify(stranger.pid)
    assert known is not None
    assert other is not None

    def recorded(name: str, pid: int, started: str) -> Running:
        return Running(name, "server", "running", pid, started, "", {}, "", "", 0, "", 15, 5.0, 0)

    processes = (recorded("ours", ours.pid, known.started), recorded("reused", stranger.pid, "an earlier start"))
    write_state(home.folder / "stack.json", StackState(str(home.folder), Identity(2**22, "gone"), processes))
    try:
        assert down(home, say) == 1
        assert ours.wait(10) == -signal.SIGTERM
        assert alive(other)
    finally:
        stranger.kill()
        stranger.wait()


def test_status_tells_every_address_and_log_as_json(own: PrivateStack) -> None:
    until_true(lambda: look(own.home).healthy, what="every server to answer")
    answer = CliRunner().invoke(stack_app, ["status", "--json", "--home", str(own.home.folder)])
    assert answer.exit_code == 0, answer.output
    seen = json.loads(answer.stdout)
    assert seen["healthy"] is True
    by_name = {process["name"]: process for process in seen["processes"]}
    assert set(SERVERS) <= set(by_name)
    settings = load_settings({"home": own.home.folder})
    assert by_name["kafka"]["addresses"]["kafka"] == settings.kafka_bootstrap
    assert by_name["temporal"]["addresses"]["temporal"] == settings.temporal_address
    assert by_name["postgres"]["addresses"]["postgres"] in settings.postgres_dsn
    for process in by_name.values():
        assert Path(process["log"]).exists()
        assert process["memory_bytes"] > 1_000_000


def test_a_server_that_is_away_is_seen_by_status_and_doctor(own: PrivateStack) -> None:
    place = ["--home", str(own.home.folder)]
    process = own.process("kafka")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)  # it lives, and does not answer
    try:
        assert CliRunner().invoke(stack_app, ["status", *place]).exit_code == 1
        assert CliRunner().invoke(doctor_app, place).exit_code == 1
    finally:
        os.kill(process.pid, signal.SIGCONT)
    until_true(lambda: look(own.home).healthy, what="kafka to answer again")
    until_true(lambda: CliRunner().invoke(doctor_app, place).exit_code == 0, what="the doctor to be content")
    answer = CliRunner().invoke(doctor_app, [*place, "--json"])
    assert {finding["name"] for finding in json.loads(answer.stdout)} >= {"java", "disk", "server kafka"}


def test_logs_are_printed_and_an_unknown_name_is_refused(own: PrivateStack) -> None:
    place = ["--home", str(own.home.folder)]
    answer = CliRunner().invoke(stack_app, ["logs", "supervisor", "-n", "2", *place])
    assert answer.exit_code == 0
    assert len(answer.stdout.splitlines()) == 2
    refused = CliRunner().invoke(stack_app, ["logs", "../stack", *place])
    assert isinstance(refused.exception, PermanentError)


def test_drift_of_topics_is_told_and_apply_mends_what_is_safe(own: PrivateStack) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import ConfigResource, ConfigResourceType

    place = ["--home", str(own.home.folder)]
    assert CliRunner().invoke(topics_app, ["apply", *place]).exit_code == 0
    assert CliRunner().invoke(topics_app, ["drift", *place]).exit_code == 0
    admin = KafkaAdminClient(**python_config(own.settings))
    resource = ConfigResource(ConfigResourceType.TOPIC, FACTS.name, {"retention.ms": "1000"})
    admin.alter_configs([resource])
    until_true(lambda: topics.plan(own.settings), what="the broker to tell its new retention")
    answer = CliRunner().invoke(topics_app, ["drift", "--json", *place])
    assert answer.exit_code == 1
    (difference,) = json.loads(answer.stdout)
    assert (difference["topic"], difference["what"], difference["seen"]) == (FACTS.name, "retention.ms", "1000")
    topics.apply(own.settings)
    until_true(lambda: not topics.plan(own.settings), what="no drift after apply")
    admin.close()


def test_a_temporal_given_by_address_is_used_and_none_is_started(own: PrivateStack, tmp_path: Path) -> None:
    lent = own.settings.temporal_address
    tmp_path.chmod(0o755)
    settings = load_settings({"home": tmp_path / "home"})
    try:
        settings = up(settings, Wishes(temporal_address=lent, usual_ports=False, owner=me()), say)
        assert settings.temporal_address == lent
        assert [process.name for process in look(Home.of(settings)).processes] == ["kafka", "postgres"]
    finally:
        down(Home.of(settings), say)
        erase(Home.of(settings), say)


@pytest.mark.parametrize("name", sorted(observability.PACKAGES))
def test_every_tool_of_observability_can_be_had_and_runs(own: PrivateStack, name: str) -> None:
    import subprocess

    program = observability.tool(name, own.home, say)
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert "version" in done.stdout + done.stderr


def test_prometheus_and_alertmanager_answer_when_asked_for(own: PrivateStack) -> None:
    again(own, observability=True)
    until_true(lambda: look(own.home).healthy, what="both to answer")
    assert {process.name for process in look(own.home).processes} == {*SERVERS, "prometheus", "alertmanager"}
    own.home.unwant("prometheus", "alertmanager")
