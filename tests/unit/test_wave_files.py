"""A file of waves is read whole or refused with the place of every fault."""

from pathlib import Path

import pytest

from services.bridge import wave_files
from services.kit.outcome import PermanentError

SHIPPED = Path(__file__).parents[2] / "deploy" / "programs"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_is_read(path: Path) -> None:
    policy, digest = wave_files.read(path)
    assert policy.name == path.stem
    assert digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "expected a file of waves, seen an empty document"),
        ("name: a\nversion: 1\nfirst_count: 5\ngrowth_max: 4\n", "f:4:1: growth_max: Input should be less than or equal"),
        ("name: a\nversion: 1\nfirst_count: 5\ngrowht_max: 2\n", "f:4:1: growht_max: Extra inputs"),
        ("name: a\nname: b\n", "f:2:1: name: expected once, seen twice"),
        ("name: a\nversion: 1\nfirst_count: 5\norder: list\n", "listed: expected schools with `order: list`"),
        (
            "name: a\nversion: 1\nfirst_count: 5\nresources:\n  - id: r\n    unit: h\n    capacity: 1\n    demand: {}\n",
            "f:8:5: resources.0.demand: expected per_school, per_teacher or per_student",
        ),
        ("a: [", "expected YAML"),
    ],
)  # fmt: skip
def test_a_fault_is_refused_with_its_line_and_key(text: str, fault: str) -> None:
    with pytest.raises(PermanentError) as refused:
        wave_files.parse(text, "f")
    assert fault in str(refused.value)


def test_a_capacity_is_the_number_written() -> None:
    text = (
        "name: a\nversion: 1\nfirst_count: 5\nresources:\n  - {id: r, unit: h, capacity: 1.5, demand: {per_school: 1}}"
    )
    assert wave_files.parse(text, "f").resources[0].capacity == 1.5
