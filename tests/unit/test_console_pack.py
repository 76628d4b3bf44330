"""A pack holds no person and no small cell, is the same for the same facts, and is decided again where nothing is hidden."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.fact import Fact, GateDecided
from schemas.model import digest_of
from schemas.school import Role, mint_id
from services.console.commands.program_export import write_folder, write_zip
from services.console.pack.cells import small_cells
from services.console.pack.making import Files, Material, make_pack
from services.console.pack.proving import PackProof, prove_pack, read_pack
from services.console.pack.redaction import ACTOR, private_ids, redact
from services.console.record import UnreadableError
from services.kit.outcome import PermanentError
from tests.harness.console import line_of
from tests.harness.exceptions import SLOW, Excepted
from tests.harness.scenario import CLEAN, SCHOOL, Scenario, document_of

GREY = dict(CLEAN) | {"network.mbps-per-student": 0.8}
SMALL = "device.enrolled-ratio"
NAMES = ("cedar", "elm", "oak")
PEOPLE = ("actor-maryjones", "actor-principal", "actor-districttechnology", "actor-statedirector")


def lives() -> dict[str, Scenario]:
    """One school with leave, one that people approved, one of six devices."""
    excepted = Excepted().signs().held().released().hears(SLOW)
    excepted.waived("page-load").days_pass(2)
    approved = (
        Scenario()
        .signs(Role.PRINCIPAL, name="maryjones")
        .signs(Role.DISTRICT_TECHNOLOGY)
        .hears(GREY)
        .days_pass(4)
        .hears(GREY)
        .answers()
    )
    return {"cedar": excepted, "elm": approved, "oak": Scenario().signs().hears(CLEAN, population=6).days_pass(3)}


LIVES = lives()


def facts_of(name: str, scenario: Scenario) -> list[Fact]:
    """The scenario's facts as those of another school."""
    school = mint_id("test", name)
    return [Fact.model_validate_json(fact.model_dump_json().replace(SCHOOL, school)) for fact in scenario.facts]


def material() -> Material:
    names = sorted(NAMES, key=lambda name: mint_id("test", name))
    return Material(
        "wa-2026", [line_of(LIVES[name], name, f"{name.title()} Elementary") for name in names],
        [fact for name in names for fact in facts_of(name, LIVES[name])],
        {digest_of(document_of()): document_of()}, {digest_of(each.calendar): each.calendar for each in LIVES.values()},
    )  # fmt: skip


def pack(**wanted: Any) -> Files:
    base: dict[str, Any] = {"audit": False, "minimum": 10, "forbidden": PEOPLE}
    return make_pack(material(), **(base | wanted))


PACK = pack()


def tree_of(files: Files, path: str) -> Any:
    return json.loads(files[path])


def decisions(files: Files, name: str) -> dict[str, Any]:
    start = f"decisions/{mint_id('test', name)}"
    return {path: tree_of(files, path) for path in files if path.startswith(start)}


def rows(files: Files, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[path].decode())))


def test_the_material_has_people_leave_and_holds_in_it() -> None:
    kinds = {fact.body.kind for fact in material().facts}
    assert {"waiver-granted", "hold-added", "approval-answered", "sign-off-recorded"} <= kinds
    ids = {each for fact in material().facts for each in private_ids(json.loads(fact.model_dump_json()))}
    assert set(PEOPLE) - {"actor-statedirector"} <= ids
    assert "hold-0001" in ids


def test_no_id_of_a_person_or_an_act_leaves_in_public() -> None:
    ids = {each for fact in material().facts for each in private_ids(json.loads(fact.model_dump_json()))}
    for path, content in PACK.items():
        words = set(re.findall(r"[0-9a-z][0-9a-z-]*", content.decode()))
        assert not words & (ids | set(PEOPLE)), path
        assert not [word for word in words if ACTOR.match(word) and not word.startswith("actor-public")], path
    assert b'"note_id": "' not in b"".join(PACK.values())


def test_who_equals_whom_is_kept_within_a_file_and_order_too() -> None:
    tree = {
        "approvals": [
            {"act_id": "zeta-0001", "actor": {"actor_id": "actor-b"}},
            {"act_id": "alpha-001", "actor": {"actor_id": "actor-a"}},
        ],
        "holds": [{"hold_id": "zeta-0001", "placed_by": {"actor_id": "actor-b", "acting_for": "actor-a"}}],
        "results": [{"criterion_id": "hold:zeta-0001"}, {"criterion_id": "page-load"}], "note_id": "note-0001",
        "school_id": SCHOOL,
    }  # fmt: skip
    told = json.dumps(redact(tree))  # type: ignore[arg-type]
    assert told.count("act-public-0002") == 3
    assert told.count("act-public-0001") == 1
    assert told.count("actor-public0001") == 2
    assert told.count("actor-public0002") == 2
    assert "note" not in told
    assert SCHOOL in told
    assert "page-load" in told


def test_an_id_that_would_leave_stops_the_pack() -> None:
    with pytest.raises(PermanentError, match="nothing was written"):
        pack(forbidden=["infrastructure-check"])


def test_a_population_below_the_minimum_leaves_no_number_behind() -> None:
    hidden = [tree for tree in decisions(PACK, "oak").values() if "/inputs/evidence/" + SMALL in tree["hidden"]]
    assert hidden
    for tree in hidden:
        item = tree["export"]["decision"]["inputs"]["evidence"][SMALL]
        assert (item["value"], item["numerator"], item["population"]) == (None, None, None)
        for result in tree["export"]["decision"]["verdict"]["results"]:
            if result["signal"] == SMALL:
                assert (result["observed"], result["judged"], result["population"]) == (None, None, None)
    originals = {
        each.verdict.evidence_digest
        for fact in material().facts if fact.school_id == mint_id("test", "oak") and isinstance(fact.body, GateDecided)
        for each in [fact.body.decision] if SMALL in each.inputs.evidence
    }  # fmt: skip
    everything = b"".join(PACK.values()).decode()
    assert not [digest for digest in originals if digest in everything], (
        "few numbers are found from their digest by trying"
    )
    for fact in material().facts:
        if isinstance(fact.body, GateDecided) and (SMALL in fact.body.decision.inputs.evidence):
            assert digest_of(fact.body.decision) not in everything


def test_where_one_school_alone_would_be_hidden_the_next_smallest_is_hidden_too() -> None:
    decided = [
        ("district", fact.school_id, fact.body.decision)
        for fact in material().facts
        if isinstance(fact.body, GateDecided)
    ]
    cells = small_cells(decided, 10)
    assert (mint_id("test", "oak"), SMALL) in cells
    assert len({school for school, signal in cells if signal == SMALL}) == 2
    assert small_cells(decided, 2) == frozenset()
    alone = [each for each in decided if each[1] == mint_id("test", "oak")]
    assert {school for school, _ in small_cells(alone, 10)} == {mint_id("test", "oak")}


def test_every_decision_without_hidden_numbers_is_decided_again_and_the_others_are_named() -> None:
    proof = prove_pack(PACK, "pack")
    manifest = tree_of(PACK, "manifest.json")
    assert proof.findings == ()
    assert proof.stands
    assert proof.proved_count + proof.hidden_count == proof.decisions_count == manifest["decisions_count"]
    assert proof.proved_count > 5
    assert proof.hidden_count > 0
    assert set(manifest["not_recomputable"]) <= set(manifest["hidden_numbers"])
    assert "cannot be decided again" in manifest["why_not_recomputable"]
    assert str(len(manifest["not_recomputable"])) in PACK["README.md"].decode()


def test_an_audit_pack_keeps_ids_and_numbers_and_all_of_it_is_decided_again() -> None:
    files = pack(audit=True)
    proof = prove_pack(files, "pack")
    assert (proof.stands, proof.hidden_count) == (True, 0)
    assert proof.proved_count == proof.decisions_count
    everything = b"".join(files.values()).decode()
    assert "actor-maryjones" in everything
    assert "not for publication" in files["README.md"].decode()
    digests = {tree["decision_digest"] for tree in decisions(files, "oak").values()}
    assert digests == {
        digest_of(f.body.decision) for f in facts_of("oak", LIVES["oak"]) if isinstance(f.body, GateDecided)
    }


def test_the_register_and_the_timeline_speak_of_roles() -> None:
    register = rows(PACK, "waivers-and-overrides.csv")
    granted = next(row for row in register if row["kind"] == "waiver-granted")
    assert (granted["criteria"], granted["compensating_control"], granted["number"]) == (
        "page-load",
        "paper-lists",
        "1",
    )
    assert granted["roles"] == f"{Role.PRINCIPAL.value} {Role.STATE_DIRECTOR.value}"
    timeline = rows(PACK, "timeline.csv")
    assert len(timeline) == len(material().facts)
    assert {row["roles"] for row in timeline if row["kind"] == "approval-answered"} == {"district-technology"}
    assert {row["outcome"] for row in timeline if row["kind"] == "gate-decided"} >= {"open", "unmet"}
    statuses = [
        (result["criterion_id"], result["status"])
        for tree in decisions(PACK, "cedar").values() for result in tree["export"]["decision"]["verdict"]["results"]
    ]  # fmt: skip
    assert ("page-load", "waived") in statuses
    assert ("page-load", "met") not in statuses


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.zip", "other.zip"):
        write_zip(tmp_path / name, pack(), private=False)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    write_folder(tmp_path / "folder", pack(), private=False)
    assert read_pack(tmp_path / "folder") == read_pack(tmp_path / "one.zip") == PACK
    write_zip(tmp_path / "audit.zip", pack(audit=True), private=True)
    assert (tmp_path / "audit.zip").stat().st_mode & 0o077 == 0


def tampered(path: str, old: str, new: str) -> PackProof:
    text = PACK[path].decode()
    assert old in text
    return prove_pack(PACK | {path: text.replace(old, new, 1).encode()}, "pack")


def test_a_changed_file_is_named_by_its_path() -> None:
    path = next(path for path in decisions(PACK, "elm"))
    proof = tampered(path, '"attempt": 1', '"attempt": 2')
    assert not proof.stands
    assert any(each.place == path for each in proof.findings)
    assert any(each.place.startswith(f"{path} /decision/") for each in proof.findings)
    assert [each.place for each in tampered("schools.csv", "Cedar", "Elder").findings] == ["schools.csv"]
    gone = {name: content for name, content in PACK.items() if name != "timeline.csv"}
    assert [each.place for each in prove_pack(gone, "pack").findings] == ["timeline.csv"]


def test_another_file_is_no_pack(tmp_path: Path) -> None:
    for files in ({}, {"manifest.json": b"[]"}, {"manifest.json": b"{"}, {"manifest.json": b'{"format": "other"}'}):
        with pytest.raises(UnreadableError):
            prove_pack(files, "pack")
    (tmp_path / "x.zip").write_bytes(b"PK")
    with pytest.raises(UnreadableError):
        read_pack(tmp_path / "x.zip")


def test_a_cell_that_begins_a_formula_is_made_harmless() -> None:
    given = material()
    lines = [given.lines[0].model_copy(update={"school": "=HYPERLINK(1)"}), *given.lines[1:]]
    files = make_pack(
        Material(given.program_id, lines, given.facts, given.policies, given.calendars), audit=False, minimum=10
    )  # fmt: skip
    assert rows(files, "schools.csv")[0]["school"] == "'=HYPERLINK(1)"
