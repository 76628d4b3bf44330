"""What people, time and guards do to a rollout under `semantics: 2`, played as scenes.py plays the rest."""

from datetime import UTC, datetime, timedelta

from schemas.calendar import Window, WindowKind
from schemas.escalation import EscalationAction
from schemas.freeze import Freeze
from schemas.gate import SchoolPolicy, SignOffs
from schemas.guard import Guard
from schemas.ladder import Ladder, Rung
from schemas.message import AcknowledgeEscalation, ActOnEscalation, GiveSignOff
from schemas.regress import RecordFix, RecordRootCause
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver
from tests.harness.council import BOARD, council, two_of_board
from tests.harness.exceptions import state_actor
from tests.harness.scenario import LIFE, SCHOOL, actor, calendar_of, compressed_days, gate_of, gates, policy_of
from tests.replay.stage import Stage, act_id

BACK = Guard(
    source="For the recording alone", hold_after_days=1, regress_after_days=3, recover_after_days=1,
    criterion_ids=("capacity",),
)  # fmt: skip


def policy(**changes: object) -> SchoolPolicy:
    """The harness's gates under the newer semantics; G1 guarded, its blocked state a matter for a ladder of two rungs."""
    found = gates()
    watched = found[GateId.INFRASTRUCTURE].model_copy(
        update={"guard": BACK, "blocked_ladder": "usual", "blocked_after_days": 1}
    )
    ladder = Ladder(
        act_within_hours=8, rungs=(Rung(roles=(Role.SCHOOL_LEAD,)), Rung(roles=(Role.PRINCIPAL,), after_days=1))
    )
    base = policy_of(found | {GateId.INFRASTRUCTURE: watched}, semantics=2)
    return base.model_copy(update={"ladders": {"usual": ladder}, **changes})


async def approved_by_two_of_three(school: Stage) -> None:
    """A gate approved by any two of three roles; one takes the approval back first."""
    charter = gate_of(SignOffs(id="charter-signed", roles=(Role.SCHOOL_LEAD, Role.DISTRICT_TECHNOLOGY), **LIFE))
    named = gates() | {GateId.CHARTER: charter, GateId.INFRASTRUCTURE: council(two_of_board())}
    await school.start(policy=policy_of(named, semantics=2))
    for role in (Role.SCHOOL_LEAD, Role.DISTRICT_TECHNOLOGY):
        await school.act(GiveSignOff(act_id=act_id(), actor=actor(role), gate=GateId.CHARTER))
    await school.hears(network__mbps_per_student=0.8)
    await school.until_fact("approval-asked", phase=Phase.INFRASTRUCTURE_CHECK)
    for role in BOARD[:2]:
        await school.answers("approved", role, GateId.INFRASTRUCTURE)
    await school.until_fact("phase-opened", phase=Phase.BETA)
    await school.stops()


async def waived(school: Stage) -> None:
    """A waiver, proposed and granted, opens a gate; its end finds the criterion unmet still."""
    await school.start(policy=policy())
    await school.signs()
    await school.hears(network__page_load_p95_seconds=9.0)
    await school.until_outcome("unmet")
    ends = datetime.now(UTC) + timedelta(seconds=4)
    await school.act(
        ProposeWaiver(
            act_id="waiver-0001", actor=actor(Role.PRINCIPAL), gate=GateId.INFRASTRUCTURE, criterion_ids=("page-load",),
            scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), category="mitigated", compensating_control="paper-lists",
            reason="cabling-late", expires_at=ends,
        )
    )  # fmt: skip
    await school.act(GrantWaiver(act_id=act_id(), actor=state_actor(), waiver_id="waiver-0001"))
    await school.until_fact("waiver-ended")
    await school.stops()


async def overridden(school: Stage) -> None:
    """Two people of the state pass a school without one criterion."""
    await school.start(policy=policy())
    await school.signs()
    await school.hears(network__page_load_p95_seconds=9.0)
    await school.until_outcome("unmet")
    await school.act(
        OverrideGate(
            act_id="override-0001", actor=state_actor(), gate=GateId.INFRASTRUCTURE, criterion_ids=("page-load",),
            reason="term-begins", sponsor=Role.STATE_DIRECTOR,
        )
    )  # fmt: skip
    second = state_actor(Role.STATE_ASSESSMENT_DIRECTOR)
    await school.act(ConfirmOverride(act_id=act_id(), actor=second, override_id="override-0001"))
    await school.until_fact("phase-opened", phase=Phase.BETA)
    await school.stops()


async def frozen(school: Stage) -> None:
    """Nothing opens in a testing window; afterwards the gate opens by time alone."""
    now = datetime.now(UTC)
    ends = now + timedelta(seconds=5)
    window = Window(
        name="state-tests", kind=WindowKind.TESTING, first=now.date(), last=now.date(),
        begins=int(now.timestamp() * 1000), ends=int(ends.timestamp() * 1000),
    )  # fmt: skip
    days = compressed_days(400, now, school.day_seconds)
    calendar = calendar_of(days, rehearsal=True).model_copy(update={"windows": (window,)})
    freeze = Freeze(window=WindowKind.TESTING, gates=(GateId.INFRASTRUCTURE,), rehearsals=True, source="A recording")
    await school.start(policy=policy(freezes=(freeze,)), calendar=calendar)
    await school.signs()
    await school.hears()
    await school.until_fact("phase-opened", phase=Phase.BETA, refresh=True)
    await school.stops()


async def taken_back(school: Stage) -> None:
    """A guard warns, holds, and takes the school back a phase; cause and fix, and it passes again."""
    await school.start(policy=policy())
    await school.signs()
    await school.until_fact("phase-opened", phase=Phase.BETA, refresh=True)
    await school.hears(network__mbps_per_student=0.3)
    await school.until_fact("phase-regressed")
    principal = actor(Role.PRINCIPAL)
    await school.act(RecordRootCause(act_id=act_id(), actor=principal, cause="line-cut"))
    await school.act(RecordFix(act_id=act_id(), actor=principal, fix="line-repaired"))
    passed = len([fact for fact in school.facts if fact.body.kind == "gate-opened"])
    await school.until_facts("gate-opened", passed + 1, refresh=True)
    await school.stops()


async def escalated(school: Stage) -> None:
    """A blocked gate raises a ladder; its rungs fire, somebody takes it and acts."""
    await school.start(policy=policy())
    await school.signs()
    await school.hears(network__mbps_per_student=0.3)
    await school.until_facts("rung-fired", 2)
    [raised, *_] = [fact.body for fact in school.facts if fact.body.kind == "escalation-raised"]
    identity = raised.escalation_id
    principal = actor(Role.PRINCIPAL)
    await school.act(AcknowledgeEscalation(act_id=act_id(), actor=principal, escalation_id=identity))
    await school.act(
        ActOnEscalation(act_id=act_id(), actor=principal, escalation_id=identity, action=EscalationAction.SUPPORT)
    )
    await school.stops()


PEOPLE_SCENES = (approved_by_two_of_three, waived, overridden, frozen, taken_back, escalated)
