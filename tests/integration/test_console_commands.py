"""What people type, against real tables: answers, JSON, exit codes, and SIMULATED wherever it must stand."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from typer import Typer
from typer.testing import CliRunner, Result

from schemas.gate import Dwell, PolicyDocument, PolicyStored
from schemas.model import digest_of
from schemas.readiness import Missing, Origin, Reading
from schemas.school import ActorRecord, GateId, Role, Scope, ScopeKind, mint_id
from schemas.trust import AdvanceByHand, Trust
from services.console import projection, shelves
from services.console.commands import decision, district, gate, hold, report, school
from services.kit.batch import Batch
from services.kit.database import connect
from services.kit.envelope import Record
from services.kit.settings import Settings
from tests.harness.console import RECORDED, school_record
from tests.harness.scenario import (
    CLEAN,
    DISTRICT,
    LIFE,
    SCHOOL,
    Scenario,
    actor,
    calendar_of,
    document_of,
    gate_of,
    gates,
    policy_of,
)

pytestmark = pytest.mark.stack
ELM, OAK = mint_id("nces", "530000112345"), "22222222-2222-4222-8222-222222222222"
TABLES = ("fact", "picture", "reading", "school", "actor", "document", "calendar_pointer")


@dataclass(frozen=True, slots=True)
class Desk:
    """A terminal whose console has been told of one school."""

    settings: Settings
    environment: dict[str, str]

    async def type(self, app: Typer, *words: str) -> Result:
        runner = CliRunner(env=self.environment)
        return await asyncio.to_thread(runner.invoke, app, list(words))


async def tell(settings: Settings, scenario: Scenario, policy: PolicyDocument | None = None) -> None:
    """The console's tables hold this scenario, two more schools, and two people."""
    connection = await connect(settings, "console")
    stored = [
        school_record(SCHOOL), school_record(ELM, name="Elm Middle"), school_record(OAK, name="Elm High"),
        _actor("actor-p1", Role.PRINCIPAL, Scope(kind=ScopeKind.SCHOOL, id=SCHOOL)),
        _actor("actor-far", Role.PRINCIPAL, Scope(kind=ScopeKind.SCHOOL, id=ELM)),
        _reading("coach.teachers-per-coach", 12.5), _reading("training.modules-complete-ratio", None),
        calendar_of(), PolicyStored(digest=digest_of(policy or document_of()), document=policy or document_of()),
    ]  # fmt: skip
    try:
        async with connection.transaction():
            for table in TABLES:
                await connection.execute(f"delete from {table}")  # noqa: S608  the names above
            batch = Batch(connection, source="test", now=datetime.now(UTC))
            await shelves.keep(batch, [_record(each, n) for n, each in enumerate(stored)])
            await projection.apply_facts(batch, [_record(each, n) for n, each in enumerate(scenario.facts)])
    finally:
        await connection.close()


def _actor(actor_id: str, role: Role, scope: Scope) -> ActorRecord:
    return ActorRecord(
        actor_id=actor_id, role=role, scope=scope, roster_version=1, recorded_at=RECORDED, active=True
    )  # fmt: skip


def _reading(signal: str, value: float | None) -> Reading:
    scope = Scope(kind=ScopeKind.SCHOOL, id=SCHOOL)
    missing = Missing.NO_DENOMINATOR if value is None else None
    return Reading(
        signal=signal, scope=scope, sequence=1, value=value, missing=missing, observed_at=RECORDED, origin=Origin.IMPORTED
    )  # fmt: skip


def _record(value: object, offset: int) -> Record:  # type: ignore[type-arg]
    raw = value.model_dump_json().encode()  # type: ignore[attr-defined]
    return Record("t", 0, offset, 0, None, str(offset), value.ce_type, "test", RECORDED, value, b"", raw, ())  # type: ignore[attr-defined]


@pytest_asyncio.fixture
async def desk(stack: Settings) -> AsyncIterator[Desk]:
    """One school held before G1 by its page load, its enrolment unknown."""
    values = {name: value for name, value in CLEAN.items() if name != "device.enrolled-ratio"}
    await tell(stack, Scenario().signs().hears(values | {"network.page-load-p95-seconds": 9.0}))
    yield Desk(stack, {"FIRSTBELL_HOME": str(stack.home), "FIRSTBELL_TEMPORAL_ADDRESS": "127.0.0.1:1"})


async def test_why_names_observed_required_owner_and_next_step(desk: Desk) -> None:
    answer = await desk.type(school.app, "why", SCHOOL)
    assert answer.exit_code == 1, answer.output
    for words in ("page-load", "9 seconds", "3 seconds", "school-lead", "Repair it.", "measured", "no evidence"):
        assert words in answer.stdout
    assert "as of" in answer.stdout, "Temporal is away, and the answer must say how old it is"


async def test_why_as_json_holds_the_same(desk: Desk) -> None:
    tree = json.loads((await desk.type(school.app, "why", "cedar", "--json")).stdout)
    by_name = {each["criterion_id"]: each for each in tree["criteria"]}
    slow, dark = by_name["page-load"], by_name["enrolled"]
    assert (slow["observed"], slow["required"], slow["standing"], slow["owner"]) == (9.0, 3.0, "no", "school-lead")
    assert (dark["observed"], dark["standing"]) == (None, "no evidence")
    assert tree["source"] == "projection"
    assert tree["line"]["notice"] is None


async def test_a_name_that_fits_several_lists_them(desk: Desk) -> None:
    answer = await desk.type(school.app, "why", "elm")
    assert answer.exit_code == 2
    assert ELM in answer.stderr
    assert OAK in answer.stderr


@pytest.mark.parametrize("name", ["Elm Middle", "530000112345", ELM])
async def test_a_school_in_no_program_is_found_and_says_what_to_do(desk: Desk, name: str) -> None:
    answer = await desk.type(school.app, "show", name)
    assert answer.exit_code == 2
    assert f"program start NAME --school {ELM}" in answer.stderr


async def test_whether_a_school_waits_for_its_wave_nobody_knows_while_temporal_is_away(desk: Desk) -> None:
    answer = await desk.type(school.app, "why", ELM)
    assert answer.exit_code == 3, "no verdict, and no claim that it is nowhere"
    assert "Temporal" in answer.stderr


async def test_nobody_is_told_to_hand_out_devices_while_the_workflow_cannot_be_asked(desk: Desk) -> None:
    answer = await desk.type(school.app, "hand-outs", SCHOOL)
    assert answer.exit_code == 3, "what was remembered may be over"


async def test_lists_filter_by_what_they_say(desk: Desk) -> None:
    lines = json.loads((await desk.type(school.app, "list", "--json", "--district", "fir")).stdout)
    assert [(line["school_id"], line["outcome"]) for line in lines] == [(SCHOOL, "unknown")]
    for words in (("--outcome", "open"), ("--phase", "beta"), ("--program", "other"), ("--district", "nowhere")):
        assert json.loads((await desk.type(school.app, "list", "--json", *words)).stdout) == []


async def test_a_misspelt_filter_is_an_error_not_an_empty_list(desk: Desk) -> None:
    for words in (("--outcome", "opne"), ("--phase", "betta")):
        assert (await desk.type(school.app, "list", *words)).exit_code == 2


async def test_show_tells_every_reading_whichever_gate_asks(desk: Desk) -> None:
    shown = json.loads((await desk.type(school.app, "show", SCHOOL, "--json")).stdout)
    assert shown["school_id"] == SCHOOL
    assert [(each["signal"], each["value"], each["missing"]) for each in shown["readings"]] == [
        ("coach.teachers-per-coach", 12.5, None), ("training.modules-complete-ratio", None, "no-denominator"),
    ]  # fmt: skip
    text = (await desk.type(school.app, "show", SCHOOL)).stdout
    assert "12.5 teachers per coach" in text
    assert "no value: no-denominator" in text


async def test_history_tells_each_fact(desk: Desk) -> None:
    told = json.loads((await desk.type(school.app, "history", SCHOOL, "--json")).stdout)
    assert [each["fact_sequence"] for each in told] == list(range(1, len(told) + 1))
    assert "entered the program" in (await desk.type(school.app, "history", SCHOOL)).stdout


async def test_a_district_is_told_whose_step_frees_whom(desk: Desk) -> None:
    tree = json.loads((await desk.type(district.app, "why", DISTRICT, "--json")).stdout)
    assert {(each["criterion"], each["no"], each["no_evidence"], each["frees"]) for each in tree["groups"]} == {
        ("page-load", 1, 0, 0), ("enrolled", 0, 1, 0),
    }  # fmt: skip


async def test_a_decision_goes_out_and_is_decided_again(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "decision.json"
    file.write_text((await desk.type(decision.app, "show", SCHOOL, "--gate", "G0", "--json")).stdout)
    stands = await desk.type(decision.app, "verify", str(file))
    assert (stands.exit_code, stands.stdout.split(":")[0]) == (0, "stands")
    file.write_text(file.read_text().replace('"roster_version": 1', '"roster_version": 2', 1))
    refused = await desk.type(decision.app, "verify", str(file))
    assert refused.exit_code == 1
    assert "/decision/inputs/" in refused.stdout
    assert (await desk.type(decision.app, "verify", SCHOOL)).exit_code == 0


async def test_exported_decisions_stand_offline_after_the_policies_have_moved_on(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "records"
    written = json.loads((await desk.type(decision.app, "export", SCHOOL, "--out", str(out), "--json")).stdout)
    files = [str(out / name) for name in written["files"]]
    assert sorted(file.name for file in out.iterdir()) == sorted(written["files"])
    assert {name.split("-")[-1] for name in written["files"]} == {"G0.json", "G1.json"}
    program = await desk.type(decision.app, "export", "--program", "wa-2026", "--gate", "G0", "--out", str(out / "p"))
    assert program.exit_code == 0, program.output
    for file in (out / "p").iterdir():
        assert file.read_bytes() == (out / file.name).read_bytes()

    newer = document_of({**gates(), GateId.CHARTER: gate_of(Dwell(id="stay", minimum_days=200, **LIFE))})
    newer = newer.model_copy(update={"version": 2})
    connection = await connect(desk.settings, "console")
    try:
        async with connection.transaction():
            batch = Batch(connection, source="test", now=datetime.now(UTC))
            await shelves.keep(batch, [_record(PolicyStored(digest=digest_of(newer), document=newer), 1)])
            await connection.execute("delete from document where digest = $1", digest_of(document_of()))
    finally:
        await connection.close()
    nowhere = {
        "FIRSTBELL_POSTGRES_DSN": "postgresql://firstbell@127.0.0.1:1/none",
        "FIRSTBELL_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    }
    offline = Desk(desk.settings, desk.environment | nowhere)
    stands = await offline.type(decision.app, "verify", *files)
    assert (stands.exit_code, f"{len(files)} of {len(files)} stand" in stands.stdout) == (0, True), stands.output
    edit(Path(files[0]), '"attempt": 1', '"attempt": 2')
    refused = await offline.type(decision.app, "verify", *files)
    assert refused.exit_code == 1
    assert f"{len(files) - 1} of {len(files)} stand" in refused.stdout
    assert "attempt" in refused.stdout
    absent = await offline.type(decision.app, "verify", str(out / "none.json"))
    assert (absent.exit_code, "decision export" in absent.stderr) == (2, True)


def edit(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new, 1))


async def test_a_stranger_is_refused_with_expected_seen_and_next_step(desk: Desk) -> None:
    for who, code in (("actor-nobody", "actor-unknown"), ("actor-far", "scope-does-not-cover-school")):
        answer = await desk.type(hold.app, "add", SCHOOL, "--as", who, "--reason", "water-damage", "--json")
        assert answer.exit_code == 4, answer.output
        reply = json.loads(answer.stdout)["reply"]
        assert reply["refusal"] == code
        assert reply["expected"]
        assert reply["seen"]
        assert reply["next_step"]


async def test_an_act_without_temporal_is_unavailable_not_refused(desk: Desk) -> None:
    answer = await desk.type(gate.app, "approve", SCHOOL, "--as", "actor-p1", "--reason", "reviewed")
    assert answer.exit_code == 3, answer.output
    assert "Temporal" in answer.stderr


async def test_a_stand_in_acts_in_rehearsals_only(desk: Desk) -> None:
    answer = await desk.type(gate.app, "approve", SCHOOL, "--stand-in", "--reason", "reviewed")
    assert answer.exit_code == 2
    assert "rehearsal" in answer.stderr


async def test_every_screen_of_a_simulated_program_says_so(desk: Desk, tmp_path: Path) -> None:
    scenario = (
        Scenario(rehearsal=True).signs().hears(dict(CLEAN) | {"network.page-load-p95-seconds": 9.0}, simulated=True)
    )
    await tell(desk.settings, scenario)
    html = tmp_path / "report.html"
    for app, *words in (
        (school.app, "list"), (school.app, "show", SCHOOL), (school.app, "why", SCHOOL), (school.app, "history", SCHOOL),
        (district.app, "why"), (decision.app, "show", SCHOOL), (report.app,),
    ):  # fmt: skip
        answer = await desk.type(app, *words)
        assert "SIMULATED" in answer.stdout, words
    for app, *words in (
        (school.app, "list"), (school.app, "why", SCHOOL), (district.app, "why"), (decision.app, "show", SCHOOL),
        (report.app,),
    ):  # fmt: skip
        assert "SIMULATED" in (await desk.type(app, *words, "--json")).stdout, words
    assert (await desk.type(report.app, "--html", str(html))).exit_code == 0
    assert "SIMULATED" in html.read_text()


async def test_the_divergence_of_a_program_is_told_from_its_facts(desk: Desk) -> None:
    observed = gates()[GateId.INFRASTRUCTURE].model_copy(update={"trust": Trust.OBSERVE})
    scenario = (
        Scenario(policy_of(gates() | {GateId.INFRASTRUCTURE: observed}))
        .signs()
        .hears({"network.mbps-per-student": 0.2})
    )
    officer = actor(Role.DISTRICT_TECHNOLOGY, "officer")
    scenario.tell(AdvanceByHand(act_id="act-by-hand", actor=officer, gate=GateId.INFRASTRUCTURE, reason="seen-on-site"))
    assert scenario.reply.accepted
    await tell(desk.settings, scenario)
    answer = await desk.type(report.app, "divergence", "--program", "wa-2026", "--json")
    assert answer.exit_code == 1, answer.output
    (row,) = json.loads(answer.stdout)["rows"]
    assert (row["meeting"], row["advice"], row["opened_by"]) == (
        "person-against-the-machine", "unknown", "district-technology"
    )  # fmt: skip
    assert "capacity" in row["against"]
    assert "person-against" in (await desk.type(report.app, "divergence", "--program", "wa-2026")).stdout
    history = await desk.type(school.app, "history", SCHOOL)
    assert "by hand" in history.stdout


async def test_a_database_that_is_away_is_unavailable(desk: Desk) -> None:
    away = Desk(desk.settings, desk.environment | {"FIRSTBELL_POSTGRES_DSN": "postgresql://firstbell@127.0.0.1:1/none"})
    answer = await away.type(school.app, "list")
    assert answer.exit_code == 3
    assert "stack up" in answer.stderr
