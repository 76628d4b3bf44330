"""OneRoster folders as they come: by header name, in either version, without a pupil's name."""

from pathlib import Path

import pytest

from schemas.school import Role
from services.directory.oneroster import OneRoster, read_folder
from services.kit.outcome import PermanentError
from tests.harness.oneroster import folder


def landed(found: OneRoster) -> list[tuple[str, Role, str, bool]]:
    return [(each.user.sourced_id, each.role, each.org.sourced_id, each.granted) for each in found.grants]


def test_good_rows_land_and_the_rest_are_told_by_line(tmp_path: Path) -> None:
    found = read_folder(folder(tmp_path))
    assert found.source == "adna-sis"
    assert landed(found) == [
        ("u1", Role.PRINCIPAL, "o1", True),
        ("u3", Role.DISTRICT_TECHNOLOGY, "d1", False),
        ("u4", Role.COACH, "o1", False),
    ]
    assert [(fault.line, fault.column) for fault in found.faults] == [
        (6, "roles.csv role"), (7, "roles.csv role"), (8, "roles.csv userSourcedId"), (9, "roles.csv beginDate"),
        (10, "roles.csv role"),
    ]  # fmt: skip
    assert found.unconcerned_count == 1
    first = found.grants[0]
    assert (str(first.valid_from), str(first.valid_until)) == ("2026-09-01", "2027-06-30")


def test_no_fault_says_who_somebody_is(tmp_path: Path) -> None:
    found = read_folder(folder(tmp_path, more_users="u5,active,,true,x,,Named,Somebody\n"))
    said = " ".join(fault.words() for fault in found.faults)
    assert "users.csv" in said
    assert not any(word in said for word in ("Wilhelmina", "Okonkwo", "Somebody", "Named", "adna.example"))


def test_roles_within_users_are_read_where_there_is_no_roles_file(tmp_path: Path) -> None:
    users = """sourcedId,status,enabledUser,orgSourcedIds,role,username,givenName,familyName,email,phone,sms
u1,active,true,"o1,d1",principal,wo,Wilhelmina,Okonkwo,,,
u2,active,true,o1,student,pt,Pupil,Tester,,,
"""
    found = read_folder(folder(tmp_path, users=users, roles=""))
    assert landed(found) == [("u1", Role.PRINCIPAL, "o1", True)]
    assert [fault.column for fault in found.faults] == ["users.csv role"], "no district has a principal"


def test_a_pupil_is_handed_on_nowhere(tmp_path: Path) -> None:
    assert "Pupil" not in repr(read_folder(folder(tmp_path)))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"orgs": ""}, "expected orgs.csv"),
        ({"users": "sourcedId,username\nu1,x\n"}, "missing givenname, familyname"),
        ({"manifest": ""}, "--source"),
    ],
)
def test_what_is_no_oneroster_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(PermanentError, match=message):
        read_folder(folder(tmp_path, **files))


def test_the_source_may_be_named(tmp_path: Path) -> None:
    assert read_folder(folder(tmp_path, manifest=""), "mine").source == "mine"
