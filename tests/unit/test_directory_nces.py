"""The two layouts of NCES, as they come: what lands, what is named."""

from pathlib import Path

import pytest

from schemas.school import SchoolLevel, SchoolStatus
from services.directory import cells
from services.directory.nces import Parsed, read_file
from services.kit.outcome import PermanentError

DATA = Path(__file__).parents[2] / "deploy" / "data" / "nces"
SEARCH = (
    "NCES School ID,State School ID,NCES District ID,State District ID,Low Grade*,High Grade*,School Name,District,"
)
SEARCH += "State,Students*,Teachers*,Status\n"
ROW = "530486002475,WA-31025-1656,5304860,WA-31025,06,08,10th Street School,Marysville,WA,159.00000,6.50000,Open\n"
CCD = "SCHOOL_YEAR,ST,SCH_NAME,LEA_NAME,NCESSCH,LEAID,ST_SCHID,ST_LEAID,SY_STATUS_TEXT,"
CCD += "UPDATED_STATUS_TEXT,LEVEL,GSLO,GSHI,LSTATE\n"


def parse(tmp_path: Path, text: str | bytes, name: str = "file.csv") -> Parsed:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_file(path)


def test_all_of_washington_lands() -> None:
    schools, districts = read_file(DATA / "washington_schools.csv"), read_file(DATA / "washington_districts.csv")
    assert (len(schools.schools), len(districts.districts)) == (2553, 342)
    assert not schools.faults
    assert not districts.faults


def test_an_unlisted_count_is_none_and_never_zero() -> None:
    schools = read_file(DATA / "washington_schools.csv").schools
    no_teachers = [row for row in schools if row.teachers is None]
    assert sum(row.students is None for row in schools) == 105
    assert len(no_teachers) == 304
    assert sum(row.students is not None for row in no_teachers) == 204
    assert not [row for row in schools if row.students == 0 or row.teachers == 0]


def test_the_search_tools_export_is_read_by_name(tmp_path: Path) -> None:
    (row,) = parse(tmp_path, SEARCH + ROW).schools
    assert row.nces_id == "530486002475"
    assert row.district_nces_id == "5304860"
    assert (row.state, row.students, row.teachers) == ("WA", 159, 6.5)
    assert (row.level, row.status, row.state_school_id) == (SchoolLevel.MIDDLE, SchoolStatus.OPEN, "WA-31025-1656")


@pytest.mark.parametrize("form", ["bom", "crlf", "cr", "utf-16", "tabs", "titles", "quoted"])
def test_every_form_of_the_same_file_reads_alike(tmp_path: Path, form: str) -> None:
    plain = SEARCH + ROW
    forms = {
        "bom": b"\xef\xbb\xbf" + plain.encode(),
        "crlf": plain.replace("\n", "\r\n").encode(),
        "cr": plain.replace("\n", "\r").encode(),
        "utf-16": plain.encode("utf-16"),
        "tabs": plain.replace(",", "\t").encode(),
        "titles": b"Public schools\n\n" + plain.encode(),
        "quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in plain.splitlines()).encode(),
    }
    expected = parse(tmp_path, plain).schools[0]
    (seen,) = parse(tmp_path, forms[form], "form.csv").schools
    assert seen._replace(line=expected.line) == expected


def test_columns_in_any_order_read_alike(tmp_path: Path) -> None:
    turned = "\n".join(",".join(reversed(line.split(","))) for line in (SEARCH + ROW).splitlines())
    assert parse(tmp_path, turned).schools == parse(tmp_path, SEARCH + ROW).schools


def test_the_common_core_of_data_is_read_by_name(tmp_path: Path) -> None:
    lines = (
        '2025-2026,AL,Albert ""Tiger"" Middle,Albert City,010000500870,0100005,AL-101-0010,AL-101,Open,,Middle,07,08,TN',
        "2025-2026,AL,Closed School,Albertville City,010000500871,0100005,AL-101-0020,AL-101,Open,Closed,High,09,12,AL",
        "2025-2026,AL,Coming School,Albertville City,010000500872,0100005,-1,-1,Future,,Not reported,M,M,AL",
    )
    parsed = parse(tmp_path, CCD + "\n".join(lines))
    first, second, third = parsed.schools
    assert first.name == 'Albert "Tiger" Middle'
    assert (first.nces_id, first.state) == ("010000500870", "AL")
    assert (first.students, first.teachers) == (None, None)
    assert parsed.carries == frozenset({"level"})
    assert second.status is SchoolStatus.CLOSED
    assert (third.status, third.level, third.state_school_id) == (SchoolStatus.FUTURE, SchoolLevel.OTHER, None)


@pytest.mark.parametrize("absent", ["†", "–", "‡", "-1", "-2", "", "0.00000", "N/A"])
def test_signs_of_absence_are_none(absent: str) -> None:
    assert cells.count(absent) is None


@pytest.mark.parametrize("wrong", ["nan", "inf", "1e3", "12a", "1.2.3", "٣", "99999999"])
def test_what_is_no_count_is_a_fault(wrong: str) -> None:
    with pytest.raises(cells.CellError):
        cells.count(wrong)


@pytest.mark.parametrize(
    ("word", "status"),
    [("Open", SchoolStatus.OPEN), ("1-Open", SchoolStatus.OPEN), ("Reopened", SchoolStatus.OPEN), ("5", SchoolStatus.OPEN),
     ("Closed", SchoolStatus.CLOSED), ("2", SchoolStatus.CLOSED), ("Inactive", SchoolStatus.CLOSED),
     ("Future", SchoolStatus.FUTURE)],
)  # fmt: skip
def test_every_status_of_nces_is_known(word: str, status: SchoolStatus) -> None:
    assert cells.status(word) is status


@pytest.mark.parametrize("word", ["", "†", "9", "Perhaps"])
def test_a_status_nobody_declared_is_a_fault_and_never_open(word: str) -> None:
    with pytest.raises(cells.CellError):
        cells.status(word)


@pytest.mark.parametrize(
    ("low", "high", "level"),
    [("PK", "05", SchoolLevel.ELEMENTARY), ("06", "08", SchoolLevel.MIDDLE), ("09", "12", SchoolLevel.HIGH),
     ("KG", "12", SchoolLevel.OTHER), ("UG", "UG", SchoolLevel.OTHER), ("12", "09", SchoolLevel.OTHER)],
)  # fmt: skip
def test_the_level_follows_the_grades(low: str, high: str, level: SchoolLevel) -> None:
    assert cells.level_of_grades(low, high) is level


def test_a_bad_row_is_named_and_the_good_ones_land(tmp_path: Path) -> None:
    rows = [
        ROW,
        ROW.replace("530486002475", "30486002475"),  # a leading zero lost
        ROW.replace("530486002475", "5.30486E+11"),
        ROW.replace("159.00000", "many"),
        ROW.replace(",Open", ",Perhaps"),
        ROW.replace("10th Street School", "†"),
        ROW.replace("530486002475", "990486002475"),
        "too,few,cells\n",
        ROW.replace("10th Street", "10th\x00Street"),
        '530486002476,"never ends,5304860\n',
        ROW.replace("530486002475", "530486002477"),
    ]
    parsed = parse(tmp_path, SEARCH + "".join(rows))
    assert [row.nces_id for row in parsed.schools] == ["530486002475", "530486002477"]
    assert [fault.line for fault in parsed.faults] == list(range(3, 12))
    columns = [fault.column for fault in parsed.faults]
    assert columns[:5] == ["NCES School ID", "NCES School ID", "Students*", "Status", "School Name"]
    assert "leading zero" in parsed.faults[0].reason
    assert parsed.faults[2].seen == "many"


def test_a_quoted_cell_may_hold_a_line_break(tmp_path: Path) -> None:
    parsed = parse(tmp_path, SEARCH + ROW.replace("10th Street School", '"10th Street\nSchool"') + ROW)
    assert [row.name for row in parsed.schools] == ["10th Street School"] * 2
    assert [row.line for row in parsed.schools] == [2, 4]


def test_an_older_encoding_is_read_and_said(tmp_path: Path) -> None:
    parsed = parse(tmp_path, (SEARCH + ROW.replace("10th Street", "Cañon")).replace("159.00000", "–").encode("cp1252"))
    assert parsed.schools[0].name == "Cañon School"
    assert parsed.schools[0].students is None
    assert "cp1252" in parsed.notes[0]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"name,size\n1,2\n", "header"),
        (b"NCESSCH,LEAID\n1,2\n", "sch name"),
        (b"NCESSCH,SCH_NAME,LEAID,STUDENT_COUNT\n1,2,3,4\n", "029"),
        (b"", "header"),
    ],
)
def test_what_is_no_directory_file_is_refused_whole(tmp_path: Path, content: bytes, word: str) -> None:
    with pytest.raises(PermanentError, match=word):
        parse(tmp_path, content)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="expected a readable file"):
        read_file(tmp_path / "absent.csv")
