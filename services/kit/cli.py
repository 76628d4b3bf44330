"""`firstbell dlq`: look at dead letters, send them again, and go on after a broken fence.

An operator's commands, for every room that keeps tables. JSON on standard output only with --json; tables are
for people. It never deletes a letter.
"""

from dataclasses import asdict
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from services.kit import deadletters, fence
from services.kit.database import Connection
from services.kit.deadletters import DeadLetter, Filter
from services.kit.outcome import PermanentError
from services.kit.room import rooms
from services.kit.settings import Settings
from services.kit.terminal import MEND, NO, codes, emit, fail, in_transaction, run

app = typer.Typer(
    no_args_is_help=True,
    help="Dead letters: list, show, replay; and fences that must be set aside.",
    epilog=codes("there is no such letter"),
)
ROOM = "dead letters"
"""Named where several rooms' tables are asked at once."""

RoomOption = Annotated[str | None, typer.Option("--room", help="One room only; all of them otherwise.")]
TopicOption = Annotated[str | None, typer.Option("--topic", help="Of this topic only.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="decode, schema, business or exhausted.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many of a room.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


def _rooms(room: str | None) -> list[str]:
    known = [each.name for each in rooms() if each.migrations is not None]
    if room is None:
        return known
    if room not in known:
        fail(MEND, f"room: expected one of {', '.join(known) or 'none'}; seen {room}")
    return [room]


async def _find(settings: Settings, room: str | None, wanted: Filter) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    for each in _rooms(room):
        try:
            found += await deadletters.find(settings, each, wanted)
        except asyncpg.UndefinedTableError as error:
            raise PermanentError(f"{each}: expected its tables, seen none; run `firstbell stack up`") from error
    return found


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def as_json(letter: DeadLetter, *, whole: bool) -> dict[str, Any]:
    """A letter for machines; key, value and headers only when whole. Any: JSON."""
    out = {name: value for name, value in asdict(letter).items() if name not in ("key", "value", "headers")}
    for name in ("record_at", "created_at", "replayed_at"):
        out[name] = out[name].isoformat() if out[name] else None
    if whole:
        out |= {"key": _text(letter.key), "value": _text(letter.value)}
        out["headers"] = [[name, _text(value)] for name, value in letter.headers]
    return out


@app.command("list")
def list_letters(
    room: RoomOption = None,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    limit: LimitOption = 100,
    replayed: Annotated[bool, typer.Option("--replayed", help="Those sent again as well.")] = False,
    json_: JsonOption = False,
) -> None:
    """Lists dead letters, oldest first."""
    found = run(ROOM, lambda settings: _find(settings, room, Filter(topic, reason, replayed=replayed, limit=limit)))
    if json_:
        emit([as_json(letter, whole=False) for letter in found])
        return
    table = Table("id", "room", "topic", "place", "reason", "error", "since")
    for letter in found:
        place = f"{letter.partition}:{letter.offset}"
        error = f"{letter.error_type}: {letter.error_message}"[:100]
        table.add_row(
            str(letter.id),
            letter.room,
            letter.topic,
            place,
            letter.reason,
            error,
            f"{letter.created_at:%Y-%m-%d %H:%M}",
        )
    Console().print(table if found else "no dead letters")


@app.command()
def show(
    letter_id: Annotated[int, typer.Argument(metavar="ID")],
    room: Annotated[str, typer.Option("--room", help="The room that keeps it.")],
    json_: JsonOption = False,
) -> None:
    """Shows one dead letter whole: why, headers, and the bytes as they came."""
    found = run(ROOM, lambda settings: _find(settings, room, Filter(id=letter_id)))
    if not found:
        fail(NO, f"dead letter {letter_id} of {room}: none; see `firstbell dlq list --room {room}`")
    told = as_json(found[0], whole=True)
    if json_:
        emit(told)
        return
    for name, value in told.items():
        typer.echo(f"{name:14} {value}")


@app.command()
def replay(
    room: RoomOption = None,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    letter_id: Annotated[int | None, typer.Option("--id", help="This one only; needs --room.")] = None,
    limit: LimitOption = 100,
    rate: Annotated[float, typer.Option("--rate", min=0.01, help="Records a second.")] = deadletters.RATE_DEFAULT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, send nothing.")] = False,
    json_: JsonOption = False,
) -> None:
    """Sends dead letters to their topics again: original bytes and headers, and `dlq.` headers beside them."""
    if letter_id is not None and room is None:
        fail(MEND, "--id: expected --room beside it, since each room counts its own; seen none")

    async def work(settings: Settings) -> list[DeadLetter]:
        found = await _find(settings, room, Filter(topic, reason, id=letter_id, limit=limit))
        if not dry_run:
            await deadletters.replay(settings, found, rate=rate)
        return found

    found = run(ROOM, work)
    if json_:
        ids = [{"room": letter.room, "id": letter.id, "topic": letter.topic} for letter in found]
        emit({"dry_run": dry_run, "count": len(found), "letters": ids})
    else:
        typer.echo(f"{len(found)} dead letters {'would be' if dry_run else 'were'} sent again")


@app.command("retire-fence")
def retire_fence(
    room: Annotated[str, typer.Option("--room", help="The room whose consumer stopped.")],
    topic: Annotated[str, typer.Option("--topic", help="The topic that was made anew or cut.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only say what would happen.")] = False,
) -> None:
    """Sets a topic's fences aside, so that its room reads it again from the log's start."""
    if not yes:
        typer.echo(f"{room} would read {topic} from its start; counts so far are kept aside. Add --yes to do it.")
        return

    async def work(connection: Connection) -> int:
        return await fence.retire(connection, topic)

    count = in_transaction(_rooms(room)[0], work)
    typer.echo(f"{count} fences of {room} at {topic} are set aside")
