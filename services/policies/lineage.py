"""A file that inherits a stored document: its tree, completed by its parent's, so that what is stored is complete.

Called by the loader. Inherited lines stand where `inherits` stands, so a fault in one is shown there. Profiles of the
same name inherit the parent's; others may name one of the parent's.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from schemas.gate import PolicyDocument
from schemas.model import digest_of
from services.policies.inherit import INHERITS, InheritanceError, resolve_profiles
from services.policies.tree import Node, Place

Parents = Callable[[str], PolicyDocument | None]
"""By name, `name@version` or digest. None: no such document is stored."""


def named_parent(root: Node) -> Node | None:
    """Where a file names the document it inherits. None: it inherits none."""
    return root.get(INHERITS) if isinstance(root.value, Mapping) else None


def complete(root: Node, named: Node, parent: PolicyDocument) -> Node:
    """The whole tree: the parent's, with the file's own words over it. Raises InheritanceError naming key and place."""
    assert isinstance(root.value, Mapping), "the caller found a key in it"
    place = named.place
    above = _node(parent.model_dump(mode="json", exclude_defaults=True), place)
    assert isinstance(above.value, Mapping), "a document is a mapping"
    own = dict(root.value)
    profiles = own.pop("profiles", None)
    inherited = {
        word: node for word, node in above.value.items() if word not in ("scope", "variances", INHERITS, "profiles")
    }
    reference = {"name": parent.name, "version": parent.version, "digest": digest_of(parent)}
    merged = {**inherited, **own, INHERITS: _node(reference, place)}
    merged["profiles"] = _profiles(above.value["profiles"], profiles)
    return replace(root, value=merged)


def _profiles(above: Node, own: Node | None) -> Node:
    if own is None:
        return above
    if not isinstance(own.value, Mapping) or not isinstance(above.value, Mapping):
        raise InheritanceError(own.place, "profiles", "expected a mapping")
    asked = {
        name: replace(profile, value={**profile.value, INHERITS: Node(name, profile.place, profile.place)})
        if name in above.value and isinstance(profile.value, Mapping) and INHERITS not in profile.value
        else profile
        for name, profile in own.value.items()
    }
    shadowed = {f"{name} of the parent": node for name, node in above.value.items()}
    renamed = {name: _renamed(node) for name, node in asked.items()}
    tree = Node({"profiles": Node({**shadowed, **renamed}, own.place, own.key_place)}, own.place, own.key_place)
    found = resolve_profiles(tree).get("profiles")
    assert found is not None
    assert isinstance(found.value, Mapping), "resolving keeps the shape"
    kept = {name: node for name, node in found.value.items() if name in asked}
    return replace(own, value={**above.value, **kept})


def _renamed(profile: Node) -> Node:
    """`inherits` of a profile means the parent document's: a name that no profile of the file can have."""
    named = profile.get(INHERITS)
    if named is None or not isinstance(named.value, str) or not isinstance(profile.value, Mapping):
        return profile
    return replace(profile, value={**profile.value, INHERITS: replace(named, value=f"{named.value} of the parent")})


def _node(value: object, place: Place) -> Node:
    if isinstance(value, dict):
        return Node({key: _node(each, place) for key, each in value.items()}, place, place)
    if isinstance(value, list):
        return Node(tuple(_node(each, place) for each in value), place, place)
    return Node(_word(value), place, place)


def _word(value: object) -> str:
    """As a file would have it: every scalar is a text until the language reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
