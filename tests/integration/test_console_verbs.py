"""Verbs that people type seldom, on a living rehearsal: each reaches its workflow, and what it may not do is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stack import PrivateStack
from tests.harness.until import until_true
from tests.integration.test_console_live import Life

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
PROGRAM, WAVES = "verbs", str(ROOT / "deploy/programs/default.yaml")


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """One school that no source tells of: it stands at its first gates however slow the machine is."""
    with PrivateStack.start(with_rooms=True) as stack:
        living = Life(stack.settings.home, "")
        living.must("directory", "import", *(str(file) for file in sorted((ROOT / "deploy/data").rglob("*.csv"))))
        listing = living.must("directory", "list", "--json").tree
        district = min(line["district_id"] for line in listing if line["schools_count"] == 1)
        living.must("roster", "rehearse", "--district", district)
        start = (datetime.now(UTC) + timedelta(seconds=10)).isoformat()
        living.must(
            "calendar", "rehearse", "--district", district, "--start", start, "--day-seconds", "1", "--days", "150",
            "--first-date", "2026-09-01", "--last-day-hours", "720",
        )  # fmt: skip
        words = ("--policy", "default", "--district", district, "--rehearsal", "--release", "r1")
        planned = living.must("program", "plan", PROGRAM, "--waves", WAVES, *words, "--json").tree
        assert living.schools(PROGRAM) == [], "a plan starts nothing"
        assert [wave["schools"] for wave in planned["waves"]] == [1]
        living.must("program", "start", PROGRAM, "--waves", WAVES, *words, "--yes")
        until_true(lambda: living.schools(PROGRAM), what="the school in the projection")
        yield living


def school_of(life: Life) -> str:
    [line] = life.schools(PROGRAM)
    found: str = line["school_id"]
    return found


def reply_of(tree: Any) -> Any:
    return tree.get("reply", tree)


def refused(life: Life, *words: str) -> Any:
    """The reply of an act that was refused."""
    done = life.type(*words, "--json")
    assert done.code == 4, f"{words}: exit {done.code}\n{done.out}\n{done.err}"
    return reply_of(done.tree)


def test_a_program_is_halted_and_resumed_once_an_id(life: Life) -> None:
    assert refused(life, "program", "resume", PROGRAM, "--reason", "devices-replaced", "--stand-in")["refusal"]
    for verb, reason in (("halt", "devices-recalled"), ("resume", "devices-replaced")):
        words = ("program", verb, PROGRAM, "--reason", reason, "--stand-in", "--id", f"{verb}-verbs-1", "--json")
        first, again = reply_of(life.must(*words).tree), reply_of(life.must(*words).tree)
        assert first["accepted"], first
        assert again == first, "the same id twice is one act, and one fact"
    other = ("program", "resume", PROGRAM, "--reason", "devices-replaced", "--stand-in", "--id", "halt-verbs-1")
    assert not refused(life, *other)["accepted"], "another act under an id that is taken is not that act"


def test_a_school_that_waits_for_its_wave_is_told_its_place_and_what_keeps_it_out(life: Life, tmp_path: Path) -> None:
    waves = tmp_path / "waves.yaml"
    waves.write_text(
        (ROOT / "deploy/programs/rehearsal-people.yaml").read_text("utf-8").replace("capacity: 4", "capacity: 1")
    )
    listing = life.must("directory", "list", "--json").tree
    chosen = next(line["district_id"] for line in listing if line["schools_count"] == 2)
    words = ("waits", "--waves", str(waves), "--policy", "default", "--district", chosen, "--rehearsal")
    planned = life.must("program", "plan", *words, "--json").tree
    first, second = (wave["school_ids"][0] for wave in planned["waves"])
    nowhere = life.type("school", "why", second, "--json")
    assert nowhere.code == 2, "it waits in no program yet"
    life.must("program", "start", *words, "--yes")
    until_true(lambda: life.type("school", "show", first, "--program", "waits").code == 0, what="the first to begin")

    def waits() -> bool:
        told = life.type("school", "why", second, "--json")
        return told.code == 1 and [each["limit"] for each in told.tree["binding"]] == ["progress"]

    until_true(waits, what="the second to be told what binds, in whichever program it waits")
    told = life.type("school", "why", second, "--program", "waits", "--json").tree
    assert (told["wave"], told["place"], told["ahead_count"], told["wave_opened"]) == (2, 1, 0, False)
    assert "0 of 1 schools of an earlier wave are there, 1 needed" in told["binds"]
    said = life.type("school", "why", second).out
    assert "not begun" in said
    assert "progress (" in said
    life.must("program", "halt", "waits", "--reason", "devices-recalled", "--stand-in")
    halted = life.type("school", "why", second, "--program", "waits", "--json").tree
    assert [each["limit"] for each in halted["binding"]] == ["line-stopped"]
    assert "firstbell program resume waits" in halted["next_steps"][0]
    shown = life.must("program", "stop", "waits", "--json").tree
    assert (shown["schools"], shown["stopped"]) == (2, False), "it only shows"
    assert life.type("program", "stop", "waits").code == 2, "nobody can be asked"
    assert life.must("program", "stop", "waits", "--yes", "--json").tree["stopped"]


def test_a_document_is_filed_by_one_and_approved_by_another(life: Life) -> None:
    school, digest = school_of(life), "sha256:" + "a" * 64
    words = ("rollout-plan", "--digest", digest, "--program", PROGRAM)
    filed = life.must("document", "file", school, *words, "--stand-in", "--json").tree["actor"]
    other = ("rollout-plan", "--digest", "sha256:" + "b" * 64, "--program", PROGRAM, "--stand-in")
    assert refused(life, "document", "approve", school, *other)["refusal"], "a version that is not on file"
    approved = life.must("document", "approve", school, *words, "--stand-in", "--json").tree["actor"]
    assert approved["actor_id"] != filed["actor_id"]

    def on_file() -> bool:
        [line] = life.must("document", "list", school, "--program", PROGRAM, "--json").tree["documents"]
        seen = (line["digest"], line["author_role"], line["approved_by"])
        return bool(seen == (digest, filed["role"], [approved["role"]]))

    until_true(on_file, what="the document, filed and approved, in the projection")


def test_a_school_whose_accountable_leader_leaves_the_roster_is_escalated_until_it_has_another(
    life: Life, tmp_path: Path
) -> None:
    school = school_of(life)
    people = life.must("roster", "show", "--json").tree
    principal = next(each for each in people if each["role"] == "principal" and each["scope_id"] == school)

    def vacancies() -> list[str]:
        listed = life.must("escalation", "list", "--program", PROGRAM, "--json").tree
        return [each["escalation_id"] for each in listed if each["cause"] == "leader-vacant"]

    def roster(active: str) -> None:
        file = tmp_path / f"roster-{active}.csv"
        file.write_text(
            "actor_id,role,scope_kind,scope,active,stand_in\n"
            f"{principal['actor_id']},principal,school,{school},{active},true\n"
        )
        life.must("roster", "import", str(file))

    assert vacancies() == [], "it has a principal"
    roster("false")
    until_true(vacancies, what="the vacancy to be escalated", within=60)
    told = life.type("school", "why", school, "--program", PROGRAM).out
    assert "leader-vacant" in told
    roster("true")
    until_true(lambda: not vacancies(), what="the escalation to end with a new leader", within=60)


def test_whoever_hands_out_devices_asks_first(life: Life) -> None:
    school = school_of(life)
    asked = ("school", "hand-outs", school, "--program", PROGRAM)
    assert life.must(*asked, "--json").tree["allowed"]
    placed = life.must(
        "hold", "add", school, "--program", PROGRAM, "--reason", "keyboards-recalled", "--blocks", "hand-out",
        "--stand-in", "--json",
    ).tree  # fmt: skip
    told = life.type(*asked, "--json")
    assert (told.code, told.tree["allowed"]) == (1, False)
    hold = told.tree["stops"][0]["by"]
    assert "hand out nothing more" in life.type(*asked).out
    assert reply_of(placed)["accepted"]
    life.must("hold", "release", school, hold, "--program", PROGRAM, "--stand-in")
    assert life.must(*asked, "--json").tree["allowed"]


def test_who_acts_under_a_delegation_is_recorded_with_its_giver(life: Life) -> None:
    school = school_of(life)
    people = {each["role"]: each["actor_id"] for each in life.must("roster", "show", "--json").tree}
    giver, receiver, today = people["principal"], people["coach"], datetime.now(UTC).date()
    sign = ("gate", "sign-off", school, "--as", receiver, "--for", giver)
    assert refused(life, *sign)["refusal"] == "delegation-unknown"
    days = ("--from", str(today - timedelta(days=1)), "--until", str(today + timedelta(days=2)))
    life.must("roster", "delegate", "--as", giver, "--to", receiver, "--role", "principal", *days)
    until_true(lambda: life.type(*sign, "--id", "sign-verbs-1").code == 0, what="the delegation at the console's door")
    actor = life.must(*sign, "--id", "sign-verbs-1", "--json").tree["actor"]
    assert (actor["actor_id"], actor["role"], actor["acting_for"]) == (receiver, "principal", giver)


def test_no_approval_is_withdrawn_that_nobody_gave_and_no_gate_is_opened_by_hand_that_trust_keeps(life: Life) -> None:
    school = school_of(life)
    assert refused(life, "gate", "withdraw", school, "--stand-in")["refusal"] == "no-approval-stands"
    by_hand = ("gate", "advance", school, "--reason", "seen-myself", "--stand-in")
    assert refused(life, *by_hand)["refusal"] == "not-by-hand"
