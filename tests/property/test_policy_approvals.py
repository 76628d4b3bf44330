"""The laws of approving: whoever acts in whatever order, nobody counts twice and fewer never suffice."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.approval import AskOverdue, DeputyCalled
from schemas.calendar import Calendar
from schemas.consent import ApprovalGroup
from schemas.decision import Approval, Status
from schemas.fact import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalLapsed,
    ContextChanged,
    GateDecided,
    GateOpened,
    Picture,
)
from schemas.gate import Dwell, Gate, Severity, SignOffs
from schemas.school import Actor, GateId, Role
from tests.harness.council import CAPACITY, ENROLLED, FULL, before, council
from tests.harness.scenario import (
    DISTRICT,
    LIFE,
    OPENING,
    Scenario,
    actor,
    calendar_of,
    context_of,
    document_of,
    policy_of,
    school_days,
)
from workflows.policy.approval.approvals import RANK, counted, counts_as, groups_of, lacking, lapse
from workflows.policy.calendar import elapsed_days
from workflows.policy.people import persons
from workflows.policy.picture import fold_fact
from workflows.policy.verify import compare

ROLES = list(Role)
NAMES = st.sampled_from(["ann1", "bob2", "cyd3", "dee4", "eve5"])
UNTIL = OPENING + timedelta(days=200)


@st.composite
def people(draw: st.DrawFn, roles: list[Role] | None = None) -> Actor:
    """One of a few persons in any role, now and then for another."""
    giver = draw(st.one_of(st.none(), NAMES))
    role = draw(st.sampled_from(roles or ROLES))
    if giver is None:
        return actor(role, draw(NAMES))
    return actor(role, draw(NAMES), acting_for=f"actor-{giver}", delegated_from=OPENING, delegated_until=UNTIL)


@st.composite
def groups(draw: st.DrawFn) -> tuple[ApprovalGroup, ...]:
    """One to three groups of distinct roles."""
    roles = draw(st.permutations(ROLES))
    cuts = [0, *sorted(draw(st.sets(st.integers(1, 8), max_size=2))), draw(st.integers(8, 9))]
    parts = [tuple(roles[start:end]) for start, end in pairwise(cuts) if end > start]
    return tuple(ApprovalGroup(roles=part, needed=draw(st.integers(1, len(part)))) for part in parts)


@st.composite
def approvals(draw: st.DrawFn, number: int = 0) -> Approval:
    return Approval(
        act_id=f"act-{number:06d}", gate=GateId.INFRASTRUCTURE, attempt=1, answer="approved", actor=draw(people()),
        answered_at=OPENING + timedelta(minutes=draw(st.integers(0, 500))), reason="reviewed",
        policy_digest="sha256:" + "0" * 64, district_id=DISTRICT, bound={"capacity": Status.NEEDS_APPROVAL},
        counts_as=draw(st.one_of(st.none(), st.none(), st.sampled_from(ROLES))),
    )  # fmt: skip


def several() -> st.SearchStrategy[list[Approval]]:
    return st.lists(approvals(), max_size=12)


@given(groups(), several(), st.one_of(st.none(), st.sampled_from(ROLES)))
def test_no_person_counts_in_two_roles_nor_through_a_delegate(
    of: tuple[ApprovalGroup, ...], given_: list[Approval], deputy: Role | None
) -> None:
    have = counted(given_, council(of, deputy=deputy))
    seen: set[str] = set()
    for role, approval in have.items():
        assert not seen & persons(approval.actor)
        seen |= persons(approval.actor)
        assert role is approval.actor.role or approval.actor.role is deputy


@given(groups(), several())
def test_a_group_is_never_satisfied_by_fewer_persons_than_it_needs(
    of: tuple[ApprovalGroup, ...], given_: list[Approval]
) -> None:
    gate = council(of)
    if lacking(given_, gate):
        return
    for group in of:
        inside = [each for each in given_ if counts_as(each, gate) in group.roles]
        assert len({each.actor.actor_id for each in inside}) >= group.needed
    assert len({each.actor.actor_id for each in given_}) >= sum(group.needed for group in of)


@given(groups(), several(), approvals())
def test_one_approval_more_never_makes_more_lacking(
    of: tuple[ApprovalGroup, ...], given_: list[Approval], one: Approval
) -> None:
    gate = council(of)
    before_, after = lacking(given_, gate), lacking([*given_, one], gate)
    assert sum(each.needed for each in after) <= sum(each.needed for each in before_)


@given(groups())
def test_what_is_lacking_at_first_is_every_group_and_can_be_had(of: tuple[ApprovalGroup, ...]) -> None:
    missing = lacking([], council(of))
    assert [(each.roles, each.needed) for each in missing] == [(group.roles, group.needed) for group in of]


@given(
    st.dictionaries(st.sampled_from(["capacity", "enrolled", "stay"]), st.sampled_from(Status), min_size=3), st.data()
)
def test_an_approval_lapses_only_when_something_worsens(bound: dict[str, Status], data: st.DataObject) -> None:
    after = {name: data.draw(st.sampled_from(Status)) for name in bound}
    approval = data.draw(approvals()).model_copy(update={"bound": bound})
    policy = policy_of(semantics=2).model_copy(update={"digest": approval.policy_digest})
    ended = lapse(approval, policy, DISTRICT, after, ())
    # the answer relied on no waiver: a criterion that is waived now was approved as something better, or as bad
    ranks = {**RANK, Status.WAIVED: RANK[Status.NEEDS_APPROVAL]}
    worse = tuple(sorted(name for name in bound if ranks[after[name]] > RANK[bound[name]]))
    assert ended == (("status-worsened", worse) if worse else None)


SIGNED = SignOffs(id="plan", roles=(Role.COACH, Role.HELP_DESK_LEAD), severity=Severity.SOFT, **LIFE)
STAY = Dwell(id="stay", minimum_days=4, **LIFE)
BOARD = (ApprovalGroup(roles=(Role.PRINCIPAL, Role.DISTRICT_CURRICULUM, Role.PRIVACY_OFFICER), needed=2),)
VALUES = [{CAPACITY: 2.0}, {CAPACITY: 0.8}, {CAPACITY: 0.1}, {ENROLLED: 0.95}, {ENROLLED: 0.5}, {ENROLLED: 1.0}]


def gate() -> Gate:
    return council(BOARD, SIGNED, STAY, deputy=Role.DISTRICT_TECHNOLOGY)


class Council(Scenario):
    """A school that remembers its calendars."""

    calendars: dict[int, Calendar]


@st.composite
def lives(draw: st.DrawFn) -> Council:
    """A school before a board of three with a deputy, to which many things happen."""
    school = Council(before(gate(), signed=False).start.policy)
    school.calendars = {1: school.calendar}
    school.signs(Role.SCHOOL_LEAD, Role.DISTRICT_TECHNOLOGY).hears(FULL | {CAPACITY: 0.8})
    for step in range(draw(st.integers(1, 14))):
        match draw(st.sampled_from(["hears", "sign", "answer", "answer", "answer", "withdraw", "days", "calendar"])):
            case "hears":
                values = FULL | {CAPACITY: 0.8} | draw(st.sampled_from(VALUES))
                missing = {"missing": "silent-source"} if None in values.values() else {}
                school.hears(
                    {name: value for name, value in values.items() if value is not None},
                )
                for name, value in values.items():
                    if value is None:
                        school.hears({name: None}, **missing)
            case "sign":
                role = draw(st.sampled_from(SIGNED.roles))
                school.signs(role, gate=school.phase.gate, name=draw(NAMES))
            case "answer":
                roles = [*BOARD[0].roles, Role.DISTRICT_TECHNOLOGY]
                school.answers(draw(st.sampled_from(["approved"] * 5 + ["rejected"])), by=draw(people(roles)))
            case "withdraw":
                school.withdraws(draw(people([*BOARD[0].roles])))
            case "days":
                school.days_pass(draw(st.sampled_from([0.4, 1, 2])))
            case "calendar":
                gone = draw(st.sets(st.integers(1, 12), max_size=3))
                days = tuple(day for place, day in enumerate(school_days()) if place not in gone)
                school.calendar = calendar_of(days, version=2 + step)
                school.calendars[2 + step] = school.calendar
                school.learns(context_of(2 + step), school.calendar)
    return school


@settings(max_examples=60, deadline=None)
@given(lives())
def test_no_gate_of_a_board_opens_by_fewer_than_two_persons_none_of_whom_proposed(school: Council) -> None:
    record, picture = None, Picture()
    for fact in school.facts:
        picture = fold_fact(picture, fact)
        if isinstance(fact.body, GateDecided):
            record = fact.body.decision
        if not isinstance(fact.body, GateOpened) or fact.body.gate is not GateId.INFRASTRUCTURE:
            continue
        if fact.body.by == "evidence":
            continue
        assert record is not None
        have = counted(record.inputs.approvals, gate())
        assert len(have) >= groups_of(gate())[0].needed
        counting = [persons(each.actor) for each in have.values()]
        assert all(not one & other for n, one in enumerate(counting) for other in counting[n + 1 :])
        signers = [persons(each.actor) for each in record.inputs.sign_offs]
        assert not any(one & other for one in counting for other in signers)


@settings(max_examples=60, deadline=None)
@given(lives())
def test_a_deputy_is_never_early_and_called_once_for_an_ask(school: Council) -> None:
    calendar, asked_at, called, overdue = school.calendars[1], OPENING, False, False
    for fact in school.facts:
        match fact.body:
            case ContextChanged() as body:
                calendar = school.calendars[body.calendar_version or 1]
            case ApprovalAsked():
                asked_at, called, overdue = fact.occurred_at, False, False
            case DeputyCalled():
                assert elapsed_days(calendar, asked_at, fact.occurred_at) >= 2
                assert not called
                called = True
            case AskOverdue():
                assert elapsed_days(calendar, asked_at, fact.occurred_at) >= 3
                assert not overdue
                overdue = True
            case _:
                pass
    if school.walk.state.picture.asked is not None:
        assert called is (school.walk.state.picture.deputy is not None)
        assert called or elapsed_days(school.calendar, asked_at, school.now) < 2, "nor is one forgotten"


@settings(max_examples=60, deadline=None)
@given(lives())
def test_every_lapse_names_what_was_worse(school: Council) -> None:
    approvals_: dict[str, Approval] = {}
    for fact in school.facts:
        body = fact.body
        if isinstance(body, ApprovalAnswered):
            approvals_[body.approval.act_id] = body.approval
        if isinstance(body, ApprovalLapsed) and body.cause == "status-worsened":
            assert body.criterion_ids
            assert set(body.criterion_ids) <= set(approvals_[body.act_id].bound)


@settings(max_examples=40, deadline=None)
@given(lives())
def test_facts_fold_to_the_picture_and_decisions_are_computed_again(school: Council) -> None:
    policy = school.walk.state.policy
    document = document_of(dict(policy.gates), semantics=policy.semantics)
    picture = Picture()
    for fact in school.facts:
        picture = fold_fact(picture, type(fact).model_validate_json(fact.model_dump_json()))
        if isinstance(fact.body, GateDecided) and fact.body.decision.calendar_version == 1:
            assert compare(fact.body.decision, document, calendar_of()) == ()
    assert picture == Picture.model_validate_json(school.walk.state.picture.model_dump_json())
