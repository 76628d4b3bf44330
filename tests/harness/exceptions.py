"""A school's life with waivers and overrides, in a few words more than `Scenario` has."""

from datetime import timedelta
from typing import Any, Self

from schemas.decision import Override, Waiver
from schemas.gate import SchoolPolicy
from schemas.rules import ExceptionRules
from schemas.school import Actor, GateId, Role, Scope, ScopeKind
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver, RevokeWaiver
from tests.harness.scenario import CLEAN, DISTRICT, SCHOOL, Scenario, actor, policy_of

STATE = Scope(kind=ScopeKind.STATE, id="WA")
SLOW = CLEAN | {"network.page-load-p95-seconds": 9.0}
"""A school with one thing wrong: `page-load`, of G1."""


def state_actor(role: Role = Role.STATE_DIRECTOR, name: str | None = None, **changes: Any) -> Actor:
    return actor(role, name, STATE, **changes)


class Excepted(Scenario):
    """One school walking its gates, with leave or without."""

    @property
    def waivers(self) -> dict[str, Waiver]:
        return self.walk.state.picture.waivers

    @property
    def overrides(self) -> dict[str, Override]:
        return self.walk.state.picture.overrides

    def proposes(self, *criteria: str, by: Actor | None = None, days: float | None = None, **changes: Any) -> Self:
        base: dict[str, Any] = {
            "act_id": changes.pop("act_id", "waiver-0001"), "actor": by or actor(Role.PRINCIPAL),
            "gate": self.phase.gate, "criterion_ids": criteria, "scope": Scope(kind=ScopeKind.SCHOOL, id=SCHOOL),
            "category": "mitigated", "compensating_control": "paper-lists", "reason": "cabling-late",
            "expires_at": None if days is None else self.now + timedelta(days=days),
        }  # fmt: skip
        return self.tell(ProposeWaiver(**(base | changes)))

    def grants(self, waiver_id: str = "waiver-0001", by: Actor | None = None, days: float | None = None) -> Self:
        ends = None if days is None else self.now + timedelta(days=days)
        who = by or state_actor()
        return self.tell(GrantWaiver(act_id=self.act_id(), actor=who, waiver_id=waiver_id, expires_at=ends))

    def waived(self, *criteria: str, days: float | None = None, waiver_id: str = "waiver-0001", **changes: Any) -> Self:
        self.proposes(*criteria, days=days, act_id=waiver_id, **changes)
        assert self.reply.accepted, self.reply
        self.grants(waiver_id)
        assert self.reply.accepted, self.reply
        return self

    def revokes(self, waiver_id: str = "waiver-0001", by: Actor | None = None) -> Self:
        who = by or state_actor()
        return self.tell(RevokeWaiver(act_id=self.act_id(), actor=who, waiver_id=waiver_id, reason="control-failed"))

    def overrides_gate(self, *criteria: str, by: Actor | None = None, **changes: Any) -> Self:
        base: dict[str, Any] = {
            "act_id": changes.pop("act_id", "override-0001"), "actor": by or state_actor(), "gate": self.phase.gate,
            "criterion_ids": criteria, "reason": "term-begins", "sponsor": Role.STATE_DIRECTOR,
        }  # fmt: skip
        return self.tell(OverrideGate(**(base | changes)))

    def confirms(self, override_id: str = "override-0001", by: Actor | None = None) -> Self:
        who = by or state_actor(Role.STATE_ASSESSMENT_DIRECTOR)
        return self.tell(ConfirmOverride(act_id=self.act_id(), actor=who, override_id=override_id))

    def overridden(self, *criteria: str, override_id: str = "override-0001") -> Self:
        self.overrides_gate(*criteria, act_id=override_id)
        assert self.reply.accepted, self.reply
        self.confirms(override_id)
        assert self.reply.accepted, self.reply
        return self


def at_infrastructure(
    exceptions: ExceptionRules | None = None, *, policy: SchoolPolicy | None = None
) -> Excepted:  # fmt: skip
    """A school before G1 with a slow page, all else well, its dwell and soak behind it."""
    policy = policy or policy_of()
    if exceptions is not None:
        policy = policy.model_copy(update={"exceptions": exceptions})
    school = Excepted(policy)
    school.signs().hears(SLOW)
    assert school.phase.gate is GateId.INFRASTRUCTURE
    school.days_pass(2.5)
    school.hears(SLOW)
    assert school.statuses["page-load"] == "unmet"
    return school


def of_district() -> Scope:
    return Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)
