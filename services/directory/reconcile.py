"""Sets what files say against what the directory knows. Pure; called by the import, inside its transaction.

A school is found by its NCES id, current or former; a new id whose state and last five digits belong to exactly
one school is that school, moved. More than one is a collision: it is named, and the row does not land.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from schemas.school import SchoolLevel, SchoolStatus, mint_id
from services.directory.nces import DistrictRow, Parsed, SchoolRow
from services.directory.tabular import Fault

Row = TypeVar("Row", SchoolRow, DistrictRow)
NCES = "nces"
Kind = Literal["school", "district"]


@dataclass(frozen=True, slots=True)
class KnownSchool:
    """A school as the directory holds it."""

    school_id: str
    nces_id: str
    """The current one."""
    district_id: str
    state: str
    name: str
    status: SchoolStatus
    level: SchoolLevel
    students: int | None
    teachers: float | None
    state_school_id: str | None = None
    version: int = 0
    """0: not stored yet."""
    plan: tuple[tuple[str, str], ...] = ()
    """What its plan says, by field; sorted."""


@dataclass(frozen=True, slots=True)
class KnownDistrict:
    """A district as the directory holds it."""

    district_id: str
    nces_id: str
    state: str
    name: str
    status: SchoolStatus
    listed: bool
    """False: known only from schools that name it; a districts file then has the better name."""
    state_district_id: str | None = None
    version: int = 0


@dataclass(slots=True)
class Known:
    """All the directory holds about the states at hand."""

    schools: dict[str, KnownSchool] = field(default_factory=dict)
    """By SchoolId."""
    districts: dict[str, KnownDistrict] = field(default_factory=dict)
    """By DistrictId."""
    ids: dict[str, str] = field(default_factory=dict)
    """SchoolId by NCES id, former ones included."""


@dataclass(frozen=True, slots=True)
class AliasChange:
    """An id that begins or ends to name an entity."""

    kind: Kind
    entity_id: str
    id_system: str
    identifier: str
    begins: bool


@dataclass(slots=True)
class Counts:
    """What became of the rows, each counted once."""

    created: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    former: int = 0
    """Rows under an id that its school no longer goes by."""


@dataclass(slots=True)
class Outcome:
    """What shall be written, and what is to be said about it."""

    schools: dict[str, KnownSchool] = field(default_factory=dict)
    districts: dict[str, KnownDistrict] = field(default_factory=dict)
    aliases: list[AliasChange] = field(default_factory=list)
    school_counts: Counts = field(default_factory=Counts)
    district_counts: Counts = field(default_factory=Counts)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """By the file's path, as given."""
    notes: list[str] = field(default_factory=list)
    unmentioned_count: int = 0
    """Open schools of these states that a schools file did not name; they stay as they are."""


def state_system(state: str) -> str:
    """The id system of a state's own ids."""
    return f"state-{state.lower()}"


class Reconciliation:
    """Works through files in order: districts first, so that schools find them."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self.outcome = Outcome()
        self._districts = {district.nces_id: district for district in known.districts.values()}
        self._before = dict(known.districts)
        self._named_here: set[str] = set()

    def take(self, files: Iterable[Parsed]) -> Outcome:
        """The whole import's outcome. Never raises for what the files hold."""
        ordered = sorted(files, key=lambda parsed: parsed.kind)  # districts before schools
        for parsed in ordered:
            faults = self.outcome.faults.setdefault(str(parsed.source.path), [])
            faults.extend(parsed.faults)
            self.outcome.notes.extend(f"{parsed.source.path.name}: {note}" for note in parsed.notes)
            if parsed.kind == "districts":
                self._take_districts(parsed.districts, faults)
            else:
                self._take_schools(parsed, faults)
        self._follow_renamed_districts()
        for faults in self.outcome.faults.values():
            faults.sort(key=lambda fault: fault.line)
        return self.outcome

    # districts

    def _take_districts(self, rows: Sequence[DistrictRow], faults: list[Fault]) -> None:
        for row in _once(rows, faults, "NCES District ID"):
            seen = self._districts.get(row.nces_id)
            wanted = KnownDistrict(
                seen.district_id if seen else mint_id(NCES, row.nces_id), row.nces_id, row.state, row.name, row.status,
                True, row.state_district_id or (seen.state_district_id if seen else None), seen.version if seen else 0,
            )  # fmt: skip
            self._count(self.outcome.district_counts, seen, wanted)
            self._keep_district(seen, wanted)

    def _keep_district(self, seen: KnownDistrict | None, wanted: KnownDistrict) -> None:
        if seen == wanted:
            return
        if seen is None:
            self._begin("district", wanted.district_id, NCES, wanted.nces_id)
        self._swap_state_id(
            "district",
            wanted.district_id,
            wanted.state,
            seen.state_district_id if seen else None,
            wanted.state_district_id,
        )
        self._districts[wanted.nces_id] = wanted
        self._known.districts[wanted.district_id] = wanted
        self.outcome.districts[wanted.district_id] = wanted

    def _district_of(self, row: SchoolRow) -> str:
        seen = self._districts.get(row.district_nces_id)
        if seen is not None and (seen.listed or not row.district_name or seen.nces_id in self._named_here):
            return seen.district_id
        self._named_here.add(row.district_nces_id)
        wanted = KnownDistrict(
            seen.district_id if seen else mint_id(NCES, row.district_nces_id), row.district_nces_id, row.state,
            row.district_name or f"District {row.district_nces_id}", SchoolStatus.OPEN, False,
            seen.state_district_id if seen else row.state_district_id, seen.version if seen else 0,
        )  # fmt: skip
        if seen != wanted:
            self._count(self.outcome.district_counts, seen, wanted)
            self._keep_district(seen, wanted)
        return wanted.district_id

    # schools

    def _take_schools(self, parsed: Parsed, faults: list[Fault]) -> None:
        rows = _once(parsed.schools, faults, "NCES School ID")
        in_file = {row.nces_id: row for row in rows}
        by_tail: dict[tuple[str, str], list[str]] = defaultdict(list)
        for school in self._known.schools.values():
            by_tail[_tail(school.nces_id)].append(school.school_id)
        named: set[str] = set()
        # Closed rows first: where a file lists a moved school twice, the closed row is its former id. Then by id, so
        # that the order of rows means nothing.
        for row in sorted(rows, key=lambda row: (row.status is not SchoolStatus.CLOSED, row.nces_id)):
            school_id = self._find(row, in_file, by_tail[_tail(row.nces_id)], faults)
            if school_id is None:
                continue
            named.add(school_id)
            if school_id not in self._known.schools:
                by_tail[_tail(row.nces_id)].append(school_id)
            self._keep_school(row, school_id, parsed.carries)
        states = {row.state for row in rows}
        self.outcome.unmentioned_count += sum(
            school.state in states and school.status is SchoolStatus.OPEN and school.school_id not in named
            for school in self._known.schools.values()
        )

    def _find(self, row: SchoolRow, in_file: dict[str, SchoolRow], alike: list[str], faults: list[Fault]) -> str | None:
        """The school a row speaks of: known, moved or new. None: a former id's row, or a collision."""
        owner = self._known.ids.get(row.nces_id)
        if owner is not None:
            current = self._known.schools[owner].nces_id
            if current != row.nces_id and (current in in_file or row.status is SchoolStatus.CLOSED):
                self.outcome.school_counts.former += 1
                return None
            return owner
        free = [school_id for school_id in alike if _left(self._known.schools[school_id], in_file)]
        if len(free) > 1:
            others = ", ".join(sorted(self._known.schools[school_id].nces_id for school_id in free))
            faults.append(
                Fault(
                    row.line, "NCES School ID",
                    f"expected one school of {row.state} whose id ends in {row.nces_id[-5:]}, found {others}", row.nces_id,
                )
            )  # fmt: skip
            return None
        if free:
            return free[0]
        if alike:
            others = ", ".join(sorted(self._known.schools[school_id].nces_id for school_id in alike))
            self.outcome.notes.append(
                f"line {row.line}: {row.nces_id} shares its last five digits with {others}; kept as schools of their own"
            )
        return mint_id(NCES, row.nces_id)

    def _keep_school(self, row: SchoolRow, school_id: str, carries: frozenset[str]) -> None:
        seen = self._known.schools.get(school_id)
        wanted = KnownSchool(
            school_id=school_id,
            nces_id=row.nces_id,
            district_id=self._district_of(row),
            state=row.state,
            name=row.name,
            status=row.status,
            level=row.level if seen is None or "level" in carries else seen.level,
            students=row.students if seen is None or "students" in carries else seen.students,
            teachers=row.teachers if seen is None or "teachers" in carries else seen.teachers,
            state_school_id=row.state_school_id or (seen.state_school_id if seen else None),
            version=seen.version if seen else 0,
            plan=seen.plan if seen else (),
        )
        moved = seen is not None and (seen.nces_id != wanted.nces_id or seen.district_id != wanted.district_id)
        if seen and moved:
            self.outcome.school_counts.moved += 1
            self.outcome.notes.append(f"line {row.line}: {row.name} moved from {seen.nces_id} to {row.nces_id}")
        else:
            self._count(self.outcome.school_counts, seen, wanted)
        if seen == wanted:
            return
        if seen is None or seen.nces_id != wanted.nces_id:
            if seen:
                self._end("school", school_id, NCES, seen.nces_id)
            self._begin("school", school_id, NCES, wanted.nces_id)
            self._known.ids[wanted.nces_id] = school_id
        self._swap_state_id(
            "school", school_id, row.state, seen.state_school_id if seen else None, wanted.state_school_id
        )
        self._known.schools[school_id] = wanted
        self.outcome.schools[school_id] = wanted

    def _follow_renamed_districts(self) -> None:
        """A school's record shows its district's name, so a new name is a new version of each of its schools."""
        renamed = {
            district.district_id
            for district in self.outcome.districts.values()
            if (before := self._before.get(district.district_id)) is not None and before.name != district.name
        }
        if renamed:
            for school in self._known.schools.values():
                if school.district_id in renamed:
                    self.outcome.schools.setdefault(school.school_id, school)
        self.outcome.schools = {
            key: replace(school, version=school.version + 1) for key, school in self.outcome.schools.items()
        }
        self.outcome.districts = {
            key: replace(district, version=district.version + 1) for key, district in self.outcome.districts.items()
        }

    # ids

    def _begin(self, kind: Kind, entity_id: str, system: str, identifier: str) -> None:
        self.outcome.aliases.append(AliasChange(kind, entity_id, system, identifier, True))

    def _end(self, kind: Kind, entity_id: str, system: str, identifier: str) -> None:
        self.outcome.aliases.append(AliasChange(kind, entity_id, system, identifier, False))

    def _swap_state_id(self, kind: Kind, entity_id: str, state: str, seen: str | None, wanted: str | None) -> None:
        if seen == wanted:
            return
        if seen:
            self._end(kind, entity_id, state_system(state), seen)
        if wanted:
            self._begin(kind, entity_id, state_system(state), wanted)

    def _count(self, counts: Counts, seen: object | None, wanted: object) -> None:
        if seen is None:
            counts.created += 1
        elif seen == wanted:
            counts.unchanged += 1
        else:
            counts.changed += 1


def _tail(nces_id: str) -> tuple[str, str]:
    """What a school keeps when it moves: the state's two digits and its own last five."""
    return nces_id[:2], nces_id[-5:]


def _left(school: KnownSchool, in_file: dict[str, SchoolRow]) -> bool:
    """Whether a school may have left its id: the file doesn't name it, or calls it closed."""
    row = in_file.get(school.nces_id)
    return row is None or row.status is SchoolStatus.CLOSED


def _once(rows: Sequence[Row], faults: list[Fault], column: str) -> list[Row]:
    """The rows without those whose id an earlier row has: the first stands, the rest are named."""
    first: dict[str, Row] = {}
    for row in rows:
        before = first.setdefault(row.nces_id, row)
        if before is not row:
            faults.append(Fault(row.line, column, f"expected each id once, also on line {before.line}", row.nces_id))
    return list(first.values())
