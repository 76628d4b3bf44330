"""What becomes of schools when files say something new."""

from dataclasses import replace
from pathlib import Path

from schemas.school import SchoolLevel, SchoolStatus, mint_id
from services.directory.nces import DistrictRow, Parsed, SchoolRow
from services.directory.reconcile import Known, Outcome, Reconciliation
from services.directory.tabular import Source

ALL = frozenset({"level", "students", "teachers"})
OPEN, CLOSED, FUTURE = SchoolStatus.OPEN, SchoolStatus.CLOSED, SchoolStatus.FUTURE


def row(
    nces_id: str, *, line: int = 2, name: str = "A School", status: SchoolStatus = OPEN, **more: object
) -> SchoolRow:
    made = SchoolRow(
        line,
        nces_id,
        nces_id[:7],
        "WA",
        name,
        f"District {nces_id[:7]}",
        None,
        None,
        status,
        SchoolLevel.MIDDLE,
        100,
        5.0,
    )
    return made._replace(**more)  # type: ignore[arg-type]


def schools(*rows: SchoolRow, carries: frozenset[str] = ALL) -> Parsed:
    return Parsed(Source(Path("schools.csv"), "sha256:s", "utf-8-sig"), "schools", carries, schools=list(rows))


def districts(*rows: DistrictRow) -> Parsed:
    return Parsed(Source(Path("districts.csv"), "sha256:d", "utf-8-sig"), "districts", ALL, districts=list(rows))


def district(nces_id: str, name: str) -> DistrictRow:
    return DistrictRow(2, nces_id, "WA", name, None, OPEN)


def after(known: Known, *files: Parsed) -> tuple[Known, Outcome]:
    """What is known once an import is written, and its outcome."""
    outcome = Reconciliation(known).take(files)
    stored = Known(known.schools | outcome.schools, known.districts | outcome.districts, dict(known.ids))
    return stored, outcome


def test_a_school_is_minted_from_its_first_id_and_keeps_it_when_it_moves() -> None:
    known, first = after(Known(), schools(row("530000100001")))
    (school_id,) = first.schools
    assert school_id == mint_id("nces", "530000100001")
    known, second = after(known, schools(row("530000200001")))
    (moved,) = second.schools.values()
    assert (moved.school_id, moved.nces_id, moved.version) == (school_id, "530000200001", 2)
    assert moved.district_id == mint_id("nces", "5300002")
    assert second.school_counts.moved == 1
    ids = [(change.identifier, change.begins) for change in second.aliases if change.kind == "school"]
    assert ids == [("530000100001", False), ("530000200001", True)]


def test_a_school_that_moves_back_takes_up_its_former_id() -> None:
    known, _ = after(Known(), schools(row("530000100001")))
    known, _ = after(known, schools(row("530000200001")))
    known, outcome = after(known, schools(row("530000100001")))
    assert [school.nces_id for school in known.schools.values()] == ["530000100001"]
    assert outcome.school_counts.moved == 1


def test_the_closed_row_of_a_moved_school_is_its_former_id() -> None:
    file = schools(row("530000200001", line=2), row("530000100001", line=3, status=CLOSED))
    known, _ = after(Known(), file)
    (school,) = known.schools.values()
    assert school.school_id == mint_id("nces", "530000100001")
    assert (school.nces_id, school.status) == ("530000200001", OPEN)
    known, again = after(known, file)
    assert not again.schools
    assert (again.school_counts.former, again.school_counts.unchanged) == (1, 1)


def test_a_new_id_that_fits_two_schools_is_a_collision_and_does_not_land() -> None:
    known, _ = after(Known(), schools(row("530000100001"), row("530000200001", line=3)))
    known, outcome = after(known, schools(row("530000300001")))
    assert not outcome.schools
    (fault,) = outcome.faults["schools.csv"]
    assert "530000100001, 530000200001" in fault.reason


def test_two_open_schools_with_the_same_last_digits_stay_two_and_are_named() -> None:
    known, outcome = after(Known(), schools(row("530000100001"), row("530000200001", line=3)))
    assert len(known.schools) == 2
    assert "shares its last five digits" in outcome.notes[0]


def test_the_same_file_twice_changes_nothing() -> None:
    files = (schools(row("530000100001"), row("530000100002", line=3)), districts(district("5300001", "One")))
    known, _ = after(Known(), *files)
    _, again = after(known, *files)
    assert not again.schools
    assert not again.districts
    assert not again.aliases
    assert (again.school_counts.unchanged, again.district_counts.unchanged) == (2, 1)


def test_a_schools_file_alone_makes_its_districts_and_a_districts_file_names_them_better() -> None:
    known, first = after(Known(), schools(row("530000100001", district_name="One S.D.")))
    assert [d.name for d in first.districts.values()] == ["One S.D."]
    known, second = after(known, districts(district("5300001", "One School District")))
    (named,) = known.districts.values()
    assert named.name == "One School District"
    assert [school.version for school in second.schools.values()] == [2], "a record shows its district's name"
    known, third = after(known, schools(row("530000100001", district_name="One S.D.")))
    assert not third.schools


def test_a_district_two_names_of_which_stand_in_one_file_settles() -> None:
    file = schools(row("530000100001", district_name="One"), row("530000100002", line=3, district_name="Uno"))
    known, _ = after(Known(), file)
    _, again = after(known, file)
    assert not again.districts
    assert not again.schools


def test_an_absent_column_leaves_what_is_known_and_an_absent_value_does_not() -> None:
    known, _ = after(Known(), schools(row("530000100001")))
    bare = row("530000100001", students=None, teachers=None, level=SchoolLevel.OTHER)
    known, nothing = after(known, schools(bare, carries=frozenset()))
    assert not nothing.schools
    known, cleared = after(known, schools(bare, carries=ALL))
    (school,) = cleared.schools.values()
    assert (school.students, school.teachers) == (None, None)


def test_closed_future_and_reopened_schools_change_their_status() -> None:
    known, _ = after(Known(), schools(row("530000100001", status=FUTURE)))
    for status, version in ((OPEN, 2), (CLOSED, 3), (OPEN, 4)):
        known, outcome = after(known, schools(row("530000100001", status=status)))
        (school,) = outcome.schools.values()
        assert (school.status, school.version) == (status, version)


def test_an_id_that_stands_twice_is_named_and_the_first_stands() -> None:
    known, outcome = after(Known(), schools(row("530000100001"), row("530000100001", line=3, name="Another")))
    assert [school.name for school in known.schools.values()] == ["A School"]
    assert [fault.line for fault in outcome.faults["schools.csv"]] == [3]


def test_a_school_the_file_does_not_name_stays_and_is_counted() -> None:
    known, _ = after(Known(), schools(row("530000100001"), row("530000100002", line=3)))
    _, outcome = after(known, schools(row("530000100001")))
    assert not outcome.schools
    assert outcome.unmentioned_count == 1


def test_a_state_id_that_changes_ends_and_begins() -> None:
    known, _ = after(Known(), schools(row("530000100001", state_school_id="WA-1")))
    _, outcome = after(known, schools(row("530000100001", state_school_id="WA-2")))
    assert [(c.id_system, c.identifier, c.begins) for c in outcome.aliases] == [
        ("state-wa", "WA-1", False),
        ("state-wa", "WA-2", True),
    ]


def test_a_school_that_changes_agency_under_the_same_id_moves() -> None:
    known, _ = after(Known(), schools(row("530000100001")))
    changed = replace(next(iter(known.schools.values())))
    known, outcome = after(known, schools(row("530000100001", district_nces_id="5300009")))
    (school,) = outcome.schools.values()
    assert school.district_id != changed.district_id
    assert outcome.school_counts.moved == 1
