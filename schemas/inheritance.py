"""How a policy names the policy it inherits, and whom it is for. Used by gate.py and variance.py."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.model import Code, Digest, Strict

VarianceId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{7,63}$")]


class PolicyScope(Strict):
    """The schools a policy or a variance is for."""

    kind: Literal["state", "district", "school"]
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,63}$")


class Inherited(Strict):
    """The very document that this one tightens."""

    name: Code
    version: int = Field(ge=1)
    digest: Digest
