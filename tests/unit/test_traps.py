"""Traps that others fell into, each under its own name. A trap kept shut elsewhere is named with its test.

- "A database error shown as approval pending": tests/faults and `services/bridge/sender.py`; decisions read nothing.
- "An override that bypasses more than it names": tests/unit/test_policy_overrides.py.
- "Soak lost when a run is replaced": tests/workflow/test_rollout.py and tests/property/test_policy_progress.py.
"""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from schemas.decision import Outcome, Reason, Status
from schemas.gate import Consecutive, Criterion, DefectCount, PolicyDocument, Share, SignOffs, Threshold, Trend
from schemas.readiness import Missing
from schemas.school import GateId, Role
from services.helpdesk.readiness import SERVICE_LEVEL, WEEKS_IN_LEVEL
from services.helpdesk.readiness import compute as help_desk
from services.policies.loader import load
from services.policies.room import DEFAULT
from services.provisioning.readiness import ENROLLED, SEEN_7_DAYS
from tests.harness.scenario import CLEAN, LIFE, Scenario, item
from tests.harness.school_life import at, subject, ticket, value_of, watermark
from tests.unit.test_policy_criteria import NOW, judged, verdict_of
from tests.unit.test_provisioning_readiness import answer, device, plan

SEEN, MBPS, LOAD = "device.enrolled-ratio", "network.mbps-per-student", "network.page-load-p95-seconds"


# --- an error share divided by all targets, so that silent devices look healthy


def test_silent_devices_count_against_a_share_and_do_not_look_healthy() -> None:
    heard = [device(f"device-{number}", days_silent=0 if number < 6 else 30) for number in range(10)]
    share = answer(SEEN_7_DAYS, *heard)
    assert (share.numerator, share.population, share.value) == (6, 10, 0.6)
    planned = answer(ENROLLED, plan(20), *heard)
    assert (planned.numerator, planned.population, planned.value) == (6, 20, 0.3)


def test_errors_of_few_who_answered_are_not_thinned_by_all_who_were_asked() -> None:
    sessions = Share(id="first", signal="first-session.success-ratio", pass_at=0.9, minimum_population=10, **LIFE)
    few = judged(sessions, ("first-session.success-ratio", 1.0), population=3, numerator=3)
    assert (few.status, few.reason) == (Status.UNKNOWN, Reason.POPULATION_TOO_SMALL)


# --- a malformed threshold read as "no error", so that the emergency stop fails open


@pytest.mark.parametrize("line", ["many", "", "null", "[1]", ".nan", ".inf"])
def test_a_malformed_line_is_refused_and_never_read_as_no_line(line: str) -> None:
    text = DEFAULT.read_text("utf-8")
    assert "pass_at: 25.0" in text
    assert not isinstance(load(text.replace("pass_at: 25.0", f"pass_at: {line}", 1)), PolicyDocument)


def test_a_criterion_without_its_line_is_refused() -> None:
    for kind, fields in ((Threshold, {"signal": MBPS}), (Trend, {"signal": MBPS, "pass_at": 1.0}),
                         (Consecutive, {"signal": MBPS}), (DefectCount, {})):  # fmt: skip
        with pytest.raises(ValidationError):
            kind(id="lineless", **fields, **LIFE)


# --- zero measurements counted as success


def test_no_ticket_is_no_week_in_level_and_no_perfect_service() -> None:
    quiet = help_desk(subject(watermark(at(20)), now=at(20)))
    assert value_of(quiet, WEEKS_IN_LEVEL).value is None
    assert value_of(quiet, SERVICE_LEVEL).value is None
    one = help_desk(subject(ticket(1.0, 2.0), watermark(at(20)), now=at(20)))
    assert value_of(one, WEEKS_IN_LEVEL).value == 1.0, "three quiet weeks after it add nothing"


def test_a_share_of_nobody_and_a_trend_of_no_points_are_unknown() -> None:
    share = Share(id="enrolled", signal=SEEN, pass_at=0.98, **LIFE)
    assert judged(share, (SEEN, 1.0), population=0).status is Status.UNKNOWN
    trend = Trend(id="rising", signal="helpdesk.weekly-tickets-trend", pass_at=0.0, minimum_points=2, **LIFE)
    assert judged(trend, (trend.signal, 0.0), population=0).status is Status.UNKNOWN


# --- an inconclusive run promoted


@pytest.mark.parametrize("missing", list(Missing))
def test_an_inconclusive_reading_opens_no_gate(missing: Missing) -> None:
    school = Scenario().signs().hears(CLEAN).hears({LOAD: None}, missing=missing).days_pass(6)
    assert (school.phase.gate, school.outcome) == (GateId.INFRASTRUCTURE, "unknown")


# --- rules with missing inputs skipped


def test_a_rule_whose_input_is_missing_is_unknown_and_is_not_skipped() -> None:
    rules: list[Criterion] = [
        Threshold(id="capacity", signal=MBPS, pass_at=1.0, **LIFE),
        Threshold(id="page-load", signal=LOAD, pass_at=3.0, **LIFE),
    ]
    verdict = verdict_of(rules, {MBPS: item(MBPS, 2.0, NOW - timedelta(hours=1))})
    assert [each.criterion_id for each in verdict.results] == ["capacity", "page-load"]
    assert verdict.results[1].reason is Reason.NEVER_SEEN
    assert verdict.outcome is Outcome.UNKNOWN


# --- the first denial hiding the rest


def test_every_denial_is_told_at_once_and_none_hides_another() -> None:
    rules: list[Criterion] = [
        SignOffs(id="signed", roles=(Role.PRINCIPAL,), **LIFE),
        Threshold(id="capacity", signal=MBPS, pass_at=1.0, **LIFE),
        Threshold(id="page-load", signal=LOAD, pass_at=3.0, **LIFE),
        DefectCount(id="defects", major_at_most=0, **LIFE),
    ]
    seen = {name: item(name, value, NOW - timedelta(hours=1)) for name, value in ((MBPS, 0.1), (LOAD, 9.0))}
    statuses = {each.criterion_id: each.status for each in verdict_of(rules, seen).results}
    assert statuses == {
        "signed": Status.UNMET, "capacity": Status.UNMET, "page-load": Status.UNMET, "defects": Status.UNKNOWN
    }  # fmt: skip
