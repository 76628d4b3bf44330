"""Whether a school matches an advisory, in three values: yes, no, not known. Called by advising and `advisory check`.

Strong Kleene logic: what is not known never becomes yes or no by itself, and learning more never turns a yes or a no
around.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from schemas.advisory import AllOf, AnyOf, Equals, In, Not
from schemas.decision import EvidenceItem
from schemas.school import SchoolContext, Scope, ScopeKind

Truth = bool | None
"""None: not known."""
_NAMED = ("level", "status", "school", "district", "state", "release", "program")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a school when it is asked."""

    school_id: str
    program_id: str
    context: SchoolContext | None
    """None: the directory has told nothing yet."""
    evidence: Mapping[str, EvidenceItem] = field(default_factory=dict)
    wave: str | None = None
    """None: in no wave, or it is not known."""


def both(truths: Iterable[Truth]) -> Truth:
    """No as soon as one is; else not known as soon as one is not; yes of none."""
    seen = list(truths)
    if False in seen:
        return False
    return None if None in seen else True


def either(truths: Iterable[Truth]) -> Truth:
    """Yes as soon as one is; else not known as soon as one is not; no of none."""
    seen = list(truths)
    if True in seen:
        return True
    return None if None in seen else False


def judge(predicate: Equals | In | AllOf | AnyOf | Not, known: Known) -> Truth:
    """Whether the predicate is true of the school. Never raises on account of what is not known."""
    match predicate:
        case Equals():
            return _among((predicate.value,), predicate.fact, known)
        case In():
            return _among(predicate.values, predicate.fact, known)
        case AllOf():
            return both(judge(each, known) for each in predicate.of)
        case AnyOf():
            return either(judge(each, known) for each in predicate.of)
        case Not():
            inner = judge(predicate.of, known)
            return None if inner is None else not inner
        case _:
            assert_never(predicate)


def within(scope: Scope, known: Known) -> Truth:
    """Whether a scope holds the school."""
    match scope.kind:
        case ScopeKind.SCHOOL:
            return scope.id == known.school_id
        case ScopeKind.PROGRAM:
            return scope.id == known.program_id
        case ScopeKind.WAVE:
            return None if known.wave is None else scope.id == known.wave
        case ScopeKind.DISTRICT:
            return None if known.context is None else scope.id == known.context.district_id
        case ScopeKind.STATE:
            return None if known.context is None else scope.id == known.context.state
        case ScopeKind.RELEASE:
            release = None if known.context is None else known.context.release_id
            return None if release is None else scope.id == release
        case _:
            assert_never(scope.kind)


def values_of(fact: str, known: Known) -> tuple[str, ...]:
    """All that is known of a fact, sorted; empty: nothing is, which is not the same as none."""
    context = known.context
    if fact in _NAMED:
        named = {"school": known.school_id, "program": known.program_id}
        if context is not None:
            named |= {"level": context.level.value, "status": context.status.value, "district": context.district_id,
                      "state": context.state, "release": context.release_id or ""}  # fmt: skip
        return (named[fact],) if named.get(fact) else ()
    plan: Mapping[str, str] = getattr(context, "plan", {})
    if fact.startswith("plan."):
        said = plan.get(fact.removeprefix("plan."))
        return (said,) if said else ()
    front = f"{fact}-"
    codes = {*(context.extra_codes if context else ())}
    codes |= {code for item in known.evidence.values() if item.missing is None for code in item.detail}
    return tuple(sorted(code.removeprefix(front) for code in codes if code.startswith(front) and code != front))


def _among(wanted: Iterable[str], fact: str, known: Known) -> Truth:
    seen = values_of(fact, known)
    return any(each in seen for each in wanted) if seen else None
