"""Below `advance` no gate opens by itself, whatever happens, in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decision import Outcome
from schemas.fact import Fact, GateDecided, GateOpened, Picture
from schemas.gate import PolicyDocument, SchoolPolicy
from schemas.model import digest_of
from schemas.school import GateId, Role
from schemas.trust import AdvanceByHand, Trust
from tests.harness.scenario import CLEAN, ELSEWHERE, Scenario, actor, calendar_of, document_of, gates
from tests.property.test_policy_progress import ACTS, do
from workflows.policy.authoring.document import resolve
from workflows.policy.picture import fold_fact
from workflows.policy.trust import TRUST_ID
from workflows.policy.verify import compare

SAME_POLICY = [each for each in ACTS if each not in ("migrate", "back")]  # another policy brings its own levels
BELOW = [Trust.OBSERVE, Trust.ADVISE, Trust.HOLD]


def document_at(level: Trust) -> tuple[SchoolPolicy, PolicyDocument]:
    levelled = {
        gate_id: gate if gate_id is GateId.SCALE_GUARD else gate.model_copy(update={"trust": level})
        for gate_id, gate in gates().items()
    }
    document = document_of(levelled)
    return resolve(document, "standard"), document


def act(school: Scenario, what: str) -> None:
    if what != "hand":
        do(school, what)
        return
    gate = school.phase.gate
    who = actor(school.walk.state.policy.gates[gate].approver, "hand")
    school.tell(AdvanceByHand(act_id=school.act_id(), actor=who, gate=gate, reason="seen-on-site"))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(BELOW),
    st.booleans(),
    st.lists(st.sampled_from([*SAME_POLICY, "hand", "hand", "approve"]), max_size=14),
)
def test_below_advance_no_gate_opens_without_a_person_and_each_opening_names_its_verdict(
    level: Trust, walked: bool, acts: list[str]
) -> None:
    policy, document = document_at(level)
    school = Scenario(policy)
    if walked:
        school.signs().hears(CLEAN).days_pass(5, refreshed=True)
    for what in acts:
        act(school, what)
    picture, decided = Picture(), {}
    calendars = {digest_of(each): each for each in (school.calendar, calendar_of(district=ELSEWHERE))}
    for fact in school.facts:
        picture = fold_fact(picture, Fact.model_validate_json(fact.model_dump_json()))
        assert digest_of(picture) == fact.picture_digest
        if isinstance(fact.body, GateDecided):
            record = decided[fact.fact_sequence] = fact.body.decision
            assert record.verdict.gate is GateId.SCALE_GUARD or record.verdict.advice is not None
            calendar = calendars.get(record.calendar_digest or "")
            if record.calendar_digest is None or calendar is not None:
                assert compare(record, document, calendar) == ()
        if isinstance(fact.body, GateOpened):
            record = decided[fact.body.decision_sequence]
            assert digest_of(record) == fact.body.decision_digest
            if level is Trust.HOLD:
                assert record.verdict.outcome is Outcome.OPEN
                assert [each.answer for each in record.inputs.approvals].count("approved") >= 1
            else:
                assert fact.body.hand is not None
                assert any(each.criterion_id == TRUST_ID for each in record.verdict.results)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(BELOW))
def test_a_clean_school_left_alone_below_advance_stays_where_it_is(level: Trust) -> None:
    policy, _ = document_at(level)
    school = Scenario(policy).signs().hears(CLEAN).days_pass(12, refreshed=True)
    assert school.phase.gate is GateId.CHARTER
    assert Role.PRINCIPAL is school.walk.state.policy.gates[GateId.CHARTER].approver
