"""Profiles that inherit: small changes to another profile's gates, resolved at load into a complete document.

Called by the loader, on trees, so that a fault in an inherited line is shown where that line stands. A change or an
omission that names nothing is a fault: it would otherwise be a threshold nobody applies.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from services.policies.tree import Node, Place

INHERITS = "inherits"
CHANGES = ("change", "omit", "add")


class InheritanceError(Exception):
    """A profile that cannot be resolved; carries key and place."""

    def __init__(self, place: Place, key: str, message: str) -> None:
        super().__init__(message)
        self.place, self.key = place, key


def resolve_profiles(root: Node) -> Node:
    """The same tree with every profile complete. Raises InheritanceError. Trees of another shape pass unchanged."""
    profiles = root.get("profiles")
    if profiles is None or not isinstance(profiles.value, Mapping) or not isinstance(root.value, Mapping):
        return root
    resolved = {
        name: _resolve(name, profile, profiles.value) if profile.get(INHERITS) else profile
        for name, profile in profiles.value.items()
    }
    return replace(root, value={**root.value, "profiles": replace(profiles, value=resolved)})


def _resolve(name: str, profile: Node, profiles: Mapping[str, Node]) -> Node:
    key = f"profiles.{name}"
    named = profile.get(INHERITS)
    assert named is not None, "the caller saw it"
    parent = profiles.get(named.value) if isinstance(named.value, str) else None
    if parent is None or parent is profile or parent.get(INHERITS) is not None:
        raise InheritanceError(
            named.place, f"{key}.inherits", "expected a profile of this document that inherits nothing"
        )
    own = _entries(profile, key)
    gates = dict(_entries(_child(parent, "gates", f"profiles.{named.value}"), "gates"))
    for gate, changes in _entries(own["gates"], f"{key}.gates").items() if "gates" in own else ():
        if gate not in gates:
            raise InheritanceError(changes.key_place, f"{key}.gates.{gate}", f"expected a gate of {named.value}")
        gates[gate] = _changed_gate(gates[gate], changes, f"{key}.gates.{gate}")
    entries = {word: node for word, node in own.items() if word not in (INHERITS, "gates")}
    return replace(profile, value={**entries, "gates": replace(_child(parent, "gates", key), value=gates)})


def _changed_gate(gate: Node, changes: Node, key: str) -> Node:
    """The gate with changed, omitted and added criteria; every other key replaces the inherited one."""
    if not any(word in _entries(changes, key) for word in CHANGES) and changes.get("criteria"):
        return changes  # a gate written out whole
    criteria = list(_items(_child(gate, "criteria", key), key))
    ids = [_id(criterion) for criterion in criteria]
    own = dict(_entries(changes, key))
    change, omit, add = (own.pop(word, None) for word in CHANGES)
    for criterion_id, lines in _entries(change, f"{key}.change").items() if change else ():
        at = _position(ids, criterion_id, lines.key_place, f"{key}.change.{criterion_id}")
        criteria[at] = replace(criteria[at], value={**_entries(criteria[at], key), **_entries(lines, key)})
    omitted = [_text(node, f"{key}.omit") for node in _items(omit, f"{key}.omit")] if omit else []
    for word in omitted:
        _position(ids, word, omit.place if omit else gate.place, f"{key}.omit")
    kept = [criterion for criterion in criteria if _id(criterion) not in omitted]
    kept += list(_items(add, f"{key}.add")) if add else []
    place = _child(gate, "criteria", key)
    return replace(gate, value={**_entries(gate, key), **own, "criteria": replace(place, value=tuple(kept))})


def _position(ids: list[str], wanted: str, place: Place, key: str) -> int:
    if wanted not in ids:
        raise InheritanceError(place, key, f"expected one of {', '.join(ids)}; seen {wanted}")
    return ids.index(wanted)


def _id(criterion: Node) -> str:
    found = criterion.get("id")
    return found.value if found is not None and isinstance(found.value, str) else ""


def _entries(node: Node, key: str) -> Mapping[str, Node]:
    if not isinstance(node.value, Mapping):
        raise InheritanceError(node.place, key, "expected a mapping")
    return node.value


def _items(node: Node, key: str) -> Iterator[Node]:
    if not isinstance(node.value, tuple):
        raise InheritanceError(node.place, key, "expected a list")
    return iter(node.value)


def _text(node: Node, key: str) -> str:
    if not isinstance(node.value, str):
        raise InheritanceError(node.place, key, "expected a word")
    return node.value


def _child(node: Node, word: str, key: str) -> Node:
    found = node.get(word)
    if found is None:
        raise InheritanceError(node.place, f"{key}.{word}", "expected it, seen none")
    return found
