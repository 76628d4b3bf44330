"""An incident's owner is told once when it opens and once when it closes, by whatever way was set for the owner's word."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from schemas.escalation import Incident
from schemas.school import Role
from schemas.topics import INCIDENTS
from services.kit.database import connect
from services.kit.envelope import encode
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from services.notifier import contacts
from tests.harness.receivers import mail_server, web_hook
from tests.integration.test_notifier_delivery import ROUTING_KEY, Desk, desk, mailto, text

pytestmark = pytest.mark.stack
PROVISIONING = "provisioning"


def incident(program: str, revision: int = 1, **changes: object) -> Incident:
    now = datetime.now(UTC)
    base = {
        "incident_id": f"incident-provisioning-{program}", "revision": revision, "program_id": program,
        "owner": PROVISIONING, "reason": "source-silent", "signals": ("network.mbps-per-student",),
        "schools_count": 2500, "opened_at": now, "changed_at": now,
    }  # fmt: skip
    return Incident.model_validate(base | changes)


def publish(settings: Settings, *incidents: Incident) -> None:
    with Publisher(settings) as publisher:
        for each in incidents:
            publisher.send(INCIDENTS.name, encode(Incident.ce_type, each, each.incident_id, source="tests"))


def closed(before: Incident, revision: int) -> Incident:
    now = datetime.now(UTC)
    return before.model_copy(update={"revision": revision, "closed_at": now, "changed_at": now, "schools_count": 0})


async def forget(school: Desk) -> None:
    connection = await connect(school.settings, "notifier")
    try:
        for each in await contacts.listed(connection):
            if each.actor_id in (PROVISIONING, "operations"):
                await contacts.remove(connection, each.actor_id, each.channel)
    finally:
        await connection.close()


async def test_the_owner_of_2500_schools_silence_is_told_once_and_once_when_it_ends(stack: Settings) -> None:
    with mail_server() as box, web_hook() as pager:
        async with desk(stack, notifier_pagerduty_url=f"http://{pager.url}/v2/enqueue") as school:
            try:
                await school.reached_at(PROVISIONING, mailto(box, "feeds"))
                await school.reached_at(PROVISIONING, ROUTING_KEY, "pager", "pagerduty")
                first = incident(school.program)
                fewer = first.model_copy(update={"revision": 2, "schools_count": 2400})
                publish(stack, first, first, fewer)
                await school.until_states(delivered=2)
                (mail,) = box.mails
                assert str(mail["subject"]) == f"Firstbell: {first.incident_id}, an incident stands"
                assert "source-silent, 2500 schools, network.mbps-per-student" in " ".join(text(mail).split())
                over = closed(fewer, 3)
                publish(stack, over, over)
                await school.until_states(delivered=4)
                assert "the incident is over" in str(box.mails[1]["subject"])
                assert [body["event_action"] for body in pager.bodies] == ["trigger", "resolve"]
                assert {body["dedup_key"] for body in pager.bodies} == {first.incident_id}
                again = incident(school.program, 4)
                publish(stack, again)
                await school.until_states(delivered=6)
                assert len(box.mails) == 3, "what opens again is told again"
            finally:
                await forget(school)


async def test_what_closed_before_anybody_heard_is_not_told_and_old_news_is_only_kept(stack: Settings) -> None:
    async with desk(stack) as school:
        publish(stack, closed(incident(school.program), 2))
        old = datetime.now(UTC) - timedelta(days=3)
        publish(stack, incident(school.program, incident_id=f"incident-old-{uuid.uuid4().hex[:6]}", opened_at=old))
        await school.until_states(too_old=1)


async def test_an_owner_whom_nobody_can_reach_is_seen_and_told_once_a_way_is_set(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.room.TAKE_UP_SECONDS", 0.2)
    with web_hook() as pager:
        async with desk(stack, notifier_pagerduty_url=f"http://{pager.url}/v2/enqueue") as school:
            try:
                first = incident(school.program)
                publish(stack, first, closed(first, 2))
                await school.until_states(no_contact=2)
                await school.reached_at(PROVISIONING, ROUTING_KEY, "pager", "pagerduty")
                await school.until_states(delivered=2)
                assert [body["event_action"] for body in pager.bodies] == ["trigger", "resolve"]
            finally:
                await forget(school)


async def test_an_outage_of_ours_hurries_and_a_silent_source_waits_for_the_morning(stack: Settings) -> None:
    now = datetime.now(UTC)
    always = ((now - timedelta(hours=2)).time(), (now + timedelta(hours=2)).time())
    with web_hook() as chat:
        async with desk(stack) as school:
            try:
                await school.employs(Role.PRINCIPAL)
                school.happens(school.rung(Role.COACH))  # by it the notifier knows that this program rehearses
                await school.until_states(no_holder=1)
                for owner in (PROVISIONING, "operations"):
                    await school.reached_at(owner, f"json://{chat.url}/hook", "chat", quiet=always)
                outage = f"incident-outage-{uuid.uuid4().hex[:6]}"
                publish(
                    stack,
                    incident(school.program),
                    incident(school.program, owner="operations", incident_id=outage, reason="outage", signals=()),
                )
                await school.until_states(no_holder=1, delivered=1, waiting=1)
                (body,) = chat.bodies
                assert body["title"] == f"SIMULATED URGENT Firstbell: {outage}, an incident stands"
            finally:
                await forget(school)
