"""From a policy file to a complete, checked document, or to its faults with line, column and key.

Called by `policy check`, `policy store` and the room's preparation. A malformed policy is refused whole: nothing is
repaired, defaulted or skipped, so that no mistake is ever read as permission.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from schemas.gate import PolicyDocument
from schemas.variance import Variance
from services.policies.inherit import InheritanceError, resolve_profiles
from services.policies.lineage import Parents, complete, named_parent
from services.policies.tree import Node, Place, TreeError, find, read_tree
from workflows.policy.authoring.document import lint
from workflows.policy.authoring.inheritance import faults_of, rests_on

Detail = Mapping[str, Any]
"""One error as pydantic tells it. Any: its input is whatever the file held."""


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One thing wrong with a policy file."""

    line: int
    column: int
    key: str
    """From the top, criteria by their ids."""
    message: str
    """Expected and seen."""

    def words(self, name: str) -> str:
        """One line, as compilers write it."""
        return f"{name}:{self.line}:{self.column}: {self.key or 'document'}: {self.message}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is no policy, and every reason found."""

    faults: tuple[PolicyFault, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """What a file may rest on: documents it inherits, and the variances under which it may be looser."""

    parents: Parents
    variances: tuple[Variance, ...]
    now: datetime


def load(text: str, library: Library | None = None) -> PolicyDocument | Refused:
    """The document, complete, schema and lines checked; or why not. Never blocks, never raises for content.

    `library` None: a file that inherits another document is refused, since nobody can say whether it may.
    """
    parent: PolicyDocument | None = None
    try:
        root = read_tree(text)
        named = named_parent(root)
        if named is not None:
            parent = _parent(named, library)
            root = complete(root, named, parent)
        else:
            root = resolve_profiles(root)
    except TreeError as error:
        return Refused((PolicyFault(error.place.line, error.place.column, "", str(error)),))
    except InheritanceError as error:
        return Refused((PolicyFault(error.place.line, error.place.column, error.key, str(error)),))
    try:
        document = PolicyDocument.model_validate(root.plain())
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _echo(root, detail)]
        return Refused(_once(_schema_fault(root, detail) for detail in details))
    found = lint(document)
    if parent is not None and library is not None and not found:
        found = faults_of(parent, document, library.variances, library.now)
        resting = rests_on(parent, document, library.variances, library.now)
        document = document.model_copy(update={"variances": resting})
    faults = _once(_fault(root, fault.path, fault.message) for fault in found)
    return Refused(faults) if faults else document


def inherited(text: str) -> str | None:
    """What a file says it inherits, so that callers fetch it. None: nothing, or nothing that can be read."""
    try:
        named = named_parent(read_tree(text))
    except TreeError:
        return None
    return named.value if named is not None and isinstance(named.value, str) else None


def _parent(named: Node, library: Library | None) -> PolicyDocument:
    if not isinstance(named.value, str):
        raise InheritanceError(named.place, "inherits", "expected a stored policy: name, name@version or digest")
    found = None if library is None else library.parents(named.value)
    if found is None:
        raise InheritanceError(
            named.place, "inherits", f"expected a stored policy, seen {named.value}; see `firstbell policy show`"
        )
    return found


def _once(faults: Iterable[PolicyFault]) -> tuple[PolicyFault, ...]:
    """Each place and message once: a fault in an inherited line shows in every profile that has it."""
    kept: dict[tuple[int, int, str], PolicyFault] = {}
    for fault in faults:
        kept.setdefault((fault.line, fault.column, fault.message), fault)
    return tuple(sorted(kept.values(), key=lambda fault: (fault.line, fault.column)))


def _echo(root: Node, detail: Detail) -> bool:
    """Whether an error only repeats others: a list is "too short" because its items were refused."""
    node, _, whole = find(root, detail["loc"])
    return detail["type"] == "too_short" and whole and bool(node.value)


def _fault(root: Node, path: tuple[str | int, ...], message: str) -> PolicyFault:
    node, words, whole = find(root, path)
    return _at(node.place if whole else node.key_place, words, path, whole, message)


def _schema_fault(root: Node, detail: Detail) -> PolicyFault:
    node, words, whole = find(root, detail["loc"])
    extra = detail["type"] == "extra_forbidden"
    message = "expected no such key" if extra else detail["msg"].removeprefix("Value error, ")
    seen = detail["input"]
    if isinstance(seen, str) and not extra and detail["type"] != "missing":
        message = f"{message}; seen {seen!r}"
    return _at(node.key_place if extra or not whole else node.place, words, detail["loc"], whole, message)


def _at(place: Place, words: tuple[str, ...], path: tuple[str | int, ...], whole: bool, message: str) -> PolicyFault:
    last = path[-1] if path else ""
    named = (*words, last) if not whole and isinstance(last, str) and (not words or words[-1] != last) else words
    return PolicyFault(place.line, place.column, ".".join(named), message)
