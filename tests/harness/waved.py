"""A program in waves and its schools in a few words, for policy tests: counts are made as the bridge makes them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from schemas.calendar import Calendar
from schemas.message import CommandReply
from schemas.model import digest_of
from schemas.program import (
    Candidate,
    Demand,
    LiftLine,
    ProgramMessage,
    Resource,
    SchoolsGone,
    SchoolsJoined,
    Seat,
    StartProgram,
    StopLine,
    WavePolicy,
)
from schemas.program_fact import ProgramFact, SchoolsAdmitted
from schemas.school import Actor, Phase, Role, Scope, ScopeKind, mint_id
from tests.harness.scenario import OPENING, calendar_of
from workflows.policy.program.admission import ProgramState, ProgramStep, advance_program, begin_program
from workflows.policy.program.standing import Standing, count
from workflows.policy.program.waves import plan_waves, seat_of

CALENDAR = calendar_of()


def policy_of(**changes: Any) -> WavePolicy:
    trainers = Resource(id="trainer-days", unit="days", capacity=20, demand=Demand(per_school=2))
    base: dict[str, Any] = {"name": "waves", "version": 1, "first_count": 2, "resources": (trainers,)}
    return WavePolicy(**(base | changes))


def candidate(number: int, district: int = 1, **changes: Any) -> Candidate:
    base: dict[str, Any] = {
        "school_id": mint_id("waved", f"school-{number}"), "district_id": mint_id("waved", f"district-{district}"),
        "readiness": 1000 - number,
    }  # fmt: skip
    return Candidate(**(base | changes))


def director(role: Role = Role.STATE_DIRECTOR, kind: ScopeKind = ScopeKind.STATE) -> Actor:
    return Actor(actor_id="actor-state", role=role, scope=Scope(kind=kind, id="WA"), roster_version=1)


@dataclass
class Waved:
    """A program, its schools and the bridge between; `now` moves only when told."""

    policy: WavePolicy
    state: ProgramState
    facts: list[ProgramFact]
    now: datetime = OPENING
    seats: dict[str, Seat] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    reply: CommandReply | None = None
    calendar: Calendar = CALENDAR

    @classmethod
    def of(cls, policy: WavePolicy, schools: list[Candidate], now: datetime = OPENING) -> "Waved":
        plan = plan_waves(policy, schools)
        start = StartProgram(
            program_id="wa-2026", rehearsal=False, waves_digest=digest_of(policy), policy=policy,
            waves=tuple(wave.seats for wave in plan.waves), started_at=now,
        )  # fmt: skip
        step = begin_program(start, now)
        found = cls(policy, step.state, [], now)
        found.seats = {seat.school_id: seat for wave in plan.waves for seat in wave.seats}
        found._take(step)
        return found

    def _take(self, step: ProgramStep) -> None:
        self.state, self.reply = step.state, step.reply
        for fact in step.facts:
            self.facts.append(fact)
            if isinstance(fact.body, SchoolsAdmitted):
                for school_id in fact.body.school_ids:
                    assert school_id not in self.standings, "admitted twice"
                    seat = self.seats[school_id]
                    self.standings[school_id] = Standing(
                        fact.body.wave, seat.district_id, seat.demand, False, Phase.CHARTER, None, self.now
                    )

    def tell(self, message: ProgramMessage) -> None:
        """A message at this instant."""
        self._take(advance_program(self.state, message, self.now))

    def look(self) -> None:
        """The bridge counts and says so."""
        calendars = {seat.district_id: self.calendar for seat in self.seats.values()}
        known = self.state.picture.fact_sequence
        self.tell(count(self.policy, self.standings.values(), calendars, known, self.now))

    def move(self, school_ids: list[str], phase: Phase | None = None, **changes: Any) -> None:
        """Schools come to stand elsewhere; whoever moves is heard of."""
        for school_id in school_ids:
            old = self.standings[school_id]
            fields = {"phase": phase or old.phase, "heard_at": self.now} | changes
            self.standings[school_id] = Standing(
                **{"wave": old.wave, "district_id": old.district_id, "demand": old.demand, "left": old.left,
                   "unmet_since": old.unmet_since, **fields}
            )  # fmt: skip

    def join(self, schools: list[Candidate], known: int | None = None) -> None:
        seats = [seat for each in schools if isinstance(seat := seat_of(self.policy, each), Seat)]
        self.seats |= {seat.school_id: seat for seat in seats}
        known = self.state.picture.fact_sequence if known is None else known
        self.tell(SchoolsJoined(known_sequence=known, seats=tuple(seats)))

    def leave(self, school_ids: list[str]) -> None:
        self.tell(SchoolsGone(school_ids=tuple(school_ids)))

    def stop_line(self, act_id: str = "stop-0001", actor: Actor | None = None) -> None:
        self.tell(StopLine(act_id=act_id, actor=actor or director(), reason="devices-recalled"))

    def lift_line(self, act_id: str = "lift-0001", district_id: str | None = None, wave: int | None = None) -> None:
        self.tell(
            LiftLine(act_id=act_id, actor=director(), reason="devices-replaced", district_id=district_id, wave=wave)
        )

    def wave(self, number: int) -> list[str]:
        """Who has been admitted with this wave."""
        return [school for school, each in self.standings.items() if each.wave == number]

    def kinds(self) -> list[str]:
        return [fact.body.kind for fact in self.facts]

    def waits(self) -> list[str]:
        return [each.name or each.limit.value for each in self.state.picture.waits]

    def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days)
