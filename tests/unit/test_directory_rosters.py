"""Rosters hold opaque ids and nothing else."""

from datetime import date
from pathlib import Path

import pytest

from schemas.school import Role, SchoolLevel, SchoolStatus
from services.directory.reconcile import KnownDistrict, KnownSchool
from services.directory.rosters import RosterEntry, read_roster, stand_ins
from services.directory.tabular import Fault
from services.kit.outcome import PermanentError

HEADER = "actor_id,role,scope_kind,scope,active,valid_from,valid_until\n"


def read(tmp_path: Path, text: str) -> list[RosterEntry | Fault]:
    path = tmp_path / "roster.csv"
    path.write_text(text, "utf-8")
    return list(read_roster(path))


@pytest.mark.parametrize("column", ["name", "email", "givenName", "phone", "note"])
def test_a_column_of_people_is_refused_whole(tmp_path: Path, column: str) -> None:
    with pytest.raises(PermanentError, match=column):
        read(tmp_path, HEADER.strip() + f",{column}\nactor-1a,principal,school,530003000001,,,,x\n")


def test_a_role_is_held_from_its_first_day_to_its_last(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, HEADER + "actor-1a,principal,school,530003000001,,2026-09-01,2026-12-31\n")
    assert isinstance(entry, RosterEntry)
    days = (date(2026, 8, 31), date(2026, 9, 1), date(2026, 12, 31), date(2027, 1, 1))
    assert [entry.active_on(day) for day in days] == [False, True, True, False]


def test_a_role_that_ended_is_not_held(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, HEADER + "actor-1a,principal,school,530003000001,false,,\n")
    assert isinstance(entry, RosterEntry)
    assert not entry.active_on(date(2026, 9, 1))


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("Jane Doe,principal,school,530003000001,,,", "actor_id"),
        ("actor-1a,king,school,530003000001,,,", "role"),
        ("actor-1a,principal,planet,530003000001,,,", "scope_kind"),
        ("actor-1a,principal,school,,,,", "scope"),
        ("actor-1a,principal,school,530003000001,perhaps,,", "active"),
        ("actor-1a,principal,school,530003000001,,soon,", "valid_from"),
    ],
)
def test_a_bad_row_is_named_by_its_column(tmp_path: Path, line: str, column: str) -> None:
    good = "actor-1b,coach,school,530003000001,,,\n"
    fault, entry = read(tmp_path, HEADER + line + "\n" + good)
    assert isinstance(fault, Fault)
    assert (fault.line, fault.column) == (2, column)
    assert isinstance(entry, RosterEntry)


def test_a_refused_actor_id_is_not_repeated_since_it_may_be_a_name(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, HEADER + "Jane Doe,principal,school,530003000001,,,\n")
    assert isinstance(fault, Fault)
    assert "Jane" not in fault.words()


def test_stand_ins_fill_every_role_once_and_are_the_same_each_time() -> None:
    one = KnownDistrict("6f1c2a5e-54a4-5d8b-9a3e-0b1f8c0d7e11", "5300001", "WA", "One", SchoolStatus.OPEN, True)
    school = KnownSchool(
        "6f1c2a5e-54a4-5d8b-9a3e-0b1f8c0d7e12", "530000100001", one.district_id, "WA", "A School", SchoolStatus.OPEN,
        SchoolLevel.HIGH, 10, 1.0,
    )  # fmt: skip
    entries = stand_ins([one], [school])
    assert {entry.role for entry in entries} == set(Role)
    assert len({entry.actor_id for entry in entries}) == len(entries), "nobody signs in two roles"
    assert all(entry.stand_in for entry in entries)
    assert entries == stand_ins([one], [school])
