"""Who holds which role where, as opaque ids: reads a roster file, makes a rehearsal's stand-ins. Pure.

Called by the roster commands. It refuses a column it does not know, which is how names and addresses of people
stay out: they belong in a district's restricted tables.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import get_args

from schemas.school import STATE_ROLES, ActorId, Role, ScopeKind, mint_id
from services.directory.reconcile import KnownDistrict, KnownSchool
from services.directory.tabular import Fault, find_header, open_text, plain, probe, rows
from services.kit.outcome import PermanentError

COLUMNS = ("actor id", "role", "scope kind", "scope", "active", "valid from", "valid until", "stand in", "acting for")
REQUIRED = COLUMNS[:4]
_PATTERN = re.compile(str(get_args(ActorId)[1].pattern))
_YES, _NO = frozenset({"true", "yes", "1", "active", ""}), frozenset({"false", "no", "0", "inactive", "ended"})
DISTRICT_ROLES = (Role.DISTRICT_TECHNOLOGY, Role.DISTRICT_CURRICULUM, Role.PRIVACY_OFFICER, Role.HELP_DESK_LEAD)
SCHOOL_ROLES = (Role.PRINCIPAL, Role.SCHOOL_LEAD, Role.COACH)


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One role of one actor, its scope still as the file names it."""

    line: int
    actor_id: str
    role: Role
    scope_kind: ScopeKind
    scope: str
    granted: bool = True
    """False: the file ends the role."""
    valid_from: date | None = None
    """None: from the import on."""
    valid_until: date | None = None
    """The last day. None: no end is known."""
    stand_in: bool = False
    acting_for: str | None = None
    """None: held in their own right; otherwise a delegation, whose dates are both known."""

    def active_on(self, today: date) -> bool:
        """Whether the role is held on a day."""
        begun = self.valid_from is None or self.valid_from <= today
        return self.granted and begun and (self.valid_until is None or today <= self.valid_until)


def read_roster(path: Path) -> Iterator[RosterEntry | Fault]:
    """Every row of a roster file. Blocks; raises PermanentError for columns it lacks or does not know."""
    source = probe(path)
    with open_text(source) as text:
        header = find_header(text, ("actor id",))
        if header is None:
            raise PermanentError(f"{path}: expected a header with actor_id, role, scope_kind, scope; seen none")
        foreign = [name for name in header.names if plain(name) not in COLUMNS]
        if foreign:
            raise PermanentError(
                f"{path}: expected only the columns {', '.join(name.replace(' ', '_') for name in COLUMNS)}, seen "
                f"{', '.join(foreign)}; names and addresses of people stay out of the roster: remove the column"
            )
        absent = [name.replace(" ", "_") for name in REQUIRED if name not in header.places]
        if absent:
            raise PermanentError(f"{path}: expected the column {absent[0]}, seen {', '.join(header.names)}")
        for entry in rows(text, header):
            if isinstance(entry, Fault):
                yield entry
                continue
            line, cells = entry
            yield _entry(line, {name: cells[place].strip() for name, place in header.places.items()})


def _entry(line: int, row: dict[str, str]) -> RosterEntry | Fault:
    def fault(column: str, reason: str) -> Fault:
        seen = "" if column == "actor id" else row.get(column, "")[:80]  # a refused id may be somebody's name
        return Fault(line, column.replace(" ", "_"), reason, seen)

    if not _PATTERN.fullmatch(row["actor id"]):
        return fault("actor id", "expected an opaque id such as actor-7f3a, without a name")
    if row["role"] not in set(Role):
        return fault("role", f"expected one of {', '.join(Role)}")
    if row["scope kind"] not in (ScopeKind.SCHOOL, ScopeKind.DISTRICT, ScopeKind.STATE, ScopeKind.PROGRAM):
        return fault("scope kind", "expected school, district, state or program")
    if not row["scope"]:
        return fault("scope", "expected an id")
    flags: dict[str, bool] = {}
    for column, default in (("active", True), ("stand in", False)):
        word = row.get(column, "").casefold()
        if word not in _YES | _NO:
            return fault(column, "expected true or false")
        flags[column] = default if not word else word in _YES
    dates: dict[str, date | None] = {}
    for column in ("valid from", "valid until"):
        try:
            dates[column] = date.fromisoformat(row[column]) if row.get(column) else None
        except ValueError:
            return fault(column, "expected a date such as 2026-09-02")
    giver = row.get("acting for") or None
    if giver is not None and (not _PATTERN.fullmatch(giver) or giver == row["actor id"]):
        return Fault(line, "acting_for", "expected another actor's opaque id such as actor-7f3a")
    if giver is not None and (dates["valid from"] is None or dates["valid until"] is None):
        return fault("valid until", "expected the first and the last day of a delegation")
    return RosterEntry(
        line, row["actor id"], Role(row["role"]), ScopeKind(row["scope kind"]), row["scope"],
        flags["active"], dates["valid from"], dates["valid until"], flags["stand in"], giver,
    )  # fmt: skip


def stand_ins(districts: Sequence[KnownDistrict], schools: Sequence[KnownSchool]) -> list[RosterEntry]:
    """A rehearsal's actors: every role once for its scope, each a person of its own; the same scopes, the same ids."""
    entries = []
    for state in sorted({district.state for district in districts}):
        entries += [_stand_in(role, ScopeKind.STATE, state) for role in STATE_ROLES]
    for district in districts:
        entries += [_stand_in(role, ScopeKind.DISTRICT, district.district_id) for role in DISTRICT_ROLES]
    for school in schools:
        entries += [_stand_in(role, ScopeKind.SCHOOL, school.school_id) for role in SCHOOL_ROLES]
    return entries


def _stand_in(role: Role, kind: ScopeKind, scope: str) -> RosterEntry:
    opaque = mint_id("stand-in", f"{role}:{kind}:{scope}").replace("-", "")[:16]
    return RosterEntry(0, f"actor-{opaque}", role, kind, scope, stand_in=True)
