"""A waived or overridden criterion is shown as what it is on every screen, and the register names roles, not people."""

import json

from schemas.decision import Outcome
from services.console import history, register
from services.console.report import compile_report, page
from services.console.why import Standing
from tests.harness.advisories import Advised, advisory_of
from tests.harness.console import explained
from tests.harness.exceptions import SLOW, Excepted, at_infrastructure
from tests.harness.scenario import CLEAN
from workflows.school import view

TWO_WRONG = SLOW | {"device.enrolled-ratio": 0.5}


def held_back() -> Excepted:
    """A school whose page load is waived, and whose enrolment still says no."""
    return at_infrastructure().hears(TWO_WRONG).waived("page-load", days=20)


def overridden() -> Excepted:
    return at_infrastructure().hears(TWO_WRONG).overridden("page-load")


def entries(school: Excepted, *, audit: bool = False) -> list[register.Entry]:
    return register.compile_register(school.facts, [explained(school).line], audit=audit)


def test_why_says_waived_until_when_and_whose_step_it_stays() -> None:
    [slow] = [each for each in explained(held_back()).criteria if each.criterion_id == "page-load"]
    assert (slow.standing, slow.status, slow.blocks) == (Standing.WAIVED, "waived", False)
    assert slow.sentence.startswith("waived: seen 9 seconds, expected at most 3 seconds")
    assert slow.next_step is not None
    assert "The waiver ends" in slow.next_step
    assert slow.owner == "school-lead"


def test_why_says_overridden_by_two_people() -> None:
    [slow] = [each for each in explained(overridden()).criteria if each.criterion_id == "page-load"]
    assert (slow.standing, slow.status) == (Standing.OVERRIDDEN, "overridden")
    assert "sponsor-state-director" in slow.sentence


def test_the_report_lists_what_is_passed_without_and_calls_none_of_it_met() -> None:
    answers = [explained(held_back(), "school-1", "Alder"), explained(overridden(), "school-2", "Birch")]
    made = compile_report(answers, "wa-2026", held_back().now)
    assert {(each.criterion, each.how, each.schools) for each in made.without_evidence} == {
        ("page-load", Standing.WAIVED, 1), ("page-load", Standing.OVERRIDDEN, 1),
    }  # fmt: skip
    text = page(made)
    assert "None of them is met." in text
    assert ">waived<" in text
    assert ">overridden, by two people<" in text


def test_history_and_temporals_page_tell_it_too() -> None:
    school = at_infrastructure().waived("page-load", days=3)
    told = [history.tell(fact).text for fact in school.facts]
    assert any("G1 was decided: open (waived: page-load)" in text for text in told)
    assert any("G1 opened, by waiver" in text for text in told)
    assert any("granted waiver waiver-0001 of page-load at G1 until" in text for text in told)
    assert "page-load: waived" in view.details(held_back().walk.state)
    assert "page-load: overridden" in view.details(overridden().walk.state)


def test_every_fact_of_an_exception_has_a_sentence() -> None:
    school = at_infrastructure().proposes("page-load").revokes().waived("page-load", waiver_id="waiver-0002", days=2)
    school.hears(SLOW).days_pass(3)
    other = at_infrastructure().overrides_gate("page-load").days_pass(3)
    other.overridden("page-load", override_id="override-0002")
    kinds = {fact.body.kind for fact in (*school.facts, *other.facts)}
    wanted = {"waiver-proposed", "waiver-granted", "waiver-revoked", "waiver-reminded", "waiver-ended",
              "override-proposed", "override-confirmed", "override-lapsed"}  # fmt: skip
    assert wanted <= kinds
    for fact in (*school.facts, *other.facts):
        assert history.tell(fact).text


def test_the_public_register_names_roles_and_the_audit_view_names_ids() -> None:
    for school in (held_back(), overridden()):
        public, audit = entries(school), entries(school, audit=True)
        assert "actor-" not in json.dumps([each.model_dump(mode="json") for each in public])
        assert "note" not in json.dumps([each.model_dump(mode="json") for each in public])
        [entry], [audited] = public, audit
        assert entry.granted_by is not None
        assert audited.audit is not None
        assert audited.audit.proposed_by != audited.audit.granted_by
        assert audited.audit.granted_by is not None
        assert audited.audit.granted_by.startswith("actor-")


def test_the_register_keeps_what_is_over() -> None:
    school = at_infrastructure().hears(TWO_WRONG).waived("page-load", days=2)
    school.proposes("enrolled", act_id="waiver-0002").revokes("waiver-0002").days_pass(3)
    assert {each.id: each.state for each in entries(school)} == {"waiver-0001": "ended", "waiver-0002": "turned-down"}
    assert register.debts(entries(school), school.now) == []


def test_debt_counts_open_waivers_by_district_and_the_days_until_the_first_ends() -> None:
    school = held_back().waived("enrolled", waiver_id="waiver-0002", days=10)
    school.days_pass(0.1)
    [owed] = register.debts(entries(school), school.waivers["waiver-0002"].granted_at)
    assert (owed.waivers, owed.schools, owed.criteria) == (2, 1, {"page-load": 1, "enrolled": 1})
    assert owed.days_until_first_end == 10.0


def test_a_waiver_alone_makes_no_gate_open_in_anybodys_eyes_but_by_name() -> None:
    answer = explained(held_back())
    assert answer.outcome is Outcome.UNMET
    assert "page-load" not in answer.headline


def test_a_hold_over_a_scope_says_how_one_school_passes_it() -> None:
    school = Advised()
    school.signs().hears(CLEAN).hears_of(advisory_of(emergency=True, blocks="all"))
    [held] = [each for each in explained(school).criteria if each.criterion_id.startswith("hold:")]
    assert (held.standing, held.owner) == (Standing.HELD, "state-director")
    assert "firstbell hold bypass" in (held.next_step or "")
    assert "emergency-stop" in held.sentence
