"""`firstbell variance`: asks to loosen one line of a policy for one place, answers from above, and the register."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import uuid4

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from schemas.inheritance import PolicyScope
from schemas.school import GateId
from schemas.variance import Variance
from services.kit.database import Connection
from services.kit.outcome import PermanentError
from services.kit.settings import load_settings
from services.kit.terminal import MEND, REFUSED, codes, emit, fail, in_transaction
from services.policies import roster, variances
from services.policies import store as shelf

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Variances: leave to loosen one line of a policy, for one district or school.

    Examples:

      firstbell variance request wa-state network-speed pass_at 0.9 --gate G1 --profile standard --district ID
      --reason rural-line --as actor-0042

      firstbell variance approve variance-0001 --as actor-0007

      firstbell variance list

    {codes(None, "4 refused")}""",
)
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
As = Annotated[
    str, typer.Option("--as", metavar="ACTOR", help="Who acts: an actor of the roster. Asserted, not proved.")
]
Id = Annotated[str, typer.Argument(help="The variance's id.")]


@app.command()
def request(
    policy: Annotated[
        str, typer.Argument(help="The stored policy that declares the range: name, name@version, digest.")
    ],
    criterion: Annotated[str, typer.Argument(help="The criterion's id.")],
    line: Annotated[str, typer.Argument(help="The line, such as pass_at.")],
    value: Annotated[float, typer.Argument(help="How far it may go, in the line's unit.")],
    gate: Annotated[GateId, typer.Option(help="The criterion's gate.")],
    who: As,
    reason: Annotated[str, typer.Option(help="Why, as a code.")],
    profile: Annotated[str, typer.Option(help="The policy's profile.")] = "standard",
    district: Annotated[str | None, typer.Option(help="For this district, by id.")] = None,
    school: Annotated[str | None, typer.Option(help="For this school, by id.")] = None,
    until: Annotated[datetime | None, typer.Option(help="When it ends, UTC; without an end when absent.")] = None,
    variance_id: Annotated[str | None, typer.Option("--id", help="The same id twice is one request.")] = None,
    as_json: Json = False,
) -> None:
    """Ask to loosen a line, within the range its policy declares. It allows nothing until it is approved."""
    if (district is None) is (school is None):
        fail(MEND, "whom it is for: expected one of --district and --school")
    kind: Literal["district", "school"] = "district" if district else "school"
    actor = roster.actor_over(load_settings(), who, kind, district or school or "")
    now = datetime.now(UTC)

    async def write(connection: Connection) -> Variance:
        found = await shelf.find(connection, policy)
        if found is None:
            raise PermanentError(f"policy {policy}: expected a stored name or digest; see `firstbell policy show`")
        asked = Variance(
            variance_id=variance_id or f"variance-{uuid4()}", policy_name=found.document.name, profile=profile,
            gate=gate, criterion_id=criterion, line=line, value=value,
            scope=PolicyScope(kind=kind, id=district or school or ""), reason=reason, requested_by=actor,
            requested_at=now, expires_at=until.replace(tzinfo=UTC) if until else None,
        )  # fmt: skip
        return await variances.request(connection, found.document, asked, now)

    try:
        _tell(in_transaction("policies", write), as_json)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(MEND, f"{'.'.join(map(str, first['loc']))}: {first['msg']}; seen {first.get('input')!r}")
    except variances.VarianceRefused as refused:
        fail(REFUSED, f"refused: {refused}")


@app.command()
def approve(variance_id: Id, who: As, as_json: Json = False) -> None:
    """Approve a request, from above the place it is for and by another person than asked."""
    _answer(variance_id, who, True, as_json)


@app.command()
def reject(variance_id: Id, who: As, as_json: Json = False) -> None:
    """Reject a request, or take an approval back: nothing new may rest on it."""
    _answer(variance_id, who, False, as_json)


def _answer(variance_id: str, who: str, approved: bool, as_json: bool) -> None:
    async def read(connection: Connection) -> Variance | None:
        return await variances.find(connection, variance_id)

    held = in_transaction("policies", read)
    if held is None:
        raise PermanentError(f"variance {variance_id}: expected one that was asked for; see `firstbell variance list`")
    actor = roster.actor_over(load_settings(), who, held.scope.kind, held.scope.id)

    async def write(connection: Connection) -> Variance:
        return await variances.answer(connection, variance_id, actor, approved, datetime.now(UTC))

    try:
        _tell(in_transaction("policies", write), as_json)
    except variances.VarianceRefused as refused:
        fail(REFUSED, f"refused: {refused}")


@app.command("list")
def list_(
    audit: Annotated[bool, typer.Option("--audit", help="Show ids of actors, for the audit.")] = False,
    as_json: Json = False,
) -> None:
    """The register: every variance, asked, answered, ended, with the documents that rest on it."""

    async def read(connection: Connection) -> list[dict[str, object]]:
        resting = await shelf.resting(connection)
        now = datetime.now(UTC)
        return [
            {**(each.model_dump(mode="json") if audit else roster.public(each)),
             "ended": each.expires_at is not None and each.expires_at <= now,
             "rests": resting.get(each.variance_id, [])}
            for each in await variances.listed(connection)
        ]  # fmt: skip

    found = in_transaction("policies", read)
    if as_json:
        emit(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("variance", "line", "value", "for", "asked by", "answer", "until", "policies"):
        table.add_column(column, overflow="fold")
    for each in found:
        scope = each["scope"]
        assert isinstance(scope, dict)
        asked, rests = each["requested_by"], each["rests"]
        assert isinstance(rests, list)
        table.add_row(
            str(each["variance_id"]),
            f"{each['policy_name']} {each['profile']} {each['gate']} {each['criterion_id']} {each['line']}",
            f"{each['value']:g}", f"{scope['kind']} {scope['id']}",
            str(asked["actor_id"] if isinstance(asked, dict) else asked),
            "ended" if each["ended"] else str(each["answer"] or "asked"), str(each["expires_at"] or "–"),
            ", ".join(map(str, rests)),
        )  # fmt: skip
    Console().print(table)


def _tell(variance: Variance, as_json: bool) -> None:
    if as_json:
        emit(variance.model_dump(mode="json"))
        return
    said = variance.answer or "asked for"
    typer.echo(f"{variance.variance_id}: {said}; recorded as asserted, not authenticated")
