"""`firstbell directory`: imports federal files, shows and lists schools and districts."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.directory import lookup, plan_cli, store
from services.directory.importing import ImportReport, import_files
from services.directory.reconcile import Counts, KnownDistrict, KnownSchool
from services.directory.terminal import CODES, FAULTS_SHOWN_MAX, number, on_screen, school_tree, table, waiting
from services.kit.database import Connection
from services.kit.terminal import DONE, NO, emit, in_transaction, run

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Schools and districts, from NCES files.

    Examples:

      firstbell directory import deploy/data/nces/*.csv

      firstbell directory list --district Aberdeen

      firstbell directory show "A J West"

    {CODES}""",
)
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


app.command("plan", epilog=CODES)(plan_cli.plan)


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="NCES school and district files, in any order.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; write nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write every row at fault here, one a line.")] = None,
    as_json: Json = False,
) -> None:
    """Import schools and districts; the same file twice changes nothing, and says so."""
    screen = on_screen()
    with screen.status("reading files") as status:
        done = run("directory", lambda settings: import_files(settings, files, dry_run, status.update))
    if report is not None:
        lines = [f"{name}: {fault.words()}" for name, faults in done.outcome.faults.items() for fault in faults]
        report.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    if as_json:
        emit(done.tree())
    else:
        _tell(screen, done, report)
    raise typer.Exit(NO if done.faults_count else DONE)


def _tell(screen: Console, done: ImportReport, report: Path | None) -> None:
    for file in done.files:
        before = (
            f", imported before at {file.imported_before_at:%Y-%m-%d %H:%M:%S} UTC" if file.imported_before_at else ""
        )
        screen.print(f"{file.name}: {file.rows_count} rows, {file.faults_count} at fault{before}", highlight=False)
    if any(file.kind == "districts" for file in done.files) or _any(done.outcome.district_counts):
        screen.print(f"districts: {_words(done.outcome.district_counts)}", highlight=False)
    if any(file.kind == "schools" for file in done.files):
        screen.print(f"schools: {_words(done.outcome.school_counts)}", highlight=False)
    if done.outcome.unmentioned_count:
        screen.print(f"{done.outcome.unmentioned_count} open schools are not in the file; they stay as they are")
    for note in done.outcome.notes[:FAULTS_SHOWN_MAX]:
        screen.print(f"note: {note}", markup=False, highlight=False)
    faults = [(name, fault) for name, found in done.outcome.faults.items() for fault in found]
    for name, fault in faults[:FAULTS_SHOWN_MAX]:
        screen.print(f"did not land: {name}: {fault.words()}", markup=False, highlight=False, style="red")
    if len(faults) > FAULTS_SHOWN_MAX:
        where = f"all in {report}" if report else "see them all with --report FILE"
        screen.print(f"and {len(faults) - FAULTS_SHOWN_MAX} more rows that did not land; {where}")
    verb = "would change" if done.dry_run else "changed"
    if done.nothing_changed:
        screen.print("nothing changes" if done.dry_run else "nothing changed")
    else:
        screen.print(f"{done.published_count} school records {verb}", highlight=False)
    if not done.dry_run:
        screen.print(waiting(done.waiting_count), highlight=False)


def _any(counts: Counts) -> bool:
    return bool(counts.created or counts.changed)


def _words(counts: Counts) -> str:
    parts = (
        ("new", counts.created), ("changed", counts.changed), ("moved", counts.moved),
        ("unchanged", counts.unchanged), ("under a former id", counts.former),
    )  # fmt: skip
    return ", ".join(f"{count} {word}" for word, count in parts if count) or "none"


@app.command()
def show(
    school: Annotated[str, typer.Argument(help="SchoolId, NCES or state id, or a part of the name.")],
    as_json: Json = False,
) -> None:
    """Show one school, with every id it has or had."""

    async def read(connection: Connection) -> lookup.SchoolCard:
        return await lookup.card(connection, await lookup.find_school(connection, school))

    card = in_transaction("directory", read)
    if as_json:
        aliases = [
            {
                "id_system": a.id_system,
                "identifier": a.identifier,
                "valid_from": a.valid_from,
                "valid_until": a.valid_until,
            }
            for a in card.aliases
        ]
        emit(school_tree(card.school, card.district) | {"recorded_at": card.recorded_at, "aliases": aliases})
        return
    seen = card.school
    rows = [
        ("name", seen.name), ("district", f"{card.district.name} ({card.district.nces_id})"), ("state", seen.state),
        ("status", seen.status.value), ("level", seen.level.value), ("students", number(seen.students)),
        ("teachers", number(seen.teachers)), ("SchoolId", seen.school_id), ("DistrictId", seen.district_id),
        *((f"{a.id_system} id", f"{a.identifier}, {_span(a)}") for a in card.aliases),
        ("record", f"version {seen.version}, {card.recorded_at:%Y-%m-%d %H:%M} UTC"),
    ]  # fmt: skip
    card_table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        card_table.add_row(name, Text(value))
    Console().print(card_table)


def _span(alias: lookup.Alias) -> str:
    return f"since {alias.valid_from}" if alias.valid_until is None else f"{alias.valid_from} until {alias.valid_until}"


@app.command("list")
def list_(
    district: Annotated[list[str] | None, typer.Option(help="List this district's schools; may be repeated.")] = None,
    state: Annotated[str | None, typer.Option(help="Districts of this state, such as WA.")] = None,
    as_json: Json = False,
) -> None:
    """List districts, or the schools of some."""
    if district:
        _list_schools(district, as_json)
    else:
        _list_districts(state, as_json)


def _list_schools(wanted: list[str], as_json: bool) -> None:
    async def read(connection: Connection) -> tuple[dict[str, KnownDistrict], list[KnownSchool]]:
        found = {d.district_id: d for d in await lookup.find_districts(connection, wanted, None)}
        return found, await lookup.schools_of(connection, list(found))

    districts, schools = in_transaction("directory", read)
    if as_json:
        emit([school_tree(school, districts[school.district_id]) for school in schools])
        return
    found = table("school", "NCES id", "level", "students", "teachers", "status", whole=("NCES id",))
    for school in schools:
        found.add_row(
            Text(school.name), school.nces_id, school.level.value, number(school.students), number(school.teachers),
            school.status.value,
        )  # fmt: skip
    Console().print(found)


def _list_districts(state: str | None, as_json: bool) -> None:
    async def read(connection: Connection) -> tuple[list[KnownDistrict], dict[str, int]]:
        found = await lookup.find_districts(connection, (), state)
        return found, await store.schools_counts(connection)

    districts, counts = in_transaction("directory", read)
    if as_json:
        emit(
            [
                {
                    "district_id": d.district_id, "nces_id": d.nces_id, "name": d.name, "state": d.state,
                    "status": d.status.value, "schools_count": counts.get(d.district_id, 0),
                }
                for d in districts
            ]
        )  # fmt: skip
        return
    found = table("district", "NCES id", "state", "schools", "status", whole=("NCES id",))
    for d in districts:
        found.add_row(Text(d.name), d.nces_id, d.state, str(counts.get(d.district_id, 0)), d.status.value)
    Console().print(found)
