"""One import: files in, one transaction, a report out.

Called by `firstbell directory import`. It waits for no relay: records are published if, and only if, this commits.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.directory import store
from services.directory.nces import Parsed, read_file
from services.directory.reconcile import Outcome, Reconciliation
from services.kit.database import Connection, connect
from services.kit.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: how many rows it has, and when it was last here."""

    name: str
    digest: str
    kind: str
    rows_count: int
    faults_count: int
    imported_before_at: datetime | None
    """None: never."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do."""

    dry_run: bool
    files: tuple[FileReport, ...]
    outcome: Outcome
    published_count: int
    waiting_count: int
    """Events that wait for the relay."""

    @property
    def faults_count(self) -> int:
        """Rows that did not land."""
        return sum(len(faults) for faults in self.outcome.faults.values())

    @property
    def nothing_changed(self) -> bool:
        """The directory holds just what it held before."""
        return not (self.outcome.schools or self.outcome.districts or self.outcome.aliases)

    def tree(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "dry_run": self.dry_run,
            "nothing_changed": self.nothing_changed,
            "files": [asdict(file) for file in self.files],
            "schools": asdict(self.outcome.school_counts),
            "districts": asdict(self.outcome.district_counts),
            "unmentioned_schools_count": self.outcome.unmentioned_count,
            "faults_count": self.faults_count,
            "faults": {name: [asdict(fault) for fault in faults] for name, faults in self.outcome.faults.items()},
            "notes": self.outcome.notes,
            "published_count": self.published_count,
            "waiting_for_relay_count": self.waiting_count,
        }


async def import_files(settings: Settings, paths: Sequence[Path], dry_run: bool, say: Say) -> ImportReport:
    """Reads, reconciles and writes files in one transaction. Raises PermanentError for a file that is none of ours."""
    parsed: list[Parsed] = []
    for path in paths:
        say(f"reading {path.name}")
        parsed.append(read_file(path))
    connection = await connect(settings, "directory")
    try:
        async with connection.transaction():
            return await _import(connection, parsed, dry_run, say)
    finally:
        await connection.close()


async def _import(connection: Connection, parsed: Sequence[Parsed], dry_run: bool, say: Say) -> ImportReport:
    await store.lock(connection)
    now = datetime.now(UTC)
    states = {row.state for file in parsed for row in file.schools}
    states |= {row.state for file in parsed for row in file.districts}
    say(f"comparing with what is known of {', '.join(sorted(states)) or 'no state'}")
    known = await store.load_known(connection, sorted(states))
    outcome = Reconciliation(known).take(parsed)
    before = {file.source.digest: await store.last_import(connection, file.source.digest) for file in parsed}
    published = len(outcome.schools)
    if not dry_run:
        say(f"writing {len(outcome.schools)} schools and {len(outcome.districts)} districts")
        await store.write(connection, outcome, known, now)
        for file in parsed:
            faults = len(outcome.faults.get(str(file.source.path), ()))
            changed = len(outcome.schools) if file.kind == "schools" else len(outcome.districts)
            await store.write_log(connection, file, faults, changed, now)
    files = tuple(
        FileReport(
            str(file.source.path), file.source.digest, file.kind, file.rows_count,
            len(outcome.faults.get(str(file.source.path), ())), before[file.source.digest],
        )
        for file in parsed
    )  # fmt: skip
    return ImportReport(dry_run, files, outcome, published, await store.waiting_count(connection))
