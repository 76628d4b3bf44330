"""How a school advances: state, message, now -> state, facts, the next wake-up.

Called by the Temporal shell, by what-if, by the simulator and by tests; all of them get the same.
It does one thing to the world, through its caller: publish facts. Whatever it knows came by message. It refuses
commands by value, never by exception, and the same act twice is one act.
"""

from datetime import datetime
from typing import assert_never

from schemas.advisory import AdvisoriesArrived
from schemas.approval import WithdrawApproval
from schemas.calendar import Calendar
from schemas.document import ApproveDocument, FileDocument
from schemas.fact import (
    ContextChanged,
    PhaseOpened,
    RolloutStarted,
    RolloutStopped,
)
from schemas.message import (
    AcknowledgeEscalation,
    ActOnEscalation,
    AddHold,
    AnswerAsk,
    CloseWorkItem,
    Command,
    CommandReply,
    ContextArrived,
    GiveSignOff,
    IncidentChanged,
    Message,
    OpenWorkItem,
    ReadingsArrived,
    ReleaseHold,
    StartRollout,
    StopRollout,
    TimePassed,
)
from schemas.migration import MigratePolicy
from schemas.model import digest_of
from schemas.readiness import CATALOGUE
from schemas.regress import RecordFix, RecordRootCause
from schemas.school import Phase, SchoolContext, ScopeKind
from schemas.trust import AdvanceByHand
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver, RevokeWaiver
from workflows.policy import acts, advising, migration
from workflows.policy.escalation.escalating import end_all
from workflows.policy.escalation.work import end_work
from workflows.policy.evidence import fold
from workflows.policy.ledger import Ledger
from workflows.policy.settle import settle
from workflows.policy.state import INCIDENTS_KEPT, RolloutState, Step, accepted_before, is_repeat, mark_of

__all__ = ["RolloutState", "Step", "advance", "begin", "check", "signals_named"]

check = acts.check


def signals_named(state: RolloutState) -> tuple[str, ...]:
    """Every signal the school's policy names, sorted: all that the bridge need send."""
    return migration.signals_named(state.policy)


def begin(start: StartRollout, now: datetime, build: str) -> Step:
    """The first step: the policy is pinned, the charter opens, G0 is decided. Never blocks."""
    state = RolloutState(
        program_id=start.program_id,
        school_id=start.school_id,
        rehearsal=start.rehearsal,
        policy=start.policy,
        advisories=start.advisories,
        advisories_version=start.advisories_version,
        wave=start.wave,
        seen_at=now,
    )
    ledger = Ledger(state, now, build)
    policy = start.policy
    ledger.write(
        RolloutStarted(
            policy_name=policy.name,
            policy_version=policy.version,
            policy_digest=policy.digest,
            profile=policy.profile,
            semantics=policy.semantics,
            signals=signals_named(state),
        )
    )
    if start.context is not None:
        _take_context(ledger, start.context, start.calendar)
    elif start.calendar is not None:
        ledger.change(calendar=start.calendar, calendar_digest=digest_of(start.calendar))
    ledger.write(PhaseOpened(attempt=1), phase=Phase.CHARTER)
    settle(ledger, question=False)
    return _step(ledger)


def advance(state: RolloutState, message: Message, now: datetime, build: str) -> Step:
    """What a message leads to. Idempotent by act id and sequence; time going backwards is taken as standing still."""
    now = max(now, state.seen_at)
    ledger = Ledger(state.model_copy(update={"seen_at": now}), now, build)
    match message:
        case (
            GiveSignOff()
            | AnswerAsk()
            | AddHold()
            | ReleaseHold()
            | AcknowledgeEscalation()
            | ActOnEscalation()
            | OpenWorkItem()
            | CloseWorkItem()
            | WithdrawApproval()
            | MigratePolicy()
            | AdvanceByHand()
            | FileDocument()
            | ApproveDocument()
        ):
            return _command(ledger, message)
        case ProposeWaiver() | GrantWaiver() | RevokeWaiver() | OverrideGate() | ConfirmOverride():
            return _command(ledger, message)
        case RecordRootCause() | RecordFix():
            return _command(ledger, message)
        case StopRollout():
            return _stop(ledger, message)
        case ReadingsArrived() | ContextArrived() | IncidentChanged() | AdvisoriesArrived() | TimePassed():
            if state.picture.stopped is not None:
                return Step(state, (), None)
        case _:
            assert_never(message)
    if isinstance(message, ReadingsArrived):
        _take_readings(ledger, message)
    elif isinstance(message, ContextArrived):
        _take_context(ledger, message.context, message.calendar)
    elif isinstance(message, IncidentChanged):
        _take_incident(ledger, message)
    elif isinstance(message, AdvisoriesArrived):
        advising.take(ledger, message)
    settle(ledger, question=not isinstance(message, TimePassed | AdvisoriesArrived))
    return _step(ledger)


def _step(ledger: Ledger, reply: CommandReply | None = None) -> Step:
    return Step(ledger.state, tuple(ledger.facts), ledger.state.wake_at, reply)


def _take_readings(ledger: Ledger, message: ReadingsArrived) -> None:
    """Fold the readings that the policy names; the rest would only make the state grow."""
    named = signals_named(ledger.state)
    evidence, simulated = ledger.state.evidence, ledger.state.simulated_seen
    for name, reading in sorted(message.readings.items()):
        if name in named:
            evidence = fold(evidence, name, reading, ledger.state.policy, ledger.state.calendar)
            simulated = simulated or reading.simulated
    ledger.change(evidence=evidence, simulated_seen=simulated)


def _take_context(ledger: Ledger, context: SchoolContext, calendar: Calendar | None) -> None:
    """Take what is newer. What spoke of another release or district speaks of this school no more."""
    state = ledger.state
    old = state.context
    if context.school_id != state.school_id:
        return  # another school's: never ours to believe
    newer = old is None or context.version > old.version
    current = old if old is not None and not newer else context
    kept = state.calendar if state.calendar and state.calendar.district_id == current.district_id else None
    if calendar is not None and calendar.district_id == current.district_id:
        kept = calendar if kept is None or calendar.version > kept.version else kept
    if not newer and kept is state.calendar:
        return
    gone = set()
    if old is not None and old.release_id != current.release_id:
        gone.add(ScopeKind.RELEASE)
    if old is not None and old.district_id != current.district_id:
        gone.add(ScopeKind.DISTRICT)
    digest = state.calendar_digest if kept is state.calendar else digest_of(kept) if kept else None
    ledger.change(
        context=current,
        calendar=kept,
        calendar_digest=digest,
        evidence={name: item for name, item in state.evidence.items() if CATALOGUE[name].scope not in gone},
    )
    version = kept.version if kept else None
    ledger.write(ContextChanged(context=current, calendar_digest=digest, calendar_version=version))


def _take_incident(ledger: Ledger, message: IncidentChanged) -> None:
    """Keep the newest word on each incident; what is over and oldest goes first when there are too many."""
    known = ledger.state.incidents
    before = known.get(message.incident_id)
    if before is not None and before.revision >= message.revision:
        return
    kept = {**{key: each for key, each in known.items() if key != message.incident_id}, message.incident_id: message}
    over = [key for key, each in kept.items() if not each.open]
    for key in over[: max(0, len(kept) - INCIDENTS_KEPT)]:
        del kept[key]
    ledger.change(incidents=kept)


def _stop(ledger: Ledger, message: StopRollout) -> Step:
    if ledger.state.picture.stopped is None:
        end_all(ledger)
        end_work(ledger)
        ledger.write(RolloutStopped(reason=message.reason, actor=message.actor))
        ledger.remember(message.act_id)
        ledger.change(wake_at=None)
    return _step(ledger)


def _command(ledger: Ledger, command: Command) -> Step:
    """Do a person's command, or refuse it, or say that it was done before."""
    before = accepted_before(ledger.state, command.act_id)
    if before is not None and is_repeat(ledger.state, command):
        repeat = CommandReply(act_id=command.act_id, accepted=True, fact_sequence=before, repeated=True)
        return _step(ledger, repeat)
    wake_at = ledger.state.wake_at
    if wake_at is not None and ledger.now >= wake_at:
        settle(ledger, question=False)  # the timer is late: nobody answers for a world that has passed
    refusal = acts.check(ledger.state, command, ledger.now)
    if refusal is not None:
        return _step(ledger, refusal)
    acts.do(ledger, command)
    settle(ledger, question=False)
    sequence = ledger.remember(command.act_id, mark_of(command))
    return _step(ledger, CommandReply(act_id=command.act_id, accepted=True, fact_sequence=sequence))
