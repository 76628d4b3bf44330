"""How a program admits its schools: state, message, now -> state, facts, the next wake-up. Pure.

Called by the program's Temporal shell and by tests. It admits from counts alone: the bridge says where schools stand,
absolutely, and counts that do not know the last change of seats are too old to admit on. It refuses commands by value.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from pydantic import Field

from schemas.decision import ActId
from schemas.message import CommandReply
from schemas.model import Digest, Instant, Tolerant
from schemas.program import (
    LiftLine,
    ProgramCommand,
    ProgramMessage,
    ProgramTimePassed,
    SchoolsGone,
    SchoolsJoined,
    SchoolsMoved,
    Seat,
    StartProgram,
    StopLine,
    StopProgram,
    WavePolicy,
)
from schemas.program_fact import (
    JoinedLate,
    LeftWaiting,
    LineLifted,
    LineStopped,
    ProgramEnded,
    ProgramFact,
    ProgramPicture,
    ProgramStarted,
)
from schemas.school import STATE_ROLES, ProgramId, ScopeKind
from workflows.policy.program import admitting
from workflows.policy.program.picture import ProgramLedger
from workflows.policy.program.waves import wave_cap

ACTS_KEPT = 200
"""Command ids remembered. Our judgement, 2026-11-25."""


class ProgramState(Tolerant):
    """Everything `advance_program` needs besides the message and the time."""

    program_id: ProgramId
    rehearsal: bool
    waves_digest: Digest
    policy: WavePolicy
    waiting: tuple[tuple[Seat, ...], ...]
    """Of each wave, who has not been admitted, in order."""
    sizes: tuple[int, ...]
    """Of each wave, how many it was made of, late joiners included: what growth is measured by."""
    moved: SchoolsMoved | None = None
    """The latest counts. None: none yet."""
    picture: ProgramPicture = ProgramPicture()
    acts: tuple[tuple[ActId, int], ...] = ()
    """The last accepted commands, oldest first, each with the fact_sequence it led to."""
    act_marks: dict[ActId, str] = Field(default_factory=dict)
    seen_at: Instant
    """The latest instant ever told."""
    wake_at: Instant | None = None
    """None: time alone changes nothing."""


@dataclass(frozen=True, slots=True)
class ProgramStep:
    """What one message led to."""

    state: ProgramState
    facts: tuple[ProgramFact, ...]
    wake_at: datetime | None
    reply: CommandReply | None = None
    """None: the message was no command."""


def begin_program(start: StartProgram, now: datetime) -> ProgramStep:
    """The first step: how the program admits is pinned; the first wave opens when no freeze covers the day."""
    state = ProgramState(
        program_id=start.program_id,
        rehearsal=start.rehearsal,
        waves_digest=start.waves_digest,
        policy=start.policy,
        waiting=start.waves,
        sizes=tuple(len(wave) for wave in start.waves),
        seen_at=now,
    )
    ledger = _ledger(state, now)
    ledger.write(
        ProgramStarted(
            policy_name=start.policy.name,
            policy_version=start.policy.version,
            waves_digest=start.waves_digest,
            waves_count=len(start.waves),
            schools_count=sum(state.sizes),
        )
    )
    return _settled(state, ledger, now)


def advance_program(state: ProgramState, message: ProgramMessage, now: datetime) -> ProgramStep:
    """What a message leads to. Idempotent by act id and sequence; time going backwards is standing still."""
    now = max(now, state.seen_at)
    state = state.model_copy(update={"seen_at": now})
    if isinstance(message, StopLine | LiftLine):
        return _command(state, message, now)
    if state.picture.ended is not None:
        return ProgramStep(state, (), None)
    ledger = _ledger(state, now)
    match message:
        case SchoolsMoved():
            if not admitting.knows(state.picture, message.known_sequence):
                return ProgramStep(state, (), state.wake_at)
            state = state.model_copy(update={"moved": message})
        case SchoolsJoined():
            state = _join(state, ledger, message)
        case SchoolsGone():
            state = _leave(state, ledger, message.school_ids)
        case StopProgram():
            ledger.write(ProgramEnded(reason=message.reason))
            ended = state.model_copy(update={"picture": ledger.picture, "waiting": (), "wake_at": None})
            return ProgramStep(ended, tuple(ledger.facts), None)
        case ProgramTimePassed():
            pass
        case _:
            assert_never(message)
    return _settled(state, ledger, now)


def check_program(state: ProgramState, command: ProgramCommand) -> CommandReply | None:
    """Why a command is refused; None: it is not."""
    if _accepted(state, command.act_id) is not None:
        if state.act_marks.get(command.act_id) == _mark(command):
            return None
        return _refused(command, "act-id-taken", "an id of its own", "the id of another act", "choose another --id")
    actor, picture = command.actor, state.picture
    if picture.ended is not None:
        return _refused(command, "program-ended", "a program under way", f"ended: {picture.ended}", "nothing to do")
    if actor.role not in STATE_ROLES or actor.scope.kind not in (ScopeKind.STATE, ScopeKind.PROGRAM):
        wanted = " or ".join(role.value for role in STATE_ROLES)
        seen = f"{actor.role.value} of a {actor.scope.kind.value}"
        return _refused(command, "role-not-entitled", f"{wanted} of the state", seen, "ask one of them")
    if isinstance(command, StopLine):
        if picture.line_stopped is not None:
            seen = f"stopped: {picture.line_stopped}"
            return _refused(command, "line-stopped-already", "a line that runs", seen, "nothing to do")
        return None
    return _check_lift(state, command)


def _check_lift(state: ProgramState, command: LiftLine) -> CommandReply | None:
    picture, aborted = state.picture, command.district_id or command.wave
    if aborted is None:
        if picture.line_stopped is None:
            return _refused(command, "line-runs", "a stopped line", "one that runs", "nothing to do")
        return None
    what = "district" if command.district_id is not None else "wave"
    if aborted not in (*picture.aborted_districts, *picture.aborted_waves):
        known = (*picture.aborted_districts, *(f"wave {each}" for each in picture.aborted_waves))
        return _refused(
            command, f"{what}-not-aborted", f"a {what} whose admission was aborted",
            f"{aborted}, of {', '.join(known) or 'none'}", "see `firstbell program status`",
        )  # fmt: skip
    if admitting.still_fails(state.policy, state.moved, aborted):
        limit = state.policy.abort.failed_at_least if state.policy.abort else 0.0
        return _refused(
            command, f"{what}-still-fails", f"less than {limit:g} of its schools failed", "as many or more",
            "bring its schools back first; see `firstbell program status`",
        )  # fmt: skip
    return None


def _command(state: ProgramState, command: ProgramCommand, now: datetime) -> ProgramStep:
    refusal = check_program(state, command)
    if refusal is not None:
        return ProgramStep(state, (), state.wake_at, refusal)
    before = _accepted(state, command.act_id)
    if before is not None:
        repeat = CommandReply(act_id=command.act_id, accepted=True, fact_sequence=before, repeated=True)
        return ProgramStep(state, (), state.wake_at, repeat)
    ledger = _ledger(state, now)
    if isinstance(command, StopLine):
        ledger.write(LineStopped(actor=command.actor, reason=command.reason))
    else:
        about = {"district_id": command.district_id, "wave": command.wave}
        ledger.write(LineLifted.model_validate({"actor": command.actor, "reason": command.reason, **about}))
    sequence = ledger.picture.fact_sequence
    acts = (*state.acts, (command.act_id, sequence))[-ACTS_KEPT:]
    kept = {known for known, _ in acts}
    marks = {**state.act_marks, command.act_id: _mark(command)}
    state = state.model_copy(
        update={"acts": acts, "act_marks": {known: mark for known, mark in marks.items() if known in kept}}
    )
    reply = CommandReply(act_id=command.act_id, accepted=True, fact_sequence=sequence)
    return replace(_settled(state, ledger, now), reply=reply)


def _refused(command: ProgramCommand, refusal: str, expected: str, seen: str, next_step: str) -> CommandReply:
    return CommandReply(
        act_id=command.act_id, accepted=False, refusal=refusal, expected=expected, seen=seen, next_step=next_step
    )


def _accepted(state: ProgramState, act_id: str) -> int | None:
    return next((sequence for known, sequence in reversed(state.acts) if known == act_id), None)


def _mark(command: ProgramCommand) -> str:
    where = (command.district_id or command.wave or "-") if isinstance(command, LiftLine) else "-"
    return f"{command.kind} {where} by {command.actor.actor_id}"


def _ledger(state: ProgramState, now: datetime) -> ProgramLedger:
    return ProgramLedger(state.program_id, state.rehearsal, state.picture, now)


def _settled(state: ProgramState, ledger: ProgramLedger, now: datetime) -> ProgramStep:
    """Waves progress, abort, open; schools are admitted; whoever waits is told why."""
    waiting, wake_at = admitting.settle(state.policy, state.moved, state.waiting, ledger, now)
    rest = {"picture": ledger.picture, "waiting": waiting, "wake_at": wake_at}
    return ProgramStep(state.model_copy(update=rest), tuple(ledger.facts), wake_at)


def _join(state: ProgramState, ledger: ProgramLedger, message: SchoolsJoined) -> ProgramState:
    """Late joiners take the first place that growth leaves, from the last open wave on; or a new wave at the end."""
    if not admitting.knows(state.picture, message.known_sequence):
        return state  # sent before the last change of seats: the bridge sends again whoever still has none
    held = {seat.school_id for wave in state.waiting for seat in wave}
    waiting, sizes = [list(wave) for wave in state.waiting], list(state.sizes)
    joined: dict[int, list[str]] = {}
    shut = [seat.school_id for seat in message.seats if seat.district_id in state.picture.aborted_districts]
    for seat in message.seats:
        if seat.school_id in held or seat.school_id in shut:
            continue
        held.add(seat.school_id)
        number = _room(state, sizes)
        if number > len(sizes):
            waiting.append([])
            sizes.append(0)
        waiting[number - 1].append(seat)
        sizes[number - 1] += 1
        joined.setdefault(number, []).append(seat.school_id)
    for number in sorted(joined):
        ledger.write(JoinedLate(wave=number, school_ids=tuple(joined[number])))
    if shut:
        ledger.write(LeftWaiting(school_ids=tuple(sorted(shut))))
    return state.model_copy(update={"waiting": tuple(tuple(wave) for wave in waiting), "sizes": tuple(sizes)})


def _room(state: ProgramState, sizes: list[int]) -> int:
    picture = state.picture
    last_open = max(picture.opened, default=1)
    closed = (*picture.progressed, *picture.aborted_waves)
    for number in range(last_open, len(sizes) + 1):
        before = sizes[number - 2] if number > 1 else None
        if number not in closed and sizes[number - 1] < wave_cap(state.policy, before):
            return number
    return len(sizes) + 1


def _leave(state: ProgramState, ledger: ProgramLedger, school_ids: tuple[str, ...]) -> ProgramState:
    gone = [seat.school_id for wave in state.waiting for seat in wave if seat.school_id in school_ids]
    if not gone:
        return state
    ledger.write(LeftWaiting(school_ids=tuple(gone)))
    waiting = tuple(tuple(seat for seat in wave if seat.school_id not in gone) for wave in state.waiting)
    return state.model_copy(update={"waiting": waiting})
