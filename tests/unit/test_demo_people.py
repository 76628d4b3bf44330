"""The people's story: its receiver takes what Apprise sends, its policy fits its calendar, its figures are counted."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.gate import Dwell, PolicyDocument
from schemas.school import GateId
from services.demo import people, people_closing, world
from services.demo.receiver import Receiver
from services.notifier import channels
from services.notifier.wording import Notice
from services.policies.loader import load
from services.simulator.life import mending, worsened, worsening
from services.simulator.personality import Personality
from tests.unit.test_simulator_life import school


def test_the_receiver_takes_what_the_notifier_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Receiver() as receiver:
        now = datetime(2026, 11, 25, tzinfo=UTC)
        notice = Notice(
            1, "p", "s-1", "Sample Middle", "rung-fired", "principal", "tell", "escalation-1", "G1", (), False, True,
            None, now,
        )  # fmt: skip
        channels.send(channels.Receiver("apprise", receiver.address("principal")), [notice])
        ((path, title, body),) = receiver.messages
    assert path == "principal"
    assert title == "SIMULATED Firstbell: Sample Middle, G1 escalated"
    assert "s-1" in body


def test_the_freeze_of_the_rehearsal_begins_before_its_dwell_ends() -> None:
    document = load((people.DEPLOY / "policies" / f"{people.POLICY}.yaml").read_text("utf-8"))
    assert isinstance(document, PolicyDocument)
    (freeze,) = document.freezes
    assert freeze.rehearsals
    assert freeze.gates == (GateId.INFRASTRUCTURE,)
    (dwell,) = [
        each for each in document.profiles["standard"].gates[freeze.gates[0]].criteria if isinstance(each, Dwell)
    ]
    assert _day(people.WINDOW[0]) - freeze.lead_days <= dwell.minimum_days < _day(people.WINDOW[1])
    assert _day(people.WINDOW[1]) == people.DAYS_FROZEN_UNTIL


def _day(text: str) -> int:
    first = date.fromisoformat(world.FIRST_DATE)
    dates = [first + timedelta(days=n) for n in range(60)]
    return [day for day in dates if day.weekday() < 5].index(date.fromisoformat(text)) + 1


def test_a_line_that_grew_slow_stays_so_until_it_is_mended() -> None:
    slow = worsened(school(Personality.CLEAN))
    (probe,) = [
        each.event for each in worsening(school(Personality.CLEAN), 7.4) if hasattr(each.event, "capacity_mbps")
    ]
    assert probe.capacity_mbps < 300
    assert probe.simulated
    (mended,) = [each.event for each in mending(slow, 9.0) if hasattr(each.event, "capacity_mbps")]
    assert mended.capacity_mbps > 300


def test_the_last_screen_counts_facts() -> None:
    text = people_closing.counted([{"kind": "approval-lapsed"}, {"kind": "gate-opened"}, {"kind": "gate-opened"}])
    assert text[0] == "   1 approvals lapsed"
    assert text[-1] == "   2 gates opened"
    assert "   0 waivers granted" in text
