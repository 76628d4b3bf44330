"""The laws of three-valued predicates, and of holds: knowing more never turns an answer, holding more never opens."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.advisory import Predicate
from schemas.decision import GateInputs
from tests.harness.advisories import advisory_of, fact_is
from tests.harness.scenario import SCHOOL, context_of
from tests.property.strategies import CALENDAR, NOW, POLICY, holds, inputs
from workflows.policy.advising import matches
from workflows.policy.evaluate import evaluate
from workflows.policy.judgement import SEVERITY
from workflows.policy.predicate import Known, both, either, judge

TRUTHS = st.sampled_from([True, False, None])
FACTS = ("device-model", "os-build", "web-filter")
VALUES = ("a1", "b2")
PREDICATE: TypeAdapter[Any] = TypeAdapter(Predicate)

leaves = st.one_of(
    st.builds(fact_is, st.sampled_from(FACTS), st.sampled_from(VALUES)),
    st.builds(
        lambda fact, values: {"kind": "in", "fact": fact, "values": values},
        st.sampled_from(FACTS), st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
    ),
)  # fmt: skip
predicates = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda of: {"kind": "not", "of": of}, inner),
        st.builds(
            lambda kind, of: {"kind": kind, "of": of}, st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=8,
).map(PREDICATE.validate_python)  # fmt: skip
knowledge = st.dictionaries(st.sampled_from(FACTS), st.sampled_from(VALUES))


def known(facts: Mapping[str, str]) -> Known:
    codes = tuple(f"{fact}-{value}" for fact, value in sorted(facts.items()))
    return Known(SCHOOL, "wa-2026", context_of(extra_codes=codes))


@given(predicates, knowledge, knowledge)
def test_learning_more_never_turns_a_yes_or_a_no(predicate: Any, less: dict[str, str], more: dict[str, str]) -> None:
    before, after = judge(predicate, known(less)), judge(predicate, known(more | less))
    assert before is None or after is before


@given(predicates, st.fixed_dictionaries({fact: st.sampled_from(VALUES) for fact in FACTS}))
def test_where_everything_is_known_the_answer_is_yes_or_no(predicate: Any, facts: dict[str, str]) -> None:
    assert judge(predicate, known(facts)) is not None


@given(predicates, knowledge)
def test_not_turns_yes_and_no_and_leaves_the_unknown(predicate: Any, facts: dict[str, str]) -> None:
    plain = judge(predicate, known(facts))
    turned = judge(PREDICATE.validate_python({"kind": "not", "of": predicate.model_dump()}), known(facts))
    assert turned is (None if plain is None else not plain)


@given(st.lists(TRUTHS, max_size=5), st.lists(TRUTHS, max_size=5))
def test_both_and_either_are_kleenes(one: list[bool | None], other: list[bool | None]) -> None:
    def turn(truth: bool | None) -> bool | None:
        return None if truth is None else not truth

    assert both([*one, *other]) is both([both(one), both(other)]) is both([*other, *one])
    assert either(one) is turn(both(turn(each) for each in one)), "de Morgan"
    if None not in one:
        assert (both(one), either(one)) == (all(one), any(one))


@given(predicates)
def test_of_a_school_of_which_nothing_is_known_nothing_follows(predicate: Any) -> None:
    nothing = Known(SCHOOL, "wa-2026", None)
    assert judge(predicate, nothing) is None
    assert matches(advisory_of(predicate.model_dump()), nothing) is None


@given(inputs(), holds(7))
def test_adding_a_hold_never_opens(of: GateInputs, hold: Any) -> None:
    for blocks in ("advance", "hand-out", "all"):
        more = of.model_copy(update={"holds": (*of.holds, hold.model_copy(update={"blocks": blocks}))})
        before, after = (evaluate(POLICY, CALENDAR, each, NOW).outcome for each in (of, more))
        assert SEVERITY[after] >= SEVERITY[before]
