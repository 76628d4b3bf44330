"""`firstbell roster`: who holds which role where, as opaque ids."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from services.directory import delegation_cli, lookup
from services.directory.delegations import unfounded
from services.directory.oneroster import read_folder
from services.directory.people import entries_of
from services.directory.roster_store import Held, RosterOutcome, held_in, resolve, write_roster
from services.directory.rosters import RosterEntry, read_roster, stand_ins
from services.directory.store import waiting_count
from services.directory.tabular import Fault
from services.directory.terminal import CODES, FAULTS_SHOWN_MAX, on_screen, table, waiting
from services.kit.database import Connection
from services.kit.terminal import DONE, NO, emit, in_transaction

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Actors, roles and scopes. People stay opaque: a column of names or addresses is refused.

    A roster file is CSV: actor_id, role, scope_kind (school, district, state, program), scope, and if wanted active,
    valid_from, valid_until (dates, ends included), stand_in, acting_for (the giver of a delegation, which needs both
    dates).

    From OneRoster come principal, siteAdministrator (as school-lead) and coach of schools, itAdmin and systemAdministrator
    of districts (as district-technology); other roles are told by line, or take no part (teachers, pupils, guardians).
    Names and addresses go to a restricted table and nowhere else.

    Examples:

      firstbell roster import roster.csv

      firstbell roster import --oneroster exports/2026-11-25

      firstbell roster show --district Aberdeen

      firstbell roster rehearse --all

      firstbell roster delegate --as actor-1a --to actor-1b --role principal --from 2026-11-23 --until 2026-11-27

    {CODES}""",
)
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
app.command()(delegation_cli.delegate)
app.command()(delegation_cli.undelegate)
Read = Callable[[Connection], Awaitable[list[RosterEntry]]]
Districts = Annotated[list[str] | None, typer.Option("--district", help="A district; may be repeated.")]


@app.command("import")
def import_(
    file: Annotated[Path | None, typer.Argument(help="A roster file (CSV).", exists=True, dir_okay=False)] = None,
    oneroster: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Instead: a folder of OneRoster CSV files.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="With --oneroster: the system it is from, if its manifest does not say.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take over a roster; the same rows again change nothing, absent rows stay as they are."""
    if (file is None) is (oneroster is None):
        raise typer.BadParameter("expected a roster file, or --oneroster FOLDER")
    faults: list[Fault] = []
    read = _own(file, faults) if file is not None else _oneroster(oneroster or Path(), source, faults)

    async def write(connection: Connection) -> tuple[RosterOutcome, int]:
        good = await read(connection)
        return await write_roster(connection, good, datetime.now(UTC)), await waiting_count(connection)

    outcome, waits = in_transaction("directory", write)
    _tell(outcome, sorted(faults, key=lambda fault: fault.line), waits, as_json)
    raise typer.Exit(NO if faults else DONE)


def _own(file: Path, faults: list[Fault]) -> Read:
    """The rows of a file of our own, resolved; what does not land goes to `faults`."""
    entries: list[RosterEntry] = []
    for entry in read_roster(file):
        if isinstance(entry, Fault):
            faults.append(entry)
        else:
            entries.append(entry)

    async def read(connection: Connection) -> list[RosterEntry]:
        good, unresolved = await resolve(connection, entries)
        without = await unfounded(connection, good)
        faults.extend([*unresolved, *without])
        return [entry for entry in good if entry.line not in {fault.line for fault in without}]

    return read


def _oneroster(folder: Path, source: str | None, faults: list[Fault]) -> Read:
    """The roles of ours in a OneRoster folder; names go to the restricted table."""
    found = read_folder(folder, source)

    async def read(connection: Connection) -> list[RosterEntry]:
        entries, unresolved = await entries_of(connection, found, datetime.now(UTC))
        faults.extend([*found.faults, *unresolved])
        return entries

    return read


@app.command()
def rehearse(
    district: Districts = None,
    all_: Annotated[bool, typer.Option("--all", help="Every district of the directory.")] = False,
    state: Annotated[str | None, typer.Option(help="With --all: only this state's.")] = None,
    as_json: Json = False,
) -> None:
    """Name stand-ins for every role of districts, their schools and state; marked as such, never people."""
    if bool(district) == all_:
        raise typer.BadParameter("expected --district, once or more, or --all")

    async def write(connection: Connection) -> tuple[RosterOutcome, int]:
        districts = await lookup.find_districts(connection, district or (), state)
        schools = await lookup.schools_of(connection, [known.district_id for known in districts])
        outcome = await write_roster(connection, stand_ins(districts, schools), datetime.now(UTC))
        return outcome, await waiting_count(connection)

    outcome, waits = in_transaction("directory", write)
    _tell(outcome, [], waits, as_json)


def _tell(outcome: RosterOutcome, faults: list[Fault], waits: int, as_json: bool) -> None:
    if as_json:
        emit(asdict(outcome) | {"faults": [asdict(fault) for fault in faults], "waiting_for_relay_count": waits})
        return
    screen = on_screen()
    for fault in faults[:FAULTS_SHOWN_MAX]:
        screen.print(f"did not land: {fault.words()}", markup=False, highlight=False, style="red")
    if len(faults) > FAULTS_SHOWN_MAX:
        screen.print(f"and {len(faults) - FAULTS_SHOWN_MAX} more; see them all with --json")
    if not outcome.created_count and not outcome.changed_count:
        screen.print(f"nothing changed: {outcome.unchanged_count} roles stand as they were", highlight=False)
    else:
        screen.print(
            f"roles: {outcome.created_count} new, {outcome.changed_count} changed, {outcome.unchanged_count} unchanged",
            highlight=False,
        )
    screen.print(waiting(waits), highlight=False)


@app.command()
def show(
    district: Districts = None,
    school: Annotated[list[str] | None, typer.Option(help="A school; may be repeated.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only this actor's roles.")] = None,
    as_json: Json = False,
) -> None:
    """Show who holds which role: of districts with their schools and state, of schools, or of one actor."""

    async def read(connection: Connection) -> tuple[list[Held], dict[str, str]]:
        names: dict[str, str] = {}
        if district:
            for known in await lookup.find_districts(connection, district, None):
                names |= {known.district_id: known.name, known.state: known.state}
            ids = [key for key in names if len(key) > 2]
            names |= {s.school_id: s.name for s in await lookup.schools_of(connection, ids)}
        for text in school or ():
            found = await lookup.find_school(connection, text)
            names[found.school_id] = found.name
        return await held_in(connection, list(names), actor), names

    held, names = in_transaction("directory", read)
    if as_json:
        emit([asdict(one) for one in held])
        return
    found = table("actor", "role", "scope", "where", "active", "from", "until", "for", "", whole=("actor", "role"))
    for one in held:
        found.add_row(
            one.actor_id, one.role.value, one.scope_kind.value, Text(names.get(one.scope_id, one.scope_id)),
            "yes" if one.active else "no", str(one.valid_from or ""), str(one.valid_until or ""),
            one.acting_for or "", "STAND-IN" if one.stand_in else "",
        )  # fmt: skip
    Console().print(found)
