"""`firstbell roster delegate` and `undelegate`: one holder of a role lets another act for them. Joined to roster_cli."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from schemas.school import Role
from services.directory import delegations
from services.directory.roster_store import RosterOutcome
from services.kit.database import Connection
from services.kit.terminal import emit, in_transaction

Giver = Annotated[str, typer.Option("--as", metavar="ACTOR", help="The giver: who holds the role in their own right.")]
Receiver = Annotated[str, typer.Option("--to", metavar="ACTOR", help="Who acts for them: an actor of the roster.")]
RoleOption = Annotated[Role, typer.Option(help="The role.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


def delegate(
    giver: Giver,
    receiver: Receiver,
    role: RoleOption,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, from midnight UTC.")],
    last: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day, to midnight UTC.")],
    as_json: Json = False,
) -> None:
    """Let another actor act for the giver in a role, wherever the giver holds it; acts then name `--for GIVER`."""

    async def write(connection: Connection) -> RosterOutcome:
        days = (first.date(), last.date())
        return await delegations.delegate(connection, giver, receiver, role, days, datetime.now(UTC))

    _tell(in_transaction("directory", write), f"{receiver} acts for {giver} as {role.value}", as_json)


def undelegate(giver: Giver, receiver: Receiver, role: RoleOption, as_json: Json = False) -> None:
    """Take back a delegation; acts already done under it stand."""

    async def write(connection: Connection) -> RosterOutcome:
        return await delegations.undelegate(connection, giver, receiver, role, datetime.now(UTC))

    _tell(in_transaction("directory", write), f"{receiver} acts no more for {giver} as {role.value}", as_json)


def _tell(outcome: RosterOutcome, sentence: str, as_json: bool) -> None:
    changed = outcome.created_count + outcome.changed_count
    if as_json:
        emit({"scopes_changed_count": changed, "scopes_unchanged_count": outcome.unchanged_count})
        return
    typer.echo(f"{sentence}: {changed} scopes changed, {outcome.unchanged_count} as before; recorded as asserted")
