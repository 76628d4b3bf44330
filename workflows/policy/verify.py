"""Decide again from a record: anybody, offline, with the two documents the record names.

Called by services/auditor, `decision verify` and tests. It trusts nothing in the record but its inputs, and finds
every difference rather than the first.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.calendar import Calendar
from schemas.decision import DecisionRecord, Verdict
from schemas.gate import PolicyDocument
from schemas.model import canonical_bytes, digest_of
from workflows.policy.authoring.document import resolve
from workflows.policy.evaluate import evaluate

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a record is not what its inputs lead to."""

    path: str
    expected: str
    """As computed again, in JSON; `absent` where nothing is expected."""
    recorded: str


def recompute(record: DecisionRecord, document: PolicyDocument, calendar: Calendar | None) -> Verdict:
    """The verdict that the record's inputs lead to. Raises LookupError when the document lacks its profile."""
    return evaluate(resolve(document, record.profile), calendar, record.inputs, record.decided_at)


def compare(record: DecisionRecord, document: PolicyDocument, calendar: Calendar | None) -> tuple[Difference, ...]:
    """Every difference between the record and the verdict computed again, byte for byte; empty: it stands."""
    found = list(_documents(record, document, calendar))
    if record.profile not in document.profiles:
        return (*found, Difference("profile", _text([*sorted(document.profiles)]), _text(record.profile)))
    again = recompute(record, document, calendar)
    if canonical_bytes(again) != canonical_bytes(record.verdict):
        found += _walk("verdict", _tree(again), _tree(record.verdict))
    return tuple(found)


def _documents(record: DecisionRecord, document: PolicyDocument, calendar: Calendar | None) -> Iterator[Difference]:
    """Whether the documents at hand are those the record names."""
    seen: tuple[tuple[str, Json, Json], ...] = (
        ("policy_digest", digest_of(document), record.policy_digest),
        ("policy_name", document.name, record.policy_name),
        ("policy_version", document.version, record.policy_version),
        ("calendar_digest", digest_of(calendar) if calendar else None, record.calendar_digest),
        ("calendar_version", calendar.version if calendar else None, record.calendar_version),
        ("inputs.phase", record.inputs.gate.phase.value, record.inputs.phase.value),
    )
    for path, expected, recorded in seen:
        if expected != recorded:
            yield Difference(path, _text(expected), _text(recorded))


def _tree(verdict: Verdict) -> Json:
    tree: Json = json.loads(canonical_bytes(verdict))
    return tree


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _walk(path: str, expected: Json, recorded: Json) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(recorded, dict):
        for key in sorted({*expected, *recorded}):
            yield from _walk(f"{path}.{key}", expected.get(key), recorded.get(key))
    elif isinstance(expected, list) and isinstance(recorded, list) and len(expected) == len(recorded):
        for index, (one, other) in enumerate(zip(expected, recorded, strict=True)):
            yield from _walk(f"{path}[{index}]", one, other)
    elif _text(expected) != _text(recorded):
        yield Difference(path, _text(expected), _text(recorded))
