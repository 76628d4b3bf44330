"""Laws of one home: ports, files, locks, and the ladders' choices that need no server."""

import os
import socket
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from services.kit.settings import Settings
from services.stack import kafka, postgres, temporal, toolchain
from services.stack.home import DEPLOY, PORTS_FROM, PORTS_TO, USUAL_PORTS, Home, StackError, port_free
from services.stack.lifecycle import homes_below
from services.stack.state import Wanted


def home_in(folder: Path) -> Home:
    return Home.of(Settings(home=folder / "home", cache=folder / "cache"))


def silent(_: str) -> None:
    """Nobody listens."""


def test_ports_are_the_same_the_next_time(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    first = home.ports(usual=False)
    assert home.ports(usual=False) == first
    assert home.ports(usual=True) == first
    assert set(first) == set(USUAL_PORTS)
    assert len(set(first.values())) == len(first)


def test_a_port_that_another_took_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    first = home.ports(usual=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["kafka"]))
        other.listen()
        assert not port_free(first["kafka"])
        second = home.ports(usual=False)
    assert second["kafka"] != first["kafka"]
    assert PORTS_FROM <= second["kafka"] < PORTS_TO
    assert {k: v for k, v in second.items() if k != "kafka"} == {k: v for k, v in first.items() if k != "kafka"}


def test_wishes_are_added_replaced_and_removed_by_name(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    home.want(Wanted("a", "server", ("x",), "/"), Wanted("b", "room", ("y",), "/"))
    home.want(Wanted("a", "server", ("z",), "/"))
    assert {name: wish.argv for name, wish in home.wanted().items()} == {"a": ("z",), "b": ("y",)}
    home.unwant("a", "absent")
    assert set(home.wanted()) == {"b"}


def test_a_cache_that_cannot_be_written_moves_into_the_home(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    home = Home.of(Settings(home=tmp_path / "home", cache=blocker / "cache"))
    assert home.cache == tmp_path / "home" / "cache"


def test_a_home_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(StackError, match=r"expected a folder we may write.*set --home"):
        Home.of(Settings(home=blocker / "home", cache=tmp_path))


def test_down_all_finds_the_homes_below(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "demo", tmp_path / "logs"):
        folder.mkdir(exist_ok=True)
    for folder in (tmp_path, tmp_path / "demo"):
        (folder / "stack.json").write_text("{}")
    assert homes_below(tmp_path) == [tmp_path, tmp_path / "demo"]


def test_a_closed_folder_is_not_reachable_by_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed" / "inner"
    closed.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not postgres.reachable_by_others(closed)
    assert postgres.reachable_by_others(Path("/"))


def test_the_kafka_lock_holds_a_hash_for_every_jar_and_no_address() -> None:
    jars = kafka.locked_jars()
    assert len(jars) > 40
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert "http" not in kafka.LOCK.read_text("utf-8")
    assert kafka.kafka_version().startswith("4.1.")


def test_a_torn_jar_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = kafka.Jar("org.slf4j", "slf4j-simple", "1.7.36", "0" * 64)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nothing can be fetched
    path = tmp_path / "org/slf4j/slf4j-simple/1.7.36/slf4j-simple-1.7.36.jar"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"torn")
    with pytest.raises(StackError, match="slf4j-simple"):
        kafka._jar(tmp_path, jar, trusted=False)
    assert not path.exists()


def test_toolchain_locks_hold_hashes_and_no_address() -> None:
    for lock in ("java", "go"):
        text = (DEPLOY / "local" / "toolchain" / f"{lock}.txt").read_text("utf-8")
        assert "--hash=sha256:" in text
        assert "http" not in text


def test_temporal_is_pinned_by_sum_and_needs_the_go_it_says() -> None:
    assert temporal.cli_version() == "1.8.2"
    assert toolchain.go_minimum() >= (1, 26, 0)
    assert (temporal.MODULE / "go.sum").stat().st_size > 1000


def program(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_versions_are_read_from_what_programs_say(tmp_path: Path) -> None:
    assert toolchain.java_version(str(program(tmp_path, "java", 'openjdk version "17.0.15" 2025-04-15'))) == 17
    assert toolchain.java_version(str(program(tmp_path, "java8", 'java version "1.8.0_402"'))) == 1
    assert toolchain.go_version(str(program(tmp_path, "go", "go version go1.26 linux/amd64"))) == (1, 26, 0)
    assert temporal.server_version(program(tmp_path, "temporal", "temporal version 1.8.2 (Server 1.31.2, UI 2)")) == (
        1,
        31,
        2,
    )
    assert toolchain.java_version(str(tmp_path / "absent")) is None


def test_an_old_temporal_on_path_is_passed_over_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home_in(tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "temporal", "temporal version 0.9 (Server 1.19.0, UI 2)")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin")
    said: list[str] = []
    monkeypatch.setattr(temporal, "_download", lambda target, say: target.touch() or True)
    assert temporal.program(home, said.append).parent == home.cache / "bin"
    assert "older than 1.30" in said[0]
    program(folder, "temporal", "temporal version 1.8.2 (Server 1.31.2, UI 2)")
    assert temporal.program(home, said.append) == folder / "temporal"


def test_a_build_without_disk_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "BUILD_DISK_BYTES", 1 << 62)
    with pytest.raises(StackError, match=r"needs .* GB of disk.*put a `temporal` on PATH"):
        temporal._build(home_in(tmp_path), tmp_path / "temporal", silent)


def test_kafka_listens_on_loopback_alone_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    text = kafka._properties(tmp_path, {"kafka": 1111, "kafka_controller": 2222})
    values = tomllib.loads("".join(f'"{a}" = "{b}"\n' for a, b in (line.split("=", 1) for line in text.splitlines())))
    assert "0.0.0.0" not in text
    assert values["listeners"] == "PLAINTEXT://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222"
    assert values["auto.create.topics.enable"] == "false"


def test_copied_postgres_programs_run_from_where_they_were_copied(tmp_path: Path) -> None:
    source = postgres.binaries()
    postgres.copy_programs(source, tmp_path / "copy")
    copied = tmp_path / "copy" / source.relative_to(source.parents[2])
    for program in ("postgres", "initdb", "pg_ctl"):
        done = subprocess.run([copied / program, "--version"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
