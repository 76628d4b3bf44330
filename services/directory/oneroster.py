"""A folder of OneRoster CSV files as people, organisations and roles. Pure but for reading; called by `roster import`.

Reads orgs.csv, users.csv and, where there is one, roles.csv (1.2, and Microsoft's variant); without it, the role and
organisations of users.csv (1.1). Columns are found by name, since exports differ in order and number. It hands on no
pupil's, guardian's or teacher's name: a user is part of a grant, and there is one only for a role of ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from schemas.school import Role, ScopeKind
from services.directory.tabular import Fault, find_header, open_text, probe, rows
from services.kit.outcome import PermanentError

ROLES: Mapping[tuple[str, ScopeKind], Role] = {
    ("principal", ScopeKind.SCHOOL): Role.PRINCIPAL,
    ("siteadministrator", ScopeKind.SCHOOL): Role.SCHOOL_LEAD,
    ("coach", ScopeKind.SCHOOL): Role.COACH,
    ("itadmin", ScopeKind.DISTRICT): Role.DISTRICT_TECHNOLOGY,
    ("systemadministrator", ScopeKind.DISTRICT): Role.DISTRICT_TECHNOLOGY,
}
"""(their role, where it is held) -> ours. A role gives power to approve, so only what is plain is mapped; the rest is
named in a roster file of our own. Source: facts.md 2.2, and our judgement, 2026-11-25."""
UNCONCERNED = frozenset(
    ("student", "teacher", "guardian", "parent", "relative", "aide", "counselor", "proctor", "officestaff")
) | {"paraprofessional"}
"""Roles that take no part in a rollout's decisions: counted, not reported."""
SCOPES: Mapping[str, ScopeKind] = {"school": ScopeKind.SCHOOL, "district": ScopeKind.DISTRICT}
"""Kinds of organisation that hold roles of ours."""

Row = tuple[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Org:
    """A school or district as the file has it."""

    sourced_id: str
    name: str
    scope_kind: ScopeKind | None
    """None: neither school nor district."""
    identifier: str
    """NCES or state id. Empty: none."""


@dataclass(frozen=True, slots=True)
class User:
    """A person: only for the restricted table."""

    sourced_id: str
    given_name: str
    family_name: str
    email: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of one user at one organisation, already in our words."""

    file: str
    line: int
    user: User
    org: Org
    role: Role
    granted: bool
    valid_from: date | None
    valid_until: date | None


@dataclass(slots=True)
class OneRoster:
    """What a folder holds for us."""

    source: str
    """The system it came from: sourced ids are its own."""
    grants: list[Grant] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unconcerned_count: int = 0
    """Roles that take no part."""


def read_folder(folder: Path, source: str | None = None) -> OneRoster:
    """Every role of ours in a folder, and the faults of rows that don't land. Blocks.

    `source`: the name of the system; None: as manifest.csv says. Raises PermanentError for a folder that is no
    OneRoster, or whose source nobody names.
    """
    orgs = {org.sourced_id: org for org in map(_org, _read(folder, "orgs.csv", ("sourcedid", "name", "type")))}
    found = OneRoster(source or _source(folder))
    users: dict[str, User] = {}
    inline: list[tuple[int, str, str, str]] = []
    for line, row in _checked(folder, "users.csv", ("sourcedid", "givenname", "familyname"), found):
        active = row.get("status", "").casefold() != "tobedeleted"
        enabled = active and row.get("enableduser", "").casefold() not in ("false", "0", "no")
        user = User(row["sourcedid"], row["givenname"], row["familyname"], row.get("email", ""), enabled)
        users[user.sourced_id] = user
        inline += [(line, user.sourced_id, row.get("role", ""), org) for org in _list(row.get("orgsourcedids", ""))]
    if (folder / "roles.csv").exists():
        for line, row in _checked(folder, "roles.csv", ("usersourcedid", "role", "orgsourcedid"), found):
            _take(found, ("roles.csv", line), row, users, orgs)
    else:
        for line, user_id, role, org in inline:
            row = {"usersourcedid": user_id, "role": role, "orgsourcedid": org}
            _take(found, ("users.csv", line), row, users, orgs)
    return found


def _take(
    found: OneRoster, place: tuple[str, int], row: Mapping[str, str], users: Mapping[str, User], orgs: Mapping[str, Org]
) -> None:
    file, line = place
    word = row["role"].casefold().replace(" ", "")
    if word in UNCONCERNED:
        found.unconcerned_count += 1
        return
    user, org = users.get(row["usersourcedid"]), orgs.get(row["orgsourcedid"])
    if user is None or org is None:
        column = "userSourcedId" if user is None else "orgSourcedId"
        found.faults.append(Fault(line, f"{file} {column}", "expected one that the folder describes"))
        return
    role = ROLES.get((word, org.scope_kind)) if org.scope_kind else None
    if role is None:
        where = org.scope_kind.value if org.scope_kind else "an organisation that is neither school nor district"
        known = ", ".join(sorted(f"{name} of a {kind.value}" for name, kind in ROLES))
        found.faults.append(Fault(line, f"{file} role", f"expected one of {known}", f"{row['role'][:40]} of {where}"))
        return
    try:
        days = [date.fromisoformat(row[key]) if row.get(key) else None for key in ("begindate", "enddate")]
    except ValueError:
        found.faults.append(Fault(line, f"{file} beginDate", "expected dates such as 2026-09-02"))
        return
    granted = user.enabled and row.get("status", "").casefold() != "tobedeleted"
    found.grants.append(Grant(file, line, user, org, role, granted, days[0], days[1]))


def _org(row: Row) -> Org:
    cells = row[1]
    return Org(cells["sourcedid"], cells["name"], SCOPES.get(cells["type"].casefold()), cells.get("identifier", ""))


def _source(folder: Path) -> str:
    """The system's code or name, which manifest.csv states."""
    stated: dict[str, str] = {}
    if (folder / "manifest.csv").exists():
        for _, row in _read(folder, "manifest.csv", ("propertyname", "value")):
            stated[row["propertyname"].casefold()] = row["value"]
    found = stated.get("source.systemcode") or stated.get("source.systemname")
    if not found:
        raise PermanentError(f"{folder}: expected source.systemCode in manifest.csv, seen none; name it with --source")
    return found


def _list(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",") if part.strip()]


def _read(folder: Path, name: str, required: tuple[str, ...]) -> Iterator[Row]:
    """The rows that can be read; the others are passed over."""
    yield from _checked(folder, name, required, OneRoster(""))


def _checked(folder: Path, name: str, required: tuple[str, ...], into: OneRoster) -> Iterator[Row]:
    """Rows by plain column names; a broken one becomes a fault that repeats nothing of it, since it may be a name."""
    path = folder / name
    if not path.is_file():
        raise PermanentError(f"{folder}: expected {name}, seen none; choose the folder that holds the OneRoster files")
    with open_text(probe(path)) as text:
        header = find_header(text, required[:1])
        absent = required if header is None else [key for key in required if key not in header.places]
        if header is None or absent:
            raise PermanentError(f"{path}: expected the columns {', '.join(required)}, missing {', '.join(absent)}")
        for entry in rows(text, header):
            if isinstance(entry, Fault):
                into.faults.append(Fault(entry.line, f"{name} {entry.column}".strip(), entry.reason))
                continue
            line, cells = entry
            yield line, {key: cells[place].strip() for key, place in header.places.items()}
