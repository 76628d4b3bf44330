"""Writes the lock of Kafka's jars anew: `python -m services.stack.kafka_lock`.

For a maintainer who changes the version below. Resolves through jgo in pure Python and records SHA-256, no
addresses. Refuses nothing: the diff of the lock is what a reviewer reads.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jgo
import typer
from jgo.env import LockFile
from jgo.env._lockfile import LockedDependency, compute_sha256
from jgo.maven import MavenContext

from services.stack.kafka import LOCK

ENDPOINT = "org.apache.kafka:kafka_2.13:4.1.1+org.slf4j:slf4j-simple:1.7.36"
"""The broker, and the slf4j 1.7 binding that it does not bring."""


def main() -> None:
    """Resolves, downloads and hashes every jar, then replaces the lock. Blocks about 20 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder))

        def lock(group: str, artifact: str, version: str) -> LockedDependency:
            path = context.project(group, artifact).at_version(version).artifact().resolve()
            return LockedDependency(group, artifact, version, "jar", None, compute_sha256(path))

        found = [(entry.groupId, entry.artifactId, entry.version) for entry in jgo.resolve(ENDPOINT)]
        with ThreadPoolExecutor(6) as pool:
            locked = list(pool.map(lambda names: lock(*names), found))
    LockFile(dependencies=locked, environment_name="kafka").save(LOCK)
    typer.echo(f"{LOCK}: {len(locked)} jars")


if __name__ == "__main__":
    main()
