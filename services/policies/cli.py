"""`firstbell policy`: shows, checks and stores policy documents."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.gate import PolicyDocument, Profile
from schemas.model import digest_of
from services.kit.database import Connection
from services.kit.outcome import PermanentError
from services.kit.terminal import NO, codes, emit, in_transaction
from services.policies import differences, variances
from services.policies import store as shelf
from services.policies.loader import Library, Refused, inherited, load
from services.policies.terminal import line_of
from workflows.policy.authoring.inheritance import provenance

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Policies: which criteria a gate has, as data.

    Examples:

      firstbell policy show

      firstbell policy show default --profile small-school

      firstbell policy check deploy/policies/default.yaml

      firstbell policy diff default@1 default@2

    {codes("the file is refused, or two policies differ")}""",
)
DIGEST_SHOWN = 19
"""Characters of a digest in the list: enough to name a document, and accepted by `policy show`."""
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
PolicyFile = Annotated[Path, typer.Argument(help="A policy file (YAML).", exists=True, dir_okay=False)]


@app.command()
def check(file: PolicyFile, as_json: Json = False) -> None:
    """Check a policy file: every fault with line, column and key. Needs no database, unless it inherits a policy."""
    document = _load(file, as_json)
    if as_json:
        emit({"accepted": True, "digest": digest_of(document), "faults": []})
        return
    profiles = ", ".join(document.profiles)
    typer.echo(f"{document.name} version {document.version}: no fault; profiles {profiles}; {digest_of(document)}")


@app.command("store")
def store_(file: PolicyFile, as_json: Json = False) -> None:
    """Store a policy file by its digest and publish it; a refused file changes nothing."""
    document = _load(file, as_json)

    async def write(connection: Connection) -> tuple[str, bool]:
        return await shelf.store(connection, document, datetime.now(UTC))

    digest, new = in_transaction("policies", write)
    if as_json:
        emit({"accepted": True, "digest": digest, "stored": new, "faults": []})
        return
    typer.echo(f"{document.name} version {document.version}: {'stored' if new else 'stood there already'}; {digest}")


def _load(file: Path, as_json: bool) -> PolicyDocument:
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PermanentError(f"{file}: expected UTF-8, seen {error}; save it as UTF-8") from error
    document = load(text, _library(text))
    if isinstance(document, PolicyDocument):
        return document
    _tell(file, document, as_json)
    raise typer.Exit(NO)


def _library(text: str) -> Library | None:
    """What the file rests on, read from the database. None: it inherits nothing, and no database is asked."""
    named = inherited(text)
    if named is None:
        return None

    async def read(connection: Connection) -> Library:
        found = await shelf.find(connection, named)
        known = tuple(await variances.listed(connection))
        return Library(lambda _: found.document if found else None, known, datetime.now(UTC))

    return in_transaction("policies", read)


def _tell(file: Path, refused: Refused, as_json: bool) -> None:
    if as_json:
        emit({"accepted": False, "faults": [asdict(fault) for fault in refused.faults]})
        return
    for fault in refused.faults:
        typer.echo(fault.words(str(file)), err=True)
    typer.echo(f"{file}: refused, {len(refused.faults)} faults", err=True)


@app.command()
def show(
    policy: Annotated[str | None, typer.Argument(help="Name or digest. Without it: the list of policies.")] = None,
    profile: Annotated[str | None, typer.Option(help="Only this profile.")] = None,
    origins: Annotated[bool, typer.Option("--origins", help="Each line with the policy it comes from.")] = False,
    as_json: Json = False,
) -> None:
    """Show the stored policies, or one with every gate and criterion."""
    if policy is None:
        _list(as_json)
        return

    async def read(connection: Connection) -> shelf.Stored | None:
        return await shelf.find(connection, policy)

    found = _found(policy, in_transaction("policies", read))
    chosen = found.document.profiles
    if profile is not None:
        if profile not in chosen:
            raise PermanentError(f"profile {profile}: expected one of {', '.join(chosen)}")
        chosen = {profile: chosen[profile]}
    if origins:
        _show_origins(found, list(chosen), as_json)
        return
    if as_json:
        tree = found.document.model_dump(mode="json", exclude={"profiles"})
        profiles = {name: each.model_dump(mode="json") for name, each in chosen.items()}
        emit({"digest": found.digest, "stored_at": found.stored_at, **tree, "profiles": profiles})
        return
    out = Console()
    out.print(f"{found.document.title}: {found.document.name} version {found.document.version}", highlight=False)
    out.print(found.digest, highlight=False)
    for name, each in chosen.items():
        _show_profile(out, name, each)


def _found(text: str, found: shelf.Stored | None) -> shelf.Stored:
    if found is None:
        raise PermanentError(
            f"policy {text}: expected a stored name, name@version or digest; see `firstbell policy show`"
        )
    return found


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A stored name, name@version or digest, or a file.")],
    after: Annotated[str, typer.Argument(help="The same, of the newer one.")],
    profile: Annotated[str | None, typer.Option(help="Only this profile.")] = None,
    as_json: Json = False,
) -> None:
    """Compare two policies: what was added, removed, tightened or loosened at which gate. Exit 1: they differ."""
    one, other = (_document(text, as_json) for text in (before, after))
    changes = differences.differences(one, other, profile)
    if as_json:
        emit({"before": digest_of(one), "after": digest_of(other), "changes": differences.tree(changes)})
    else:
        for line in differences.lines(changes):
            typer.echo(line)
        if not changes:
            typer.echo("no difference in what any school gets")
    raise typer.Exit(NO if changes else 0)


def _document(text: str, as_json: bool) -> PolicyDocument:
    file = Path(text)
    if file.suffix in (".yaml", ".yml"):
        if not file.is_file():
            raise PermanentError(f"{file}: expected a policy file, seen none")
        return _load(file, as_json)

    async def read(connection: Connection) -> shelf.Stored | None:
        return await shelf.find(connection, text)

    return _found(text, in_transaction("policies", read)).document


def _show_profile(out: Console, name: str, profile: Profile) -> None:
    ends = [
        f"from {profile.teachers_at_least:g} teachers" if profile.teachers_at_least is not None else "",
        f"under {profile.teachers_below:g} teachers" if profile.teachers_below is not None else "",
    ]
    out.print(f"\n[bold]{name}[/]: {' '.join(end for end in ends if end) or 'every other school'}", highlight=False)
    found = Table(box=None, pad_edge=False, header_style="bold")
    found.add_column("gate")
    found.add_column("criterion", no_wrap=True)
    for column in ("", "demands", "owner", "source"):
        found.add_column(column)
    for gate_id, gate in sorted(profile.gates.items()):
        for index, criterion in enumerate(gate.criteria):
            found.add_row(
                gate_id.value if index == 0 else "", criterion.id, criterion.severity.value, Text(line_of(criterion)),
                criterion.owner.value, Text(criterion.source),
            )  # fmt: skip
        found.add_row("", Text(f"asks {gate.approver.value}", style="dim"), "", Text(gate.silence, style="dim"))
    out.print(found)


def _show_origins(found: shelf.Stored, profiles: list[str], as_json: bool) -> None:
    async def read(connection: Connection) -> list[PolicyDocument]:
        return await shelf.chain(connection, found.document)

    chain = in_transaction("policies", read)
    lines = [(name, line) for name in profiles for line in provenance(chain, name)]
    if as_json:
        emit([{"profile": name, **asdict(line)} for name, line in lines])
        return
    for name, line in lines:
        where = f"{name} {line.gate.value} {line.criterion_id or 'gate'}"
        typer.echo(f"{where}: {line.field} {line.value} ({line.policy})")


def _list(as_json: bool) -> None:
    documents = in_transaction("policies", shelf.listed)
    if as_json:
        emit([asdict(document) for document in documents])
        return
    found = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("policy", "version", "title", "digest"):
        found.add_column(column, no_wrap=column in ("policy", "digest"))
    for document in documents:
        found.add_row(document.name, str(document.version), Text(document.title), document.digest[:DIGEST_SHOWN])
    Console().print(found)
