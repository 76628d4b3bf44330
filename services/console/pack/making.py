"""Makes the pack: the same facts give the same files, byte for byte, whoever makes it and whenever.

Called by `firstbell program export`. It has no clock and reads nothing: it is given facts, documents and the ids that
must not leave, and refuses to give out a pack in which one of them is found.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.calendar import Calendar
from schemas.decision import DecisionRecord
from schemas.fact import Fact, GateDecided
from schemas.gate import PolicyDocument
from schemas.model import canonical_bytes, digest_of
from services.console import record
from services.console.pack import tables
from services.console.pack.cells import Cell, small_cells, suppress
from services.console.pack.redaction import Json, private_ids, redact
from services.console.pack.words import readme
from services.console.views import SIMULATED, SchoolLine
from services.kit.outcome import PermanentError
from workflows.policy import verify

FORMAT: Literal["firstbell.evidence-pack.v1"] = "firstbell.evidence-pack.v1"
IN_PACK: Literal["firstbell.decision-in-pack.v1"] = "firstbell.decision-in-pack.v1"
WORD = re.compile(r"[0-9a-z][0-9a-z-]*")
"""Whatever an id may be found as: it ends where none of its signs go on."""
Files = dict[str, bytes]
"""Path to content."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that is known of a program."""

    program_id: str
    lines: Sequence[SchoolLine]
    """Its schools, by id."""
    facts: Sequence[Fact]
    """By school, then by sequence."""
    policies: Mapping[str, PolicyDocument]
    calendars: Mapping[str, Calendar]


@dataclass(slots=True)
class Made:
    """One decision on its way into the pack."""

    path: str
    content: bytes
    hidden: tuple[str, ...]
    provable: bool


def make_pack(material: Material, *, audit: bool, minimum: int, forbidden: Iterable[str] = ()) -> Files:
    """The pack's files. `audit` keeps ids and numbers; else no id of a person leaves, nor a small cell.

    Raises PermanentError when a document is not at hand, or a forbidden id would leave. Never blocks.
    """
    files: Files = {
        "schools.csv": tables.schools(material.lines),
        "timeline.csv": tables.timeline(material.facts, with_ids=audit),
        "waivers-and-overrides.csv": tables.register(material.facts, with_ids=audit),
    }
    made = list(_decisions(material, audit, minimum))
    files |= {each.path: each.content for each in made}
    files |= _documents(material)
    manifest = _manifest(material, made, audit=audit, minimum=minimum)
    files["README.md"] = readme(manifest).encode()
    digests: dict[str, Json] = {path: f"sha256:{hashlib.sha256(files[path]).hexdigest()}" for path in sorted(files)}
    files["manifest.json"] = _pretty(manifest | {"files": digests})
    if not audit:
        _refuse(files, {*forbidden, *(each for fact in material.facts for each in private_ids(_tree(fact)))})
    return dict(sorted(files.items()))


def _decisions(material: Material, audit: bool, minimum: int) -> Iterator[Made]:
    by_school = {line.school_id: line for line in material.lines}
    decided = [(fact, fact.body.decision) for fact in material.facts if isinstance(fact.body, GateDecided)]
    hidden: frozenset[Cell] = frozenset()
    if not audit:
        hidden = small_cells([(_district(decision), fact.school_id, decision) for fact, decision in decided], minimum)
    for fact, decision in decided:
        policy = material.policies.get(decision.policy_digest)
        calendar = material.calendars.get(decision.calendar_digest or "")
        if policy is None or (calendar is None and decision.calendar_digest is not None):
            missing = decision.policy_digest if policy is None else decision.calendar_digest
            raise PermanentError(f"document {missing}: expected in the console, seen not yet; try again in a moment")
        yield _made(fact, by_school[fact.school_id], policy, calendar, None if audit else (hidden, minimum))


def _district(decision: DecisionRecord) -> str:
    return decision.inputs.context.district_id if decision.inputs.context else ""


def _made(
    fact: Fact,
    line: SchoolLine,
    policy: PolicyDocument,
    calendar: Calendar | None,
    rule: tuple[frozenset[Cell], int] | None,
) -> Made:
    """`rule` None: the decision leaves as it is."""
    assert isinstance(fact.body, GateDecided)
    # Of a redacted decision no digest leaves: it would let the hidden numbers and ids be found by trying.
    original = digest_of(fact.body.decision) if rule is None else None
    places: tuple[str, ...] = ()
    if rule is not None:
        fact = Fact.model_validate(redact(_tree(fact)))
        assert isinstance(fact.body, GateDecided)
        cut = suppress(fact.body.decision, fact.school_id, *rule)
        fact = fact.model_copy(update={"body": fact.body.model_copy(update={"decision": cut.decision})})
        places = cut.places
    assert isinstance(fact.body, GateDecided)
    decision = fact.body.decision
    exported = record.tree_of(record.export(fact, line.school, line.notice is not None, policy, calendar))
    assert isinstance(exported, dict)
    tree: Json = {
        "format": IN_PACK,
        "export": {key: part for key, part in exported.items() if key not in ("policy", "calendar")},
        "policy": document_path(decision.policy_digest),
        "calendar": document_path(decision.calendar_digest) if decision.calendar_digest else None,
        "decision_digest": original,
        "hidden": list(places),
    }
    name = f"decisions/{line.school_id}-{fact.fact_sequence:06}-{decision.inputs.gate.value}.json"
    return Made(name, _pretty(tree), places, not verify.compare(decision, policy, calendar))


def document_path(digest: str) -> str:
    """Where a document lies in the pack."""
    return f"documents/{digest.removeprefix('sha256:')}.json"


def _documents(material: Material) -> Files:
    named = {each for fact in material.facts if isinstance(fact.body, GateDecided) for each in _named(fact.body)}
    return {
        document_path(digest): canonical_bytes(document) + b"\n"
        for digest, document in [*material.policies.items(), *material.calendars.items()]
        if digest in named
    }


def _named(body: GateDecided) -> tuple[str | None, str | None]:
    return body.decision.policy_digest, body.decision.calendar_digest


def _manifest(material: Material, made: Sequence[Made], *, audit: bool, minimum: int) -> dict[str, Json]:
    unprovable: list[Json] = [each.path for each in made if not each.provable]
    hidden: list[Json] = [each.path for each in made if each.hidden]
    as_of = max((fact.occurred_at for fact in material.facts), default=None)
    noticed = any(line.notice for line in material.lines) or any(fact.simulated for fact in material.facts)
    return {
        "format": FORMAT,
        "audience": "audit" if audit else "public",
        "notice": SIMULATED if noticed else None,
        "program_id": material.program_id,
        "as_of": as_of.isoformat() if as_of else None,
        "schools_count": len(material.lines),
        "facts_count": len(material.facts),
        "decisions_count": len(made),
        "minimum_cell": None if audit else minimum,
        "hidden_numbers": hidden,
        "not_recomputable": unprovable,
        "why_not_recomputable": (
            "Numbers over fewer people than minimum_cell, and numbers from which they could be found, are hidden. A "
            "decision that rests on them cannot be decided again from this pack; the audit export holds it whole, under "
            "the same school and number."
        ) if unprovable else None,
    }  # fmt: skip


def _refuse(files: Files, forbidden: set[str]) -> None:
    """The last look: whatever the parts above promise, no id of a person leaves."""
    for path, content in files.items():
        found = min(forbidden.intersection(WORD.findall(content.decode())), default=None)
        if found is not None:
            raise PermanentError(
                f"{path}: expected no id of a person or an act, seen one of {len(found)} characters; nothing was written. "
                "This is a fault of the program: tell its makers"
            )


def _tree(fact: Fact) -> Json:
    tree: Json = json.loads(fact.model_dump_json())
    return tree


def _pretty(tree: Json) -> bytes:
    return (json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
