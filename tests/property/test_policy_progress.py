"""What holds of every history of a school: whatever happens, in whatever order."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decision import Outcome
from schemas.fact import Fact, GateDecided, GateOpened, Picture
from schemas.gate import Dwell
from schemas.message import TimePassed
from schemas.model import canonical_bytes, digest_of
from schemas.readiness import CATALOGUE, Origin
from schemas.school import GateId, Role
from tests.harness.scenario import (
    CLEAN,
    ELSEWHERE,
    LIFE,
    Scenario,
    calendar_of,
    context_of,
    document_of,
    gate_of,
    gates,
    policy_of,
)
from workflows.policy.picture import fold_fact
from workflows.policy.progress import RolloutState, advance
from workflows.policy.verify import compare

ACTS = ["clean", "attested", "worse", "grey", "simulated", "missing", "sign", "approve", "reject", "hold", "release",
        "migrate", "back", "context", "move", "hours", "days", "days", "backwards", "stop"]  # fmt: skip


LATER_GATES = gates() | {GateId.BETA: gate_of(Dwell(id="beta-stay", minimum_days=2, **LIFE))}
LATER = policy_of(LATER_GATES, version=2)
DOCUMENTS = {
    digest_of(each): each for each in (document_of(), document_of(LATER_GATES).model_copy(update={"version": 2}))
}


def do(school: Scenario, act: str) -> None:
    match act:
        case "clean":
            school.hears(CLEAN)
        case "attested":
            school.hears(CLEAN, origin=Origin.ATTESTED)
        case "worse":
            higher = [name for name in CLEAN if CATALOGUE[name].direction.value.startswith("higher")]
            school.hears(dict.fromkeys(higher, 0.0))
        case "grey":
            school.hears({"network.mbps-per-student": 0.8})
        case "simulated":
            school.hears(CLEAN, simulated=True)
        case "missing":
            school.hears(dict.fromkeys(CLEAN), missing="silent-source")
        case "sign":
            school.signs()
        case "approve" | "reject":
            school.answers("approved" if act == "approve" else "rejected")
        case "hold":
            school.held(f"hold-{school.sequence:04d}", days=1.5)
        case "release":
            school.released(next(iter(school.walk.state.picture.holds), "hold-none"))
        case "context":
            school.learns(context_of(version=2 + school.sequence))
        case "move":
            school.learns(context_of(version=2 + school.sequence, district=ELSEWHERE), calendar_of(district=ELSEWHERE))
        case "hours":
            school.days_pass(0.3)
        case "days":
            school.days_pass(2)
        case "backwards":
            school.now -= timedelta(hours=5)
            school.tell(TimePassed())
            school.now += timedelta(hours=5)
        case "migrate":
            school.migrates(LATER)
        case "back":
            school.migrates(policy_of())
        case "stop":
            school.stopped()


@st.composite
def lives(draw: st.DrawFn) -> Scenario:
    school = Scenario(rehearsal=draw(st.booleans()))
    if draw(st.booleans()):
        school.signs().hears(CLEAN).days_pass(draw(st.integers(0, 9)), refreshed=True)
    acts = draw(st.lists(st.sampled_from(ACTS), max_size=12))
    for act in acts:
        do(school, act)
    return school


@settings(max_examples=40, deadline=None)
@given(lives())
def test_folding_the_facts_gives_the_picture(school: Scenario) -> None:
    picture = Picture()
    for number, fact in enumerate(school.facts, start=1):
        travelled = Fact.model_validate_json(fact.model_dump_json())
        picture = fold_fact(picture, travelled)
        assert travelled.fact_sequence == number
        assert digest_of(picture) == travelled.picture_digest
    assert picture == Picture.model_validate_json(school.walk.state.picture.model_dump_json())


@settings(max_examples=40, deadline=None)
@given(lives())
def test_every_decision_can_be_computed_again_and_no_gate_opens_without_one(school: Scenario) -> None:
    calendars = {digest_of(each): each for each in (school.calendar, calendar_of(district=ELSEWHERE))}
    decided = {}
    for fact in school.facts:
        if isinstance(fact.body, GateDecided):
            record = fact.body.decision
            decided[fact.fact_sequence] = record
            assert compare(record, DOCUMENTS[record.policy_digest], calendars.get(record.calendar_digest or "")) == ()
        if isinstance(fact.body, GateOpened):
            record = decided[fact.body.decision_sequence]
            assert record.verdict.outcome is Outcome.OPEN
            assert (record.verdict.gate, digest_of(record)) == (fact.body.gate, fact.body.decision_digest)
            assert fact.body.gate is not GateId.SCALE_GUARD


@settings(max_examples=40, deadline=None)
@given(lives(), st.sampled_from(ACTS))
def test_the_state_travels_through_json_and_goes_on_alike(school: Scenario, act: str) -> None:
    state = school.walk.state
    travelled = RolloutState.model_validate_json(state.model_dump_json())
    later = school.now + timedelta(days=3)
    one, other = (advance(each, TimePassed(), later, "test") for each in (state, travelled))
    assert [canonical_bytes(fact) for fact in one.facts] == [canonical_bytes(fact) for fact in other.facts]
    assert canonical_bytes(one.state) == canonical_bytes(other.state)


@settings(max_examples=40, deadline=None)
@given(lives())
def test_time_alone_at_the_same_instant_changes_nothing_more(school: Scenario) -> None:
    once = advance(school.walk.state, TimePassed(), school.now, "test")
    assert advance(once.state, TimePassed(), school.now, "test").facts == ()
    assert once.wake_at is None or once.wake_at > once.state.seen_at


@settings(max_examples=40, deadline=None)
@given(lives(), st.integers(1, 10**6))
def test_waking_early_publishes_nothing(school: Scenario, early: int) -> None:
    state = school.walk.state
    if state.wake_at is not None and state.wake_at > school.now:
        moment = max(school.now, state.wake_at - timedelta(microseconds=early))
        assert advance(state, TimePassed(), moment, "test").facts == ()


@settings(max_examples=25, deadline=None)
@given(lives())
def test_a_stopped_rollout_says_nothing_more(school: Scenario) -> None:
    school.stopped()
    count = len(school.facts)
    for act in ("clean", "sign", "approve", "hold", "days", "move"):
        do(school, act)
    assert len(school.facts) == count
    assert school.walk.state.wake_at is None
    assert all(not reply.accepted for reply in school.walk.replies[-4:])
    assert Role.PRINCIPAL is not school.walk.state.picture.asked


@settings(max_examples=25, deadline=None)
@given(lives())
def test_migrating_there_and_back_leaves_the_policy_there_was(school: Scenario) -> None:
    before = school.walk.state
    pinned = before.policy
    school.migrates(policy_of(version=7)).migrates(pinned)
    assert school.walk.state.policy == pinned
    if before.picture.stopped is None:
        assert school.walk.state.pending_policy is None
    assert school.walk.state.picture.policy_digest == before.picture.policy_digest
