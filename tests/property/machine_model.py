"""What a school may do, written a second time and simply: the model against which test_policy_machine.py holds the code.

It knows the policy by the numbers of machine_policy.py and nothing of workflows/policy, but the two functions that
others use to check us: the fold and the recomputation. It sees every fact in order, and says at rest what must be so.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from schemas.approval import ApprovalWithdrawn
from schemas.calendar import Calendar
from schemas.decision import Approval, Hold, Outcome, Override, Waiver
from schemas.escalation import RungFired
from schemas.fact import (
    ApprovalAnswered,
    ApprovalLapsed,
    Fact,
    GateDecided,
    GateOpened,
    HoldAdded,
    HoldReleased,
    PhaseOpened,
    Picture,
    RolloutStopped,
    SignOffRecorded,
)
from schemas.migration import PolicyMigrated
from schemas.model import digest_of
from schemas.readiness import CATALOGUE, Direction
from schemas.regress import FixRecorded, PhaseRegressed, RootCauseRecorded
from schemas.school import GateId, Phase, Role
from schemas.waiver import (
    OverrideConfirmed,
    OverrideLapsed,
    OverrideProposed,
    WaiverEnded,
    WaiverGranted,
    WaiverRevoked,
)
from tests.harness.scenario import SCHOOL
from tests.property.machine_policy import (
    CONFIRM_DAYS,
    DOCUMENTS,
    DWELL_DAYS,
    HOLD_DAYS,
    LINES,
    RECOVER_DAYS,
    REGRESS_DAYS,
    SIGNERS,
)
from workflows.policy.picture import fold_fact
from workflows.policy.verify import compare

_RANK = {
    "met": 0, "waived": 0, "overridden": 1, "needs-approval": 1, "waiting": 2, "unmet": 3, "unknown": 4, "stale": 4,
}  # fmt: skip
_PASSING = ("met", "waived", "overridden")


@dataclass(frozen=True)
class Seen:
    sequence: int
    value: float | None
    at: datetime
    attested: bool


@dataclass
class Model:
    """One school, as simply as it can be said."""

    calendar: Calendar
    now: datetime
    phase: Phase = Phase.CHARTER
    opened: list[GateId] = field(default_factory=list)
    attempt: int = 1
    entered: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    version: int = 1
    pending: int | None = None
    evidence: dict[str, Seen] = field(default_factory=dict)
    signed: dict[Role, str] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    waivers: dict[str, Waiver] = field(default_factory=dict)
    ended: dict[str, Waiver] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    bad_since: datetime | None = None
    clear_since: datetime | None = None
    bad: tuple[str, ...] = ()
    guard_lifted: bool = False
    relapsed: Phase | None = None
    cause: bool = False
    fixed: bool = False
    stopped: bool = False
    picture: Picture = field(default_factory=Picture)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    rungs: dict[tuple[str, int, int], int] = field(default_factory=dict)
    moved: int = 0
    """Where the next phase to open lies: one on after a gate, one back after a regress."""
    decided: dict[int, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.learn(self.calendar)

    # -- what happens

    def learn(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.calendars[digest_of(calendar)] = calendar

    def hear(self, signal: str, seen: Seen) -> None:
        """Only what is newer is believed."""
        known = self.evidence.get(signal)
        if known is None or seen.sequence > known.sequence:
            self.evidence[signal] = seen

    # -- what is so

    @property
    def gate(self) -> GateId:
        return self.phase.gate

    def passed(self, since: datetime, days: float) -> bool:
        """Whether so many school days have passed, counted day by day."""
        began, until = (
            round((each - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) for each in (since, self.now)
        )
        one = (self.calendar.days[0][2] - self.calendar.days[0][1]) * 1000
        open_us = sum(
            max(0, min(until, closes * 1000) - max(began, opens * 1000)) for _, opens, closes in self.calendar.days
        )
        return days == 0 or open_us >= days * one

    @property
    def frozen(self) -> bool:
        instant = self.now.timestamp() * 1000
        return any(each.begins <= instant < each.ends for each in self.calendar.windows)

    def of_line(self, gate: GateId, name: str) -> str:
        signal, line, grey = LINES[gate][name]
        seen = self.evidence.get(signal)
        if seen is None or seen.value is None:
            return "unknown"
        if self.passed(seen.at, CATALOGUE[signal].freshness_days):
            return "stale"
        sign = 1 if CATALOGUE[signal].direction is Direction.HIGHER_IS_BETTER else -1
        if sign * seen.value >= sign * line:
            return "needs-approval" if seen.attested else "met"
        return "needs-approval" if grey is not None and sign * seen.value >= sign * grey else "unmet"

    def excepted(self, gate: GateId, name: str) -> str | None:
        if any(
            name in each.criterion_ids and each.gate is gate and each.confirmed_at for each in self.overrides.values()
        ):
            return "overridden"
        waived = any(
            name in each.criterion_ids and each.gate is gate and each.granted_at <= self.now < each.expires_at
            for each in self.waivers.values()
        )
        return "waived" if waived else None

    def standing(self, gate: GateId) -> dict[str, str]:
        """Every criterion of a gate before anybody's approval."""
        found = {name: self.of_line(gate, name) for name in LINES[gate]}
        if gate is GateId.CHARTER:
            found["charter-signed"] = "met" if len(self.signed) == len(SIGNERS) else "unmet"
        if gate is GateId.BETA:
            found["beta-stay"] = "met" if self.passed(self.entered, DWELL_DAYS[self.version]) else "waiting"
        return {name: self.excepted(gate, name) or status for name, status in found.items()}

    def lapsed(self, approval: Approval) -> bool:
        now = self.standing(self.gate)
        relied = [name for name, waiver_id in approval.waived.items() if waiver_id not in self.waivers]
        return bool(relied) or any(_RANK[now[name]] > _RANK[was.value] for name, was in approval.bound.items())

    def approved(self, name: str) -> bool:
        given = [
            each for each in self.approvals.values()
            if each.gate is self.gate and each.bound.get(name) in ("needs-approval", "overridden") and not self.lapsed(each)
        ]  # fmt: skip
        needed = 2 if self.gate is GateId.INFRASTRUCTURE else 1
        return (
            len({each.actor.role for each in given}) >= needed
            and len({each.actor.actor_id for each in given}) >= needed
        )

    def shown(self) -> dict[str, str]:
        """Every criterion of the current gate as people must see it."""
        return {
            name: "overridden" if status == "needs-approval" and self.approved(name) else status
            for name, status in self.standing(self.gate).items()
        }

    @property
    def owes(self) -> bool:
        return self.relapsed is not None and not (self.cause and self.fixed)

    @property
    def ready(self) -> bool:
        """Whether the current gate opens: every reason against it is gone."""
        shown = self.shown().values()
        something = any(status != "waived" for status in shown)
        return something and all(status in _PASSING for status in shown) and not (
            self.holds or self.frozen or self.owes or self.phase is Phase.SCALE
        )  # fmt: skip

    # -- what it is told

    def accept(self, fact: Fact) -> None:
        """One fact more: it must be allowed, and folds into the picture that its digest names."""
        assert not self.stopped, "after the end nothing is said"
        assert fact.fact_sequence == self.picture.fact_sequence + 1
        assert fact.occurred_at == self.now
        self.picture = fold_fact(self.picture, Fact.model_validate_json(fact.model_dump_json()))
        assert digest_of(self.picture) == fact.picture_digest
        self._moves(fact)
        self._acts(fact)

    def _moves(self, fact: Fact) -> None:
        match fact.body:
            case GateDecided(decision=record):
                assert (
                    compare(record, DOCUMENTS[record.policy_digest], self.calendars.get(record.calendar_digest or ""))
                    == ()
                )
                self.decided = {fact.fact_sequence: fact}
                for result in record.verdict.results:
                    if result.criterion_id in self.standing(record.inputs.gate):
                        excepted = self.excepted(record.inputs.gate, result.criterion_id)
                        assert excepted is None or result.status.value == excepted, "never shown as met"
            case GateOpened() as body:
                decision = self.decided[body.decision_sequence]
                assert isinstance(decision.body, GateDecided)
                assert (decision.occurred_at, decision.body.decision.verdict.gate) == (self.now, body.gate)
                assert decision.body.decision.verdict.outcome is Outcome.OPEN
                assert (body.gate, self.ready) == (self.gate, True), (self.shown(), self.holds, self.frozen)
                self.opened.append(body.gate)
                self.moved = 1
                self.relapsed = None if self.relapsed is body.gate.phase else self.relapsed
            case PhaseRegressed() as body:
                assert compare(body.decision, DOCUMENTS[body.decision.policy_digest], self.calendar) == ()
                assert body.gate is GateId.INFRASTRUCTURE
                assert "unmet" in [self.standing(body.gate)[name] for name in body.criterion_ids]
                assert self.bad_since is not None
                assert self.passed(self.bad_since, REGRESS_DAYS)
                self.moved, self.relapsed, self.cause, self.fixed = -1, body.back_to, False, False
                self.opened = [each for each in self.opened if each.phase is not body.back_to]
                self.bad_since = self.now if body.gate in self.opened else None  # a further step takes days of its own
                self.guard_lifted = False
            case PhaseOpened():
                self._enter(fact)
            case PolicyMigrated() as body:
                assert body.policy_version == self.pending
                self.version, self.pending = body.policy_version, None
            case RolloutStopped():
                self.stopped = True
            case RungFired() as body:
                rung = (body.escalation_id, body.rung, body.repeat)
                assert rung not in self.rungs, "each rung fires once"
                assert body.due_at <= self.now
                self.rungs[rung] = fact.fact_sequence
            case _:
                pass

    def _enter(self, fact: Fact) -> None:
        order = list(Phase)
        assert order.index(fact.phase) - order.index(self.phase) == self.moved
        self.attempt += self.moved == -1
        assert fact.body.attempt == self.attempt  # type: ignore[union-attr]
        self.phase, self.entered, self.approvals, self.moved = fact.phase, self.now, {}, 0
        gates = list(GateId)
        self.overrides = {
            key: each for key, each in self.overrides.items()
            if each.confirmed_at and gates.index(each.gate) < gates.index(self.gate)
        }  # fmt: skip

    def _acts(self, fact: Fact) -> None:
        match fact.body:
            case SignOffRecorded(sign_off=one):
                assert one.actor.role in SIGNERS
                assert one.actor.actor_id not in self.signed.values(), "nobody counts in two roles"
                self.signed[one.actor.role] = one.actor.actor_id
            case ApprovalAnswered(approval=one):
                if one.answer == "approved":
                    assert one.actor.actor_id not in [each.actor.actor_id for each in self.approvals.values()]
                    self.approvals[one.act_id] = one
            case ApprovalWithdrawn() as body:
                del self.approvals[body.act_id]
            case ApprovalLapsed() as body:
                if body.act_id in self.approvals:
                    assert self.lapsed(self.approvals.pop(body.act_id))
            case HoldAdded(hold=hold):
                self._held(hold, fact)
            case HoldReleased() as body:
                self._let_go(self.holds.pop(body.hold_id), body)
            case WaiverGranted(waiver=waiver):
                assert waiver.proposed_by is not None
                assert waiver.proposed_by.actor_id != waiver.granted_by.actor_id
                self.waivers[waiver.waiver_id] = waiver
            case WaiverEnded() as body:
                waiver = self.waivers.pop(body.waiver_id)
                assert waiver.expires_at <= self.now
                self.ended[body.waiver_id] = waiver
            case WaiverRevoked() as body:
                if body.granted:
                    self.ended[body.waiver_id] = self.waivers.pop(body.waiver_id)
            case OverrideProposed(override=one):
                self.overrides[one.override_id] = one
            case OverrideConfirmed(override=one):
                assert one.confirmed_by is not None
                assert one.confirmed_by.actor_id != one.proposed_by.actor_id
                assert not self.passed(one.proposed_at, CONFIRM_DAYS)
                self.overrides[one.override_id] = one
            case OverrideLapsed() as body:
                assert self.passed(self.overrides.pop(body.override_id).proposed_at, CONFIRM_DAYS)
            case RootCauseRecorded():
                self.cause = True
            case FixRecorded():
                self.fixed = True
            case _:
                pass

    def _held(self, hold: Hold, fact: Fact) -> None:
        if hold.hold_id.startswith("guard-"):
            assert self.bad_since is not None
            assert self.passed(self.bad_since, HOLD_DAYS)
            self.guard_lifted = False
        elif hold.kind == "policy" and hold.gate is not None:
            assert hold.hold_id in self.ended
            assert hold.gate in self.opened
        elif hold.kind == "policy":
            assert max(self.rungs.values()) == fact.fact_sequence - 1, "a rung decided it just now"
        assert hold.scope.id == SCHOOL
        self.holds[hold.hold_id] = hold

    def _let_go(self, hold: Hold, body: HoldReleased) -> None:
        if body.cause == "expired":
            assert hold.expires_at is not None
            assert hold.expires_at <= self.now
        elif body.cause == "resolved" and hold.gate is not None:
            now = self.standing(hold.gate)
            assert all(now[name] in _PASSING for name in hold.criterion_ids)
        elif body.cause == "lifted" and hold.hold_id.startswith("guard-"):
            self.guard_lifted = True

    def watch(self) -> None:
        """The guard's clock, before the facts of a step are read: what contradicts the opened gate, and since when."""
        if GateId.INFRASTRUCTURE not in self.opened:
            self.bad_since = self.clear_since = None
            self.bad = ()
            return
        now = self.standing(GateId.INFRASTRUCTURE)
        still = self.bad if self.clear_since is None else ()
        bad = tuple(
            n for n, status in now.items() if status == "unmet" or (status in ("unknown", "stale") and n in still)
        )
        if bad:
            self.bad_since, self.clear_since = self.bad_since or self.now, None
        elif self.bad_since is not None:
            self.clear_since = self.clear_since or self.now
            if self.passed(self.clear_since, RECOVER_DAYS):
                self.bad_since = self.clear_since = None
        self.bad = bad

    def rest(self) -> None:
        """What must be so once a step is over."""
        if self.stopped:
            return
        picture = self.picture
        assert not self.moved
        assert (picture.phase, picture.attempt, picture.opened) == (self.phase, self.attempt, tuple(self.opened))
        assert not self.ready, "nothing is in the way, and it does not open"
        shown = {name: status for name, status in picture.statuses.items() if ":" not in name}
        assert shown == self.shown()
        assert any(name.startswith("freeze:") for name in picture.statuses) == (
            self.frozen and self.phase is not Phase.SCALE
        )
        given = {key for key, each in picture.approvals.items() if each.answer == "approved"}
        assert given == set(self.approvals)
        assert not any(self.lapsed(each) for each in self.approvals.values())
        assert (set(picture.holds), set(picture.waivers)) == (set(self.holds), set(self.waivers))
        assert set(picture.overrides) == set(self.overrides)
        assert all(each.expires_at is None or each.expires_at > self.now for each in self.holds.values())
        assert all(each.expires_at > self.now for each in self.waivers.values())
        waiting = [each for each in self.overrides.values() if each.confirmed_at is None]
        assert not any(self.passed(each.proposed_at, CONFIRM_DAYS) for each in waiting)
        says_no = "unmet" in [self.standing(GateId.INFRASTRUCTURE)[name] for name in self.bad]
        if self.bad_since is not None and GateId.INFRASTRUCTURE in self.opened:
            assert not (says_no and self.passed(self.bad_since, REGRESS_DAYS)), "a school is taken back in time"
            if self.bad and self.passed(self.bad_since, HOLD_DAYS) and not self.guard_lifted:
                assert any(name.startswith("guard-") for name in self.holds)
        of_one = sorted(self.rungs.items(), key=lambda entry: entry[1])
        assert all(a[1:] < b[1:] for (a, _), (b, _) in pairwise(of_one) if a[0] == b[0]), "rungs fire in order"
