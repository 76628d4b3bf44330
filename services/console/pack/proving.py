"""Decides a pack again, offline: every file beside the manifest, every decision by the documents in the pack.

Called by `firstbell decision verify` for a zip or a folder. A decision whose numbers are hidden is counted, never passed
off as proved.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from schemas.calendar import Calendar
from schemas.gate import PolicyDocument
from services.console import record
from services.console.pack.making import FORMAT, IN_PACK, Files
from services.console.pack.redaction import Json
from services.console.record import Finding, Proof, UnreadableError
from services.console.views import Answer

FILE_BYTES_MAX = 50_000_000
"""Bytes of one file in a pack; more is no pack of ours. Our judgement, 2026-11-25."""


class PackProof(Answer):
    """What verifying a pack found."""

    subject: str
    stands: bool
    decisions_count: int
    proved_count: int
    hidden_count: int
    """Decisions that the manifest says cannot be decided again from this pack."""
    findings: tuple[Finding, ...]


def is_pack(place: Path) -> bool:
    """Whether a path looks like a pack rather than a single decision."""
    return (place.is_dir() and (place / "manifest.json").is_file()) or zipfile.is_zipfile(place)


def read_pack(place: Path) -> Files:
    """The files of a zip or a folder. Raises UnreadableError for what is neither, or holds too large a file."""
    if place.is_dir():
        return {
            file.relative_to(place).as_posix(): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()
        }
    try:
        with zipfile.ZipFile(place) as held:
            if any(each.file_size > FILE_BYTES_MAX for each in held.infolist()):
                raise UnreadableError(f"expected files of at most {FILE_BYTES_MAX} bytes, seen a larger one")
            return {each.filename: held.read(each) for each in held.infolist() if not each.is_dir()}
    except (zipfile.BadZipFile, OSError) as error:
        raise UnreadableError(f"expected a pack of `firstbell program export`, seen {error}") from error


def prove_pack(files: Files, subject: str) -> PackProof:
    """Every difference between a pack and itself. Raises UnreadableError when it is no pack."""
    manifest = _json(files, "manifest.json")
    if manifest.get("format") != FORMAT:
        raise UnreadableError(f"expected a manifest of format {FORMAT}, seen {manifest.get('format')}")
    findings = list(_differing(files, manifest))
    listed = manifest.get("not_recomputable")
    excused = set(map(str, listed)) if isinstance(listed, list) else set()
    proved = hidden = 0
    paths = sorted(path for path in files if path.startswith("decisions/"))
    for path in paths:
        if path in excused:
            hidden += 1
            continue
        proof = _prove(files, path)
        proved += proof.stands
        findings += [each.model_copy(update={"place": f"{path} {each.place}"}) for each in proof.findings]
    return PackProof(
        subject=subject, stands=not findings, decisions_count=len(paths), proved_count=proved, hidden_count=hidden,
        findings=tuple(findings),
    )  # fmt: skip


def _differing(files: Files, manifest: dict[str, Json]) -> Iterator[Finding]:
    told = manifest.get("files")
    digests = told if isinstance(told, dict) else {}
    for path in sorted({*digests, *files} - {"manifest.json"}):
        seen = f"sha256:{hashlib.sha256(files[path]).hexdigest()}" if path in files else "no file"
        expected = str(digests.get(path, "no file"))
        if seen != expected:
            yield Finding(place=path, expected=expected, seen=seen)


def _prove(files: Files, path: str) -> Proof:
    """One decision, its documents joined in again."""
    tree = _json(files, path)
    exported = tree.get("export")
    if tree.get("format") != IN_PACK or not isinstance(exported, dict):
        raise UnreadableError(f"{path}: expected a decision of format {IN_PACK}, seen another file")
    joined: dict[str, Json] = dict(exported)
    for name, model in (("policy", PolicyDocument), ("calendar", Calendar)):
        place = tree.get(name)
        document = None if place is None else model.model_validate(_json(files, str(place)))
        joined[name] = None if document is None else document.model_dump(mode="json")
    return record.prove(json.dumps(joined))


def _json(files: Files, path: str) -> dict[str, Json]:
    if path not in files:
        raise UnreadableError(f"expected {path} in the pack, seen none")
    try:
        tree: Json = json.loads(files[path])
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{path}: expected JSON, seen {error}") from error
    if not isinstance(tree, dict):
        raise UnreadableError(f"{path}: expected an object, seen another value")
    return tree
