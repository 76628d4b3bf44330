"""What the policy wants escalated as things stand. Called by escalating.py alone; pure, and it remembers nothing.

Each trouble says why, about what, by which ladder, and whether a silent source explains it. A question that cannot
be read raises nothing and ends nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from schemas.calendar import Calendar
from schemas.decision import EvidenceItem, GateInputs, Outcome, Verdict
from schemas.escalation import IncidentId
from schemas.gate import Gate
from schemas.ladder import Alarm, EscalationCause, LadderName
from schemas.readiness import CATALOGUE
from schemas.school import GateId
from schemas.signal import Direction
from workflows.policy.calendar import add_days, ages_out_at
from workflows.policy.criteria.reading import FUTURE_LIMIT
from workflows.policy.escalation.silence import incident_of, owner_of_silence, shut_by
from workflows.policy.exceptions.waiving import remind_at
from workflows.policy.judgement import latest
from workflows.policy.state import RolloutState

Key = tuple[EscalationCause, str]
"""Two troubles of one key are one escalation."""


def key_of(cause: EscalationCause, gate: GateId, attempt: int, subject: str | None) -> Key:
    """What it is about: its subject, or, where that is the gate itself, the gate and its attempt."""
    return cause, subject or f"{gate.value}/{attempt}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that may have to be escalated."""

    cause: EscalationCause
    gate: GateId
    attempt: int
    ladder: LadderName
    since: datetime | None
    """When it is to be raised. None: not by time, as far as the calendar knows."""
    criterion_ids: tuple[str, ...] = ()
    subject: str | None = None
    first_rung: int = 1
    urgent: bool = False
    explained_by: IncidentId | None = None
    """None: no silent source explains it."""
    certain: bool = True
    """False: it can no longer be read, so it raises nothing; what was raised stands."""

    @property
    def key(self) -> Key:
        """What it is about."""
        return key_of(self.cause, self.gate, self.attempt, self.subject)


def blocked_since(state: RolloutState, verdict: Verdict, now: datetime) -> datetime | None:
    """Since when the current gate says no or nothing; None: it does not, or only silence of a source began it."""
    if verdict.outcome not in (Outcome.UNMET, Outcome.UNKNOWN):
        return None
    if state.blocked_since is None:
        return None if owner_of_silence(verdict.results) else now
    return latest(state.blocked_since, state.picture.phase_opened_at)


def troubles_of(
    state: RolloutState, verdict: Verdict, calendar: Calendar | None, inputs: GateInputs, now: datetime
) -> tuple[Trouble, ...]:
    """Everything that the policy would have escalated now or later, in a fixed order."""
    gate = state.policy.gates.get(verdict.gate)
    found: list[Trouble] = []
    if gate is not None:
        found += _blocked(state, verdict, gate, calendar)
        found += _unanswered(state, verdict, gate)
    for alarm in state.policy.alarms:
        found += _alarm(state, alarm, verdict.gate, calendar, inputs, now)
    found += _waivers(state, verdict.gate, calendar, now)
    found += _overdue(state)
    return tuple(trouble for trouble in found if trouble.ladder in state.policy.ladders)


def _blocked(state: RolloutState, verdict: Verdict, gate: Gate, calendar: Calendar | None) -> Iterator[Trouble]:
    shut = shut_by(verdict.results)
    if gate.blocked_ladder is None or not shut:
        return
    owner = owner_of_silence(verdict.results)
    since = state.blocked_since
    yield Trouble(
        cause=EscalationCause.GATE_BLOCKED,
        gate=verdict.gate,
        attempt=state.picture.attempt,
        ladder=gate.blocked_ladder,
        since=add_days(calendar, since, gate.blocked_after_days) if calendar and since else None,
        criterion_ids=tuple(result.criterion_id for result in shut),
        explained_by=incident_of(owner, state.program_id) if owner else None,
    )


def _unanswered(state: RolloutState, verdict: Verdict, gate: Gate) -> Iterator[Trouble]:
    picture = state.picture
    if gate.unanswered_ladder is None or picture.asked is None:
        return
    yield Trouble(
        cause=EscalationCause.ASK_UNANSWERED,
        gate=verdict.gate,
        attempt=picture.attempt,
        ladder=gate.unanswered_ladder,
        since=picture.answer_by,
        criterion_ids=picture.asked_for,
    )


def _alarm(
    state: RolloutState, alarm: Alarm, gate: GateId, calendar: Calendar | None, inputs: GateInputs, now: datetime
) -> Iterator[Trouble]:
    item = state.evidence.get(alarm.signal)
    readable = item is not None and _readable(alarm, item, calendar, inputs, now)
    if readable and item is not None and not _worse(alarm, item):
        return
    yield Trouble(
        cause=alarm.cause,
        gate=gate,
        attempt=state.picture.attempt,
        ladder=alarm.ladder,
        since=now if readable else None,
        subject=alarm.signal.replace(".", "-"),
        first_rung=alarm.first_rung,
        urgent=alarm.cause is EscalationCause.INSTRUCTION_STOPPED,
        certain=readable,
    )


def _readable(alarm: Alarm, item: EvidenceItem, calendar: Calendar | None, inputs: GateInputs, now: datetime) -> bool:
    if item.value is None and item.applicable:
        return False
    if item.missing is not None or item.observed_at is None or item.observed_at > now + FUTURE_LIMIT:
        return False
    if item.simulated and not inputs.rehearsal:
        return False
    if calendar is None:
        return True
    aged = ages_out_at(calendar, item.observed_at, CATALOGUE[alarm.signal].freshness_days)
    return aged is None or now < aged


def _worse(alarm: Alarm, item: EvidenceItem) -> bool:
    if item.value is None:
        return False  # it does not apply: the question does not arise here
    higher = CATALOGUE[alarm.signal].direction is Direction.HIGHER_IS_BETTER
    return item.value < alarm.quiet_at if higher else item.value > alarm.quiet_at


def _waivers(state: RolloutState, gate: GateId, calendar: Calendar | None, now: datetime) -> Iterator[Trouble]:
    ladder = state.policy.waiver_ladder
    if ladder is None:
        return
    for waiver in sorted((*state.waivers, *state.picture.waivers.values()), key=lambda each: each.waiver_id):
        if waiver.expires_at <= now:
            continue
        yield Trouble(
            cause=EscalationCause.WAIVER_ENDING,
            gate=waiver.gate or gate,
            attempt=state.picture.attempt,
            ladder=ladder,
            since=remind_at(waiver, state.policy.exceptions.waivers.remind_days_before, calendar),
            criterion_ids=waiver.criterion_ids,
            subject=waiver.waiver_id,
        )


def _overdue(state: RolloutState) -> Iterator[Trouble]:
    for work_item_id, item in sorted(state.picture.work_items.items()):
        if item.overdue and item.ladder is not None:
            yield Trouble(
                cause=EscalationCause.WORK_ITEM_OVERDUE,
                gate=item.gate,
                attempt=1,
                ladder=item.ladder,
                since=state.seen_at,
                criterion_ids=(item.criterion_id,) if item.criterion_id else (),
                subject=work_item_id,
            )
