"""Each planted breach of the fact log is found, by name; an honest log has none, in any order and with repeats."""

import random
from collections.abc import Callable

import pytest

from schemas.decision import Outcome
from schemas.fact import Fact, GateDecided, GateOpened
from schemas.model import digest_of
from services.auditor.breach import Invariant
from services.auditor.facts import Documents, FactsChecked, check_facts
from services.auditor.ledger import SHOWN_MAX, Ledger, check_ledger, content_digest
from services.auditor.pictures import _fold as fold_row  # the row a log leads to, told apart from where it is read
from services.auditor.pictures import compare_pictures
from tests.harness.scenario import CLEAN, Scenario, document_of

Tamper = Callable[[list[Fact]], list[Fact]]


def walked() -> tuple[list[Fact], Documents]:
    """A school that passed all four gates."""
    scenario = Scenario().signs().hears(CLEAN).days_pass(12, refreshed=True)
    documents = Documents({digest_of(document_of()): document_of()}, {digest_of(scenario.calendar): scenario.calendar})
    return list(scenario.facts), documents


FACTS, DOCUMENTS = walked()


def found(facts: list[Fact], documents: Documents = DOCUMENTS) -> FactsChecked:
    return check_facts(facts, documents)


def place(facts: list[Fact], kind: str, gate: str = "G1") -> int:
    """Where the fact that opened this gate, or the decision it rests on, lies."""
    opened = next(
        n for n, fact in enumerate(facts) if isinstance(fact.body, GateOpened) and fact.body.gate.value == gate
    )
    if kind == "gate-opened":
        return opened
    body = facts[opened].body
    assert isinstance(body, GateOpened)
    return body.decision_sequence - 1


def replaced(facts: list[Fact], index: int, fact: Fact) -> list[Fact]:
    return [*facts[:index], fact, *facts[index + 1 :]]


def with_body(fact: Fact, **changes: object) -> Fact:
    return fact.model_copy(update={"body": fact.body.model_copy(update=changes)})


def edit_observed(facts: list[Fact]) -> list[Fact]:
    """A verdict says a criterion saw more than it did."""
    index = place(facts, "gate-decided")
    body = facts[index].body
    assert isinstance(body, GateDecided)
    verdict = body.decision.verdict
    first = verdict.results[0].model_copy(update={"observed": 9.9})
    decision = body.decision.model_copy(
        update={"verdict": verdict.model_copy(update={"results": (first, *verdict.results[1:])})}
    )
    return replaced(facts, index, with_body(facts[index], decision=decision))


def edit_evidence(facts: list[Fact]) -> list[Fact]:
    """The readings behind a verdict are made worse afterwards."""
    index = place(facts, "gate-decided")
    body = facts[index].body
    assert isinstance(body, GateDecided)
    evidence = dict(body.decision.inputs.evidence)
    name = "network.mbps-per-student"
    evidence[name] = evidence[name].model_copy(update={"value": 0.1})
    inputs = body.decision.inputs.model_copy(update={"evidence": evidence})
    return replaced(facts, index, with_body(facts[index], decision=body.decision.model_copy(update={"inputs": inputs})))


def wrong_digest(facts: list[Fact]) -> list[Fact]:
    index = place(facts, "gate-opened")
    return replaced(facts, index, with_body(facts[index], decision_digest="sha256:" + "0" * 64))


def decision_of_another_gate(facts: list[Fact]) -> list[Fact]:
    """A gate opened by the decision that opened the gate before it."""
    index, other = place(facts, "gate-opened"), place(facts, "gate-decided", "G0")
    body = facts[other].body
    assert isinstance(body, GateDecided)
    return replaced(
        facts, index,
        with_body(facts[index], decision_sequence=other + 1, decision_digest=digest_of(body.decision)),
    )  # fmt: skip


def no_decision(facts: list[Fact]) -> list[Fact]:
    index = place(facts, "gate-opened")
    return replaced(facts, index, with_body(facts[index], decision_sequence=1))


def opened_later(facts: list[Fact]) -> list[Fact]:
    """A gate that opened upon a decision of another instant."""
    index = place(facts, "gate-opened")
    earlier = facts[0].occurred_at
    return replaced(facts, index, facts[index].model_copy(update={"occurred_at": earlier}))


def gap(facts: list[Fact]) -> list[Fact]:
    index = place(facts, "gate-decided")
    return [*facts[:index], *facts[index + 1 :]]


def beheaded(facts: list[Fact]) -> list[Fact]:
    return facts[1:]


def doubled(facts: list[Fact]) -> list[Fact]:
    return [*facts, facts[3].model_copy(update={"simulated": not facts[3].simulated})]


def other_picture(facts: list[Fact]) -> list[Fact]:
    return replaced(facts, 4, facts[4].model_copy(update={"picture_digest": "sha256:" + "1" * 64}))


PLANTED: dict[Tamper, Invariant] = {
    edit_observed: Invariant.GATE_SOUNDNESS,
    edit_evidence: Invariant.GATE_SOUNDNESS,
    wrong_digest: Invariant.GATE_SOUNDNESS,
    decision_of_another_gate: Invariant.GATE_SOUNDNESS,
    no_decision: Invariant.GATE_SOUNDNESS,
    opened_later: Invariant.GATE_SOUNDNESS,
    gap: Invariant.ONE_EFFECT,
    beheaded: Invariant.ONE_EFFECT,
    doubled: Invariant.ONE_EFFECT,
    other_picture: Invariant.PICTURE,
}


def test_an_honest_log_has_no_breach_and_every_gate_is_decided_again() -> None:
    checked = found(FACTS)
    assert checked.breaches == []
    assert (checked.gates_checked, checked.gates_unsound) == (4, 0)
    assert checked.decisions_checked == sum(isinstance(fact.body, GateDecided) for fact in FACTS) > 4


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_each_planted_breach_of_the_log_is_found(plant: Tamper) -> None:
    assert PLANTED[plant] in {breach.invariant for breach in found(plant(FACTS)).breaches}


def test_repeats_of_the_same_fact_are_counted_and_harmless_in_any_order() -> None:
    shuffled = [*FACTS, *(fact.model_copy() for fact in FACTS[2:7])]
    random.Random(7).shuffle(shuffled)
    checked = found(shuffled)
    assert (checked.breaches, checked.duplicates_count, checked.facts_count) == ([], 5, len(FACTS) + 5)


def test_a_decision_whose_documents_are_gone_is_unsound_not_passed_over() -> None:
    for documents in (Documents({}, DOCUMENTS.calendars), Documents(DOCUMENTS.policies, {})):
        breaches = found(FACTS, documents).breaches
        assert breaches
        assert {breach.invariant for breach in breaches} == {Invariant.GATE_SOUNDNESS}


def test_a_document_that_is_not_what_its_digest_says_is_caught() -> None:
    looser = document_of().model_copy(update={"version": 2})
    breaches = found(FACTS, Documents({digest_of(document_of()): looser}, DOCUMENTS.calendars)).breaches
    assert any("policy_digest" in breach.seen for breach in breaches)


def test_a_gate_never_counts_as_sound_by_an_outcome_that_is_not_open() -> None:
    def not_open(facts: list[Fact]) -> list[Fact]:
        index = place(facts, "gate-opened")
        held = next(
            n for n, fact in enumerate(facts)
            if isinstance(fact.body, GateDecided) and fact.body.decision.verdict.outcome is not Outcome.OPEN
        )  # fmt: skip
        body = facts[held].body
        assert isinstance(body, GateDecided)
        digest = digest_of(body.decision)
        return replaced(facts, index, with_body(facts[index], decision_sequence=held + 1, decision_digest=digest))

    checked = found(not_open(FACTS))
    assert checked.gates_unsound == 1


# -- the bridge's ledger beside the topic


def travelling(facts: list[Fact]) -> list[tuple[Fact, bytes]]:
    return [(fact, fact.model_dump_json().encode()) for fact in facts]


def ledger_of(facts: list[Fact], *, leaving: frozenset[str] = frozenset()) -> Ledger:
    digests = {
        (fact.program_id, fact.school_id, fact.fact_sequence): content_digest(document)
        for fact, document in travelling(facts)
    }
    return Ledger(digests, dict(digests), leaving)


def test_a_topic_that_holds_what_the_bridge_kept_agrees_also_when_it_holds_more() -> None:
    assert check_ledger(ledger_of(FACTS), travelling(FACTS)) == []
    assert check_ledger(ledger_of(FACTS[:-2]), travelling(FACTS)) == []


def test_the_newest_fact_cut_off_the_topic_is_missed_unless_it_waits_in_the_outbox() -> None:
    last = FACTS[-1]
    (breach,) = check_ledger(ledger_of(FACTS), travelling(FACTS[:-1]))
    assert breach.invariant is Invariant.ONE_EFFECT
    assert f"fact {last.fact_sequence}" in breach.subject
    waits = frozenset({f"{last.program_id}/{last.school_id}/{last.fact_sequence}"})
    assert check_ledger(ledger_of(FACTS, leaving=waits), travelling(FACTS[:-1])) == []


def test_a_fact_that_differs_between_bridge_and_topic_is_found_on_either_side() -> None:
    assert check_ledger(ledger_of(FACTS), travelling(edit_observed(FACTS)))
    honest = ledger_of(FACTS)
    edited = Ledger(ledger_of(edit_observed(FACTS)).digests, honest.claimed, frozenset())
    assert len(check_ledger(edited, travelling(FACTS))) == 2


def test_many_lost_facts_are_a_page_and_a_count() -> None:
    many = [FACTS[0].model_copy(update={"fact_sequence": n}) for n in range(1, 100)]
    breaches = check_ledger(ledger_of(many), [])
    assert len(breaches) == SHOWN_MAX + 1
    assert breaches[-1].seen.startswith(f"{99 - SHOWN_MAX} more")


# -- the console's rows


def test_a_row_that_is_missing_invented_or_edited_in_any_column_differs() -> None:
    row = fold_row({fact.fact_sequence: fact for fact in FACTS})
    assert row is not None
    key = (FACTS[0].program_id, FACTS[0].school_id)
    assert compare_pictures({key: row}, {key: row}) == []
    assert compare_pictures({}, {key: row})
    assert compare_pictures({key: row}, {})
    for column in row:
        (breach,) = compare_pictures({key: row | {column: "edited"}}, {key: row})
        assert column in breach.subject
        assert breach.invariant is Invariant.REBUILD


def test_a_row_stops_at_the_first_fact_that_has_not_come() -> None:
    row = fold_row({fact.fact_sequence: fact for fact in FACTS if fact.fact_sequence != 4})
    assert row is not None
    assert row["fact_sequence"] == "3"
    assert fold_row({2: FACTS[1]}) is None
