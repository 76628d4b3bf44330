"""Laws of guards, through lives of one school."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fact import GateOpened
from schemas.gate import SchoolPolicy
from schemas.guard import Guard
from schemas.regress import PhaseRegressed
from schemas.school import GateId, Phase
from tests.harness.scenario import Scenario, gates, policy_of
from tests.property.test_policy_progress import ACTS, do

ORDER = list(Phase)


def guarded(hold: float, regress: float) -> SchoolPolicy:
    guard = Guard(
        source="default, not a standard", hold_after_days=hold, regress_after_days=hold + regress, recover_after_days=1
    )
    found = gates()
    return policy_of({gate: each.model_copy(update={"guard": guard}) for gate, each in found.items()})


LIVES = st.lists(st.sampled_from([act for act in ACTS if act != "stop"]), max_size=14)


@settings(max_examples=40, deadline=None)
@given(LIVES, st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([0.5, 1.0, 3.0]))
def test_a_guard_never_lets_a_school_be_further_than_it_would_be_without(
    acts: list[str], hold: float, regress: float
) -> None:
    with_guard, without = Scenario(guarded(hold, regress)), Scenario()
    for school in (with_guard, without):
        school.signs()
    for act in acts:
        do(with_guard, act)
        do(without, act)
        assert ORDER.index(with_guard.phase) <= ORDER.index(without.phase)


@settings(max_examples=40, deadline=None)
@given(LIVES, st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([0.5, 1.0]))
def test_phases_fall_one_at_a_time_and_only_by_a_regress(acts: list[str], hold: float, regress: float) -> None:
    school = Scenario(guarded(hold, regress)).signs()
    for act in acts:
        do(school, act)
    before = Phase.CHARTER
    fallen_to: Phase | None = None
    for fact in school.facts:
        if isinstance(fact.body, PhaseRegressed):
            fallen_to = fact.body.back_to
            said = {each.criterion_id: each.status.value for each in fact.body.decision.verdict.results}
            assert "unmet" in {said[name] for name in fact.body.criterion_ids}
        if fact.body.kind == "phase-opened":
            step = ORDER.index(fact.phase) - ORDER.index(before)
            assert step in (0, 1) or (step == -1 and fallen_to is fact.phase)
            before, fallen_to = fact.phase, None
        if isinstance(fact.body, GateOpened):
            assert fact.body.gate is not GateId.SCALE_GUARD
