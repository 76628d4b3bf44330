"""Verdicts in sentences for people. Called by the console, the command line, the report and the demo.

"No" is told apart from "no evidence". Sentences are rendered, never stored; a status decides nothing here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from schemas.consent import Awaited
from schemas.decision import CriterionResult, Outcome, Reason, Status, Verdict
from schemas.gate import Criterion, DateWindow, Document, Match, SchoolPolicy, Severity, SignOffs, Soak
from schemas.readiness import CATALOGUE, Direction, Missing
from workflows.policy.freezes import PREFIX as FREEZE
from workflows.policy.freezes import UNKNOWN_ID
from workflows.policy.holds import PREFIX
from workflows.policy.trust import is_by_hand

_MISSING: Mapping[Missing, str] = {
    Missing.NEVER_REPORTED: "its source has never reported",
    Missing.NO_WATERMARK: "its source has not said up to when it is complete",
    Missing.NO_DENOMINATOR: "the number to divide by is zero or missing",
    Missing.NO_CALENDAR: "the district has no calendar under way to count school days in",
    Missing.SILENT_SOURCE: "its source is silent",
    Missing.POPULATION_TOO_SMALL: "there are too few to judge by",
    Missing.RETRACTED: "what was reported was retracted",
}

_NO_EVIDENCE: Mapping[Reason, str] = {
    Reason.NEVER_SEEN: "nothing has been seen yet",
    Reason.MISSING: "there is no value",
    Reason.SIMULATED: "the evidence is SIMULATED, and this program is real",
    Reason.POPULATION_TOO_SMALL: "there are too few to judge by",
    Reason.NOT_APPLICABLE: "the question does not arise here, and the policy does not excuse it",
    Reason.NO_CALENDAR: "the district's calendar is not known",
    Reason.NO_CONTEXT: "the directory has not said enough about the school",
    Reason.OUTSIDE_CALENDAR: "the district's calendar does not reach that far",
    Reason.OBSERVED_IN_THE_FUTURE: "it was observed in the future, so a clock is wrong",
    Reason.TOO_FEW_POINTS: "the change rests on too few points to judge by",
    Reason.NO_PLAN: "nobody has said what the plan is, so there is nothing to compare with",
    Reason.NO_HARD_CRITERION: "no hard criterion is left to decide by",
    Reason.UNDECIDABLE: "it could not be decided from what was seen",
}

_WORD: Mapping[Status, str] = {
    Status.MET: "met",
    Status.OVERRIDDEN: "approved by a person",
    Status.NEEDS_APPROVAL: "a person must decide",
    Status.WAITING: "waiting",
    Status.UNMET: "no",
    Status.UNKNOWN: "don't know",
    Status.STALE: "don't know",
    Status.WAIVED: "waived",
    Status.NOT_APPLICABLE: "not applicable",
    Status.OBSERVED_ONLY: "observed only",
}


def quantity(value: float, unit: str | None) -> str:
    """A number with its unit: ratios as percent, flags as yes or no."""
    if unit == "ratio":
        return f"{round(value * 100, 2):g} percent"
    if unit == "yes-or-no":
        return "yes" if value >= 1 else "no"
    return f"{value:g} {unit}" if unit else f"{value:g}"


def age(seconds: float) -> str:
    """A stretch of time in words, in its largest whole unit."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "a moment"


def sentence(result: CriterionResult, criterion: Criterion | None = None, *, now: datetime | None = None) -> str:
    """One result in words. `criterion` None: a hold, or a result of the gate itself. `now` None: ages are left out."""
    word = "overridden by two people" if result.reason is Reason.OVERRIDDEN else _WORD[result.status]
    words = f"{word}: {_why(result, criterion)}"
    if result.simulated:
        words += " (SIMULATED)"
    if now is not None and result.observed_at is not None and result.signal is not None:
        words += f"; observed {age((now - result.observed_at).total_seconds())} ago"
    return words


def lacking(awaits: Sequence[Awaited]) -> str:
    """Whose approval is lacking still, group by group: "principal" and "2 of coach, school-lead, principal"."""
    return " and ".join(_group(each) for each in awaits)


def _group(awaited: Awaited) -> str:
    names = [role.value for role in awaited.roles]
    if awaited.needed == len(names):
        return " and ".join(names)
    return f"{awaited.needed} of {', '.join(names)}"


def headline(verdict: Verdict, policy: SchoolPolicy) -> str:
    """The verdict in one line: the answer, then what stands in the way and whose step is next."""
    hard = [result for result in verdict.results if result.outcome is not Outcome.OPEN]
    named = ", ".join(result.criterion_id for result in hard if result.outcome is verdict.outcome)
    gate = verdict.gate.value
    match verdict.outcome:
        case Outcome.OPEN:
            beside = without_evidence(verdict)
            return f"{gate}: open, {len(verdict.results)} criteria evaluated" + (f"; {beside}" if beside else "")
        case Outcome.NEEDS_APPROVAL if is_by_hand(verdict.results):
            advice = verdict.advice.value if verdict.advice else "nothing"
            return f"{gate}: left to a person's hand; the machine would say {advice}"
        case Outcome.NEEDS_APPROVAL:
            if verdict.awaits:
                return f"{gate}: only approval is missing, by {lacking(verdict.awaits)}, about {named}"
            approver = policy.gates[verdict.gate].approver.value
            return f"{gate}: only approval is missing; the {approver} decides about {named}"
        case Outcome.WAITING:
            until = verdict.next_evaluation_at
            return f"{gate}: waiting for {named}" + (f", next look {until:%Y-%m-%d %H:%M} UTC" if until else "")
        case Outcome.UNMET:
            return f"{gate}: no, evidence is against {named}"
        case Outcome.UNKNOWN:
            others = ", ".join(result.criterion_id for result in hard if result.outcome is Outcome.UNMET)
            return f"{gate}: don't know, no usable evidence for {named}" + (f"; no to {others}" if others else "")


def opening(verdict: Verdict, now: datetime) -> str | None:
    """Until when the gate may open and when again, before anybody runs into the wall. None: no freeze lies ahead."""
    if verdict.frozen_from is None:
        return None
    again = f"{verdict.next_opening_at:%Y-%m-%d %H:%M} UTC" if verdict.next_opening_at else "the calendar's end"
    since = f"{verdict.frozen_from:%Y-%m-%d %H:%M} UTC"
    if verdict.frozen_from <= now:
        return f"frozen since {since}; opens for advance at {again}" if verdict.next_opening_at else (
            f"frozen since {since} until {again}: import the next calendar to see when it opens"
        )  # fmt: skip
    return f"opens for advance until {since}, then frozen until {again}"


def without_evidence(verdict: Verdict) -> str:
    """What a gate passes without, by name: a waived or overridden criterion is never called met. Empty: nothing."""
    hard = [result for result in verdict.results if result.severity is Severity.HARD]
    waived = [result.criterion_id for result in hard if result.status is Status.WAIVED]
    overridden = [result.criterion_id for result in hard if result.reason is Reason.OVERRIDDEN]
    parts = (("waived", waived), ("overridden by two people", overridden))
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)


def _line(result: CriterionResult) -> str:
    """The observed value against the line, in the signal's direction."""
    seen = "nothing" if result.observed is None else quantity(result.observed, result.unit)
    if result.numerator is not None and result.population is not None:
        seen += f" ({result.numerator} of {result.population})"
    signal = CATALOGUE.get(result.signal) if result.signal else None
    lower = signal is not None and signal.direction is Direction.LOWER_IS_BETTER
    if result.judged is not None:
        bound = quantity(result.judged, result.unit)
        seen += f", but of so few it may be {bound}" if lower else f", but of so few only {bound} is sure"
    if result.required is None:
        return f"seen {seen}"
    return f"seen {seen}, expected {'at most' if lower else 'at least'} {quantity(result.required, result.unit)}"


def _why(result: CriterionResult, criterion: Criterion | None) -> str:
    if result.criterion_id.startswith(PREFIX):
        until = f" until {result.next_look_at:%Y-%m-%d %H:%M} UTC" if result.next_look_at else " until it is lifted"
        return f"held for {', '.join(result.detail)}{until}"
    if result.criterion_id == UNKNOWN_ID:
        return f"{_NO_EVIDENCE[result.reason]}, so nobody can say whether a freeze is in force"
    if result.criterion_id.startswith(FREEZE):
        return f"frozen for {', '.join(result.detail)}{_end(result)}; evidence and answers still count"
    match result.reason:
        case Reason.STALE if isinstance(criterion, Document):
            return f"the {criterion.document} on file is too old to count"
        case Reason.STALE:
            return "the last observation is too old to count"
        case Reason.MISSING if result.missing is not None:
            return _MISSING[result.missing]
        case Reason.NOT_APPLICABLE if result.status is Status.NOT_APPLICABLE:
            return "the question does not arise here"
        case Reason.UNSIGNED:
            return f"not signed by {', '.join(result.detail)}"
        case Reason.SIGNED:
            roles = ", ".join(role.value for role in criterion.roles) if isinstance(criterion, SignOffs) else "all"
            return f"signed by {roles}"
        case Reason.LEFT_TO_A_PERSON:
            return "the policy wants a person's yes beside a good verdict here"
        case Reason.BY_HAND_ONLY:
            return f"at trust {', '.join(result.detail)} the verdict is advice; a person opens the gate by hand"
        case Reason.NO_DOCUMENT:
            return f"no document: no {result.expected} is on file"
        case Reason.DOCUMENT_UNAPPROVED:
            return f"the {result.expected} on file is not approved; it takes one of {', '.join(result.detail)}"
        case Reason.DOCUMENT_APPROVED:
            return f"the {result.expected} on file is approved by {', '.join(result.detail)}"
        case Reason.BEFORE_WINDOW | Reason.INSIDE_WINDOW | Reason.AFTER_WINDOW:
            return _window(result, criterion)
        case Reason.MATCHES | Reason.MISMATCH:
            field = f"the plan's {criterion.field}" if isinstance(criterion, Match) else "the plan"
            return f"seen {', '.join(result.detail)}, expected {result.expected}, {field}"
        case Reason.SECOND_CHANCE:
            return f"the school was taken back a phase; missing is {' and '.join(result.detail)}"
        case Reason.SCHOOL_NOT_OPEN:
            return "the directory says the school is not open"
        case reason if reason in _NO_EVIDENCE:
            return _NO_EVIDENCE[reason]
    return _line(result) + _aside(result, criterion)


def _window(result: CriterionResult, criterion: Criterion | None) -> str:
    """Where now lies in a window of dates."""
    if not isinstance(criterion, DateWindow):
        return {Reason.BEFORE_WINDOW: "too early", Reason.INSIDE_WINDOW: "in time"}.get(result.reason, "too late")
    if result.reason is Reason.BEFORE_WINDOW:
        return f"the window opens on {criterion.opens_on}{_until(result)}"
    if result.reason is Reason.AFTER_WINDOW:
        return f"the window closed after {criterion.closes_on}"
    return f"inside the window{f', which closes after {criterion.closes_on}' if criterion.closes_on else ''}"


def _aside(result: CriterionResult, criterion: Criterion | None) -> str:
    """What the numbers alone do not say."""
    parts = f" ({', '.join(result.detail)})" if result.detail else ""
    match result.reason:
        case Reason.GREY_ZONE:
            return f"{parts}; between the fail and pass lines"
        case Reason.ATTESTED:
            return f"{parts}; a person's word, which needs a person's approval"
        case Reason.NOT_AUTOMATIC:
            return f"{parts}; passes, but this gate may not approve itself here, so a person must"
        case Reason.MEETS_WITH_WARNING:
            return f"{parts}; close to the line"
        case Reason.SOAKING if isinstance(criterion, Soak):
            return f"{parts}; must stay so for {criterion.minimum_days} instructional days{_until(result)}"
        case Reason.DWELLING:
            return f"{parts}{_until(result)}"
    return parts


def _end(result: CriterionResult) -> str:
    return f" until {result.next_look_at:%Y-%m-%d %H:%M} UTC" if result.next_look_at else ""


def _until(result: CriterionResult) -> str:
    return f", next look {result.next_look_at:%Y-%m-%d %H:%M} UTC" if result.next_look_at else ""
