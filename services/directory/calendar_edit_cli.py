"""`firstbell calendar close|reopen` and `calendar window`: what changes in a calendar that stands, and how to undo it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from schemas.calendar import Calendar, WindowKind
from schemas.model import Code
from services.directory import calendar_store, lookup
from services.directory.calendar_edits import close, declare, reopen, withdraw
from services.directory.calendar_store import Chosen
from services.directory.reconcile import KnownDistrict
from services.directory.store import waiting_count
from services.directory.terminal import on_screen, table, waiting
from services.directory.windows import WindowEntry
from services.kit.database import Connection
from services.kit.terminal import DONE, NO, agreed, codes, emit, in_transaction

CODES = codes("the district has no calendar, or you said no")
NAMES_SHOWN_MAX = 8
"""Districts named on a screen; --json has all. Our judgement, 2026-11-25."""
REASON_LENGTH_MAX = 50
"""Characters of a reason that its window's name takes up, a date after it. Our judgement, 2026-11-25."""
window_app = typer.Typer(
    no_args_is_help=True,
    epilog=CODES,
    help="""Windows: testing, and what else a policy may freeze.

    Examples:

      firstbell calendar window add --state WA --name sba-2027 --kind testing --from 2027-03-01 --to 2027-06-04

      firstbell calendar window remove --state WA --name sba-2027""",
)
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
District = Annotated[str, typer.Argument(help="DistrictId, NCES or state id, or a part of the name.")]
Districts = Annotated[list[str] | None, typer.Option("--district", help="A district; may be repeated.")]
State = Annotated[str | None, typer.Option(help="Every district of this state, also those whose calendar comes later.")]
Name = Annotated[str, typer.Option(help="The window's name: lower-case words joined by hyphens.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Change = Callable[[Calendar], Calendar]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of many calendars would do."""

    districts: tuple[KnownDistrict, ...]
    changing: tuple[KnownDistrict, ...]
    without: tuple[KnownDistrict, ...]
    """Those that have no calendar."""


def parsed_date(option: str, text: str) -> date:
    """A civil date. Ends the command naming the option."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: expected a date such as 2026-12-03, seen {text!r}") from error


def _code(reason: str) -> str:
    try:
        return TypeAdapter[str](Code).validate_python(reason[:REASON_LENGTH_MAX])
    except ValidationError as error:
        raise typer.BadParameter(f"--reason: expected lower-case words joined by hyphens, seen {reason!r}") from error


def close_day(
    district: District,
    day: Annotated[str, typer.Argument(help="The date on which school is not held.")],
    reason: Annotated[str, typer.Option(help="Why, as a code: snow, smoke, burst-pipe.")],
    make_up: Annotated[str | None, typer.Option(help="A date without school that makes up for it.")] = None,
    as_json: Json = False,
) -> None:
    """Close a day: it is no instructional day any more, and whatever is due shifts. Undo: calendar reopen.

    Example: firstbell calendar close Adna 2026-12-03 --reason snow --make-up 2027-06-17
    """
    on, instead = parsed_date("DATE", day), parsed_date("--make-up", make_up) if make_up else None
    name = f"{_code(reason)}-{on}"
    _one(district, lambda of, _: close(of, on, on, name, WindowKind.CLOSURE, instead), as_json)
    if not as_json:
        on_screen().print(f"undo: firstbell calendar reopen {district!r} {on}", markup=False, highlight=False)


def reopen_day(
    district: District,
    day: Annotated[str, typer.Argument(help="A date that was closed.")],
    as_json: Json = False,
) -> None:
    """Take a closure or an imported break back: its days return with their hours, its make-up day goes.

    Example: firstbell calendar reopen Adna 2026-12-03
    """
    on = parsed_date("DATE", day)
    _one(district, lambda of, former: reopen(of, on, former), as_json)


def _one(district: str, change: Callable[[Calendar, Sequence[Calendar]], Calendar], as_json: bool) -> None:
    async def write(connection: Connection) -> tuple[KnownDistrict, list[Chosen], int]:
        known = await lookup.find_district(connection, district)
        former = await calendar_store.versions(connection, known.district_id)
        chosen = await calendar_store.edit(
            connection, [known.district_id], lambda of: change(of, former), datetime.now(UTC)
        )
        return known, chosen, await waiting_count(connection)

    known, chosen, waits = in_transaction("directory", write)
    if as_json:
        emit(_told(chosen, waits))
    elif chosen:
        what = f"version {chosen[0].version}" if chosen[0].changed else "nothing changed"
        days = f"{chosen[0].days_count} instructional days"
        on_screen().print(f"{known.name}: {what}, {days}; {waiting(waits)}", markup=False, highlight=False)
    if not chosen:
        on_screen().print(f"{known.name}: no calendar; run `firstbell calendar import FILE`", markup=False)
        raise typer.Exit(NO)


def _told(chosen: Sequence[Chosen], waits: int) -> dict[str, object]:
    return {"calendars": [asdict(each) for each in chosen], "waiting_for_relay_count": waits}


@window_app.command("add", epilog=CODES)
def add_window(
    name: Name,
    kind: Annotated[WindowKind, typer.Option(help="What it is for; the policy says which kinds freeze.")],
    first: Annotated[str, typer.Option("--from", help="Its first date.")],
    last: Annotated[str | None, typer.Option("--to", help="Its last date. Default: one day.")] = None,
    starts: Annotated[str | None, typer.Option(help="Local time it starts at, 17:00. Default: whole days.")] = None,
    hours: Annotated[float | None, typer.Option(help="With --starts: how many hours.")] = None,
    rule: Annotated[str | None, typer.Option(help="RRULE of RFC 5545, such as FREQ=WEEKLY;BYDAY=FR.")] = None,
    district: Districts = None,
    state: State = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Declare a window in the place of one of its name. Shows first how many calendars change, and asks."""
    try:
        entry = WindowEntry(
            name=name, kind=kind, first=parsed_date("--from", first), last=parsed_date("--to", last) if last else None,
            starts=time.fromisoformat(starts) if starts else None, hours=hours, rule=rule,
        )  # fmt: skip
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise typer.BadParameter(f"{'.'.join(map(str, found['loc']))}: {found['msg']}") from error
    except ValueError as error:
        raise typer.BadParameter(f"--starts: expected a time such as 17:00, seen {starts!r}") from error

    async def keep(connection: Connection) -> None:
        if state:
            await calendar_store.remember_statewide(connection, state.upper(), entry, datetime.now(UTC))

    undo = f"firstbell calendar window remove --name {name} {_where(district, state)}"
    _many(district, state, lambda of: declare(of, [entry]), keep, (yes, dry_run, as_json), undo)


@window_app.command("remove", epilog=CODES)
def remove_window(
    name: Name,
    district: Districts = None,
    state: State = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take a declared window back; one of a district's file stays. Undo: declare it again."""

    async def drop(connection: Connection) -> None:
        if state:
            await calendar_store.forget_statewide(connection, state.upper(), name)

    undo = "declare it again with firstbell calendar window add"
    _many(district, state, lambda of: withdraw(of, name), drop, (yes, dry_run, as_json), undo)


def _where(districts: list[str] | None, state: str | None) -> str:
    return f"--state {state.upper()}" if state else " ".join(f"--district {each!r}" for each in districts or ())


def _many(
    districts: list[str] | None,
    state: str | None,
    change: Change,
    beside: Callable[[Connection], Awaitable[None]],
    answers: tuple[bool, bool, bool],
    undo: str,
) -> None:
    """Previews, asks, and changes many calendars in one transaction; `answers`: yes, dry run, JSON."""
    yes, dry_run, as_json = answers
    if bool(districts) == bool(state):
        raise typer.BadParameter("expected --district, once or more, or --state")
    preview = in_transaction("directory", lambda connection: _preview(connection, districts or (), state, change))
    if not as_json:
        _show(preview)
    if dry_run:
        if as_json:
            emit(_preview_tree(preview))
        return
    if preview.changing and not agreed("Change them?", yes=yes, as_json=as_json):
        if as_json:
            emit(_preview_tree(preview))
        raise typer.Exit(DONE if as_json else NO)

    async def write(connection: Connection) -> tuple[list[Chosen], int]:
        ids = [each.district_id for each in preview.districts]
        await beside(connection)
        return await calendar_store.edit(connection, ids, change, datetime.now(UTC)), await waiting_count(connection)

    chosen, waits = in_transaction("directory", write)
    if as_json:
        emit(_preview_tree(preview) | _told(chosen, waits) | {"undo": undo})
        return
    count = sum(each.changed for each in chosen)
    on_screen().print(f"{count} calendars changed; {waiting(waits)}\nundo: {undo}", markup=False, highlight=False)


async def _preview(connection: Connection, districts: Sequence[str], state: str | None, change: Change) -> Preview:
    found = await lookup.find_districts(connection, districts, state)
    current = await calendar_store.current_calendars(connection, [each.district_id for each in found])
    return Preview(
        districts=tuple(found),
        changing=tuple(
            each
            for each in found
            if each.district_id in current and change(current[each.district_id]) != current[each.district_id]
        ),
        without=tuple(each for each in found if each.district_id not in current),
    )


def _preview_tree(preview: Preview) -> dict[str, object]:
    return {
        "districts_count": len(preview.districts),
        "changing": [each.district_id for each in preview.changing],
        "without_calendar": [each.district_id for each in preview.without],
    }


def _show(preview: Preview) -> None:
    screen = on_screen()
    screen.print(f"{len(preview.districts)} districts: {len(preview.changing)} calendars change", highlight=False)
    for each in preview.changing[:NAMES_SHOWN_MAX]:
        screen.print(f"  {each.name}", markup=False, highlight=False)
    if len(preview.changing) > NAMES_SHOWN_MAX:
        screen.print(f"  and {len(preview.changing) - NAMES_SHOWN_MAX} more", highlight=False)
    if preview.without:
        screen.print(f"{len(preview.without)} have no calendar: a state's window waits for it", highlight=False)


@window_app.command("list", epilog=CODES)
def list_windows(district: District, as_json: Json = False) -> None:
    """List the windows of a district's calendar, by their beginning, in its own time."""

    async def read(connection: Connection) -> tuple[KnownDistrict, Calendar | None]:
        known = await lookup.find_district(connection, district)
        return known, (await calendar_store.current_calendars(connection, [known.district_id])).get(known.district_id)

    known, calendar = in_transaction("directory", read)
    if calendar is None:
        on_screen().print(f"{known.name}: no calendar; run `firstbell calendar import FILE`", markup=False)
        raise typer.Exit(NO)
    if as_json:
        emit([each.model_dump(mode="json") for each in calendar.windows])
        return
    zone = ZoneInfo(calendar.time_zone)
    shown = table("window", "kind", "from", "until", "declared by", whole=("window",))
    for each in calendar.windows:
        begins, ends = (f"{datetime.fromtimestamp(ms / 1000, zone):%Y-%m-%d %H:%M}" for ms in (each.begins, each.ends))
        shown.add_row(each.name, each.kind.value, begins, ends, "a command" if each.declared else "its file")
    Console().print(shown)
