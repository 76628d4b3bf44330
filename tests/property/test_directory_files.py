"""Laws of the import, for any order of rows and columns and any bytes."""

import csv
import io
import random
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.nces import Parsed, read_file
from services.directory.reconcile import Known, KnownSchool, Reconciliation
from services.kit.outcome import PermanentError

NAMES = st.text(
    alphabet=st.characters(categories=("L", "N"), include_characters=" .'&\",-–"), min_size=1, max_size=30
).filter(
    lambda text: any(character.isalnum() for character in text) and len(text.split()) > 0 and len(text.strip()) > 3
)
COUNTS = st.one_of(st.integers(0, 3000).map(lambda n: f"{n}.00000"), st.sampled_from(["†", "–", "-1", ""]))
HEADER = ["NCESSCH", "SCH_NAME", "LEAID", "LEA_NAME", "STUDENTS", "SY_STATUS_TEXT", "ST_SCHID"]


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    # Few numbers: schools that share their last five digits are the hard case.
    pairs = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), min_size=1, max_size=12, unique=True))
    rows = []
    for area, number in pairs:
        district = f"53{area:05}"
        status = draw(st.sampled_from(["Open", "Closed", "New", "Future", "Reopened", "Inactive"]))
        name = " ".join(draw(NAMES).replace('"', "'").split())
        rows.append([f"{district}{number:05}", name, district, f"District {district}", draw(COUNTS), status, ""])
    return rows


def parsed(rows: list[list[str]], order: list[int], name: str = "file.csv") -> Parsed:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([[row[place] for place in order] for row in [HEADER, *rows]])
    with TemporaryDirectory(prefix="directory-test-") as folder:
        path = Path(folder) / name
        path.write_text(text.getvalue(), "utf-8")
        return read_file(path)


def known_after(known: Known, *files: Parsed) -> Known:
    outcome = Reconciliation(known).take(files)
    return Known(known.schools | outcome.schools, known.districts | outcome.districts, dict(known.ids))


def picture(known: Known) -> dict[str, KnownSchool]:
    return dict(sorted(known.schools.items()))


@settings(deadline=None, max_examples=40)
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_means_nothing(rows: list[list[str]], dice: random.Random) -> None:
    plain = list(range(len(HEADER)))
    turned, shuffled = plain[:], rows[:]
    dice.shuffle(turned)
    dice.shuffle(shuffled)
    one, other = (known_after(Known(), parsed(*form)) for form in ((rows, plain), (shuffled, turned)))
    assert picture(one) == picture(other)


@settings(deadline=None, max_examples=40)
@given(tables())
def test_every_row_lands_or_is_named_and_a_repeat_changes_nothing(rows: list[list[str]]) -> None:
    file = parsed(rows, list(range(len(HEADER))))
    known = Known()
    outcome = Reconciliation(known).take([file])
    counts, faults = outcome.school_counts, sum(len(found) for found in outcome.faults.values())
    assert counts.created + counts.changed + counts.moved + counts.unchanged + counts.former + faults == len(rows)
    stored = Known(known.schools | outcome.schools, known.districts | outcome.districts, dict(known.ids))
    again = Reconciliation(stored).take([file])
    assert not again.schools
    assert not again.aliases


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_crash_the_reader(content: bytes, headed: bool) -> None:
    with TemporaryDirectory(prefix="directory-test-") as folder:
        path = Path(folder) / "any.csv"
        path.write_bytes((",".join(HEADER).encode() + b"\n" if headed else b"") + content)
        try:
            file = read_file(path)
        except PermanentError:
            return
        assert all(fault.reason and fault.line > 1 for fault in file.faults)
        assert not [school for school in file.schools if len(school.nces_id) != 12]
