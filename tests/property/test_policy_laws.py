"""The laws of a verdict, each over random evidence, people and time."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from hypothesis import assume, example, given
from hypothesis import strategies as st

from schemas.decision import GateInputs, Outcome, Status, Verdict
from schemas.model import canonical_bytes
from schemas.readiness import CATALOGUE, Direction
from schemas.school import GateId
from tests.property.strategies import CALENDAR, GATES, NOW, POLICY, clean_inputs, holds, inputs, values, waivers
from workflows.policy.evaluate import evaluate, merge
from workflows.policy.judgement import SEVERITY

DAY = timedelta(days=1)


def decide(of: GateInputs, at: timedelta = timedelta()) -> Verdict:
    return evaluate(POLICY, CALENDAR, of, NOW + at)


def standing(verdict: Verdict) -> tuple[object, ...]:
    """What a person would call the verdict: outcome, ask, every status with its reason."""
    return (verdict.outcome, verdict.asks, [(each.criterion_id, each.status, each.reason) for each in verdict.results])


@given(inputs())
def test_same_inputs_same_bytes_also_after_a_trip_through_json(of: GateInputs) -> None:
    again = GateInputs.model_validate_json(of.model_dump_json())
    assert canonical_bytes(decide(of)) == canonical_bytes(decide(again))


@given(inputs())
def test_a_verdict_survives_json(of: GateInputs) -> None:
    verdict = decide(of)
    assert canonical_bytes(Verdict.model_validate_json(verdict.model_dump_json())) == canonical_bytes(verdict)


@given(inputs(), st.randoms(use_true_random=False))
def test_the_order_of_inputs_does_not_matter(of: GateInputs, dice: object) -> None:
    names = list(of.evidence)
    dice.shuffle(names)  # type: ignore[attr-defined]
    shuffled = of.model_copy(
        update={
            "evidence": {name: of.evidence[name] for name in names},
            "holds": of.holds[::-1],
            "waivers": of.waivers[::-1],
        }
    )
    assert canonical_bytes(decide(of)) == canonical_bytes(decide(shuffled))


@given(inputs())
def test_every_criterion_is_evaluated_always_and_in_policy_order(of: GateInputs) -> None:
    ids = [each.criterion_id for each in decide(of).results]
    expected = [criterion.id for criterion in POLICY.gates[of.gate].criteria]
    assert ids[: len(expected)] == expected


@given(st.data())
def test_better_evidence_never_worsens_a_verdict(data: st.DataObject) -> None:
    of = data.draw(inputs())
    improvable = [name for name, item in of.evidence.items() if item.value is not None]
    assume(improvable)
    name = data.draw(st.sampled_from(improvable))
    item = of.evidence[name]
    other = data.draw(values(name))
    higher = CATALOGUE[name].direction is Direction.HIGHER_IS_BETTER
    assert item.value is not None
    better = max(item.value, other) if higher else min(item.value, other)
    count = round(better * item.population) if item.population else None
    improved = item.model_copy(update={"value": better, "numerator": count})
    after = decide(of.model_copy(update={"evidence": {**of.evidence, name: improved}}))
    assert SEVERITY[after.outcome] <= SEVERITY[decide(of).outcome]


@given(st.data())
def test_a_waiver_touches_only_its_criteria_and_only_while_it_lasts(data: st.DataObject) -> None:
    of = data.draw(inputs()).model_copy(update={"waivers": ()})
    waiver = data.draw(waivers(POLICY.gates[of.gate]))
    before = {each.criterion_id: each for each in decide(of).results}
    lasts = waiver.granted_at <= NOW < waiver.expires_at
    for result in decide(of.model_copy(update={"waivers": (waiver,)})).results:
        if result.criterion_id.startswith("gate:"):
            continue
        if result.criterion_id not in waiver.criterion_ids:
            assert result == before[result.criterion_id]
        elif not lasts:
            assert result.status is before[result.criterion_id].status
        else:
            assert result.status is not Status.MET


@given(st.data())
def test_stale_never_opens(data: st.DataObject) -> None:
    gate = data.draw(st.sampled_from([GateId.INFRASTRUCTURE, GateId.BETA, GateId.TRAINING]))
    of = data.draw(clean_inputs(gate))
    assert decide(of).outcome is Outcome.OPEN
    hard = ["network.mbps-per-student", "device.enrolled-ratio", "identity.login-success-ratio", "beta.model-mismatch-count",
            "first-session.success-ratio", "training.modules-complete-ratio", "defect.open-major-count"]  # fmt: skip
    name = data.draw(st.sampled_from([each for each in hard if each in of.evidence]))
    old = of.evidence[name].model_copy(update={"observed_at": NOW - 120 * DAY})
    verdict = decide(of.model_copy(update={"evidence": {**of.evidence, name: old}}))
    assert verdict.outcome is Outcome.UNKNOWN
    assert Status.STALE in [each.status for each in verdict.results]


@given(st.data())
def test_nothing_opens_once_all_its_evidence_has_aged(data: st.DataObject) -> None:
    of = data.draw(inputs()).model_copy(update={"waivers": ()})
    assert decide(of, 150 * DAY).outcome is Outcome.UNKNOWN


@given(inputs(), st.floats(0, 1, exclude_max=True))
def test_nothing_changes_strictly_before_the_next_evaluation(of: GateInputs, share: float) -> None:
    verdict = decide(of)
    until = (verdict.next_evaluation_at or NOW + 400 * DAY) - NOW
    assert until > timedelta()
    just_before = until - timedelta(microseconds=1)
    assert standing(decide(of, min(until * share, just_before))) == standing(verdict)
    assert standing(decide(of, just_before)) == standing(verdict)


@given(st.data())
def test_a_hold_never_opens_and_lifting_it_restores(data: st.DataObject) -> None:
    of = data.draw(inputs()).model_copy(update={"holds": ()})
    hold = data.draw(holds())
    before, after = decide(of), decide(of.model_copy(update={"holds": (hold,)}))
    assert SEVERITY[after.outcome] >= SEVERITY[before.outcome]
    ended = hold.expires_at is not None and hold.expires_at <= NOW
    assert (after.outcome is not Outcome.OPEN) or ended


@given(st.lists(st.sampled_from(Outcome)), st.lists(st.sampled_from(Outcome)), st.lists(st.sampled_from(Outcome)))
@example([], [], [])
def test_the_merge_is_associative_commutative_and_idempotent(
    one: list[Outcome], two: list[Outcome], three: list[Outcome]
) -> None:
    assert merge([merge(one + two), *three]) == merge([*one, merge(two + three)]) == merge(three + two + one)
    assert merge(one + one) == merge(one)


def test_severities_stand_in_the_stated_order() -> None:
    order = [Outcome.OPEN, Outcome.NEEDS_APPROVAL, Outcome.WAITING, Outcome.UNMET, Outcome.UNKNOWN]
    assert all(SEVERITY[milder] < SEVERITY[worse] for milder, worse in pairwise(order))


@given(inputs())
def test_a_gate_is_the_worst_of_its_results_and_only_hard_ones_add(of: GateInputs) -> None:
    verdict = decide(of)
    assert verdict.outcome is merge(each.outcome for each in verdict.results)
    assert all(each.outcome is Outcome.OPEN for each in verdict.results if each.severity.value != "hard")


@given(inputs())
def test_people_are_asked_only_when_nothing_but_approval_and_time_is_missing(of: GateInputs) -> None:
    verdict = decide(of)
    hard = {each.outcome for each in verdict.results}
    only = Outcome.NEEDS_APPROVAL in hard and not hard & {Outcome.UNMET, Outcome.UNKNOWN}
    assert (verdict.asks is not None) == (only and of.gate is not GateId.SCALE_GUARD)


@given(inputs(), st.integers(1, 10**15))
def test_sequences_are_outside_the_digest(of: GateInputs, sequence: int) -> None:
    renumbered = {
        name: item.model_copy(update={"sequence": sequence, "broken_sequence": {"sign-in-steady": sequence}})
        for name, item in of.evidence.items()
    }
    assert canonical_bytes(decide(of)) == canonical_bytes(decide(of.model_copy(update={"evidence": renumbered})))


@given(GATES, st.data())
def test_simulated_evidence_opens_nothing_in_a_real_program(gate: GateId, data: st.DataObject) -> None:
    of = data.draw(clean_inputs(gate))
    imagined = {name: item.model_copy(update={"simulated": True}) for name, item in of.evidence.items()}
    real = of.model_copy(update={"evidence": imagined})
    assert decide(real).outcome is Outcome.UNKNOWN
    assert decide(real.model_copy(update={"rehearsal": True})).outcome is Outcome.OPEN


@dataclass
class _Broken:
    """Evidence that blows up when looked at."""

    def __getattr__(self, name: str) -> object:
        raise ValueError(name)


@given(inputs(), st.data())
def test_an_error_inside_one_criterion_leaves_it_unknown_and_the_others_judged(
    of: GateInputs, data: st.DataObject
) -> None:
    assume(of.evidence)
    name = data.draw(st.sampled_from(sorted(of.evidence)))
    import workflows.policy.evaluate as module

    broken = of.model_copy(update={"evidence": {**of.evidence, name: _Broken()}, "waivers": ()})
    healthy = {each.criterion_id: each for each in decide(of.model_copy(update={"waivers": ()})).results}
    results = module.assess(POLICY, POLICY.gates[of.gate], CALENDAR, broken, NOW)
    criteria = {criterion.id: criterion for criterion in POLICY.gates[of.gate].criteria}
    for result in results:
        reads = name in criteria[result.criterion_id].model_dump().values()
        if not reads:
            assert result == healthy[result.criterion_id]
        elif criteria[result.criterion_id].severity.value == "hard":
            assert (result.status, result.reason.value) == (Status.UNKNOWN, "undecidable")
