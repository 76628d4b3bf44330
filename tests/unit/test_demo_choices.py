"""The demo's own choices: districts by seed, one digit changed, figures that are computed."""

import json
from typing import Any

import pytest

from services.demo.acts import _one_digit_changed
from services.demo.closing import group_of
from services.demo.commands import CommandError, call
from services.demo.screen import board, cell
from services.demo.world import Wishes, choose_districts


def listing() -> list[dict[str, Any]]:
    return [
        {"district_id": f"d{number}", "name": f"District {number}", "status": "open", "schools_count": number % 15 + 1}
        for number in range(60)
    ] + [{"district_id": "closed", "name": "Closed District", "status": "closed", "schools_count": 10}]


def wishes(schools: int = 30, seed: int = 7, *districts: str) -> Wishes:
    return Wishes(schools, list(districts), seed, home=None)  # type: ignore[arg-type]


def test_three_districts_with_about_the_schools_asked_for() -> None:
    for seed in range(20):
        chosen = choose_districts(listing(), wishes(seed=seed))
        assert len(chosen) == 3
        assert 24 <= sum(line["schools_count"] for line in chosen) <= 36


def test_the_same_seed_chooses_the_same_districts() -> None:
    first = choose_districts(listing(), wishes(seed=3))
    assert first == choose_districts(list(reversed(listing())), wishes(seed=3))
    assert any(choose_districts(listing(), wishes(seed=seed)) != first for seed in range(4, 10))


def test_many_schools_take_as_many_districts_as_it_needs() -> None:
    chosen = choose_districts(listing(), wishes(200))
    assert sum(line["schools_count"] for line in chosen) >= 200
    assert "closed" not in {line["district_id"] for line in chosen}


def test_a_district_that_fits_several_names_is_refused_by_name() -> None:
    assert [line["district_id"] for line in choose_districts(listing(), wishes(30, 7, "District 7"))] == ["d7"]
    with pytest.raises(CommandError, match="expected one district"):
        choose_districts(listing(), wishes(30, 7, "District"))


def test_one_digit_of_one_value_is_changed() -> None:
    record = {"record": {"inputs": {"evidence": {"a": {"value": None}, "b": {"value": 2.23}}}}}
    changed = json.loads(_one_digit_changed(json.dumps(record)))
    assert changed["record"]["inputs"]["evidence"]["b"]["value"] == 2.24
    assert changed["record"]["inputs"]["evidence"]["a"] == {"value": None}


@pytest.mark.parametrize(
    ("phase", "outcome", "expected"),
    [
        ("scale", "unknown", "reached scale"),
        ("beta", "unmet", "held by evidence"),
        ("beta", "unknown", "held for missing evidence"),
        ("training", "needs-approval", "asked and unanswered"),
        ("beta", "waiting", "waiting for time"),
    ],
)
def test_each_school_is_in_one_group(phase: str, outcome: str, expected: str) -> None:
    assert group_of({"phase": phase, "outcome": outcome}) == expected


def test_the_board_tells_no_apart_from_no_evidence() -> None:
    lines = [
        {"district": "D", "phase": "beta", "outcome": outcome} for outcome in ("unmet", "unknown", "unknown", "open")
    ]
    assert cell(lines) == "1 no, 2 don't know, 1 open"
    assert board(lines, "t").row_count == 1


def test_a_command_answers_with_its_exit_code_and_both_streams() -> None:
    answer = call("event", "sample", "network-probe-completed")
    assert answer.code == 0
    assert answer.tree["type"].endswith("network-probe-completed.v1")
    assert call("event", "send", "/does/not/exist").code != 0
