"""Raises, pauses, climbs and ends ladders after each verdict. Called by settle.py, and by progress when a rollout stops.

A policy without ladders comes through untouched. Each rung fires once, in order, never before it is due; nothing
here opens a gate.
"""

from datetime import datetime, timedelta

from schemas.calendar import Calendar
from schemas.decision import Hold, HoldKind, Verdict
from schemas.escalation import (
    Escalation,
    EscalationClosed,
    EscalationEnd,
    EscalationId,
    EscalationPaused,
    EscalationRaised,
    EscalationRescheduled,
    EscalationResumed,
    RungFired,
)
from schemas.fact import HoldAdded
from schemas.ladder import EscalationCause, Ladder, RungKind
from schemas.model import digest_of
from schemas.school import Role, Scope, ScopeKind
from workflows.policy.escalation.ladders import Due, next_due
from workflows.policy.escalation.troubles import Key, Trouble, blocked_since, key_of, troubles_of
from workflows.policy.evaluate import usable_calendar
from workflows.policy.judgement import earliest
from workflows.policy.ledger import Ledger
from workflows.policy.state import RolloutState, inputs_for

LATE = timedelta(minutes=15)
"""A wake-up later than this is an outage of ours: no ladder climbs more than one rung for it. Our judgement."""
OUTAGE = "incident-operations-late"
"""The incident that a late wake-up is."""
RUNGS_MAX = 20
"""More than a ladder has rungs and repeats: a bound on one step's work."""


def escalate(ledger: Ledger, verdict: Verdict) -> datetime | None:
    """Bring every ladder to rest at the ledger's instant; when time alone moves one next, or None."""
    if not ledger.state.policy.ladders and not ledger.state.picture.escalations:
        return None
    since = blocked_since(ledger.state, verdict, ledger.now)
    if since != ledger.state.blocked_since:
        ledger.change(blocked_since=since)
    inputs = inputs_for(ledger.state, verdict.gate)
    calendar = usable_calendar(ledger.state.calendar, inputs)
    troubles = {each.key: each for each in troubles_of(ledger.state, verdict, calendar, inputs, ledger.now)}
    _close(ledger, troubles)
    _admit_lateness(ledger, calendar)
    _raise(ledger, troubles, calendar)
    for escalation_id in sorted(ledger.state.picture.escalations):
        _pause(ledger, escalation_id, troubles)
    for escalation_id in sorted(ledger.state.picture.escalations):
        _climb(ledger, escalation_id, calendar)
    looks = [_reschedule(ledger, escalation_id, calendar) for escalation_id in sorted(ledger.state.picture.escalations)]
    looks += [each.since for each in troubles.values() if each.since is not None and each.since > ledger.now]
    return earliest(*looks)


def end_all(ledger: Ledger) -> None:
    """The rollout stops: so does every ladder."""
    for escalation_id in sorted(ledger.state.picture.escalations):
        ledger.write(EscalationClosed(escalation_id=escalation_id, cause=EscalationEnd.STOPPED))


def _key(escalation: Escalation) -> Key:
    return key_of(escalation.cause, escalation.gate, escalation.attempt, escalation.subject)


def _close(ledger: Ledger, troubles: dict[Key, Trouble]) -> None:
    for escalation_id, escalation in sorted(ledger.state.picture.escalations.items()):
        trouble = troubles.get(_key(escalation))
        if not _climbable(ledger.state, escalation, trouble):
            ledger.write(EscalationClosed(escalation_id=escalation_id, cause=EscalationEnd.SUPERSEDED))
            continue
        if trouble is not None and (trouble.since is None or trouble.since <= ledger.now or not _by_time(trouble)):
            continue
        if trouble is not None and escalation.rung > 0 and ledger.state.policy.semantics >= 2:
            continue  # a new calendar moved its beginning: what was told stays told, and is not told again
        ledger.write(EscalationClosed(escalation_id=escalation_id, cause=_end(ledger.state, escalation)))


def _climbable(state: RolloutState, escalation: Escalation, trouble: Trouble | None) -> bool:
    """Whether the policy of today has the ladder it stands on; another policy may have taken it away."""
    ladder = state.policy.ladders.get(escalation.ladder)
    if ladder is None or (trouble is not None and trouble.ladder != escalation.ladder):
        return False
    return max(escalation.first_rung, escalation.rung) <= len(ladder.rungs)


def _by_time(trouble: Trouble) -> bool:
    """Whether a later `since` means that the trouble is over; a block's only waits for its grace."""
    return trouble.cause in (EscalationCause.ASK_UNANSWERED, EscalationCause.WAIVER_ENDING)


def _end(state: RolloutState, escalation: Escalation) -> EscalationEnd:
    if escalation.acted is not None:
        return EscalationEnd.ACTED
    picture = state.picture
    if escalation.cause is EscalationCause.GATE_BLOCKED:
        left = picture.phase.gate is not escalation.gate and escalation.gate not in picture.opened
        return EscalationEnd.SUPERSEDED if left or picture.attempt != escalation.attempt else EscalationEnd.MENDED
    if escalation.cause is EscalationCause.ASK_UNANSWERED:
        answered = escalation.gate in picture.opened or any(
            each.gate is escalation.gate for each in picture.approvals.values()
        )
        return EscalationEnd.MENDED if answered else EscalationEnd.SUPERSEDED
    return EscalationEnd.SUPERSEDED if escalation.cause is EscalationCause.WAIVER_ENDING else EscalationEnd.MENDED


def _admit_lateness(ledger: Ledger, calendar: Calendar | None) -> None:
    """We woke late: say so, so that of the rungs that fell due meanwhile each ladder fires one."""
    for escalation_id, escalation in sorted(ledger.state.picture.escalations.items()):
        planned = escalation.next_at
        due = next_due(
            escalation, ledger.state.policy.ladders[escalation.ladder], calendar, ledger.state.policy.semantics
        )
        if planned is None or due is None or due.at is None or ledger.now - max(planned, due.at) <= LATE:
            continue
        ledger.write(EscalationPaused(escalation_id=escalation_id, incident_id=OUTAGE))
        ledger.write(EscalationResumed(escalation_id=escalation_id, incident_id=OUTAGE))


def _raise(ledger: Ledger, troubles: dict[Key, Trouble], calendar: Calendar | None) -> None:
    known = {_key(each) for each in ledger.state.picture.escalations.values()}
    for key, trouble in troubles.items():
        due = trouble.since is not None and trouble.since <= ledger.now
        if key in known or not due or not trouble.certain or trouble.explained_by is not None:
            continue
        ladder = ledger.state.policy.ladders[trouble.ladder]
        state = ledger.state
        draft = Escalation(
            cause=trouble.cause, gate=trouble.gate, attempt=trouble.attempt, ladder=trouble.ladder,
            rungs_count=len(ladder.rungs), first_rung=trouble.first_rung, raised_at=ledger.now,
        )  # fmt: skip
        ledger.write(
            EscalationRaised(
                escalation_id=_escalation_id(state, trouble),
                cause=trouble.cause,
                gate=trouble.gate,
                attempt=trouble.attempt,
                ladder=trouble.ladder,
                rungs_count=len(ladder.rungs),
                criterion_ids=trouble.criterion_ids,
                subject=trouble.subject,
                first_rung=trouble.first_rung,
                urgent=trouble.urgent,
                next_at=_next_at(draft, ladder, calendar, state.policy.semantics),
                calendar_version=calendar.version if calendar else None,
            )
        )


def _escalation_id(state: RolloutState, trouble: Trouble) -> EscalationId:
    made_of = [
        state.program_id, state.school_id, trouble.cause.value, trouble.gate.value, trouble.attempt,
        state.picture.fact_sequence + 1,
    ]  # fmt: skip
    return f"escalation-{digest_of(made_of)[7:23]}"


def _pause(ledger: Ledger, escalation_id: EscalationId, troubles: dict[Key, Trouble]) -> None:
    """A silent source pauses what it explains; an outage of ours, told by message, pauses everything."""
    escalation = ledger.state.picture.escalations[escalation_id]
    trouble = troubles.get(_key(escalation))
    told = [key for key, each in sorted(ledger.state.incidents.items()) if each.open]
    explained = [trouble.explained_by] if trouble is not None and trouble.explained_by is not None else []
    reasons = [*told, *explained]
    if escalation.paused_by is None and reasons:
        ledger.write(EscalationPaused(escalation_id=escalation_id, incident_id=reasons[0]))
    elif escalation.paused_by is not None and not reasons:
        ledger.write(EscalationResumed(escalation_id=escalation_id, incident_id=escalation.paused_by))


def _climb(ledger: Ledger, escalation_id: EscalationId, calendar: Calendar | None) -> None:
    """Fire what is due, in order."""
    for _ in range(RUNGS_MAX):
        escalation = ledger.state.picture.escalations[escalation_id]
        ladder = ledger.state.policy.ladders[escalation.ladder]
        due = next_due(escalation, ladder, calendar, ledger.state.policy.semantics)
        if due is None or due.at is None or due.at > ledger.now:
            return
        _fire(ledger, escalation_id, escalation, ladder, due, due.at, calendar)


def _fire(
    ledger: Ledger,
    escalation_id: EscalationId,
    escalation: Escalation,
    ladder: Ladder,
    due: Due,
    due_at: datetime,
    calendar: Calendar | None,
) -> None:
    after = {"rung": due.number, "repeat": due.repeat, "fired_at": ledger.now, "acknowledged_at": None}
    roles = due.rung.roles
    if due.rung.kind is RungKind.WIDEN:
        roles = (*roles, *(role for role in escalation.told if role not in roles))
    ledger.write(
        RungFired(
            escalation_id=escalation_id,
            cause=escalation.cause,
            gate=escalation.gate,
            rung=due.number,
            repeat=due.repeat,
            rung_kind=due.rung.kind,
            roles=roles,
            outcome=due.rung.outcome,
            due_at=due_at,
            urgent=escalation.urgent,
            next_at=_next_at(escalation.model_copy(update=after), ladder, calendar, ledger.state.policy.semantics),
            calendar_version=calendar.version if calendar else None,
        )
    )
    hold_id = f"{escalation_id}-r{due.number}"
    if due.rung.outcome == "hold" and hold_id not in ledger.state.picture.holds:
        ledger.write(HoldAdded(hold=_hold(ledger, hold_id, escalation, roles)))


def _hold(ledger: Ledger, hold_id: str, escalation: Escalation, roles: tuple[Role, ...]) -> Hold:
    return Hold(
        hold_id=hold_id,
        kind=HoldKind.POLICY,
        scope=Scope(kind=ScopeKind.SCHOOL, id=ledger.state.school_id),
        reason=escalation.cause.value,
        placed_at=ledger.now,
        lifted_by=roles[0] if roles else Role.STATE_DIRECTOR,
    )


def _next_at(
    escalation: Escalation, ladder: Ladder, calendar: Calendar | None, semantics: int
) -> datetime | None:  # fmt: skip
    due = next_due(escalation, ladder, calendar, semantics)
    return due.at if due is not None else None


def _reschedule(ledger: Ledger, escalation_id: EscalationId, calendar: Calendar | None) -> datetime | None:
    """Say when the next rung is due, wherever that is no longer what was said."""
    escalation = ledger.state.picture.escalations[escalation_id]
    policy = ledger.state.policy
    next_at = _next_at(escalation, policy.ladders[escalation.ladder], calendar, policy.semantics)
    if next_at != escalation.next_at:
        version = calendar.version if calendar else None
        ledger.write(EscalationRescheduled(escalation_id=escalation_id, next_at=next_at, calendar_version=version))
    return next_at
