"""`firstbell audit`: the chains walked from outside, their heads signed, written out, and set aside by a person."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from schemas.audit import AuditEntry, ChainId
from services.auditor.chain import heads, journal, sealing
from services.auditor.chain.heads import BrokenChainError, read_files
from services.auditor.chain.keys import PUBLIC_FILE, heads_folder, load_signer, load_verifier
from services.auditor.chain.links import Fault, Link
from services.auditor.chain.walk import Walked, walk
from services.kit.database import connect
from services.kit.settings import Settings, load_settings
from services.kit.terminal import DONE, MEND, NO, codes, emit, fail, run

CODES = codes("a chain is not what was signed, or could not be signed")
app = typer.Typer(
    no_args_is_help=True,
    help="""The audit: one chain of hashes a district, one for the state, their heads signed and kept elsewhere.

    Examples:

      firstbell audit verify

      firstbell audit export --out audit-2026-12

      firstbell audit verify --from audit-2026-12 --key our-copy-of-audit.pub""",
    epilog=CODES,
)
DistrictOption = Annotated[
    str | None, typer.Option(help="This chain only: a district's id, `unplaced` or `statewide`.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
ENTRIES_SUFFIX = ".entries.jsonl"


class ChainStanding(BaseModel):
    """One chain, walked."""

    model_config = ConfigDict(frozen=True)

    district: str
    entries: int
    heads: int
    sealed: int
    """Entries below the newest head: these can no longer be taken back."""


@app.command(epilog=CODES)
def verify(
    district: DistrictOption = None,
    folder: Annotated[Path | None, typer.Option("--heads", help="Signed heads; else where the settings say.")] = None,
    key: Annotated[Path | None, typer.Option(help="The public key you trust; else the one beside the heads.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A folder of `audit export` in place of the database.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Walks every chain and names edits, removals, reorders, insertions and truncations by district and entry."""
    settings = load_settings()
    where = folder or (source if source is not None else heads_folder(settings))
    verifier = load_verifier(settings, where, key)
    files = read_files(where)
    chains = read_export(source, district) if source is not None else run("auditor", lambda s: _read(s, district))
    walked = walk(chains, files, verifier, datetime.now(UTC), only=district)
    if district is not None and not walked.links and not walked.faults:
        fail(MEND, f"district {district}: expected a chain, seen none; `firstbell audit head` lists them")
    _answer(walked, as_json)


def _answer(walked: Walked, as_json: bool) -> None:
    told = [
        ChainStanding(district=chain, entries=len(links), heads=walked.heads_count(chain), sealed=walked.sealed(chain))
        for chain, links in sorted(walked.links.items())
    ]
    if as_json:
        emit({
            "ok": not walked.faults,
            "chains": [each.model_dump() for each in told],
            "faults": [_tree(fault) for fault in walked.faults],
        })  # fmt: skip
    else:
        for fault in walked.faults:
            typer.echo(str(fault))
        entries, sealed = sum(each.entries for each in told), sum(each.sealed for each in told)
        told_so = f"{len(told)} chains, {entries} entries, {sealed} of them below a signed head"
        typer.echo(f"{told_so}: {'every chain verifies' if not walked.faults else f'{len(walked.faults)} faults'}")
    raise typer.Exit(NO if walked.faults else DONE)


def _tree(fault: Fault) -> dict[str, object]:
    return {
        "fault": fault.kind.value, "district": fault.chain, "number": fault.number, "expected": fault.expected,
        "seen": fault.seen,
    }  # fmt: skip


async def _read(settings: Settings, district: str | None) -> journal.Chains:
    connection = await connect(settings, "auditor")
    try:
        return await journal.read_chains(connection, district)
    finally:
        await connection.close()


@app.command(epilog=CODES)
def head(district: DistrictOption = None, as_json: JsonOption = False) -> None:
    """Signs the newest entry of every chain that has grown, and shows each chain's newest head."""

    async def work(settings: Settings) -> sealing.Sealed:
        connection = await connect(settings, "auditor")
        try:
            signer = await asyncio.to_thread(load_signer, settings, make=True)
            return await sealing.seal(connection, heads_folder(settings), signer, datetime.now(UTC))
        finally:
            await connection.close()

    sealed = run("auditor", work)
    folder = heads_folder(load_settings())
    chains = [chain for chain in heads.chains_of(folder) if district in (None, chain) and chain not in sealed.refused]
    newest = [each for chain in chains if (each := heads.last_head(folder, chain)) is not None]
    if as_json:
        emit({"heads": [each.model_dump(mode="json") for each in newest], "refused": sealed.refused})
    else:
        for each in newest:
            typer.echo(f"{each.chain}  entry {each.number}  {each.hash}  signed {each.signed_at:%Y-%m-%d %H:%M:%S} UTC")
        for because in sealed.refused.values():
            typer.echo(f"not signed: {because}")
    raise typer.Exit(NO if sealed.refused else DONE)


@app.command(epilog=CODES)
def export(
    out: Annotated[Path, typer.Option(help="The folder to write; made when it is absent.")],
    district: DistrictOption = None,
) -> None:
    """Writes entries, heads and the public key, for somebody to verify without our servers."""
    settings = load_settings()
    chains = run("auditor", lambda each: _read(each, district))
    out.mkdir(parents=True, exist_ok=True)
    folder = heads_folder(settings)
    for chain, links in sorted(chains.links.items()):
        lines = (f'{{"hash":"{link.hash}","entry":{link.entry.model_dump_json()}}}\n' for link in links)
        (out / f"{chain}{ENTRIES_SUFFIX}").write_text("".join(lines), "utf-8")
    for name in [f"{chain}{heads.SUFFIX}" for chain in heads.chains_of(folder) if district in (None, chain)]:
        (out / name).write_bytes((folder / name).read_bytes())
    if (folder / PUBLIC_FILE).exists():
        (out / PUBLIC_FILE).write_bytes((folder / PUBLIC_FILE).read_bytes())
    typer.echo(f"{len(chains.links)} chains in {out}; check them with `firstbell audit verify --from {out}`")


def read_export(folder: Path, district: str | None) -> journal.Chains:
    """The chains of an `audit export`. Exits with 2 for a file that holds something else."""
    found = journal.Chains({}, {})
    for file in sorted(folder.glob(f"*{ENTRIES_SUFFIX}")):
        chain = file.name.removesuffix(ENTRIES_SUFFIX)
        if district not in (None, chain):
            continue
        try:
            lines = [ExportedLink.model_validate_json(text) for text in file.read_text("utf-8").splitlines()]
        except ValueError as error:
            fail(MEND, f"{file}: expected lines of `firstbell audit export`, seen {error}")
        found.links[chain] = [Link(line.entry, line.hash) for line in lines]
    return found


class ExportedLink(BaseModel):
    """One line of an export."""

    hash: str
    entry: AuditEntry


@app.command(epilog=CODES)
def accept(
    district: Annotated[
        ChainId, typer.Option(help="Whose chain is accepted as it stands: a district's id, `unplaced` or `statewide`.")
    ],
    reason: Annotated[str, typer.Option(help="Why, as a code: restored-from-backup, say.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only say what would happen.")] = False,
) -> None:
    """Signs a chain as it stands and sets its earlier heads aside, after somebody has explained the difference.

    The heads set aside stay in the file, and with them the proof that there was a difference. It cannot be undone.
    """

    async def work(settings: Settings) -> int:
        connection = await connect(settings, "auditor")
        try:
            if not yes:
                found = await journal.tips(connection, [district])
                return found[0].number if found else 0
            signer = await asyncio.to_thread(load_signer, settings, make=True)
            now = datetime.now(UTC)
            made = await sealing.accept(connection, heads_folder(settings), signer, district, reason, now)
            return made.number
        finally:
            await connection.close()

    try:
        number = run("auditor", work)
    except BrokenChainError as error:
        fail(NO, str(error))
    except ValueError as error:
        fail(MEND, f"--reason {reason}: expected a code such as restored-from-backup; {error}")
    would = "was accepted" if yes else "would be accepted; add --yes to do it"
    typer.echo(f"district {district}: the chain of {number} entries {would}")
