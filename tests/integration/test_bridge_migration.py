"""A program's schools take another policy: the workflow at its phase's opening, the bridge by the fact that says so."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from schemas.gate import PolicyDocument, PolicyStored, Profile, Threshold
from schemas.inheritance import Inherited, PolicyScope
from schemas.migration import MigratePolicy
from schemas.model import digest_of
from schemas.school import Actor, GateId, Role, Scope, ScopeKind
from schemas.topics import POLICIES
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN, LIFE, document_of, gate_of, gates
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, act_id, bridge_lab
from workflows.policy.authoring.document import resolve

pytestmark = pytest.mark.stack
NEW_SIGNAL, KEPT, DROPPED = "beta.cohort-fits", "network.mbps-per-student", "coach.teachers-per-coach"


def later() -> PolicyDocument:
    """G1 asks for what the first policy never named, and G3 no longer watches the coaches."""
    changed = gates()
    asks = (Threshold(id="capacity", signal=KEPT, pass_at=1.0, **LIFE),
            Threshold(id="cohort", signal=NEW_SIGNAL, pass_at=1, **LIFE))  # fmt: skip
    changed[GateId.INFRASTRUCTURE] = gate_of(*asks)
    kept = [each for each in changed[GateId.TRAINING].criteria if each.id != "coaches"]
    changed[GateId.TRAINING] = gate_of(*kept)
    return document_of().model_copy(update={"version": 2, "profiles": {"standard": Profile(gates=changed)}})


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        await running.teach(1, day_seconds=60)  # evidence observed once stays fresh
        yield running


async def watched(lab: BridgeLab) -> set[str]:
    rows = await lab.pool.fetch("select signal from watch where program_id = $1", lab.program)
    return {row["signal"] for row in rows}


async def pinned(lab: BridgeLab) -> tuple[str, str]:
    row = await lab.pool.fetchrow("select policy_digest, profile from rollout where program_id = $1", lab.program)
    assert row is not None
    return row["policy_digest"], row["profile"]


async def test_the_bridge_watches_what_the_new_policy_names_once_the_school_has_it(lab: BridgeLab) -> None:
    document = later()
    digest = digest_of(document)
    lab.publish(POLICIES.name, [(digest, PolicyStored(digest=digest, document=document))])

    async def known() -> bool:
        return bool(await lab.pool.fetchval("select 1 from policy where digest = $1", digest))

    await until(known, what="the bridge to know the new policy")
    (school,) = lab.schools
    await lab.start()
    lab.observe(school, {**CLEAN, NEW_SIGNAL: 1})
    director = Actor(
        actor_id="actor-director",
        role=Role.STATE_DIRECTOR,
        scope=Scope(kind=ScopeKind.STATE, id="WA"),
        roster_version=1,
    )
    command = MigratePolicy(act_id=act_id(), actor=director, policy=resolve(document, "standard"))
    assert (await lab.act(school, command)).accepted

    async def told() -> bool:
        held = await lab.pool.fetchval("select policy_digest from program where program_id = $1", lab.program)
        return bool(held == digest)

    await until(told, what="late joiners to start under the new policy")
    assert await pinned(lab) == (digest_of(document_of()), "standard"), "the school has not taken it yet"
    assert NEW_SIGNAL not in await watched(lab)

    await lab.sign_charter(school)
    await lab.until_phase(school, "beta")
    kinds = await lab.kinds(school)
    assert kinds.index("policy-migration-accepted") < kinds.index("gate-opened") < kinds.index("policy-migrated")
    assert await pinned(lab) == (digest, "standard")
    names = await watched(lab)
    assert {NEW_SIGNAL, KEPT} <= names
    assert DROPPED not in names
    assert (await lab.look(school)).policy.version == 2


async def test_schools_start_under_the_narrowest_document_that_is_for_them(stack: Settings) -> None:
    async with bridge_lab(stack) as lab:
        await lab.teach(2)
        root = lab.document
        heir = root.model_copy(
            update={
                "name": f"heir-{lab.release}", "scope": PolicyScope(kind="school", id=lab.schools[0]),
                "inherits": Inherited(name=root.name, version=root.version, digest=digest_of(root)),
            }
        )  # fmt: skip
        digest = digest_of(heir)
        lab.publish(POLICIES.name, [(digest, PolicyStored(digest=digest, document=heir))])

        async def known() -> bool:
            return bool(await lab.pool.fetchval("select 1 from policy where digest = $1", digest))

        await until(known, what="the bridge to know the school's own policy")
        await lab.start()
        names = [(await lab.look(school)).policy.name for school in lab.schools]
        assert names == [heir.name, root.name]
        director = Actor(
            actor_id="actor-director", role=Role.STATE_DIRECTOR, scope=Scope(kind=ScopeKind.STATE, id="WA"),
            roster_version=1,
        )  # fmt: skip
        own = resolve(heir, "standard")
        command = MigratePolicy(act_id=act_id(), actor=director, policy=own)
        assert (await lab.act(lab.schools[1], command)).accepted

        async def told() -> bool:
            return "policy-migration-accepted" in await lab.kinds(lab.schools[1])

        await until(told, what="the migration as a fact")
        held = await lab.pool.fetchval("select policy_digest from program where program_id = $1", lab.program)
        assert held == digest_of(root), "a school's own policy is never its program's"
        await lab.stop()
