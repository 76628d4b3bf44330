"""Cells of federal school files: ids, counts, grades, statuses. Pure; called by `services.directory.nces`.

Nothing is guessed: a cell is a value, a known sign of absence (None), or a `CellError` that becomes a row's fault.
"""

import re

from schemas.school import SchoolLevel, SchoolStatus

ABSENT = frozenset(
    {"", "†", "‡", "–", "—", "-", "--", "−", ".", "n/a", "na", "m", "n", "missing", "not applicable", "not reported",
     "not available", "null", "none"}
)  # fmt: skip
"""What federal files write for "not applicable", "missing" and "suppressed". Negative codes are absent as well."""
NAME_CHARACTERS_MAX = 120
COUNT_MAX = 1_000_000
"""People in one school: beyond it the cell is an error, not a school. Our judgement, 2026-11-23."""

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,12})?")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_FORMULA = re.compile(r'="(.*)"')
_FIPS = (
    "01AL 02AK 04AZ 05AR 06CA 08CO 09CT 10DE 11DC 12FL 13GA 15HI 16ID 17IL 18IN 19IA 20KS 21KY 22LA 23ME 24MD 25MA 26MI "
    "27MN 28MS 29MO 30MT 31NE 32NV 33NH 34NJ 35NM 36NY 37NC 38ND 39OH 40OK 41OR 42PA 44RI 45SC 46SD 47TN 48TX 49UT "
    "50VT 51VA 53WA 54WV 55WI 56WY 58DD 59BI 60AS 61DD 63DD 64FM 66GU 68MH 69MP 70PW 72PR 78VI"
)
STATE_OF_FIPS = {code[:2]: code[2:] for code in _FIPS.split()}
"""State by the first two digits of every NCES id; DD is the Department of Defense's schools, BI the Bureau of Indian
Education's."""

_STATUS = {
    **dict.fromkeys(
        ("1", "open", "operational", "currently operational", "3", "new", "4", "added", "8", "reopened"),
        SchoolStatus.OPEN,
    ),
    **dict.fromkeys(
        ("5", "changed boundary/agency", "changed agency", "changed boundary", "changed"), SchoolStatus.OPEN
    ),
    **dict.fromkeys(("2", "closed", "6", "inactive", "temporarily closed"), SchoolStatus.CLOSED),
    **dict.fromkeys(("7", "future", "to be opened", "scheduled"), SchoolStatus.FUTURE),
}
_LEVEL = {
    "elementary": SchoolLevel.ELEMENTARY, "primary": SchoolLevel.ELEMENTARY, "prekindergarten": SchoolLevel.ELEMENTARY,
    "middle": SchoolLevel.MIDDLE, "high": SchoolLevel.HIGH, "secondary": SchoolLevel.HIGH,
    "other": SchoolLevel.OTHER, "ungraded": SchoolLevel.OTHER, "adult education": SchoolLevel.OTHER,
}  # fmt: skip
_GRADE = {"pk": -1, "kg": 0, "k": 0, "p": -1, **{str(n): n for n in range(1, 14)}, **{f"{n:02}": n for n in range(10)}}


class CellError(ValueError):
    """A cell that is neither a value nor a sign of absence. The message says what was expected."""


def text(cell: str) -> str | None:
    """The cell's text with single blanks; None for a sign of absence. A spreadsheet's `="0123"` is 0123."""
    wrapped = _FORMULA.fullmatch(cell.strip())
    content = " ".join((wrapped.group(1) if wrapped else cell).split())
    return None if content.casefold() in ABSENT else content


def name(cell: str) -> str:
    """A public name. Raises CellError when it is absent, too long, or holds control characters."""
    content = text(cell)
    if content is None or (content.startswith("-") and content[1:].isdigit()):
        raise CellError("expected a name")
    if len(content) > NAME_CHARACTERS_MAX or not content.isprintable():
        raise CellError(f"expected a name of at most {NAME_CHARACTERS_MAX} printable characters")
    return content


def identifier(cell: str, digits: int) -> str:
    """An NCES id as text. Raises CellError when it has not the digits: a lost leading zero is not put back by guess."""
    content = text(cell) or ""
    if len(content) == digits and content.isascii() and content.isdigit():
        return content
    if content.isdigit() and len(content) == digits - 1:
        raise CellError(
            f"expected {digits} digits; a spreadsheet may have dropped the leading zero: export ids as text"
        )
    raise CellError(f"expected {digits} digits")


def count(cell: str) -> float | None:
    """People counted. None: absent, a negative code, or a zero, by which these files mean "none listed".

    Raises CellError for anything that is no plain decimal number.
    """
    content = text(cell)
    if content is None:
        return None
    if _THOUSANDS.fullmatch(content):
        content = content.replace(",", "")
    if not content.isascii() or not _NUMBER.fullmatch(content):
        raise CellError("expected a decimal number or a sign of absence")
    value = float(content)
    if value > COUNT_MAX:
        raise CellError(f"expected at most {COUNT_MAX}")
    return value if value > 0 else None


def whole(cell: str) -> int | None:
    """As `count`, without a fraction. Raises CellError for half a person."""
    value = count(cell)
    if value is not None and value != int(value):
        raise CellError("expected a whole number")
    return None if value is None else int(value)


def status(cell: str) -> SchoolStatus:
    """Whether a school takes part. Raises CellError for a word nobody declared: unknown is not open."""
    content = re.sub(r"^[1-8] ?- ?", "", (text(cell) or "").casefold())  # `1-Open` in table exports
    if content not in _STATUS:
        raise CellError("expected one of open, new, added, reopened, changed, closed, inactive, future")
    return _STATUS[content]


def level(cell: str) -> SchoolLevel | None:
    """The level the file states; None when it states none it can be sure of."""
    return _LEVEL.get((text(cell) or "").casefold().removesuffix(" school"))


def level_of_grades(low: str | None, high: str | None) -> SchoolLevel:
    """The level by lowest and highest grade, as the Common Core of Data drew it until 2017; OTHER when unclear.

    Elementary begins by grade 3 and ends by 8; middle begins at 4-7 and ends by 9; high begins at 7-12 and ends at 12.
    """
    first, last = _GRADE.get((low or "").casefold()), _GRADE.get((high or "").casefold())
    if first is None or last is None or first > last:
        return SchoolLevel.OTHER
    if first <= 3 and last <= 8:
        return SchoolLevel.ELEMENTARY
    if 4 <= first <= 7 and last <= 9:
        return SchoolLevel.MIDDLE
    if first >= 7 and last >= 12:
        return SchoolLevel.HIGH
    return SchoolLevel.OTHER


def state_of(nces_id: str, stated: str | None) -> str:
    """The state of an NCES id, by its first two digits. Raises CellError when they name none, or another than stated.

    `stated` is a two-letter column beside it; None when the file has no such column. An address's state does not serve:
    some schools lie across the border.
    """
    by_id = STATE_OF_FIPS.get(nces_id[:2])
    if by_id is None:
        raise CellError(f"expected a state's code in the first two digits of {nces_id}")
    if stated is not None and stated.upper() not in (by_id, "BIE" if by_id == "BI" else by_id):
        raise CellError(f"expected {by_id}, the state of {nces_id}")
    return by_id
