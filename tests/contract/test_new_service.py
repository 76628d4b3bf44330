"""A new service is one command: its room passes the house's law without an edit to any linter."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.scaffold import ScaffoldError, new_service

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("schemas", "workflows", "services", "dashboards", "pyproject.toml", ".importlinter")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    return tmp_path


def run(copy: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(copy), "PATH": str(Path(sys.executable).parent), "HOME": str(copy)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_a_new_service_passes_lint_types_law_and_its_own_test(copy: Path) -> None:
    new_service("cabling", copy)
    own = ["services/cabling", "schemas/events/cabling.py", "tests/unit/test_cabling_readiness.py"]
    run(copy, "-m", "ruff", "format", "--quiet", *own, "schemas")
    run(copy, "-m", "ruff", "check", *own, "schemas")
    run(copy, "-m", "importlinter.cli")
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_cabling_readiness.py")
    run(
        copy,
        "-c",
        "from schemas.asyncapi import asyncapi; assert 'firstbell.cabling.event.v1' in asyncapi()['channels']",
    )


def test_a_taken_name_leaves_everything_as_it_was(copy: Path) -> None:
    before = (copy / "schemas" / "topics.py").read_text("utf-8")
    with pytest.raises(ScaffoldError, match="new name"):
        new_service("helpdesk", copy)
    with pytest.raises(ScaffoldError, match="lower-case"):
        new_service("Help Desk", copy)
    assert (copy / "schemas" / "topics.py").read_text("utf-8") == before
