"""The two kinds of model, the constrained texts they are made of, and their one canonical form.

Every file of the language imports this. There is no free text here: a text is a closed enumeration, a code, a
reference or a digest, which is how names, e-mails and remarks about people stay out by construction.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)


class Strict(BaseModel):
    """A raw event or a document: an unknown field is an error, so readers deploy before writers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Tolerant(BaseModel):
    """A reading, fact, Temporal message or workflow state: unknown fields are ignored; it only grows."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Kinded(BaseModel):
    """One of several that are told apart by `kind`, which is therefore written even where defaults are left out."""

    kind: str

    @model_serializer(mode="wrap")
    def _with_its_kind(self, rest: SerializerFunctionWrapHandler) -> dict[str, object]:
        tree: dict[str, object] = rest(self)
        tree.setdefault("kind", self.kind)
        return tree


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
"""An aware instant, normalised to UTC. A naive time is refused."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""A word from somebody's closed list: lower-case kebab-case, at most 63 characters."""

Reference = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9]{0,30}-){1,4}[0-9][0-9a-z]{0,39}$")]
"""The name of a thing in its source, `ticket-4711`: its last part begins with a digit, so that no person's name fits."""

KeyedHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
"""A device serial or staff id, hashed with a key that never leaves its district."""

ActId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{7,63}$")]
"""Chosen by the caller of a command; the same id twice is one act."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""The SHA-256 of a document's canonical bytes."""

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
"""A UUID in its canonical lower-case form."""

REVISION_MAX = 2**53 - 1
"""Integers stay exact in every JSON reader."""


def canonical_bytes(document: BaseModel | dict[str, Any] | list[Any]) -> bytes:
    """The one byte form of a document: JSON, sorted keys, no spaces, UTF-8, no NaN. Any: a JSON tree. Never blocks.

    Fields at their default are left out, so that a model which grows by a defaulted field keeps every digest it had.
    A default is therefore part of the language and never changes.
    """
    tree = document.model_dump(mode="json", exclude_defaults=True) if isinstance(document, BaseModel) else document
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(document: BaseModel | dict[str, Any] | list[Any]) -> str:
    """`sha256:` and the hash of the canonical bytes: equal documents, equal digests, in any process."""
    return "sha256:" + hashlib.sha256(canonical_bytes(document)).hexdigest()
