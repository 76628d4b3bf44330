"""`firstbell calendar import --ical`: what an iCalendar file changed, and which events did not land."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import typer

from schemas.calendar import Calendar
from services.directory import calendar_store, ical, lookup
from services.directory.calendar_store import Chosen
from services.directory.reconcile import KnownDistrict
from services.directory.store import waiting_count
from services.directory.terminal import FAULTS_SHOWN_MAX, on_screen, waiting
from services.kit.database import Connection
from services.kit.terminal import NO, emit, in_transaction


def import_ical(file: Path, districts: Sequence[str], words: Sequence[str], as_json: bool) -> None:
    """Lands the file's events in the calendars of these districts. Exits with 1 when some did not land. Blocks."""
    told, content = ical.mapping(words), file.read_bytes()
    readings: dict[str, ical.Reading] = {}

    def change(calendar: Calendar) -> Calendar:
        reading = ical.read_ical(content, calendar, told)
        readings[calendar.district_id] = reading
        return ical.applied(calendar, reading)

    async def write(connection: Connection) -> tuple[list[KnownDistrict], list[Chosen], int]:
        known = await lookup.find_districts(connection, districts, None)
        ids = [each.district_id for each in known]
        chosen = await calendar_store.edit(connection, ids, change, datetime.now(UTC))
        return known, chosen, await waiting_count(connection)

    known, chosen, waits = in_transaction("directory", write)
    without = [each for each in known if each.district_id not in readings]
    faults = next((reading.faults for reading in readings.values()), ())
    if as_json:
        emit(
            {
                "calendars": [asdict(each) for each in chosen],
                "faults": [asdict(each) for each in faults],
                "without_calendar": [each.district_id for each in without],
                "waiting_for_relay_count": waits,
            }
        )
    else:
        _print(file, known, chosen, readings, waits)
    if faults or without:
        raise typer.Exit(NO)


def _print(
    file: Path, known: Sequence[KnownDistrict], chosen: Sequence[Chosen], readings: dict[str, ical.Reading], waits: int
) -> None:
    screen, by_id = on_screen(), {each.district_id: each for each in chosen}
    for each in known:
        now, reading = by_id.get(each.district_id), readings.get(each.district_id)
        if now is None or reading is None:
            said = "no calendar to change; run `firstbell calendar import FILE` first"
        else:
            what = f"version {now.version}" if now.changed else "nothing changed"
            said = f"{what}, {now.days_count} instructional days; {len(reading.found)} events, {reading.ignored} of no kind"
        screen.print(f"{each.name}: {said}", markup=False, highlight=False)
    faults = next((reading.faults for reading in readings.values()), ())
    for fault in faults[:FAULTS_SHOWN_MAX]:
        screen.print(f"{file}:{fault.line}: {fault.uid}: {fault.message}", markup=False, highlight=False)
    if len(faults) > FAULTS_SHOWN_MAX:
        screen.print(f"and {len(faults) - FAULTS_SHOWN_MAX} more at fault; --json has all", highlight=False)
    undo = "undo: firstbell calendar reopen DISTRICT DATE, firstbell calendar window remove"
    screen.print(f"{waiting(waits)}\n{undo}", markup=False, highlight=False)
