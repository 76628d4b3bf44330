"""Acting for somebody else: whether the delegation that the door's roster names holds at the act's instant.

Checked for every act before its own check. The roster is the directory's (docs/decisions), carried by the door; what
the workflow adds is the instant: a delegation that has ended while an act was on its way is refused.
"""

from datetime import datetime

from schemas.message import Command, CommandReply
from workflows.policy.acts.refusal import refuse


def check(command: Command, now: datetime) -> CommandReply | None:
    """The refusal of an act for somebody else without a delegation that holds now; None: it is in order."""
    actor = command.actor
    if actor.acting_for is None:
        return None
    if actor.acting_for == actor.actor_id:
        return refuse(
            command, "delegation-to-oneself", "another person as the giver", actor.actor_id,
            "act in your own right",
        )  # fmt: skip
    begins, ends = actor.delegated_from, actor.delegated_until
    if begins is None or ends is None:
        return refuse(
            command, "delegation-unknown", "a delegation with its first and last instant", "none of either",
            f"let {actor.acting_for} give one with `firstbell roster delegate`",
        )  # fmt: skip
    if now < begins:
        return refuse(
            command, "delegation-not-begun", f"an instant from {begins.isoformat()}", now.isoformat(),
            "wait for its beginning, or let the giver act",
        )  # fmt: skip
    if now >= ends:
        return refuse(
            command, "delegation-ended", f"an instant before {ends.isoformat()}", now.isoformat(),
            f"let {actor.acting_for} act, or give a new one with `firstbell roster delegate`",
        )  # fmt: skip
    return None
