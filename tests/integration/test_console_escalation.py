"""Escalations and work as people see them and type about them, against real tables."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from schemas.gate import PolicyDocument
from schemas.ladder import Ladder, Rung, WorkLine
from schemas.metrics import CONSOLE
from schemas.school import GateId, Role
from services.console.commands import escalation, school, work
from services.console.exporter import Exporter
from services.kit.batch import Batch
from services.kit.database import connect
from services.kit.metrics import Metrics
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN, SCHOOL, Scenario, document_of, gates
from tests.integration.test_console_commands import Desk, tell
from workflows.policy.authoring.document import resolve

pytestmark = pytest.mark.stack
LADDER = Ladder(rungs=(Rung(roles=(Role.SCHOOL_LEAD,)), Rung(roles=(Role.PRINCIPAL,), after_days=1),
                       Rung(roles=(Role.DISTRICT_TECHNOLOGY,), after_days=5)))  # fmt: skip


def document() -> PolicyDocument:
    of_gates = {
        key: gate.model_copy(update={"blocked_ladder": "usual", "blocked_after_days": 2})
        for key, gate in gates().items()
    }
    line = WorkLine(title="fix-cabling", assignee=Role.DISTRICT_TECHNOLOGY, due_days=3)
    network = of_gates[GateId.INFRASTRUCTURE]
    criteria = tuple(
        each.model_copy(update={"work_item": line}) if each.id == "page-load" else each for each in network.criteria
    )
    of_gates[GateId.INFRASTRUCTURE] = network.model_copy(update={"criteria": criteria})
    return document_of(of_gates).model_copy(update={"ladders": {"usual": LADDER}})


def scenario() -> Scenario:
    """A school whose slow pages were escalated to its principal."""
    blocked = Scenario(resolve(document(), "standard")).signs().hears(CLEAN | {"network.page-load-p95-seconds": 9.0})
    return blocked.days_pass(3.5)


def escalation_id(life: Scenario) -> str:
    [found] = life.walk.state.picture.escalations
    return found


@pytest_asyncio.fixture
async def desk(stack: Settings) -> AsyncIterator[Desk]:
    await tell(stack, scenario(), document())
    yield Desk(stack, {"FIRSTBELL_HOME": str(stack.home), "FIRSTBELL_TEMPORAL_ADDRESS": "127.0.0.1:1"})


async def test_the_list_says_how_far_each_has_climbed_and_who_is_next(desk: Desk) -> None:
    [line] = json.loads((await desk.type(escalation.app, "list", "--json")).stdout)
    assert (line["cause"], line["rung"], line["rungs_count"], line["told"]) == (
        "gate-blocked", 2, 3, ["school-lead", "principal"],
    )  # fmt: skip
    assert line["next_at"] is not None
    assert line["place"]["school_id"] == SCHOOL
    table = await desk.type(escalation.app, "list")
    for words in ("gate-blocked", "2 of 3", "principal", line["escalation_id"]):
        assert words in table.stdout


async def test_filters_leave_out_what_does_not_fit(desk: Desk) -> None:
    for words in (("--cause", "waiver-ending"), ("--role", "state-director"), ("--program", "x"), ("--district", "y")):
        assert json.loads((await desk.type(escalation.app, "list", "--json", *words)).stdout) == []
    fitting: tuple[tuple[str, ...], ...] = (
        ("--cause", "gate-blocked"),
        ("--role", "principal"),
        ("--unacknowledged",),
        ("--district", "fir"),
    )
    for fit in fitting:
        assert len(json.loads((await desk.type(escalation.app, "list", "--json", *fit)).stdout)) == 1
    assert (await desk.type(escalation.app, "list", "--cause", "weather")).exit_code == 2


async def test_show_tells_it_from_its_beginning(desk: Desk) -> None:
    whole = escalation_id(scenario())
    answer = await desk.type(escalation.app, "show", whole[:20])
    assert answer.exit_code == 0, answer.output
    for words in ("gate-blocked at G1 was escalated", "rung 1", "school-lead told", "rung 2", "principal told"):
        assert words in answer.stdout
    assert (await desk.type(escalation.app, "show", "escalation-0000")).exit_code == 2


async def test_why_tells_who_was_told_and_who_is_next(desk: Desk) -> None:
    answer = await desk.type(school.app, "why", SCHOOL)
    assert "escalated: gate-blocked at G1 (page-load): rung 2 of 3, school-lead, principal told" in " ".join(
        answer.stdout.split()
    )
    assert "next: district-technology on" in " ".join(answer.stdout.split())
    assert "work: fix-cabling, district-technology, overdue" in answer.stdout


async def test_taking_it_needs_a_server_and_one_id_that_is_open(desk: Desk) -> None:
    whole = escalation_id(scenario())
    away = await desk.type(escalation.app, "ack", whole, "--as", "actor-p1")
    assert away.exit_code == 3, away.output
    unknown = await desk.type(escalation.app, "ack", "escalation-0000", "--as", "actor-p1")
    assert unknown.exit_code == 2
    acting = await desk.type(escalation.app, "act", whole, "--action", "pray", "--as", "actor-p1")
    assert acting.exit_code == 2


async def test_what_has_closed_is_refused(desk: Desk) -> None:
    life = scenario()
    whole = escalation_id(life)
    await tell(desk.settings, life.hears(CLEAN), document())
    answer = await desk.type(escalation.app, "ack", whole, "--as", "actor-p1")
    assert answer.exit_code == 4, answer.output
    assert "seen it closed" in answer.stderr


async def test_work_is_listed_with_its_evidence(desk: Desk) -> None:
    [line] = json.loads((await desk.type(work.app, "list", "--overdue", "--json")).stdout)
    assert (line["title"], line["criterion_id"], line["evidence"]) == (
        "fix-cabling", "page-load", ["network.page-load-p95-seconds"],
    )  # fmt: skip
    assert json.loads((await desk.type(work.app, "list", "--assignee", "coach", "--json")).stdout) == []


async def test_the_exporter_counts_escalations_by_rung_and_open_work(desk: Desk) -> None:
    metrics = Metrics(CONSOLE)
    connection = await connect(desk.settings, "console")
    try:
        await Exporter(metrics).refresh(Batch(connection, source="test", now=datetime.now(UTC)))
    finally:
        await connection.close()
    here = {"program": "wa-2026", "district": "Fir School District"}

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, here | labels)

    assert value("firstbell_escalations_open", cause="gate-blocked", rung="2") == 1
    assert value("firstbell_work_items_open", overdue="yes") == 1
    owners = {"program": "wa-2026", "owner": "provisioning"}
    assert metrics.registry.get_sample_value("firstbell_incidents_open", owners) == 0
