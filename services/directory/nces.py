"""Reads the two public layouts of NCES: the search tool's export and the Common Core of Data's directory (029).

Pure apart from reading the file; called by the import. Columns are found by header name, in any order. A row that
cannot be read is a fault with line, column and reason; the rows beside it stand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from schemas.school import SchoolLevel, SchoolStatus
from services.directory import cells
from services.directory.cells import CellError
from services.directory.tabular import Fault, Header, Source, find_header, open_text, probe, rows
from services.kit.outcome import PermanentError

T = TypeVar("T")
SCHOOL_DIGITS, DISTRICT_DIGITS = 12, 7
_SCHOOL_KEYS = ("nces school id", "ncessch", "school id - nces assigned")
_DISTRICT_KEYS = ("nces district id", "leaid", "agency id - nces assigned")
_OTHER_FILES = ("student count", "staff count", "total indicator", "lunch program")

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "school": _SCHOOL_KEYS,
    "district": _DISTRICT_KEYS,
    "school_name": ("school name", "sch name"),
    "district_name": ("district name", "district", "lea name", "agency name"),
    "state_school": ("state school id", "st schid", "school id - state assigned", "seasch"),
    "state_district": ("state district id", "st leaid", "agency id - state assigned", "state leaid"),
    "state": ("st",),  # not the search tool's `State` nor LSTATE: those are addresses
    "low": ("low grade", "gslo", "lowest grade offered"),
    "high": ("high grade", "gshi", "highest grade offered"),
    "level": ("level", "school level"),
    "students": ("students", "total students", "enrollment", "total students all grades (excludes ae)"),
    "teachers": ("teachers", "full-time equivalent (fte) teachers", "teachers fte"),
}
_STATUS_COLUMNS = (
    "updated status text", "updated status", "sy status text", "sy status", "status", "school status", "lea status",
    "updated status text", "start of year status",
)  # fmt: skip


class SchoolRow(NamedTuple):
    """One school as one file has it."""

    line: int
    nces_id: str
    district_nces_id: str
    state: str
    name: str
    district_name: str | None
    """None: the file gives none."""
    state_school_id: str | None
    state_district_id: str | None
    status: SchoolStatus
    level: SchoolLevel
    students: int | None
    teachers: float | None


class DistrictRow(NamedTuple):
    """One district as one file has it."""

    line: int
    nces_id: str
    state: str
    name: str
    state_district_id: str | None
    status: SchoolStatus


@dataclass(slots=True)
class Parsed:
    """What one file says, faults included."""

    source: Source
    kind: str
    """`schools` or `districts`."""
    carries: frozenset[str]
    """Of level, students and teachers, those the file has a column for: an absent column leaves what is known."""
    schools: list[SchoolRow] = field(default_factory=list)
    districts: list[DistrictRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def rows_count(self) -> int:
        """Rows of the file, those at fault included."""
        return len(self.schools) + len(self.districts) + len(self.faults)


class _Columns:
    """Finds the cells of a row by what they mean."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._places: dict[str, int] = {}
        for meaning, names in _COLUMNS.items():
            place = next((header.places[name] for name in names if name in header.places), None)
            if place is not None:
                self._places[meaning] = place
        self.statuses = [header.places[name] for name in _STATUS_COLUMNS if name in header.places]

    def has(self, meaning: str) -> bool:
        return meaning in self._places

    def name_of(self, meaning: str) -> str:
        place = self._places.get(meaning)
        return meaning if place is None else self._header.names[place]

    def cell(self, row: Sequence[str], meaning: str) -> str:
        place = self._places.get(meaning)
        return "" if place is None else row[place]

    def read(self, row: Sequence[str], meaning: str, reader: Callable[[str], T]) -> T:
        """The cell through its reader. Raises _RowError with the column's own name."""
        cell = self.cell(row, meaning)
        try:
            return reader(cell)
        except CellError as error:
            raise _RowError(self.name_of(meaning), str(error), cell) from error

    def status(self, row: Sequence[str]) -> SchoolStatus:
        """The newest status the row states: a later update before the start of the year."""
        place = next((place for place in self.statuses if cells.text(row[place]) is not None), None)
        if place is None and not self.statuses:
            return SchoolStatus.OPEN
        cell = "" if place is None else row[place]
        try:
            return cells.status(cell)
        except CellError as error:
            column = self._header.names[self.statuses[0] if place is None else place]
            raise _RowError(column, str(error), cell) from error


class _RowError(Exception):
    def __init__(self, column: str, reason: str, seen: str) -> None:
        super().__init__(reason)
        self.column, self.reason, self.seen = column, reason, seen


def read_file(path: Path) -> Parsed:
    """Every row of a file, good or at fault. Blocks; raises PermanentError when it is no directory file at all."""
    source = probe(path)
    with open_text(source) as text:
        header = find_header(text, (*_SCHOOL_KEYS, *_DISTRICT_KEYS))
        if header is None:
            raise PermanentError(
                f"{path}: expected a header with a column NCES School ID, NCESSCH, NCES District ID or LEAID in its first "
                "lines, seen none; export the directory from NCES again"
            )
        columns = _Columns(header)
        parsed = _begin(path, source, columns, header)
        if source.encoding != "utf-8-sig":
            parsed.notes.append(f"read as {source.encoding}, since it is not UTF-8")
        if not columns.statuses:
            parsed.notes.append("no status column: every row is taken as open")
        for entry in rows(text, header):
            if isinstance(entry, Fault):
                parsed.faults.append(entry)
                continue
            try:
                if parsed.kind == "schools":
                    parsed.schools.append(_school(columns, *entry))
                else:
                    parsed.districts.append(_district(columns, *entry))
            except _RowError as error:
                parsed.faults.append(Fault(entry[0], error.column, error.reason, error.seen[:80]))
    return parsed


def _begin(path: Path, source: Source, columns: _Columns, header: Header) -> Parsed:
    other = [name for name in _OTHER_FILES if name in header.places]
    if other:
        raise PermanentError(f"{path}: expected the directory file (029), seen a column {other[0]!r} of another one")
    kind = "schools" if columns.has("school") else "districts"
    wanted = ("school", "school_name") if kind == "schools" else ("district", "district_name")
    absent = [meaning for meaning in wanted if not columns.has(meaning)]
    if absent:
        names = " or ".join(_COLUMNS[absent[0]])
        raise PermanentError(f"{path}: expected a column {names}, seen {', '.join(header.names)[:300]}")
    carried = {meaning for meaning in ("students", "teachers") if columns.has(meaning)}
    if columns.has("level") or (columns.has("low") and columns.has("high")):
        carried.add("level")
    return Parsed(source, kind, frozenset(carried))


def _school(columns: _Columns, line: int, row: Sequence[str]) -> SchoolRow:
    nces_id = columns.read(row, "school", lambda cell: cells.identifier(cell, SCHOOL_DIGITS))
    district = nces_id[:DISTRICT_DIGITS]
    if columns.has("district"):
        district = columns.read(row, "district", lambda cell: cells.identifier(cell, DISTRICT_DIGITS))
    named = columns.has("district_name") and cells.text(columns.cell(row, "district_name")) is not None
    low, high = cells.text(columns.cell(row, "low")), cells.text(columns.cell(row, "high"))
    stated = cells.level(columns.cell(row, "level"))
    return SchoolRow(
        line,
        nces_id,
        district,
        _state(columns, row, nces_id),
        columns.read(row, "school_name", cells.name),
        columns.read(row, "district_name", cells.name) if named else None,
        columns.read(row, "state_school", _state_id),
        columns.read(row, "state_district", _state_id),
        columns.status(row),
        stated or cells.level_of_grades(low, high),
        columns.read(row, "students", cells.whole),
        columns.read(row, "teachers", cells.count),
    )


def _district(columns: _Columns, line: int, row: Sequence[str]) -> DistrictRow:
    nces_id = columns.read(row, "district", lambda cell: cells.identifier(cell, DISTRICT_DIGITS))
    return DistrictRow(
        line,
        nces_id,
        _state(columns, row, nces_id),
        columns.read(row, "district_name", cells.name),
        columns.read(row, "state_district", _state_id),
        columns.status(row),
    )


def _state(columns: _Columns, row: Sequence[str], nces_id: str) -> str:
    return columns.read(row, "state", lambda cell: cells.state_of(nces_id, cells.text(cell)))


def _state_id(cell: str) -> str | None:
    content = cells.text(cell)
    if content is None or (content.startswith("-") and content[1:].isdigit()):
        return None
    if len(content) > 40 or not content.isprintable():
        raise CellError("expected a state's id of at most 40 characters")
    return content
