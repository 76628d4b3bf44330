"""A gate approves itself only where its policy lets it: these origins, these schools. Told in sentences."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.consent import Automatic
from schemas.decision import Reason
from schemas.fact import GateDecided, GateOpened
from schemas.readiness import Origin
from schemas.school import Role, SchoolLevel
from tests.harness.council import CAPACITY, FULL, before, council, person
from tests.harness.scenario import Scenario, context_of

BOTH = (Origin.MEASURED, Origin.IMPORTED)


def school(automatic: Automatic | None, *, origin: Origin = Origin.MEASURED, **context: Any) -> Scenario:
    """A school with nothing wrong, all of whose evidence has one origin."""
    walking = before(council((), automatic=automatic))
    if context:
        walking.learns(context_of(2, **context))
    return walking.hears(FULL, origin=origin)


def why(walking: Scenario) -> list[tuple[str, Reason]]:
    decided = [fact.body.decision for fact in walking.facts if isinstance(fact.body, GateDecided)]
    return [(each.criterion_id, each.reason) for each in decided[-1].verdict.results]


def opened_by(walking: Scenario) -> str:
    return [fact.body for fact in walking.facts if isinstance(fact.body, GateOpened)][-1].by


def test_without_a_rule_measured_and_imported_evidence_open_as_before() -> None:
    for origin in BOTH:
        assert school(None, origin=origin).phase.value == "beta"


def test_only_the_named_origins_open_by_themselves() -> None:
    measured = Automatic(origins=(Origin.MEASURED,))
    assert school(measured).phase.value == "beta"
    asking = school(measured, origin=Origin.IMPORTED)
    assert (asking.outcome, asking.walk.state.picture.asked) == ("needs-approval", Role.PRINCIPAL)
    assert why(asking) == [("capacity", Reason.NOT_AUTOMATIC), ("enrolled", Reason.NOT_AUTOMATIC)]
    asking.answers(by=person(Role.PRINCIPAL, "pri"))
    assert opened_by(asking) == "approval"


@pytest.mark.parametrize(
    ("rule", "context", "opens"),
    [
        ({"levels": (SchoolLevel.ELEMENTARY,)}, {}, True),
        ({"levels": (SchoolLevel.HIGH,)}, {}, False),
        ({"students_below": 400}, {}, False),
        ({"students_below": 401}, {}, True),
        ({"students_at_least": 400}, {}, True),
        ({"students_at_least": 401}, {}, False),
        ({"students_below": 1000}, {"students": None}, False),
    ],
)
def test_a_school_the_rule_is_not_for_is_asked_even_though_all_is_measured(
    rule: dict[str, Any], context: dict[str, Any], opens: bool
) -> None:
    walking = school(Automatic(origins=BOTH, **rule), **context)
    assert (walking.phase.value == "beta") is opens
    assert (walking.walk.state.picture.asked is Role.PRINCIPAL) is not opens


def test_a_no_stays_a_no_where_a_gate_may_not_approve_itself() -> None:
    walking = before(council((), automatic=Automatic(origins=(Origin.MEASURED,), levels=(SchoolLevel.HIGH,))))
    walking.hears(FULL | {CAPACITY: 0.1})
    assert (walking.outcome, walking.walk.state.picture.asked) == ("unmet", None)


def test_attested_evidence_cannot_be_named_as_opening_by_itself() -> None:
    with pytest.raises(ValidationError):
        Automatic.model_validate({"origins": ["attested"]})
