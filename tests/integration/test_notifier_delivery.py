"""Notices reach real receivers, once, in spite of silence, refusal and death; who is slow delays nobody else."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from email.message import Message

import pytest

from schemas.escalation import EscalationAcknowledged, EscalationClosed, EscalationEnd, RungFired
from schemas.fact import Fact, FactBody
from schemas.ladder import EscalationCause, RungKind
from schemas.school import (
    Actor,
    ActorRecord,
    GateId,
    Phase,
    Role,
    SchoolLevel,
    SchoolRecord,
    SchoolStatus,
    Scope,
    ScopeKind,
)
from schemas.topics import ACTORS, FACTS, SCHOOLS
from services.kit.database import Pool, connect, open_pool
from services.kit.envelope import encode
from services.kit.outcome import PermanentError
from services.kit.publisher import Publisher
from services.kit.settings import Settings
from services.notifier import contacts
from services.notifier.channels import Receiver
from services.notifier.contacts import Wish
from services.notifier.room import process
from tests.harness.receivers import Hook, Mailbox, mail_server, web_hook
from tests.harness.until import until

pytestmark = pytest.mark.stack
ROUTING_KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class Desk:
    """One school with people, and what happens to it."""

    settings: Settings
    pool: Pool
    school: str = field(default_factory=lambda: str(uuid.uuid4()))
    district: str = field(default_factory=lambda: str(uuid.uuid4()))
    program: str = field(default_factory=lambda: f"notices-{uuid.uuid4().hex[:8]}")
    sequence: int = 0

    def publish(self, topic: str, key: str, payload: SchoolRecord | ActorRecord | Fact) -> None:
        with Publisher(self.settings) as publisher:
            publisher.send(topic, encode(payload.ce_type, payload, key, source="tests"))

    def opens(self) -> None:
        record = SchoolRecord(
            school_id=self.school, district_id=self.district, state="WA", version=1, recorded_at=datetime.now(UTC),
            status=SchoolStatus.OPEN, level=SchoolLevel.HIGH, display_name=f"School {self.school[:8]}",
            district_display_name="District",
        )  # fmt: skip
        self.publish(SCHOOLS.name, self.school, record)

    async def employs(self, role: Role, *, district: bool = False) -> str:
        actor_id = f"actor-{uuid.uuid4().hex[:12]}"
        scope = Scope(
            kind=ScopeKind.DISTRICT if district else ScopeKind.SCHOOL, id=self.district if district else self.school
        )
        record = ActorRecord(
            actor_id=actor_id, role=role, scope=scope, roster_version=1, recorded_at=datetime.now(UTC), active=True
        )
        self.publish(ACTORS.name, f"{actor_id} {role.value} {scope.id}", record)

        async def known() -> bool:
            return bool(
                await self.pool.fetchval(
                    """select exists (select from holder where actor_id = $1)
                    and exists (select from school where school_id = $2)""",
                    actor_id, self.school,
                )
            )  # fmt: skip

        await until(known, what="the notifier to know the role")
        return actor_id

    async def reached_at(
        self, actor_id: str, address: str, channel: str = "mail", kind: str = "apprise",
        quiet: tuple[time, time] | None = None,
    ) -> None:  # fmt: skip
        connection = await connect(self.settings, "notifier")
        try:
            await contacts.put(
                connection, Wish(actor_id, channel, Receiver(kind, address), "UTC", quiet), datetime.now(UTC)
            )
        finally:
            await connection.close()

    def happens(self, body: FactBody, *, ago: timedelta = timedelta(0)) -> Fact:
        self.sequence += 1
        fact = Fact(
            program_id=self.program, school_id=self.school, fact_sequence=self.sequence,
            occurred_at=datetime.now(UTC) - ago, phase=Phase.BETA, rehearsal=True, simulated=False, body=body,
            picture_digest="sha256:" + "0" * 64,
        )  # fmt: skip
        self.publish(FACTS.name, self.school, fact)
        return fact

    def rung(self, *roles: Role, number: int = 1, urgent: bool = True, escalation: str | None = None) -> RungFired:
        return RungFired(
            escalation_id=escalation or f"escalation-{uuid.uuid4().hex[:16]}", cause=EscalationCause.GATE_BLOCKED,
            gate=GateId.BETA, rung=number, rung_kind=RungKind.NOTIFY, roles=roles, due_at=datetime.now(UTC),
            urgent=urgent, next_at=None, calendar_version=1,
        )  # fmt: skip

    async def states(self) -> dict[str, int]:
        rows = await self.pool.fetch(
            "select state, count(*) as n from notice where program_id = $1 group by 1", self.program
        )
        return {row["state"]: row["n"] for row in rows}

    async def until_states(self, **wanted: int) -> None:
        named = {name.replace("_", "-"): count for name, count in wanted.items()}

        async def there() -> bool:
            return await self.states() == named

        await until(there, what=f"notices to be {named}", within=40)


@asynccontextmanager
async def desk(stack: Settings, **changes: object) -> AsyncIterator[Desk]:
    """A school, and the notifier's process at work."""
    settings = stack.model_copy(update={"notifier_gather_seconds": 0.0} | changes)
    notifier = process(settings)
    running = asyncio.create_task(notifier.run())
    pool = await open_pool(settings, "notifier")
    made = Desk(settings, pool)
    try:
        made.opens()
        yield made
    finally:
        await pool.execute("delete from notice where program_id = $1", made.program)
        notifier.stop()
        await running
        await pool.close()


def mailto(box: Mailbox, who: str) -> str:
    return f"mailto://127.0.0.1:{box.port}?from=firstbell@example.org&to={who}@example.org&mode=insecure"


def text(mail: Message) -> str:
    part = next(each for each in mail.walk() if each.get_content_type() == "text/plain")
    body = part.get_payload(decode=True)
    assert isinstance(body, bytes)
    return body.decode()


async def test_three_rungs_reach_three_receivers_by_mail_chat_and_page(stack: Settings) -> None:
    with mail_server() as box, web_hook() as chat, web_hook() as pager:
        async with desk(stack, notifier_pagerduty_url=f"http://{pager.url}/v2/enqueue") as school:
            lead = await school.employs(Role.SCHOOL_LEAD)
            principal = await school.employs(Role.PRINCIPAL)
            technology = await school.employs(Role.DISTRICT_TECHNOLOGY, district=True)
            await school.reached_at(lead, mailto(box, "lead"))
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat")
            await school.reached_at(technology, ROUTING_KEY, "pager", "pagerduty")
            escalation = f"escalation-{uuid.uuid4().hex[:16]}"
            for number, role in enumerate((Role.SCHOOL_LEAD, Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY), 1):
                school.happens(school.rung(role, number=number, escalation=escalation))
            await school.until_states(delivered=3)
            (mail,) = box.mails
            assert "escalated" in str(mail["subject"])
            assert f"firstbell school why {school.school}" in text(mail)
            assert [body["title"] for body in chat.bodies] == [
                f"SIMULATED URGENT Firstbell: School {school.school[:8]}, G2 escalated"
            ]
            (page,) = pager.bodies
            assert (page["event_action"], page["dedup_key"], page["routing_key"]) == (
                "trigger",
                escalation,
                ROUTING_KEY,
            )

            someone = Actor(
                actor_id=technology, role=Role.DISTRICT_TECHNOLOGY,
                scope=Scope(kind=ScopeKind.DISTRICT, id=school.district), roster_version=1,
            )  # fmt: skip
            school.happens(
                EscalationAcknowledged(escalation_id=escalation, act_id="act-000001", actor=someone, act_by=None)
            )
            school.happens(EscalationClosed(escalation_id=escalation, cause=EscalationEnd.MENDED))
            await school.until_states(delivered=5)
            assert [body["event_action"] for body in pager.bodies] == ["trigger", "acknowledge", "resolve"]
            assert {body["dedup_key"] for body in pager.bodies} == {escalation}


async def test_a_receiver_that_hangs_or_is_down_delays_nobody_else_and_is_tried_again(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.delivery.BACKOFF_SECONDS", (0.2,))
    monkeypatch.setattr("services.notifier.channels.TIMEOUT_SECONDS", 60)  # it hangs on, however slow this machine
    with web_hook() as slow, web_hook() as down, web_hook() as well:
        async with desk(stack) as school:
            slow.hang()
            down.answer = 500
            for hook, name in ((slow, "slow"), (down, "down"), (well, "well")):
                actor = await school.employs(Role.PRINCIPAL)
                await school.reached_at(actor, f"json://{hook.url}/hook", name)
            school.happens(school.rung(Role.PRINCIPAL))

            async def reached(hook: Hook) -> bool:
                return len(hook.bodies) == 1

            await until(lambda: reached(well), what="the well receiver to be told")
            assert not slow.bodies
            assert not down.bodies
            errors = "select max(attempts) from notice where program_id = $1 and channel = 'down'"

            async def tried_twice() -> bool:
                return (await school.pool.fetchval(errors, school.program) or 0) >= 2

            await until(tried_twice, what="the receiver that is down to be tried again")
            down.answer = 200
            slow.go_on()
            await school.until_states(delivered=3)
            assert [len(hook.bodies) for hook in (slow, down, well)] == [1, 1, 1]
            outcomes = await school.pool.fetch(
                "select outcome, error from delivery where channel = 'down' and outcome = 'failed' limit 1"
            )
            assert outcomes[0]["error"] == "the receiver did not take it"


async def test_what_is_not_urgent_becomes_one_digest_a_person(stack: Settings) -> None:
    with web_hook() as chat:
        async with desk(stack, notifier_gather_seconds=600) as school:
            principal = await school.employs(Role.PRINCIPAL)
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat")
            for number in (1, 2, 3):
                school.happens(
                    school.rung(Role.PRINCIPAL, number=number, urgent=False, escalation="escalation-" + "0" * 16)
                )
            await school.until_states(waiting=3)
            await school.pool.execute(
                """update notice set not_before = now()
                where notice_id = (select min(notice_id) from notice where program_id = $1)""",
                school.program,
            )  # fmt: skip
            await school.until_states(delivered=3)
            assert len(chat.bodies) == 1
            assert "3 notices about 1 school" in chat.bodies[0]["title"]


async def test_what_waits_for_the_morning_does_not_go_along_with_what_is_tried_again_at_night(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.delivery.BACKOFF_SECONDS", (0.5,))
    now = datetime.now(UTC)
    night = ((now - timedelta(hours=2)).time(), (now + timedelta(hours=2)).time())
    with web_hook() as chat:
        chat.answer = 500
        async with desk(stack, notifier_gather_seconds=0) as school:
            principal = await school.employs(Role.PRINCIPAL)
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat")
            school.happens(school.rung(Role.PRINCIPAL, urgent=False))

            async def tried() -> bool:
                sql = "select max(attempts) > 0 from notice where program_id = $1"
                return bool(await school.pool.fetchval(sql, school.program))

            await until(tried, what="the first try to fail")
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat", quiet=night)
            school.happens(school.rung(Role.PRINCIPAL, urgent=False))
            await school.until_states(waiting=2)
            chat.answer = 202
            await school.until_states(delivered=1, waiting=1)
            assert len(chat.bodies) == 1
            assert chat.bodies[0]["title"].count("notices about") == 0, "one notice, no digest"


async def test_what_reaches_nobody_is_seen_and_told_once_somebody_can_be_reached(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.room.TAKE_UP_SECONDS", 0.2)
    monkeypatch.setattr("services.notifier.intake.STRANDED_MAX", 1)  # who stays out of reach is in nobody's way
    with web_hook() as chat:
        async with desk(stack) as school:
            principal = await school.employs(Role.PRINCIPAL)
            school.happens(school.rung(Role.COACH, Role.PRINCIPAL))
            await school.until_states(no_contact=1, no_holder=1)
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat")
            await school.until_states(delivered=1, no_holder=1)
            assert len(chat.bodies) == 1


async def test_old_news_is_recorded_and_not_told(stack: Settings) -> None:
    with web_hook() as chat:
        async with desk(stack) as school:
            principal = await school.employs(Role.PRINCIPAL)
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat")
            school.happens(school.rung(Role.PRINCIPAL), ago=timedelta(days=3))
            school.happens(school.rung(Role.PRINCIPAL, number=2))
            await school.until_states(too_old=1, delivered=1)
            assert len(chat.bodies) == 1


async def test_what_a_killed_process_had_under_way_is_sent_again_and_said_to_be_unknown(stack: Settings) -> None:
    with web_hook() as chat:
        async with desk(stack) as school:
            principal = await school.employs(Role.PRINCIPAL)
            school.happens(school.rung(Role.PRINCIPAL))
            await school.until_states(no_contact=1)
            await school.pool.execute(  # as a process leaves it that dies between taking a notice and hearing an answer
                """update notice set state = 'sending', channel = 'chat' where program_id = $1""", school.program
            )
            await school.pool.execute(
                """insert into delivery (actor_id, channel, action, notice_ids, started_at, outcome)
                values ($1, 'chat', 'tell', '{}', now(), 'under-way')""", principal,
            )  # fmt: skip
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat")
            await school.until_states(delivered=1)
            outcomes = await school.pool.fetch(
                "select outcome from delivery where actor_id = $1 order by delivery_id", principal
            )
            assert [row["outcome"] for row in outcomes] == ["unknown", "delivered"]


async def test_a_fact_that_comes_twice_is_told_once(stack: Settings) -> None:
    with web_hook() as chat:
        async with desk(stack) as school:
            principal = await school.employs(Role.PRINCIPAL)
            await school.reached_at(principal, f"json://{chat.url}/hook", "chat")
            fact = school.happens(school.rung(Role.PRINCIPAL))
            school.publish(FACTS.name, school.school, fact)
            school.happens(school.rung(Role.PRINCIPAL, number=2))
            await school.until_states(delivered=2)
            assert len(chat.bodies) == 2 or "2 notices" in chat.bodies[0]["title"]


async def test_an_address_is_refused_without_being_repeated(stack: Settings) -> None:
    async with desk(stack) as school:
        secret = "nonsense://somebody:password@example.org"
        with pytest.raises(PermanentError) as refused:
            await school.reached_at("actor-x1", secret)
        assert "somebody" not in str(refused.value)
