"""Advisories: holds that stand over a scope and hold exactly the schools they match, now and later.

Published by the console, delivered to schools by the bridge, decided by each school's workflow. Without a predicate an
advisory holds every school of its scope, which is how a district, a program or a state is held; an emergency stop is one.
Tolerant, since it travels in a Temporal message; a file of one is read strictly by its command.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.decision import ActId, Blocks, HoldKind
from schemas.model import Code, Instant, Kinded, Tolerant
from schemas.school import Actor, Role, SchoolId, Scope

DEPTH_MAX = 6
"""Predicates within predicates. Our judgement, 2026-11-25: deeper ones are read by nobody."""
PARTS_MAX = 60
"""Parts of one predicate, all counted. Our judgement, 2026-11-25."""
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{0,80}$")]
"""`level`, `status`, `school`, `district`, `state`, `release`, `program`; `plan.FIELD`; or the front of a code.

`device-model` asks for the codes `device-model-...` of the school's record and of its readings' details.
"""
FactValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]


class Equals(Kinded, Tolerant):
    """The fact has this value, or this one among several. Unknown where the fact is."""

    kind: Literal["equals"] = "equals"
    fact: FactName
    value: FactValue


class In(Kinded, Tolerant):
    """The fact has one of these values. Unknown where the fact is."""

    kind: Literal["in"] = "in"
    fact: FactName
    values: tuple[FactValue, ...] = Field(min_length=1, max_length=60)


class AllOf(Kinded, Tolerant):
    """Every part is true; false as soon as one is, known or not of the others."""

    kind: Literal["all"] = "all"
    of: "tuple[Predicate, ...]" = Field(min_length=1, max_length=20)


class AnyOf(Kinded, Tolerant):
    """One part is true, known or not of the others."""

    kind: Literal["any"] = "any"
    of: "tuple[Predicate, ...]" = Field(min_length=1, max_length=20)


class Not(Kinded, Tolerant):
    """The part is false. Not of the unknown is unknown."""

    kind: Literal["not"] = "not"
    of: "Predicate"


Predicate = Annotated[Equals | In | AllOf | AnyOf | Not, Field(discriminator="kind")]


def parts(predicate: Equals | In | AllOf | AnyOf | Not, depth: int = 1) -> tuple[int, int]:
    """(Parts in all, greatest depth) of a predicate."""
    inner = predicate.of if isinstance(predicate, AllOf | AnyOf) else ()
    if isinstance(predicate, Not):
        inner = (predicate.of,)
    counted = [parts(each, depth + 1) for each in inner]
    return 1 + sum(count for count, _ in counted), max((deep for _, deep in counted), default=depth)


class Exemption(Tolerant):
    """One school that a named act lets pass by."""

    school_id: SchoolId
    reason: Code
    granted_by: Actor
    granted_at: Instant


class Advisory(Tolerant):
    """A hold over a scope, absolute and versioned; compacted by its id, the greatest version standing."""

    ce_type: ClassVar[str] = "firstbell.rollout.advisory-published.v1"

    advisory_id: ActId
    """Of the act that published it, and of the hold at each school it matches."""
    version: int = Field(ge=1)
    kind: HoldKind
    scope: Scope
    where: Predicate | None = None
    """None: every school of the scope."""
    reason: Code
    link: Code | None = None
    """None: nothing further to read."""
    blocks: Blocks = "advance"
    emergency: bool = False
    """True: an emergency stop, shown as one."""
    placed_by: Actor | None = None
    """None: by no person."""
    placed_at: Instant
    expires_at: Instant | None = None
    """None: stands until it is withdrawn."""
    lifted_by: Role
    """The role, or any above it, that may withdraw it or let a school pass by."""
    exempt: tuple[Exemption, ...] = Field(default=(), max_length=500)
    withdrawn: bool = False
    withdrawn_by: Actor | None = None
    """None: it stands, or no person withdrew it."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        count, depth = (0, 0) if self.where is None else parts(self.where)
        if depth > DEPTH_MAX or count > PARTS_MAX:
            raise ValueError(
                f"where: expected at most {DEPTH_MAX} deep and {PARTS_MAX} parts, seen {depth} and {count}"
            )
        return self


class AdvisoriesArrived(Kinded, Tolerant):
    """Signal: every advisory that may concern the school, absolute; an older version is dropped."""

    kind: Literal["advisories-arrived"] = "advisories-arrived"
    version: int = Field(ge=0)
    advisories: tuple[Advisory, ...] = ()
    wave: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")
    """The wave the school is in. None: in none, or it is not known."""
