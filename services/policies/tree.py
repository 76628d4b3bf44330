"""YAML as a tree that remembers where everything stands, so that a fault can name its line and key.

Called by the loader. Scalars stay texts: `no` is a word here and 1.10 is no number until the language says so. It
refuses what could mean two things: a key that stands twice, an empty value, an alias, a second document.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

DOCUMENT_CHARACTERS_MAX = 1_000_000
"""Characters of one document. The default policy has about 30,000. Our judgement, 2026-11-23."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    value: "str | tuple[Node, ...] | Mapping[str, Node]"
    place: Place
    key_place: Place
    """Of its key; its own, when it has none."""

    def get(self, key: str) -> "Node | None":
        """A mapping's entry. None: absent, or no mapping."""
        return self.value.get(key) if isinstance(self.value, Mapping) else None

    def plain(self) -> object:
        """Without places: texts, lists and dictionaries."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return {key: node.plain() for key, node in self.value.items()}


class TreeError(Exception):
    """A text that is no usable YAML; carries its place."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


class _Plain(yaml.SafeLoader):
    """Composes nodes and constructs nothing."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As YAML's, but an alias is an error: it hides where a value really stands."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise TreeError(_place(event.start_mark), "expected the value itself, seen an alias")
        return super().compose_node(parent, index)


def read_tree(text: str) -> Node:
    """The document's tree. Raises TreeError naming the place. Never blocks, never constructs objects."""
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise TreeError(Place(1, 1), f"expected at most {DOCUMENT_CHARACTERS_MAX} characters, seen {len(text)}")
    try:
        composed = yaml.compose(text, Loader=_Plain)
        if composed is None:
            raise TreeError(Place(1, 1), "expected a policy, seen an empty document")
        return _node(composed, None)
    except RecursionError as error:
        raise TreeError(Place(1, 1), "expected a policy, seen values nested too deeply") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise TreeError(_place(mark) if mark else Place(1, 1), f"expected YAML, seen: {problem}") from error


def _node(composed: yaml.Node, key_place: Place | None) -> Node:
    place = _place(composed.start_mark)
    key_place = key_place or place
    if isinstance(composed, yaml.ScalarNode):
        if composed.tag == "tag:yaml.org,2002:null":
            raise TreeError(key_place, "expected a value, seen none; leave the key out")
        return Node(str(composed.value), place, key_place)
    if isinstance(composed, yaml.SequenceNode):
        return Node(tuple(_node(item, None) for item in composed.value), place, key_place)
    entries: dict[str, Node] = {}
    for key, value in composed.value:
        at = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise TreeError(at, "expected a word as key")
        if key.value in entries:
            raise TreeError(at, f"expected the key {key.value} once, seen twice")
        entries[key.value] = _node(value, at)
    return Node(entries, place, key_place)


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def find(root: Node, path: Path) -> tuple[Node, tuple[str, ...], bool]:
    """The deepest node on a path, the path in words (criteria by id), and whether the whole path exists.

    Parts that name nothing are passed over: schema errors put the kind of a union into their paths.
    """
    node, words, whole = root, [], True
    for part in path:
        found: Node | None = None
        if isinstance(part, int) and isinstance(node.value, tuple) and part < len(node.value):
            found = node.value[part]
            name = found.get("id")
            words.append(name.value if name is not None and isinstance(name.value, str) else str(part))
        elif isinstance(part, str) and isinstance(node.value, Mapping):
            found = node.value.get(part)
            if found is not None:
                words.append(part)
        whole = found is not None
        node = found if found is not None else node
    return node, tuple(words), whole
