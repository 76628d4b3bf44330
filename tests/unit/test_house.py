"""What ruff and import-linter cannot see of the house's law. A failing test says what to do next."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
NAMELESS = {"utils.py", "common.py", "helpers.py", "manager.py", "service.py"}
ROOMS = ("schemas", "workflows", "services", "dashboards", "tests")


def sources() -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "generated" not in path.parts:
                yield path


@pytest.mark.parametrize("path", list(sources()), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert path.name not in NAMELESS, f"{path.name} says nothing: name the idea it holds"
    lines = text.count("\n")
    assert lines <= FILE_LINES_MAX, f"{lines} lines: a second idea has moved in, give it a file"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines: name its steps"


def test_the_environment_is_read_in_one_place() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.parts[len(ROOT.parts)] != "tests"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    allowed = {"services/kit/settings.py"}
    # The stack hands the environment on to the servers and builds that it starts: it configures nothing of ours.
    foreign = {name for name in readers if not name.startswith("services/stack/")}
    assert foreign <= allowed, "take it from Settings, which is passed as an argument"


def test_every_module_of_the_house_can_be_imported() -> None:
    for room in ("schemas", "workflows", "services", "dashboards"):
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.endswith("__main__") and ".migrations." not in module.name:
                importlib.import_module(module.name)


def test_no_test_sleeps() -> None:
    sleepers = []
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
                inside = ast.unparse(node.func.value)
                if inside in {"time", "asyncio"} and "harness" not in path.parts:
                    sleepers.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert sleepers == [], "await a condition with tests/harness/until.py instead"


def test_the_makefile_lists_its_targets() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    for target in (
        "demo test fast lint bench generate lock new-service stack-up stack-down clean".split()  # noqa: SIM905
    ):
        assert f"\n{target}:" in text, target


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    pins = [line for line in text.splitlines() if "==" in line]
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)
