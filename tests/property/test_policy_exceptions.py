"""The laws of waivers and overrides, over random evidence, people and time."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decision import GateInputs, Outcome, Override, Status
from schemas.fact import Fact, GateDecided, Picture
from schemas.model import digest_of
from schemas.school import Role
from tests.harness.exceptions import Excepted, state_actor
from tests.harness.scenario import CLEAN, document_of
from tests.property.strategies import CALENDAR, GATES, NOW, POLICY, inputs, waivers
from workflows.policy.evaluate import evaluate
from workflows.policy.picture import fold_fact
from workflows.policy.verify import compare


def statuses(of: GateInputs, minutes: int = 0) -> dict[str, tuple[Status, Outcome]]:
    verdict = evaluate(POLICY, CALENDAR, of, NOW + timedelta(minutes=minutes))
    return {each.criterion_id: (each.status, each.outcome) for each in verdict.results}


@given(st.data(), inputs(), st.integers(0, 60 * 100))
def test_a_waiver_touches_only_its_criterion_and_only_until_it_expires(
    data: st.DataObject, of: GateInputs, later: int
) -> None:
    waiver = data.draw(waivers(POLICY.gates[of.gate]))
    without = of.model_copy(update={"waivers": ()})
    plain, waived = statuses(without, later), statuses(of.model_copy(update={"waivers": (waiver,)}), later)
    at = NOW + timedelta(minutes=later)
    for name in plain.keys() & waived.keys() - {"gate:criteria"}:
        if name not in waiver.criterion_ids or not waiver.granted_at <= at < waiver.expires_at:
            assert waived[name] == plain[name], name
        assert waived[name][0] is not Status.MET or plain[name][0] is Status.MET


@st.composite
def overrides(draw: st.DrawFn, of: GateInputs) -> Override:
    names = [each.id for each in POLICY.gates[of.gate].criteria]
    return Override(
        override_id="override-0001", gate=of.gate, attempt=1, reason="term-begins", sponsor=Role.STATE_DIRECTOR,
        criterion_ids=tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))),
        proposed_by=state_actor(), proposed_at=NOW, confirmed_by=state_actor(Role.STATE_ASSESSMENT_DIRECTOR),
        confirmed_at=NOW,
    )  # fmt: skip


@given(st.data(), inputs())
def test_an_override_bypasses_only_what_it_names(data: st.DataObject, of: GateInputs) -> None:
    override = data.draw(overrides(of))
    plain, passed = statuses(of), statuses(of.model_copy(update={"overrides": (override,)}))
    for name in passed:
        if name not in override.criterion_ids and name != "gate:criteria":
            assert passed[name] == plain[name], name
        if name in override.criterion_ids:
            assert passed[name][0] in (Status.OVERRIDDEN, Status.OBSERVED_ONLY)
    unconfirmed = override.model_copy(update={"confirmed_at": None, "confirmed_by": None})
    assert statuses(of.model_copy(update={"overrides": (unconfirmed,)})) == plain


@given(st.data(), GATES.flatmap(inputs))
def test_an_override_opens_nothing_that_another_hard_criterion_keeps_shut(data: st.DataObject, of: GateInputs) -> None:
    override = data.draw(overrides(of))
    others = [
        outcome for name, (_, outcome) in statuses(of).items()
        if name not in override.criterion_ids and name != "gate:criteria"
    ]  # fmt: skip
    verdict = evaluate(POLICY, CALENDAR, of.model_copy(update={"overrides": (override,)}), NOW)
    if any(outcome is not Outcome.OPEN for outcome in others):
        assert verdict.outcome is not Outcome.OPEN


ACTS = [
    "clean",
    "slow",
    "silent",
    "sign",
    "propose",
    "grant",
    "revoke",
    "override",
    "confirm",
    "hours",
    "days",
    "weeks",
]


def do(school: Excepted, act: str) -> None:
    gate = school.walk.state.policy.gates[school.phase.gate]
    names = [each.id for each in gate.criteria if each.severity == "hard"]
    chosen = names[school.sequence % len(names)]
    picture = school.walk.state.picture
    match act:
        case "clean":
            school.hears(CLEAN)
        case "slow":
            school.hears(CLEAN | {"network.page-load-p95-seconds": 9.0, "first-session.success-ratio": 0.2})
        case "silent":
            school.hears(dict.fromkeys(CLEAN), missing="silent-source")
        case "sign":
            school.signs()
        case "propose":
            school.proposes(chosen, act_id=f"waiver-{school.sequence:04d}", days=1 + school.sequence % 5)
            school.sequence += 1
        case "grant":
            school.grants(next(iter(picture.waiver_proposals), "waiver-none"))
        case "revoke":
            school.revokes(next(iter(picture.waivers), "waiver-none"))
        case "override":
            school.overrides_gate(chosen, act_id=f"override-{school.sequence:04d}")
            school.sequence += 1
        case "confirm":
            waiting = (key for key, each in picture.overrides.items() if each.confirmed_at is None)
            school.confirms(next(waiting, "override-none"))
        case "hours" | "days" | "weeks":
            school.days_pass({"hours": 0.3, "days": 2, "weeks": 6}[act])


@st.composite
def lives(draw: st.DrawFn) -> Excepted:
    school = Excepted()
    if draw(st.booleans()):
        school.signs().hears(CLEAN).days_pass(1)
    for act in draw(st.lists(st.sampled_from(ACTS), max_size=16)):
        do(school, act)
    return school


@settings(max_examples=60, deadline=None)
@given(lives())
def test_lives_with_exceptions_fold_to_their_picture_and_decide_again(school: Excepted) -> None:
    picture = Picture()
    for fact in school.facts:
        travelled = Fact.model_validate_json(fact.model_dump_json())
        picture = fold_fact(picture, travelled)
        assert digest_of(picture) == travelled.picture_digest
        if isinstance(travelled.body, GateDecided):
            assert compare(travelled.body.decision, document_of(), school.calendar) == ()
    kinds = school.kinds()
    assert kinds.count("waiver-reminded") <= kinds.count("waiver-granted")
    assert kinds.count("override-confirmed") <= kinds.count("override-proposed")
    for waiver in school.waivers.values():
        assert waiver.granted_by.actor_id != (waiver.proposed_by and waiver.proposed_by.actor_id)
        assert waiver.expires_at > school.now
    wake_at = school.walk.state.wake_at
    assert wake_at is None or wake_at > school.walk.state.seen_at
