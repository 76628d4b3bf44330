"""What a school's workflow shows of itself: the answer to `look`, search attributes, and a few lines for Temporal's page.

Pure; called only by rollout.py. It shows opaque ids alone, since none of this is encrypted.
"""

from collections.abc import Mapping
from datetime import datetime

from temporalio.common import SearchAttributeKey

from schemas.decision import Outcome, Status
from workflows.policy.evaluate import evaluate
from workflows.policy.state import RolloutState, inputs_for
from workflows.school.messages import DISTRICT, OUTCOME, PHASE, View

_QUIET = (Status.MET, Status.NOT_APPLICABLE, Status.OBSERVED_ONLY)


def of(state: RolloutState, now: datetime, history_events: int) -> View:
    """The current gate decided at `now`, with all it rests on. Changes nothing."""
    inputs = inputs_for(state, state.picture.phase.gate)
    calendar = state.calendar
    return View(
        looked_at=now,
        rehearsal=state.rehearsal,
        simulated=state.simulated_seen,
        picture=state.picture,
        policy=state.policy,
        inputs=inputs,
        verdict=evaluate(state.policy, calendar, inputs, now),
        calendar_digest=state.calendar_digest,
        calendar_version=calendar.version if calendar else None,
        wakes_at=state.wake_at,
        history_events=history_events,
    )


def search_attributes(state: RolloutState, shell: int) -> Mapping[SearchAttributeKey[str], str]:
    """What Temporal's own list may be filtered by. `shell`: of the run, see `messages.RolloutInput`."""
    picture = state.picture
    found = {PHASE: picture.phase.value}
    if shell == 1:
        found[OUTCOME] = (picture.outcome or Outcome.UNKNOWN).value
    if state.context is not None:
        found[DISTRICT] = state.context.district_id
    return found


def details(state: RolloutState) -> str:
    """Markdown for Temporal's page: where the school stands, and what keeps it there."""
    picture = state.picture
    outcome = picture.outcome.value if picture.outcome else "not decided"
    lines = [f"**{picture.phase.gate.value}** of {picture.phase.value}: **{outcome}**"]
    if picture.stopped is not None:
        lines.append(f"Stopped: {picture.stopped}")
    if state.simulated_seen:
        lines.append("SIMULATED")
    if picture.asked is not None:
        lines.append(f"Asked: {picture.asked.value}")
    lines += [f"- {name}: {status}" for name, status in picture.statuses.items() if status not in _QUIET]
    lines += [f"- questioned: {gate.value}" for gate in picture.questioned]
    return "\n\n".join(lines[:1]) + "\n\n" + "\n".join(lines[1:])
