"""`firstbell event`: validates and publishes raw events, so that a person can try any service by hand."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from schemas.samples import raw_samples
from schemas.topics import RAW_TOPICS
from services.gateway.files import Accepted, Fault, read_events, structured
from services.kit.envelope import Encoded, encode
from services.kit.publisher import Publisher
from services.kit.settings import load_settings
from services.kit.terminal import DONE, NO, codes

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Validate and publish raw events.

    Examples:

      firstbell event sample                          # the types there are

      firstbell event sample network-probe-completed > probe.json

      firstbell event send probe.json

    {codes("some were refused (the others were sent)")}""",
)
FILE_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of one file. Larger ones are split. Our judgement, 2026-11-23."""


@app.command()
def sample(
    kind: Annotated[str | None, typer.Argument(help="Type, or a part of it. Without one, lists the types.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With no TYPE: the list as JSON.")] = False,
) -> None:
    """Print a valid sample of a raw event, ready to edit and send."""
    owners = {name: topic.owner for topic in RAW_TOPICS for name in topic.decoder}
    if kind is None:
        names = [event.ce_type for event in raw_samples()]
        typer.echo(json.dumps(names, indent=1) if as_json else "\n".join(names))
        return
    found = [event for event in raw_samples() if kind in event.ce_type]
    if len(found) != 1:
        seen = ", ".join(event.ce_type for event in found) or "none"
        raise typer.BadParameter(f"{kind}: expected a part of exactly one type, fits {seen}")
    typer.echo(json.dumps(structured(found[0], owners[found[0].ce_type]), indent=1))


@app.command()
def send(
    file: Annotated[Path, typer.Argument(help="JSON, a JSON array, or JSON lines; - reads standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on standard output.")] = False,
) -> None:
    """Publish a file's events; a refused one is named with its line, and the others land."""
    console = Console(stderr=True)
    if file != Path("-") and (not file.is_file() or file.stat().st_size > FILE_BYTES_MAX):
        raise typer.BadParameter(f"{file}: expected a readable file of at most {FILE_BYTES_MAX} bytes")
    text = sys.stdin.read() if file == Path("-") else file.read_text("utf-8", errors="replace")
    settings = load_settings()
    faults: list[Fault] = []
    accepted = 0
    publisher = None if dry_run else Publisher(settings)
    for entry in read_events(text):
        if isinstance(entry, Fault):
            faults.append(entry)
            console.print(
                f"[red]line {entry.line}[/]: {escape(f'{entry.place}: expected {entry.expected}')}", highlight=False
            )
            continue
        accepted += 1
        if publisher:
            publisher.send(entry.topic.name, _encoded(entry))
    if publisher:
        publisher.flush()
    if as_json:
        body = [{"line": fault.line, "place": fault.place, "expected": fault.expected} for fault in faults]
        typer.echo(json.dumps({"sent": 0 if dry_run else accepted, "valid": accepted, "refused": body}))
    else:
        console.print(f"{'valid' if dry_run else 'sent'} {accepted}, refused {len(faults)}")
    raise typer.Exit(NO if faults else DONE)


def _encoded(entry: Accepted) -> Encoded:
    event = entry.event
    source = f"firstbell/{entry.topic.owner}"
    return encode(event.ce_type, event, event.scope_id, source=source, ce_id=entry.ce_id, time=event.observed_at)
