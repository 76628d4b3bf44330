"""Asks of several, delegations at the door and gates that opened by themselves, as people see them on real tables."""

import json
from datetime import UTC, datetime

import pytest

from schemas.gate import PolicyStored
from schemas.message import CommandReply
from schemas.school import Actor, ActorRecord, Role, Scope, ScopeKind
from services.bridge.copies import take_copies
from services.console import library, roster, shelves, views
from services.console.commands import gate, school
from services.kit.batch import Batch
from services.kit.database import connect
from services.kit.outcome import Disposition
from services.kit.settings import Settings
from services.notifier import people
from tests.harness.console import RECORDED
from tests.harness.council import GREY, before, both, council, person
from tests.harness.scenario import CLEAN, SCHOOL, Scenario, document_of, policy_of
from tests.integration.test_console_commands import Desk, _record, tell

pytestmark = pytest.mark.stack
HERE = Scope(kind=ScopeKind.SCHOOL, id=SCHOOL)
BEGINS, ENDS = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC)


def desk_of(stack: Settings) -> Desk:
    return Desk(stack, {"FIRSTBELL_HOME": str(stack.home), "FIRSTBELL_TEMPORAL_ADDRESS": "127.0.0.1:1"})


async def knows_policy_of(stack: Settings, walking: Scenario) -> None:
    policy = walking.walk.state.policy
    document = document_of(dict(policy.gates), semantics=policy.semantics)
    connection = await connect(stack, "console")
    try:
        batch = Batch(connection, source="test", now=datetime.now(UTC))
        await shelves.keep(batch, [_record(PolicyStored(digest=policy.digest, document=document), 1)])
    finally:
        await connection.close()


async def test_an_ask_of_several_names_who_is_lacking_and_the_deputy(stack: Settings) -> None:
    asking = before(council(both(), deputy=Role.PRIVACY_OFFICER)).hears(GREY)
    await tell(stack, asking.answers(by=person(Role.DISTRICT_CURRICULUM, "cur")))
    await knows_policy_of(stack, asking)
    seen = await desk_of(stack).type(gate.app, "ask", SCHOOL)
    assert seen.exit_code == 0, seen.output
    assert "principal of" in seen.stdout
    assert "deputy: privacy-officer may answer too, from 2026-09-02 21:30:00 UTC" in seen.stdout
    answer = json.loads((await desk_of(stack).type(gate.app, "ask", SCHOOL, "--json")).stdout)
    assert (answer["awaits"], answer["asks"], answer["overdue"]) == ("principal", "principal", False)
    why = await desk_of(stack).type(school.app, "why", SCHOOL)
    assert "asked: principal" in why.stdout
    told = await desk_of(stack).type(school.app, "history", SCHOOL)
    assert "district-curriculum and principal was asked about capacity" in told.stdout.replace("\n", " ")


async def test_gates_that_opened_by_themselves_are_listed_with_their_grounds(stack: Settings) -> None:
    await tell(stack, Scenario(policy_of()).signs().hears(CLEAN).days_pass(12, refreshed=True))
    seen = await desk_of(stack).type(gate.app, "automatic", "--program", "wa-2026", "--json")
    assert seen.exit_code == 0, seen.output
    opened = json.loads(seen.stdout)
    assert [each["gate"] for each in opened] == ["G1", "G2", "G3"], "G0 was signed"
    first = {ground["criterion_id"]: ground for ground in opened[0]["grounds"]}
    assert first["capacity"]["origin"] == "measured"
    assert first["infrastructure-stay"]["origin"] is None
    assert set(opened[0]["origins"]) <= {"measured", "imported"}
    table = await desk_of(stack).type(gate.app, "automatic", "--program", "wa-2026")
    assert "capacity" in table.stdout


async def test_a_gate_that_people_approved_is_not_among_them(stack: Settings) -> None:
    school_ = before(council(())).hears(GREY).answers(by=person(Role.PRINCIPAL, "pri"))
    await tell(stack, school_)
    seen = await desk_of(stack).type(gate.app, "automatic", "--program", "wa-2026", "--json")
    assert json.loads(seen.stdout) == []


async def found(stack: Settings, records: list[ActorRecord], actor_id: str, giver: str | None) -> Actor | CommandReply:
    await tell(stack, before(council(())).hears(GREY))
    connection = await connect(stack, "console")
    try:
        batch = Batch(connection, source="test", now=datetime.now(UTC))
        await shelves.keep(batch, [_record(each, n) for n, each in enumerate(records)])
        [line] = await views.school_lines(connection, school_id=SCHOOL)
        record = await library.school_record(connection, SCHOOL)
        return await roster.actor_for(connection, actor_id, record, line, (Role.PRINCIPAL,), "act-00000001", giver)
    finally:
        await connection.close()


def held(actor_id: str, giver: str | None = None, *, active: bool = True, role: Role = Role.PRINCIPAL) -> ActorRecord:
    return ActorRecord(
        actor_id=actor_id, role=role, scope=HERE, roster_version=1, recorded_at=RECORDED, active=active, acting_for=giver,
        begins_at=BEGINS if giver else None, ends_at=ENDS if giver else None,
    )  # fmt: skip


async def test_the_door_fills_in_whom_somebody_acts_for_and_until_when(stack: Settings) -> None:
    records = [held("actor-pri"), held("actor-dep", role=Role.COACH), held("actor-dep", "actor-pri")]
    acting = await found(stack, records, "actor-dep", "actor-pri")
    assert isinstance(acting, Actor)
    assert (acting.role, acting.acting_for) == (Role.PRINCIPAL, "actor-pri")
    assert (acting.delegated_from, acting.delegated_until) == (BEGINS, ENDS)
    own = await found(stack, records, "actor-dep", None)
    assert isinstance(own, Actor)
    assert (own.role, own.acting_for) == (Role.COACH, None), "a delegation is used only when it is named"


@pytest.mark.parametrize(
    ("records", "refusal"),
    [
        ([held("actor-pri")], "delegation-unknown"),
        ([held("actor-pri"), held("actor-dep", "actor-pri", active=False)], "role-ended"),
        ([held("actor-pri", active=False), held("actor-dep", "actor-pri")], "giver-without-role"),
        ([held("actor-dep", "actor-pri")], "giver-without-role"),
    ],
)
async def test_the_door_refuses_a_delegation_that_is_none(
    stack: Settings, records: list[ActorRecord], refusal: str
) -> None:
    reply = await found(stack, records, "actor-dep", "actor-pri")
    assert isinstance(reply, CommandReply)
    assert reply.refusal == refusal


async def test_a_delegation_makes_nobody_a_holder_of_the_role_in_another_room(stack: Settings) -> None:
    delegated = _record(held("actor-dep", "actor-pri"), 1)
    for room, keep in (("bridge", take_copies), ("notifier", people.keep)):
        connection = await connect(stack, room)
        try:
            assert list(await keep(Batch(connection, source="test", now=RECORDED), [delegated])) == [
                Disposition.IGNORED
            ]
        finally:
            await connection.close()
