"""Laws of the plumbing that no type can hold, kept by reading the source.

`.subscriber(`: FastStream as it comes loses events (a handler that raises once loses its batch, a header that is
not UTF-8 is committed unread), so the kit's consumer is the only subscriber of the house.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for top in ("services", "workflows", "schemas") for path in (ROOT / top).rglob("*.py"))
KIT = ROOT / "services" / "kit"


def calls(tree: ast.AST, names: set[str]) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in names:
                yield node.lineno


def found(names: set[str], allowed: set[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        if path not in allowed
        for line in calls(ast.parse(path.read_text("utf-8")), names)
    ]


def test_only_the_kit_makes_a_subscriber() -> None:
    seen = found({"subscriber"}, {KIT / "consume.py"})
    assert not seen, f"use services.kit.consume.Subscription instead of a bare subscriber: {seen}"


def test_only_the_kit_makes_a_broker_or_a_consuming_client() -> None:
    """`lag.py` and `snapshot.py` look and commit nothing; the stack's commands administer topics."""
    seen = found(
        {"KafkaBroker", "Consumer", "KafkaConsumer"}, {KIT / f"{name}.py" for name in ("kafka", "lag", "snapshot")}
    )
    seen = [place for place in seen if not place.startswith("services/stack/")]
    assert not seen, f"consume through services.kit.process.Process: {seen}"


def test_the_environment_is_read_in_one_place() -> None:
    """The kit's half of the law; reading it elsewhere makes a setting nobody can see."""
    readers = []
    for path in sorted(KIT.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        if any(node.attr in ("environ", "getenv") for node in attributes):
            readers.append(path.name)
    assert readers == ["settings.py"]


@pytest.mark.parametrize(
    "source", ["broker.subscriber('t')", "@broker.subscriber('t')\ndef f(): ...", "subscriber('t')"]
)
def test_the_lint_sees_a_bare_subscriber(source: str) -> None:
    assert list(calls(ast.parse(source), {"subscriber"}))
