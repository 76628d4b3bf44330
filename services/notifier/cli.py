"""`firstbell notify`: how people are reached, what was said to them, and what reached nobody."""

from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.kit.database import Connection, connect
from services.kit.settings import Settings
from services.kit.terminal import DONE, MEND, NO, codes, emit, fail, in_transaction, run
from services.notifier import contacts
from services.notifier.channels import Receiver, UndeliveredError, send
from services.notifier.contacts import Contact, Wish
from services.notifier.rows import STATES
from services.notifier.wording import Notice

CODES = codes("there is none, or the receiver did not take it")
app = typer.Typer(
    no_args_is_help=True,
    help=f"""Notices to people: mails, chat messages and pages about escalations, asks and work.

    Examples:

      firstbell notify contact set actor-7c2 mail --address-file mail.txt --time-zone America/Los_Angeles --quiet 20:00-06:30

      firstbell notify test actor-7c2 mail

      firstbell notify contact set operations pager --kind pagerduty --address-file key.txt

      firstbell notify list --state given-up

      firstbell notify retry --state given-up

    {CODES}""",
)
contact_app = typer.Typer(
    no_args_is_help=True,
    help=f"""How a person is reached. Addresses come from a file, are stored restricted, and are never shown.

    An address is an Apprise address (mailto://..., slack://..., msteams://..., json://...) or, with --kind pagerduty,
    a routing key of Events API v2.

    {CODES}""",
)
app.add_typer(contact_app, name="contact")

Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
ActorArgument = Annotated[
    str, typer.Argument(help="An actor of the roster, actor-...; or an owner of incidents: provisioning, operations.")
]
ChannelArgument = Annotated[str, typer.Argument(help="Your name for the channel: mail, chat, pager.")]


@contact_app.command("set")
def set_contact(
    actor: ActorArgument,
    channel: ChannelArgument,
    address_file: Annotated[
        Path, typer.Option(help="A file that holds the address alone.", exists=True, dir_okay=False)
    ],
    kind: Annotated[str, typer.Option(help="apprise or pagerduty.")] = "apprise",
    time_zone: Annotated[str, typer.Option(help="The person's time zone.")] = "UTC",
    quiet: Annotated[str | None, typer.Option(help="Quiet hours, 20:00-06:30; none when absent.")] = None,
    as_json: Json = False,
) -> None:
    """Say how a person is reached on a channel; the same again replaces it. Undo: `contact remove`."""
    if kind not in ("apprise", "pagerduty"):
        fail(MEND, f"--kind: expected apprise or pagerduty, seen {kind}")
    receiver = Receiver(kind, address_file.read_text("utf-8").strip())
    wish = Wish(actor, channel, receiver, time_zone, _hours(quiet))

    async def write(connection: Connection) -> bool:
        return await contacts.put(connection, wish, datetime.now(UTC))

    new = in_transaction("notifier", write)
    if as_json:
        emit({"actor_id": actor, "channel": channel, "kind": kind, "new": new})
    else:
        typer.echo(
            f"{actor} on {channel}: {'recorded' if new else 'replaced'}; try it: firstbell notify test {actor} {channel}"
        )


def _hours(text: str | None) -> tuple[time, time] | None:
    if text is None:
        return None
    try:
        begins, ends = text.split("-")
        return time.fromisoformat(begins), time.fromisoformat(ends)
    except ValueError:
        fail(MEND, f"--quiet: expected hours such as 20:00-06:30, seen {text}")


@contact_app.command("remove")
def remove_contact(actor: ActorArgument, channel: ChannelArgument) -> None:
    """Forget how a person is reached on a channel."""

    async def write(connection: Connection) -> bool:
        return await contacts.remove(connection, actor, channel)

    if not in_transaction("notifier", write):
        fail(NO, f"contact {actor} {channel}: expected one, seen none; see `firstbell notify contact list`")
    typer.echo(f"{actor} on {channel}: forgotten")


@contact_app.command("list")
def list_contacts(as_json: Json = False) -> None:
    """Who is reached how, without the addresses."""

    async def read(connection: Connection) -> list[Contact]:
        return await contacts.listed(connection)

    found = in_transaction("notifier", read)
    if as_json:
        emit([asdict(each) for each in found])
        return
    table = Table("actor", "channel", "by", "time zone", "quiet")
    for each in found:
        hours = f"{each.quiet_from:%H:%M}-{each.quiet_until:%H:%M}" if each.quiet_from and each.quiet_until else "–"
        table.add_row(each.actor_id, each.channel, each.scheme, each.time_zone, hours)
    Console().print(table if found else "nobody can be reached: `firstbell notify contact set --help`")


@app.command("list")
def list_notices(
    state: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATES)}.")] = None,
    school: Annotated[str | None, typer.Option(help="Of this school's id only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """What was or will be said, newest first, with what became of it."""

    async def read(connection: Connection) -> list[dict[str, object]]:
        rows = await connection.fetch(
            """select n.notice_id, n.state, n.kind, n.action, n.role, n.actor_id, n.channel, n.program_id, n.school_id,
                coalesce(s.name, nullif(n.school_id, ''), n.subject) as school, n.gate, n.subject, n.urgent,
                n.simulated, n.occurred_at, n.not_before, n.attempts, n.settled_at,
                (select d.error from delivery d where n.notice_id = any(d.notice_ids) order by d.delivery_id desc limit 1)
                    as last_error
            from notice n left join school s using (school_id)
            where ($1::text is null or n.state = $1) and ($2::text is null or n.school_id = $2)
            order by n.notice_id desc limit $3""",
            state, school, limit,
        )  # fmt: skip
        return [dict(row) for row in rows]

    found = in_transaction("notifier", read)
    if as_json:
        emit(found)
        return
    table = Table("id", "state", "what", "school", "gate", "role", "actor", "channel", "tries", "why not")
    for each in found:
        mark = "SIMULATED " if each["simulated"] else ""
        table.add_row(
            str(each["notice_id"]), str(each["state"]), f"{mark}{each['kind']}", str(each["school"]), str(each["gate"]),
            str(each["role"]), str(each["actor_id"] or "–"), str(each["channel"] or "–"), str(each["attempts"]),
            str(each["last_error"] or ""),
        )  # fmt: skip
    Console().print(table if found else "no notices")


@app.command()
def retry(
    state: Annotated[str, typer.Option(help="given-up, no-contact or too-old.")] = "given-up",
    notice: Annotated[list[int] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Let notices that ended undelivered wait to be sent again."""
    if state not in ("given-up", "no-contact", "too-old"):
        fail(MEND, f"--state: expected given-up, no-contact or too-old, seen {state}")

    async def write(connection: Connection) -> int:
        rows = await connection.fetch(
            """update notice set state = 'waiting', attempts = 0, not_before = now(), settled_at = null
            where state = $1 and channel <> '' and ($2::bigint[] is null or notice_id = any($2)) returning notice_id""",
            state, notice or None,
        )  # fmt: skip
        return len(rows)

    count = in_transaction("notifier", write)
    if as_json:
        emit({"state": state, "waiting_again": count})
    else:
        typer.echo(f"{count} notices wait to be sent again")
    raise typer.Exit(DONE if count else NO)


@app.command()
def test(actor: ActorArgument, channel: ChannelArgument) -> None:
    """Send one test message to a person and say whether the receiver took it."""

    async def work(settings: Settings) -> str | None:
        receiver = await _receiver(settings, actor, channel)
        if receiver is None:
            return "expected a contact, seen none; set it with `firstbell notify contact set`"
        now = datetime.now(UTC)
        sample = Notice(
            0, "test", "test", "Test School", "test-message", "school-lead", "tell", f"firstbell-test-{now:%Y%m%d%H%M%S}",
            "G0", (), False, True, None, now,
        )  # fmt: skip
        try:
            send(receiver, [sample], settings.notifier_pagerduty_url)
        except UndeliveredError as error:
            return str(error)
        return None

    problem = run("notifier", work)
    if problem is not None:
        fail(NO, f"contact {actor} {channel}: {problem}")
    typer.echo(f"{actor} on {channel}: the receiver took a test message")


async def _receiver(settings: Settings, actor: str, channel: str) -> Receiver | None:
    connection = await connect(settings, "notifier")
    try:
        return await contacts.receiver_of(connection, actor, channel)
    finally:
        await connection.close()
