"""The exporter counts what the projection holds: by district, twenty schools by name, holds that no verdict knows of."""

from datetime import UTC, datetime

import pytest

from schemas.fact import Fact
from schemas.metrics import CONSOLE
from schemas.school import mint_id
from services.console.exporter import Exporter
from services.kit.batch import Batch
from services.kit.database import Connection
from services.kit.metrics import Metrics
from tests.harness.exceptions import SLOW, at_infrastructure
from tests.harness.scenario import CLEAN, DISTRICT, Scenario
from tests.integration.test_console_projection import applied, books

__all__ = ["books"]
pytestmark = pytest.mark.stack


async def exported(connection: Connection) -> Metrics:
    metrics = Metrics(CONSOLE)
    async with connection.transaction():
        await Exporter(metrics).refresh(Batch(connection, source="test", now=datetime.now(UTC)))
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_schools_signals_and_criteria_are_counted(books: Connection) -> None:
    values = {name: value for name, value in CLEAN.items() if name != "device.enrolled-ratio"}
    await applied(books, Scenario().signs().hears(values | {"network.page-load-p95-seconds": 9.0}).facts)
    metrics = await exported(books)
    here = {"program": "wa-2026", "district": DISTRICT}
    assert value(metrics, "firstbell_schools", **here, phase="infrastructure-check", outcome="unknown") == 1
    assert (
        value(metrics, "firstbell_signal_schools", **here, signal="network.page-load-p95-seconds", state="misses") == 1
    )
    assert value(metrics, "firstbell_signal_schools", **here, signal="device.enrolled-ratio", state="no-evidence") == 1
    assert value(metrics, "firstbell_signal_schools", **here, signal="network.mbps-per-student", state="meets") == 1
    assert value(metrics, "firstbell_criteria", **here, gate="G1", criterion="page-load", status="unmet") == 1
    assert value(metrics, "firstbell_simulated_schools", program="wa-2026") == 0
    assert value(metrics, "firstbell_picture_mismatches") == 0
    assert value(metrics, "firstbell_facts_waiting") == 0


async def test_a_hold_is_counted_although_no_decision_followed(books: Connection) -> None:
    school = Scenario().signs().hears(CLEAN)
    before = len(school.facts)
    school.held()
    assert "gate-decided" not in school.kinds(before), "or this test proves nothing"
    await applied(books, school.facts)
    counted = value(
        await exported(books), "firstbell_criteria", program="wa-2026", district=DISTRICT, gate="G1", criterion="hold",
        status="waiting",
    )  # fmt: skip
    assert counted == 1


async def test_at_most_twenty_schools_go_by_name(books: Connection) -> None:
    facts = Scenario().facts
    for number in range(25):
        school_id = mint_id("test", f"many-{number}")
        copies: list[Fact] = [fact.model_copy(update={"school_id": school_id}) for fact in facts]
        await applied(books, copies, 100 * number)
    families = {family.name: family for family in (await exported(books)).registry.collect()}
    assert len(families["firstbell_stuck_school_seconds"].samples) == 20
    assert sum(sample.value for sample in families["firstbell_schools"].samples) == 25


async def test_what_is_gone_is_no_longer_exported(books: Connection) -> None:
    metrics = Metrics(CONSOLE)
    exporter = Exporter(metrics)
    await applied(books, Scenario().facts)
    async with books.transaction():
        await exporter.refresh(Batch(books, source="test", now=datetime.now(UTC)))
    assert "firstbell_schools{" in metrics.render().decode()
    await books.execute("update picture set stopped = 'program-over'")
    async with books.transaction():
        await exporter.refresh(Batch(books, source="test", now=datetime.now(UTC)))
    assert "firstbell_schools{" not in metrics.render().decode()


async def test_facts_that_wait_and_pictures_that_differ_are_counted(books: Connection) -> None:
    facts = list(Scenario().signs().facts)
    facts[1] = facts[1].model_copy(update={"picture_digest": "sha256:" + "0" * 64})
    await applied(books, [*facts[:3], *facts[4:]])
    metrics = await exported(books)
    assert value(metrics, "firstbell_picture_mismatches") == 1
    assert value(metrics, "firstbell_facts_waiting") == len(facts) - 4


async def test_waivers_are_debt_and_neither_they_nor_overrides_meet_a_line(books: Connection) -> None:
    slow = SLOW | {"device.enrolled-ratio": 0.5}
    school = at_infrastructure().hears(slow).waived("page-load", days=20)
    other = at_infrastructure().hears(slow).overridden("page-load")
    await applied(books, school.facts)
    await applied(books, [fact.model_copy(update={"school_id": mint_id("test", "b")}) for fact in other.facts], 500)
    metrics = await exported(books)
    here = {"program": "wa-2026", "district": DISTRICT}
    assert value(metrics, "firstbell_waivers_open", **here, criterion="page-load") == 1
    assert value(metrics, "firstbell_waiver_first_end_seconds", **here) is not None
    for status in ("waived", "overridden"):
        assert value(metrics, "firstbell_criteria", **here, gate="G1", criterion="page-load", status=status) == 1
    for state in ("meets", "misses", "no-evidence"):
        assert (
            value(metrics, "firstbell_signal_schools", **here, signal="network.page-load-p95-seconds", state=state)
            is None
        )
