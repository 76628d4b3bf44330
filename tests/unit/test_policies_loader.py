"""A malformed policy is refused with line, column and key, and never read as permissive."""

from pathlib import Path

import pytest

from schemas.gate import Gate, PolicyDocument, Severity, Share, SignOffs
from schemas.model import digest_of
from schemas.readiness import CATALOGUE
from schemas.school import GateId, Role
from services.policies.loader import PolicyFault, Refused, load
from workflows.policy.authoring.document import profile_for

DEFAULT = (Path(__file__).parents[2] / "deploy" / "policies" / "default.yaml").read_text("utf-8")


def accepted(text: str) -> PolicyDocument:
    document = load(text)
    assert isinstance(document, PolicyDocument), document
    return document


def refused(text: str) -> tuple[PolicyFault, ...]:
    document = load(text)
    assert isinstance(document, Refused), "expected it refused"
    return document.faults


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_default_policy_is_accepted_and_the_same_each_time() -> None:
    assert digest_of(accepted(DEFAULT)) == digest_of(accepted(DEFAULT))


def test_the_default_policy_states_source_owner_and_next_step_of_every_line() -> None:
    for profile in accepted(DEFAULT).profiles.values():
        for gate in profile.gates.values():
            for criterion in gate.criteria:
                assert criterion.next_step[0].isupper()
                assert criterion.next_step.endswith(".")
                assert "esson A" in criterion.source or "default, not a standard" in criterion.source


def test_schools_under_five_teachers_have_a_profile_of_their_own_and_unknown_ones_the_standard() -> None:
    document = accepted(DEFAULT)
    assert [profile_for(document, teachers) for teachers in (4.9, 5.0, None)] == [
        "small-school",
        "standard",
        "standard",
    ]


def test_the_charter_opens_on_signatures_alone() -> None:
    for profile in accepted(DEFAULT).profiles.values():
        (criterion,) = (each for each in profile.gates[GateId.CHARTER].criteria if each.severity is Severity.HARD)
        assert isinstance(criterion, SignOffs)


def test_an_inheriting_profile_is_stored_complete_with_its_changes() -> None:
    document = accepted(DEFAULT)
    standard, small = (document.profiles[name].gates[GateId.BETA] for name in ("standard", "small-school"))
    assert [criterion.id for criterion in small.criteria] == [criterion.id for criterion in standard.criteria]
    assert _share(standard, "first-session").minimum_population == 20
    assert _share(small, "first-session").minimum_population == 5
    assert _share(small, "first-session").pass_at == 0.9


def _share(gate: Gate, criterion_id: str) -> Share:
    found = next(criterion for criterion in gate.criteria if criterion.id == criterion_id)
    assert isinstance(found, Share)
    return found


@pytest.mark.parametrize(
    ("before", "after", "key", "message"),
    [
        ("warn_at: 2.0", "warn_at: two", "network-speed.warn_at", "number"),
        ("warn_at: 2.0", "warn_att: 2.0", "network-speed.warn_att", "no such key"),
        ("warn_at: 2.0", "warn_at: 0.5", "network-speed.warn_at", "better than pass_at"),
        ("warn_at: 2.0", "warn_at:", "", "leave the key out"),
        ("warn_at: 2.0", "warn_at: nan", "network-speed.warn_at", "finite"),
        ("healthy_at: 4.0", "healthy_at: 4.05", "page-load-lasting.healthy_at", "steps of 0.1"),
        ("evidence_age_days_max: 10", "evidence_age_days_max: 60", "evidence_age_days_max", "freshness"),
        ("signal: identity.existing-identity", "signal: identity.existing", "existing-identity.signal", "catalogue"),
        ("id: page-load-lasting", "id: page-load", "G1", "expected one of that id"),
        ("kind: soak", "kind: soap", "page-load-lasting", "kind"),
        ("approver: district-technology", "approver: boss", "G1.approver", "state-director"),
        ("fail_at: 0.7 ", "fail_at: 0.95 ", "first-session.fail_at", "worse than pass_at"),
        ("version: 1", "version: 1\nversion: 2", "", "once"),
        ("semantics: 2", "semantics: 99", "semantics", "less than or equal"),
        ("inherits: standard", "inherits: standart", "small-school.inherits", "inherits nothing"),
        ("          sign-in-works:", "          sign-in-walks:", "change.sign-in-walks", "expected one of"),
        ("waivable: false", "waivable: maybe", "plan-signed.waivable", "bool"),
        ("minimum_days: 30", "minimum_days: 175", "beta-dwell.minimum_days", "a school year"),
        ("evidence_age_days_max: 10", "evidence_age_days_max: 1", "lasting.evidence_age_days_max", "more than 1 day"),
        ("warn_at: 2.0", "variance: {pass_att: [0.8, 1.0]}", "network-speed.variance.pass_att", "a number"),
        ("warn_at: 2.0", "variance: {signal: [0.8, 1.0]}", "network-speed.variance.signal", "a number"),
        ("warn_at: 2.0", "variance: {pass_at: [0.8, 0.9]}", "network-speed.variance.pass_at", "holds pass_at (1)"),
        ("warn_at: 2.0", "variance: {pass_at: [1.0, 0.8]}", "network-speed.variance.pass_at", "holds pass_at (1)"),
        ("warn_at: 2.0", "variance: {pass_at: [0.855, 1.0]}", "network-speed.variance.pass_at", "steps of 0.01"),
    ],
)
def test_a_fault_is_named_by_line_and_key(before: str, after: str, key: str, message: str) -> None:
    assert before in DEFAULT
    text = DEFAULT.replace(before, after, 1)
    faults = refused(text)
    fitting = [fault for fault in faults if key in fault.key and message.casefold() in fault.message.casefold()]
    assert fitting, [fault.words("default.yaml") for fault in faults]
    lines = {line_of(DEFAULT, before) + offset for offset in range(-30, 31)}
    assert any(fault.line in lines for fault in fitting), fitting


def test_an_outcome_is_no_hard_line_before_a_full_term(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "beta.feedback-ratio"
    marked = {**CATALOGUE, name: CATALOGUE[name].model_copy(update={"outcome": True})}
    monkeypatch.setattr("workflows.policy.authoring.undecidable.CATALOGUE", marked)
    (fault,) = refused(DEFAULT)
    assert (fault.key, fault.line) == (
        "profiles.standard.gates.G2.criteria.beta-feedback.signal", line_of(DEFAULT, f"signal: {name}"),
    )  # fmt: skip
    assert "A90" in fault.message
    assert accepted(DEFAULT.replace("id: beta-feedback\n", "id: beta-feedback\n            severity: observe\n", 1))


def test_a_second_profile_without_ends_is_refused_because_no_school_gets_it() -> None:
    (fault,) = refused(DEFAULT + "  tiny: {inherits: standard}\n")
    assert fault.key == "profiles.tiny"
    assert "no school gets tiny" in fault.message


def test_the_line_is_the_very_line_for_a_wrong_value() -> None:
    text = DEFAULT.replace("pass_at: 25.0", "pass_at: many", 1)
    (fault,) = refused(text)
    assert fault.line == line_of(text, "pass_at: many")
    assert fault.key == "profiles.standard.gates.G3.criteria.coach-at-hand.pass_at"
    assert text.splitlines()[fault.line - 1][fault.column - 1 :].startswith("many")


def test_a_gate_left_out_is_refused() -> None:
    start, end = DEFAULT.index("      # Scale's guard"), DEFAULT.index("  # Schools under five")
    assert any("G4" in fault.message for fault in refused(DEFAULT[:start] + DEFAULT[end:]))


def test_an_empty_gate_is_refused() -> None:
    start, end = DEFAULT.index("          - id: plan-signed"), DEFAULT.index("      G1:")
    assert any("G0" in fault.key for fault in refused(DEFAULT[:start].rstrip() + " []\n\n" + DEFAULT[end:]))


def test_a_gate_without_a_hard_criterion_is_refused() -> None:
    text = DEFAULT.replace("kind: sign-offs", "kind: sign-offs\n            severity: soft", 1)
    assert any("hard criterion" in fault.message for fault in refused(text))


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b", "just words", "name: [", "name: &a x\ntitle: *a", "? [a]\n: b", "a: !!python/object:os.system x",
     "[" * 2000, "name: one\n---\nname: two", "\x00", "profiles: {standard: {inherits: standard}}",
     "profiles: {one: {gates: []}, two: {inherits: one}}", "profiles: {one: x, two: {inherits: one}}"],
)  # fmt: skip
def test_no_text_crashes_the_loader_or_passes(text: str) -> None:
    faults = refused(text)
    assert all(fault.line >= 1 and fault.column >= 1 and fault.message for fault in faults)
    assert faults


def test_words_of_yaml_stay_words() -> None:
    assert accepted(DEFAULT.replace("name: default", 'name: "no"', 1)).name == "no"


def test_a_fault_in_an_inherited_line_is_told_once() -> None:
    assert len(refused(DEFAULT.replace("minimum_days: 20", "minimum_days: 2000", 1))) == 1


def test_omitting_and_adding_change_only_that_profile() -> None:
    text = DEFAULT.replace(
        "      G3:\n        change:\n          three-modules:",
        "      G3:\n        approver: principal\n        omit: [small-problems, coach-at-hand]\n        change:\n"
        "          three-modules:",
        1,
    )
    document = accepted(text)
    ids = {name: [c.id for c in profile.gates[GateId.TRAINING].criteria] for name, profile in document.profiles.items()}
    assert set(ids["standard"]) - set(ids["small-school"]) == {"small-problems", "coach-at-hand"}
    assert document.profiles["small-school"].gates[GateId.TRAINING].approver is Role.PRINCIPAL


def test_omitting_what_is_not_there_is_refused() -> None:
    text = DEFAULT.replace("      G3:\n        change:\n", "      G3:\n        omit: [nothing]\n        change:\n", 1)
    assert any("omit" in fault.key and "nothing" in fault.message for fault in refused(text))
