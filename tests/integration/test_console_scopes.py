"""Holds over many schools, as people type them: preview, one act an id, undo; and advisories that say whom they mean."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from schemas.school import ActorRecord, Role, Scope, ScopeKind
from services.console import shelves
from services.console.commands import advisory, hold
from services.kit.batch import Batch
from services.kit.database import connect
from services.kit.settings import Settings
from tests.harness.console import RECORDED
from tests.harness.scenario import CLEAN, DISTRICT, SCHOOL, Scenario
from tests.integration.test_console_commands import Desk, _record, tell

pytestmark = pytest.mark.stack
PEOPLE = (
    ("actor-s1", Role.STATE_DIRECTOR, Scope(kind=ScopeKind.STATE, id="WA")),
    ("actor-s2", Role.STATE_DIRECTOR, Scope(kind=ScopeKind.STATE, id="OR")),
    ("actor-d1", Role.DISTRICT_TECHNOLOGY, Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)),
)


@pytest_asyncio.fixture
async def desk(stack: Settings) -> AsyncIterator[Desk]:
    """One school under way, and people of its district and of two states."""
    await tell(stack, Scenario().signs().hears(CLEAN))
    connection = await connect(stack, "console")
    roster = [
        ActorRecord(actor_id=who, role=role, scope=scope, roster_version=1, recorded_at=RECORDED, active=True)
        for who, role, scope in PEOPLE
    ]
    async with connection.transaction():
        await connection.execute("delete from advisory")
        await connection.execute("delete from outbox")
        await shelves.keep(
            Batch(connection, source="test", now=RECORDED), [_record(each, n) for n, each in enumerate(roster)]
        )
    await connection.close()
    yield Desk(stack, {"FIRSTBELL_HOME": str(stack.home), "FIRSTBELL_TEMPORAL_ADDRESS": "127.0.0.1:1"})


async def sent(desk: Desk) -> list[tuple[str, int, bool]]:
    """(Id, version, withdrawn) of what waits to leave, in order."""
    connection = await connect(desk.settings, "console")
    rows = await connection.fetch("select value from outbox where topic = 'firstbell.rollout.advisory.v1' order by id")
    await connection.close()
    trees = [json.loads(row["value"]) for row in rows]
    return [(tree["advisory_id"], tree["version"], tree["withdrawn"]) for tree in trees]


ADD = ("add", "--district", DISTRICT, "--reason", "flood", "--id", "hold-flood-1")


async def test_a_preview_says_how_many_and_publishes_nothing(desk: Desk) -> None:
    seen = await desk.type(hold.app, *ADD, "--as", "actor-d1", "--json")
    assert seen.exit_code == 0, seen.output
    tree = json.loads(seen.stdout)
    assert (tree["published"], tree["counts"]["matching"], tree["schools"][0]["school_id"]) == (False, 1, SCHOOL)
    assert await sent(desk) == []


async def test_the_same_id_twice_is_one_act_and_the_undo_is_printed(desk: Desk) -> None:
    first = await desk.type(hold.app, *ADD, "--as", "actor-d1", "--yes")
    assert first.exit_code == 0, first.output
    assert "undo with: firstbell hold withdraw hold-flood-1" in first.stdout
    again = await desk.type(hold.app, *ADD, "--as", "actor-d1", "--yes")
    assert "as before" in again.stdout
    assert await sent(desk) == [("hold-flood-1", 1, False)]
    other = await desk.type(hold.app, *ADD[:4], "fire", *ADD[5:], "--as", "actor-d1", "--yes")
    assert other.exit_code == 2
    undone = await desk.type(hold.app, "withdraw", "hold-flood-1", "--as", "actor-d1", "--yes")
    assert undone.exit_code == 0, undone.output
    assert await sent(desk) == [("hold-flood-1", 1, False), ("hold-flood-1", 2, True)]
    repeated = await desk.type(hold.app, *ADD, "--as", "actor-d1", "--yes")
    assert "as before" in repeated.stdout, "an act that was undone does not happen again under its id"


@pytest.mark.parametrize(
    ("who", "rule"), [("actor-p1", "scope-not-yours"), ("actor-s2", "scope-not-yours"), ("actor-x9", "actor-unknown")]
)
async def test_only_a_role_over_the_scope_holds_it(desk: Desk, who: str, rule: str) -> None:
    refused = await desk.type(hold.app, *ADD, "--as", who, "--yes", "--json")
    assert refused.exit_code == 4, refused.output
    assert json.loads(refused.stdout)["refusal"]["refusal"] == rule
    assert await sent(desk) == []


async def test_an_emergency_stop_is_shown_as_one_and_lets_schools_pass_by_name(desk: Desk) -> None:
    words = ("stop", "--state", "WA", "--reason", "breach", "--hours", "48", "--id", "stop-breach", "--as")
    assert (await desk.type(hold.app, *words, "actor-d1", "--yes")).exit_code == 4, "a district does not stop a state"
    stopped = await desk.type(hold.app, *words, "actor-s1", "--yes")
    assert stopped.exit_code == 0, stopped.output
    assert "EMERGENCY STOP" in stopped.stderr
    passed = await desk.type(
        hold.app, "bypass", "stop-breach", SCHOOL, "--reason", "own-filter", "--as", "actor-s1", "--yes", "--json"
    )
    tree = json.loads(passed.stdout)
    assert (tree["counts"]["matching"], tree["counts"]["not_matching"]) == (0, 1)
    assert [each["reason"] for each in tree["advisory"]["exempt"]] == ["own-filter"]
    [listed] = json.loads((await desk.type(hold.app, "list", "--json")).stdout)["advisories"]
    assert (listed["emergency"], listed["blocks"], listed["version"]) == (True, "all", 2)


async def test_check_says_which_match_which_not_and_which_are_unknown(desk: Desk, tmp_path: Path) -> None:
    def file(where: Mapping[str, object]) -> str:
        path = tmp_path / "advisory.json"
        tree = {
            "scope": {"kind": "state", "id": "WA"},
            "reason": "login-fails",
            "lifted_by": "state-director",
            "where": where,
        }
        path.write_text(json.dumps(tree))
        return str(path)

    for where, answer in (
        ({"kind": "equals", "fact": "level", "value": "elementary"}, "matching"),
        ({"kind": "equals", "fact": "level", "value": "high"}, "not_matching"),
        ({"kind": "equals", "fact": "device-model", "value": "cb11"}, "unknown"),
    ):
        tree = json.loads((await desk.type(advisory.app, "check", file(where), "--json")).stdout)
        assert [each["school_id"] for each in tree[answer]] == [SCHOOL], where
    misspelt = await desk.type(advisory.app, "check", file({"kind": "equals", "fact": "level", "valeu": "high"}))
    assert misspelt.exit_code == 2
    published = await desk.type(
        advisory.app, "publish", file({"kind": "equals", "fact": "level", "value": "high"}), "--as", "actor-s1", "--yes",
        "--id", "advisory-login",
    )  # fmt: skip
    assert published.exit_code == 0, published.output
    assert (await desk.type(advisory.app, "withdraw", "advisory-login", "--as", "actor-s1", "--yes")).exit_code == 0
    assert await sent(desk) == [("advisory-login", 1, False), ("advisory-login", 2, True)]
