"""`policy diff`: two documents side by side, gate by gate and criterion by criterion, in words.

Called by the policy commands. Which way a change goes is workflows/policy/authoring/tightness.py; here are only the words.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from schemas.gate import Criterion, PolicyDocument
from services.kit.outcome import PermanentError
from services.policies.terminal import line_of
from workflows.policy.authoring.tightness import Change, Turn, counterparts, profile_changes

_CRITERION: TypeAdapter[Criterion] = TypeAdapter(Criterion)
WORDS: Mapping[Turn, str] = {Turn.TIGHTER: "tightened", Turn.LOOSER: "loosened", Turn.EVEN: "reworded"}

Pair = tuple[str, str]
"""(profile before, profile after)."""


def differences(
    before: PolicyDocument, after: PolicyDocument, profile: str | None = None
) -> dict[Pair, tuple[Change, ...]]:
    """What a school of each size would see change; of one profile, when it is named. Empty: nothing.

    Raises PermanentError for a profile that either document has not.
    """
    if profile is not None:
        for document in (before, after):
            if profile not in document.profiles:
                raise PermanentError(
                    f"profile {profile}: expected one of {', '.join(sorted(document.profiles))} "
                    f"in {document.name} v{document.version}"
                )
    pairs = counterparts(before, after) if profile is None else ((profile, profile),)
    found = {
        (old, new): profile_changes(
            before.profiles[old].gates, after.profiles[new].gates, before.exceptions.waivers.floor
        )
        for old, new in pairs
    }
    return {pair: changes for pair, changes in found.items() if changes}


def sentence(change: Change) -> str:
    """One change in words."""
    if change.field is None:
        return f"added: {_line(change.after)}" if change.before is None else f"removed: {_line(change.before)}"
    return f"{WORDS[change.turn]}: {change.field} from {_value(change.before)} to {_value(change.after)}"


def _line(criterion: Any) -> str:
    """Any: a criterion as JSON has it."""
    read = _CRITERION.validate_python(criterion)
    return f"{line_of(read)} ({read.severity.value})"


def _value(value: Any) -> str:
    """Any: a line's value as JSON has it."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_value(each)}" for key, each in sorted(value.items())) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def lines(changes: Mapping[Pair, tuple[Change, ...]]) -> Iterator[str]:
    """The whole difference as a person reads it."""
    for (old, new), each in changes.items():
        yield f"profile {new}" if old == new else f"schools of profile {old} get profile {new}"
        for change in each:
            yield f"  {change.gate.value} {change.criterion_id or 'gate'}: {sentence(change)}"


def tree(changes: Mapping[Pair, tuple[Change, ...]]) -> list[dict[str, Any]]:
    """The whole difference as JSON. Any: lines are numbers, words and lists of them."""
    return [
        {
            "profile_before": old, "profile_after": new, "gate": change.gate.value,
            "criterion_id": change.criterion_id, "field": change.field, "before": change.before,
            "after": change.after, "turn": change.turn.value, "words": sentence(change),
        }
        for (old, new), each in changes.items()
        for change in each
    ]  # fmt: skip
