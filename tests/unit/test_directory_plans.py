"""A file of schools' plans: codes land, words do not, and a silent cell is silence."""

from pathlib import Path

import pytest

from services.directory.plans import PlanRow, merged, read_plans
from services.directory.tabular import Fault
from services.kit.outcome import PermanentError


def read(folder: Path, text: str) -> list[PlanRow | Fault]:
    file = folder / "plans.csv"
    file.write_text(text, "utf-8")
    return list(read_plans(file))


def test_good_rows_land_beside_bad_ones_which_are_named_with_their_place(tmp_path: Path) -> None:
    good, words, empty = read(
        tmp_path, 'school,platform,device-model\nAdna,chromebook,cb11\nBoys,"Mr Smith\'s own",cb11\n,chromebook,\n'
    )
    assert good == PlanRow(2, "Adna", (("platform", "chromebook"), ("device-model", "cb11")))
    assert isinstance(words, Fault)
    assert (words.line, words.column) == (3, "platform")
    assert isinstance(empty, Fault)
    assert (empty.line, empty.column) == (4, "school")


@pytest.mark.parametrize("header", ["school,Platform Name", "name,platform", "school,Ünit"])
def test_a_header_that_names_no_fields_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(PermanentError, match="expected"):
        read(tmp_path, f"{header}\nAdna,chromebook\n")


def test_a_column_that_is_not_there_stays_and_an_empty_cell_takes_a_field_away() -> None:
    before = (("identity", "google-workspace"), ("platform", "chromebook"))
    row = PlanRow(2, "Adna", (("platform", None), ("device-model", "cb11")))
    assert merged(before, row) == (("device-model", "cb11"), ("identity", "google-workspace"))
