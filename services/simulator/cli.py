"""`firstbell simulate`: imagined school life for a rehearsal, and fate by hand."""

import json
import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from schemas.calendar import Calendar, CalendarPointer
from schemas.school import SchoolRecord, SchoolStatus
from schemas.topics import CALENDAR_POINTERS, CALENDARS, RAW_TOPICS, SCHOOLS
from services.kit.outcome import PermanentError
from services.kit.publisher import Publisher
from services.kit.settings import Settings, load_settings
from services.kit.snapshot import newest_of
from services.kit.terminal import codes
from services.simulator.clock import Clock
from services.simulator.life import BRIEF, FULL, School
from services.simulator.personality import CLEAN_SHARE, Personality, assign
from services.simulator.player import Player, control_file

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Imagined school life, published as raw events that carry the mark `simulated`.

    It opens gates only in a rehearsal program.

    Examples:

      firstbell simulate run --district DISTRICT_ID --seed 7 --days 90

      firstbell simulate repair SCHOOL_ID

      firstbell simulate worsen SCHOOL_ID

      firstbell simulate cut DISTRICT_ID helpdesk; firstbell simulate restore DISTRICT_ID helpdesk

    {codes(None)}""",
)
Feed = Annotated[str, typer.Argument(help="Publisher: " + ", ".join(topic.owner for topic in RAW_TOPICS))]


class Life(StrEnum):
    """How long an imagined life takes."""

    FULL = "full"
    """The default policy's months."""
    BRIEF = "brief"
    """Three days."""


PACES = {Life.FULL: FULL, Life.BRIEF: BRIEF}
Districts = Annotated[list[str] | None, typer.Option("--district", help="District id; repeat for several.")]
Everything = Annotated[
    bool, typer.Option("--all", help="Every district that has a rehearsal calendar and open schools.")
]
Seed = Annotated[int, typer.Option("--seed", help="Same seed, same events.")]
Clean = Annotated[float, typer.Option("--clean", min=0, max=1, help="Share of schools that nothing befalls.")]


@dataclass(frozen=True, slots=True)
class Cast:
    """Whose life is imagined, and how."""

    districts: tuple[str, ...]
    """None named: every district that can be rehearsed."""
    seed: int
    clean_share: float = CLEAN_SHARE
    life: Life = Life.FULL

    @classmethod
    def of(cls, districts: list[str] | None, everything: bool, seed: int, clean_share: float, life: Life) -> "Cast":
        """What was typed. Raises PermanentError unless districts or all were asked for."""
        if bool(districts) == everything:
            raise PermanentError("districts: expected either --district or --all; see `firstbell directory list`")
        return cls(tuple(sorted(set(districts or ()))), seed, clean_share, life)


def schools_of(settings: Settings, cast: Cast) -> dict[str, School]:
    """The open schools of these districts, with clock and personality. Blocks on Kafka.

    Raises PermanentError for a district without schools or without a rehearsal calendar.
    """
    records = newest_of(settings, SCHOOLS.name, SCHOOLS.decoder, SchoolRecord)
    pointers = newest_of(settings, CALENDAR_POINTERS.name, CALENDAR_POINTERS.decoder, CalendarPointer)
    calendars = newest_of(settings, CALENDARS.name, CALENDARS.decoder, Calendar)
    rehearsed = {
        district: Clock(calendar)
        for district, pointer in pointers.items()
        if (calendar := calendars.get(pointer.calendar_digest)) is not None and calendar.rehearsal
    }
    chosen: dict[str, list[SchoolRecord]] = {}
    for record in records.values():
        if record.status is SchoolStatus.OPEN and record.district_id in (cast.districts or rehearsed):
            chosen.setdefault(record.district_id, []).append(record)
    for district in cast.districts or chosen:
        if district not in rehearsed:
            raise PermanentError(
                f"district {district}: expected a rehearsal calendar; run `firstbell calendar rehearse --help`"
            )
        if district not in chosen:
            raise PermanentError(f"district {district}: expected open schools in the directory, seen none")
    if not chosen:
        raise PermanentError(
            "districts: expected one with a rehearsal calendar; run `firstbell calendar rehearse --help`"
        )
    kinds = assign([record.school_id for here in chosen.values() for record in here], cast.seed, cast.clean_share)
    return {
        record.school_id: School(
            record, rehearsed[district], kinds[record.school_id], cast.seed, PACES[cast.life]
        )
        for district in sorted(chosen)
        for record in chosen[district]
    }  # fmt: skip


@app.command()
def run(
    district: Districts = None,
    everything: Everything = False,
    seed: Seed = 7,
    clean: Clean = CLEAN_SHARE,
    life: Annotated[Life, typer.Option(help="How long their lives take: full, months; brief, three days.")] = Life.FULL,
    days: Annotated[int, typer.Option(min=1, max=400, help="Instructional days to play.")] = 90,
    release: Annotated[str | None, typer.Option(help="Release whose defect feed reports too.")] = None,
    linger: Annotated[bool, typer.Option(help="After the last day, go on hearing fate until stopped.")] = False,
) -> None:
    """Play imagined days in real time, as fast as the districts' rehearsal calendars run."""
    settings = load_settings()
    console = Console(stderr=True)
    schools = schools_of(settings, Cast.of(district, everything, seed, clean, life))
    control = control_file(settings.home)
    control.parent.mkdir(parents=True, exist_ok=True)
    control.write_text("", "utf-8")
    with Publisher(settings) as publisher:
        player = Player(
            schools, release, publisher, control,
            progress=lambda day, of: console.print(f"day {day + 1} of {of}, {publisher.sent_count} events", highlight=False),
        )  # fmt: skip

        def stop(_number: int, _frame: FrameType | None) -> None:
            player.stopped = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        sent = player.play(min(days, min(school.clock.days_count for school in schools.values())))
        if linger:
            player.linger()
    console.print(f"SIMULATED: {sent} events of {len(schools)} schools", highlight=False)


@app.command()
def cast(
    district: Districts = None,
    everything: Everything = False,
    seed: Seed = 7,
    clean: Clean = CLEAN_SHARE,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Show which school plays which part."""
    schools = schools_of(load_settings(), Cast.of(district, everything, seed, clean, Life.FULL))
    rows = {identifier: school.personality.value for identifier, school in sorted(schools.items())}
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for kind in Personality:
        typer.echo(f"{kind.value}: {sum(value == kind.value for value in rows.values())}")
    for identifier, value in rows.items():
        typer.echo(f"{identifier}  {value:13}  {schools[identifier].record.display_name}  SIMULATED")


def _tell(home: Path, **act: str) -> None:
    file = control_file(home)
    if not file.exists():
        raise PermanentError(f"{file}: expected a running simulation; start one with `firstbell simulate run`")
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(act) + "\n")


@app.command()
def repair(school: Annotated[str, typer.Argument(help="School id.")]) -> None:
    """Mend a school's trouble: its sources report so at once."""
    _tell(load_settings().home, act="repair", school=school)


@app.command()
def worsen(school: Annotated[str, typer.Argument(help="School id.")]) -> None:
    """Slow a school's line: its probes report so at once, and go on so until it is repaired."""
    _tell(load_settings().home, act="worsen", school=school)


@app.command()
def cut(district: Annotated[str, typer.Argument(help="District id.")], feed: Feed) -> None:
    """Cut one feed of one district: its events wait at their source."""
    _tell(load_settings().home, act="cut", district=district, publisher=feed)


@app.command()
def restore(district: Annotated[str, typer.Argument(help="District id.")], feed: Feed) -> None:
    """Restore a feed: what waited arrives late, in order."""
    _tell(load_settings().home, act="restore", district=district, publisher=feed)
