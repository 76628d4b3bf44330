"""The bridge's own copies of schools, calendars, policies and advisories, kept from their topics.

Handlers of one subscription. Whatever changes a school's context marks its rollouts for the sender, in the same
transaction. A copy that is not here yet is unknown, never guessed.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from pydantic import BaseModel

from schemas import topics
from schemas.advisory import Advisory
from schemas.calendar import Calendar, CalendarPointer
from schemas.gate import PolicyStored
from schemas.model import digest_of
from schemas.school import ActorRecord, SchoolRecord
from services.bridge import advisories, rollouts
from services.kit.batch import Batch
from services.kit.consume import Record, Result, Subscription
from services.kit.lag import lag
from services.kit.outcome import Dead, Disposition, PermanentError
from services.kit.settings import Settings

LEVEL_WITHIN = timedelta(seconds=30)
"""How long a start waits for what was just imported. Our judgement, 2026-11-23."""


async def take_copies(batch: Batch, records: Sequence[Record[BaseModel]]) -> Sequence[Result]:
    """One result a record, aligned. Records of one kind that follow one another are written together."""
    results: list[Result] = []
    for kind, group in groupby(records, key=lambda record: type(record.value)):
        values = [record.value for record in group]
        if kind is SchoolRecord:
            results += await _take_schools(batch, [v for v in values if isinstance(v, SchoolRecord)])
        elif kind is Calendar:
            results += await _take_calendars(batch, [v for v in values if isinstance(v, Calendar)])
        elif kind is CalendarPointer:
            results += await _take_pointers(batch, [v for v in values if isinstance(v, CalendarPointer)])
        elif kind is PolicyStored:
            results += await _take_policies(batch, [v for v in values if isinstance(v, PolicyStored)])
        elif kind is Advisory:
            results += await advisories.take(batch, [v for v in values if isinstance(v, Advisory)])
        elif kind is ActorRecord:
            results += await _take_actors(batch, [v for v in values if isinstance(v, ActorRecord)])
        else:
            results += [Disposition.IGNORED] * len(values)
    return results


async def _take_schools(batch: Batch, schools: Sequence[SchoolRecord]) -> list[Result]:
    ids = sorted({school.school_id for school in schools})
    rows = await batch.connection.fetch("select school_id, version from school where school_id = any($1)", ids)
    known: dict[str, int] = {row["school_id"]: row["version"] for row in rows}
    newest: dict[str, SchoolRecord] = {}
    results: list[Result] = []
    for school in schools:
        version = known.get(school.school_id, 0)
        if school.version > version:
            known[school.school_id] = school.version
            newest[school.school_id] = school
            results.append(Disposition.APPLIED)
        else:
            results.append(Disposition.DUPLICATE if school.version == version else Disposition.SUPERSEDED)
    changed = sorted(newest.values(), key=lambda school: school.school_id)
    await batch.connection.execute(
        """insert into school (school_id, district_id, status, version, document)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
        on conflict (school_id) do update set district_id = excluded.district_id, status = excluded.status,
            version = excluded.version, document = excluded.document
        where school.version < excluded.version""",
        [school.school_id for school in changed],
        [school.district_id for school in changed],
        [school.status.value for school in changed],
        [school.version for school in changed],
        [school.model_dump_json() for school in changed],
    )
    moved = await rollouts.follow_districts(batch.connection, sorted(newest))
    await advisories.move_concerned(batch.connection, moved)
    await rollouts.mark_schools(batch.connection, sorted(newest), batch.now)
    return results


async def _take_calendars(batch: Batch, calendars: Sequence[Calendar]) -> list[Result]:
    results: list[Result] = []
    for calendar in calendars:
        digest = digest_of(calendar)
        added = await batch.connection.fetchval(
            """insert into calendar (digest, rehearsal, document) values ($1, $2, $3)
            on conflict do nothing returning digest""",
            digest, calendar.rehearsal, calendar.model_dump_json(),
        )  # fmt: skip
        if added is None:
            results.append(Disposition.DUPLICATE)
            continue
        districts = await batch.connection.fetch(
            "select district_id from calendar_pointer where calendar_digest = $1", digest
        )
        await rollouts.mark_districts(batch.connection, [row["district_id"] for row in districts], batch.now)
        results.append(Disposition.APPLIED)
    return results


async def _take_pointers(batch: Batch, pointers: Sequence[CalendarPointer]) -> list[Result]:
    results: list[Result] = []
    moved: set[str] = set()
    for pointer in pointers:
        version = await batch.connection.fetchval(
            """insert into calendar_pointer (district_id, version, calendar_digest) values ($1, $2, $3)
            on conflict (district_id) do update set version = excluded.version,
                calendar_digest = excluded.calendar_digest
            where calendar_pointer.version < excluded.version returning version""",
            pointer.district_id, pointer.version, pointer.calendar_digest,
        )  # fmt: skip
        if version is None:
            results.append(Disposition.SUPERSEDED)
        else:
            moved.add(pointer.district_id)
            results.append(Disposition.APPLIED)
    await rollouts.mark_districts(batch.connection, sorted(moved), batch.now)
    return results


async def _take_policies(batch: Batch, policies: Sequence[PolicyStored]) -> list[Result]:
    results: list[Result] = []
    for stored in policies:
        seen = digest_of(stored.document)
        if seen != stored.digest:
            results.append(Dead("digest-differs", f"policy {stored.digest}: expected that digest, seen {seen}"))
            continue
        added = await batch.connection.fetchval(
            """insert into policy (digest, name, version, document) values ($1, $2, $3, $4)
            on conflict do nothing returning digest""",
            stored.digest, stored.document.name, stored.document.version, stored.document.model_dump_json(),
        )  # fmt: skip
        results.append(Disposition.APPLIED if added is not None else Disposition.DUPLICATE)
    return results


async def _take_actors(batch: Batch, actors: Sequence[ActorRecord]) -> list[Result]:
    """Who may stop a program's line: roles alone, as the roster publishes them."""
    results: list[Result] = []
    for actor in actors:
        if actor.acting_for is not None:  # a delegation is for a school's asks: nobody stops a line for another
            results.append(Disposition.IGNORED)
            continue
        version = await batch.connection.fetchval(
            """insert into actor (actor_id, role, scope_kind, scope_id, roster_version, active, stand_in)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (actor_id, role, scope_kind, scope_id) do update set
                roster_version = excluded.roster_version, active = excluded.active, stand_in = excluded.stand_in
            where actor.roster_version <= excluded.roster_version returning roster_version""",
            actor.actor_id, actor.role.value, actor.scope.kind.value, actor.scope.id, actor.roster_version,
            actor.active, actor.stand_in,
        )  # fmt: skip
        results.append(Disposition.SUPERSEDED if version is None else Disposition.APPLIED)
    return results


async def wait_until_level(settings: Settings, within: timedelta = LEVEL_WITHIN) -> None:
    """Returns once the copies hold all that is published. Raises PermanentError when they do not in time."""
    end = asyncio.get_running_loop().time() + within.total_seconds()
    while True:
        behind = [row.lag for row in await lag(settings, ["bridge"]) if row.group == COPIES.group]
        if behind and not any(behind):
            return
        if asyncio.get_running_loop().time() >= end:
            left = sum(each or 0 for each in behind) if behind else "all"
            raise PermanentError(
                f"bridge: expected its copies of schools, calendars and policies level with their topics within "
                f"{within.total_seconds():.0f} s, seen {left} records behind; see that the room bridge runs "
                "(`firstbell stack status`), then run this again"
            )
        await asyncio.sleep(0.2)


_TOPICS = (
    topics.SCHOOLS, topics.CALENDARS, topics.CALENDAR_POINTERS, topics.POLICIES, topics.ADVISORIES, topics.ACTORS,
)  # fmt: skip
COPIES = Subscription(
    topics=tuple(topic.name for topic in _TOPICS),
    group="bridge-copies",
    decoder={kind: model for topic in _TOPICS for kind, model in topic.decoder.items()},
    handler=take_copies,
)
