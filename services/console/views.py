"""What the projection answers: lists of schools, and one school found by whatever a person types.

Called by the commands, the report and the exporter. It reads one transaction's worth of the console's own tables
and writes nothing; what it says is as of the newest fact, and the workflow stays the arbiter.
"""

import json
from datetime import datetime

import asyncpg
from pydantic import BaseModel, ConfigDict

from schemas.decision import Outcome, Verdict
from schemas.fact import Picture
from schemas.school import GateId, Phase, ProgramId, Role, SchoolId, mint_id
from services.console.projection import verdict_of
from services.kit.database import Connection

CANDIDATES_MAX = 12
"""Schools listed when a name fits several. Our judgement, 2026-11-23."""
SIMULATED = "SIMULATED"


class Answer(BaseModel):
    """Something a command prints, as a table or as JSON."""

    model_config = ConfigDict(frozen=True)


class SchoolLine(Answer):
    """One school in one program, as lists show it."""

    notice: str | None
    """SIMULATED when imagined evidence has reached the program, else None."""
    program_id: ProgramId
    school_id: SchoolId
    school: str
    """Its public name; its id while the directory has not told it."""
    district_id: str | None
    district: str | None
    """None: neither the directory nor a fact has told it."""
    phase: Phase
    gate: GateId
    outcome: Outcome | None
    """Of the current gate. None: not decided yet."""
    failing: tuple[str, ...]
    """Hard criteria of the current gate that say no or have no evidence."""
    asked: Role | None
    asked_at: datetime | None
    answer_by: datetime | None
    phase_opened_at: datetime | None
    holds_count: int
    questioned: bool
    rehearsal: bool
    simulated: bool
    stopped: str | None
    """The reason. None: under way."""
    as_of: datetime
    """When its newest fact happened."""
    fact_sequence: int


class SchoolName(Answer):
    """A school of the directory."""

    school_id: SchoolId
    school: str
    district_id: str
    district: str


class PictureRow(Answer):
    """One row of the projection, read back."""

    picture: Picture
    policy_digest: str | None
    profile: str | None
    verdict: Verdict | None
    """Of the current phase's last decision. None: not decided yet."""


FAILING = ("unmet", "unknown", "stale")

_LINES = """
select * from (
    select p.*, coalesce(p.district_id, s.district_id) as place, s.name as school, s.district_name as district,
        bool_or(p.simulated) over (partition by p.program_id) as program_simulated
    from picture p left join school s using (school_id)
) line"""


def failing(verdict: str | None) -> tuple[str, ...]:
    """Hard criteria of a verdict's JSON that say no or have no evidence; soft ones shut no gate."""
    results = [] if verdict is None else json.loads(verdict)["results"]
    return tuple(each["criterion_id"] for each in results if each["severity"] == "hard" and each["status"] in FAILING)


def _line(row: asyncpg.Record) -> SchoolLine:
    picture = Picture.model_validate_json(row["body"])
    return SchoolLine(
        notice=SIMULATED if row["program_simulated"] else None,
        program_id=row["program_id"],
        school_id=row["school_id"],
        school=row["school"] or row["school_id"],
        district_id=row["place"],
        district=row["district"],
        phase=picture.phase,
        gate=picture.phase.gate,
        outcome=picture.outcome,
        failing=failing(row["verdict"]),
        asked=picture.asked,
        asked_at=picture.asked_at,
        answer_by=picture.answer_by,
        phase_opened_at=picture.phase_opened_at,
        holds_count=len(picture.holds),
        questioned=row["questioned"],
        rehearsal=row["rehearsal"],
        simulated=row["simulated"],
        stopped=picture.stopped,
        as_of=row["last_fact_at"],
        fact_sequence=picture.fact_sequence,
    )


async def school_lines(
    connection: Connection,
    *,
    program: str | None = None,
    district: str | None = None,
    phase: str | None = None,
    outcome: str | None = None,
    school_id: str | None = None,
    stopped: bool = False,
) -> list[SchoolLine]:
    """Schools under way, by district and name. `district` is an id or a fragment of its name; None: any.

    `outcome` may be `undecided`. `stopped` true includes schools that left their program.
    """
    rows = await _rows(connection, program, district, phase, outcome, school_id, stopped)
    return [_line(row) for row in rows]


async def lines_and_pictures(
    connection: Connection, *, program: str | None = None, district: str | None = None
) -> list[tuple[SchoolLine, PictureRow]]:
    """Schools under way, each with its row of the projection."""
    rows = await _rows(connection, program, district, None, None, None, stopped=False)
    return [(_line(row), _picture_row(row)) for row in rows]


async def _rows(
    connection: Connection,
    program: str | None,
    district: str | None,
    phase: str | None,
    outcome: str | None,
    school_id: str | None,
    stopped: bool,
) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"""{_LINES} where ($1::text is null or program_id = $1)
            and ($2::text is null or place = $2 or lower(district) like '%' || $7 || '%')
            and ($3::text is null or phase = $3) and ($4::text is null or coalesce(outcome, 'undecided') = $4)
            and ($5::text is null or school_id = $5) and ($6 or stopped is null or $5::text is not null)
        order by district nulls last, school nulls last, school_id, program_id""",
        program, district, phase, outcome, school_id, stopped, _pattern(district or ""),
    )  # fmt: skip


async def find_schools(connection: Connection, text: str) -> list[SchoolName]:
    """Schools a person may mean: by SchoolId, by NCES id, by whole name, else by fragment of name. Empty: none."""
    wanted = text.strip()
    identities = [wanted.lower(), mint_id("nces", wanted)]
    queries = (
        ("school_id = any($1::text[])", identities),
        ("lower(name) = $1", wanted.lower()),
        ("lower(name) like '%' || $1 || '%'", _pattern(wanted)),
        ("lower(name || ' ' || district_name) like '%' || replace($1, ' ', '%') || '%'", _pattern(wanted)),
    )
    for condition, argument in queries:
        rows = await connection.fetch(
            f"""select school_id, name, district_id, district_name from school where {condition}
            order by (select count(*) from picture p where p.school_id = school.school_id) desc, name, district_name
            limit {CANDIDATES_MAX + 1}""",  # noqa: S608  conditions of this function
            argument,
        )
        if rows:
            return [
                SchoolName(
                    school_id=row["school_id"], school=row["name"], district_id=row["district_id"],
                    district=row["district_name"],
                )
                for row in rows
            ]  # fmt: skip
    return await _unnamed(connection, wanted.lower())


async def _unnamed(connection: Connection, school_id: str) -> list[SchoolName]:
    """A school that facts know and the directory's copy does not, yet."""
    rows = await connection.fetch("select distinct school_id, district_id from picture where school_id = $1", school_id)
    return [
        SchoolName(
            school_id=row["school_id"], school=row["school_id"], district_id=row["district_id"] or "", district=""
        )
        for row in rows
    ]


def _pattern(text: str) -> str:
    return text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def picture_row(connection: Connection, program_id: str, school_id: str) -> PictureRow:
    """The projection's row of one rollout, which must exist."""
    row = await connection.fetchrow(
        "select * from picture where program_id = $1 and school_id = $2", program_id, school_id
    )
    assert row is not None, f"{program_id}/{school_id}: expected a picture"
    return _picture_row(row)


def _picture_row(row: asyncpg.Record) -> PictureRow:
    return PictureRow(
        picture=Picture.model_validate_json(row["body"]),
        policy_digest=row["policy_digest"],
        profile=row["profile"],
        verdict=verdict_of(row["verdict"]),
    )
