"""I5: no school is stuck. Every open school runs, wakes by itself or waits for something that it can name. Pure.

Called by `firstbell verify` with the pictures folded from the fact topic and what Temporal says of its workflows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.decision import CriterionResult, Outcome, Verdict
from schemas.fact import Picture
from schemas.gate import Severity
from schemas.school import Phase
from services.auditor.breach import Breach, Invariant

TASK_ATTEMPTS_MAX = 3
"""Tries of one workflow task; more are no accident. Our judgement, 2026-11-25."""
ACTIVITY_ATTEMPTS_MAX = 20
"""Tries of one publication, some ten minutes of them; longer is no outage that passes. Our judgement, 2026-11-25."""
LATE_MAX = timedelta(minutes=10)
"""How long a wake-up may be past before it counts as missed. Our judgement, 2026-11-25."""
OF_THE_GATE = "gate:"
"""What a result that no evidence of a criterion can change is called by."""
Rollout = tuple[str, str]
"""(program, school)."""


@dataclass(frozen=True, slots=True)
class Running:
    """A workflow as Temporal has it."""

    running: bool
    task_attempts: int = 0
    """Of the workflow task that waits now; 0: none waits."""
    activity_attempts: int = 0
    """The most of any publication that waits now."""
    last_failure: str = ""
    """The type of the last failure, never its text."""
    closed_at: datetime | None = None
    """None: it runs, or never did."""
    asked: bool = False
    """Whether its workflow was asked when it wakes."""
    wakes_at: datetime | None = None
    """Its answer. None: not asked, no answer, or time changes nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An open school, as its facts have it."""

    picture: Picture
    verdict: Verdict | None
    """Of the current phase. None: not decided yet."""
    as_of: datetime
    """When its newest fact happened."""

    def settled(self, now: datetime) -> bool:
        """Whether whatever follows on its newest fact must have come by now."""
        return self.picture.stopped is None and self.as_of < now - LATE_MAX


def must_be_asked(standing: Standing, now: datetime) -> bool:
    """Whether facts alone do not show that a school goes on: it waits for time alone, and its last word on that is past.

    A decision is published only when it changes, so its next look may be long past and all be well.
    """
    wakes = None if standing.verdict is None else standing.verdict.next_evaluation_at
    return standing.settled(now) and not awaited(standing) and (wakes is None or wakes < now - LATE_MAX)


def awaited(standing: Standing) -> tuple[str, ...]:
    """What an open school waits for besides time, each by name. Empty: nothing that anybody could send."""
    picture, verdict = standing.picture, standing.verdict
    names = [f"the release of hold {each}" for each in sorted(picture.holds)]
    if picture.asked is not None:
        names.append(f"the answer of {picture.asked.value}")
    if picture.context_version is None:
        names.append("the directory's word about the school")
    if verdict is None:
        return tuple(names)
    if picture.phase is Phase.SCALE:
        names.append("the program's end")  # a school in scale stays open until then
    hard = [each for each in verdict.results if each.severity is Severity.HARD]
    names += [name for each in hard if (name := _awaited(each))]
    return tuple(names)


def _awaited(result: CriterionResult) -> str:
    if result.outcome in (Outcome.OPEN, Outcome.WAITING):
        return ""
    if result.criterion_id == "gate:school":
        return "the school's opening"
    if result.criterion_id.startswith(OF_THE_GATE):
        return ""
    if result.signal is not None:
        return f"another reading of {result.signal}"
    return f"what {result.criterion_id} asks of people"


def check_standing(
    schools: Mapping[Rollout, Standing], workflows: Mapping[Rollout, Running], now: datetime
) -> Iterator[Breach]:
    """Every school that is stuck, by facts or in Temporal. `workflows` holds all that run, and all that were asked for."""
    for rollout, standing in sorted(schools.items()):
        if standing.settled(now):
            yield from _school(rollout, standing, workflows.get(rollout), now)
    for rollout, running in sorted(workflows.items()):
        if running.task_attempts > TASK_ATTEMPTS_MAX:
            yield _breach(
                rollout, "a workflow task that succeeds", f"{running.task_attempts} tries of one, {running.last_failure}",
                "deploy/runbooks/workflow-tasks-fail.md",
            )  # fmt: skip
        if running.activity_attempts > ACTIVITY_ATTEMPTS_MAX:
            yield _breach(
                rollout, "facts that are published", f"{running.activity_attempts} tries, {running.last_failure}",
                "read the worker's log for fact-conflict; the facts wait in the workflow's history",
            )  # fmt: skip


def _school(rollout: Rollout, standing: Standing, running: Running | None, now: datetime) -> Iterator[Breach]:
    if running is None or not (running.running or _just_closed(running, now)):
        yield _breach(
            rollout, "a running workflow, as its facts are those of an open school", "none",
            "start it again with `firstbell program start`; its facts say how far it was",
        )  # fmt: skip
        return
    if running.running and running.asked and must_be_asked(standing, now) and not _wakes(running, now):
        outcome = "no decision" if standing.verdict is None else standing.verdict.outcome.value
        when = "" if running.wakes_at is None else f", its wake-up of {running.wakes_at.isoformat()} past"
        yield _breach(
            rollout, "a next wake-up, or something it waits for",
            f"{outcome} in {standing.picture.phase.value}, and neither{when}",
            "see that a worker polls, and look with `firstbell school why`",
        )  # fmt: skip


def _just_closed(running: Running, now: datetime) -> bool:
    return running.closed_at is not None and running.closed_at > now - LATE_MAX


def _wakes(running: Running, now: datetime) -> bool:
    return running.wakes_at is not None and running.wakes_at > now - LATE_MAX


def _breach(rollout: Rollout, expected: str, seen: str, next_step: str) -> Breach:
    return Breach(
        invariant=Invariant.NOT_STUCK, subject="/".join(rollout), expected=expected, seen=seen, next_step=next_step
    )
