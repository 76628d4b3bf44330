"""Laws of the supervisor and of process identity, on small real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.stack.identity import Identity, alive, end, identify, wait_until_gone
from services.stack.state import StackState, Wanted, read_state, read_wanted, write_wanted
from services.stack.supervisor import BACKOFF_MAX_SECONDS, backoff_seconds
from tests.harness.until import until_true

SLEEP = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
CRASH = (sys.executable, "-S", "-c", "raise SystemExit(3)")
DEAF = (
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
)


def wish(home: Path, name: str, argv: tuple[str, ...] = SLEEP, **more: object) -> Wanted:
    return Wanted(name, "server", argv, str(home), **more)  # type: ignore[arg-type]


class Small:
    """A supervisor of one temporary home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "logs").mkdir()

    def start(self, *options: str) -> StackState:
        argv = [sys.executable, "-m", "services.stack.supervisor", str(self.folder), *options]
        log = (self.folder / "logs" / "supervisor.log").open("ab")
        with log:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=30)
        return self.until(lambda state: alive(state.supervisor))

    def want(self, *wishes: Wanted) -> None:
        write_wanted(self.folder / "wanted.json", wishes)

    def state(self) -> StackState | None:
        return read_state(self.folder / "stack.json")

    def until(self, condition: Callable[[StackState], bool]) -> StackState:
        last: list[StackState] = []

        def fulfilled() -> bool:
            state = self.state()
            last[:] = [] if state is None else [state]
            return state is not None and condition(state)

        until_true(fulfilled, what=f"the state of {self.folder}, said {self.said()!r}")
        return last[0]

    def identity(self, name: str) -> Identity:
        state = self.until(lambda state: (p := state.named(name)) is not None and alive(p.identity))
        process = state.named(name)
        assert process is not None
        assert process.identity is not None
        return process.identity

    def said(self) -> str:
        return (self.folder / "logs" / "supervisor.log").read_text("utf-8")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    supervised = Small(tmp_path)
    yield supervised
    state = supervised.state()
    if state:
        end(state.supervisor, patience_seconds=20)
        for process in state.processes:
            if process.identity:
                end(process.identity)


def test_a_wanted_process_runs_and_an_unwanted_one_ends(small: Small) -> None:
    small.want(wish(small.folder, "a"), wish(small.folder, "b"))
    small.start()
    a, b = small.identity("a"), small.identity("b")
    small.want(wish(small.folder, "b"))
    assert wait_until_gone(a, 10)
    small.until(lambda state: state.named("a") is None)
    assert alive(b)


def test_a_change_restarts_just_that_process(small: Small) -> None:
    small.want(wish(small.folder, "a"), wish(small.folder, "b"))
    small.start()
    a, b = small.identity("a"), small.identity("b")
    small.want(wish(small.folder, "a", fingerprint="other"), wish(small.folder, "b"))
    assert wait_until_gone(a, 10)
    assert small.identity("a") != a
    assert alive(b)
    assert small.identity("b") == b


def test_one_that_dies_is_started_again_and_it_says_so(small: Small) -> None:
    small.want(wish(small.folder, "a"))
    small.start()
    first = small.identity("a")
    os.kill(first.pid, signal.SIGKILL)
    state = small.until(
        lambda state: (p := state.named("a")) is not None and p.restarts_count == 1 and p.pid is not None
    )
    process = state.named("a")
    assert process is not None
    assert process.identity != first
    assert process.last_exit == "killed by SIGKILL"
    assert "a: killed by SIGKILL; starting it again in 0.5 s (restart 1)" in small.said()


def test_one_that_cannot_start_is_tried_again_with_longer_pauses(small: Small) -> None:
    small.want(wish(small.folder, "bad", CRASH), wish(small.folder, "absent", ("/no/such/program",)))
    small.start()
    small.until(lambda state: all(p.restarts_count >= 2 for p in state.processes) and len(state.processes) == 2)
    said = small.said()
    assert "bad: exited with code 3; starting it again in 0.5 s (restart 1)" in said
    assert "bad: exited with code 3; starting it again in 1 s (restart 2)" in said
    assert "absent: could not start: " in said


def test_the_pause_doubles_and_is_bounded() -> None:
    assert [backoff_seconds(count) for count in (1, 2, 3, 4)] == [0.5, 1, 2, 4]
    assert backoff_seconds(10_000) == BACKOFF_MAX_SECONDS


def test_the_end_of_the_supervisor_ends_its_children_high_ranks_first(small: Small) -> None:
    small.want(wish(small.folder, "server"), wish(small.folder, "room", stop_rank=10))
    state = small.start()
    server, room = small.identity("server"), small.identity("room")
    assert end(state.supervisor, patience_seconds=60)
    said = small.said()
    assert "supervisor ended" in said, f"it was not given the time to end:\n{said}"
    assert said.index("room: ended as asked") < said.index("server: ended as asked")
    assert not alive(server)
    assert not alive(room)


def test_one_that_is_deaf_to_the_request_is_killed_after_its_patience(small: Small) -> None:
    small.want(wish(small.folder, "deaf", DEAF, stop_seconds=0.3))
    state = small.start()
    deaf = small.identity("deaf")
    until_true(lambda: "deaf" in (small.folder / "logs" / "deaf.log").read_text("utf-8"), what="the process to listen")
    assert end(state.supervisor, patience_seconds=20)
    assert not alive(deaf)
    assert "deaf: did not end in 0.3 s: killed" in small.said()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_no_orphan_is_left_when_the_supervisor_is_killed(small: Small) -> None:
    small.want(wish(small.folder, "a"), wish(small.folder, "b"))
    state = small.start()
    a, b = small.identity("a"), small.identity("b")
    os.kill(state.supervisor.pid, signal.SIGKILL)
    assert wait_until_gone(a, 10)
    assert wait_until_gone(b, 10)


def test_everything_ends_with_the_owner(small: Small) -> None:
    owner = subprocess.Popen(SLEEP)
    known = identify(owner.pid)
    assert known is not None
    small.want(wish(small.folder, "a"))
    state = small.start("--owner", f"{known.pid}:{known.started}")
    a = small.identity("a")
    owner.kill()
    owner.wait()
    assert wait_until_gone(a, 10)
    assert wait_until_gone(state.supervisor, 10)


def test_a_second_supervisor_of_one_home_gives_way(small: Small) -> None:
    first = small.start().supervisor
    argv = [sys.executable, "-m", "services.stack.supervisor", str(small.folder)]
    with (small.folder / "logs" / "supervisor.log").open("ab") as log:
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=30)
    until_true(lambda: "another supervisor runs here" in small.said(), what="the second to give way")
    state = small.state()
    assert state is not None
    assert state.supervisor == first
    assert alive(first)


def test_a_process_with_a_reused_pid_is_not_ours_and_is_never_signalled() -> None:
    stranger = subprocess.Popen(SLEEP)
    try:
        known = identify(stranger.pid)
        assert known is not None
        record = Identity(stranger.pid, known.started + "0")
        assert not alive(record)
        assert end(record)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_zombie_does_not_live() -> None:
    child = subprocess.Popen((sys.executable, "-S", "-c", ""))
    known = identify(child.pid)
    until_true(lambda: identify(child.pid) is None, what="the child to end")
    assert known is None or not alive(known)
    child.wait()


def test_wishes_survive_their_file_unchanged(tmp_path: Path) -> None:
    wished = wish(tmp_path, "a", environment={"B": "1"}, addresses={"a": "127.0.0.1:1"}, stop_signal=signal.SIGINT)
    write_wanted(tmp_path / "wanted.json", [wished])
    (read,) = read_wanted(tmp_path / "wanted.json")
    assert read == wished
    assert read.digest == wished.digest


@pytest.mark.parametrize("content", ["", "{", '{"layout": 999}', "[]", "\udcff"])
def test_an_unreadable_record_is_no_record(tmp_path: Path, content: str) -> None:
    path = tmp_path / "stack.json"
    path.write_text(content, "utf-8", "surrogateescape")
    assert read_state(path) is None
    assert read_wanted(path) == ()
