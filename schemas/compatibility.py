"""Which differences between two JSON Schemas would break somebody. A breaking change is a new `.vN`.

Called by the contract tests against the released schemas. It reads what pydantic writes, not all of JSON Schema.
"""

from typing import Any

Schema = dict[str, Any]
"""Any: JSON, as pydantic writes it."""


def breaking_changes(old: Schema, new: Schema) -> tuple[str, ...]:
    """Every way in which `new` is not an addition to `old`, each with its place; empty when it only grew."""
    return tuple(_compare(old, new, old, new, "$", set()))


def _resolve(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if not reference:
        return schema
    target: Schema = root["$defs"][reference.rsplit("/", 1)[-1]]
    return target


def _compare(old: Schema, new: Schema, old_root: Schema, new_root: Schema, place: str, seen: set[str]) -> list[str]:
    if (reference := old.get("$ref")) in seen:
        return []
    seen = seen | ({reference} if reference else set())
    old, new = _resolve(old, old_root), _resolve(new, new_root)
    found: list[str] = []
    for word in ("type", "pattern", "const", "format", "discriminator"):
        if old.get(word) != new.get(word) and word != "discriminator":
            found.append(f"{place}: {word} was {old.get(word)!r}, is {new.get(word)!r}")
    gone = [value for value in old.get("enum", []) if value not in new.get("enum", [])]
    if gone:
        found.append(f"{place}: enum lost {gone}")
    found += _bounds(old, new, place)
    properties, following = old.get("properties", {}), new.get("properties", {})
    for name in sorted(properties):
        if name not in following:
            found.append(f"{place}.{name}: was removed")
        else:
            found += _compare(properties[name], following[name], old_root, new_root, f"{place}.{name}", seen)
    default_free = set(new.get("required", [])) - set(old.get("required", []))
    found += [f"{place}.{name}: became required" for name in sorted(default_free)]
    for word in ("items", "additionalProperties"):
        if isinstance(old.get(word), dict) and isinstance(new.get(word), dict):
            found += _compare(old[word], new[word], old_root, new_root, f"{place}[{word}]", seen)
        elif old.get(word) != new.get(word):
            found.append(f"{place}: {word} was {old.get(word)!r}, is {new.get(word)!r}")
    return found + _alternatives(old, new, old_root, new_root, place, seen)


def _bounds(old: Schema, new: Schema, place: str) -> list[str]:
    tighter = []
    for word, sign in (("minimum", 1), ("exclusiveMinimum", 1), ("minLength", 1), ("minItems", 1),
                       ("maximum", -1), ("exclusiveMaximum", -1), ("maxLength", -1), ("maxItems", -1)):  # fmt: skip
        if word in new and (word not in old or sign * new[word] > sign * old[word]):
            tighter.append(f"{place}: {word} was {old.get(word)!r}, is {new[word]!r}")
    return tighter


def _alternatives(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, place: str, seen: set[str]
) -> list[str]:
    found: list[str] = []
    for word in ("anyOf", "oneOf"):
        before, after = old.get(word, []), new.get(word, [])
        for index, choice in enumerate(before):
            fits = [_compare(choice, other, old_root, new_root, f"{place}[{word} {index}]", seen) for other in after]
            if not any(not misfit for misfit in fits):
                found.append(f"{place}: {word} lost alternative {choice.get('$ref', choice.get('type', index))}")
    return found
