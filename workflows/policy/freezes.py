"""When windows of the calendar keep a gate shut, and when it may open next. Called by evaluate.py and planner.py.

A freeze only ever adds. It stops advancing and nothing else: evidence, signatures and approvals go on. Which windows
there are is the calendar's; which freeze, the policy's. It reads no time zone.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.calendar import Calendar, Window, WindowKind
from schemas.decision import CriterionResult, GateInputs, Outcome, Reason, Status
from schemas.freeze import Freeze
from schemas.gate import Severity
from schemas.school import GateId
from workflows.policy.calendar import ends_at
from workflows.policy.judgement import OUTCOME_OF, earliest

PREFIX = "freeze:"
"""What a freeze's result is called: this, and its window's name."""
UNKNOWN_ID = PREFIX + "calendar"
"""The result where nobody can say whether a freeze is in force."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One stretch in which a gate does not open: from its beginning until just before its end."""

    begins_at: datetime
    ends_at: datetime
    name: str
    kind: WindowKind

    def holds(self, instant: datetime) -> bool:
        """Whether the gate is frozen at an instant."""
        return self.begins_at <= instant < self.ends_at


@dataclass(frozen=True, slots=True)
class Sight:
    """What freezes do to one gate at one instant, and what is next."""

    results: tuple[CriterionResult, ...] = ()
    look_at: datetime | None = None
    """The first instant at which time alone changes any of this. None: nothing freezes this gate."""
    frozen_from: datetime | None = None
    next_opening_at: datetime | None = None


def applying(freezes: Sequence[Freeze], gate: GateId, *, compressed: bool) -> tuple[Freeze, ...]:
    """The freezes of this gate; on a compressed calendar only those that freeze rehearsals too."""
    if gate is GateId.SCALE_GUARD:
        return ()
    return tuple(each for each in freezes if gate in (each.gates or (gate,)) and (each.rehearsals or not compressed))


def spans(freezes: Sequence[Freeze], calendar: Calendar, gate: GateId) -> tuple[Span, ...]:
    """Every stretch of this calendar in which the gate is frozen, by its beginning, whatever the windows' order."""
    chosen = applying(freezes, gate, compressed=calendar.rehearsal)
    return tuple(sorted({span for freeze in chosen for span in _spans_of(freeze, calendar)}))


def first_open(spans: Sequence[Span], calendar: Calendar, instant: datetime) -> datetime | None:
    """The first instant, from this one on, at which none of the spans holds. None: the calendar ends before."""
    if not spans:
        return instant
    for span in spans:  # ascending: what follows on one span begins after it began
        if span.holds(instant):
            instant = span.ends_at
    return instant if instant < ends_at(calendar) else None


def look(freezes: Sequence[Freeze], calendar: Calendar | None, inputs: GateInputs, now: datetime) -> Sight:
    """A waiting result for each freeze in force, and when the gate closes or opens next. Never opens anything.

    Where the policy freezes and the calendar is missing or over, nobody knows: UNKNOWN, never unfrozen.
    """
    if not freezes:
        return Sight()
    if calendar is None:
        known = not applying(freezes, inputs.gate, compressed=inputs.rehearsal)
        return Sight() if known else Sight((_unknown(Reason.NO_CALENDAR),))
    if not applying(freezes, inputs.gate, compressed=calendar.rehearsal):
        return Sight()
    end = ends_at(calendar)
    if now >= end:
        return Sight((_unknown(Reason.OUTSIDE_CALENDAR),))
    frozen = spans(freezes, calendar, inputs.gate)
    ahead = next((span.begins_at for span in frozen if span.begins_at > now), None)
    current = {span.name: span for span in sorted(frozen, key=lambda each: each.ends_at) if span.holds(now)}
    since = min((span.begins_at for span in current.values()), default=ahead)
    return Sight(
        results=tuple(_waiting(span) for _, span in sorted(current.items())),
        look_at=earliest(end, ahead),
        frozen_from=since,
        next_opening_at=first_open(frozen, calendar, now if current else since) if since else None,
    )


def _spans_of(freeze: Freeze, calendar: Calendar) -> Iterator[Span]:
    windows = [each for each in calendar.windows if each.kind is freeze.window and each.blocks]
    for window in windows:
        yield Span(_lead(freeze, window, calendar), _instant(window.ends), window.name, window.kind)
    if windows or freeze.days is None:
        return
    days = calendar.days
    chosen = days[: freeze.days] if freeze.window is WindowKind.FIRST_DAYS else days[-freeze.days :]
    yield Span(_instant(chosen[0][1]), _instant(chosen[-1][2]), freeze.window.value, freeze.window)


def _lead(freeze: Freeze, window: Window, calendar: Calendar) -> datetime:
    """The opening of the day so many instructional days before the window's first; of the first day there is."""
    begins = _instant(window.begins)
    index = bisect_left(calendar.days, window.first, key=lambda day: day[0])
    if freeze.lead_days == 0 or index == 0:
        return begins
    return min(begins, _instant(calendar.days[max(0, index - freeze.lead_days)][1]))


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _waiting(span: Span) -> CriterionResult:
    return CriterionResult.model_construct(
        criterion_id=PREFIX + span.name,
        severity=Severity.HARD,
        status=Status.WAITING,
        outcome=Outcome.WAITING,
        reason=Reason.FROZEN,
        observed_at=span.begins_at,
        detail=(span.kind.value,),
        next_look_at=span.ends_at,
    )


def _unknown(reason: Reason) -> CriterionResult:
    return CriterionResult.model_construct(
        criterion_id=UNKNOWN_ID,
        severity=Severity.HARD,
        status=Status.UNKNOWN,
        outcome=OUTCOME_OF[Status.UNKNOWN],
        reason=reason,
    )
