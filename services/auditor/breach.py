"""A breach: an invariant that does not hold, with its place. Made by every checker, printed by `firstbell verify`."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Invariant(StrEnum):
    """What `firstbell verify` checks; the law of each is in docs/architecture.md."""

    GATE_SOUNDNESS = "I1"
    """Every gate-opened fact, decided again from its record and documents, gives the same verdict."""
    ONE_EFFECT = "I2"
    """Facts are numbered without gap or double within (program, school)."""
    CONSERVATION = "I3"
    """fence - first = applied + superseded + duplicate + dead + parked + ignored, for each topic partition."""
    REBUILD = "I4"
    """Projections rebuilt from the log equal the live ones at the same fence."""
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
