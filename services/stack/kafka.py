"""Kafka 4.1, KRaft, one node: its jars by a committed lock, its configuration, its start.

Refuses a jar whose SHA-256 differs from the lock.
"""

import hashlib
import subprocess
import tomllib
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from services.stack.home import DEPLOY, Home, Say, StackError, locked
from services.stack.state import Wanted
from services.stack.toolchain import java

HEAP_MB = 512
"""Java heap of the broker. Range 256-4096; measured enough for the load of one machine (stack design)."""
LOCK = DEPLOY / "local" / "kafka" / "jgo.lock.toml"


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar."""

    group: str
    artifact: str
    version: str
    sha256: str


def locked_jars() -> tuple[Jar, ...]:
    """Every jar of the lock, in class-path order."""
    content = tomllib.loads(LOCK.read_text("utf-8"))
    return tuple(
        Jar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"])
        for entry in content["dependencies"]
    )


def kafka_version() -> str:
    """The broker's version, as locked."""
    return next(jar.version for jar in locked_jars() if jar.artifact.startswith("kafka_"))


def jars(home: Home, say: Say) -> list[Path]:
    """Paths of all locked jars, fetched through jgo when missing. Blocks while it downloads."""
    with warnings.catch_warnings():  # one of its helpers complains of a variable that only desktops set
        warnings.simplefilter("ignore")
        import jgo.maven  # noqa: F401 - before the threads, which would import it side by side
    with locked(home.cache / "maven.lock"):
        wanted = locked_jars()
        folder = home.cache / "maven"
        stamp = folder / f".whole-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
        if not stamp.exists():
            say(f"kafka: {len(wanted)} jars, 43 MB to fetch and on disk, about 20 seconds")
        with ThreadPoolExecutor(6) as pool:
            paths = list(pool.map(lambda jar: _jar(folder, jar, trusted=stamp.exists()), wanted))
        stamp.touch()
        return paths


def _jar(folder: Path, jar: Jar, *, trusted: bool) -> Path:
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    remotes = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    context = MavenContext(repo_cache=folder, remote_repos=remotes, timeout=60)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    path = Path(artifact.cached_path or folder)
    if trusted and path.is_file():
        return path
    for _ in range(2):
        try:
            path = Path(artifact.resolve())
        except Exception as error:
            raise StackError(
                f"kafka: {jar.artifact} {jar.version} could not be fetched from Maven Central ({error}); "
                "allow it, or name a mirror under [repositories] in ~/.config/jgo.conf"
            ) from error
        if hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256:
            return path
        path.unlink()  # a torn download, or not what we locked
    raise StackError(f"kafka: {jar.artifact} {jar.version}: expected SHA-256 {jar.sha256}, seen another twice")


def _properties(folder: Path, ports: dict[str, int]) -> str:
    broker, controller = ports["kafka"], ports["kafka_controller"]
    lines = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "log.dirs": folder / "data",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.coordinator.rebalance.protocols": "classic,consumer",
        "auto.create.topics.enable": "false",
        "log.retention.check.interval.ms": 60000,
        "num.recovery.threads.per.data.dir": 2,
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def prepare(home: Home, ports: dict[str, int], say: Say) -> Wanted:
    """Fetches, configures and formats once; returns what the supervisor shall run. Blocks."""
    program = java(home, say)
    class_path = ":".join(str(path) for path in jars(home, say))
    folder = home.folder / "kafka"
    folder.mkdir(exist_ok=True)
    configuration = folder / "server.properties"
    text = _properties(folder, ports)
    if not configuration.exists() or configuration.read_text("utf-8") != text:
        configuration.write_text(text, "utf-8")
    if not (folder / "data" / "meta.properties").exists():
        _format(home, program, class_path, configuration)
    argv = [str(program), f"-Xmx{HEAP_MB}m", "-Xms256m", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
    argv += ["-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=info"]
    argv += ["-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX"]
    argv += ["-cp", class_path, "kafka.Kafka", str(configuration)]
    return Wanted(
        name="kafka",
        kind="server",
        argv=tuple(argv),
        folder=str(folder),
        stop_seconds=20.0,
        addresses={"kafka": f"127.0.0.1:{ports['kafka']}", "controller": f"127.0.0.1:{ports['kafka_controller']}"},
        version=kafka_version(),
        fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _format(home: Home, program: Path, class_path: str, configuration: Path) -> None:
    """Formats the store; its whole configuration goes to the log, off the screen."""
    tool = [str(program), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    tool += ["-cp", class_path, "kafka.tools.StorageTool"]
    log = home.logs / "kafka.log"
    with log.open("ab") as file:
        made = subprocess.run([*tool, "random-uuid"], stdout=subprocess.PIPE, stderr=file, check=False)
        cluster = made.stdout.decode().strip()
        argv = [*tool, "format", "--standalone", "--ignore-formatted", "-t", cluster, "-c", str(configuration)]
        done = subprocess.run(argv, stdout=file, stderr=file, check=False)
    if done.returncode != 0:
        raise StackError(f"kafka: its storage could not be formatted, exit code {done.returncode}; read {log}")
