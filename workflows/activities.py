"""The one thing a workflow can do to the world: publish facts. Name and types only.

Called by the Temporal shells; carried out by services/bridge/activities.py, which a contract test compares with
this. It must be idempotent: the same fact twice is one fact.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence

from pydantic import Field, TypeAdapter
from temporalio import activity

from schemas.fact import Fact
from schemas.model import Tolerant
from schemas.program_fact import ProgramFact

_FACTS = TypeAdapter(tuple[Fact, ...])
_PROGRAM_FACTS = TypeAdapter(tuple[ProgramFact, ...])


def packed(document: bytes) -> str:
    """JSON, deflated, in base64: what histories keep much of takes a fifth of the plain text. Never blocks."""
    return b64encode(zlib.compress(document, 6)).decode()


def unpacked(text: str) -> bytes:
    """The inverse. Raises ValueError for what was packed by nobody of ours."""
    try:
        return zlib.decompress(b64decode(text))
    except zlib.error as error:
        raise ValueError(f"expected deflated JSON in base64, seen {text[:40]}: {error}") from error


class FactBatch(Tolerant):
    """Facts of one school, in the order of their sequence."""

    packed: str = Field(min_length=1)
    """The facts' JSON."""
    keys: tuple[str, ...] = ()
    """`sequence kind` of each, for people who read the history. Nothing computes with it."""

    @classmethod
    def of(cls, facts: Sequence[Fact]) -> "FactBatch":
        """Packs facts. Never blocks."""
        return cls(
            packed=packed(_FACTS.dump_json(tuple(facts))),
            keys=tuple(f"{fact.fact_sequence} {fact.body.kind}" for fact in facts),
        )

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Unpacks them. Raises ValueError for what is no packed facts."""
        return _FACTS.validate_json(unpacked(self.packed))


@activity.defn(name="publish_facts")
async def publish_facts(batch: FactBatch) -> None:
    """Every fact of the batch is durable and on its way to readers, once, or the call raises and nothing is."""
    raise NotImplementedError("services/bridge/activities.py carries it out")


class ProgramFactBatch(Tolerant):
    """Facts of one program, in the order of their sequence."""

    packed: str = Field(min_length=1)
    """The facts' JSON."""
    keys: tuple[str, ...] = ()
    """`sequence kind` of each, for people who read the history. Nothing computes with it."""

    @classmethod
    def of(cls, facts: Sequence[ProgramFact]) -> "ProgramFactBatch":
        """Packs facts. Never blocks."""
        return cls(
            packed=packed(_PROGRAM_FACTS.dump_json(tuple(facts))),
            keys=tuple(f"{fact.fact_sequence} {fact.body.kind}" for fact in facts),
        )

    @property
    def facts(self) -> tuple[ProgramFact, ...]:
        """Unpacks them. Raises ValueError for what is no packed facts."""
        return _PROGRAM_FACTS.validate_json(unpacked(self.packed))


@activity.defn(name="publish_program_facts")
async def publish_program_facts(batch: ProgramFactBatch) -> None:
    """As `publish_facts`, for a program's own facts; the schools that a fact admits are started afterwards."""
    raise NotImplementedError("services/bridge/activities.py carries it out")
