"""`firstbell verify`: the invariants, recomputed from outside."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

import asyncpg
import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from schemas.calendar import Calendar
from schemas.fact import Fact
from schemas.gate import PolicyStored
from schemas.topics import CALENDARS, FACTS, POLICIES
from services.auditor.breach import Breach, Invariant
from services.auditor.conservation import RoomCounts, check_conservation, check_reach
from services.auditor.facts import Documents, FactsChecked, check_facts
from services.auditor.ledger import check_ledger, read_ledger
from services.auditor.pictures import check_pictures
from services.auditor.rebuild import check_rooms
from services.kit.database import password
from services.kit.envelope import Bad, Ok
from services.kit.outcome import PermanentError
from services.kit.settings import Settings, load_settings
from services.kit.snapshot import newest_of, whole_topic

app = typer.Typer(
    help="""Recompute from outside what the program claims.

    I1 every opened gate decided again · I2 facts without gap or double · I3 conservation of records ·
    I4 projections rebuilt from the log · I9 pictures against folded facts.

    Examples:

      firstbell verify

      firstbell verify --only I3 --json

    Exit codes: 0 every invariant holds, 1 a breach (each is named), 2 could not look.""",
)


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

    facts: list[Fact] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    """Each fact's bytes, aligned."""
    breaches: list[Breach] = field(default_factory=list)
    """Records nobody can read: the log of decisions has no bad rows."""


def read_facts(settings: Settings) -> FactLog:
    """The fact log. Blocks on Kafka; raises PermanentError when it can't be read to its end."""
    log = FactLog()
    for decoded in whole_topic(settings, FACTS.name, FACTS.decoder):
        record = decoded.record
        if isinstance(decoded, Ok) and isinstance(record.value, Fact):
            log.facts.append(record.value)
            log.documents.append(record.raw_value or b"")
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
        if {Invariant.GATE_SOUNDNESS, Invariant.ONE_EFFECT, Invariant.PICTURE} & set(wanted):
            checked = await _check_log(settings, connection)
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


async def _check_log(settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]") -> FactsChecked:
    """The bridge's rows first: each of them is on the topic, or in the outbox, by the time the topic is read."""
    ledger = await read_ledger(connection)
    log = await asyncio.to_thread(read_facts, settings)
    checked = check_facts(log.facts, await asyncio.to_thread(read_documents, settings))
    checked.breaches += log.breaches
    if ledger is not None:
        checked.breaches += check_ledger(ledger, zip(log.facts, log.documents, strict=True))
    return checked


@app.callback(invoke_without_command=True)
def verify(
    only: Annotated[list[Invariant] | None, typer.Option(help="Check just this one; repeat for several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Check every invariant, name every breach."""
    wanted = tuple(only) if only else tuple(Invariant)
    console = Console(stderr=True, highlight=False)
    console.print(f"recomputing {', '.join(wanted)} from the logs")
    answer = asyncio.run(verify_all(load_settings(), wanted))
    if as_json:
        typer.echo(answer.model_dump_json(indent=1))
    else:
        _show(answer)
    raise typer.Exit(0 if answer.ok else 1)


def _show(answer: Verification) -> None:
    out = Console(highlight=False)
    if answer.conservation:
        table = Table("room", "records", *("applied", "superseded", "duplicate", "dead", "parked", "ignored"))
        for room, counts in answer.conservation.items():
            table.add_row(room, *(str(value) for value in counts.model_dump().values()))
        out.print(table)
    gates = answer.gates
    out.print(
        f"{gates.facts} facts ({gates.duplicates} repeated), {gates.decisions_checked} decisions decided again; "
        f"gates opened without evidence: {gates.unsound} of {gates.checked} checked",
        soft_wrap=True,
    )
    for breach in answer.breaches:
        out.print(f"[red]{breach.invariant}[/] {breach.subject}: expected {breach.expected}, seen {breach.seen}. "
                  f"Next: {breach.next_step}", soft_wrap=True)  # fmt: skip
    out.print("every invariant holds" if answer.ok else f"{len(answer.breaches)} breaches")
