"""An advisory holds exactly the schools it matches, fails closed where it cannot be known, and lifts itself."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.advisory import Advisory
from schemas.decision import Hold, HoldKind
from schemas.message import AddHold
from schemas.rules import AdvisoryRules, ExceptionRules
from schemas.school import Phase, Role, Scope, ScopeKind
from tests.harness.advisories import Advised, advisory_of, exemption, fact_is
from tests.harness.exceptions import STATE
from tests.harness.scenario import CLEAN, DISTRICT, ELSEWHERE, SCHOOL, actor, calendar_of, context_of, policy_of
from workflows.policy.holds import blocking


def district(of: str) -> Scope:
    return Scope(kind=ScopeKind.DISTRICT, id=of)


def modelled(code: str | None = "device-model-cb11", version: int = 2) -> Any:
    return context_of(version=version, extra_codes=() if code is None else (code,))


def ready() -> Advised:
    """A school before G1 that lacks only its two days."""
    school = Advised()
    school.signs().hears(CLEAN)
    return school


def test_an_advisory_that_matches_holds_the_school_and_one_that_does_not_leaves_it_alone() -> None:
    high, elementary = fact_is("level", "high"), fact_is("level", "elementary")
    assert ready().hears_of(advisory_of(high)).held_by == []
    school = ready().hears_of(advisory_of(elementary)).days_pass(3)
    assert (school.held_by, school.phase) == (["advisory-0001"], Phase.INFRASTRUCTURE_CHECK)
    assert (school.outcome, "hold:advisory-0001" in school.statuses) == ("waiting", False)


def test_it_lifts_itself_when_the_school_no_longer_matches_and_holds_again_when_it_does() -> None:
    school = ready().learns(modelled())
    school.hears_of(advisory_of(fact_is("device-model", "cb11")))
    assert school.held_by == ["advisory-0001"]
    school.learns(modelled("device-model-cb12", 3))
    assert (school.held_by, school.causes()) == ([], ["unmatched"])
    school.learns(modelled("device-model-cb11", 4))
    assert school.held_by == ["advisory-0001"]


def test_details_of_readings_are_facts_too_but_not_those_of_a_reading_without_a_value() -> None:
    told = advisory_of(fact_is("os-build", "r129"))
    school = ready().learns(modelled("os-build-r128")).hears_of(told)
    assert school.held_by == []
    school.hears({"device.enrolled-ratio": 1.0}, detail=("os-build-r129",))
    assert school.held_by == ["advisory-0001"]
    school.hears({"device.enrolled-ratio": None}, detail=("os-build-r129",), missing="silent-source")
    assert school.held_by == []


def test_what_is_not_known_is_held_unless_the_policy_says_pass() -> None:
    told = advisory_of(fact_is("device-model", "cb11"))
    school = ready().hears_of(told)
    assert school.walk.state.picture.holds["advisory-0001"].matched == "unknown"
    loose = policy_of().model_copy(
        update={"exceptions": ExceptionRules(advisories=AdvisoryRules(unknown="pass"))}
    )  # fmt: skip
    passing = Advised(loose)
    assert passing.signs().hears(CLEAN).hears_of(told).held_by == []
    school.learns(modelled("device-model-cb12"))
    assert school.held_by == [], "once it is known not to match, it is let go"


def test_not_of_the_unknown_is_not_a_pass() -> None:
    school = ready().hears_of(advisory_of({"kind": "not", "of": fact_is("device-model", "cb12")}))
    assert school.held_by == ["advisory-0001"]


def test_withdrawn_or_over_it_holds_nobody() -> None:
    told = advisory_of(expires_at=calendar_of().days and ready().now + timedelta(days=1))
    school = ready().hears_of(told)
    assert school.held_by == ["advisory-0001"]
    school.days_pass(2)
    assert (school.held_by, school.causes()) == ([], ["expired"])
    other = ready().hears_of(advisory_of()).hears_of(advisory_of(version=2, withdrawn=True))
    assert (other.held_by, other.causes()) == ([], ["withdrawn"])
    assert ready().hears_of(advisory_of()).hears_of().causes() == ["withdrawn"], "gone from an absolute list"


def test_an_older_word_is_dropped() -> None:
    school = ready().hears_of(advisory_of(), version=5).hears_of(version=4)
    assert school.held_by == ["advisory-0001"]
    before = len(school.facts)
    school.hears_of(advisory_of(), version=5)
    assert len(school.facts) == before


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        (district(DISTRICT), True),
        (district(ELSEWHERE), False),
        (Scope(kind=ScopeKind.PROGRAM, id="wa-2026"), True),
        (Scope(kind=ScopeKind.PROGRAM, id="or-2026"), False),
        (STATE, True),
        (Scope(kind=ScopeKind.STATE, id="OR"), False),
        (Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), True),
        (Scope(kind=ScopeKind.WAVE, id="wave-2"), True),
        (Scope(kind=ScopeKind.WAVE, id="wave-3"), False),
    ],
)
def test_a_scope_without_a_predicate_holds_every_school_of_it_and_no_other(scope: Scope, held: bool) -> None:
    school = ready().hears_of(advisory_of(scope=scope), wave="wave-2")
    assert bool(school.held_by) is held


def test_a_school_that_moves_leaves_its_districts_hold_behind() -> None:
    school = ready().hears_of(advisory_of(scope=district(DISTRICT)))
    school.learns(context_of(version=2, district=ELSEWHERE), calendar_of(district=ELSEWHERE))
    assert school.held_by == []


def test_a_school_that_joins_late_is_held_from_its_first_fact_on() -> None:
    school = Advised()
    started = school.start.model_copy(update={"advisories": (advisory_of(),), "advisories_version": 7})
    from workflows.policy.progress import begin

    step = begin(started, school.now, "test")
    assert [fact.body.kind for fact in step.facts if fact.body.kind == "hold-added"] == ["hold-added"]
    assert sorted(step.state.picture.holds) == ["advisory-0001"]


def test_a_named_exemption_lets_one_school_pass() -> None:
    school = ready().hears_of(advisory_of()).hears_of(advisory_of(version=2, exempt=(exemption(),)))
    assert (school.held_by, school.causes()) == ([], ["bypassed"])
    other = ready().hears_of(advisory_of(exempt=(exemption(ELSEWHERE),)))
    assert other.held_by == ["advisory-0001"]
    before = len(other.facts)
    other.hears_of(advisory_of(version=2, exempt=(exemption(ELSEWHERE), exemption(DISTRICT))))
    assert len(other.facts) == before, "that another school passes is no news here"
    other.hears_of(advisory_of(version=3, reason="worse-than-thought"))
    assert other.kinds()[-1] == "hold-added"


def test_an_emergency_stop_is_shown_as_one() -> None:
    school = ready().hears_of(advisory_of(emergency=True, blocks="all"))
    from workflows.policy.holds import results

    [result] = results(school.walk.state.picture.holds.values(), school.now)
    assert result.detail == ("filter-breaks-login", "emergency-stop")


def test_nobody_lifts_an_advisorys_hold_at_one_school() -> None:
    school = ready().hears_of(advisory_of()).released("advisory-0001", Role.STATE_DIRECTOR)
    assert school.reply.refusal == "hold-of-an-advisory"
    assert "bypass" in school.reply.next_step


def placed(kind: HoldKind, who: str, **changes: Any) -> AddHold:
    scope = Scope(kind=ScopeKind.SCHOOL, id=SCHOOL)
    hold = Hold(hold_id="hold-0009", kind=kind, scope=scope, reason="probe-failed", placed_at=ready().now,
                lifted_by=Role.PRINCIPAL, **changes)  # fmt: skip
    return AddHold(act_id="act-00000009", actor=actor(Role.PRINCIPAL, who), hold=hold)


def test_a_robots_hold_is_a_robots_and_a_persons_a_persons() -> None:
    assert ready().tell(placed(HoldKind.ROBOT, "robotprobe1")).reply.accepted
    assert ready().tell(placed(HoldKind.ROBOT, "someone")).reply.refusal == "not-a-persons-hold"
    assert ready().tell(placed(HoldKind.PERSON, "robotprobe1")).reply.refusal == "not-a-robots-hold"
    assert ready().tell(placed(HoldKind.POLICY, "someone")).reply.refusal == "not-a-persons-hold"
    assert (
        ready().tell(placed(HoldKind.PERSON, "someone", advisory_version=1)).reply.refusal == "hold-of-this-school-only"
    )


def test_a_hold_on_hand_outs_shuts_no_gate_and_one_on_advance_lets_devices_go_out() -> None:
    school = ready().tell(placed(HoldKind.PERSON, "someone", blocks="hand-out")).days_pass(3)
    assert school.phase is Phase.BETA
    holds = school.walk.state.picture.holds.values()
    assert [each.hold_id for each in blocking(holds, "hand-out", school.now)] == ["hold-0009"]
    assert blocking(holds, "advance", school.now) == ()


def test_a_predicate_is_bounded() -> None:
    deep: dict[str, Any] = fact_is("level", "high")
    for _ in range(6):
        deep = {"kind": "not", "of": deep}
    with pytest.raises(ValueError, match="6 deep"):
        advisory_of(deep)
    with pytest.raises(ValueError, match="60 parts"):
        advisory_of({"kind": "any", "of": [{"kind": "all", "of": [fact_is("level", "high")] * 20}] * 3})
    assert isinstance(advisory_of({"kind": "in", "fact": "level", "values": ["high", "middle"]}), Advisory)
