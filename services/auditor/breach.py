"""A breach: an invariant that does not hold, with its place. Made by every checker, printed by `firstbell verify`."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from schemas.fact import Fact


class Invariant(StrEnum):
    """What `firstbell verify` checks; the law of each is in docs/architecture.md."""

    GATE_SOUNDNESS = "I1"
    """Every gate-opened fact, decided again from its record and documents, gives the same verdict."""
    ONE_EFFECT = "I2"
    """Facts of a school, and of a program, are numbered without gap or double; each gate opens once an attempt."""
    CONSERVATION = "I3"
    """fence - first = applied + superseded + duplicate + dead + parked + ignored, for each topic partition."""
    REBUILD = "I4"
    """Projections rebuilt from the log equal the live ones at the same fence."""
    NOT_STUCK = "I5"
    """Every open school runs, and wakes by itself or waits for what it can name; nothing repeats a failing task."""
    ESCALATIONS = "I6"
    """A ladder is one record; each rung fires once, never early, never while the ladder is paused or over."""
    AUDIT = "I7"
    """The chains verify and hold the facts of the topic; each decision says its policy, evidence, build and people."""
    PHASES = "I8"
    """A phase never falls without an audited regress."""
    PICTURE = "I9"
    """At equal fact_sequence, the digest of the workflow's picture equals the folded facts."""


class Breach(BaseModel):
    """What is broken, where, and how it should be."""

    model_config = ConfigDict(frozen=True)

    invariant: Invariant
    subject: str
    expected: str
    seen: str
    next_step: str


def named(invariant: Invariant, fact: Fact, expected: str, seen: str, next_step: str) -> Breach:
    """A breach whose place is a fact."""
    subject = f"{fact.program_id}/{fact.school_id} fact {fact.fact_sequence} ({fact.body.kind})"
    return Breach(invariant=invariant, subject=subject, expected=expected, seen=seen, next_step=next_step)
