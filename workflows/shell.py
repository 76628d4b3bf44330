"""What the Temporal shells of a school and of a program share: when they continue as new, how they publish and refuse.

Called by `school/` and `program/`, and by the doors for what a refusal looks like. It decides nothing.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from schemas.message import CommandReply

EVENTS_MAX = 500
"""History events after which a run continues as new at its next quiet wake-up; twice as many and it no longer waits
for quiet. Measured: 605 events replay in 90-210 ms."""
AGE_MAX = timedelta(days=30)
"""Age of a run after which it does so too, so that new code is reached. Our judgement, 2026-11-23."""
PUBLISH_TIMEOUT = timedelta(seconds=30)
"""For one try of the normal activity. Our judgement, 2026-11-23."""
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""For ever: a fact is never given up."""
SOONEST_SECONDS = 1.0
"""Seconds before a deadline that has already passed is looked at again, so that no fault can spin."""
REFUSED = "refused"
"""Type of the error by which an update is refused; its one detail is a CommandReply."""


def refused(reply: CommandReply) -> ApplicationError:
    """The error a validator raises: the caller reads it back with `refusal_of`."""
    text = f"{reply.refusal}: expected {reply.expected}; seen {reply.seen}; {reply.next_step}"
    return ApplicationError(text, reply.model_dump(mode="json"), type=REFUSED, non_retryable=True)


def refusal_of(error: BaseException | None) -> CommandReply | None:
    """The reply inside an update's failure, however deep; None when it failed for another reason."""
    while error is not None:
        if isinstance(error, ApplicationError) and error.type == REFUSED and error.details:
            return CommandReply.model_validate(error.details[0])
        error = error.__cause__
    return None
