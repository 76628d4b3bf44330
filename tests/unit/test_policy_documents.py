"""Documents resolved, faults found, decisions told in sentences and computed again; the same in another process."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.decision import DecisionRecord, Outcome
from schemas.fact import GateDecided
from schemas.gate import Gate, PolicyDocument, Profile, Severity, Share, SignOffs, Soak, Threshold
from schemas.model import canonical_bytes
from schemas.school import GateId, Role
from tests.harness.scenario import CLEAN, LIFE, Scenario, calendar_of, document_of, gate_of, gates
from workflows.policy.authoring.document import lint, profile_for, resolve
from workflows.policy.explain import age, headline, sentence
from workflows.policy.verify import compare, recompute

MBPS = "network.mbps-per-student"


def document(gate: Gate | None = None, **profiles: Profile) -> PolicyDocument:
    base = document_of(gates() | ({GateId.INFRASTRUCTURE: gate} if gate else {}))
    return base.model_copy(update={"profiles": {**base.profiles, **profiles}})


def test_a_lawful_document_has_no_fault() -> None:
    small = Profile(teachers_below=5, gates=gates())
    assert lint(document(small=small)) == ()


@pytest.mark.parametrize(
    ("criterion", "key"),
    [
        (Threshold(id="x-1", signal="no.such-signal", pass_at=1, **LIFE), "signal"),
        (Threshold(id="x-1", signal=MBPS, pass_at=1.001, **LIFE), "pass_at"),
        (Threshold(id="x-1", signal=MBPS, pass_at=-1, **LIFE), "pass_at"),
        (Threshold(id="x-1", signal=MBPS, pass_at=0, **LIFE), "pass_at"),
        (Share(id="x-1", signal="device.enrolled-ratio", pass_at=0, **LIFE), "pass_at"),
        (Soak(id="x-1", signal=MBPS, healthy_at=0, minimum_days=3, evidence_age_days_max=2, **LIFE), "healthy_at"),
        (Threshold(id="x-1", signal="device.enrolled-ratio", pass_at=98, **LIFE), "pass_at"),
        (Threshold(id="x-1", signal=MBPS, pass_at=1, fail_at=1.2, **LIFE), "fail_at"),
        (Threshold(id="x-1", signal="network.page-load-p95-seconds", pass_at=3, fail_at=2, **LIFE), "fail_at"),
        (Threshold(id="x-1", signal=MBPS, pass_at=1, warn_at=0.9, **LIFE), "warn_at"),
        (Share(id="x-1", signal="device.enrolled-ratio", pass_at=0.9, fail_at=0.95, **LIFE), "fail_at"),
        (Share(id="x-1", signal="identity.existing-identity", pass_at=0.9, **LIFE), "signal"),
        (
            Soak(id="x-1", signal=MBPS, healthy_at=1, minimum_days=3, evidence_age_days_max=21, **LIFE),
            "evidence_age_days_max",
        ),
        (Soak(id="x-1", signal=MBPS, healthy_at=0.001, minimum_days=3, evidence_age_days_max=2, **LIFE), "healthy_at"),
        (SignOffs(id="x-1", roles=(Role.COACH, Role.COACH), **LIFE), "roles"),
    ],
)
def test_each_fault_is_named_with_its_path(criterion: Any, key: str) -> None:
    faults = lint(document(gate_of(criterion)))
    assert ("profiles", "standard", "gates", "G1", "criteria", 0, key) in [fault.path for fault in faults]
    assert all("expected" in fault.message for fault in faults)


def test_a_gate_without_a_hard_criterion_is_a_fault() -> None:
    soft = Threshold(id="x-1", signal=MBPS, pass_at=1, severity=Severity.SOFT, **LIFE)
    assert [fault.path[-1] for fault in lint(document(gate_of(soft)))] == ["criteria"]


def test_an_approver_who_signs_the_same_gate_is_a_fault() -> None:
    hard = Threshold(id="x-1", signal=MBPS, pass_at=1, **LIFE)
    signed = SignOffs(id="x-2", roles=(Role.PRINCIPAL,), **LIFE)
    assert [fault.path[-1] for fault in lint(document(gate_of(hard, signed)))] == ["approver"]


def test_profiles_leave_no_school_out_and_do_not_overlap() -> None:
    small, medium = (
        Profile(teachers_below=5, gates=gates()),
        Profile(teachers_at_least=4, teachers_below=20, gates=gates()),
    )
    base = document()
    only = base.model_copy(update={"profiles": {"small": small}})
    assert [fault.path for fault in lint(only)] == [("profiles",)]
    assert len(lint(document(small=small, medium=medium))) == 1
    assert len(lint(document(odd=Profile(teachers_at_least=9, teachers_below=9, gates=gates())))) == 1


def test_the_profile_follows_the_number_of_teachers() -> None:
    both = document(small=Profile(teachers_below=5, gates=gates()))
    assert [profile_for(both, teachers) for teachers in (0, 4.9, 5, 60, None)] == [
        "small", "small", "standard", "standard", "standard",
    ]  # fmt: skip
    with pytest.raises(LookupError, match="without ends"):
        profile_for(both.model_copy(update={"profiles": {"small": both.profiles["small"]}}), None)
    with pytest.raises(LookupError, match="expected profile grand"):
        resolve(both, "grand")


def records() -> list[DecisionRecord]:
    school = (
        Scenario().signs().hears(CLEAN | {MBPS: 0.8}).answers().days_pass(1).hears(CLEAN).days_pass(4, refreshed=True)
    )
    return [fact.body.decision for fact in school.facts if isinstance(fact.body, GateDecided)]


def test_a_record_is_computed_again_byte_for_byte_and_refused_after_one_digit_is_changed() -> None:
    decided = records()
    assert len(decided) > 4
    for record in decided:
        travelled = DecisionRecord.model_validate_json(record.model_dump_json())
        assert compare(travelled, document_of(), calendar_of()) == ()
    text = next(each for each in decided if '"value":0.8,' in each.model_dump_json()).model_dump_json()
    forged = DecisionRecord.model_validate_json(text.replace('"value":0.8,', '"value":1.8,'))
    paths = [difference.path for difference in compare(forged, document_of(), calendar_of())]
    assert "verdict.evidence_digest" in paths
    assert "verdict.results[0].status" in paths


def test_a_forged_verdict_or_another_document_is_named() -> None:
    record = records()[0]
    opened = record.model_copy(update={"verdict": record.verdict.model_copy(update={"outcome": Outcome.OPEN})})
    assert [each.path for each in compare(opened, document_of(), calendar_of())] == ["verdict.outcome"]
    other = document_of().model_copy(update={"version": 2})
    assert {"policy_digest", "policy_version", "verdict.policy_digest"} == {
        each.path for each in compare(record, other, calendar_of())
    }
    assert "calendar_digest" in [each.path for each in compare(record, document_of(), calendar_of(version=2))]
    assert "profile" in [
        each.path for each in compare(record.model_copy(update={"profile": "grand"}), document_of(), calendar_of())
    ]


_AGAIN = """
import sys
from schemas.decision import DecisionRecord
from schemas.model import canonical_bytes
from tests.harness.scenario import calendar_of, document_of
from workflows.policy.verify import recompute
for line in sys.stdin:
    record = DecisionRecord.model_validate_json(line)
    sys.stdout.write(canonical_bytes(recompute(record, document_of(), calendar_of())).decode() + "\\n")
"""


def test_another_process_computes_the_same_bytes() -> None:
    decided = records()
    done = subprocess.run(
        [sys.executable, "-c", _AGAIN], input="\n".join(each.model_dump_json() for each in decided), text=True,
        capture_output=True, check=True, cwd=Path(__file__).parents[2], env={"PYTHONHASHSEED": "77", "PYTHONPATH": "."},
    )  # fmt: skip
    here = [canonical_bytes(recompute(each, document_of(), calendar_of())).decode() for each in decided]
    assert done.stdout.splitlines() == here


def test_a_no_is_told_apart_from_no_evidence() -> None:
    school = Scenario().signs().hears({MBPS: 0.2, "device.enrolled-ratio": 0.5, "network.page-load-p95-seconds": 9.0})
    body = [fact.body for fact in school.facts if isinstance(fact.body, GateDecided)][-1]
    assert isinstance(body, GateDecided)
    verdict, policy = body.decision.verdict, school.walk.state.policy
    criteria = {each.id: each for each in policy.gates[GateId.INFRASTRUCTURE].criteria}
    told = {
        each.criterion_id: sentence(each, criteria[each.criterion_id], now=school.now + timedelta(hours=2))
        for each in verdict.results
    }
    assert (
        told["capacity"] == "no: seen 0.2 Mbps per student, expected at least 1 Mbps per student; observed 2 hours ago"
    )
    assert told["enrolled"] == "no: seen 50 percent (500 of 1000), expected at least 98 percent; observed 2 hours ago"
    assert "expected at most 3 seconds" in told["page-load"]
    assert told["sign-in-steady"] == "don't know: nothing has been seen yet"
    assert headline(verdict, policy) == (
        "G1: don't know, no usable evidence for sign-in-steady; no to capacity, page-load, enrolled"
    )


def test_every_result_of_a_life_has_a_sentence_and_every_verdict_a_headline() -> None:
    policy = Scenario().walk.state.policy
    for record in records():
        assert headline(record.verdict, policy).startswith(record.verdict.gate.value)
        for result in record.verdict.results:
            assert ": " in sentence(result)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "a moment"), (61, "1 minute"), (7200, "2 hours"), (90_000, "1 day")]
)
def test_ages_are_told_in_their_largest_unit(seconds: float, words: str) -> None:
    assert age(seconds) == words
