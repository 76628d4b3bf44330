"""Why a school stands where it stands: every criterion of its gate, with what is seen, what is asked, and whose turn it is.

Called by `school why`, `school show`, `district why` and the report. It joins a verdict with the policy it came
from; it decides nothing, and it never writes "no" where nothing could be seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from schemas.decision import CriterionResult, Hold, Outcome, Reason, Status, Verdict, Waiver
from schemas.fact import Picture
from schemas.gate import Criterion, Document, Gate, SchoolPolicy, Severity
from schemas.readiness import Missing, Origin
from schemas.school import GateId, Role
from services.console.escalations import EscalationAnswer, WorkAnswer, escalations_of, work_of
from services.console.guards import tell_guards
from services.console.views import Answer, SchoolLine
from workflows.policy import explain
from workflows.policy.evaluate import merge
from workflows.policy.freezes import UNKNOWN_ID
from workflows.policy.holds import PREFIX
from workflows.policy.holds import results as hold_results
from workflows.policy.trust import TRUST_ID


class Standing(StrEnum):
    """A criterion's status in the words of the screen: "no" is one thing, "no evidence" another."""

    YES = "yes"
    BY_PERSON = "yes, by a person"
    OVERRIDDEN = "overridden, by two people"
    WAIVED = "waived"
    NOT_APPLICABLE = "does not apply"
    WATCHED = "watched only"
    ASKED = "a person is needed"
    WAITING = "waiting for time"
    HELD = "held"
    FROZEN = "frozen"
    NO = "no"
    NO_EVIDENCE = "no evidence"


BLOCKING = (Standing.ASKED, Standing.WAITING, Standing.HELD, Standing.FROZEN, Standing.NO, Standing.NO_EVIDENCE)


def standing_of(status: Status) -> Standing:
    """The screen's word for a status."""
    match status:
        case Status.MET:
            return Standing.YES
        case Status.OVERRIDDEN:
            return Standing.BY_PERSON
        case Status.WAIVED:
            return Standing.WAIVED
        case Status.NOT_APPLICABLE:
            return Standing.NOT_APPLICABLE
        case Status.OBSERVED_ONLY:
            return Standing.WATCHED
        case Status.NEEDS_APPROVAL:
            return Standing.ASKED
        case Status.WAITING:
            return Standing.WAITING
        case Status.UNMET:
            return Standing.NO
        case Status.UNKNOWN | Status.STALE:
            return Standing.NO_EVIDENCE
        case _:
            assert_never(status)


class CriterionAnswer(Answer):
    """One criterion, whole."""

    criterion_id: str
    severity: Severity
    standing: Standing
    status: Status
    reason: Reason
    missing: Missing | None
    """The owner's reason for having no value, if that is why."""
    sentence: str
    signal: str | None
    observed: float | None
    """None: nothing usable was seen."""
    required: float | None
    """None: it has no number."""
    unit: str | None
    numerator: int | None
    population: int | None
    observed_at: datetime | None
    age_seconds: float | None
    """Since the observation. None: nothing was observed."""
    stale_at: datetime | None
    origin: Origin | None
    simulated: bool
    detail: tuple[str, ...]
    next_step: str | None
    """None: nothing is to be done."""
    owner: Role | None
    """Who does the next step."""
    next_look_at: datetime | None
    """The first instant at which time alone may change it."""
    lesson: str | None
    source: str | None
    """Where the line comes from."""

    @property
    def blocks(self) -> bool:
        """Whether it keeps the gate shut."""
        return self.severity is Severity.HARD and self.standing in BLOCKING


class WhyAnswer(Answer):
    """One school, explained."""

    line: SchoolLine
    source: str
    """`workflow`: decided now by the arbiter; `projection`: as of the newest fact, the workflow was not reached."""
    as_of: datetime
    headline: str
    outcome: Outcome | None
    criteria: tuple[CriterionAnswer, ...]
    next_evaluation_at: datetime | None
    """None: only evidence or a person changes it."""
    opening: str | None
    """Until when the gate may open, and when again. None: no freeze lies ahead, or it is open."""
    frozen_from: datetime | None
    """When the next freeze begins, or the one in force began. None: as `opening`."""
    next_opening_at: datetime | None
    """When that freeze has ended. None: as `opening`, or the calendar ends before."""
    escalations: tuple[EscalationAnswer, ...] = ()
    """Those that are open."""
    work: tuple[WorkAnswer, ...] = ()
    """What is open of it."""
    asks: Role | None
    awaits: str | None
    """What the gate's groups lack still, in words. None: nobody is asked, or `asks` alone is."""
    deputy: Role | None
    """Who may answer too, or will. None: nobody."""
    deputy_at: datetime | None
    """From when. None: there is no deputy, or the calendar ends before."""
    overdue: bool
    """True: the ask's deadline has passed."""
    silence: str | None
    """What happens when nobody answers; None while nobody is asked."""
    policy: str | None
    policy_digest: str | None
    profile: str | None
    history_events: int | None
    """Of the workflow's current run. None: it was not reached."""
    guards: tuple[str, ...] = ()
    """What evidence says against opened gates, and how far their guards have gone."""

    @property
    def open(self) -> bool:
        """Whether the gate is open now."""
        return self.outcome is Outcome.OPEN


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of one school, by the workflow or by the projection."""

    source: str
    as_of: datetime
    picture: Picture
    policy: SchoolPolicy | None
    verdict: Verdict | None
    history_events: int | None = None


def as_remembered(verdict: Verdict, picture: Picture, now: datetime) -> Verdict:
    """The last published verdict with the holds of now: a hold has facts of its own, and needs no new decision."""
    results = [each for each in verdict.results if not each.criterion_id.startswith(PREFIX)]
    results += hold_results(picture.holds.values(), now)
    outcome = merge(each.outcome for each in results)
    advice = merge(each.outcome for each in results if each.criterion_id != TRUST_ID)
    advised = {"advice": advice} if verdict.advice is not None else {}
    return verdict.model_copy(update={"results": tuple(results), "outcome": outcome, **advised})


def explain_school(line: SchoolLine, sight: Sight, now: datetime) -> WhyAnswer:
    """The whole answer for one school; ages are counted at `now`."""
    picture, verdict, policy = sight.picture, sight.verdict, sight.policy
    if verdict is not None and sight.source == "projection":
        verdict = as_remembered(verdict, picture, now)
    gate = None if policy is None else policy.gates[verdict.gate if verdict else picture.phase.gate]
    results = verdict.results if verdict else ()
    current = verdict.gate if verdict else picture.phase.gate
    waivers = tuple(each for each in picture.waivers.values() if each.gate in (None, current))
    asks = picture.asked or (verdict.asks if verdict else None)
    awaits = picture.awaits or (verdict.awaits if verdict else ())
    return WhyAnswer(
        line=line,
        source=sight.source,
        as_of=sight.as_of,
        headline=explain.headline(verdict, policy) if verdict and policy else _undecided(picture.phase.gate),
        outcome=verdict.outcome if verdict else None,
        criteria=tuple(
            _asked_of(criterion_answer(result, gate, picture.holds, now, waivers), asks) for result in results
        ),
        next_evaluation_at=verdict.next_evaluation_at if verdict else None,
        opening=explain.opening(verdict, now) if verdict else None,
        frozen_from=verdict.frozen_from if verdict else None,
        next_opening_at=verdict.next_opening_at if verdict else None,
        escalations=escalations_of(picture, policy),
        work=work_of(picture),
        asks=asks,
        awaits=explain.lacking(awaits) if awaits else None,
        deputy=gate.deputy if gate and picture.asked else None,
        deputy_at=picture.deputy_at,
        overdue=picture.overdue,
        silence=gate.silence if gate and asks else None,
        policy=None if policy is None else f"{policy.name} v{policy.version}",
        policy_digest=picture.policy_digest,
        profile=policy.profile if policy else None,
        history_events=sight.history_events,
        guards=tell_guards(picture),
    )


def _asked_of(answer: CriterionAnswer, asks: Role | None) -> CriterionAnswer:
    """Whose turn it is where a person is needed: of several approvers, the first who has not answered."""
    return answer.model_copy(update={"owner": asks}) if answer.standing is Standing.ASKED and asks else answer


def _undecided(gate: GateId) -> str:
    return f"{gate.value} is not decided yet: the workflow's first decision has not reached the console."


def criterion_answer(
    result: CriterionResult, gate: Gate | None, holds: Mapping[str, Hold], now: datetime,
    waivers: Iterable[Waiver] = (),
) -> CriterionAnswer:  # fmt: skip
    """One result joined with the policy's words about it, and with the waivers it may pass by."""
    criterion = criterion_of(gate, result.criterion_id)
    standing = standing_of(result.status)
    if result.criterion_id.startswith(PREFIX):
        standing = Standing.HELD
    elif result.reason is Reason.FROZEN:
        standing = Standing.FROZEN
    elif result.reason is Reason.OVERRIDDEN and standing is Standing.BY_PERSON:
        standing = Standing.OVERRIDDEN
    step, owner = next_step(result, criterion, gate, holds)
    if standing is Standing.WAIVED and criterion is not None and waivers:
        step, owner = f"{criterion.next_step} {_until(result.criterion_id, waivers)}".strip(), criterion.owner
    return CriterionAnswer(
        criterion_id=result.criterion_id,
        severity=result.severity,
        standing=standing,
        status=result.status,
        reason=result.reason,
        missing=result.missing,
        sentence=explain.sentence(result, criterion, now=now),
        signal=result.signal,
        observed=result.observed,
        required=result.required,
        unit=result.unit,
        numerator=result.numerator,
        population=result.population,
        observed_at=result.observed_at,
        age_seconds=(now - result.observed_at).total_seconds() if result.observed_at else None,
        stale_at=result.stale_at,
        origin=result.origin,
        simulated=result.simulated,
        detail=result.detail,
        next_step=step,
        owner=owner,
        next_look_at=result.next_look_at,
        lesson=criterion.lesson if criterion else None,
        source=criterion.source if criterion else None,
    )


def _until(criterion_id: str, waivers: Iterable[Waiver]) -> str:
    """Until when a criterion may be passed without, in words; empty: no waiver here names it."""
    ends = [each.expires_at for each in waivers if criterion_id in each.criterion_ids]
    return f"The waiver ends {max(ends):%Y-%m-%d %H:%M} UTC." if ends else ""


def criterion_of(gate: Gate | None, criterion_id: str) -> Criterion | None:
    """The policy's criterion of that id. None: a hold, or the policy is not known here."""
    criteria = gate.criteria if gate else ()
    return next((criterion for criterion in criteria if criterion.id == criterion_id), None)


def next_step(
    result: CriterionResult, criterion: Criterion | None, gate: Gate | None, holds: Mapping[str, Hold]
) -> tuple[str | None, Role | None]:
    """(What to do, who does it) for one criterion; (None, None) where nothing is to be done."""
    standing = standing_of(result.status)
    if result.criterion_id.startswith(PREFIX):
        hold = holds.get(result.criterion_id.removeprefix(PREFIX))
        if hold is not None and hold.advisory_version is not None:
            return (
                f"Withdraw {hold.hold_id} over its scope, or let this school pass by name: `firstbell hold bypass`.",
                (hold.lifted_by),
            )
        return f"Lift the hold {result.criterion_id.removeprefix('hold:')} once its reason is gone.", (
            hold.lifted_by if hold else None
        )
    if result.criterion_id == UNKNOWN_ID:
        return "Import a calendar that covers today: `firstbell calendar import FILE`.", None
    if result.reason is Reason.SECOND_CHANCE:
        step = "Say why the school fell back and what was mended: `firstbell gate mend SCHOOL --root-cause CODE --fix CODE`."
        return step, Role.PRINCIPAL
    if result.reason is Reason.BY_HAND_ONLY and gate is not None:
        return "Open the gate by hand, or leave it shut: `firstbell gate advance`.", gate.approver
    if standing is Standing.ASKED and gate is not None:
        return "Approve or reject what lies before you.", gate.approver
    if criterion is None or standing not in (Standing.NO, Standing.NO_EVIDENCE):
        return None, None
    if standing is Standing.NO_EVIDENCE:
        return evidence_step(result, criterion), criterion.owner
    return criterion.next_step, criterion.owner


def evidence_step(result: CriterionResult, criterion: Criterion) -> str:
    """What to do where nothing can be seen: get the evidence, before anything is mended."""
    what = result.signal or criterion.id
    match result.reason:
        case Reason.NO_CALENDAR | Reason.OUTSIDE_CALENDAR:
            return "Import a calendar that covers today: `firstbell calendar import FILE`."
        case Reason.NO_CONTEXT:
            return "Import the school's record: `firstbell directory import FILE`."
        case Reason.NO_PLAN:
            return f"Say what the plan is for {criterion.id}; nothing can be compared with a plan nobody knows."
        case Reason.TOO_FEW_POINTS:
            return f"Wait until {what} rests on more points; too few say nothing."
        case Reason.POPULATION_TOO_SMALL:
            return f"Gather {what} from more people or devices; too few say nothing."
        case Reason.SIMULATED:
            return f"Measure {what}; imagined evidence opens gates only in a rehearsal."
        case Reason.STALE if isinstance(criterion, Document):
            return f"Renew the {criterion.document}, file it and have it approved; the one on file is too old."
        case Reason.STALE:
            return f"Measure {what} again or mend its feed; what we have is too old."
        case Reason.UNDECIDABLE:
            return "Report this to those who run Firstbell; the criterion could not be decided."
        case _:
            return f"Get the feed of {what} running; nothing is known of it."
