"""One act for many schools, on a living rehearsal: shown first, counted by reason, completed by its id, and taken back."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from tests.harness.stack import PrivateStack
from tests.harness.until import until_true
from tests.integration.test_console_live import Life

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
PROGRAM, POLICY = "many", "rehearsal-people"
OF = ("--program", PROGRAM)
DAY_SECONDS = "60"
"""So long that no dwell of ten days ends while these tests run, and so short that sources speak in seconds."""


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """Six to nine schools before G1, where a person is always asked; the network of one or two is too slow."""
    with PrivateStack.start(with_rooms=True) as stack:
        living = Life(stack.settings.home, "")
        living.must("directory", "import", *(str(file) for file in sorted((ROOT / "deploy/data").rglob("*.csv"))))
        listing = living.must("directory", "list", "--json").tree
        where = ("--district", min(line["district_id"] for line in listing if 6 <= line["schools_count"] <= 9))
        living.must("policy", "store", str(ROOT / "deploy/policies" / f"{POLICY}.yaml"))
        living.must("roster", "rehearse", *where)
        start = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
        living.must(
            "calendar", "rehearse", *where, "--start", start, "--day-seconds", DAY_SECONDS, "--days", "60",
            "--first-date", "2026-09-01", "--last-day-hours", "720",
        )  # fmt: skip
        living.must("program", "start", PROGRAM, "--policy", POLICY, *where, "--rehearsal", "--release", "r1", "--yes")
        simulator = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "simulate", "run", *where, "--days", "50", "--release", "r1"],
            env={"FIRSTBELL_HOME": str(living.home), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until_true(lambda: living.schools(PROGRAM), what="the first school in the projection")

            def signed() -> bool:
                living.type("gate", "sign-all", *OF, "--json")
                return bool(living.schools(PROGRAM)) and {each["gate"] for each in living.schools(PROGRAM)} == {"G1"}

            until_true(signed, what="every charter signed", within=120)
            yield living
        finally:
            simulator.terminate()
            simulator.wait(30)


def shown(life: Life, *words: str) -> Any:
    """The preview: without --yes, JSON asks nobody and nothing is done."""
    answer = life.must(*words, "--stand-in", "--json").tree
    assert (answer["done"], answer["accepted"]) == (False, 0)
    return answer


def schools(answer: Any) -> list[str]:
    return sorted(act["school_id"] for act in answer["acts"])


def test_work_is_opened_everywhere_once_and_closed_everywhere(life: Life) -> None:
    everybody = sorted(each["school_id"] for each in life.schools(PROGRAM))
    words = ("work", "open-all", *OF, "--title", "run-the-drill", "--assignee", "school-lead", "--due-days", "5")
    assert schools(shown(life, *words)) == everybody
    assert life.type(*words, "--stand-in").code == 2, "where nobody can be asked, --yes is wanted"

    def open_work() -> list[str]:
        lines = life.must("work", "list", *OF, "--json").tree
        return sorted(each["place"]["school_id"] for each in lines if each["title"] == "run-the-drill")

    assert open_work() == []
    first = life.must(*words, "--stand-in", "--yes", "--id", "drill-1", "--json").tree
    assert (first["accepted"], first["refused"], first["unanswered"]) == (len(everybody), {}, 0)
    made_of = {str(uuid5(NAMESPACE_OID, f"drill-1/{PROGRAM}/{school}/")) for school in everybody}
    assert {act["reply"]["act_id"] for act in first["acts"]} == made_of, "the same id typed again makes the same acts"
    again = life.must(*words, "--stand-in", "--yes", "--id", "drill-1", "--json").tree
    assert again["accepted"] == len(again["acts"])
    until_true(lambda: open_work() == everybody, what="one work at each school, also after the second time")
    assert shown(life, *words)["acts"] == [], "who has it is left out"
    undo = first["undo"].split(" --as ")[0].replace("CODE", "drill-done").split()[1:]
    closed = life.must(*undo, "--stand-in", "--yes", "--json").tree
    assert closed["accepted"] == len(everybody)
    until_true(lambda: open_work() == [], what="no work")


def test_waivers_are_proposed_where_the_criterion_fails_granted_and_ended(life: Life) -> None:
    propose = ("waiver", "propose-all", "network-speed", *OF, "--instead", "wired-lab", "--reason", "line-ordered")

    def slow() -> list[str]:
        return [each["school_id"] for each in life.schools(PROGRAM) if each["outcome"] == "unmet"]

    until_true(slow, what="a school whose line is slow", within=120)
    until_true(lambda: schools(shown(life, *propose)) == sorted(slow()), what="the slow ones alone, in the preview")
    proposed = life.must(*propose, "--stand-in", "--yes", "--id", "slow-lines-1", "--json").tree
    assert proposed["accepted"] == len(proposed["acts"]) > 0
    grant = ("waiver", "grant-all", "network-speed", *OF)
    until_true(lambda: schools(shown(life, *grant)) == schools(proposed), what="the proposals in the preview")
    granted = life.must(*grant, "--stand-in", "--yes", "--json").tree
    assert granted["accepted"] == len(proposed["acts"])

    def owed() -> int:
        return sum(each["waivers"] for each in life.must("waiver", "debt", *OF, "--json").tree)

    until_true(lambda: owed() == len(proposed["acts"]), what="the waivers among the debt")
    undo = granted["undo"].split(" --as ")[0].replace("CODE", "line-came").split()[1:]
    ended = life.must(*undo, "--stand-in", "--yes", "--json").tree
    assert ended["accepted"] == len(proposed["acts"])
    until_true(lambda: owed() == 0, what="no debt")


def test_asks_are_approved_where_the_person_may_and_refused_by_reason_elsewhere(life: Life) -> None:
    approve = ("gate", "approve-all", *OF, "--reason", "evidence-reviewed")
    until_true(lambda: len(shown(life, *approve)["acts"]) >= 3, what="schools that ask", within=120)
    principal = next(
        each["actor_id"] for each in life.must("roster", "show", "--json").tree if each["role"] == "principal"
    )
    elsewhere = life.type(*approve, "--as", principal, "--yes", "--json")
    assert elsewhere.code == 4
    assert elsewhere.tree["accepted"] == 0
    assert elsewhere.tree["refused"]["scope-does-not-cover-school"] >= 2, (
        "the principal of one school is refused at others"
    )
    done = life.must(*approve, "--stand-in", "--yes", "--id", "approve-1", "--json").tree
    assert done["accepted"] == len(done["acts"]) >= 3
    withdraw = done["undo"].split(" --as ")[0].split()[1:]
    until_true(lambda: schools(shown(life, *withdraw)) == schools(done), what="the approvals in the preview")
    back = life.must(*withdraw, "--stand-in", "--yes", "--json").tree
    assert back["accepted"] == len(done["acts"])
    until_true(lambda: len(shown(life, *approve)["acts"]) >= len(done["acts"]), what="the asks standing again")
    rejected = life.must("gate", "reject-all", *OF, "--reason", "not-yet", "--stand-in", "--yes", "--json").tree
    assert rejected["accepted"] == len(rejected["acts"]) > 0
    assert rejected["undo"] is None
