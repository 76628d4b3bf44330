"""What schools' plans say, by field, from a file: the platform they will use, their device model, their identity.

Pure. Called by the command `directory plan`. A cell is a code; words about people or places have no place here, and an
empty cell says that the plan says nothing, which is not the same as no.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from schemas.model import Code
from services.directory.tabular import Fault, find_header, open_text, plain, probe, rows
from services.kit.outcome import PermanentError

KEY = "school"
FIELDS_MAX = 20
"""Fields of a plan. Our judgement, 2026-11-25."""
_CODE = TypeAdapter[str](Code)


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One school's plan, the school still as the file names it."""

    line: int
    school: str
    fields: tuple[tuple[str, str | None], ...]
    """Each column of the file. None: the plan says nothing of it."""


def read_plans(path: Path) -> Iterator[PlanRow | Fault]:
    """Every row of a file with the column `school` and one column a field. Blocks.

    Raises PermanentError for a header that can't be read so.
    """
    source = probe(path)
    with open_text(source) as text:
        header = find_header(text, (KEY,))
        if header is None:
            raise PermanentError(f"{path}: expected a header with school and the plan's fields, seen none")
        fields = [name.strip() for name in header.names if plain(name) != KEY]
        odd = [name for name in fields if not _is_code(name)]
        if odd or not 0 < len(fields) <= FIELDS_MAX:
            raise PermanentError(
                f"{path}: expected 1 to {FIELDS_MAX} fields in lower-case words joined by hyphens, such as platform or "
                f"device-model, seen {', '.join(odd or fields) or 'none'}"
            )
        places = {name: header.names.index(name) for name in header.names}
        for entry in rows(text, header):
            yield entry if isinstance(entry, Fault) else _row(entry[0], entry[1], places, fields)


def _row(line: int, cells: list[str], places: dict[str, int], fields: list[str]) -> PlanRow | Fault:
    by_name = {name: cells[place].strip() for name, place in places.items()}
    school = next(value for name, value in by_name.items() if plain(name) == KEY)
    if not school:
        return Fault(line, KEY, "expected an id or a name")
    found: list[tuple[str, str | None]] = []
    for name in fields:
        value = by_name[name]
        if value and not _is_code(value):
            return Fault(line, name, "expected a code: lower-case words joined by hyphens", value[:80])
        found.append((name, value or None))
    return PlanRow(line, school, tuple(found))


def _is_code(text: str) -> bool:
    try:
        _CODE.validate_python(text)
    except ValidationError:
        return False
    return True


def merged(before: tuple[tuple[str, str], ...], row: PlanRow) -> tuple[tuple[str, str], ...]:
    """A school's plan after a row: its columns replace, a column the file does not have stays."""
    after = dict(before)
    for name, value in row.fields:
        after.pop(name, None)
        if value is not None:
            after[name] = value
    return tuple(sorted(after.items()))
