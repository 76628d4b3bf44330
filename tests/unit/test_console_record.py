"""A decision's file is decided again by anybody, and one changed digit is refused by place."""

import json
from typing import Any

import pytest

from schemas.fact import Fact, GateDecided
from services.console.record import DecisionExport, UnreadableError, export, prove, seals_of
from tests.harness.scenario import CLEAN, Scenario, calendar_of, document_of


def exported(simulated: bool = False) -> tuple[DecisionExport, dict[str, Any]]:
    school = (
        Scenario(rehearsal=simulated).signs().hears(CLEAN, simulated=simulated).days_pass(4, refreshed=not simulated)
    )
    opened: list[Fact] = [
        fact for fact in school.facts
        if isinstance(fact.body, GateDecided) and fact.body.decision.inputs.gate == "G1"
    ]  # fmt: skip
    made = export(opened[-1], "Cedar Elementary", False, document_of(), calendar_of())
    return made, json.loads(made.model_dump_json())


def test_an_untouched_record_stands() -> None:
    made, _ = exported()
    proof = prove(made.model_dump_json(indent=2))
    assert proof.findings == ()
    assert proof.stands
    assert proof.recomputed == made.decision.verdict


def digits(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of the file that holds a digit, seals aside."""
    if isinstance(tree, dict):
        return [each for key, part in tree.items() if (path or key != "seals") for each in digits(part, (*path, key))]
    if isinstance(tree, list):
        return [each for index, part in enumerate(tree) for each in digits(part, (*path, index))]
    holds = not isinstance(tree, bool) and tree is not None and any(sign.isdigit() for sign in str(tree))
    return [path] if holds else []


def turned(value: Any) -> Any:
    """The value with one digit changed."""
    text = str(value)
    at = max(index for index, sign in enumerate(text) if sign.isdigit())
    changed = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
    return changed if isinstance(value, str) else type(value)(changed)


def test_one_changed_digit_anywhere_is_refused_by_place() -> None:
    _, tree = exported()
    places = [path for path in digits(tree) if path[0] not in ("calendar", "policy")]
    places += [path for path in digits(tree) if path[0] in ("calendar", "policy")][::29]
    assert len(places) > 80
    for path in places:
        copy = json.loads(json.dumps(tree))
        holder = copy
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = turned(holder[path[-1]])
        if path == ("format",):
            with pytest.raises(UnreadableError):
                prove(json.dumps(copy))
            continue
        proof = prove(json.dumps(copy))
        assert not proof.stands, f"changed {path} unnoticed"
        shown = "/" + "/".join(map(str, path))
        assert any(shown.startswith(each.place) for each in proof.findings if each.place.startswith("/")), path


def test_a_changed_observation_is_refused_even_with_seals_made_anew() -> None:
    from services.console.record import seals_of

    _, tree = exported()
    tree["decision"]["inputs"]["evidence"]["network.mbps-per-student"]["value"] = 0.1
    tree["seals"] = seals_of(tree)
    proof = prove(json.dumps(tree))
    assert not proof.stands
    assert "verdict.outcome" in [each.place for each in proof.findings]


def test_a_simulated_record_says_so() -> None:
    made, _ = exported(simulated=True)
    assert made.notice == "SIMULATED"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', "null", "7"])
def test_another_file_is_no_record(text: str) -> None:
    with pytest.raises(UnreadableError):
        prove(text)


@pytest.mark.parametrize("spoilt", ["NaN", "1e999", "-Infinity", '"\\ud800"', "[" * 100_000])
def test_a_value_that_no_seal_can_be_made_of_is_unreadable(spoilt: str) -> None:
    made, _ = exported()
    text = made.model_dump_json().replace('"fact_sequence":', f'"fact_sequence":{spoilt},"then":', 1)
    with pytest.raises(UnreadableError):
        prove(text)


@pytest.mark.parametrize(("key", "value"), [("rehearsal", True), ("school_id", "11111111-2222-5333-8444-555555555555")])
def test_what_the_file_says_of_itself_must_agree_with_its_inputs(key: str, value: object) -> None:
    _, tree = exported()
    tree[key] = value
    tree["seals"] = seals_of(tree)
    proof = prove(json.dumps(tree))
    assert not proof.stands
    assert [each.place for each in proof.findings] == [f"/{key}"]
