"""`make new-service name=x`: a new domain service as a working room, with its events, topic, entry points and test.

Run by `python -m services.cli.scaffold NAME [ROOT]`. It edits files by anchors and refuses when one is not where it was, so
that half a room is never left behind.
"""

import keyword
import re
import sys
from pathlib import Path

EVENTS = '''"""What {name}'s sources say. Replace the example by the service's real events."""

from typing import ClassVar

from pydantic import Field

from schemas.events.raw import FeedWatermark, SchoolEvent


class {title}Reported(SchoolEvent):
    """An example: something was counted at a school."""

    ce_type: ClassVar[str] = "firstbell.{name}.{name}-reported.v1"

    done_count: int = Field(ge=0, le=1_000_000)
    planned_count: int = Field(ge=0, le=1_000_000)


EVENTS = ({title}Reported, FeedWatermark)
'''

READINESS = '''"""{title}'s readings as pure functions of one subject. Called by this room's desk and by tests."""

from services.readings.subject import SignalValue, Subject


def compute(subject: Subject) -> tuple[SignalValue, ...]:
    """Every signal of this room, each answered; none is declared yet: add one to schemas/catalogue.py. Never blocks."""
    del subject
    return ()
'''

ROOM = '''"""{title}'s room: its events in, readings out. Named in the entry points."""

from pathlib import Path

{imports}

DOMAIN = DomainRoom("{name}", {upper}, compute, Path(__file__).parent / "migrations")
ROOM = DOMAIN.room()
'''

MAIN = '''"""`python -m services.{name}`: this room's process alone, until SIGTERM or SIGINT."""

import asyncio

{imports}

if __name__ == "__main__":
    asyncio.run(DOMAIN.run(load_settings()))
'''

MIGRATION = '''"""The room's first tables: the kit's and those of a domain room."""

from alembic import op

from services.readings.tables import create_readings_tables, drop_readings_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_readings_tables(op)


def downgrade() -> None:
    drop_readings_tables(op)
'''

TEST = '''"""{title}'s readings by lesson. Begin with the case that must be UNKNOWN."""

from datetime import UTC, datetime

from schemas.readiness import CATALOGUE
from schemas.samples import SCHOOL
from schemas.school import Scope, ScopeKind
{imports}


def test_every_signal_of_{name}_is_answered() -> None:
    subject = Subject(
        scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), school=None, calendar=None,
        as_of=datetime(2026, 10, 6, tzinfo=UTC), today=None, events=(),
    )  # fmt: skip
    owned = {{signal.name for signal in CATALOGUE.values() if signal.owner == "{name}"}}
    assert {{value.signal for value in compute(subject)}} == owned
'''

SAMPLE = """def _{name}() -> tuple[RawEvent, ...]:
    return ({name}.{title}Reported(**_school("{name}-1"), done_count=3, planned_count=4),)


"""


class ScaffoldError(Exception):
    """The room cannot be made; the message says what was expected and seen."""


def new_service(name: str, root: Path) -> list[Path]:
    """Makes the room and returns every file written or edited. Raises ScaffoldError before it touches anything."""
    if not re.fullmatch(r"[a-z][a-z0-9]{2,29}", name) or keyword.iskeyword(name):
        raise ScaffoldError(f"name {name!r}: expected 3 to 30 lower-case letters and digits, no Python keyword")
    room = root / "services" / name
    if room.exists() or (root / "schemas" / "events" / f"{name}.py").exists():
        raise ScaffoldError(f"services/{name}: expected a new name, seen a room of that name")
    words = {"name": name, "title": name.capitalize(), "upper": name.upper()}
    made = {
        room / "__init__.py": f'"""{words["title"]}: say in one sentence what this room is for."""\n',
        room / "__main__.py": MAIN.format(
            **words,
            imports=_sorted("services.kit.settings import load_settings", f"services.{name}.room import DOMAIN"),
        ),
        room / "readiness.py": READINESS.format(**words),
        room / "room.py": ROOM.format(
            **words,
            imports=_sorted(
                f"schemas.topics import {words['upper']}",
                f"services.{name}.readiness import compute",
                "services.readings.desk import DomainRoom",
            ),
        ),
        _first_revision(root, room): MIGRATION,
        root / "schemas" / "events" / f"{name}.py": EVENTS.format(**words),
        root / "tests" / "unit" / f"test_{name}_readiness.py": TEST.format(
            **words,
            imports=_sorted(f"services.{name}.readiness import compute", "services.readings.subject import Subject"),
        ),
    }
    edited = _edits(root, words)
    for path, text in (made | edited).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return sorted(made | edited)


def _sorted(*imports: str) -> str:
    """Import lines in the order the linter wants, whatever the room is called."""
    return "\n".join(f"from {each}" for each in sorted(imports))


def _first_revision(root: Path, room: Path) -> Path:
    """Where the other rooms keep their first revision."""
    (example,) = (root / "services" / "training" / "migrations").rglob("*0001*.py")
    return room / "migrations" / example.relative_to(root / "services" / "training" / "migrations")


def _edits(root: Path, words: dict[str, str]) -> dict[Path, str]:
    name = words["name"]
    topics, signal, samples = (root / "schemas" / file for file in ("topics.py", "signal.py", "samples.py"))
    project = root / "pyproject.toml"
    topic = (
        f'{words["upper"]} = Topic(\n    "firstbell.{name}.event.v1", "{name}", "school", PARTITIONS, RAW_RETENTION, True, '
        f"{name}.EVENTS\n)\n"
    )
    return {
        topics: _after(
            _imports(topics.read_text("utf-8"), name),
            {
                "READINGS = Topic(": topic + "READINGS = Topic(",
                "TRAINING, ASSESSMENT": f"TRAINING, ASSESSMENT, {words['upper']}",
            },
            topics,
        ),
        signal: _after(signal.read_text("utf-8"), {'"assessment"': f'"assessment", "{name}"'}, signal),
        samples: _after(
            _imports(samples.read_text("utf-8"), name),
            {
                "def raw_samples()": SAMPLE.format(**words) + "def raw_samples()",
                "*_assessment(), ": f"*_assessment(), *_{name}(), ",
            },
            samples,
        ),
        project: _after(
            project.read_text("utf-8"),
            {
                '[project.entry-points."firstbell.rooms"]\n': f'[project.entry-points."firstbell.rooms"]\n{name} = '
                f'"services.{name}.room:ROOM"\n'
            },
            project,
        ),
    }


def _imports(text: str, name: str) -> str:
    found = re.search(r"from schemas\.events import ([a-z0-9, ]+)\n", text)
    if not found:
        raise ScaffoldError("expected `from schemas.events import …` on one line, seen none")
    names = ", ".join(sorted([*found[1].split(", "), name]))
    return text.replace(found[0], f"from schemas.events import {names}\n")


def _after(text: str, anchors: dict[str, str], path: Path) -> str:
    for anchor, replacement in anchors.items():
        if text.count(anchor) != 1:
            raise ScaffoldError(f"{path.name}: expected {anchor!r} once, seen {text.count(anchor)} times")
        text = text.replace(anchor, replacement)
    return text


def main(arguments: list[str]) -> int:
    """Makes the room; exit code 0, or 2 with the reason."""
    if not arguments:
        sys.stderr.write("usage: make new-service name=x\n")
        return 2
    try:
        paths = new_service(arguments[0], Path(arguments[1] if len(arguments) > 1 else ".").resolve())
    except ScaffoldError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for path in paths:
        sys.stdout.write(f"{path}\n")
    sys.stdout.write(
        "next: `make generate`, write the sample into tests/contract/samples, then a signal in schemas/catalogue.py "
        "(CONTRIBUTING.md, 'Add a service')\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
