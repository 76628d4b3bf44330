"""Folds a whole history through `advance`, firing the timer wherever the school asked to be woken.

Called by what-if, by the simulator's forecasts and by tests. It has no clock: time is what the history says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.fact import Fact
from schemas.message import CommandReply, Message, StartRollout, TimePassed
from workflows.policy.progress import advance, begin
from workflows.policy.state import RolloutState

WAKES_MAX = 10_000
"""Timers fired in one history before it is called a loop. Our judgement, 2026-11-23."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a history led: the last state, every fact in order, every reply in order."""

    state: RolloutState
    facts: tuple[Fact, ...] = ()
    replies: tuple[CommandReply, ...] = ()


def walk(
    start: StartRollout, history: Iterable[tuple[datetime, Message]], until: datetime, build: str = "what-if"
) -> Walk:
    """The whole rollout from its start, messages in the order of their instants, timers between them."""
    step = begin(start, start.started_at, build)
    so_far = Walk(step.state, step.facts)
    for instant, message in sorted(history, key=lambda entry: entry[0]):
        if instant > until:
            break
        so_far = tell(elapse(so_far, instant, build), message, instant, build)
    return elapse(so_far, until, build)


def tell(so_far: Walk, message: Message, now: datetime, build: str = "what-if") -> Walk:
    """One message more."""
    step = advance(so_far.state, message, now, build)
    replies = so_far.replies if step.reply is None else (*so_far.replies, step.reply)
    return Walk(step.state, so_far.facts + step.facts, replies)


def elapse(so_far: Walk, until: datetime, build: str = "what-if") -> Walk:
    """Let time pass, waking the school whenever it asked. Raises RuntimeError when it asks without end."""
    for _ in range(WAKES_MAX):
        wake_at = so_far.state.wake_at
        if wake_at is None or wake_at > until:
            return so_far
        so_far = tell(so_far, TimePassed(), wake_at, build)
    raise RuntimeError(f"school {so_far.state.school_id}: expected rest, seen {WAKES_MAX} wake-ups before {until}")
