"""Alert rules as Prometheus reads them: they are valid, they fire at their line, and a wrong line is noticed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.kit.settings import load_settings
from services.stack.home import Home
from services.stack.observability import tool

pytestmark = pytest.mark.stack
ALERTS = Path(__file__).parents[2] / "deploy" / "alerts"


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> str:
    home = Home.of(load_settings({"home": tmp_path_factory.mktemp("home")}))
    return str(tool("promtool", home, lambda text: None))


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)


def test_rules_are_valid(promtool: str) -> None:
    done = run(promtool, "check", "rules", str(ALERTS / "firstbell.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_at_its_line(promtool: str) -> None:
    done = run(promtool, "test", "rules", *(str(file) for file in sorted((ALERTS / "tests").glob("*.yaml"))))
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = {
    "a line too high": (r"> 60\b", "> 600"),
    "a line too low": (r"> 120\b", "> 10"),
    "the other comparison": (r"(firstbell_process_up\) ==) 0", r"\1 1"),
    "an ask's week": (r"7 \* 86400", "8 * 86400"),
    "the page's budget": (r"\(14\.4 \* 0\.01\)", "(80 * 0.01)"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_threshold_is_noticed(promtool: str, what: str, tmp_path: Path) -> None:
    pattern, replacement = WRONG[what]
    rules = (ALERTS / "firstbell.yaml").read_text("utf-8")
    changed, count = re.subn(pattern, replacement, rules)
    assert count, f"nothing matches {pattern}"
    (tmp_path / "tests").mkdir()
    (tmp_path / "firstbell.yaml").write_text(changed, "utf-8")
    shutil.copy(ALERTS / "tests" / "firstbell.yaml", tmp_path / "tests")
    assert run(promtool, "test", "rules", str(tmp_path / "tests" / "firstbell.yaml")).returncode != 0
