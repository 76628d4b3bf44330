"""One school, whatever happens to it: the code against a simple model, step by step. The model is machine_model.py.

Search longer: `pytest tests/property/test_policy_machine.py --hypothesis-profile long`.
"""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from schemas.approval import WithdrawApproval
from schemas.calendar import Window, WindowKind
from schemas.decision import Hold
from schemas.message import (
    AddHold,
    AnswerAsk,
    ContextArrived,
    GiveSignOff,
    Message,
    ReadingsArrived,
    ReleaseHold,
    StopRollout,
    TimePassed,
)
from schemas.migration import MigratePolicy
from schemas.readiness import Origin
from schemas.regress import RecordFix, RecordRootCause
from schemas.school import Actor, GateId, Phase, Role, Scope, ScopeKind
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver, RevokeWaiver
from tests.harness.scenario import OPENING, SCHOOL, Scenario, actor, calendar_of, context_of, reading, school_days
from tests.property.machine_model import Model, Seen
from tests.property.machine_policy import BOARD, CLEAN, GREY, SIGNERS, WORSE, policy
from workflows.policy.calendar import add_days
from workflows.policy.progress import RolloutState, advance
from workflows.policy.timeline import Walk

STATE = Scope(kind=ScopeKind.STATE, id="WA")
HERE = Scope(kind=ScopeKind.SCHOOL, id=SCHOOL)
PEOPLE = st.sampled_from(["ann1", "bob2", "cyd3"])
DIRECTORS = st.sampled_from([Role.STATE_DIRECTOR, Role.STATE_ASSESSMENT_DIRECTOR])
WAKES_MAX = 60


class SchoolMachine(RuleBasedStateMachine):
    """Rules are what may happen; after each the model has seen every fact and says what must be so."""

    def __init__(self) -> None:
        super().__init__()
        self.school = Scenario(policy(1), calendar=calendar_of(school_days(300)))
        self.model = Model(self.school.calendar, self.school.now)
        self.last: Message = TimePassed()
        self._see(0, starting=True)

    # -- one step

    def _see(self, before: int, *, starting: bool = False) -> None:
        self.model.now = self.school.now
        self.model.watch()
        for fact in self.school.facts[before:]:
            if starting and fact.body.kind == "phase-opened":
                self.model.moved = 0
            self.model.accept(fact)
        self.model.rest()
        state = self.school.walk.state
        assert state.wake_at is None or (state.wake_at > self.school.now and not self.model.stopped)
        assert self.model.picture.model_dump() == state.picture.model_dump()
        assert advance(state, TimePassed(), self.school.now, "test").facts == (), "time that stands changes nothing"

    def tell(self, message: Message) -> None:
        before = len(self.school.facts)
        self.last = message
        self.school.tell(message)
        self._see(before)

    def act(self, kind: Any, by: Actor, **of: Any) -> bool:
        """A person's command; whether it was accepted."""
        self.tell(kind(act_id=self.school.act_id(), actor=by, **of))
        return self.school.reply.accepted

    def until(self, later: datetime) -> None:
        """Time passes; the school is woken when it asked, and never finds that it should have asked earlier."""
        for _ in range(WAKES_MAX):
            wake_at = self.school.walk.state.wake_at
            if wake_at is None or wake_at > later:
                break
            self.school.now = max(wake_at, self.school.now)
            self.tell(TimePassed())
        else:
            raise AssertionError(f"woken {WAKES_MAX} times before {later}")
        self.school.now = later
        self._see(len(self.school.facts))

    def ahead(self, days: float) -> datetime:
        later = add_days(self.school.calendar, self.school.now, days)
        assert later is not None
        return later

    # -- where it begins

    @initialize(gate=st.sampled_from(list(GateId)))
    def begin(self, gate: GateId) -> None:
        """Some lives begin further on, so that the later gates are searched as well."""
        if gate is GateId.CHARTER:
            return
        for role, name in zip(SIGNERS, ("ann1", "bob2"), strict=True):
            self.act(GiveSignOff, actor(role, name), gate=GateId.CHARTER)
        wanted = (
            {"network.mbps-per-student", "network.page-load-p95-seconds"}
            if gate is not GateId.INFRASTRUCTURE
            else set()
        )
        wanted |= {"beta.model-mismatch-count"} if gate in (GateId.TRAINING, GateId.SCALE_GUARD) else set()
        wanted |= {"training.untrained-handout-count"} if gate is GateId.SCALE_GUARD else set()
        self.hear({name: CLEAN[name] for name in sorted(wanted)})
        if gate in (GateId.TRAINING, GateId.SCALE_GUARD):
            self.until(self.ahead(1))
        assert self.school.phase is gate.phase

    # -- evidence

    def hear(self, values: dict[str, float], *, attested: bool = False, at: datetime | None = None) -> None:
        self.school.sequence += 1
        self._hear(values, self.school.sequence, at or self.school.now, attested=attested)

    def _hear(self, values: dict[str, float], sequence: int, at: datetime, *, attested: bool) -> None:
        changes: dict[str, Any] = {"origin": Origin.ATTESTED} if attested else {}
        readings = {name: reading(name, value, at, sequence, **changes) for name, value in values.items()}
        for name, value in values.items():
            self.model.hear(name, Seen(sequence, value, at, attested))
        self.tell(ReadingsArrived(readings=readings))

    @rule(attested=st.sampled_from([False, False, True]))
    def clean(self, attested: bool) -> None:
        self.hear(CLEAN, attested=attested)

    @rule(name=st.sampled_from(sorted(WORSE)))
    def worse(self, name: str) -> None:
        self.hear({name: WORSE[name]})

    @rule()
    def grey(self) -> None:
        self.hear(CLEAN | GREY)

    @rule(days=st.integers(5, 30))
    def observed_long_ago(self, days: int) -> None:
        self.hear(CLEAN, at=max(OPENING, self.school.now - timedelta(days=days)))

    @rule(back=st.integers(0, 3), bad=st.booleans())
    def late(self, back: int, bad: bool) -> None:
        """Readings overtaken on their way: the model believes none that is older than what it has."""
        sequence = max(1, self.school.sequence - back)
        self._hear(WORSE if bad else CLEAN, sequence, self.school.now, attested=False)

    @rule()
    def again(self) -> None:
        """The same message twice is one message."""
        before, holds = len(self.school.facts), self.school.walk.state.wake_at
        said = len(self.school.walk.replies)
        accepted = (
            said > 0 and self.school.reply.act_id == getattr(self.last, "act_id", None) and self.school.reply.accepted
        )
        if isinstance(self.last, ReadingsArrived | ContextArrived) or accepted:
            self.tell(self.last)
            assert len(self.school.facts) == before
            assert self.school.walk.state.wake_at == holds
            assert not accepted or self.school.reply.repeated

    # -- people

    @rule(role=st.sampled_from([*SIGNERS, Role.COACH]), name=PEOPLE)
    def sign(self, role: Role, name: str) -> None:
        model, who = self.model, actor(role, name)
        legal = (
            model.phase is Phase.CHARTER and role in SIGNERS and role not in model.signed
            and who.actor_id not in model.signed.values()
        )  # fmt: skip
        assert self.act(GiveSignOff, who, gate=GateId.CHARTER) == legal

    @rule(
        role=st.sampled_from(BOARD),
        name=PEOPLE,
        answer=st.sampled_from(["approved", "approved", "approved", "rejected"]),
    )
    def answer(self, role: Role, name: str, answer: str) -> None:
        model, who = self.model, actor(role, name)
        given = [each.actor.actor_id for each in model.approvals.values()]
        asked, silent = model.picture.asked is not None, model.gate
        if self.act(AnswerAsk, who, gate=model.gate, answer=answer, reason="reviewed"):
            assert asked, silent
            assert who.actor_id not in given
            assert "needs-approval" in model.standing(silent).values()

    @rule(role=st.sampled_from(BOARD), name=PEOPLE)
    def withdraw(self, role: Role, name: str) -> None:
        given = [each.actor.actor_id for each in self.model.approvals.values()]
        who = actor(role, name)
        assert self.act(WithdrawApproval, who, gate=self.model.gate) == (who.actor_id in given)

    def criterion(self, number: int) -> str:
        names = sorted(self.model.standing(self.model.gate))
        return names[number % len(names)]

    @rule(number=st.integers(0, 1), proposer=PEOPLE, granter=PEOPLE, hours=st.integers(1, 120))
    def waive(self, number: int, proposer: str, granter: str, hours: int) -> None:
        """Proposed, and at once granted, if by another person."""
        named, act_id = (self.criterion(number),), self.school.act_id()
        ends = self.school.now + timedelta(hours=hours)
        self.tell(
            ProposeWaiver(
                act_id=act_id, actor=actor(Role.PRINCIPAL, proposer), gate=self.model.gate, criterion_ids=named, scope=HERE,
                category="mitigated", compensating_control="paper-lists", reason="cabling-late", expires_at=ends,
            )
        )  # fmt: skip
        who = actor(Role.STATE_DIRECTOR, granter, STATE)
        signers = [*self.model.signed.values()] if self.model.gate is GateId.CHARTER else []
        legal = self.school.reply.accepted and proposer != granter and who.actor_id not in signers
        assert self.act(GrantWaiver, who, waiver_id=act_id) == legal

    @precondition(lambda self: self.model.waivers)
    @rule()
    def revoke(self) -> None:
        waiver_id = min(self.model.waivers)
        assert not self.act(RevokeWaiver, actor(Role.PRINCIPAL, "ann1"), waiver_id=waiver_id, reason="control-failed")
        who = actor(Role.STATE_DIRECTOR, "cyd3", STATE)
        assert self.act(RevokeWaiver, who, waiver_id=waiver_id, reason="control-failed")

    @rule(number=st.integers(0, 1), role=DIRECTORS, name=PEOPLE, second=st.one_of(st.none(), PEOPLE), other=DIRECTORS)
    def override(self, number: int, role: Role, name: str, second: str | None, other: Role) -> None:
        """Proposed, and perhaps at once confirmed: it stands if it is by two persons, the director among them."""
        act_id = self.school.act_id()
        self.tell(
            OverrideGate(
                act_id=act_id, actor=actor(role, name, STATE), gate=self.model.gate,
                criterion_ids=(self.criterion(number),), reason="term-begins", sponsor=Role.STATE_DIRECTOR,
            )
        )  # fmt: skip
        if second is not None and self.school.reply.accepted:
            two = second != name and Role.STATE_DIRECTOR in (role, other)
            assert self.act(ConfirmOverride, actor(other, second, STATE), override_id=act_id) == two

    @rule(role=DIRECTORS, name=PEOPLE)
    def confirm_override(self, role: Role, name: str) -> None:
        waiting = [each for _, each in sorted(self.model.overrides.items()) if each.confirmed_at is None]
        if waiting:
            first, who = waiting[0], actor(role, name, STATE)
            two = who.actor_id != first.proposed_by.actor_id and Role.STATE_DIRECTOR in (role, first.proposed_by.role)
            assert self.act(ConfirmOverride, who, override_id=first.override_id) == two

    @rule(hours=st.sampled_from([None, 3, 30]))
    def hold(self, hours: int | None) -> None:
        ends = None if hours is None else self.school.now + timedelta(hours=hours)
        hold = Hold(
            hold_id=f"hold-{self.school.sequence:04d}", scope=HERE, reason="flood", lifted_by=Role.PRINCIPAL,
            placed_at=self.school.now, expires_at=ends,
        )  # fmt: skip
        assert self.act(AddHold, actor(Role.PRINCIPAL), hold=hold)

    @precondition(lambda self: self.model.holds)
    @rule(number=st.integers(0, 3))
    def release(self, number: int) -> None:
        names = sorted(self.model.holds)
        hold_id = names[number % len(names)]
        assert not self.act(ReleaseHold, actor(Role.COACH), hold_id=hold_id)
        assert self.act(ReleaseHold, actor(Role.STATE_DIRECTOR, scope=STATE), hold_id=hold_id)

    @rule(version=st.sampled_from([1, 2]))
    def migrate(self, version: int) -> None:
        model = self.model
        legal = version != (model.pending or model.version)
        who = actor(Role.STATE_DIRECTOR, scope=STATE)
        model.pending, before = (
            (None if version == model.version else version) if legal else model.pending,
            model.pending,
        )
        assert self.act(MigratePolicy, who, policy=policy(version)) == legal, before

    @rule(mends=st.booleans())
    def mend(self, mends: bool) -> None:
        owed = self.model.relapsed is not None
        if mends:
            assert self.act(RecordFix, actor(Role.SCHOOL_LEAD), fix="new-cables") == owed
        else:
            assert self.act(RecordRootCause, actor(Role.PRINCIPAL), cause="old-cables") == owed

    # -- time, calendars, machines

    @rule(quarters=st.integers(1, 12))
    def days_pass(self, quarters: int) -> None:
        self.until(self.ahead(quarters / 4))

    @rule()
    def the_next_wake(self) -> None:
        wake_at = self.school.walk.state.wake_at
        if wake_at is not None and wake_at < self.ahead(40):
            self.until(wake_at)

    @rule(days=st.integers(1, 6))
    def the_timer_is_late(self, days: int) -> None:
        self.school.now = self.ahead(days)
        self.tell(TimePassed())

    @rule(begins=st.integers(-1, 3), length=st.integers(1, 4))
    def freeze(self, begins: int, length: int) -> None:
        """Testing begins so many days from now, for so long, by a new version of the calendar."""
        first = self.school.now.date() + timedelta(days=begins)
        last = first + timedelta(days=length - 1)
        midnight = int(datetime(first.year, first.month, first.day, 7, tzinfo=OPENING.tzinfo).timestamp() * 1000)
        window = Window(
            name="sba",
            kind=WindowKind.TESTING,
            first=first,
            last=last,
            begins=midnight,
            ends=midnight + length * 86_400_000,
        )
        self._calendar(windows=(window,))

    @rule()
    def closure(self) -> None:
        """The next whole day becomes none."""
        instant = self.school.now.timestamp() * 1000
        gone = next(day for day in self.school.calendar.days if day[1] > instant)
        self._calendar(days=tuple(day for day in self.school.calendar.days if day != gone))

    def _calendar(self, **changes: Any) -> None:
        version = self.school.calendar.version + 1
        self.school.calendar = self.school.calendar.model_copy(update={"version": version, **changes})
        self.model.learn(self.school.calendar)
        self.tell(ContextArrived(context=context_of(version), calendar=self.school.calendar))

    @rule()
    def restart(self) -> None:
        """Another worker takes over what was written."""
        walk = self.school.walk
        self.school.walk = Walk(
            RolloutState.model_validate_json(walk.state.model_dump_json()), walk.facts, walk.replies
        )

    def teardown(self) -> None:
        """Every life ends by stopping, and after it nothing is said."""
        if not hasattr(self, "school") or self.model.stopped:
            return
        self.tell(StopRollout(act_id=self.school.act_id(), reason="program-over"))
        assert self.model.stopped
        count = len(self.school.facts)
        self.tell(TimePassed())
        self.hear(CLEAN)
        assert not self.act(AddHold, actor(Role.PRINCIPAL), hold=_a_hold(self.school.now))
        assert len(self.school.facts) == count


def _a_hold(now: datetime) -> Hold:
    return Hold(hold_id="hold-last", scope=HERE, reason="flood", lifted_by=Role.PRINCIPAL, placed_at=now)


TestSchool = SchoolMachine.TestCase
if settings.get_current_profile_name() != "long":
    TestSchool.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
