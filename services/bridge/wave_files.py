"""From a file that says how a program admits its schools to a checked document, or to its faults with line and key.

Called by `firstbell program plan` and `program start`. A malformed document is refused whole: nothing is repaired or
skipped, so that no mistake is ever read as permission.
"""

from pathlib import Path

import yaml
from pydantic import ValidationError

from schemas.model import digest_of
from schemas.program import WavePolicy
from services.kit.outcome import PermanentError

FAULTS_SHOWN_MAX = 8
"""Faults named; the rest are counted. Our judgement, 2026-11-25."""
CHARACTERS_MAX = 1_000_000
"""Characters of one document; a list of 10,000 schools has 400,000. Our judgement, 2026-11-25."""


def read(path: Path) -> tuple[WavePolicy, str]:
    """The document and its digest. Raises PermanentError with every fault found, each with line, column and key."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PermanentError(f"{path}: expected a file of waves, seen {error}") from error
    policy = parse(text, path.name)
    return policy, digest_of(policy)


def parse(text: str, name: str) -> WavePolicy:
    """As `read`, of a text; `name` stands before each fault."""
    if len(text) > CHARACTERS_MAX:
        raise PermanentError(f"{name}: expected at most {CHARACTERS_MAX} characters, seen {len(text)}")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = None if root is None else _plain(root, name)
    except yaml.YAMLError as error:
        raise PermanentError(f"{name}: expected YAML, seen {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise PermanentError(f"{name}: expected a file of waves, seen values nested too deeply") from error
    if root is None:
        raise PermanentError(f"{name}: expected a file of waves, seen an empty document")
    try:
        return WavePolicy.model_validate(tree)
    except ValidationError as error:
        faults = [
            f"{name}:{_place(root, detail['loc'])}: {'.'.join(map(str, detail['loc'])) or 'document'}: "
            f"{detail['msg'].removeprefix('Value error, ')}"
            for detail in error.errors(include_url=False)
        ]
        more = f"\nand {len(faults) - FAULTS_SHOWN_MAX} more" if len(faults) > FAULTS_SHOWN_MAX else ""
        raise PermanentError("\n".join(faults[:FAULTS_SHOWN_MAX]) + more) from error


def _plain(node: yaml.Node, name: str) -> object:
    """Texts, lists and dictionaries: what a text means is the model's to say. A key that stands twice is refused."""
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, object] = {}
        for key, value in node.value:
            if key.value in entries:
                mark = key.start_mark
                raise PermanentError(
                    f"{name}:{mark.line + 1}:{mark.column + 1}: {key.value}: expected once, seen twice"
                )
            entries[str(key.value)] = _plain(value, name)
        return entries
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, name) for item in node.value]
    return str(node.value)


def _place(root: yaml.Node, path: tuple[int | str, ...]) -> str:
    """Line and column, both from 1, of the deepest node on the path."""
    node, mark = root, root.start_mark
    for part in path:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    found, mark = value, key.start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
            mark = found.start_mark
        if found is None:
            break
        node = found
    return f"{mark.line + 1}:{mark.column + 1}"
