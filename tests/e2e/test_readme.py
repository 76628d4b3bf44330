"""Every command that the README shows runs as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ELSEWHERE = {"make demo", "make test"}
"""make demo is tests/e2e/test_demo.py; make test is what runs this."""

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def commands() -> list[str]:
    """The lines of the README's shell blocks, comments removed, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and line not in ELSEWHERE]


def test_the_readme_shows_commands_that_end_well(tmp_path: Path) -> None:
    shown = commands()
    assert len(shown) >= 8
    environment = os.environ | {"FIRSTBELL_HOME": str(tmp_path / "home")}
    bin_folder = Path(sys.executable).parent
    try:
        for line in shown:
            runnable = line.replace(".venv/bin/", f"{bin_folder}/")
            if line.startswith("make "):
                target = line.split()[1]
                runnable = {
                    "stack-up": f"{bin_folder}/firstbell stack up",
                    "stack-down": f"{bin_folder}/firstbell stack down",
                }[target]
            done = subprocess.run(
                runnable,
                shell=True,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    finally:
        subprocess.run([str(bin_folder / "firstbell"), "stack", "reset", "--yes"], env=environment, check=False,
                       capture_output=True)  # fmt: skip


def test_files_that_the_documents_link_to_exist() -> None:
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "schemas/README.md",
    ]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
