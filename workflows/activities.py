"""The one thing a workflow can do to the world: publish facts. Name and types only.

Called by the Temporal shells; carried out by services/bridge/activities.py, which a contract test compares with
this. It must be idempotent: the same fact twice is one fact.
"""

from pydantic import Field
from schemas.fact import Fact
from schemas.model import Tolerant
from temporalio import activity


class FactBatch(Tolerant):
    """Facts of one school, in the order of their sequence."""

    facts: tuple[Fact, ...] = Field(min_length=1)


@activity.defn(name="publish_facts")
async def publish_facts(batch: FactBatch) -> None:
    """Every fact of the batch is durable and on its way to readers, once, or the call raises and nothing is."""
    raise NotImplementedError("services/bridge/activities.py carries it out")
