"""The promise of the kit, on real Kafka and PostgreSQL: every record has exactly one effect, to the unit."""

import pytest

from tests.integration.test_kit_lab import COUNTS, Lab, Tick, lab

__all__ = ["lab"]
pytestmark = pytest.mark.stack


def conserved(counts: dict[str, int]) -> bool:
    return counts["moved"] == sum(counts[name] for name in COUNTS)


async def test_every_record_has_one_effect(lab: Lab) -> None:
    await lab.send([Tick(id=f"t{n}") for n in range(5000)])
    lab.start()
    counts = await lab.moved(5000)
    assert counts["applied"] == 5000
    assert conserved(counts)
    assert [tuple(row) for row in await lab.query("select count(*), max(times) from effect")] == [(5000, 1)]
