"""`firstbell calendar`: a district's instructional days, from a file or imagined for a rehearsal."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from schemas.calendar import Calendar
from services.directory import calendar_edit_cli, ical_cli, lookup
from services.directory.calendar_edits import carried, declare
from services.directory.calendar_store import Chosen, Make, choose, current_calendar, current_calendars, statewide
from services.directory.calendars import read_calendar_file, rehearsal, resolve
from services.directory.reconcile import KnownDistrict
from services.directory.store import lock, waiting_count
from services.directory.terminal import on_screen, waiting
from services.kit.database import Connection
from services.kit.terminal import NO, codes, emit, in_transaction

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Instructional days of districts. Without a calendar no school advances.

    A calendar file is YAML: district (one or a list), time_zone, hours_per_day, opens, closes, first_day, last_day,
    breaks (a day, or from and to), days (other hours, make-up days; or all days, without first_day), windows
    (name, kind, from, to; or starts, hours and rule).

    Examples:

      firstbell calendar import aberdeen.yaml

      firstbell calendar import --ical district.ics --district Aberdeen --map "Benchmark week=testing"

      firstbell calendar show Aberdeen

      firstbell calendar close Aberdeen 2026-12-03 --reason snow

      firstbell calendar rehearse --all --day-seconds 1 --days 200

    {codes("the district has no calendar")}""",
)
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Prepare = Callable[[Connection, Sequence[KnownDistrict]], Awaitable[Make]]
"""Reads what a district's calendar is made of, inside the transaction that stores it."""


app.add_typer(calendar_edit_cli.window_app, name="window")
app.command("close", epilog=calendar_edit_cli.CODES)(calendar_edit_cli.close_day)
app.command("reopen", epilog=calendar_edit_cli.CODES)(calendar_edit_cli.reopen_day)


@app.command("import")
def import_(
    file: Annotated[Path | None, typer.Argument(help="A calendar file (YAML).", exists=True, dir_okay=False)] = None,
    ical: Annotated[
        Path | None,
        typer.Option(help="An iCalendar file instead: closures, breaks, testing.", exists=True, dir_okay=False),
    ] = None,
    district: Annotated[list[str] | None, typer.Option(help="With --ical: whose; may be repeated.")] = None,
    words: Annotated[list[str] | None, typer.Option("--map", help="With --ical: WORDS=KIND; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Give districts the calendar of a file; the same again changes nothing. What commands declared stays.

    With --ical, the events of a file change the calendar that stands: days of closures and breaks go, windows are
    declared; events at fault are told by line and uid, and the others land.
    """
    if (file is None) is (ical is None):
        raise typer.BadParameter("expected FILE or --ical FILE")
    if ical is not None:
        if not district:
            raise typer.BadParameter("--ical: expected --district, once or more")
        ical_cli.import_ical(ical, district, words or (), as_json)
        return
    assert file is not None
    content = read_calendar_file(file.read_text("utf-8-sig"), str(file))

    async def prepare(connection: Connection, districts: Sequence[KnownDistrict]) -> Make:
        former = await current_calendars(connection, [each.district_id for each in districts])
        states = {each.district_id: each.state for each in districts}
        wide = await statewide(connection, sorted(set(states.values())))

        def make(district_id: str, version: int) -> Calendar:
            fresh = carried(resolve(content, district_id, version), former.get(district_id))
            return declare(fresh, wide.get(states[district_id], ()))

        return make

    _choose(content.district, None, prepare, as_json)


@app.command()
def rehearse(
    district: Annotated[list[str] | None, typer.Option(help="A district; may be repeated.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every district of the directory.")] = False,
    state: Annotated[str | None, typer.Option(help="With --all: only this state's.")] = None,
    start: Annotated[str | None, typer.Option(help="Instant the first day opens, ISO 8601. Default: now.")] = None,
    day_seconds: Annotated[float, typer.Option(help="Seconds of one instructional day.")] = 1.0,
    days: Annotated[int, typer.Option(help="How many instructional days, 1-400.")] = 200,
    first_date: Annotated[str, typer.Option(help="Civil date of the first day; weekdays follow.")] = "2026-09-02",
    time_zone: Annotated[str, typer.Option(help="Shown with the calendar.")] = "America/Los_Angeles",
    last_day_hours: Annotated[float, typer.Option(min=0, max=8760, help="How long the last day lasts on.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Give districts a compressed, imagined calendar, which only rehearsal programs accept."""
    if bool(district) == all_:
        raise typer.BadParameter("expected --district, once or more, or --all")
    begin, civil = _instant(start), _date(first_date)

    def make(district_id: str, version: int) -> Calendar:
        return rehearsal(
            district_id, version, start=begin, day_seconds=day_seconds, days_count=days, first_date=civil,
            time_zone=time_zone, last_day_hours=last_day_hours,
        )  # fmt: skip

    async def prepare(_connection: Connection, _districts: Sequence[KnownDistrict]) -> Make:
        return make

    _choose(district or (), state, prepare, as_json)


def _instant(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--start: expected ISO 8601, seen {text!r}") from error
    if instant.tzinfo is None:
        raise typer.BadParameter(f"--start: expected an offset such as {text}+00:00, seen none")
    return instant.astimezone(UTC)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--first-date: expected a date such as 2026-09-02, seen {text!r}") from error


def _choose(wanted: Sequence[str], state: str | None, prepare: Prepare, as_json: bool) -> None:
    async def write(connection: Connection) -> tuple[list[KnownDistrict], list[Chosen], int]:
        districts = await lookup.find_districts(connection, wanted, state)
        await lock(connection)
        make = await prepare(connection, districts)
        chosen = await choose(connection, [d.district_id for d in districts], make, datetime.now(UTC))
        return districts, chosen, await waiting_count(connection)

    districts, chosen, waits = in_transaction("directory", write)
    if as_json:
        emit({"calendars": [asdict(one) for one in chosen], "waiting_for_relay_count": waits})
        return
    screen = on_screen()
    changed = sum(one.changed for one in chosen)
    for known, one in zip(districts[:8], chosen, strict=False):
        what = f"version {one.version}, {one.days_count} instructional days" if one.changed else "nothing changed"
        screen.print(f"{known.name}: {what}", markup=False, highlight=False)
    if len(chosen) > 8:
        screen.print(f"and {len(chosen) - 8} more districts", highlight=False)
    screen.print(f"{changed} calendars changed; {waiting(waits)}", highlight=False)


@app.command()
def show(
    district: Annotated[str, typer.Argument(help="DistrictId, NCES or state id, or a part of the name.")],
    as_json: Json = False,
) -> None:
    """Show the calendar a district goes by."""

    async def read(connection: Connection) -> tuple[KnownDistrict, tuple[Calendar, str, datetime] | None]:
        known = await lookup.find_district(connection, district)
        return known, await current_calendar(connection, known.district_id)

    known, found = in_transaction("directory", read)
    if found is None:
        if as_json:
            emit(None)
        on_screen().print(
            f"{known.name}: no calendar, so its schools can't advance; run `firstbell calendar import FILE`",
            markup=False,
        )
        raise typer.Exit(NO)
    calendar, digest, since = found
    if as_json:
        emit({"digest": digest, "chosen_at": since, **calendar.model_dump(mode="json")})
        return
    zone = ZoneInfo(calendar.time_zone)
    out = Console()
    kind = "REHEARSAL, days are compressed and imagined" if calendar.rehearsal else "school days"
    out.print(f"{known.name} ({known.nces_id}): version {calendar.version}, {kind}", markup=False, highlight=False)
    out.print(f"{calendar.time_zone}, {calendar.hours_per_day:g} hours a day, chosen {since:%Y-%m-%d %H:%M:%S} UTC")
    out.print(f"{digest}", highlight=False)
    for civil, opens, closes in (calendar.days[0], calendar.days[-1]):
        begin, end = (datetime.fromtimestamp(ms / 1000, zone) for ms in (opens, closes))
        out.print(f"{civil}  {begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S}", highlight=False)
    out.print(f"{len(calendar.days)} instructional days in all; --json prints each", highlight=False)
    if calendar.windows:
        out.print(f"{len(calendar.windows)} windows; `firstbell calendar window list` has them", highlight=False)
