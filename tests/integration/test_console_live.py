"""The console on a living rehearsal: acts reach workflows, and every panel and alert asks what Prometheus can answer."""

import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.book import queries
from tests.harness.stack import PrivateStack
from tests.harness.until import until_true

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
PROGRAM, STILL = "live", "still"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def tree(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Life:
    """A district whose schools walk, watched by Prometheus."""

    home: Path
    prometheus: str

    def type(self, *words: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *words], capture_output=True, text=True, check=False, timeout=120,
            env={"FIRSTBELL_HOME": str(self.home), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def must(self, *words: str) -> Done:
        done = self.type(*words)
        assert done.code == 0, f"{words}: exit {done.code}\n{done.out}\n{done.err}"
        return done

    def schools(self, program: str = PROGRAM) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.type("school", "list", "--program", program, "--json").tree
        return lines

    def ask(self, expression: str) -> list[dict[str, Any]]:
        wanted = expression.replace("$program", ".*").replace("$district", ".*")
        address = f"http://{self.prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": wanted})
        with urllib.request.urlopen(address, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """One district of six to nine schools, rehearsing with a second for a day; and one school that no source tells of.

    That one stands at its first gate however slow the machine is: nothing is ever known of it.
    """
    with PrivateStack.start(with_rooms=True, with_observability=True) as stack:
        living = Life(stack.settings.home, stack.process("prometheus").addresses["prometheus"])
        living.must("directory", "import", *(str(file) for file in sorted((ROOT / "deploy/data").rglob("*.csv"))))
        listing = living.must("directory", "list", "--json").tree
        walking = min(line["district_id"] for line in listing if 6 <= line["schools_count"] <= 9)
        standing = min(line["district_id"] for line in listing if line["schools_count"] == 1)
        start = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
        for program, district in ((PROGRAM, walking), (STILL, standing)):
            living.must("roster", "rehearse", "--district", district)
            living.must(
                "calendar", "rehearse", "--district", district, "--start", start, "--day-seconds", "1", "--days", "150",
                "--first-date", "2026-09-01", "--last-day-hours", "720",
            )  # fmt: skip
            words = ("--policy", "default", "--district", district, "--rehearsal", "--release", "r1")
            living.must("program", "start", program, *words, "--yes")
        where = ("--district", walking)
        until_true(living.schools, what="the first school in the projection")
        simulator = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "simulate", "run", *where, "--days", "140", "--release", "r1"],
            env={"FIRSTBELL_HOME": str(living.home), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield living
        finally:
            simulator.terminate()
            simulator.wait(30)


def test_a_school_is_explained_by_its_workflow(life: Life) -> None:
    [school, *_] = life.schools()
    answer = until_true_answer(life, school["school_id"])
    assert {each["criterion_id"] for each in answer["criteria"]}


def escalations(life: Life) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = life.must("escalation", "list", "--program", PROGRAM, "--json").tree
    return lines


def test_a_school_that_stands_still_is_escalated_and_somebody_acts(life: Life) -> None:
    until_true(lambda: escalations(life), what="an escalation: nobody signs any plan")
    first = escalations(life)[0]["escalation_id"]
    life.must("escalation", "act", first, "--action", "support", "--stand-in")

    def acted() -> bool:
        return any((each["escalation_id"], each["acted"]) == (first, "support") for each in escalations(life))

    until_true(acted, what="the act in the projection")
    assert "support" in life.must("escalation", "show", first).out


def test_an_outage_of_ours_pauses_every_ladder_until_it_is_over(life: Life) -> None:
    life.must("escalation", "pause", "kafka-away", "--program", PROGRAM, "--yes")
    key = f"incident-operations-{PROGRAM}-kafka-away"
    until_true(lambda: {each["paused_by"] for each in escalations(life)} == {key}, what="every ladder paused")
    [incident] = [each for each in life.must("escalation", "incidents", "--json").tree if each["incident_id"] == key]
    assert (incident["owner"], incident["closed_at"]) == ("operations", None)
    life.must("escalation", "resume", "kafka-away", "--program", PROGRAM, "--yes")
    until_true(lambda: key not in {each["paused_by"] for each in escalations(life)}, what="every ladder going on")


def until_true_answer(life: Life, school_id: str) -> dict[str, Any]:
    """What the school's workflow says, once it answers in time and says why; a busy worker may be late."""
    answers: list[dict[str, Any]] = []

    def look() -> object:
        done = life.type("school", "why", school_id, "--json")
        if not done.out or done.tree["source"] != "workflow":
            return False
        answers.append(done.tree)
        return done.tree["criteria"]

    until_true(look, what=f"an explanation of {school_id}")
    return answers[-1]


def test_a_hold_is_placed_once_shown_and_lifted(life: Life) -> None:
    school = life.schools()[-1]["school_id"]
    words = ("hold", "add", school, "--stand-in", "--reason", "water-damage", "--id", "hold-live-1", "--json")
    first, again = life.must(*words).tree, life.must(*words).tree
    assert first["reply"]["fact_sequence"] == again["reply"]["fact_sequence"], "the same id twice is one act"
    assert first["recorded"] == "recorded as asserted, not authenticated"
    assert "hold:hold-live-1" in {each["criterion_id"] for each in until_true_answer(life, school)["criteria"]}
    refused = life.type("hold", "release", school, "hold-live-9", "--stand-in", "--json")
    assert (refused.code, refused.tree["reply"]["refusal"]) == (4, "unknown-hold")
    assert life.type("gate", "approve", school, "--stand-in", "--reason", "reviewed").code == 4
    life.must("hold", "release", school, "hold-live-1", "--stand-in")
    until_true(lambda: "lifted" in life.type("school", "history", school).out, what="the release as a fact")


def test_charters_are_signed_and_schools_walk(life: Life) -> None:
    assert life.must("gate", "sign-all", "--program", PROGRAM, "--json").tree["refused"] == []
    until_true(
        lambda: [line for line in life.schools() if line["phase"] != "charter"], what="a school past G0", within=60
    )
    school = next(line for line in life.schools() if line["phase"] != "charter")["school_id"]
    assert life.must("decision", "verify", school, "--gate", "G0").out.startswith("stands")


def test_a_waiver_by_two_people_becomes_its_districts_debt(life: Life) -> None:
    def at_the_first_gate() -> list[str]:
        return [line["school_id"] for line in life.schools(STILL) if line["gate"] == "G1"]

    until_true(lambda: life.schools(STILL), what="the school in the projection")
    assert life.must("gate", "sign-all", "--program", STILL, "--json").tree["refused"] == []
    until_true(at_the_first_gate, what="the school at G1", within=60)
    [school] = at_the_first_gate()
    words = ("--reason", "line-ordered", "--instead", "wired-lab", "--id", "waiver-live-1", "--gate", "G1")
    life.must("waiver", "propose", school, "network-speed", *words, "--stand-in")
    life.must("waiver", "grant", school, "waiver-live-1", "--stand-in")
    until_true(lambda: life.type("waiver", "debt", "--json").tree, what="the waiver among its district's debt")


def answered(rows: list[dict[str, Any]]) -> bool:
    return any(row["value"][1] != "NaN" for row in rows)


def test_every_panel_query_answers_with_data(life: Life) -> None:
    def silent() -> list[str]:
        return [f"{where}: {expression}" for where, expression in queries() if not answered(life.ask(expression))]

    last: list[str] = []

    def all_answer() -> bool:
        last[:] = silent()
        return not last

    try:
        until_true(all_answer, what="data for every panel", within=180, every=2)
    except AssertionError:
        pytest.fail("no data for:\n" + "\n".join(last))


def test_every_alert_expression_is_understood_and_its_metrics_are_there(life: Life) -> None:
    groups = yaml.safe_load((ROOT / "deploy/alerts/firstbell.yaml").read_text("utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        life.ask(rule["expr"])
        for name in set(re.findall(r"\bfirstbell_[a-z0-9_]+", rule["expr"])):
            assert answered(life.ask(name)), f"{rule.get('alert') or rule['record']}: {name} has no series"
    with urllib.request.urlopen(f"http://{life.prometheus}/api/v1/rules", timeout=10) as answer:
        loaded = [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in loaded} <= {"ok", "unknown"}
    assert len(loaded) == sum(len(group["rules"]) for group in groups)
