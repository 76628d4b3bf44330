"""Laws of the rooms under the supervisor, on real servers: every room runs, returns after a kill, and ends."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from services.kit.room import rooms
from services.stack.rooms import metrics_port, start
from services.stack.status import look
from tests.harness.stack import PrivateStack, say
from tests.harness.until import until_true

pytestmark = pytest.mark.stack
WITH_PROCESS = sorted(room.name for room in rooms() if room.run)


@pytest.fixture(scope="module")
def running() -> Iterator[PrivateStack]:
    with PrivateStack.start(with_rooms=True) as stack:
        yield stack


def metrics_of(stack: PrivateStack, name: str) -> str:
    process = stack.process(name)
    assert process.pid is not None
    port = metrics_port(stack.home, name, process.pid)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        return str(reply.read().decode())


def test_every_room_that_has_a_process_runs_and_serves_metrics(running: PrivateStack) -> None:
    status = look(running.home)
    assert [process.name for process in status.processes if process.kind == "room"] == WITH_PROCESS
    until_true(lambda: look(running.home).healthy, what="every process to be well")
    for name in WITH_PROCESS:
        assert metrics_of(running, name)


def test_started_again_leaves_running_rooms_alone(running: PrivateStack) -> None:
    before = {name: running.process(name).pid for name in WITH_PROCESS}
    start(running.settings, say)
    assert {name: running.process(name).pid for name in WITH_PROCESS} == before


def test_a_killed_room_returns_by_itself_and_is_counted(running: PrivateStack) -> None:
    name = "directory"
    others = {other: running.process(other).pid for other in WITH_PROCESS if other != name}
    before = running.process(name)
    running.restart(name, signal.SIGKILL)
    after = running.process(name)
    assert after.restarts_count == before.restarts_count + 1
    assert after.last_exit == "killed by SIGKILL"
    assert metrics_of(running, name)
    assert {other: running.process(other).pid for other in others} == others


def test_a_changed_setting_restarts_the_rooms(running: PrivateStack) -> None:
    before = {name: running.process(name).pid for name in WITH_PROCESS}
    servers = {name: running.process(name).pid for name in ("kafka", "postgres", "temporal")}
    start(running.settings.model_copy(update={"batch_records_max": 123}), say)
    assert all(running.process(name).pid != pid for name, pid in before.items())
    assert {name: running.process(name).pid for name in servers} == servers


def test_serve_runs_rooms_in_the_foreground_until_asked_to_stop(running: PrivateStack) -> None:
    name = "directory"
    running.stop(name)
    argv = [sys.executable, "-m", "services.cli", "serve", name, "--home", str(running.home.folder)]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        until_true(lambda: metrics_port(running.home, name, process.pid), what="its metrics port", within=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        running.resume(name)


def test_serve_names_an_unknown_room_and_the_known_ones() -> None:
    argv = [sys.executable, "-m", "services.cli", "serve", "nonsense"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "300"})
    assert done.returncode == 2
    assert "error: serve: no room is called nonsense; expected one of assessment, " in done.stderr
