"""Advisory locks: two purposes that share a key shut one another out, and nobody sees why."""

import re
from collections import Counter
from pathlib import Path

import services

CLASS = re.compile(r"^(\w*LOCK_CLASS) = (0x[0-9A-Fa-f]+)$", re.MULTILINE)


def test_every_advisory_lock_of_the_house_has_a_class_of_its_own() -> None:
    """Sweeps and batches once waited for each other: computing had the parking lock's class and the room's hash."""
    found = [
        int(match[2], 16)
        for file in sorted(Path(next(iter(services.__path__))).rglob("*.py"))
        for match in CLASS.finditer(file.read_text("utf-8"))
    ]
    assert len(found) >= 4, "expected the locks of relay, migrations, parking and computing"
    shared = [hex(number) for number, times in Counter(found).items() if times > 1]
    assert not shared, f"lock classes used for two purposes: {shared}; take the next free number"
