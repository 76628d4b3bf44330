"""When a school must start to be live on a date, and how early it can be: the policy's days and freezes, nothing else.

Called by `program latest-start`, `program earliest-go-live` and whoever plans waves. It assumes that evidence is ready on
time and that people answer at once, so what it rejects is impossible and what it accepts may still be missed.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from schemas.calendar import Calendar, InstructionalDay
from schemas.gate import Dwell, SchoolPolicy, Severity, Soak
from schemas.school import GateId, Phase
from workflows.policy.calendar import add_days, day_at, ends_at
from workflows.policy.freezes import Span, first_open, spans

GATES: tuple[GateId, ...] = tuple(gate for gate in GateId if gate is not GateId.SCALE_GUARD)
"""The gates on the way to scale, in order."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Obstacle(StrEnum):
    """Why a date cannot be."""

    NO_SCHOOL = "no-school"
    """It is no instructional day of the calendar."""
    FROZEN = "frozen"
    """A freeze holds at its opening; `names` are the windows."""
    TOO_SOON = "too-soon"
    """No start from the earliest on reaches it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One phase of a plan."""

    phase: Phase
    gate: GateId
    minimum_days: int
    """Instructional days: the longest of the gate's hard dwells and soaks. 0: none counts days."""
    starts_at: datetime
    """When the phase opens."""
    ready_at: datetime
    """When its days are done."""
    opens_at: datetime
    """When its gate opens: at `ready_at`, or at the end of the freezes that hold then."""
    frozen_by: tuple[str, ...]
    """The windows that hold at `ready_at`. Empty: nothing does."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The earliest way through every gate from a start."""

    starts_at: datetime
    stages: tuple[Stage, ...]
    go_live: date
    """The first instructional day that opens with the school in scale and no freeze in force."""


@dataclass(frozen=True, slots=True)
class LatestStart:
    """The last instant at which a phase may open, for a go-live date."""

    phase: Phase
    gate: GateId
    minimum_days: int
    starts_at: datetime
    """Of the first phase: the opening of a school day. Of the others: when the gate before must have opened."""
    day: date
    """The instructional day under way then, or the last begun."""


@dataclass(frozen=True, slots=True)
class Backward:
    """A go-live date that can be, and each phase's latest legal start."""

    go_live: date
    starts: tuple[LatestStart, ...]
    """The first is the rollout's own."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A go-live date that can't be, why, and the next that can."""

    go_live: date
    obstacle: Obstacle
    names: tuple[str, ...]
    """The windows that freeze it; empty for another obstacle."""
    next_go_live: date | None
    """None: this calendar holds no later one."""


class _Ground:
    """The calendar as every gate sees it, prepared once a plan."""

    def __init__(self, policy: SchoolPolicy, calendar: Calendar) -> None:
        self.calendar = calendar
        self.days: Sequence[InstructionalDay] = calendar.days
        self.stays: dict[GateId, int] = {gate: minimum_days(policy, gate) for gate in GATES}
        self.frozen: dict[GateId, tuple[Span, ...]] = {gate: spans(policy.freezes, calendar, gate) for gate in GATES}

    def opens(self, day: InstructionalDay) -> datetime:
        return _EPOCH + timedelta(milliseconds=day[1])

    def walk(self, gates: Sequence[GateId], start: datetime) -> tuple[Stage, ...] | None:
        """Through these gates as early as the law lets. None: the calendar ends before."""
        at, stages = start, []
        for gate in gates:
            ready = add_days(self.calendar, at, self.stays[gate])
            opens = None if ready is None else first_open(self.frozen[gate], self.calendar, ready)
            if ready is None or opens is None:
                return None
            names = tuple(sorted({span.name for span in self.frozen[gate] if span.holds(ready)}))
            stages.append(Stage(gate.phase, gate, self.stays[gate], at, ready, opens, names))
            at = opens
        return tuple(stages)

    def launch_freezes(self, day: InstructionalDay) -> tuple[str, ...]:
        """What keeps a school from going live at a day's opening: whatever freezes the last gate."""
        return tuple(sorted({span.name for span in self.frozen[GATES[-1]] if span.holds(self.opens(day))}))

    def first_launch(self, stages: tuple[Stage, ...] | None, earliest: date) -> date | None:
        """The first day, on or after a date, that opens with these stages behind it and no freeze in force."""
        if stages is None:
            return None
        later = (day for day in self.days if day[0] >= earliest and self.opens(day) >= stages[-1].opens_at)
        return next((day[0] for day in later if not self.launch_freezes(day)), None)

    def latest(self, gates: Sequence[GateId], before: datetime, candidates: Sequence[datetime]) -> int:
        """How many of the ascending candidates have these gates all open by an instant: they are its beginning.

        Starting later never opens a gate earlier.
        """

        def too_late(start: datetime) -> bool:
            stages = self.walk(gates, start)
            return stages is None or stages[-1].opens_at > before

        return bisect_right(candidates, False, key=too_late)

    def latest_opening(self, previous: GateId, before: datetime, walked: Stage) -> datetime:
        """The last instant at which a gate may open so that the gates after it are open in time.

        Tried are the bells, the ends of freezes and the instant it opens at on the latest start's own way, which will do.
        """
        gates, frozen = GATES[GATES.index(previous) + 1 :], self.frozen[previous]
        bells = {_EPOCH + timedelta(milliseconds=bell) for day in self.days for bell in day[1:]}
        tried = sorted({walked.opens_at, *bells, *(span.ends_at for span in frozen)})
        in_time = tried[: self.latest(gates, before, tried)]
        return next(at for at in reversed(in_time) if not any(span.holds(at) for span in frozen))


def minimum_days(policy: SchoolPolicy, gate: GateId) -> int:
    """The instructional days a phase takes at the least: its gate's longest hard dwell or soak, which run side by side."""
    counted = (
        criterion.minimum_days
        for criterion in policy.gates[gate].criteria
        if isinstance(criterion, Dwell | Soak) and criterion.severity is Severity.HARD
    )
    return max(counted, default=0)


def earliest_go_live(policy: SchoolPolicy, calendar: Calendar, start: datetime) -> Forward | None:
    """The earliest way from a start to scale. None: the calendar ends before. Never blocks."""
    ground = _Ground(policy, calendar)
    stages = ground.walk(GATES, start)
    go_live = ground.first_launch(stages, date.min)
    return None if stages is None or go_live is None else Forward(start, stages, go_live)


def latest_starts(policy: SchoolPolicy, calendar: Calendar, go_live: date, earliest: date) -> Backward | Rejected:
    """Each phase's latest legal start for a go-live date, no start lying before `earliest`; or why not, and what next.

    Live on a date means: its opening bell finds the school in scale, and no freeze in force. Never blocks.
    """
    ground = _Ground(policy, calendar)
    openings = [ground.opens(day) for day in calendar.days if day[0] >= earliest]
    start = openings[0] if openings else ends_at(calendar)

    def rejected(obstacle: Obstacle, names: tuple[str, ...] = ()) -> Rejected:
        return Rejected(go_live, obstacle, names, ground.first_launch(ground.walk(GATES, start), go_live))

    day = next((each for each in calendar.days if each[0] == go_live), None)
    if day is None:
        return rejected(Obstacle.NO_SCHOOL)
    names = ground.launch_freezes(day)
    if names:
        return rejected(Obstacle.FROZEN, names)
    deadline = ground.opens(day)
    count = ground.latest(GATES, deadline, openings)
    way = ground.walk(GATES, openings[count - 1]) if count else None
    if way is None:
        return rejected(Obstacle.TOO_SOON)
    instants = [way[0].starts_at]
    instants += [ground.latest_opening(stage.gate, deadline, stage) for stage in way[:-1]]
    return Backward(go_live, tuple(_latest(ground, stage, at) for stage, at in zip(way, instants, strict=True)))


def _latest(ground: _Ground, stage: Stage, at: datetime) -> LatestStart:
    day = day_at(ground.calendar, at)
    assert day is not None  # every instant tried lies on or after the calendar's first opening
    return LatestStart(stage.phase, stage.gate, stage.minimum_days, at, day)
