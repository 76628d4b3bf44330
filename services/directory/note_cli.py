"""`firstbell note`: restricted notes beside people's acts. Their text stays in one table; acts carry the id."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.directory import note_store
from services.directory.notes import NOTE_CHARACTERS_MAX, Spot
from services.kit.database import Connection
from services.kit.outcome import PermanentError
from services.kit.terminal import NO, codes, emit, in_transaction

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Restricted notes: kept in the directory's tables, never on Kafka, in Temporal or in a log.

    A note that holds a name of the roster or an e-mail address is refused, with the place and without the name.

    Examples:

      firstbell note add --text-file reasons.txt

      firstbell gate approve "A J West" --as actor-1a --reason reviewed --note note-3f0c9a51d2e84b67

      firstbell note show note-3f0c9a51d2e84b67

    {codes("the note is refused")}""",
)
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


@app.command()
def add(
    text_file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The note, UTF-8 text. A file, so that no shell keeps it.")
    ],
    as_json: Json = False,
) -> None:
    """Keep a note and tell its id; one that names somebody is refused and not kept."""
    text = _read(text_file)

    async def write(connection: Connection) -> str | list[Spot]:
        return await note_store.add(connection, text, datetime.now(UTC))

    kept = in_transaction("directory", write)
    if isinstance(kept, str):
        emit({"accepted": True, "note_id": kept, "spots": []}) if as_json else typer.echo(kept)
        return
    if as_json:
        emit({"accepted": False, "note_id": None, "spots": [asdict(spot) for spot in kept]})
    for spot in () if as_json else kept:
        typer.echo(f"{text_file.name}: {spot.words()}", err=True)
    raise typer.Exit(NO)


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        message = f"{path}: expected UTF-8 text, seen byte {error.start} that is none; save it as UTF-8"
        raise PermanentError(message) from None  # the cause would repeat the note
    if not text or len(text) > NOTE_CHARACTERS_MAX:
        raise PermanentError(f"{path}: expected 1 to {NOTE_CHARACTERS_MAX} characters, seen {len(text)}")
    return text


@app.command()
def show(note_id: Annotated[str, typer.Argument(help="The note's id.")], as_json: Json = False) -> None:
    """Show one note."""

    async def read(connection: Connection) -> tuple[str, datetime] | None:
        return await note_store.text_of(connection, note_id)

    found = in_transaction("directory", read)
    if found is None:
        raise PermanentError(f"note {note_id}: expected one that is kept, seen none; acts and facts name the id")
    text, written_at = found
    if as_json:
        emit({"note_id": note_id, "written_at": written_at, "text": text})
        return
    typer.echo(text)
