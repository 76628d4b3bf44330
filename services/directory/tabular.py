"""Delimited text as it comes from spreadsheets and federal exports, read line by line in bounded memory.

Called by the school and roster readers. Knows no school: it finds the header, the encoding and the delimiter,
and gives rows by header name. It refuses what is no delimited text, and never guesses where a broken row ends.
"""

import codecs
import csv
import hashlib
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from services.kit.outcome import PermanentError

FILE_BYTES_MAX = 1 << 30
"""Bytes of one file. The national file of 102,102 schools is near 50 MB. Our judgement, 2026-11-23."""
LINE_CHARACTERS_MAX = 64 * 1024
"""Characters of one line. Our judgement, 2026-11-23."""
HEADER_LINES_MAX = 30
"""Lines in which the header must be found; exports may begin with titles. Our judgement, 2026-11-23."""
JOINED_LINES_MAX = 4
"""Lines one row may span when a quoted cell holds line breaks. Our judgement, 2026-11-23."""
DELIMITERS = (",", "\t", ";", "|")
_END = "\x01"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one row did not land."""

    line: int
    column: str
    """The header's own name; empty when the row as a whole is at fault."""
    reason: str
    """What was expected."""
    seen: str = ""

    def words(self) -> str:
        """One sentence for a report."""
        place = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{place}: {self.reason}" + (f"; seen {self.seen!r}" if self.seen else "")


@dataclass(frozen=True, slots=True)
class Source:
    """One file as found: its digest says whether it was seen before."""

    path: Path
    digest: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Header:
    """The header's names as written, by their plain form, with the place of each."""

    names: tuple[str, ...]
    places: Mapping[str, int]
    delimiter: str
    line: int


def probe(path: Path) -> Source:
    """Digest and encoding of a file, in one pass. Blocks; raises PermanentError for what is no readable text."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start[:2] == b"PK" or start == b"\xd0\xcf\x11\xe0":
                raise PermanentError(f"{path}: expected delimited text, seen a spreadsheet or archive; save it as CSV")
            if path.stat().st_size > FILE_BYTES_MAX:
                raise PermanentError(f"{path}: expected at most {FILE_BYTES_MAX} bytes; split the file by state")
            file.seek(0)
            if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                return Source(path, "sha256:" + hashlib.file_digest(file, "sha256").hexdigest(), "utf-16")
            decoder, digest, encoding = codecs.getincrementaldecoder("utf-8")(), hashlib.sha256(), "utf-8-sig"
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                if encoding == "utf-8-sig":
                    try:
                        decoder.decode(chunk)
                    except UnicodeDecodeError:
                        encoding = "cp1252"  # what older federal files and spreadsheets write
    except OSError as error:
        raise PermanentError(f"{path}: expected a readable file, seen {error}; check the path") from error
    return Source(path, f"sha256:{digest.hexdigest()}", encoding)


def plain(name: str) -> str:
    """A header name without what varies between exports: case, blanks, underscores, asterisks, bracketed notes."""
    name = re.sub(
        r"\[.*?\]|latest available year|\b\d{4}-\d{2}\b", " ", name.replace("\ufeff", ""), flags=re.IGNORECASE
    )
    return " ".join(name.replace("_", " ").replace("*", " ").replace('"', " ").casefold().split())


def open_text(source: Source) -> TextIO:
    """The file as text in its encoding; any line ending. Bytes that don't fit become U+FFFD, and faults."""
    return source.path.open(encoding=source.encoding, errors="replace", newline=None)


def find_header(text: TextIO, keys: Collection[str]) -> Header | None:
    """Reads up to the header: the first line that holds one of `keys` (plain names). None when there is none."""
    for number in range(1, HEADER_LINES_MAX + 1):
        line = text.readline(LINE_CHARACTERS_MAX)
        if not line:
            return None
        for delimiter in DELIMITERS:
            names = [name.strip().lstrip("\ufeff") for name in _split(line.rstrip("\n"), delimiter)[0]]
            if len(names) > 1 and any(plain(name) in keys for name in names):
                places: dict[str, int] = {}
                for place, name in enumerate(names):
                    places.setdefault(plain(name), place)
                return Header(tuple(names), places, delimiter, number)
    return None


def rows(text: TextIO, header: Header) -> Iterator[tuple[int, list[str]] | Fault]:
    """Every row after the header as (line, cells), or the fault of a row. Blank lines are no rows."""
    width = len(header.names)
    ahead: deque[tuple[int, str]] = deque()
    number = header.line

    def following() -> tuple[int, str] | None:
        nonlocal number
        if ahead:
            return ahead.popleft()
        raw = text.readline(LINE_CHARACTERS_MAX)
        number += 1
        return (number, raw.rstrip("\n")) if raw else None

    while (entry := following()) is not None:
        line, content = entry
        if not content.strip(header.delimiter + ' "\t'):
            continue
        cells, complete = _split(content, header.delimiter)
        if not complete:
            taken: list[tuple[int, str]] = []
            while not complete and len(taken) < JOINED_LINES_MAX - 1 and (more := following()) is not None:
                taken.append(more)
                content = f"{content}\n{more[1]}"
                cells, complete = _split(content, header.delimiter)
            if not complete or len(cells) != width:
                ahead.extendleft(reversed(taken))  # the broken row is this line alone; the next ones may be good
                yield Fault(line, "", "expected every quoted cell to end", content[:80])
                continue
        yield _row(line, cells, width)


def _row(line: int, cells: list[str], width: int) -> tuple[int, list[str]] | Fault:
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        cells = cells[:width]
    if len(cells) != width:
        return Fault(line, "", f"expected {width} cells, seen {len(cells)}", (cells[0] if cells else "")[:80])
    for cell in cells:
        if "\x00" in cell or "�" in cell:
            return Fault(line, "", "expected readable characters", cell[:80])
    return line, cells


def _split(content: str, delimiter: str) -> tuple[list[str], bool]:
    """The cells of one line, and whether every quoted one ended. Quotes inside an unquoted cell are plain text."""
    try:
        cells = next(csv.reader([f"{content}{delimiter}{_END}"], delimiter=delimiter))
    except csv.Error:
        return [], False
    complete = cells[-1] == _END
    if complete:
        cells.pop()
    return ([cell.replace('""', '"') for cell in cells] if '""' in content else cells), complete
