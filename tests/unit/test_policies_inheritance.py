"""A district's policy tightens its state's; it loosens nothing but a declared line under an approved variance."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from schemas.gate import PolicyDocument, Threshold
from schemas.inheritance import PolicyScope
from schemas.model import digest_of
from schemas.school import GateId, Role, Scope, ScopeKind
from schemas.variance import Variance
from services.policies.loader import Library, PolicyFault, Refused, load
from tests.harness.scenario import DISTRICT, SCHOOL, actor
from workflows.policy.authoring.inheritance import document_for, faults_of, heirs_of, provenance, root_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
STATE = (Path(__file__).parents[2] / "deploy" / "policies" / "default.yaml").read_text("utf-8").replace(
    "warn_at: 2.0   # default, not a standard",
    "warn_at: 2.0\n            variance: {pass_at: [0.8, 1.0]}", 1,
)  # fmt: skip
FRAME = f"""
name: spokane
version: 1
title: Spokane's own policy
inherits: default@1
scope: {{kind: district, id: {DISTRICT}}}
profiles:
  standard:
    gates:
      G1:
"""
TIGHTER = FRAME + "        change: {network-speed: {pass_at: 1.2}}\n"
LOOSER = FRAME + "        change:\n          network-speed:\n            pass_at: 0.9\n"


@lru_cache
def state() -> PolicyDocument:
    document = load(STATE)
    assert isinstance(document, PolicyDocument), document
    return document


def library(*variances: Variance, parents: Iterable[PolicyDocument] = ()) -> Library:
    known = {f"{each.name}@{each.version}": each for each in (state(), *parents)}
    return Library(known.get, variances, NOW)


def variance(**changes: Any) -> Variance:
    base = {
        "variance_id": "variance-0001", "policy_name": "default", "profile": "standard", "gate": GateId.INFRASTRUCTURE,
        "criterion_id": "network-speed", "line": "pass_at", "value": 0.9, "reason": "rural-line",
        "scope": PolicyScope(kind="district", id=DISTRICT), "requested_at": NOW, "answer": "approved",
        "requested_by": actor(Role.DISTRICT_TECHNOLOGY, scope=Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)),
    }  # fmt: skip
    return Variance.model_validate(base | changes)


def accepted(text: str, *variances: Variance, parents: Iterable[PolicyDocument] = ()) -> PolicyDocument:
    document = load(text, library(*variances, parents=parents))
    assert isinstance(document, PolicyDocument), document
    return document


def refused(text: str, *variances: Variance) -> tuple[PolicyFault, ...]:
    found = load(text, library(*variances))
    assert isinstance(found, Refused)
    return found.faults


def line(document: PolicyDocument, profile: str = "standard") -> Threshold:
    found = document.profiles[profile].gates[GateId.INFRASTRUCTURE].criteria[0]
    assert isinstance(found, Threshold)
    return found


def test_a_tighter_document_is_stored_complete_and_names_its_parent() -> None:
    document = accepted(TIGHTER)
    assert (line(document).pass_at, line(document, "small-school").pass_at) == (1.2, 1.0)
    assert document.inherits is not None
    assert document.inherits.digest == digest_of(state())
    assert document.variances == ()
    assert set(document.profiles["standard"].gates) == set(GateId)
    assert document.ladders == state().ladders


def test_a_document_that_changes_nothing_has_its_parents_gates() -> None:
    same = accepted(FRAME.split("profiles:")[0])
    assert same.profiles == state().profiles
    again = PolicyDocument.model_validate_json(same.model_dump_json())
    assert digest_of(again) == digest_of(same)
    assert faults_of(state(), same, (), NOW) == ()


def test_resolution_is_idempotent() -> None:
    """What inherits a document and says nothing of its own gives each school just what that document gives."""
    once = accepted(TIGHTER)
    text = FRAME.split("profiles:")[0].replace("default@1", "spokane@1").replace("name: spokane", "name: one-school")
    twice = accepted(text.replace("kind: district", "kind: school"), parents=(once,))
    assert twice.profiles == once.profiles


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (LOOSER, "network-speed.pass_at", "variance within 0.8 to 1"),
        (FRAME + "        change: {page-load: {pass_at: 5.0}}\n", "page-load.pass_at", "declares no range"),
        (FRAME + "        change: {infrastructure-dwell: {minimum_days: 5}}\n", "minimum_days", "no looser than"),
        (FRAME + "        omit: [page-load]\n", "G1.criteria", "seen it left out"),
        (FRAME + "        approver: school-lead\n", "G1.approver", "no looser than"),
        (TIGHTER.replace("default@1", "default@7"), "inherits", "expected a stored policy"),
        (TIGHTER.replace("name: spokane", "name: default"), "name", "a name of its own"),
        (TIGHTER.replace("version: 1", "version: 1\nsemantics: 1"), "semantics", "expected 2"),
        (TIGHTER.replace("version: 1", "version: 1\nalarms: []"), "alarms", "leave it out to inherit it"),
        ("\n".join(row for row in TIGHTER.splitlines() if "scope" not in row), "scope", "whom it is for"),
        (FRAME + "        change: {no-such: {pass_at: 5.0}}\n", "no-such", "expected one of"),
    ],
)  # fmt: skip
def test_what_an_heir_may_not_is_refused_with_line_and_key(text: str, key: str, words: str) -> None:
    faults = refused(text)
    fitting = [fault for fault in faults if key in fault.key and words in fault.message]
    assert fitting, [fault.words("spokane.yaml") for fault in faults]
    assert all(1 <= fault.line <= len(text.splitlines()) for fault in faults)


def test_the_line_named_is_the_files_own() -> None:
    (fault,) = refused(LOOSER)
    assert LOOSER.splitlines()[fault.line - 1].strip() == "pass_at: 0.9"


def test_an_approved_variance_lets_a_declared_line_go_so_far_and_no_further() -> None:
    document = accepted(LOOSER, variance())
    assert line(document).pass_at == 0.9
    assert document.variances == ("variance-0001",)
    assert refused(LOOSER.replace("0.9", "0.85"), variance())
    assert refused(LOOSER.replace("0.9", "0.7"), variance(value=0.7)), "outside the declared range, whoever approved"


@pytest.mark.parametrize(
    "change",
    [
        {"answer": None}, {"answer": "rejected"}, {"expires_at": NOW}, {"policy_name": "other"}, {"line": "warn_at"},
        {"profile": "small-school"}, {"gate": GateId.BETA}, {"criterion_id": "page-load"},
        {"scope": PolicyScope(kind="district", id="elsewhere")}, {"scope": PolicyScope(kind="school", id=DISTRICT)},
    ],
)  # fmt: skip
def test_a_variance_that_is_not_this_one_or_not_standing_allows_nothing(change: dict[str, Any]) -> None:
    assert refused(LOOSER, variance(**change))
    assert accepted(LOOSER, variance(expires_at=NOW + timedelta(seconds=1)))


def test_an_heir_may_narrow_a_range_and_not_widen_it() -> None:
    narrower = FRAME + "        change: {network-speed: {variance: {pass_at: [0.9, 1.0]}}}\n"
    assert accepted(narrower)
    assert refused(narrower.replace("0.9", "0.5"))


def test_without_the_stored_policies_an_heir_is_refused() -> None:
    found = load(TIGHTER)
    assert isinstance(found, Refused)
    assert found.faults[0].key == "inherits"


def test_a_school_gets_the_narrowest_document_that_is_for_it_and_of_this_root() -> None:
    root = state()
    district = accepted(TIGHTER)
    text = TIGHTER.replace("default@1", "spokane@1").replace("name: spokane", "name: one-school").replace("1.2", "1.4")
    school = accepted(text.replace(f"district, id: {DISTRICT}", f"school, id: {SCHOOL}"), parents=(district,))
    stored = {digest_of(each): each for each in (district, school)}
    heirs = heirs_of(digest_of(root), stored)
    top = (digest_of(root), root)
    assert document_for(top, heirs, SCHOOL, DISTRICT, "WA")[1].name == "one-school"
    assert document_for(top, heirs, "another", DISTRICT, "WA")[1].name == "spokane"
    assert document_for(top, heirs, "another", "elsewhere", "WA")[1].name == "default"
    assert root_of(digest_of(school), stored) == digest_of(root)
    assert heirs_of("sha256:" + "0" * 64, stored) == ()


def test_each_line_says_whose_it_is() -> None:
    district = accepted(TIGHTER)
    lines = {(each.gate, each.criterion_id, each.field): each for each in provenance([state(), district], "standard")}
    changed = lines[GateId.INFRASTRUCTURE, "network-speed", "pass_at"]
    kept = lines[GateId.INFRASTRUCTURE, "network-speed", "warn_at"]
    assert (changed.value, changed.policy) == (1.2, "spokane v1")
    assert (kept.value, kept.policy) == (2.0, "default v1")
