"""Takes people out of a fact: an actor keeps the role, every id of a person or an act becomes one of this file alone.

Called by the pack for each fact that leaves in public. The new ids stand in the order of the old ones and are equal
where the old ones were, so that a decision is still decided the same. What has a name ending in `_id` and is not
known to be public is taken for private.
"""

import re
from collections.abc import Iterator

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

PUBLIC_IDS = frozenset({"program_id", "school_id", "district_id", "criterion_id", "release_id", "incident_id"})
"""Names of fields whose ids name institutions, criteria and things, never people."""
PUBLIC_LISTS = frozenset({"criterion_ids"})
ACTOR = re.compile(r"^actor-[0-9a-z]{1,32}$")
DROPPED = frozenset({"note_id"})
"""Fields that only lead to restricted tables: left out whole."""


def private_ids(tree: Json, name: str = "") -> Iterator[str]:
    """Every id in a tree that must not leave, with repeats."""
    if isinstance(tree, dict):
        for key, part in tree.items():
            if ACTOR.match(key):
                yield key
            yield from private_ids(part, key)
    elif isinstance(tree, list):
        for part in tree:
            yield from private_ids(part, name)
    elif isinstance(tree, str):
        listed = name.endswith("_ids") and name not in PUBLIC_LISTS
        single = (name.endswith("_id") or name == "acting_for") and name not in PUBLIC_IDS
        if single or listed or ACTOR.match(tree):
            yield tree


def public_names(ids: Iterator[str]) -> dict[str, str]:
    """The new id of each old one: numbered in their order, so that whatever is sorted by id stays sorted."""
    known = sorted(set(ids))
    actors = [each for each in known if ACTOR.match(each)]
    others = [each for each in known if not ACTOR.match(each)]
    return {old: f"actor-public{number:04d}" for number, old in enumerate(actors, 1)} | {
        old: f"act-public-{number:04d}" for number, old in enumerate(others, 1)
    }


def redact(tree: Json) -> Json:
    """The tree without people. It keeps roles, scopes, reasons' codes, times, and who equals whom within it."""
    kept = _without(tree)
    return _renamed(kept, public_names(private_ids(kept)))


def _without(tree: Json) -> Json:
    if isinstance(tree, dict):
        return {key: _without(part) for key, part in tree.items() if key not in DROPPED}
    if isinstance(tree, list):
        return [_without(part) for part in tree]
    return tree


def _renamed(tree: Json, names: dict[str, str]) -> Json:
    if isinstance(tree, dict):
        return {names.get(key, key): _renamed(part, names) for key, part in tree.items()}
    if isinstance(tree, list):
        return [_renamed(part, names) for part in tree]
    if isinstance(tree, str):
        head, colon, tail = tree.partition(":")  # a result is called `hold:` and the hold's id
        return names.get(tree) or (f"{head}:{names[tail]}" if colon and tail in names else tree)
    return tree


def roles_in(tree: Json) -> list[str]:
    """The roles of every actor in a tree, sorted, each once."""
    return sorted(set(_roles(tree)))


def _roles(tree: Json) -> Iterator[str]:
    if isinstance(tree, dict):
        if "actor_id" in tree and isinstance(role := tree.get("role"), str):
            yield role
        for part in tree.values():
            yield from _roles(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _roles(part)
