"""State, district, school: which document a school gets, whether one may inherit another so, and whose each line is.

Called by services/policies when a document is checked or stored, by program start and by migration plans. Tighten
freely; loosen only a line with a declared range, as far as an approved variance goes, and no further.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.gate import PolicyDocument
from schemas.school import GateId
from schemas.variance import Variance
from workflows.policy.authoring.fault import Fault, Path
from workflows.policy.authoring.tightness import Change, Turn, counterparts, profile_changes

_OWN = ("name", "version", "title", "profiles", "inherits", "scope", "variances")
"""Fields in which an inheriting document speaks for itself; in all others it says what its parent says."""
_WIDTH = {"state": 0, "district": 1, "school": 2}


def faults_of(
    parent: PolicyDocument, child: PolicyDocument, variances: Iterable[Variance], now: datetime
) -> tuple[Fault, ...]:
    """Why a document may not inherit this parent so; empty: it may. Never blocks."""
    found = list(_frame(parent, child))
    if found:
        return tuple(found)
    granted = tuple(variances)
    for profile, change in loosened_lines(parent, child):
        if covering(parent, child, profile, change, granted, now) is None:
            found.append(Fault(_path(child, profile, change), _words(parent, profile, change)))
    return tuple(found)


def _frame(parent: PolicyDocument, child: PolicyDocument) -> Iterator[Fault]:
    if child.semantics != parent.semantics:
        yield Fault(("semantics",), f"expected {parent.semantics}, as {parent.name} has it, seen {child.semantics}")
    if child.name == parent.name:
        yield Fault(("name",), f"expected a name of its own, seen its parent's, {parent.name}")
    if child.scope is None:
        yield Fault(("scope",), "expected whom it is for: kind district or school, and its id")
    elif parent.scope is not None and _WIDTH[child.scope.kind] <= _WIDTH[parent.scope.kind]:
        yield Fault(("scope", "kind"), f"expected narrower than {parent.scope.kind}, seen {child.scope.kind}")
    for name in sorted(set(PolicyDocument.model_fields) - set(_OWN)):
        if getattr(child, name) != getattr(parent, name) and name != "semantics":
            yield Fault((name,), f"expected what {parent.name} v{parent.version} says; leave it out to inherit it")


def loosened_lines(parent: PolicyDocument, child: PolicyDocument) -> tuple[tuple[str, Change], ...]:
    """Every loosened line with the child's profile; as schools of every size would meet it."""
    found: dict[tuple[str, GateId, str | None, str | None], Change] = {}
    for old, new in counterparts(parent, child):
        for change in profile_changes(
            parent.profiles[old].gates, child.profiles[new].gates, parent.exceptions.waivers.floor
        ):
            if change.turn is Turn.LOOSER:
                found.setdefault((new, change.gate, change.criterion_id, change.field), change)
    return tuple((key[0], change) for key, change in found.items())


def covering(
    parent: PolicyDocument, child: PolicyDocument, profile: str, change: Change, variances: Iterable[Variance],
    now: datetime,
) -> Variance | None:  # fmt: skip
    """The variance under which a line may be looser; None: it may not. Whatever cannot be compared may not."""
    low, high = _range(parent, profile, change)
    value = change.after
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    fitting = [
        each
        for each in variances
        if each.answer == "approved"
        and (each.expires_at is None or now < each.expires_at)
        and (each.policy_name, each.profile, each.scope) == (parent.name, profile, child.scope)
        and (each.gate, each.criterion_id, each.line) == (change.gate, change.criterion_id, change.field)
        and min(change.before, each.value) <= value <= max(change.before, each.value)
    ]
    return min(fitting, key=lambda each: each.variance_id, default=None)


def _range(parent: PolicyDocument, profile: str, change: Change) -> tuple[float, float]:
    """What the parent declares of a line; an empty range where it declares nothing."""
    gates = parent.profiles[profile].gates if profile in parent.profiles else {}
    criteria = gates[change.gate].criteria if change.gate in gates else ()
    declared = {each.id: each.variance for each in criteria}.get(change.criterion_id or "", {})
    numbers = isinstance(change.before, int | float) and not isinstance(change.before, bool)
    return declared.get(change.field or "", (1.0, 0.0)) if numbers else (1.0, 0.0)


def rests_on(
    parent: PolicyDocument, child: PolicyDocument, variances: Sequence[Variance], now: datetime
) -> tuple[str, ...]:
    """The ids of the variances under which the document's looser lines stand, sorted."""
    used = {
        found.variance_id
        for profile, change in loosened_lines(parent, child)
        if (found := covering(parent, child, profile, change, variances, now)) is not None
    }
    return tuple(sorted(used))


def _path(child: PolicyDocument, profile: str, change: Change) -> Path:
    at: Path = ("profiles", profile, "gates", change.gate.value)
    ids = [each.id for each in child.profiles[profile].gates[change.gate].criteria]
    if change.criterion_id in ids:
        return (*at, "criteria", ids.index(change.criterion_id), *([change.field] if change.field else []))
    return (*at, "criteria") if change.criterion_id else (*at, change.field or "criteria")


def _words(parent: PolicyDocument, profile: str, change: Change) -> str:
    name = f"{parent.name} v{parent.version}"
    if change.field is None:
        return f"expected criterion {change.criterion_id}, as {name} has it, seen it left out"
    low, high = _range(parent, profile, change)
    if low > high:
        return f"expected no looser than {name} ({change.before}), seen {change.after}; it declares no range for it"
    return (
        f"expected no looser than {name} ({change.before}) without an approved variance within {low:g} to {high:g}, "
        f"seen {change.after}; ask for one with `firstbell variance request`"
    )


def heirs_of(root_digest: str, documents: Mapping[str, PolicyDocument]) -> tuple[tuple[str, PolicyDocument], ...]:
    """The documents whose line of parents reaches this very root, by digest; the root's own heirs and no other's."""
    return tuple(
        (digest, document)
        for digest, document in sorted(documents.items())
        if document.inherits is not None and root_of(digest, documents) == root_digest
    )


def document_for(
    root: tuple[str, PolicyDocument],
    heirs: Sequence[tuple[str, PolicyDocument]],
    school_id: str,
    district_id: str,
    state: str,
) -> tuple[str, PolicyDocument]:
    """The document this school gets of a root and its heirs, by digest: the narrowest that is for it, the newest."""
    place = {"state": state, "district": district_id, "school": school_id}
    fitting = [
        (digest, each) for digest, each in heirs if each.scope is not None and place[each.scope.kind] == each.scope.id
    ]
    return max([root, *fitting], key=lambda entry: _narrowness(entry[1]))


def _narrowness(document: PolicyDocument) -> tuple[int, int, str]:
    width = -1 if document.inherits is None or document.scope is None else _WIDTH[document.scope.kind]
    return width, document.version, document.name


def root_of(digest: str, documents: Mapping[str, PolicyDocument]) -> str:
    """The digest at the top of a document's line of parents; its own, when it inherits nothing or is not known."""
    seen = {digest}
    while (document := documents.get(digest)) is not None and document.inherits is not None:
        digest = document.inherits.digest
        if digest in seen:
            break
        seen.add(digest)
    return digest


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a school's policy, and whose it is."""

    gate: GateId
    criterion_id: str | None
    """None: a line of the gate itself."""
    field: str
    value: Any
    """As JSON has it. Any: lines are numbers, words and lists of them."""
    policy: str
    """Name and version of the document that said it last."""


def provenance(chain: Sequence[PolicyDocument], profile: str) -> tuple[Line, ...]:
    """Every line of the last document's profile, with the document it comes from. `chain`: root first."""
    lines = [_flat(document, profile) for document in chain]
    found: list[Line] = []
    for key, value in lines[-1].items():
        owner = len(chain) - 1
        while owner > 0 and lines[owner - 1].get(key) == value:
            owner -= 1
        gate, criterion_id, field = key
        found.append(Line(gate, criterion_id, field, value, f"{chain[owner].name} v{chain[owner].version}"))
    return tuple(found)


def _flat(document: PolicyDocument, profile: str) -> dict[tuple[GateId, str | None, str], Any]:
    found: dict[tuple[GateId, str | None, str], Any] = {}
    gates = document.profiles[profile].gates if profile in document.profiles else {}
    for gate_id, gate in gates.items():
        tree = gate.model_dump(mode="json", exclude_defaults=True)
        criteria = tree.pop("criteria")
        found |= {(gate_id, None, field): value for field, value in tree.items()}
        for criterion in criteria:
            found |= {(gate_id, criterion["id"], field): value for field, value in criterion.items() if field != "id"}
    return found
