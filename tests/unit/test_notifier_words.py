"""Whom a fact concerns, when they may be told, and what is said: the notifier's pure half."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.escalation import EscalationAcknowledged, EscalationClosed, EscalationEnd, RungFired
from schemas.fact import ApprovalAsked, Fact, FactBody, RolloutStopped
from schemas.ladder import EscalationCause, RungKind
from schemas.school import GateId, Phase, Role
from schemas.waiver import WaiverReminded
from services.notifier.calls import call_of
from services.notifier.quiet import Quiet, earliest_telling
from services.notifier.wording import LINES_MAX, Notice, message_of
from tests.harness.scenario import SCHOOL, actor

NOW = datetime(2026, 10, 6, 15, tzinfo=UTC)
ESCALATION = "escalation-00000000000000aa"
PACIFIC = "America/Los_Angeles"


def fact(body: FactBody) -> Fact:
    return Fact(
        program_id="wa-2026", school_id=SCHOOL, fact_sequence=7, occurred_at=NOW, phase=Phase.BETA, rehearsal=True,
        simulated=True, body=body, picture_digest="sha256:" + "0" * 64,
    )  # fmt: skip


def rung(*roles: Role, urgent: bool = False) -> RungFired:
    return RungFired(
        escalation_id=ESCALATION, cause=EscalationCause.GATE_BLOCKED, gate=GateId.BETA, rung=1,
        rung_kind=RungKind.NOTIFY if roles else RungKind.WAIT, roles=roles, due_at=NOW, urgent=urgent, next_at=None,
        calendar_version=1,
    )  # fmt: skip


def notice(number: int = 1, **changes: object) -> Notice:
    base: dict[str, object] = {
        "notice_id": number, "program_id": "wa-2026", "school_id": SCHOOL, "school": "Adna Elementary School",
        "kind": "rung-fired", "role": "principal", "action": "tell", "subject": ESCALATION, "gate": "G2",
        "criterion_ids": ("defects",), "urgent": False, "simulated": False, "due_at": None,
        "occurred_at": NOW + timedelta(minutes=number),
    }  # fmt: skip
    return Notice(**(base | changes))  # type: ignore[arg-type]


def test_a_rung_calls_its_roles_and_a_silent_one_nobody() -> None:
    call = call_of(fact(rung(Role.PRINCIPAL, Role.SCHOOL_LEAD, urgent=True)))
    assert call is not None
    assert (call.action, call.subject, call.roles, call.urgent) == (
        "tell", ESCALATION, (Role.PRINCIPAL, Role.SCHOOL_LEAD), True,
    )  # fmt: skip
    assert call_of(fact(rung())) is None


def test_an_acknowledgement_and_an_end_reach_the_page_that_was_begun() -> None:
    taken = EscalationAcknowledged(
        escalation_id=ESCALATION, act_id="act-000001", actor=actor(Role.PRINCIPAL), act_by=None
    )
    over = EscalationClosed(escalation_id=ESCALATION, cause=EscalationEnd.MENDED)
    calls = [call_of(fact(taken)), call_of(fact(over))]
    assert [(each.action, each.subject) for each in calls if each] == [
        ("acknowledge", ESCALATION), ("resolve", ESCALATION),
    ]  # fmt: skip


def test_a_waivers_reminder_calls_those_it_names_and_nobody_where_a_ladder_tells() -> None:
    reminder = WaiverReminded(waiver_id="waiver-0001", criterion_ids=("page-load",), expires_at=NOW)
    assert call_of(fact(reminder)) is None
    call = call_of(fact(reminder.model_copy(update={"tells": (Role.PRINCIPAL,)})))
    assert call is not None
    assert (call.action, call.roles, call.gate, call.criterion_ids) == ("tell", (Role.PRINCIPAL,), "G2", ("page-load",))
    said = message_of([notice(kind="waiver-reminded", due_at=NOW)])
    assert "a waiver is about to end" in said.title
    assert "by 2026-10-06 15:00 UTC" in said.body


def test_an_ask_calls_its_role_and_other_facts_call_nobody() -> None:
    asked = ApprovalAsked(gate=GateId.BETA, attempt=2, role=Role.PRINCIPAL, criterion_ids=("model",), answer_by=None)
    call = call_of(fact(asked))
    assert call is not None
    assert call.roles == (Role.PRINCIPAL,)
    assert not call.urgent
    assert call_of(fact(RolloutStopped(reason="program-over"))) is None


NIGHT = Quiet(PACIFIC, time(20), time(6, 30))


@pytest.mark.parametrize(
    ("local", "told"),
    [
        ("2026-10-06T19:00", "2026-10-06T19:15"),
        ("2026-10-06T19:50", "2026-10-07T06:30"),  # gathered into the quiet hours
        ("2026-10-07T02:00", "2026-10-07T06:30"),
        ("2026-10-31T22:00", "2026-11-01T06:30"),  # the night in which the clock goes back
    ],
)
def test_quiet_hours_end_in_the_morning_of_the_persons_zone(local: str, told: str) -> None:
    zone = ZoneInfo(PACIFIC)
    now = datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)
    assert earliest_telling(now, 900, NIGHT, urgent=False) == datetime.fromisoformat(told).replace(tzinfo=zone)
    assert earliest_telling(now, 900, NIGHT, urgent=True) == now


@given(st.integers(0, 366 * 86_400), st.times(), st.times(), st.floats(0, 86_400))
def test_nothing_is_told_before_it_is_gathered_nor_within_quiet_hours(
    second: int, begins: time, ends: time, gather: float
) -> None:
    now = NOW + timedelta(seconds=second)
    told = earliest_telling(now, gather, Quiet("UTC", begins, ends), urgent=False)
    assert now + timedelta(seconds=gather) <= told <= now + timedelta(seconds=gather, days=1)
    clock = told.time()
    if begins < ends:
        assert not begins <= clock < ends
    elif begins > ends:
        assert ends <= clock < begins


def test_one_person_gets_one_digest_the_urgent_first_and_the_rest_counted() -> None:
    many = [notice(number, school_id=f"s{number % 3}") for number in range(1, LINES_MAX + 6)]
    message = message_of([*many, notice(99, urgent=True, school="Burning School")])
    assert message.title == f"URGENT Firstbell: {LINES_MAX + 6} notices about 4 schools"
    assert message.body.splitlines()[0].startswith("- Burning School")
    assert message.body.splitlines()[-1].startswith("and 6 more")


def test_imagined_evidence_is_marked_in_the_title() -> None:
    assert message_of([notice(simulated=True)]).title == "SIMULATED Firstbell: Adna Elementary School, G2 escalated"
    assert "SIMULATED" not in message_of([notice()]).title


def test_the_message_says_how_to_learn_more() -> None:
    assert f"firstbell school why {SCHOOL} --program wa-2026" in message_of([notice()]).body


def test_an_incident_is_told_by_its_name_and_counts_as_no_school() -> None:
    stands = notice(7, school_id="", school="", kind="incident-opened", subject="incident-training-wa", role="owner")
    message = message_of([stands])
    assert message.title == "Firstbell: incident-training-wa, an incident stands"
    assert "firstbell escalation incidents --program wa-2026" in message.body
    assert message_of([stands, notice(8)]).title == "Firstbell: 2 notices about 1 school"
