"""A school's life in a few words, for policy tests: documents, readings, people, time."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from schemas.approval import WithdrawApproval
from schemas.calendar import Calendar, InstructionalDay
from schemas.decision import EvidenceItem, GateInputs, Hold
from schemas.fact import Fact
from schemas.gate import (
    Criterion,
    DefectCount,
    Dwell,
    Gate,
    PolicyDocument,
    Profile,
    SchoolPolicy,
    Severity,
    Share,
    SignOffs,
    Soak,
    Threshold,
)
from schemas.message import (
    AddHold,
    AnswerAsk,
    CommandReply,
    ContextArrived,
    GiveSignOff,
    Message,
    ReadingsArrived,
    ReleaseHold,
    StartRollout,
    StopRollout,
)
from schemas.migration import MigratePolicy
from schemas.model import digest_of
from schemas.readiness import CATALOGUE, CoalescedReading
from schemas.school import (
    Actor,
    GateId,
    Phase,
    Role,
    SchoolContext,
    SchoolLevel,
    SchoolStatus,
    Scope,
    ScopeKind,
    mint_id,
)
from workflows.policy.calendar import add_days
from workflows.policy.progress import begin
from workflows.policy.timeline import Walk, elapse, tell

SCHOOL = mint_id("test", "school-1")
DISTRICT = mint_id("test", "district-1")
ELSEWHERE = mint_id("test", "district-2")
OPENING = datetime(2026, 9, 1, 15, tzinfo=UTC)
"""The first bell: 08:00 in Washington."""
LIFE: Mapping[str, Any] = {
    "owner": Role.SCHOOL_LEAD, "next_step": "Repair it.", "source": "default, not a standard", "lesson": "A30",
}  # fmt: skip


def school_days(days: int = 180) -> tuple[InstructionalDay, ...]:
    """Weekdays of six and a half hours."""
    civil = [OPENING.date() + timedelta(days=n) for n in range(days * 2)]
    week = [day for day in civil if day.weekday() < 5][:days]
    return tuple((day, _ms(day, 15, 0), _ms(day, 21, 30)) for day in week)


def compressed_days(days: int, start: datetime = OPENING, seconds: float = 1.0) -> tuple[InstructionalDay, ...]:
    """A rehearsal's days: one a second, without gaps."""
    first, length = int(start.timestamp() * 1000), int(seconds * 1000)
    return tuple((start.date() + timedelta(days=n), first + n * length, first + (n + 1) * length) for n in range(days))


def _ms(day: date, hour: int, minute: int) -> int:
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).timestamp() * 1000)


def calendar_of(
    days: tuple[InstructionalDay, ...] | None = None,
    *,
    version: int = 1,
    district: str = DISTRICT,
    rehearsal: bool = False,
) -> Calendar:
    return Calendar(
        district_id=district, version=version, time_zone="America/Los_Angeles", hours_per_day=6.5,
        days=days or school_days(), rehearsal=rehearsal,
    )  # fmt: skip


def gate_of(*criteria: Criterion, approver: Role = Role.PRINCIPAL, approval_days: int = 3, **changes: Any) -> Gate:
    return Gate(
        approver=approver, approval_days=approval_days, silence="The school stays where it is.", criteria=criteria,
        **changes,
    )  # fmt: skip


def gates() -> dict[GateId, Gate]:
    """A policy with every criterion kind in it."""
    return {
        GateId.CHARTER: gate_of(
            SignOffs(id="charter-signed", roles=(Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY), **LIFE)
        ),
        GateId.INFRASTRUCTURE: gate_of(
            Threshold(
                id="capacity", signal="network.mbps-per-student", pass_at=1.0, fail_at=0.7, warn_at=1.5, **LIFE
            ),
            Threshold(id="page-load", signal="network.page-load-p95-seconds", pass_at=3.0, **LIFE),
            Share(id="enrolled", signal="device.enrolled-ratio", pass_at=0.98, minimum_population=5, **LIFE),
            Soak(
                id="sign-in-steady", signal="identity.login-success-ratio", healthy_at=0.98, minimum_days=2,
                evidence_age_days_max=5, **LIFE,
            ),
            Dwell(id="infrastructure-stay", minimum_days=2, **LIFE),
            approver=Role.DISTRICT_TECHNOLOGY,
        ),
        GateId.BETA: gate_of(
            DefectCount(id="defects", major_at_most=2, waivable=False, **LIFE),
            Share(
                id="first-session", signal="first-session.success-ratio", pass_at=0.9, fail_at=0.8,
                minimum_population=10, confidence_ratio=0.95, **LIFE,
            ),
            Threshold(id="model", signal="beta.model-mismatch-count", pass_at=0, **LIFE),
            Dwell(id="beta-stay", minimum_days=3, **LIFE),
        ),
        GateId.TRAINING: gate_of(
            Threshold(
                id="hand-outs", signal="training.untrained-handout-count", pass_at=0, not_applicable_passes=True,
                **LIFE,
            ),
            Share(id="modules", signal="training.modules-complete-ratio", pass_at=0.9, **LIFE),
            Threshold(
                id="months", signal="training.calendar-months-count", pass_at=3, severity=Severity.SOFT, **LIFE
            ),
            Threshold(
                id="coaches", signal="coach.teachers-per-coach", pass_at=20, severity=Severity.OBSERVE, **LIFE
            ),
        ),
        GateId.SCALE_GUARD: gate_of(
            Share(id="devices-seen", signal="device.seen-7-days-ratio", pass_at=0.9, **LIFE),
        ),
    }  # fmt: skip


def document_of(of_gates: dict[GateId, Gate] | None = None, *, semantics: int = 1) -> PolicyDocument:
    return PolicyDocument(
        name="harness",
        version=1,
        semantics=semantics,
        title="For tests",
        profiles={"standard": Profile(gates=of_gates or gates())},
    )


def policy_of(of_gates: dict[GateId, Gate] | None = None, version: int = 1, *, semantics: int = 1) -> SchoolPolicy:
    document = document_of(of_gates, semantics=semantics).model_copy(update={"version": version})
    return SchoolPolicy(
        name=document.name, version=document.version, digest=digest_of(document), semantics=document.semantics,
        profile="standard", gates=document.profiles["standard"].gates,
    )  # fmt: skip


def context_of(version: int = 1, *, district: str = DISTRICT, **changes: Any) -> SchoolContext:
    base: dict[str, Any] = {
        "version": version, "school_id": SCHOOL, "district_id": district, "state": "WA", "status": SchoolStatus.OPEN,
        "level": SchoolLevel.ELEMENTARY, "students": 400, "teachers": 25.0, "release_id": "r1",
    }  # fmt: skip
    return SchoolContext(**(base | changes))


CLEAN: dict[str, float] = {
    "network.mbps-per-student": 2.0,
    "network.page-load-p95-seconds": 1.5,
    "device.enrolled-ratio": 1.0,
    "identity.login-success-ratio": 0.99,
    "defect.open-critical-count": 0,
    "defect.open-major-count": 1,
    "first-session.success-ratio": 0.98,
    "beta.model-mismatch-count": 0,
    "training.untrained-handout-count": 0,
    "training.modules-complete-ratio": 0.95,
    "training.calendar-months-count": 4,
    "coach.teachers-per-coach": 10,
    "device.seen-7-days-ratio": 0.97,
}
"""A school with nothing wrong."""


def reading(
    name: str, value: float | None, observed_at: datetime | None, sequence: int, **changes: Any
) -> CoalescedReading:
    """A reading of 1,000 members if it is a share; `worst` is the value unless told."""
    population: int | None = changes.get("population", 1000)
    share = CATALOGUE[name].share and value is not None
    base: dict[str, Any] = {
        "sequence": sequence, "value": value, "worst": value, "observed_at": observed_at,
        "origin": CATALOGUE[name].origin, "population": population if share else None,
        "numerator": round((value or 0) * (population or 0)) if share else None,
    }  # fmt: skip
    return CoalescedReading(**(base | changes))


def item(name: str, value: float | None, observed_at: datetime | None, **changes: Any) -> EvidenceItem:
    """Evidence as if folded from one reading; `healthy_since` as told."""
    since = changes.pop("healthy_since", {})
    one = reading(name, value, observed_at, 1, **changes)
    return EvidenceItem(**one.model_dump(exclude={"worst"}), healthy_since=since)


def inputs_of(
    gate: GateId, evidence: dict[str, EvidenceItem], opened_at: datetime = OPENING, **changes: Any
) -> GateInputs:
    base: dict[str, Any] = {
        "gate": gate, "phase": gate.phase, "attempt": 1, "opened_at": opened_at, "rehearsal": False,
        "context": context_of(), "evidence": evidence,
    }  # fmt: skip
    return GateInputs(**(base | changes))


def actor(role: Role, name: str | None = None, scope: Scope | None = None, **changes: Any) -> Actor:
    """A person of this role, at the school unless told; one who acts for another does so the whole year unless told."""
    if "acting_for" in changes:
        changes = {"delegated_from": OPENING, "delegated_until": OPENING + timedelta(days=400)} | changes
    where = scope or Scope(kind=ScopeKind.SCHOOL, id=SCHOOL)
    return Actor(
        actor_id=f"actor-{name or role.value.replace('-', '')}", role=role, scope=where, roster_version=1, **changes
    )


class Scenario:
    """One school walking its gates: say what happens, then look."""

    def __init__(
        self, policy: SchoolPolicy | None = None, *, rehearsal: bool = False, calendar: Calendar | None = None,
        context: SchoolContext | None = None, known: bool = True,
    ) -> None:  # fmt: skip
        self.calendar = calendar or calendar_of()
        self.now = datetime.fromtimestamp(self.calendar.days[0][1] / 1000, tz=UTC)
        self.sequence = 0
        self.start = StartRollout(
            program_id="wa-2026", school_id=SCHOOL, rehearsal=rehearsal, policy=policy or policy_of(),
            context=(context or context_of()) if known else None, calendar=self.calendar if known else None,
            started_at=self.now,
        )  # fmt: skip
        step = begin(self.start, self.now, "test")
        self.walk = Walk(step.state, step.facts)

    @property
    def phase(self) -> Phase:
        return self.walk.state.picture.phase

    @property
    def outcome(self) -> str:
        found = self.walk.state.picture.outcome
        return found.value if found else "undecided"

    @property
    def statuses(self) -> dict[str, str]:
        return self.walk.state.picture.statuses

    @property
    def facts(self) -> tuple[Fact, ...]:
        return self.walk.facts

    @property
    def reply(self) -> CommandReply:
        return self.walk.replies[-1]

    def kinds(self, since: int = 0) -> list[str]:
        """The kinds of facts, in order, after a sequence."""
        return [fact.body.kind for fact in self.facts if fact.fact_sequence > since]

    def tell(self, message: Message) -> Self:
        self.walk = tell(self.walk, message, self.now, "test")
        return self

    def days_pass(self, days: float, *, refreshed: bool = False) -> Self:
        """Let school days pass, timers firing; `refreshed`: the school's clean evidence is observed anew daily."""
        whole = int(days) if refreshed else 0
        for _ in range(whole):
            self._to(1.0)
            self.hears(CLEAN)
        if days > whole:
            self._to(days - whole)
        return self

    def _to(self, days: float) -> None:
        later = add_days(self.calendar, self.now, days)
        assert later is not None, "the scenario outlives its calendar"
        self.walk = elapse(self.walk, later, "test")
        self.now = later

    def hears(self, values: Mapping[str, float | None], **changes: Any) -> Self:
        self.sequence += 1
        readings = {name: reading(name, value, self.now, self.sequence, **changes) for name, value in values.items()}
        return self.tell(ReadingsArrived(readings=readings))

    def learns(self, context: SchoolContext, calendar: Calendar | None = None) -> Self:
        return self.tell(ContextArrived(context=context, calendar=calendar))

    def act_id(self) -> str:
        self.sequence += 1
        return f"act-{self.sequence:06d}"

    def signs(self, *roles: Role, gate: GateId = GateId.CHARTER, **changes: Any) -> Self:
        for role in roles or (Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY):
            self.tell(GiveSignOff(act_id=self.act_id(), actor=actor(role, **changes), gate=gate))
        return self

    def answers(self, answer: Any = "approved", by: Actor | None = None, **changes: Any) -> Self:
        gate = changes.pop("gate", self.phase.gate)
        who = by or actor(self.walk.state.policy.gates[gate].approver, "approver")
        act_id = changes.pop("act_id", None) or self.act_id()
        return self.tell(AnswerAsk(act_id=act_id, actor=who, gate=gate, answer=answer, reason="reviewed"))

    def withdraws(self, by: Actor) -> Self:
        return self.tell(WithdrawApproval(act_id=self.act_id(), actor=by, gate=self.phase.gate))

    def held(self, hold_id: str = "hold-0001", *, lifted_by: Role = Role.PRINCIPAL, days: float | None = None) -> Self:
        who = actor(Role.PRINCIPAL)
        hold = Hold(
            hold_id=hold_id, scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), reason="water-damage", lifted_by=lifted_by,
            placed_at=self.now, expires_at=add_days(self.calendar, self.now, days) if days else None,
        )  # fmt: skip
        return self.tell(AddHold(act_id=self.act_id(), actor=who, hold=hold))

    def released(self, hold_id: str = "hold-0001", role: Role = Role.PRINCIPAL) -> Self:
        return self.tell(ReleaseHold(act_id=self.act_id(), actor=actor(role), hold_id=hold_id))

    def migrates(self, to: SchoolPolicy, by: Actor | None = None, act_id: str | None = None) -> Self:
        """A state role gives the school another policy."""
        who = by or actor(Role.STATE_DIRECTOR, scope=Scope(kind=ScopeKind.STATE, id="WA"))
        return self.tell(MigratePolicy(act_id=act_id or self.act_id(), actor=who, policy=to))

    def stopped(self) -> Self:
        return self.tell(StopRollout(act_id=self.act_id(), reason="program-over"))
