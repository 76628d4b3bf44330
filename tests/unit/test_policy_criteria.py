"""Each criterion kind at its lines, and the traps seen in others."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.decision import Approval, CriterionResult, Outcome, Reason, SignOff, Status, Waiver
from schemas.gate import Criterion, DefectCount, Dwell, Gate, Severity, Share, SignOffs, Soak, Threshold
from schemas.readiness import Missing, Origin
from schemas.school import GateId, Role, Scope, ScopeKind
from tests.harness.scenario import (
    DISTRICT,
    ELSEWHERE,
    LIFE,
    OPENING,
    SCHOOL,
    actor,
    calendar_of,
    context_of,
    gate_of,
    gates,
    inputs_of,
    item,
    policy_of,
)
from workflows.policy.bound import quantile, wilson_bound
from workflows.policy.calendar import add_days
from workflows.policy.evaluate import assess, evaluate

MBPS, LOAD, ENROLLED = "network.mbps-per-student", "network.page-load-p95-seconds", "device.enrolled-ratio"
SEEN, LOGIN, MODULES = "device.seen-7-days-ratio", "identity.login-success-ratio", "training.modules-complete-ratio"
CRITICAL, MAJOR, HANDOUTS = "defect.open-critical-count", "defect.open-major-count", "training.untrained-handout-count"
CALENDAR = calendar_of()
NOW = OPENING + timedelta(days=15)
CAPACITY = Threshold(id="capacity", signal=MBPS, pass_at=1.0, fail_at=0.7, warn_at=1.5, **LIFE)


def verdict_of(criteria: list[Criterion], evidence: dict[str, Any], now: datetime = NOW, **changes: Any) -> Any:
    calendar = changes.pop("calendar", CALENDAR)
    policy = policy_of(gates() | {GateId.INFRASTRUCTURE: gate_of(*criteria)})
    return evaluate(policy, calendar, inputs_of(GateId.INFRASTRUCTURE, evidence, **changes), now)


def judged(criterion: Criterion, *values: tuple[str, float | None], **changes: Any) -> CriterionResult:
    """One criterion on evidence an hour old; what is no input of the gate changes the evidence."""
    of_inputs = {
        key: changes.pop(key) for key in [*changes] if key in {"rehearsal", "context", "calendar", "now", "holds"}
    }
    at = changes.pop("at", NOW - timedelta(hours=1))
    evidence = {name: item(name, value, at, **changes) for name, value in values}
    result: CriterionResult = verdict_of([criterion], evidence, of_inputs.pop("now", NOW), **of_inputs).results[0]
    return result


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        (1.5, Status.MET, Reason.MEETS_LINE),
        (1.49, Status.MET, Reason.MEETS_WITH_WARNING),
        (1.0, Status.MET, Reason.MEETS_WITH_WARNING),
        (0.99, Status.NEEDS_APPROVAL, Reason.GREY_ZONE),
        (0.7, Status.NEEDS_APPROVAL, Reason.GREY_ZONE),
        (0.69, Status.UNMET, Reason.BELOW_LINE),
        (0.0, Status.UNMET, Reason.BELOW_LINE),
    ],
)
def test_a_threshold_at_each_of_its_lines(value: float, status: Status, reason: Reason) -> None:
    result = judged(CAPACITY, (MBPS, value))
    assert (result.status, result.reason, result.observed, result.required) == (status, reason, value, 1.0)


@pytest.mark.parametrize(("value", "status"), [(2.9, Status.MET), (3.0, Status.MET), (3.1, Status.UNMET)])
def test_a_threshold_where_lower_is_better(value: float, status: Status) -> None:
    assert judged(Threshold(id="load", signal=LOAD, pass_at=3.0, **LIFE), (LOAD, value)).status is status


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (Reason.SIMULATED, {"simulated": True}),
        (Reason.NO_CALENDAR, {"calendar": None}),
        (Reason.NO_CALENDAR, {"calendar": calendar_of(district=ELSEWHERE)}),
        (Reason.NO_CALENDAR, {"calendar": calendar_of(rehearsal=True)}),
        (Reason.OBSERVED_IN_THE_FUTURE, {"at": NOW + timedelta(minutes=11)}),
        (Reason.NOT_APPLICABLE, {"applicable": False, "value": None}),
        (Reason.MISSING, {"missing": Missing.NO_WATERMARK, "value": None}),
        (Reason.MISSING, {"value": None}),
        (Reason.MISSING, {"at": None}),
        (Reason.POPULATION_TOO_SMALL, {"missing": Missing.POPULATION_TOO_SMALL, "value": None}),
    ],
)
def test_what_cannot_be_relied_on_is_unknown_neither_pass_nor_no(reason: Reason, changes: dict[str, Any]) -> None:
    value = None if "value" in changes else 2.0
    result = judged(CAPACITY, (MBPS, value), **{key: each for key, each in changes.items() if key != "value"})
    assert (result.status, result.outcome, result.reason) == (Status.UNKNOWN, Outcome.UNKNOWN, reason)
    assert result.observed is None


def test_what_was_never_seen_is_unknown() -> None:
    assert judged(CAPACITY).reason is Reason.NEVER_SEEN


def test_evidence_grows_stale_at_the_stated_instant() -> None:
    at = NOW - timedelta(hours=1)
    stale_at = add_days(CALENDAR, at, 20)
    assert stale_at is not None
    fresh = judged(CAPACITY, (MBPS, 2.0), at=at, now=stale_at - timedelta(microseconds=1))
    assert (fresh.status, fresh.stale_at, fresh.next_look_at) == (Status.MET, stale_at, stale_at)
    stale = judged(CAPACITY, (MBPS, 2.0), at=at, now=stale_at)
    assert (stale.status, stale.outcome, stale.next_look_at) == (Status.STALE, Outcome.UNKNOWN, None)


def test_after_the_calendar_ends_nothing_is_fresh() -> None:
    after = datetime.fromtimestamp(CALENDAR.days[-1][2] / 1000, tz=NOW.tzinfo)
    assert judged(CAPACITY, (MBPS, 2.0), at=after - timedelta(hours=1), now=after).reason is Reason.OUTSIDE_CALENDAR


def test_a_unit_changed_from_ratio_to_percent_is_undecidable() -> None:
    share = Share(id="enrolled", signal=ENROLLED, pass_at=0.98, **LIFE)
    assert judged(share, (ENROLLED, 99.0), numerator=99, population=100).reason is Reason.UNDECIDABLE


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_value_that_is_no_number_of_its_signal_is_undecidable(value: float) -> None:
    broken = item(MBPS, 2.0, NOW).model_copy(update={"value": value})
    inputs = inputs_of(GateId.INFRASTRUCTURE, {MBPS: broken})
    results = assess(policy_of(), gate_of(CAPACITY), CALENDAR, inputs, NOW)
    assert results[0].reason is Reason.UNDECIDABLE


def test_attested_evidence_needs_approval_where_it_is_hard_and_only_there() -> None:
    assert judged(CAPACITY, (MBPS, 2.0), origin=Origin.ATTESTED).reason is Reason.ATTESTED
    assert judged(CAPACITY, (MBPS, 0.1), origin=Origin.ATTESTED).status is Status.UNMET
    soft = CAPACITY.model_copy(update={"severity": Severity.SOFT})
    assert judged(soft, (MBPS, 2.0), origin=Origin.ATTESTED).status is Status.MET


@pytest.mark.parametrize("severity", [Severity.SOFT, Severity.OBSERVE])
@pytest.mark.parametrize("value", [0.1, 0.8, 2.0, None])
def test_soft_and_observed_never_change_the_outcome(severity: Severity, value: float | None) -> None:
    shown = CAPACITY.model_copy(update={"severity": severity})
    hard = Threshold(id="load", signal=LOAD, pass_at=3.0, **LIFE)
    evidence = {LOAD: item(LOAD, 1.0, NOW)} | ({MBPS: item(MBPS, value, NOW)} if value is not None else {})
    verdict = verdict_of([shown, hard], evidence)
    assert verdict.outcome is Outcome.OPEN
    assert (verdict.results[0].status is Status.OBSERVED_ONLY) == (severity is Severity.OBSERVE)


def test_a_silent_member_counts_against_a_share() -> None:
    share = Share(id="seen", signal=SEEN, pass_at=0.9, **LIFE)
    assert judged(share, (SEEN, 0.5), numerator=50, population=100).status is Status.UNMET


def test_a_population_below_the_minimum_says_nothing_and_zero_is_no_pass() -> None:
    share = Share(id="seen", signal=SEEN, pass_at=0.9, minimum_population=10, **LIFE)
    assert judged(share, (SEEN, 1.0), numerator=9, population=9).reason is Reason.POPULATION_TOO_SMALL
    assert judged(share, (SEEN, 1.0), numerator=0, population=0).outcome is Outcome.UNKNOWN
    assert judged(share, (SEEN, 1.0), population=None, numerator=None).outcome is Outcome.UNKNOWN


def test_a_small_sample_is_judged_by_its_bound_not_its_bare_percentage() -> None:
    share = Share(id="modules", signal=MODULES, pass_at=0.9, confidence_ratio=0.95, **LIFE)
    few = judged(share, (MODULES, 0.96), numerator=24, population=25)
    assert (few.status, few.observed) == (Status.UNMET, 0.96)
    assert few.judged is not None
    assert few.judged < 0.9
    assert judged(share, (MODULES, 0.96), numerator=960, population=1000).status is Status.MET
    assert judged(share, (MODULES, 0.96), numerator=None).outcome is Outcome.UNKNOWN


def test_the_wilson_bound_agrees_with_the_textbook() -> None:
    assert quantile(0.95) == pytest.approx(1.644854, abs=1e-6)
    assert wilson_bound(24, 25, 0.95, lower=True) == pytest.approx(0.8394, abs=5e-4)
    assert wilson_bound(1, 25, 0.95, lower=False) == pytest.approx(1 - wilson_bound(24, 25, 0.95, lower=True), abs=1e-6)
    assert wilson_bound(0, 25, 0.95, lower=True) == 0.0
    with pytest.raises(ValueError, match="positive population"):
        wilson_bound(0, 0, 0.95, lower=True)


DEFECTS = DefectCount(id="defects", major_at_most=2, **LIFE)


@pytest.mark.parametrize(
    ("critical", "major", "status", "signal"),
    [
        (0, 2, Status.MET, CRITICAL),
        (1, 0, Status.UNMET, CRITICAL),
        (0, 3, Status.UNMET, MAJOR),
        (None, 0, Status.UNKNOWN, CRITICAL),
        (1, None, Status.UNKNOWN, MAJOR),
    ],
)
def test_defects_are_counted_by_severity(critical: Any, major: Any, status: Status, signal: str) -> None:
    result = judged(DEFECTS, (CRITICAL, critical), (MAJOR, major))
    assert (result.status, result.signal) == (status, signal)


def test_defects_of_no_particular_release_are_unknown() -> None:
    result = judged(DEFECTS, (CRITICAL, 0), (MAJOR, 0), context=context_of(release_id=None))
    assert result.reason is Reason.NO_CONTEXT


SOAK = Soak(id="steady", signal=LOGIN, healthy_at=0.98, minimum_days=5, evidence_age_days_max=3, **LIFE)


def test_a_soak_needs_the_time_and_fresh_evidence_both() -> None:
    since = OPENING
    due = add_days(CALENDAR, since, 5)
    assert due is not None
    healthy: dict[str, Any] = {"healthy_since": {"steady": since}}
    early = judged(SOAK, (LOGIN, 0.99), at=due - timedelta(hours=1), now=due - timedelta(microseconds=1), **healthy)
    assert (early.status, early.reason, early.next_look_at) == (Status.WAITING, Reason.SOAKING, due)
    assert judged(SOAK, (LOGIN, 0.99), at=due - timedelta(hours=1), now=due, **healthy).satisfied_at == due
    assert judged(SOAK, (LOGIN, 0.99), at=since, now=due, **healthy).status is Status.STALE
    assert judged(SOAK, (LOGIN, 0.9), **healthy).status is Status.UNMET
    assert judged(SOAK, (LOGIN, 0.99)).outcome is Outcome.UNKNOWN, "nobody knows since when"


def test_a_stay_ends_at_the_stated_instant_and_never_past_the_calendar() -> None:
    dwell = Dwell(id="stay", minimum_days=4, **LIFE)
    due = add_days(CALENDAR, OPENING, 4)
    assert due is not None
    early = judged(dwell, now=due - timedelta(microseconds=1))
    assert (early.status, early.next_look_at) == (Status.WAITING, due)
    assert judged(dwell, now=due).status is Status.MET
    assert judged(Dwell(id="stay", minimum_days=181, **LIFE)).reason is Reason.OUTSIDE_CALENDAR


SIGNED = SignOffs(id="signed", roles=(Role.PRINCIPAL, Role.PRIVACY_OFFICER), **LIFE)


def sign(number: int, role: Role, **changes: Any) -> SignOff:
    gate = changes.pop("gate", GateId.INFRASTRUCTURE)
    return SignOff(
        act_id=f"sign-{number:04d}", gate=gate, criterion_id="signed", actor=actor(role, **changes),
        signed_at=OPENING + timedelta(minutes=number),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "unsigned"),
    [
        ([], ("principal", "privacy-officer")),
        ([sign(1, Role.PRINCIPAL)], ("privacy-officer",)),
        ([sign(1, Role.PRINCIPAL), sign(2, Role.PRIVACY_OFFICER)], ()),
        ([sign(1, Role.PRINCIPAL, name="a"), sign(2, Role.PRIVACY_OFFICER, name="a")], ("privacy-officer",)),
        ([sign(1, Role.PRINCIPAL), sign(2, Role.PRIVACY_OFFICER, gate=GateId.BETA)], ("privacy-officer",)),
        (
            [
                sign(1, Role.PRINCIPAL),
                sign(2, Role.PRIVACY_OFFICER, scope=Scope(kind=ScopeKind.DISTRICT, id=ELSEWHERE)),
            ],
            ("privacy-officer",),
        ),
    ],
)
def test_a_missing_signature_is_a_no_not_a_dont_know(given: list[SignOff], unsigned: tuple[str, ...]) -> None:
    result = verdict_of([SIGNED], {}, sign_offs=tuple(given)).results[0]
    assert result.detail == unsigned
    assert result.status is (Status.UNMET if unsigned else Status.MET)


def test_a_gate_with_no_hard_criterion_left_is_unknown() -> None:
    soft = CAPACITY.model_copy(update={"severity": Severity.SOFT})
    excused = Threshold(id="handed", signal=HANDOUTS, pass_at=0, not_applicable_passes=True, **LIFE)
    nothing = {HANDOUTS: item(HANDOUTS, None, NOW, applicable=False), MBPS: item(MBPS, 2.0, NOW)}
    verdict = verdict_of([soft, excused], nothing)
    assert [each.status for each in verdict.results[:2]] == [Status.MET, Status.NOT_APPLICABLE]
    assert verdict.results[2].reason is Reason.NO_HARD_CRITERION
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict_of([CAPACITY, excused], nothing).outcome is Outcome.OPEN


def test_an_empty_gate_is_unknown() -> None:
    empty = Gate.model_construct(approver=Role.PRINCIPAL, approval_days=3, silence="None.", criteria=())
    policy = policy_of().model_copy(update={"gates": {GateId.INFRASTRUCTURE: empty}})
    inputs = inputs_of(GateId.INFRASTRUCTURE, {})
    assert evaluate(policy, CALENDAR, inputs, NOW).outcome is Outcome.UNKNOWN
    assert evaluate(policy, CALENDAR, inputs_of(GateId.BETA, {}), NOW).outcome is Outcome.UNKNOWN


def test_semantics_this_build_does_not_know_decide_nothing() -> None:
    policy = policy_of().model_copy(update={"semantics": 99})
    evidence = {SEEN: item(SEEN, 1.0, NOW)}
    assert evaluate(policy, CALENDAR, inputs_of(GateId.SCALE_GUARD, evidence), NOW).outcome is Outcome.UNKNOWN


def test_an_unknown_signal_is_unknown_and_the_rest_is_judged() -> None:
    lost = CAPACITY.model_copy(update={"id": "lost", "signal": "no.such-signal"})
    verdict = verdict_of([lost, CAPACITY], {MBPS: item(MBPS, 2.0, NOW)})
    assert [each.status for each in verdict.results] == [Status.UNKNOWN, Status.MET]
    assert verdict.results[0].reason is Reason.UNDECIDABLE


def test_the_first_denial_hides_none_of_the_rest() -> None:
    load = Threshold(id="load", signal=LOAD, pass_at=3.0, **LIFE)
    verdict = verdict_of([CAPACITY, load, SIGNED], {MBPS: item(MBPS, 0.1, NOW), LOAD: item(LOAD, 9.0, NOW)})
    assert [each.status for each in verdict.results] == [Status.UNMET] * 3


def waiver(**changes: Any) -> Waiver:
    base: dict[str, Any] = {
        "waiver_id": "waiver-0001", "criterion_ids": ("capacity",), "scope": Scope(kind=ScopeKind.SCHOOL, id=SCHOOL),
        "category": "waived", "compensating_control": "paper", "reason": "cabling",
        "granted_by": actor(Role.STATE_DIRECTOR), "granted_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=1),
    }  # fmt: skip
    return Waiver(**(base | changes))


@pytest.mark.parametrize(
    ("criterion", "granted", "status"),
    [
        (CAPACITY, waiver(), Status.WAIVED),
        (CAPACITY, waiver(expires_at=NOW), Status.UNMET),
        (CAPACITY, waiver(granted_at=NOW + timedelta(hours=1)), Status.UNMET),
        (CAPACITY, waiver(criterion_ids=("load",)), Status.UNMET),
        (CAPACITY, waiver(scope=Scope(kind=ScopeKind.DISTRICT, id=ELSEWHERE)), Status.UNMET),
        (CAPACITY, waiver(scope=Scope(kind=ScopeKind.DISTRICT, id=DISTRICT)), Status.WAIVED),
        (CAPACITY.model_copy(update={"waivable": False}), waiver(), Status.UNMET),
    ],
)
def test_a_waiver_applies_where_and_while_it_says(criterion: Criterion, granted: Waiver, status: Status) -> None:
    load = Threshold(id="load", signal=LOAD, pass_at=3.0, **LIFE)
    evidence = {MBPS: item(MBPS, 0.1, NOW), LOAD: item(LOAD, 1.0, NOW)}
    verdict = verdict_of([criterion, load], evidence, waivers=(granted,))
    assert verdict.results[0].status is status
    assert verdict.outcome is (Outcome.OPEN if status is Status.WAIVED else Outcome.UNMET)
    if status is Status.WAIVED:
        assert verdict.next_evaluation_at == granted.expires_at


def test_waiving_every_hard_criterion_waives_no_gate() -> None:
    assert verdict_of([CAPACITY], {MBPS: item(MBPS, 0.1, NOW)}, waivers=(waiver(),)).outcome is Outcome.UNKNOWN


def approval(**changes: Any) -> Approval:
    base: dict[str, Any] = {
        "act_id": "approve-0001", "gate": GateId.INFRASTRUCTURE, "attempt": 1, "answer": "approved",
        "actor": actor(Role.PRINCIPAL), "answered_at": NOW, "reason": "reviewed", "district_id": DISTRICT,
        "policy_digest": policy_of(gates() | {GateId.INFRASTRUCTURE: gate_of(CAPACITY)}).digest,
        "bound": {"capacity": Status.NEEDS_APPROVAL},
    }  # fmt: skip
    return Approval(**(base | changes))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (approval(), Status.OVERRIDDEN),
        (approval(answer="rejected"), Status.NEEDS_APPROVAL),
        (approval(actor=actor(Role.COACH)), Status.NEEDS_APPROVAL),
        (approval(gate=GateId.BETA), Status.NEEDS_APPROVAL),
        (approval(attempt=2), Status.NEEDS_APPROVAL),
        (approval(policy_digest="sha256:" + "0" * 64), Status.NEEDS_APPROVAL),
        (approval(district_id=ELSEWHERE), Status.NEEDS_APPROVAL),
        (approval(bound={"capacity": Status.MET}), Status.NEEDS_APPROVAL),
        (approval(bound={"capacity": Status.UNKNOWN}), Status.NEEDS_APPROVAL),
        (approval(bound={}), Status.NEEDS_APPROVAL),
    ],
)
def test_an_override_covers_exactly_what_it_names(given: Approval, status: Status) -> None:
    verdict = verdict_of([CAPACITY], {MBPS: item(MBPS, 0.8, NOW)}, approvals=(given,))
    assert verdict.results[0].status is status
    assert (verdict.outcome is Outcome.OPEN) == (status is Status.OVERRIDDEN)


def test_an_approval_never_passes_what_evidence_says_no_to() -> None:
    worse = approval(bound={"capacity": Status.UNMET})
    assert verdict_of([CAPACITY], {MBPS: item(MBPS, 0.1, NOW)}, approvals=(worse,)).outcome is Outcome.UNMET
