"""Advisories for tests, in a few words."""

from typing import Any, Self

from schemas.advisory import AdvisoriesArrived, Advisory, Exemption
from schemas.decision import HoldKind
from schemas.school import Role, Scope
from tests.harness.exceptions import STATE, Excepted, state_actor
from tests.harness.scenario import OPENING, SCHOOL


def advisory_of(where: Any = None, scope: Scope = STATE, **changes: Any) -> Advisory:
    """An incident's advisory over the state, unless told."""
    base: dict[str, Any] = {
        "advisory_id": "advisory-0001", "version": 1, "kind": HoldKind.INCIDENT, "scope": scope, "where": where,
        "reason": "filter-breaks-login", "placed_at": OPENING, "lifted_by": Role.STATE_DIRECTOR,
    }  # fmt: skip
    return Advisory.model_validate(base | changes)


def exemption(school_id: str = SCHOOL) -> Exemption:
    return Exemption(school_id=school_id, reason="own-filter", granted_by=state_actor(), granted_at=OPENING)


def fact_is(fact: str, value: str) -> dict[str, Any]:
    return {"kind": "equals", "fact": fact, "value": value}


class Advised(Excepted):
    """One school that hears of advisories."""

    told = 0

    def hears_of(self, *advisories: Advisory, version: int | None = None, wave: str | None = None) -> Self:
        self.told = self.told + 1 if version is None else version
        return self.tell(AdvisoriesArrived(version=self.told, advisories=advisories, wave=wave))

    @property
    def held_by(self) -> list[str]:
        return sorted(self.walk.state.picture.holds)

    def causes(self) -> list[str]:
        return [fact.body.cause for fact in self.facts if fact.body.kind == "hold-released"]
