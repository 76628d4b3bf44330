"""`policy migrate` on living schools: it shows, asks, may be repeated, is undone, and the next phase takes it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stack import PrivateStack
from tests.harness.until import until_true
from tests.integration.test_console_live import PROGRAM, ROOT, Life

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
MIGRATE = ("policy", "migrate", PROGRAM)
DEFAULT = ROOT / "deploy" / "policies" / "default.yaml"


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """A small district at its charter, with the first policy, and a second that asks more of networks."""
    with PrivateStack.start(with_rooms=True) as stack:
        living = Life(stack.settings.home, "")
        living.must("directory", "import", *(str(file) for file in sorted((ROOT / "deploy/data").rglob("*.csv"))))
        listing = living.must("directory", "list", "--json").tree
        where = ("--district", min(line["district_id"] for line in listing if 2 <= line["schools_count"] <= 3))
        start = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
        living.must("roster", "rehearse", *where)
        living.must("calendar", "rehearse", *where, "--start", start, "--day-seconds", "1", "--days", "150",
                    "--first-date", "2026-09-01", "--last-day-hours", "720")  # fmt: skip
        living.must(
            "program", "start", PROGRAM, "--policy", "default", *where, "--rehearsal", "--release", "r1", "--yes"
        )
        file = Path(stack.settings.home) / "newer.yaml"
        text = DEFAULT.read_text("utf-8").replace("version: 1", "version: 2", 1)
        text = text.replace("roles: [district-technology, district-curriculum,", "roles: [district-curriculum,", 1)
        file.write_text(text.replace("pass_at: 1.0   # Mbps", "pass_at: 1.2   # Mbps", 1), "utf-8")
        living.must("policy", "store", str(file))
        standings = living.must("program", "status", PROGRAM, "--json").tree["standings"]
        entered = sum(each["schools_count"] for each in standings)
        until_true(lambda: len(living.schools()) == entered, what="the schools in the projection")
        until_true(lambda: not living.type(*MIGRATE, "--to", "default@2", "--plan").code, what="the console to know v2")
        yield living


def answered(life: Life) -> dict[str, Any]:
    """The plan, once every workflow answers in time: a busy worker may be late, which the plan would say."""
    plans: list[dict[str, Any]] = []

    def whole() -> bool:
        plans.append(life.must(*MIGRATE, "--to", "default@2", "--plan", "--json").tree)
        return all(each["before"] is not None for each in plans[-1]["schools"])

    until_true(whole, what="every school to answer", every=0.5)
    return plans[-1]


def test_a_plan_shows_every_school_and_does_nothing(life: Life) -> None:
    plan = answered(life)
    assert {each["school_id"] for each in plan["schools"]} == {each["school_id"] for each in life.schools()}
    assert {each["note"] for each in plan["schools"]} == {"takes it when infrastructure-check opens"}
    assert {(each["before"], each["after"]) for each in plan["schools"]} == {("unmet", "unmet")}
    assert sum(plan["summary"].values()) == len(plan["schools"])
    assert "gave it" not in life.must("school", "history", plan["schools"][0]["school_id"]).out
    assert life.type(*MIGRATE, "--to", "default@9", "--plan").code == 2


def test_nobody_is_migrated_unasked_and_a_repeat_is_one_act(life: Life) -> None:
    count = len(life.schools())
    assert life.type(*MIGRATE, "--to", "default@2", "--stand-in").code == 2, "nobody can be asked here"
    words = (*MIGRATE, "--to", "default@2", "--stand-in", "--yes", "--json")
    first = life.must(*words, "--id", "migrate-live-1").tree
    assert (first["accepted"], first["unanswered"]) == (count, [])
    assert life.must(*words, "--id", "migrate-live-1").tree["accepted"] == count
    other = life.must(*words).tree
    assert (other["accepted"], other["had_it"]) == (0, count)
    back = first["undo"].replace("firstbell ", "").replace("--as ACTOR", "--stand-in --yes --json").split()
    assert life.must(*back).tree["accepted"] == count
    school = life.schools()[0]["school_id"]
    until_true(lambda: "took the pending policy back" in life.must("school", "history", school).out, what="the undo")
    assert life.must("school", "history", school).out.count("gave it policy default v2") == 1


def test_the_next_phase_is_decided_by_the_new_policy_and_verifies(life: Life) -> None:
    life.must(*MIGRATE, "--to", "default@2", "--stand-in", "--yes", "--json")
    life.must("gate", "sign-all", "--program", PROGRAM, "--json")
    school = life.schools()[0]["school_id"]
    taken = "policy default v2"
    until_true(
        lambda: f"{taken}, profile" in life.must("school", "history", school).out
        and "decides from here" in life.must("school", "history", school).out,
        what="the policy taken", within=60,
    )  # fmt: skip
    assert life.must("decision", "verify", school, "--gate", "G0").out.startswith("stands")
    until_true(
        lambda: life.type("decision", "verify", school, "--gate", "G1").out.startswith("stands"),
        what="a decision of G1 that stands", within=30,
    )  # fmt: skip
