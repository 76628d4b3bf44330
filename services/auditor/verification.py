"""Runs the wanted checks against the live servers and joins what they found. Behind `firstbell verify`."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
from pydantic import BaseModel, ConfigDict

from schemas.calendar import Calendar
from schemas.fact import Fact
from schemas.gate import PolicyStored
from schemas.topics import CALENDARS, FACTS, POLICIES
from services.auditor.breach import Breach, Invariant
from services.auditor.conservation import RoomCounts, check_conservation, check_reach
from services.auditor.facts import Documents, FactsChecked, check_facts
from services.auditor.ledger import check_ledger, read_ledger
from services.auditor.pictures import check_pictures
from services.auditor.programs import check_program_facts, read_program_facts
from services.auditor.rebuild import check_rooms
from services.auditor.standing import check_standing, must_be_asked
from services.auditor.statewide import read_told
from services.auditor.trail import Published, check_trail, read_journal
from services.auditor.workflows import look_at_workflows
from services.kit.database import password
from services.kit.envelope import Bad, Ok
from services.kit.outcome import PermanentError
from services.kit.settings import Settings
from services.kit.snapshot import newest_of, whole_topic

OF_THE_LOG = frozenset(Invariant) - {Invariant.CONSERVATION, Invariant.REBUILD}
"""What needs the fact topic."""


class Gates(BaseModel):
    """What became of the decisions."""

    model_config = ConfigDict(frozen=True)

    checked: int = 0
    unsound: int = 0
    decisions_checked: int = 0
    facts: int = 0
    duplicates: int = 0


class Verification(BaseModel):
    """The whole answer."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    checked: tuple[Invariant, ...]
    gates: Gates
    conservation: dict[str, RoomCounts]
    breaches: tuple[Breach, ...]


@dataclass(slots=True)
class FactLog:
    """The fact topic as it stood at one look."""

    published: list[Published] = field(default_factory=list)
    """Each with its bytes and its place."""
    breaches: list[Breach] = field(default_factory=list)
    """Records nobody can read: the log of decisions has no bad rows."""


def read_facts(settings: Settings) -> FactLog:
    """The fact log. Blocks on Kafka; raises PermanentError when it can't be read to its end."""
    log = FactLog()
    for decoded in whole_topic(settings, FACTS.name, FACTS.decoder):
        record = decoded.record
        if isinstance(decoded, Ok) and isinstance(record.value, Fact):
            log.published.append(Published(record.value, record.raw_value or b"", record.partition, record.offset))
            continue
        log.breaches.append(
            Breach(
                invariant=Invariant.ONE_EFFECT,
                subject=f"{FACTS.name} partition {record.partition} offset {record.offset}",
                expected="a fact",
                seen=decoded.error if isinstance(decoded, Bad) else "a tombstone",
                next_step="find out who else writes to this topic, and take the right away",
            )
        )
    return log


def read_documents(settings: Settings) -> Documents:
    """Every policy and calendar, by digest."""
    stored = newest_of(settings, POLICIES.name, POLICIES.decoder, PolicyStored)
    calendars = newest_of(settings, CALENDARS.name, CALENDARS.decoder, Calendar)
    return Documents({digest: each.document for digest, each in stored.items()}, calendars)


async def verify_all(settings: Settings, wanted: tuple[Invariant, ...]) -> Verification:
    """Runs the wanted checks. Blocks on Kafka and PostgreSQL; raises PermanentError when it cannot look."""
    breaches: list[Breach] = []
    counts: dict[str, RoomCounts] = {}
    checked = FactsChecked()
    connection = await _connect(settings)
    try:
        if not await connection.fetchval("select exists (select from pg_tables where tablename = 'fence')"):
            raise PermanentError(
                "PostgreSQL: expected the rooms' tables, seen none, so there is nothing to vouch for; "
                "point FIRSTBELL_HOME at the stack, or run `firstbell stack up`"
            )
        if Invariant.CONSERVATION in wanted:
            counts, found = await check_conservation(connection)
            breaches += [*found, *await check_reach(settings, connection)]
        if OF_THE_LOG & set(wanted):
            checked = await _check_log(settings, connection, wanted)
            breaches += [breach for breach in checked.breaches if breach.invariant in wanted]
        if Invariant.REBUILD in wanted:
            breaches += await check_rooms(settings, connection)
            breaches += await check_pictures(settings, connection)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise PermanentError(f"PostgreSQL: expected to read every room's tables, seen {error}") from error
    finally:
        await connection.close()
    gates = Gates(
        checked=checked.gates_checked,
        unsound=checked.gates_unsound,
        decisions_checked=checked.decisions_checked,
        facts=checked.facts_count,
        duplicates=checked.duplicates_count,
    )
    return Verification(ok=not breaches, checked=wanted, gates=gates, conservation=counts, breaches=tuple(breaches))


async def _connect(settings: Settings) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        return await asyncpg.connect(settings.postgres_dsn, password=password(settings), timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise PermanentError(f"PostgreSQL: expected an answer, seen {error}; run `firstbell doctor`") from error


async def _check_log(
    settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]", wanted: tuple[Invariant, ...]
) -> FactsChecked:
    """The rows of bridge and auditor first: whatever they hold is on the topic, or in the outbox, when it is read."""
    ledger = await read_ledger(connection)
    journal = await read_journal(settings, connection) if Invariant.AUDIT in wanted else None
    log = await asyncio.to_thread(read_facts, settings)
    facts = [each.fact for each in log.published]
    checked = check_facts(facts, await asyncio.to_thread(read_documents, settings))
    checked.breaches += log.breaches
    if Invariant.ONE_EFFECT in wanted:
        checked.breaches += check_program_facts(await asyncio.to_thread(read_program_facts, settings))
    if ledger is not None:
        checked.breaches += check_ledger(ledger, ((each.fact, each.document) for each in log.published))
    if Invariant.AUDIT in wanted:
        told, unreadable = await asyncio.to_thread(read_told, settings)
        checked.breaches += unreadable
        checked.breaches += await check_trail(settings, journal, [*(each.told for each in log.published), *told])
    if Invariant.NOT_STUCK in wanted:
        checked.breaches += await _check_standing(settings, checked)
    return checked


async def _check_standing(settings: Settings, checked: FactsChecked) -> list[Breach]:
    now = datetime.now(UTC)
    open_schools = [rollout for rollout, each in checked.standings.items() if each.settled(now)]
    ask = [rollout for rollout in open_schools if must_be_asked(checked.standings[rollout], now)]
    workflows = await look_at_workflows(settings, open_schools, ask, now)
    return list(check_standing(checked.standings, workflows, now))
