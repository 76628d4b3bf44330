"""`policy migrate`: what another policy would change, school by school, and the carrying of it.

Called by the command. The plan decides each school's gate twice, by the workflow's own view; a school that does not
answer is said not to have, never guessed. Carrying is idempotent by the act's id, so that it resumes by being repeated.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from temporalio.client import Client

from schemas.calendar import Calendar
from schemas.decision import EvidenceItem, Outcome, Verdict
from schemas.gate import PolicyDocument, SchoolPolicy
from schemas.message import CommandReply
from schemas.migration import MigratePolicy
from schemas.model import digest_of
from schemas.readiness import CoalescedReading
from schemas.school import Actor, GateId
from services.console import door, library
from services.console.views import Answer, SchoolLine
from services.kit.database import Connection
from services.kit.outcome import TemporaryError
from workflows.policy.authoring.document import profile_for, resolve
from workflows.policy.authoring.inheritance import document_for, heirs_of
from workflows.policy.evidence import fold
from workflows.policy.migration import foresee, signals_named
from workflows.school.messages import View

T = TypeVar("T")
U = TypeVar("U")

AT_ONCE = 16
"""Schools asked at the same time. Our judgement: a query takes a few milliseconds, an update a few tens."""
DONE_ALREADY = ("policy-pinned", "migration-pending")
"""Refusals that say that the school has, or will have, just this policy."""


class StatusChange(Answer):
    """One criterion that stands otherwise under the new policy."""

    criterion_id: str
    before: str | None
    """None: the old policy has no such criterion."""
    after: str | None
    """None: the new policy has no such criterion."""


class SchoolPlan(Answer):
    """What the new policy would change at one school."""

    school_id: str
    school: str
    gate: GateId
    profile_before: str | None
    profile_after: str | None
    before: Outcome | None
    """Of the gate at hand, now. None: the school did not answer."""
    after: Outcome | None
    """Of the same gate under the new policy, if it had begun with it. None: the school did not answer."""
    changes: tuple[StatusChange, ...] = ()
    note: str
    """When the school takes it, in words."""


class MigrationPlan(Answer):
    """The whole plan."""

    notice: str | None
    program_id: str
    policy: str
    policy_digest: str
    semantics: int
    schools: tuple[SchoolPlan, ...]
    summary: dict[str, int]
    """How many schools stand how: `open -> unmet`, `unmet -> unmet, other reasons`, `did not answer`."""


class MigrationAnswer(Answer):
    """What became of a migration."""

    plan: MigrationPlan
    act_id: str
    accepted: int
    """Schools that took this act, now or when it was first told to them."""
    had_it: int
    """Schools that have the policy, or have it pending, by another act."""
    refused: tuple[CommandReply, ...]
    unanswered: tuple[str, ...]
    """Schools to ask again, with the same id."""
    undo: str


Told = Callable[[int, int], None]
Ground = tuple[SchoolLine, SchoolPolicy]
"""A school, and the policy it would get."""


@dataclass(slots=True)
class Planner:
    """Makes the plan of one program: reads the console's tables one at a time, asks workflows several at once."""

    connection: Connection
    client: Client
    document: PolicyDocument
    now: datetime
    _calendars: dict[str, Calendar | None] = field(default_factory=dict)
    _heirs: tuple[tuple[str, PolicyDocument], ...] | None = None
    """None: not read yet."""

    async def policy_for(self, line: SchoolLine) -> SchoolPolicy:
        """What this school would pin: of the policy or a narrower one that inherits it, the profile of its size."""
        if self._heirs is None:
            known = await library.inheriting_policies(self.connection)
            self._heirs = heirs_of(digest_of(self.document), known)
        record = await library.school_record(self.connection, line.school_id)
        document = self.document
        if record is not None:
            root = (digest_of(self.document), self.document)
            place = (record.school_id, record.district_id, record.state)
            document = document_for(root, self._heirs, *place)[1] if self._heirs else self.document
        return resolve(document, profile_for(document, record.teachers if record else None))

    async def plan(self, grounds: Sequence[Ground], told: Told) -> tuple[SchoolPlan, ...]:
        """Every school's plan, in the order given."""
        views = await at_once(grounds, lambda ground: self._look(ground[0]), told)
        return tuple([await self._school(*ground, view) for ground, view in zip(grounds, views, strict=True)])

    async def _look(self, line: SchoolLine) -> View | None:
        try:
            return await door.look(self.client, line.program_id, line.school_id, self.now)
        except TemporaryError:
            return None

    async def _school(self, line: SchoolLine, policy: SchoolPolicy, view: View | None) -> SchoolPlan:
        if view is None:
            return SchoolPlan(
                school_id=line.school_id, school=line.school, gate=line.gate, profile_before=None,
                profile_after=policy.profile, before=None, after=None, note="did not answer: nothing is known of it",
            )  # fmt: skip
        calendar = await self._calendar(view.calendar_digest)
        others = await self._others(line, view, policy, calendar)
        before, after = foresee(view.policy, policy, view.inputs, others, calendar, self.now)
        return SchoolPlan(
            school_id=line.school_id, school=line.school, gate=before.gate, profile_before=view.policy.profile,
            profile_after=policy.profile, before=before.outcome, after=after.outcome, changes=_changes(before, after),
            note=_note(before.gate, view, policy),
        )  # fmt: skip

    async def _calendar(self, digest: str | None) -> Calendar | None:
        if digest is not None and digest not in self._calendars:
            self._calendars[digest] = await library.calendar_document(self.connection, digest)
        return self._calendars[digest] if digest is not None else None

    async def _others(
        self, line: SchoolLine, view: View, policy: SchoolPolicy, calendar: Calendar | None
    ) -> dict[str, EvidenceItem]:
        """Evidence that the school was never sent, since its policy does not name it; as the console has it."""
        missing = set(signals_named(policy)) - set(view.inputs.evidence)
        found: dict[str, EvidenceItem] = {}
        for reading in await library.readings_of(self.connection, line):
            if reading.signal in missing:
                same = {name: getattr(reading, name) for name in CoalescedReading.model_fields if name != "worst"}
                told = CoalescedReading(**same, worst=reading.value)
                found = fold(found, reading.signal, told, policy, calendar)
        return found


def _note(gate: GateId, view: View, policy: SchoolPolicy) -> str:
    if policy == view.policy:
        return "has it already"
    if gate is GateId.SCALE_GUARD:
        return "is in scale, where no phase opens any more: it keeps its policy unless it regresses"
    following = gate.phase.following
    return f"takes it when {following.value if following else 'a phase'} opens"


def _changes(before: Verdict, after: Verdict) -> tuple[StatusChange, ...]:
    old = {each.criterion_id: each.status.value for each in before.results}
    new = {each.criterion_id: each.status.value for each in after.results}
    return tuple(
        StatusChange(criterion_id=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    )


def summary(schools: Sequence[SchoolPlan]) -> dict[str, int]:
    """How many schools stand how, now and under the new policy; most first."""
    counted: Counter[str] = Counter()
    for each in schools:
        if each.before is None or each.after is None:
            counted["did not answer"] += 1
        elif each.before is each.after:
            counted[f"{each.before.value}, " + ("other criteria" if each.changes else "unchanged")] += 1
        else:
            counted[f"{each.before.value} -> {each.after.value}"] += 1
    return dict(counted.most_common())


@dataclass(slots=True)
class Carried:
    """What became of one school's act. `reply` None: it did not answer."""

    school_id: str
    reply: CommandReply | None


async def carry(
    client: Client, grounds: Sequence[Ground], actor: Actor, act_id: str, reason: str, told: Told
) -> list[Carried]:
    """Gives each school its policy, by one act id; schools that heard it before say so. Nothing is undone on failure."""

    async def give(ground: Ground) -> Carried:
        line, policy = ground
        command = MigratePolicy(act_id=act_id, actor=actor, policy=policy, reason=reason)
        try:
            return Carried(line.school_id, await door.act(client, line.program_id, line.school_id, command))
        except TemporaryError:
            return Carried(line.school_id, None)

    return await at_once(grounds, give, told)


async def at_once(items: Sequence[T], work: Callable[[T], Awaitable[U]], told: Told) -> list[U]:
    """Does `work` for each, a few at a time; results in the order of the items."""
    slots, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(item: T) -> U:
        nonlocal done
        async with slots:
            result = await work(item)
        done += 1
        told(done, len(items))
        return result

    return list(await asyncio.gather(*(one(item) for item in items)))


def answer_of(plan: MigrationPlan, act_id: str, carried: Sequence[Carried], undo: str) -> MigrationAnswer:
    """The whole answer, counted."""
    replies = [each.reply for each in carried if each.reply is not None]
    return MigrationAnswer(
        plan=plan,
        act_id=act_id,
        accepted=sum(each.accepted for each in replies),
        had_it=sum(each.refusal in DONE_ALREADY for each in replies),
        refused=tuple(each for each in replies if not each.accepted and each.refusal not in DONE_ALREADY),
        unanswered=tuple(each.school_id for each in carried if each.reply is None),
        undo=undo,
    )
